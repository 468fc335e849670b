/* Invariants: what is simulated of an architecture is what the files of the reference say of the same model;
 * what is not simulated is refused by name, or left out with a note where that is asked for. */
#include "hf_read.h"

#include "model/model_convert.h"

#define SHAPE(type)                                                                                          \
    "\"model_type\": \"" type                                                                                \
    "\", \"hidden_size\": 64, \"num_hidden_layers\": 2, \"num_attention_heads\": 4,"                         \
    " \"num_key_value_heads\": 2, \"vocab_size\": 1000, \"max_position_embeddings\": 128, "                  \
    "\"intermediate_size\": 96,"                                                                             \
    " \"torch_dtype\": \"float16\""

typedef struct converted {
    ws_status status;
    ws_error  err;
    ws_strbuf notes;
    ws_model  model;
} converted;

static converted convert(const char *text, bool approximate)
{
    converted    c   = {.status = WS_OK};
    ws_json_doc *doc = NULL;
    hf_outcome  *out = hf_read_good(text);
    assert_int_equal(ws_json_doc_parse("config.json", text, strlen(text), NULL, &doc), WS_OK);
    const ws_conversion how = {"org/m", ws_json_doc_root(doc), approximate};
    c.status                = ws_model_from_architecture(&out->arch, &how, &c.err, &c.notes, &c.model);
    ws_json_doc_destroy(&doc);
    hf_free(out);
    return c;
}

static void fini(converted *c)
{
    ws_error_clear(&c->err);
    ws_strbuf_fini(&c->notes);
}

static void test_a_dense_model(void **state)
{
    (void)state;
    converted c = convert("{" SHAPE("qwen3") ", \"head_dim\": 32, \"tie_word_embeddings\": true}", false);
    const ws_model *m = &c.model;
    assert_int_equal(c.status, WS_OK);
    assert_string_equal(m->name, "org/m");
    assert_true(m->hidden_size == 64 && m->n_layers == 2 && m->n_heads == 4 && m->n_kv_heads == 2);
    assert_true(m->head_dim == 32 && m->intermediate_size == 96 && m->vocab_size == 1000 && !m->is_moe);
    assert_true(m->torch_dtype == WS_DTYPE_FLOAT16 && m->is_tied && m->max_position_embeddings == 128);
    static const ws_layer pre[] = {WS_LAYER_LAYERNORM, WS_LAYER_QKV_PROJ, WS_LAYER_QK_NORM,
                                   WS_LAYER_ROTARY_EMB, WS_LAYER_ATTENTION};
    assert_int_equal(m->sections[WS_SECTION_PRE_ATTN].n_layers, 5);
    assert_memory_equal(m->sections[WS_SECTION_PRE_ATTN].layers, pre, sizeof(pre));
    assert_int_equal(ws_model_mlp(m)->n_layers, 3);
    fini(&c);
}

static void test_experts(void **state)
{
    (void)state;
    converted c = convert("{" SHAPE("qwen3_moe") ", \"num_experts\": 8, \"num_experts_per_tok\": 2,"
                                                 " \"moe_intermediate_size\": 48}",
                          false);
    assert_int_equal(c.status, WS_OK);
    assert_true(c.model.is_moe && c.model.n_experts == 8 && c.model.experts_per_token == 2);
    assert_int_equal(c.model.moe_intermediate_size, 48);
    assert_int_equal(ws_model_layer_count(&c.model, WS_LAYER_MOE), 2);
    fini(&c);
}

/* Weights by hand, 2 bytes: embedding 1000*64 once, 64 + 2 * (2*64 + 64*(64+64) + 64*64 + 3*64*96). */
static void test_a_tied_head_weighs_nothing_on_the_rank_that_embeds(void **state)
{
    (void)state;
    converted     tied   = convert("{" SHAPE("llama") ", \"tie_word_embeddings\": true}", false);
    converted     untied = convert("{" SHAPE("llama") "}", false);
    const int64_t blocks = 2 * (2 * 64 + 64 * 128 + 64 * 64 + 3 * 64 * 96), table = 64000;
    assert_int_equal(
        ws_model_stage_weight_bytes(&tied.model, &(const ws_model_stage){2, true, true, 1, 1}, 2),
        2 * (table + 64 + blocks));
    assert_int_equal(
        ws_model_stage_weight_bytes(&untied.model, &(const ws_model_stage){2, true, true, 1, 1}, 2),
        2 * (2 * table + 64 + blocks));
    /* the last of several stages has a copy of its own; the reference counts both always */
    assert_int_equal(
        ws_model_stage_weight_bytes(&tied.model, &(const ws_model_stage){0, false, true, 1, 1}, 2),
        2 * (table + 64));
    assert_int_equal(ws_model_rank_weight_bytes(&tied.model, 1, 1, 1, 2), 2 * (2 * table + 64 + blocks));
    fini(&tied);
    fini(&untied);
}

static void expect_refused(const char *text, const char *feature)
{
    converted c = convert(text, false);
    if (c.status != WS_ERR_INPUT || strstr(ws_error_text(&c.err), feature) == NULL) {
        fail_msg("expected \"%s\", found \"%s\"", feature, ws_error_text(&c.err));
    }
    fini(&c);
}

static void test_what_is_not_simulated_is_named(void **state)
{
    (void)state;
    expect_refused(
        "{" SHAPE("deepseek_v3") ", \"kv_lora_rank\": 32, \"qk_nope_head_dim\": 16, \"qk_rope_head_dim\": 8,"
                                 " \"v_head_dim\": 16}",
        "multi-head latent attention (kv_lora_rank): not simulated yet");
    expect_refused("{" SHAPE("qwen2_moe") ", \"num_experts\": 8, \"num_experts_per_tok\": 2,"
                                          " \"shared_expert_intermediate_size\": 32}",
                   "experts that all tokens share");
    expect_refused(
        "{" SHAPE("qwen3_moe") ", \"num_experts\": 8, \"num_experts_per_tok\": 2, \"mlp_only_layers\": [0]}",
        "blocks of several kinds: not simulated yet");
    expect_refused("{" SHAPE("opt") "}", "an MLP without a gate");
    expect_refused("{" SHAPE("nemotron_h") ", \"hybrid_override_pattern\": \"*-\"}",
                   "blocks with attention or an MLP alone");
    expect_refused("{" SHAPE("mimo_v2_flash") ", \"v_head_dim\": 8}", "keys and values of different sizes");
}

static void expect_left_out(const char *text, const char *feature)
{
    expect_refused(text, feature);
    converted c = convert(text, true);
    assert_int_equal(c.status, WS_OK);
    if (strstr(ws_strbuf_text(&c.notes), feature) == NULL) {
        fail_msg("expected a note \"%s\", found \"%s\"", feature, ws_strbuf_text(&c.notes));
    }
    fini(&c);
}

static void test_what_may_be_left_out(void **state)
{
    (void)state;
    expect_left_out("{" SHAPE("gemma2") ", \"sliding_window\": 32}", "attention within a window");
    expect_left_out("{" SHAPE("llama") ", \"quantization_config\": {\"quant_method\": \"fp8\"}}",
                    "quantised weights");
    expect_left_out("{" SHAPE("qwen3") ", \"attn_output_gate\": true}", "output gates of attention");
    /* a window as long as the model's longest request is none */
    converted c = convert("{" SHAPE("mistral") ", \"sliding_window\": 128}", false);
    assert_int_equal(c.status, WS_OK);
    fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dense_model), cmocka_unit_test(test_experts),
        cmocka_unit_test(test_a_tied_head_weighs_nothing_on_the_rank_that_embeds),
        cmocka_unit_test(test_what_is_not_simulated_is_named), cmocka_unit_test(test_what_may_be_left_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
