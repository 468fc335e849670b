/* Invariants: every size of a model follows from its matrices, and is what one works out by hand; ranks hold
 * the parts that a serving engine gives them; the parts of all ranks make the whole. Numbers by hand in the
 * comments. */
#include <math.h>

#include "hf_read.h"

/* DeepSeek-V3's shape with 4 layers, the first dense. */
static const char mla[] =
    "{\"model_type\": \"deepseek_v3\", \"hidden_size\": 7168, \"num_hidden_layers\": 4, \"vocab_size\": "
    "129280,"
    " \"max_position_embeddings\": 163840, \"num_attention_heads\": 128, \"num_key_value_heads\": 128,"
    " \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_nope_head_dim\": 128, \"qk_rope_head_dim\": 64,"
    " \"v_head_dim\": 128, \"intermediate_size\": 18432, \"first_k_dense_replace\": 1, \"n_routed_experts\": "
    "256,"
    " \"num_experts_per_tok\": 8, \"n_shared_experts\": 1, \"moe_intermediate_size\": 2048,"
    " \"tie_word_embeddings\": false}";

static void test_parameters_of_mla_and_experts_by_hand(void **state)
{
    (void)state;
    hf_outcome *out = hf_read_good(mla);
    /* attention: 7168*1536 + 1536 + 1536*128*192 + 7168*576 + 512 + 512*128*256 + 128*128*7168 */
    const int64_t attention = 11010048 + 1536 + 37748736 + 4128768 + 512 + 16777216 + 117440512;
    const int64_t norms     = 2 * 7168;
    const int64_t dense     = 3 * 7168 * 18432;
    const int64_t expert    = 3 * 7168 * 2048;
    const int64_t router    = 7168 * 256 + 256;
    const int64_t ends      = 129280LL * 7168;
    const int64_t total     = 4 * (attention + norms) + dense + 3 * (257 * expert + router) + 2 * ends + 7168;
    const int64_t active    = 4 * (attention + norms) + dense + 3 * (9 * expert + router) + ends + 7168;
    const ws_parameter_count n = ws_arch_parameters(&out->arch);
    assert_int_equal(n.total, total);
    assert_int_equal(n.active, active);
    assert_int_equal(n.embedding, ends);
    hf_free(out);
}

static void test_mla_keeps_one_latent_on_every_rank(void **state)
{
    (void)state;
    hf_outcome   *out   = hf_read_good(mla);
    ws_rank_share share = ws_rank_share_whole(&out->arch);
    /* (512 + 64) elements of 2 bytes in 4 layers, on one rank as on eight */
    assert_int_equal(ws_arch_kv_bytes_per_token(&out->arch, &share, WS_DTYPE_BFLOAT16), 4608);
    share.tp = 8;
    assert_int_equal(ws_arch_kv_bytes_per_token(&out->arch, &share, WS_DTYPE_BFLOAT16), 4608);
    assert_int_equal(ws_arch_kv_bytes_per_token(&out->arch, &share, WS_DTYPE_FP8), 2304);
    hf_free(out);
}

/* Gemma-3's shape with 6 layers: five see 1024 tokens, one sees all. */
static const char windows[] = "{\"model_type\": \"gemma3_text\", \"hidden_size\": 5376, "
                              "\"num_hidden_layers\": 6, \"num_attention_heads\": 32,"
                              " \"num_key_value_heads\": 16, \"head_dim\": 128, \"intermediate_size\": "
                              "21504, \"sliding_window\": 1024}";

static void test_windows_bound_what_a_request_keeps(void **state)
{
    (void)state;
    hf_outcome         *out   = hf_read_good(windows);
    const ws_rank_share share = ws_rank_share_whole(&out->arch);
    const int64_t       layer = 2 * 16 * 128 * 2; /* keys and values of a token */
    assert_int_equal(ws_arch_kv_bytes_per_token(&out->arch, &share, WS_DTYPE_BFLOAT16), 6 * layer);
    assert_int_equal(ws_arch_request_bytes(&out->arch, &share, 1000, WS_DTYPE_BFLOAT16, WS_DTYPE_BFLOAT16),
                     6 * 1000 * layer);
    /* 32768 tokens: five layers keep 1024, one keeps all */
    assert_int_equal(ws_arch_request_bytes(&out->arch, &share, 32768, WS_DTYPE_BFLOAT16, WS_DTYPE_BFLOAT16),
                     (5 * 1024 + 32768) * layer);
    hf_free(out);
}

/* Qwen3-Next's shape with 4 layers: three linear ones, one with heads. */
static const char linear[] =
    "{\"model_type\": \"qwen3_next\", \"hidden_size\": 2048, \"num_hidden_layers\": 4, \"vocab_size\": "
    "151936,"
    " \"max_position_embeddings\": 262144, \"num_attention_heads\": 16, \"num_key_value_heads\": 2,"
    " \"head_dim\": 256, \"attn_output_gate\": true, \"full_attention_interval\": 4, \"intermediate_size\": "
    "5120,"
    " \"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128,"
    " \"linear_value_head_dim\": 128, \"linear_conv_kernel_dim\": 4, \"tie_word_embeddings\": false}";

static void test_linear_layers_keep_a_state_of_constant_size(void **state)
{
    (void)state;
    hf_outcome         *out   = hf_read_good(linear);
    const ws_rank_share share = ws_rank_share_whole(&out->arch);
    const int64_t       token = 2 * 2 * 256 * 2; /* of the one layer with heads */
    /* 32 matrices of 128 by 128 floats of 4 bytes; 3 inputs of (32*128 + 2*16*128) channels of 2 bytes */
    const int64_t state_bytes = 32 * 128 * 128 * 4 + 3 * (4096 + 4096) * 2;
    assert_int_equal(ws_arch_kv_bytes_per_token(&out->arch, &share, WS_DTYPE_BFLOAT16), token);
    assert_int_equal(ws_arch_request_bytes(&out->arch, &share, 10, WS_DTYPE_BFLOAT16, WS_DTYPE_BFLOAT16),
                     10 * token + 3 * state_bytes);
    assert_int_equal(ws_arch_request_bytes(&out->arch, &share, 20, WS_DTYPE_BFLOAT16, WS_DTYPE_BFLOAT16),
                     20 * token + 3 * state_bytes);
    hf_free(out);
}

/* Grouped heads: with more ranks than KV heads each rank has one, so that the sum over ranks is more than the
 * whole. */
static void test_ranks_hold_parts_of_the_whole(void **state)
{
    (void)state;
    hf_outcome         *out   = hf_read_good(mla);
    const ws_rank_share whole = ws_rank_share_whole(&out->arch);
    const double        all   = ws_arch_weight_bytes(&out->arch, &whole, WS_DTYPE_BFLOAT16);
    assert_true(fabs(all - 2.0 * (double)ws_arch_parameters(&out->arch).total) < 1.0); /* 2 bytes each */

    /* Stages of a pipeline make the whole. */
    ws_rank_share first = whole, last = whole;
    first.n_layers     = 1;
    first.has_head     = false;
    last.first_layer   = 1;
    last.n_layers      = 3;
    last.has_embedding = false;
    assert_true(fabs(ws_arch_weight_bytes(&out->arch, &first, WS_DTYPE_BFLOAT16) +
                     ws_arch_weight_bytes(&out->arch, &last, WS_DTYPE_BFLOAT16) - all) < 1.0);

    /* 8 ranks by experts: 32 of 256 experts each, as with 8 parts of each expert. */
    ws_rank_share parts = whole, experts = whole;
    parts.tp   = 8;
    experts.tp = 8;
    experts.ep = 8;
    assert_true(fabs(ws_arch_weight_bytes(&out->arch, &parts, WS_DTYPE_BFLOAT16) -
                     ws_arch_weight_bytes(&out->arch, &experts, WS_DTYPE_BFLOAT16)) < 1.0);
    experts.tp                = 1; /* attention on every rank, experts divided */
    const double expert_bytes = 3.0 * 256 * 3 * 7168 * 2048 * 2;
    assert_true(fabs(ws_arch_weight_bytes(&out->arch, &experts, WS_DTYPE_BFLOAT16) -
                     (all - expert_bytes * 7 / 8)) < 1.0);
    hf_free(out);
}

static void test_a_rank_has_a_whole_kv_head(void **state)
{
    (void)state;
    hf_outcome   *out   = hf_read_good(linear); /* 2 KV heads of 256 */
    ws_rank_share share = ws_rank_share_whole(&out->arch);
    const int64_t head  = 2 * 256 * 2;
    share.tp            = 2;
    assert_int_equal(ws_arch_kv_bytes_per_token(&out->arch, &share, WS_DTYPE_BFLOAT16), head);
    share.tp = 8;
    assert_int_equal(ws_arch_kv_bytes_per_token(&out->arch, &share, WS_DTYPE_BFLOAT16), head);
    hf_free(out);
}

static void test_a_tied_head_is_counted_once(void **state)
{
    (void)state;
    static const char untied[] =
        "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_hidden_layers\": 1, \"num_attention_heads\": "
        "4,"
        " \"vocab_size\": 1000, \"max_position_embeddings\": 128, \"intermediate_size\": 128}";
    static const char tied[] =
        "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_hidden_layers\": 1, \"num_attention_heads\": "
        "4,"
        " \"vocab_size\": 1000, \"max_position_embeddings\": 128, \"intermediate_size\": 128,"
        " \"tie_word_embeddings\": true}";
    hf_outcome *a = hf_read_good(untied), *b = hf_read_good(tied);
    assert_int_equal(ws_arch_parameters(&a->arch).total - ws_arch_parameters(&b->arch).total, 64000);
    /* 4*64*64 + 3*64*128 + 2*64 of the block, 2*64000 + 64 of the ends */
    assert_int_equal(ws_arch_parameters(&a->arch).total, 16384 + 24576 + 128 + 128000 + 64);
    hf_free(a);
    hf_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parameters_of_mla_and_experts_by_hand),
                                       cmocka_unit_test(test_mla_keeps_one_latent_on_every_rank),
                                       cmocka_unit_test(test_windows_bound_what_a_request_keeps),
                                       cmocka_unit_test(test_linear_layers_keep_a_state_of_constant_size),
                                       cmocka_unit_test(test_ranks_hold_parts_of_the_whole),
                                       cmocka_unit_test(test_a_rank_has_a_whole_kv_head),
                                       cmocka_unit_test(test_a_tied_head_is_counted_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
