/* Invariants: the bundled models give the sizes of docs/model/serving.md 6.4 and 11.4; whatever is
 * missing or wrong in a file is named, all of it at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int64_t weight(const ws_model *model, ws_layer layer, int64_t parallel)
{
    return ws_model_layer_bytes(model, layer, 1, 0, parallel, 2).weight;
}

/* ---- sizes ---- */

static void llama_weights_of_the_worked_example(void **state)
{
    (void)state;
    const ws_model m = bundled("meta-llama/Llama-3.1-8B", "llama");
    assert_string_equal(m.name, "meta-llama/Llama-3.1-8B");
    assert_false(m.is_moe);
    assert_int_equal(m.n_experts, 1);
    assert_int_equal(m.torch_dtype, WS_DTYPE_BFLOAT16);
    assert_int_equal(weight(&m, WS_LAYER_EMBEDDING, 1), 1050673152);
    assert_int_equal(weight(&m, WS_LAYER_LM_HEAD, 1), 1050673152);
    assert_int_equal(weight(&m, WS_LAYER_LAYERNORM, 1), 8192);
    assert_int_equal(weight(&m, WS_LAYER_QKV_PROJ, 1), 50331648);
    assert_int_equal(weight(&m, WS_LAYER_O_PROJ, 1), 33554432);
    assert_int_equal(weight(&m, WS_LAYER_GATE_UP_PROJ, 1), 234881024);
    assert_int_equal(weight(&m, WS_LAYER_DOWN_PROJ, 1), 117440512);
    assert_int_equal(ws_model_rank_weight_bytes(&m, 1, 1, 1, 2), 16060522496);
    assert_int_equal(ws_model_rank_weight_bytes(&m, 2, 2, 1, 2), 4540604416);
    assert_int_equal(ws_model_kv_bytes_per_token(&m, 2), 131072);
    assert_int_equal(ws_model_kv_bytes_per_token(&m, 1), 65536);
}

/* Blocks of 16 tokens in 0.9 of 96 GiB: 36,578; docs/model/serving.md 11.4. */
static void llama_kv_blocks_of_the_worked_example(void **state)
{
    (void)state;
    const ws_model m         = bundled("meta-llama/Llama-3.1-8B", "llama");
    const int64_t  requested = (int64_t)((double)(96LL << 30) * 0.9);
    assert_int_equal(requested, 92771293593);
    assert_int_equal((requested - ws_model_rank_weight_bytes(&m, 1, 1, 1, 2)) /
                         (ws_model_kv_bytes_per_token(&m, 2) * 16),
                     36578);
}

/* tp 2, ep 2: W = 30,544,891,904; docs/model/serving.md 11.4. */
static void qwen_moe_weights_of_the_worked_example(void **state)
{
    (void)state;
    const ws_model m = bundled("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3_moe");
    assert_true(m.is_moe);
    assert_int_equal(m.n_experts, 128);
    assert_int_equal(m.experts_per_token, 8);
    assert_int_equal(m.moe_intermediate_size, 768);
    assert_int_equal(ws_model_rank_weight_bytes(&m, 2, 1, 2, 2), 30544891904);
    assert_int_equal(ws_model_kv_bytes_per_token(&m, 2) / 2, 49152);
}

/* Llama-3.1-8B at tp 2, 10 tokens, 2 bytes: heads 16, KV heads 4, q + 2 kd = 6144, F/p = 7168, V/p = 64128.
 */
static void activations_by_hand(void **state)
{
    (void)state;
    static const struct {
        ws_layer layer;
        int64_t  input, output;
    } k_expected[] = {
        {WS_LAYER_EMBEDDING, 40, 81920},
        {WS_LAYER_LAYERNORM, 81920, 81920},
        {WS_LAYER_QKV_PROJ, 81920, 10 * 3072 * 2},
        {WS_LAYER_ROTARY_EMB, 20 * 10 * 128 * 2, 20 * 10 * 128 * 2},
        {WS_LAYER_ATTENTION, 16 * 10 * 128 * 2 + 2 * 4 * 300 * 128 * 2, 16 * 10 * 128 * 2},
        {WS_LAYER_O_PROJ, 10 * 2048 * 2, 81920},
        {WS_LAYER_GATE_UP_PROJ, 81920, 2 * 10 * 7168 * 2},
        {WS_LAYER_ACT_FN, 2 * 10 * 7168 * 2, 10 * 7168 * 2},
        {WS_LAYER_DOWN_PROJ, 10 * 7168 * 2, 81920},
        {WS_LAYER_FINAL_LAYERNORM, 81920, 81920},
        {WS_LAYER_LM_HEAD, 81920, 10 * 64128 * 2},
        {WS_LAYER_SAMPLER, 10 * 64128 * 2, 40},
    };
    const ws_model m = bundled("meta-llama/Llama-3.1-8B", "llama");
    for (size_t i = 0; i < sizeof(k_expected) / sizeof(k_expected[0]); i++) {
        const ws_layer_bytes bytes = ws_model_layer_bytes(&m, k_expected[i].layer, 10, 300, 2, 2);
        if (bytes.input != k_expected[i].input || bytes.output != k_expected[i].output) {
            fail_msg("%s: got %lld in, %lld out", ws_layer_name(k_expected[i].layer), (long long)bytes.input,
                     (long long)bytes.output);
        }
    }
}

/* Qwen3-30B-A3B: q = 4096, kd = 512, D = 128; experts at ep 4: 2048*128*2 + 32*3*2048*768*2. */
static void moe_and_qk_norm_by_hand(void **state)
{
    (void)state;
    const ws_model       m    = bundled("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3_moe");
    const ws_layer_bytes norm = ws_model_layer_bytes(&m, WS_LAYER_QK_NORM, 3, 0, 2, 2);
    assert_int_equal(norm.input, 3 * 4608 / 2 * 2);
    assert_int_equal(norm.weight, 512);
    const ws_layer_bytes moe = ws_model_layer_bytes(&m, WS_LAYER_MOE, 3, 0, 4, 2);
    assert_int_equal(moe.input, 3 * 2048 * 2);
    assert_int_equal(moe.weight, 2048 * 128 * 2 + 32LL * 3 * 2048 * 768 * 2);
    assert_int_equal(moe.output, 3 * 2048 * 2);
}

static void layers_are_counted_over_the_whole_model(void **state)
{
    (void)state;
    const ws_model dense = bundled("Qwen/Qwen3-32B", "qwen3");
    const ws_model moe   = bundled("mistralai/Mixtral-8x7B-v0.1", "mixtral");
    assert_int_equal(ws_model_layer_count(&dense, WS_LAYER_EMBEDDING), 1);
    assert_int_equal(ws_model_layer_count(&dense, WS_LAYER_LAYERNORM), 128);
    assert_int_equal(ws_model_layer_count(&dense, WS_LAYER_QK_NORM), 64);
    assert_int_equal(ws_model_layer_count(&dense, WS_LAYER_MOE), 0);
    assert_int_equal(ws_model_layer_count(&moe, WS_LAYER_MOE), 32);
    assert_int_equal(ws_model_layer_count(&moe, WS_LAYER_DOWN_PROJ), 0);
    assert_int_equal(ws_model_mlp(&moe)->layers[0], WS_LAYER_MOE);
}

/* The largest model the reader takes must not overflow a weight sum. */
static void the_largest_model_fits_the_arithmetic(void **state)
{
    (void)state;
    const ws_model m        = {.hidden_size           = 1 << 17,
                               .n_layers              = 1 << 10,
                               .n_heads               = 1 << 12,
                               .n_kv_heads            = 1 << 12,
                               .head_dim              = 1 << 12,
                               .intermediate_size     = 1 << 20,
                               .moe_intermediate_size = 1 << 20,
                               .n_experts             = 1 << 12,
                               .vocab_size            = 1 << 24,
                               .is_moe                = true};
    const double   expected = 1024.0 * 4096.0 * 3.0 * 131072.0 * 1048576.0 * 4.0;
    const int64_t  got      = ws_model_rank_weight_bytes(&m, 1, 1, 1, 4);
    assert_true((double)got > expected && (double)got < 1.01 * expected);
}

/* ---- ranks ---- */

/* Weights of the whole model, each matrix once: counted from its shape, by no function of the program. */
static int64_t weights_once(const ws_model *m, int64_t b)
{
    const int64_t h = m->hidden_size, attention = h * m->head_dim * (2 * m->n_heads + 2 * m->n_kv_heads);
    const int64_t mlp = m->is_moe ? h * m->n_experts + m->n_experts * 3 * h * m->moe_intermediate_size
                                  : 3 * h * m->intermediate_size;
    return (2 * m->vocab_size * h + h + m->n_layers * (2 * h + attention + mlp)) * b;
}

static int64_t blocks_of_stage(const ws_model *m, int64_t pp, int64_t stage)
{
    return m->n_layers / pp + (stage < m->n_layers % pp);
}

/* Over all ranks of all stages. */
static int64_t weights_of_ranks(const ws_model *m, int64_t tp, int64_t pp, int64_t ep, int64_t b)
{
    int64_t sum = 0;
    for (int64_t stage = 0; stage < pp; stage++) {
        const ws_model_stage held = {.n_blocks = blocks_of_stage(m, pp, stage),
                                     .is_first = stage == 0,
                                     .is_last  = stage == pp - 1,
                                     .tp       = tp,
                                     .ep_total = ep};
        sum += tp * ws_model_stage_weight_bytes(m, &held, b);
    }
    return sum;
}

/* What several ranks have a copy of: norms, the router of experts, KV heads that are too few. */
static int64_t copies_of_ranks(const ws_model *m, int64_t tp, int64_t b)
{
    const int64_t h = m->hidden_size, repeated = tp > m->n_kv_heads ? tp - m->n_kv_heads : 0;
    const int64_t router = m->is_moe ? h * m->n_experts : 0;
    return (h + m->n_layers * (2 * h + router)) * (tp - 1) * b +
           m->n_layers * 2 * h * m->head_dim * repeated * b;
}

static void ranks_hold_the_whole_model(void **state)
{
    (void)state;
    static const char *const k_models[][2] = {{"meta-llama/Llama-3.1-8B", "llama"},
                                              {"meta-llama/Llama-3.1-70B", "llama"},
                                              {"Qwen/Qwen3-32B", "qwen3"},
                                              {"Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3_moe"},
                                              {"mistralai/Mixtral-8x7B-v0.1", "mixtral"}};
    for (size_t k = 0; k < sizeof(k_models) / sizeof(k_models[0]); k++) {
        const ws_model m = bundled(k_models[k][0], k_models[k][1]);
        for (int64_t tp = 1; tp <= 32; tp *= 2) {
            const ws_model ranked = ws_model_on_ranks(&m, tp);
            const int64_t  ep     = m.is_moe ? (tp < m.n_experts ? tp : m.n_experts) : 1;
            assert_int_equal(ranked.vocab_size, m.vocab_size); /* all are multiples of 64 */
            if (m.is_moe && tp > m.n_experts) {
                continue; /* more ranks than experts: not all of them hold any */
            }
            for (int64_t pp = 1; pp <= 7; pp++) {
                const int64_t sum = weights_of_ranks(&ranked, tp, pp, ep, 2);
                assert_int_equal(sum, weights_once(&m, 2) + copies_of_ranks(&m, tp, 2));
                assert_true(tp > 1 || sum == weights_once(&m, 2));
            }
            /* KV: each head once, or once on each rank */
            const int64_t once = ws_model_kv_bytes_per_token(&m, 2);
            assert_int_equal(ws_model_kv_bytes_per_token(&ranked, 2) * m.n_kv_heads,
                             once * (tp > m.n_kv_heads ? tp : m.n_kv_heads));
        }
    }
}

/* 50257 entries take the place of 50304, on one rank and on many. */
static void vocabularies_are_padded(void **state)
{
    (void)state;
    ws_model m   = bundled("meta-llama/Llama-3.1-8B", "llama");
    m.vocab_size = 50257;
    for (int64_t tp = 1; tp <= 8; tp *= 2) {
        const ws_model ranked = ws_model_on_ranks(&m, tp);
        assert_int_equal(ranked.vocab_size, 50304);
        assert_int_equal(tp * weight(&ranked, WS_LAYER_LM_HEAD, tp), 50304LL * 4096 * 2);
        assert_true(weights_of_ranks(&ranked, tp, 2, 1, 2) > weights_once(&m, 2));
    }
}

/* ---- reading ---- */

static const char k_arch[] =
    "{\"model_type\":\"t\",\"sequence\":{\"prologue\":[\"embedding\"],\"pre_attn\":[\"qkv_proj\","
    "\"attention\"],"
    "\"post_attn\":[\"o_proj\"],\"mlp_dense\":[\"act_fn\"],\"mlp_moe\":[],\"head\":[\"lm_head\"]}}";
static const char k_shape[] = "{\"model_type\":\"t\",\"hidden_size\":64,\"num_hidden_layers\":2,"
                              "\"num_attention_heads\":4,\"vocab_size\":100,\"max_position_embeddings\":128,";

/* Reads "<k_shape><more>" with an architecture text; the error text goes to buf. */
static ws_status read_texts(const char *more, const char *arch_text, char *buf, size_t cap, ws_model *out)
{
    char shape_text[1024];
    snprintf(shape_text, sizeof(shape_text), "%s%s", k_shape, more);
    ws_json_doc *shape = NULL, *arch = NULL;
    ws_error     err = WS_ERROR_INIT;
    assert_int_equal(ws_json_doc_parse("shape.json", shape_text, strlen(shape_text), &err, &shape), WS_OK);
    assert_int_equal(ws_json_doc_parse("arch.json", arch_text, strlen(arch_text), &err, &arch), WS_OK);
    const ws_status status = ws_model_read("m", ws_json_doc_root(shape), ws_json_doc_root(arch), &err, out);
    snprintf(buf, cap, "%s", ws_error_text(&err));
    ws_error_clear(&err);
    ws_json_doc_destroy(&shape);
    ws_json_doc_destroy(&arch);
    return status;
}

static void absent_keys_take_their_fallbacks(void **state)
{
    (void)state;
    ws_model m;
    char     text[2048];
    assert_int_equal(
        read_texts("\"ffn_dim\":256,\"num_key_value_heads\":null,\"head_dim\":null,\"torch_dtype\":\"x\"}",
                   k_arch, text, sizeof(text), &m),
        WS_OK);
    assert_int_equal(m.n_kv_heads, 4);
    assert_int_equal(m.head_dim, 16);
    assert_int_equal(m.intermediate_size, 256);
    assert_int_equal(m.moe_intermediate_size, 256);
    assert_int_equal(m.torch_dtype, WS_DTYPE_COUNT);
    assert_int_equal(m.experts_per_token, 1);
    assert_false(m.is_moe);
}

static void experts_per_token_are_clamped(void **state)
{
    (void)state;
    ws_model m;
    char     text[2048];
    char     arch[1024];
    snprintf(arch, sizeof(arch), "%s", k_arch);
    memcpy(strstr(arch, "\"mlp_moe\":[]"), "\"mlp_moe\":[\"moe\"],\"head\":[\"sampler\"]}}",
           sizeof("\"mlp_moe\":[\"moe\"],\"head\":[\"sampler\"]}}"));
    assert_int_equal(read_texts("\"intermediate_size\":256,\"num_local_experts\":4,\"num_experts\":8,"
                                "\"num_experts_per_tok\":6}",
                                arch, text, sizeof(text), &m),
                     WS_OK);
    assert_true(m.is_moe);
    assert_int_equal(m.n_experts, 4);
    assert_int_equal(m.experts_per_token, 4);
}

static void every_problem_is_named(void **state)
{
    (void)state;
    ws_model          m;
    char              text[2048];
    static const char k_bad[] = "{\"model_type\":\"t\",\"sequence\":{\"prologue\":[\"embeding\"],\"pre_"
                                "attn\":[\"attention\"],\"post_attn\":[],"
                                "\"mlp_dense\":[\"moe\"],\"mlp_moe\":[],\"head\":[3]}}";
    assert_int_equal(read_texts("\"head_dim\":-1,\"num_experts\":1.5}", k_bad, text, sizeof(text), &m),
                     WS_ERR_INPUT);
    static const char *const k_parts[] = {"shape.json", "intermediate_size", "/head_dim", "/num_experts"};
    for (size_t i = 0; i < sizeof(k_parts) / sizeof(k_parts[0]); i++) {
        assert_non_null(strstr(text, k_parts[i]));
    }
    assert_int_equal(read_texts("\"intermediate_size\":1}", k_bad, text, sizeof(text), &m), WS_ERR_INPUT);
    static const char *const k_arch_parts[] = {"arch.json: /sequence/prologue/0",
                                               "did you mean \"embedding\"?", "/sequence/mlp_dense/0",
                                               "/sequence/head/0"};
    for (size_t i = 0; i < sizeof(k_arch_parts) / sizeof(k_arch_parts[0]); i++) {
        assert_non_null(strstr(text, k_arch_parts[i]));
    }
}

static void architectures_must_fit_the_model(void **state)
{
    (void)state;
    ws_model    m;
    char        text[2048], arch[1024];
    const char *moe = "\"intermediate_size\":1,\"num_experts\":2}";
    assert_int_equal(read_texts(moe, k_arch, text, sizeof(text), &m), WS_ERR_INPUT); /* no expert layers */
    assert_non_null(strstr(text, "mlp_moe"));
    snprintf(arch, sizeof(arch), "%s", k_arch);
    strstr(arch, "\"t\"")[1] = 'u';
    assert_int_equal(read_texts("\"intermediate_size\":1}", arch, text, sizeof(text), &m), WS_ERR_INPUT);
    assert_non_null(strstr(text, "found \"u\""));
    assert_int_equal(read_texts("\"intermediate_size\":1}", "[]", text, sizeof(text), &m), WS_ERR_INPUT);
}

int main(void)
{
    if (getenv("WS_SOURCE_DIR") == NULL) {
        print_error("WS_SOURCE_DIR is not set: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_weights_of_the_worked_example),
        cmocka_unit_test(llama_kv_blocks_of_the_worked_example),
        cmocka_unit_test(qwen_moe_weights_of_the_worked_example),
        cmocka_unit_test(activations_by_hand),
        cmocka_unit_test(moe_and_qk_norm_by_hand),
        cmocka_unit_test(layers_are_counted_over_the_whole_model),
        cmocka_unit_test(the_largest_model_fits_the_arithmetic),
        cmocka_unit_test(ranks_hold_the_whole_model),
        cmocka_unit_test(vocabularies_are_padded),
        cmocka_unit_test(absent_keys_take_their_fallbacks),
        cmocka_unit_test(experts_per_token_are_clamped),
        cmocka_unit_test(every_problem_is_named),
        cmocka_unit_test(architectures_must_fit_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
