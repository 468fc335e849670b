/* Invariants: what a checkpoint lists is left as it is, under whichever of its names; all else has the
 * weights of its format, scales included; an unknown format is refused by name. */
#include <math.h>

#include "hf_read.h"

#define MODEL(quant)                                                                                         \
    "{\"model_type\": \"qwen3_moe\", \"hidden_size\": 256, \"num_hidden_layers\": 2, "                       \
    "\"num_attention_heads\": 4,"                                                                            \
    " \"vocab_size\": 1024, \"max_position_embeddings\": 128, \"head_dim\": 64, \"num_experts\": 8,"         \
    " \"num_experts_per_tok\": 2, \"moe_intermediate_size\": 128, \"quantization_config\": " quant "}"

/* Bytes of the weights of a matrix, of one layer. */
static ws_number_format format(const hf_outcome *out, int64_t layer, ws_matrix_kind kind)
{
    return ws_arch_format(&out->arch, layer, kind, WS_DTYPE_BFLOAT16);
}

static void expect_format(const char *quant, double bits, ws_dtype compute)
{
    hf_outcome            *out = hf_read_good(quant);
    const ws_number_format f   = format(out, 1, WS_MATRIX_Q);
    if (fabs(f.weight_bits + f.scale_bits - bits) > 1e-9 || f.compute != compute) {
        fail_msg("%s: expected %g bits in type %d, found %g in %d", quant, bits, (int)compute,
                 f.weight_bits + f.scale_bits, (int)f.compute);
    }
    hf_free(out);
}

static void test_formats(void **state)
{
    (void)state;
    expect_format(MODEL("{\"quant_method\": \"fp8\"}"), 8.0, WS_DTYPE_FP8);
    expect_format(MODEL("{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"), 8.0 + 32.0 / 16384,
                  WS_DTYPE_FP8);
    expect_format(MODEL("{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128}"), 4.0 + 20.0 / 128,
                  WS_DTYPE_BFLOAT16);
    expect_format(MODEL("{\"quant_method\": \"gptq\", \"bits\": 8, \"group_size\": 64}"), 8.0 + 16.0 / 64,
                  WS_DTYPE_BFLOAT16);
    expect_format(MODEL("{\"quant_method\": \"mxfp4\"}"), 4.25, WS_DTYPE_BFLOAT16);
    expect_format(MODEL("{\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\", \"group_size\": 16}"),
                  4.5, WS_DTYPE_COUNT);
    expect_format(MODEL("{\"quant_algo\": \"FP8\"}"), 8.0, WS_DTYPE_FP8);
    expect_format(MODEL("{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"group_0\": {"
                        "\"weights\": {\"num_bits\": 8, \"type\": \"int\"},"
                        "\"input_activations\": {\"num_bits\": 8, \"type\": \"int\"}}}}"),
                  8.0, WS_DTYPE_INT8);
    expect_format(MODEL("{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"group_0\": {"
                        "\"weights\": {\"num_bits\": 4, \"type\": \"int\", \"group_size\": 128},"
                        "\"input_activations\": null}}}"),
                  4.0 + 20.0 / 128, WS_DTYPE_BFLOAT16);
}

static void test_unknown_formats_are_named(void **state)
{
    (void)state;
    hf_expect_refusal(MODEL("{\"quant_method\": \"hqq\"}"), "quantization \"hqq\": not modelled");
    hf_expect_refusal(MODEL("{\"quant_algo\": \"MIXED_PRECISION\"}"),
                      "quant_algo \"MIXED_PRECISION\": not modelled");
    hf_expect_refusal(MODEL("{\"quant_method\": \"gptq\", \"bits\": 3}"), "weights of 3 bits: not modelled");
    hf_expect_refusal(MODEL("{\"quant_method\": \"compressed-tensors\", \"config_groups\": {"
                            "\"group_0\": {\"weights\": {\"num_bits\": 8, \"type\": \"float\"}},"
                            "\"group_1\": {\"weights\": {\"num_bits\": 4, \"type\": \"int\"}}}}"),
                      "weights of several formats");
    hf_expect_refusal(MODEL("7"), "expected an object");
}

static bool is_quantised(const hf_outcome *out, int64_t layer, ws_matrix_kind kind)
{
    return format(out, layer, kind).is_quantized;
}

static void test_norms_embedding_head_and_router_are_never_quantised(void **state)
{
    (void)state;
    hf_outcome *out = hf_read_good(MODEL("{\"quant_method\": \"fp8\"}"));
    assert_false(is_quantised(out, 0, WS_MATRIX_NORM) || is_quantised(out, 0, WS_MATRIX_QK_NORM) ||
                 is_quantised(out, 0, WS_MATRIX_ROUTER) || is_quantised(out, -1, WS_MATRIX_EMBEDDING) ||
                 is_quantised(out, -1, WS_MATRIX_LM_HEAD));
    assert_true(is_quantised(out, 0, WS_MATRIX_O) && is_quantised(out, 0, WS_MATRIX_EXPERT_DOWN));
    hf_free(out);
}

static void expect_left(const char *entry, bool q_0, bool q_1, bool experts_0)
{
    char text[2048];
    snprintf(text, sizeof(text), MODEL("{\"quant_method\": \"fp8\", \"ignore\": [\"%s\"]}"), entry);
    hf_outcome *out = hf_read_good(text);
    if (is_quantised(out, 0, WS_MATRIX_Q) == q_0 || is_quantised(out, 1, WS_MATRIX_Q) == q_1 ||
        is_quantised(out, 0, WS_MATRIX_EXPERT_UP) == experts_0) {
        fail_msg("\"%s\": expected %d %d %d left as they are, found %d %d %d", entry, q_0, q_1, experts_0,
                 !is_quantised(out, 0, WS_MATRIX_Q), !is_quantised(out, 1, WS_MATRIX_Q),
                 !is_quantised(out, 0, WS_MATRIX_EXPERT_UP));
    }
    hf_free(out);
}

static void test_lists_of_modules(void **state)
{
    (void)state;
    expect_left("model.layers.0.self_attn.q_proj", true, false, false);
    expect_left("model.layers.0.self_attn*", true, false, false);
    expect_left("model.layers.*.self_attn", true, true, false);
    expect_left("model.language_model.layers.1.self_attn*", false, true, false);
    expect_left("language_model.model.layers.0.mlp.experts", false, false, true);
    expect_left("model.layers.0*", true, false, true);
    expect_left("re:.*self_attn.*", true, true, false);
    expect_left("re:model\\\\.layers\\\\.\\\\d+\\\\.mlp\\\\.experts.*", false, false, true);
    expect_left("self_attn", true, true, false);
    /* of other towers, of layers that are not there, of what is never quantised */
    expect_left("vision_model.model.layers.0.self_attn.q_proj", false, false, false);
    expect_left("model.layers.2*", false, false, false);
    expect_left("lm_head", false, false, false);
    expect_left("model.layers.0.mlp.gate", false, false, false);
}

static void test_the_cache_a_checkpoint_asks_for(void **state)
{
    (void)state;
    hf_outcome *fp8 = hf_read_good(MODEL("{\"quant_algo\": \"FP8\", \"kv_cache_quant_algo\": \"FP8\"}"));
    hf_outcome *bits =
        hf_read_good(MODEL("{\"quant_algo\": \"FP8\", \"kv_cache_scheme\": {\"num_bits\": 8}}"));
    hf_outcome *none = hf_read_good(MODEL("{\"quant_method\": \"fp8\", \"kv_cache_scheme\": null}"));
    assert_int_equal(fp8->arch.kv_cache_dtype, WS_DTYPE_FP8);
    assert_int_equal(bits->arch.kv_cache_dtype, WS_DTYPE_FP8);
    assert_int_equal(none->arch.kv_cache_dtype, WS_DTYPE_COUNT);
    hf_free(fp8);
    hf_free(bits);
    hf_free(none);
}

/* Weights by hand: q, o 256*256 each, k, v as q (4 heads of 64), experts 8*3*256*128, twice; what stays:
 * norms, router, ends. */
static void test_bytes_of_a_quantised_model(void **state)
{
    (void)state;
    hf_outcome         *out   = hf_read_good(MODEL("{\"quant_method\": \"fp8\"}"));
    const ws_rank_share whole = ws_rank_share_whole(&out->arch);
    const double        fp8   = 2.0 * (4 * 65536 + 8 * 3 * 256 * 128);
    const double        rest  = 2.0 * (2 * (2 * 256 + 2 * 64 + 256 * 8) + 2 * 1024 * 256 + 256);
    assert_true(fabs(ws_arch_weight_bytes_of(&out->arch, &whole, WS_DTYPE_BFLOAT16, WS_QUANT_FP8) - fp8) <
                0.5);
    assert_true(fabs(ws_arch_weight_bytes_of(&out->arch, &whole, WS_DTYPE_BFLOAT16, WS_QUANT_NONE) - rest) <
                0.5);
    assert_true(fabs(ws_arch_weight_bytes(&out->arch, &whole, WS_DTYPE_BFLOAT16) - fp8 - rest) < 0.5);
    hf_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_unknown_formats_are_named),
        cmocka_unit_test(test_norms_embedding_head_and_router_are_never_quantised),
        cmocka_unit_test(test_lists_of_modules),
        cmocka_unit_test(test_the_cache_a_checkpoint_asks_for),
        cmocka_unit_test(test_bytes_of_a_quantised_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
