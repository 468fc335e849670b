/* Invariants: of every published config the parameters are what its name or model card says, or it is refused
 * by the name of a feature; no key is ignored unseen; layers are of the kind that lists, patterns and
 * families say. */
#include <dirent.h>
#include <math.h>

#include "hf_read.h"

/* ---- published files ---- */

/* What names leave out; 0 = the name says it. Sources: the model cards. */
static const struct {
    const char *part;
    double      total_b, active_b, active_tolerance;
} cards[] = {
    {"Mixtral-8x7B", 46.7, 12.9, 0.05},    {"mixtral-8x7b", 46.7, 12.9, 0.05},
    {"llama-4-scout", 109.0, 17.0, 0.06}, /* Meta counts the embedding as active */
    {"Llama-4-Scout", 109.0, 17.0, 0.06},  {"Llama-4-Maverick", 400.0, 17.0, 0.06},
    {"DeepSeek-R1", 671.0, 37.0, 0.05},    {"DeepSeek-V3", 671.0, 37.0, 0.05},
    {"Kimi-K2", 1026.0, 32.0, 0.05},       {"GLM-5", 744.0, 40.0, 0.05},
    {"glm-5.2", 744.0, 40.0, 0.05},        {"MiMo-V2-Flash", 309.0, 15.0, 0.05},
    {"Step-3.7-Flash", 196.0, 11.0, 0.07}, /* counts the embedding as active */
    {"MiniMax-M2.5", 229.0, 10.0, 0.05},   {"gpt-oss-120b", 117.0, 5.1, 0.05},
    {"mistral-nemo", 12.2, 12.2, 0.05},    {"Gemma-4-26B-A4B", 25.2, 3.8, 0.05},
    {"Qwen3-VL-2B", 1.72, 1.72, 0.05}, /* without the vision tower */
    {"Qwen3-1.7B", 1.72, 1.72, 0.05},      {"Qwen3-32B", 32.8, 32.8, 0.05},
    {"Qwen3-VL-32B", 32.8, 32.8, 0.05},    {"Qwen3-8B", 8.2, 8.2, 0.05},
    {"Qwen3-VL-8B", 8.2, 8.2, 0.05},       {"Qwen3-30B-A3B", 30.5, 3.0, 0.05},
    {"qwen3-30b-a3b", 30.5, 3.0, 0.05},    {"Qwen3-VL-30B-A3B", 30.5, 3.0, 0.05},
    {"qwen2.5-7b", 7.61, 7.61, 0.05},      {"llama-2-7b", 6.74, 6.74, 0.05},
};

/* "235B-A22B" of a name, in 10^9; false if there is none. */
static bool counts_of_name(const char *name, double *total_b, double *active_b)
{
    for (const char *c = name; *c != '\0'; c++) {
        char *end = NULL;
        if (c == name || c[-1] != '-' || *c < '0' || *c > '9') {
            continue;
        }
        *total_b = strtod(c, &end);
        if (*end != 'B' && *end != 'b') {
            continue;
        }
        *active_b = *total_b;
        if (end[1] == '-' && (end[2] == 'A' || end[2] == 'a')) {
            *active_b = strtod(end + 3, NULL);
        }
        return true;
    }
    return false;
}

static ws_json_doc *parse_file(ws_files *files, const char *path)
{
    ws_bytes     bytes;
    ws_json_doc *doc = NULL;
    if (!ws_files_has(files, path)) {
        return NULL;
    }
    assert_int_equal(ws_files_read(files, path, NULL, &bytes), WS_OK);
    assert_int_equal(ws_json_doc_parse(path, bytes.data, bytes.len, NULL, &doc), WS_OK);
    return doc;
}

static hf_outcome *read_file(const char *folder, const char *file)
{
    char        config[2048], quant[2048];
    hf_outcome *out   = calloc(1, sizeof(*out));
    ws_files   *files = NULL;
    const int   stem  = (int)(strstr(file, "_config.json") - file);
    snprintf(config, sizeof(config), "%s/%s", folder, file);
    snprintf(quant, sizeof(quant), "%s/%.*s_hf_quant_config.json", folder, stem, file);
    assert_int_equal(ws_files_create(&files), WS_OK);
    ws_json_doc *doc = parse_file(files, config), *beside = parse_file(files, quant);
    assert_non_null(doc);
    out->status =
        ws_hf_config_read(ws_json_doc_root(doc), beside != NULL ? ws_json_doc_root(beside) : WS_JSON_NONE,
                          false, &out->err, &out->notes, &out->arch);
    ws_json_doc_destroy(&doc);
    ws_json_doc_destroy(&beside);
    ws_files_destroy(&files);
    return out;
}

static void check_counts(const char *file, const hf_outcome *out)
{
    double total_b = 0.0, active_b = 0.0, tolerance = 0.05;
    bool   is_known = counts_of_name(file, &total_b, &active_b);
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        if (strstr(file, cards[i].part) != NULL) {
            total_b   = cards[i].total_b;
            active_b  = cards[i].active_b;
            tolerance = cards[i].active_tolerance;
            is_known  = true;
            break;
        }
    }
    if (!is_known) {
        fail_msg("%s: no number of parameters in its name: add what its card says", file);
    }
    const ws_parameter_count n = ws_arch_parameters(&out->arch);
    if (fabs((double)n.total / 1e9 - total_b) > 0.02 * total_b ||
        fabs((double)n.active / 1e9 - active_b) > tolerance * active_b) {
        fail_msg("%s: expected %.4g of %.4g billion parameters active, found %.4g of %.4g", file, active_b,
                 total_b, (double)n.active / 1e9, (double)n.total / 1e9);
    }
}

static void test_published_configs(void **state)
{
    (void)state;
    char folder[1024];
    snprintf(folder, sizeof(folder), "%s/data/hf_configs", getenv("WS_SHARED_DIR"));
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        print_message("SKIPPED: no published configs in %s\n", folder);
        exit(77);
    }
    size_t n_read = 0, n_refused = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *file = entry->d_name;
        if (strstr(file, "_config.json") == NULL || strstr(file, "_hf_quant_config.json") != NULL) {
            continue;
        }
        hf_outcome *out = read_file(folder, file);
        if (out->status == WS_OK) {
            check_counts(file, out);
            n_read++;
        } else {
            assert_int_equal(out->status, WS_ERR_INPUT);
            if (strstr(ws_error_text(&out->err), "not modelled: ") == NULL) {
                fail_msg("%s: refused without naming a feature: %s", file, ws_error_text(&out->err));
            }
            n_refused++;
        }
        hf_free(out);
    }
    closedir(dir);
    assert_true(n_read >= 44 && n_refused <= 2); /* DeepSeek-V4's two */
}

/* ---- keys ---- */

#define SMALL(more)                                                                                          \
    "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_hidden_layers\": 4, \"num_attention_heads\": 4," \
    " \"vocab_size\": 1000, \"max_position_embeddings\": 128, \"intermediate_size\": 128" more "}"

static void test_a_key_that_is_not_understood_is_named(void **state)
{
    (void)state;
    hf_expect_refusal(SMALL(", \"block_sparse_stride\": 8"),
                      "/block_sparse_stride: \"block_sparse_stride\": not modelled");
    hf_outcome *out = hf_read_text(SMALL(", \"block_sparse_stride\": 8"), true);
    assert_int_equal(out->status, WS_OK);
    assert_string_equal(ws_strbuf_text(&out->notes), "\"block_sparse_stride\" is left out: not modelled\n");
    hf_free(out);
    /* null, false, 0 and what is empty say nothing */
    hf_free(hf_read_good(SMALL(", \"a\": null, \"b\": false, \"c\": 0, \"d\": [], \"e\": \"\", \"f\": {}")));
    /* and what is known to be without effect may say anything */
    hf_free(hf_read_good(
        SMALL(", \"rope_scaling\": {\"factor\": 8}, \"bos_token_id\": 1, \"initializer_range\": 0.02")));
}

static void test_missing_and_impossible_values(void **state)
{
    (void)state;
    hf_expect_refusal("[1]", "expected a model config (object)");
    hf_expect_refusal("{\"hidden_size\": 64}", "expected a model_type");
    hf_expect_refusal("{\"model_type\": \"lama\"}", "unknown model_type \"lama\", did you mean \"llama\"?");
    hf_expect_refusal("{\"model_type\": \"deepseek_v4\"}", "not modelled: compressed sparse attention");
    hf_expect_refusal("{\"model_type\": \"llama\", \"hidden_size\": 64}", "missing key \"vocab_size\"");
    hf_expect_refusal(SMALL(", \"num_key_value_heads\": 0"), "/num_key_value_heads");
    hf_expect_refusal(SMALL(", \"num_key_value_heads\": 1e30"), "/num_key_value_heads");
    hf_expect_refusal(SMALL(", \"num_local_experts\": 4, \"num_experts_per_tok\": 5"),
                      "1 to 4 experts per token");
    hf_expect_refusal(SMALL(", \"layer_types\": [\"full_attention\"]"), "a list with an entry per layer (4)");
    hf_expect_refusal(SMALL(", \"layer_types\": [\"full_attention\", \"odd\", \"odd\", \"odd\"]"),
                      "layers of type \"odd\": not modelled");
}

/* ---- layers ---- */

static void expect_kinds(const char *text, const char *expected)
{
    static const char letters[WS_ATTENTION_COUNT] = {'-', 'f', 's', 'c', 'm', 'd', 'M'};
    hf_outcome       *out                         = hf_read_good(text);
    char              found[WS_ARCH_LAYERS_MAX + 1];
    for (int64_t i = 0; i < out->arch.n_layers; i++) {
        const ws_block *block = ws_arch_block(&out->arch, i);
        found[i]              = letters[block->attention.kind];
        if (block->mlp.n_experts > 0) {
            found[i] = (char)(found[i] - 'a' + 'A'); /* capitals have experts */
        }
    }
    found[out->arch.n_layers] = '\0';
    assert_string_equal(found, expected);
    hf_free(out);
}

#define SHAPE(type, n)                                                                                       \
    "\"model_type\": \"" type "\", \"hidden_size\": 64, \"num_hidden_layers\": " n                           \
    ", \"num_attention_heads\": 4, \"vocab_size\": 1000, \"max_position_embeddings\": 128, "                 \
    "\"intermediate_size\": 128"

static void test_windows_are_where_families_have_them(void **state)
{
    (void)state;
    expect_kinds("{" SHAPE("mistral", "3") ", \"sliding_window\": 32}", "sss");
    expect_kinds("{" SHAPE("mistral", "3") ", \"sliding_window\": null}", "fff");
    expect_kinds("{" SHAPE("gemma2", "4") ", \"sliding_window\": 32}", "sfsf");
    expect_kinds("{" SHAPE("gemma3_text", "7") ", \"sliding_window\": 32}", "sssssfs");
    expect_kinds("{" SHAPE("gemma3_text", "4") ", \"sliding_window\": 32, \"sliding_window_pattern\": 2}",
                 "sfsf");
    expect_kinds("{" SHAPE("qwen2", "4") ", \"sliding_window\": 32, \"max_window_layers\": 2}", "ffff");
    expect_kinds("{" SHAPE("qwen2", "4") ", \"sliding_window\": 32, \"max_window_layers\": 2,"
                                         " \"use_sliding_window\": true}",
                 "ffss");
    expect_kinds("{" SHAPE("llama", "2") ", \"layer_types\": [\"sliding_attention\", \"full_attention\"],"
                                         " \"sliding_window\": 8}",
                 "sf");
    expect_kinds("{" SHAPE("qwen3_next", "4") ", \"linear_num_value_heads\": 4, \"linear_num_key_heads\": 2,"
                                              " \"linear_key_head_dim\": 8, \"linear_value_head_dim\": 8,"
                                              " \"linear_conv_kernel_dim\": 4}",
                 "dddf");
}

#define EXPERTS ", \"num_experts\": 8, \"num_experts_per_tok\": 2, \"moe_intermediate_size\": 16"

static void test_experts_are_where_keys_say(void **state)
{
    (void)state;
    expect_kinds("{" SHAPE("qwen3_moe", "4") EXPERTS "}", "FFFF");
    expect_kinds("{" SHAPE("qwen3_moe", "4") EXPERTS ", \"mlp_only_layers\": [0, 3]}", "fFFf");
    expect_kinds("{" SHAPE("qwen3_moe", "4") EXPERTS ", \"decoder_sparse_step\": 2}", "fFfF");
    expect_kinds("{" SHAPE("deepseek_v3", "4") EXPERTS ", \"first_k_dense_replace\": 3}", "fffF");
    expect_kinds("{" SHAPE("mimo_v2_flash", "4") EXPERTS ", \"moe_layer_freq\": [0, 1, 0, 1],"
                                                         " \"hybrid_layer_pattern\": [0, 1, 1, 0],"
                                                         " \"sliding_window\": 16}",
                 "fSsF");
    expect_kinds("{" SHAPE("step3p7", "4") EXPERTS ", \"moe_layers_enum\": \"1,2\"}", "fFFf");
    expect_kinds("{\"model_type\": \"llama4\", \"vision_config\": {}, \"text_config\": {"
                 "\"model_type\": \"llama4_text\", \"hidden_size\": 64, \"num_hidden_layers\": 8,"
                 " \"num_attention_heads\": 4, \"max_position_embeddings\": 128, \"intermediate_size\": 32,"
                 " \"intermediate_size_mlp\": 128, \"num_local_experts\": 4, \"num_experts_per_tok\": 1,"
                 " \"interleave_moe_layer_step\": 2}}",
                 "cCcFcCcF");
}

/* Nemotron-H: one mixer per layer. */
static void test_a_pattern_of_letters(void **state)
{
    (void)state;
    static const char text[] =
        "{" SHAPE("nemotron_h", "4") ", \"hybrid_override_pattern\": \"M-*-\", \"mamba_num_heads\": 8,"
                                     " \"mamba_head_dim\": 16, \"ssm_state_size\": 32, \"n_groups\": 2}";
    expect_kinds(text, "M-f-");
    hf_outcome *out = hf_read_good(text);
    /* Mamba: in 64*(128 + 128 + 2*2*32 + 8), out 128*64, convolution (128 + 128)*5, 3*8, norm 128; attention
     * 4*64*64; two MLPs of 2*64*128; a norm each; ends 2*1000*64 + 64 */
    const int64_t mamba = 64 * (128 + 256 + 8) + 128 * 64 + 256 * 5 + 24 + 128;
    assert_int_equal(ws_arch_parameters(&out->arch).total, mamba + 16384 + 2 * 16384 + 4 * 64 + 128064);
    hf_free(out);
    hf_expect_refusal("{" SHAPE("nemotron_h", "2") ", \"hybrid_override_pattern\": \"*X\"}",
                      "a layer 'X': not modelled");
}

/* A pruned model: blocks one by one. 2 * 3.0 * 64 / 3 = 128 rounds up to 256. */
static void test_blocks_of_a_pruned_model(void **state)
{
    (void)state;
    static const char text[] = "{" SHAPE(
        "nemotron-nas", "2") ", \"block_configs\": ["
                             "{\"attention\": {\"n_heads_in_group\": 2}, \"ffn\": {\"ffn_mult\": 3.0}},"
                             "{\"attention\": {\"no_op\": true}, \"ffn\": {\"ffn_mult\": 3.0}}]}";
    hf_outcome *out = hf_read_good(text);
    assert_int_equal(ws_arch_block(&out->arch, 0)->attention.n_kv_heads, 2);
    assert_int_equal(ws_arch_block(&out->arch, 0)->mlp.intermediate_size, 256);
    assert_int_equal(ws_arch_block(&out->arch, 1)->attention.kind, WS_ATTENTION_NONE);
    hf_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_key_that_is_not_understood_is_named),
                                       cmocka_unit_test(test_missing_and_impossible_values),
                                       cmocka_unit_test(test_windows_are_where_families_have_them),
                                       cmocka_unit_test(test_experts_are_where_keys_say),
                                       cmocka_unit_test(test_a_pattern_of_letters),
                                       cmocka_unit_test(test_blocks_of_a_pruned_model),
                                       cmocka_unit_test(test_published_configs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
