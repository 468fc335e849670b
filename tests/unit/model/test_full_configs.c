/* Invariant: a full Hugging Face config, dozens of foreign keys and all, reads like our short file of the
 * same model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/files.h"
#include "model/model.h"

enum { PATH_MAX_LEN = 1024 };

static ws_json_doc *parse_file(const char *path)
{
    ws_files    *files = NULL;
    ws_bytes     bytes;
    ws_json_doc *doc = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_read(files, path, NULL, &bytes), WS_OK);
    assert_int_equal(ws_json_doc_parse(path, bytes.data, bytes.len, NULL, &doc), WS_OK);
    ws_files_destroy(&files);
    return doc;
}

/* Read a model whose shape file lies at shape_path, with the bundled architecture of `type`. */
static ws_status read_model(const char *shape_path, const char *type, const char *name, ws_model *out)
{
    char arch_path[PATH_MAX_LEN];
    snprintf(arch_path, sizeof(arch_path), "%s/configs/model/arch/%s.json", getenv("WS_SOURCE_DIR"), type);
    ws_json_doc    *shape = parse_file(shape_path), *arch = parse_file(arch_path);
    ws_error        err    = WS_ERROR_INIT;
    const ws_status status = ws_model_read(name, ws_json_doc_root(shape), ws_json_doc_root(arch), &err, out);
    if (status != WS_OK) {
        print_error("%s\n", ws_error_text(&err));
    }
    ws_error_clear(&err);
    ws_json_doc_destroy(&shape);
    ws_json_doc_destroy(&arch);
    return status;
}

static ws_model bundled(const char *name, const char *type)
{
    char path[PATH_MAX_LEN];
    snprintf(path, sizeof(path), "%s/configs/model/%s.json", getenv("WS_SOURCE_DIR"), name);
    ws_model model;
    assert_int_equal(read_model(path, type, name, &model), WS_OK);
    return model;
}

static const struct {
    const char *name, *type;
} k_models[] = {
    {"meta-llama/Llama-3.1-8B", "llama"},
    {"meta-llama/Llama-3.1-70B", "llama"},
    {"Qwen/Qwen3-32B", "qwen3"},
    {"Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3_moe"},
    {"mistralai/Mixtral-8x7B-v0.1", "mixtral"},
    {"microsoft/Phi-mini-MoE-instruct", "phimoe"},
};

static void assert_same_shape(const ws_model *a, const ws_model *b)
{
    assert_string_equal(a->model_type, b->model_type);
    assert_int_equal(a->hidden_size, b->hidden_size);
    assert_int_equal(a->n_layers, b->n_layers);
    assert_int_equal(a->n_heads, b->n_heads);
    assert_int_equal(a->n_kv_heads, b->n_kv_heads);
    assert_int_equal(a->head_dim, b->head_dim);
    assert_int_equal(a->intermediate_size, b->intermediate_size);
    assert_int_equal(a->moe_intermediate_size, b->moe_intermediate_size);
    assert_int_equal(a->n_experts, b->n_experts);
    assert_int_equal(a->experts_per_token, b->experts_per_token);
    assert_int_equal(a->vocab_size, b->vocab_size);
    assert_int_equal(a->max_position_embeddings, b->max_position_embeddings);
    assert_int_equal(a->torch_dtype, b->torch_dtype);
    assert_int_equal(a->is_moe, b->is_moe);
}

static void full_configs_read_like_ours(void **state)
{
    (void)state;
    const char *shared = getenv("WS_SHARED_DIR");
    for (size_t i = 0; i < sizeof(k_models) / sizeof(k_models[0]); i++) {
        char path[PATH_MAX_LEN];
        snprintf(path, sizeof(path), "%s/data/model/%s.json", shared, k_models[i].name);
        const ws_model ours = bundled(k_models[i].name, k_models[i].type);
        ws_model       full;
        assert_int_equal(read_model(path, k_models[i].type, k_models[i].name, &full), WS_OK);
        assert_same_shape(&ours, &full);
    }
}

int main(void)
{
    const char *shared = getenv("WS_SHARED_DIR");
    char        path[PATH_MAX_LEN];
    snprintf(path, sizeof(path), "%s/data/model/Qwen/Qwen3-32B.json", shared != NULL ? shared : "");
    FILE *file = fopen(path, "r");
    if (file == NULL || getenv("WS_SOURCE_DIR") == NULL) {
        print_error("no full model configs at %s: skipped\n", path);
        return 77;
    }
    fclose(file);
    const struct CMUnitTest tests[] = {cmocka_unit_test(full_configs_read_like_ours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
