/* Invariants: the summed tables give what a walk over every layer of every block gives, for any count, inside
 * the tables and beyond them; layers without data are dropped with a note or refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hardware/profile_table.h"
#include "hardware/step_cost.h"
#include "world.h"

static world the_world;

/* ---- the layer walk ---- */

static int64_t walk_section(const ws_profile *profile, const ws_layer_sequence *section, ws_category category,
                            int64_t count)
{
    int64_t sum_ns = 0;
    for (size_t i = 0; i < section->n_layers; i++) {
        if (ws_layer_category(section->layers[i]) == category) {
            sum_ns += ws_profile_layer_ns(profile, section->layers[i], count);
        }
    }
    return sum_ns;
}

static int64_t walk(const ws_profile *profile, const ws_model *model, ws_category category, int64_t count)
{
    int64_t sum_ns = walk_section(profile, &model->sections[WS_SECTION_PROLOGUE], category, count);
    for (int64_t block = 0; block < model->n_layers; block++) {
        sum_ns += walk_section(profile, &model->sections[WS_SECTION_PRE_ATTN], category, count);
        sum_ns += walk_section(profile, &model->sections[WS_SECTION_POST_ATTN], category, count);
        sum_ns += walk_section(profile, ws_model_mlp(model), category, count);
    }
    return sum_ns + walk_section(profile, &model->sections[WS_SECTION_HEAD], category, count);
}

static const char DATASET[] = "{\"input_toks\": 4, \"output_toks\": 2, \"arrival_time_ns\": 0}\n";

static ws_scenario *scenario_of(const char *instance)
{
    const ws_options options = ws_options_default();
    return world_need_scenario(&the_world, world_cluster(1.0, instance), DATASET, &options);
}

static void tables_equal_the_layer_walk(void **state)
{
    (void)state;
    static const char *const instances[] = {"", ", \"tp_size\": 2", ", \"tp_size\": 4"};
    for (size_t k = 0; k < 3; k++) {
        ws_scenario              *s = scenario_of(instances[k]);
        const ws_instance_config *c = &s->instances[0];
        for (int64_t n = 1; n < 5000; n += n < 40 ? 1 : 37) {
            assert_int_equal(ws_step_cost_token_ns(c->cost, n),
                             walk(c->profile, c->model, WS_CATEGORY_DENSE, n));
            assert_int_equal(ws_step_cost_sequence_ns(c->cost, n),
                             walk(c->profile, c->model, WS_CATEGORY_PER_SEQUENCE, n));
        }
        assert_int_equal(c->cost->attention_rows, c->model->n_layers);
        ws_scenario_destroy(&s);
    }
}

/* Tables of 7 tokens and 3 sequences: what lies beyond is summed on demand, to the same numbers. */
static void beyond_the_tables_rows_are_summed(void **state)
{
    (void)state;
    ws_scenario               *s      = scenario_of("");
    const ws_instance_config  *c      = &s->instances[0];
    ws_step_cost              *small  = NULL;
    const ws_step_cost_request tables = {c->profile, c->model, "toy", 7, 3, false};
    assert_int_equal(ws_step_cost_create(&tables, NULL, &the_world.err, &small), WS_OK);
    assert_true(small->n_token_ns == 8 && small->n_sequence_ns == 4);
    for (int64_t n = 1; n < 20; n++) {
        assert_int_equal(ws_step_cost_token_ns(small, n), ws_step_cost_token_ns(c->cost, n));
        assert_int_equal(ws_step_cost_sequence_ns(small, n), ws_step_cost_sequence_ns(c->cost, n));
    }
    ws_step_cost_destroy(&small);
    assert_null(small);
    ws_scenario_destroy(&s);
}

/* Each limit by itself: at it, still inside; one beyond it, not. */
static void leaving_the_grid_is_noticed(void **state)
{
    (void)state;
    ws_scenario             *s      = scenario_of("");
    const ws_step_cost      *cost   = s->instances[0].cost;
    const ws_profile_limits  limits = cost->limits;
    const ws_attention_query inside = {.prefill_tokens = limits.prefill_tokens,
                                       .prefill_kv     = limits.prefill_kv,
                                       .n_decodes      = limits.n_decodes,
                                       .kv_max         = limits.decode_kv};
    assert_true(limits.tokens == 2048 && limits.sequences == 64 && limits.prefill_tokens == 256 &&
                limits.prefill_kv == 512 && limits.n_decodes == 16 && limits.decode_kv == 1024); /* world.c */
    assert_false(ws_step_cost_extrapolates(cost, limits.tokens, limits.sequences, &inside));
    assert_true(ws_step_cost_extrapolates(cost, limits.tokens + 1, limits.sequences, &inside));
    assert_true(ws_step_cost_extrapolates(cost, limits.tokens, limits.sequences + 1, &inside));
    for (int k = 0; k < 4; k++) {
        ws_attention_query beyond = inside;
        beyond.prefill_tokens += k == 0;
        beyond.prefill_kv += k == 1;
        beyond.n_decodes += k == 2;
        beyond.kv_max += k == 3;
        assert_true(ws_step_cost_extrapolates(cost, limits.tokens, limits.sequences, &beyond));
    }
    ws_scenario_destroy(&s);
}

/* ---- profiles with holes ---- */

/* A profile in which every row of the toy model takes 1000 ns, except for one that is not there. */
static ws_profile *profile_without(ws_layer missing)
{
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    for (int i = 0; i < WS_LAYER_COUNT; i++) {
        const ws_category category = ws_layer_category((ws_layer)i);
        if ((ws_layer)i != missing &&
            (category == WS_CATEGORY_DENSE || category == WS_CATEGORY_PER_SEQUENCE)) {
            assert_int_equal(ws__draft_add_layer(&draft, (ws_layer)i, 1, 1000), WS_OK);
        }
    }
    if (missing != WS_LAYER_ATTENTION) {
        assert_int_equal(ws__draft_add_attention(&draft, 0, 0, 1, 16, 1000), WS_OK);
    }
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    ws__profile_draft_fini(&draft);
    return profile;
}

static void check_hole(const ws_model *model, ws_layer missing, bool is_required)
{
    ws_profile                *profile = profile_without(missing);
    ws_step_cost              *cost    = NULL;
    ws_strbuf                  notes   = WS_STRBUF_INIT;
    ws_error                   err     = WS_ERROR_INIT;
    const ws_step_cost_request tables  = {profile, model, "toy board", 4, 4, false};
    const ws_status            status  = ws_step_cost_create(&tables, &notes, &err, &cost);
    const char                *text    = is_required ? ws_error_text(&err) : ws_strbuf_text(&notes);
    assert_int_equal(status, is_required ? WS_ERR_INPUT : WS_OK);
    assert_true((cost == NULL) == is_required);
    assert_non_null(strstr(text, "toy board: the profile has no data for layer "));
    assert_non_null(strstr(text, ws_layer_name(missing)));
    if (cost != NULL) {
        assert_true(!cost->has_layer[missing] && cost->layer_count[missing] == 0);
    }
    ws_step_cost_destroy(&cost);
    ws_profile_destroy(&profile);
    ws_strbuf_fini(&notes);
    ws_error_clear(&err);
}

/* 4 blocks of layernorm twice, qkv_proj, rotary_emb, o_proj, gate_up_proj, act_fn and down_proj, and
 * embedding and final_layernorm outside: 34 dense rows of 1 us; lm_head and sampler: 2 rows by sequence.
 * Without rotary_emb there are 4 rows fewer. */
static void layers_without_data_are_dropped_or_refused(void **state)
{
    (void)state;
    ws_scenario    *s       = scenario_of("");
    const ws_model *model   = s->instances[0].model;
    ws_profile     *profile = profile_without(WS_LAYER_COUNT);
    for (int drops = 0; drops < 2; drops++) {
        ws_step_cost              *cost   = NULL;
        const ws_step_cost_request tables = {profile, model, "toy", 4, 4, drops == 1};
        assert_int_equal(ws_step_cost_create(&tables, NULL, NULL, &cost), WS_OK);
        assert_int_equal(ws_step_cost_token_ns(cost, 3), drops == 1 ? 30000 : 34000);
        assert_int_equal(ws_step_cost_sequence_ns(cost, 3), 2000);
        ws_step_cost_destroy(&cost);
    }
    check_hole(model, WS_LAYER_ACT_FN, false);
    check_hole(model, WS_LAYER_SAMPLER, false);
    check_hole(model, WS_LAYER_EMBEDDING, true);
    check_hole(model, WS_LAYER_FINAL_LAYERNORM, true);
    check_hole(model, WS_LAYER_LM_HEAD, true);
    check_hole(model, WS_LAYER_ATTENTION, true);
    ws_profile_destroy(&profile);
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_equal_the_layer_walk),
        cmocka_unit_test(beyond_the_tables_rows_are_summed),
        cmocka_unit_test(leaving_the_grid_is_noticed),
        cmocka_unit_test(layers_without_data_are_dropped_or_refused),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("hardware.step_cost", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
