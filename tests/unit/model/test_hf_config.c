/* Invariants: no key is ignored unseen; layers are of the kind that lists, patterns and families say. */
#include "hf_read.h"

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
                                       cmocka_unit_test(test_blocks_of_a_pruned_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
