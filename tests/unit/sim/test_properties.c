/* Invariants, over random scenarios of every kind: a run finishes every request or says who cannot run;
 * tokens in are tokens out; time only moves forward; no KV block leaks; the ways to time a batch agree; and
 * the same input gives the same result. Energy has a file of its own, energy/test_properties.c.
 * WS_PROPERTY_SCENARIOS asks for more scenarios. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "property_run.h"
#include "sim/run.h"

static world the_world;

/* ---- one run ---- */

static void check_request(const gen_scenario *g, uint64_t seed, const ws_result *result,
                          const ws_request_record *r)
{
    int64_t itl_ns[64], sum_ns = r->ttft_ns;
    REQUIRE(r->n_itl < 64);
    ws_result_itl(result, r, itl_ns);
    for (size_t i = 0; i < r->n_itl; i++) {
        REQUIRE(itl_ns[i] >= 0);
        sum_ns += itl_ns[i];
    }
    REQUIRE(r->arrival_ns >= 0 && r->queue_ns >= 0 && r->queue_ns <= r->ttft_ns);
    REQUIRE(r->ttft_ns > 0 && r->latency_ns >= r->ttft_ns);
    REQUIRE(r->end_ns == r->arrival_ns + r->latency_ns && r->end_ns <= result->sim_duration_ns);
    REQUIRE(sum_ns == r->latency_ns);
    REQUIRE(g->kind == GEN_PD || (int64_t)r->n_itl == r->output_tokens - 1);
}

static void check_requests(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    const ws_run *run      = result->run;
    const size_t  n        = run->scenario->workload->n_requests;
    bool          seen[64] = {false};
    int64_t       in = 0, out = 0;
    REQUIRE(n <= 64 && result->n_requests + result->n_rejected == n);
    for (size_t i = 0; i < result->n_rejected; i++) {
        REQUIRE(!seen[result->rejected[i].request_id]);
        seen[result->rejected[i].request_id] = true;
    }
    for (size_t i = 0; i < result->n_requests; i++) {
        const ws_request_record *r = &result->requests[i];
        REQUIRE(r->request_id >= 0 && r->request_id < (int64_t)n && !seen[r->request_id]);
        seen[r->request_id] = true;
        check_request(g, seed, result, r);
        const ws_workload_request *wanted = &run->scenario->workload->requests[r->request_id];
        REQUIRE(r->input_tokens == wanted->input_tokens);
        REQUIRE(r->output_tokens == wanted->target_tokens - wanted->input_tokens);
        in += r->input_tokens;
        out += r->output_tokens;
    }
    REQUIRE(result->prompt_tokens == in && result->generated_tokens == out);
    /* the first token of a prefill instance is not counted (docs/model/serving.md 4.6) */
    if (g->kind != GEN_PD) {
        REQUIRE(run->generated_tokens == out);
    }
}

static void check_pools(const gen_scenario *g, uint64_t seed, const ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const ws_kv_cache *kv = &run->instances[i].kv;
        REQUIRE(ws_block_pool_n_free(&kv->pool) == kv->pool.n_blocks);
        REQUIRE(kv->n_free_tables == kv->n_tables);
        REQUIRE(ws_scheduler_is_empty(&run->schedulers[i]));
    }
    for (size_t i = 0; i < run->scenario->n_tiers; i++) {
        REQUIRE(ws_block_pool_n_free(&run->tiers[i].pool) == run->tiers[i].pool.n_blocks);
    }
}

static void check_steps(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    const ws_run *run = result->run;
    int64_t       n   = 0;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        n += run->schedulers[i].next_batch_id;
    }
    REQUIRE(run->n_steps == n && (int64_t)result->metrics[WS_METRIC_N_STEPS] == n);
}

static void check_result(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    check_requests(g, seed, result);
    check_pools(g, seed, result->run);
    check_steps(g, seed, result);
}

static void every_run_keeps_its_accounts(void **state)
{
    (void)state;
    const int n_scenarios = property_count(1000);
    int       n_ran = 0, n_by_kind[GEN_KINDS] = {0};
    for (uint64_t seed = 0; seed < (uint64_t)n_scenarios; seed++) {
        const gen_change change = {.no_power = false};
        gen_scenario     scenario, *g = &scenario;
        ws_scenario     *built  = NULL;
        const ws_result *result = NULL;
        gen_init(g, seed, &change);
        if (property_run(&the_world, g, seed, false, &built, &result)) {
            check_result(g, seed, result);
            n_ran++;
            n_by_kind[g->kind]++;
        }
        ws_scenario_destroy(&built);
        gen_fini(g);
    }
    printf("%d of %d ran (plain %d, mixed %d, prefill/decode %d, data-parallel %d)\n", n_ran, n_scenarios,
           n_by_kind[GEN_PLAIN], n_by_kind[GEN_MIXED], n_by_kind[GEN_PD], n_by_kind[GEN_DP]);
    assert_true(n_ran > n_scenarios * 2 / 3);
    for (int k = 0; k < GEN_KINDS; k++) {
        assert_true(n_by_kind[k] > n_scenarios / 20);
    }
}

/* ---- answers of no or one token, prompts without their mark ---- */

static void check_energy(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    double sum_j = 0.0;
    for (size_t i = 0; i < result->n_requests; i++) {
        const ws_request_record *r = &result->requests[i];
        REQUIRE(isnan(r->energy_j) || (r->active_j >= 0.0 && r->energy_j >= 0.0));
        sum_j += isnan(r->energy_j) ? 0.0 : r->energy_j;
    }
    REQUIRE(!result->has_power || sum_j <= result->metrics[WS_METRIC_ENERGY_J] * (1.0 + 1e-9));
}

/* Every request ends once, in order, whatever was left out of it. */
static void check_placeholders(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    const size_t n        = result->run->scenario->workload->n_requests;
    bool         seen[64] = {false};
    int64_t      out      = 0;
    REQUIRE(result->n_requests + result->n_rejected == n);
    for (size_t i = 0; i < result->n_requests; i++) {
        const ws_request_record *r = &result->requests[i];
        int64_t                  itl_ns[64], sum_ns = g->options.skip_prefill ? 0 : r->ttft_ns;
        REQUIRE(!seen[r->request_id] && r->n_itl < 64);
        seen[r->request_id] = true;
        ws_result_itl(result, r, itl_ns);
        for (size_t k = 0; k < r->n_itl; k++) {
            REQUIRE(itl_ns[k] >= 0);
            sum_ns += itl_ns[k];
        }
        REQUIRE(r->arrival_ns >= 0 && r->latency_ns > 0 && r->tpot_ns >= 0 && r->tpot_ns <= r->latency_ns);
        REQUIRE(r->end_ns == r->arrival_ns + r->latency_ns && r->end_ns <= result->sim_duration_ns);
        REQUIRE(g->options.skip_prefill ? r->ttft_ns == -1 && r->queue_ns == -1
                                        : r->queue_ns >= 0 && r->queue_ns <= r->ttft_ns);
        REQUIRE(r->ttft_ns <= r->latency_ns && (r->output_tokens == 0 || sum_ns == r->latency_ns));
        REQUIRE(
            (int64_t)r->n_itl ==
            (g->options.skip_prefill ? r->output_tokens : (r->output_tokens > 1 ? r->output_tokens - 1 : 0)));
        out += r->output_tokens;
    }
    REQUIRE(g->kind == GEN_PD || result->run->generated_tokens == out);
    check_energy(g, seed, result);
    check_pools(g, seed, result->run);
}

static int run_placeholders(bool skips_prefill)
{
    int n_ran = 0;
    for (uint64_t seed = 20000; seed < 20400; seed++) {
        const gen_change change = {.physical = true, .placeholders = !skips_prefill || seed % 2 == 0};
        gen_scenario     scenario, *g = &scenario;
        ws_scenario     *built  = NULL;
        const ws_result *result = NULL;
        gen_init(g, seed, &change);
        g->options.skip_prefill = skips_prefill;
        if ((!skips_prefill || g->kind != GEN_PD) &&
            property_run(&the_world, g, seed, false, &built, &result)) {
            check_placeholders(g, seed, result);
            n_ran++;
        }
        ws_scenario_destroy(&built);
        gen_fini(g);
    }
    return n_ran;
}

static void answers_of_no_or_one_token(void **state)
{
    (void)state;
    assert_true(run_placeholders(false) > 250);
}

static void prompts_without_their_mark(void **state)
{
    (void)state;
    assert_true(run_placeholders(true) > 150);
}

static void check_refused(const gen_change *change, bool skips_prefill, const char *what)
{
    int n_refused = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        gen_scenario g;
        ws_scenario *built = NULL;
        gen_init(&g, seed, change);
        g.options.skip_prefill = skips_prefill;
        if (world_scenario(&the_world, ws_strbuf_text(&g.cluster), ws_strbuf_text(&g.dataset), &g.options,
                           &built) == WS_ERR_INPUT) {
            assert_non_null(strstr(ws_error_text(&the_world.err), what));
            n_refused++;
        }
        ws_scenario_destroy(&built);
        gen_fini(&g);
    }
    assert_true(n_refused > 8);
}

/* The reference hands on what it has finished, and never hands on what has no mark. */
static void no_meaning_on_prefill_instances(void **state)
{
    (void)state;
    const gen_change pair      = {.kind_plus_1 = GEN_PD + 1, .physical = true};
    const gen_change reference = {.kind_plus_1 = GEN_PD + 1, .reference = true, .placeholders = true};
    check_refused(&pair, true, "skip_prefill");
    check_refused(&reference, false, "expected output_toks of at least 1");
}

/* ---- two runs ---- */

static void same_input_gives_same_result(void **state)
{
    (void)state;
    const property_pair pair = {.with_instances = true, .with_energy = true};
    assert_true(property_compare(&the_world, &pair, 5000, 150) > 80);
}

/* One chain per batch on NPUs that share nothing: both ways to time it give the same nanoseconds. They give
 * the same joules where the ranks of a group start together; the closed form puts all ranks' states at the
 * first one's times. */
static void closed_form_equals_the_event_engine(void **state)
{
    (void)state;
    static const gen_kind k_kinds[] = {GEN_PLAIN, GEN_MIXED};
    for (size_t i = 0; i < 2; i++) {
        for (int instant = 0; instant < 2; instant++) {
            const gen_change    change = {.physical     = true,
                                          .tp_only      = true,
                                          .instant_host = instant == 1,
                                          .kind_plus_1  = (int)k_kinds[i] + 1};
            const property_pair pair   = {.a              = change,
                                          .b              = change,
                                          .a_forces_graph = true,
                                          .with_instances = true,
                                          .with_energy    = instant == 1};
            assert_true(property_compare(&the_world, &pair, 7000, 100) > 50);
        }
    }
}

/* Blocks walked in step give what the event engine gives, for every kind of parallelism. With a host that
 * takes no time also the same joules: then pipelines have no loads and stores of neighbouring batches to put
 * in order. */
static void lockstep_equals_the_event_engine(void **state)
{
    (void)state;
    for (int kind = 0; kind < GEN_KINDS; kind++) {
        const gen_change    change = {.physical = true, .instant_host = true, .kind_plus_1 = kind + 1};
        const property_pair pair   = {
              .a = change, .b = change, .a_forces_graph = true, .with_instances = true, .with_energy = true};
        assert_true(property_compare(&the_world, &pair, 9000, 150) > 50);
    }
}

static void dense_tensor_parallel_scenarios_have_a_closed_form(void **state)
{
    (void)state;
    const gen_change change = {.physical = true, .tp_only = true, .kind_plus_1 = GEN_PLAIN + 1};
    gen_scenario     scenario;
    ws_scenario     *built = NULL;
    gen_init(&scenario, 7000, &change);
    assert_int_equal(world_scenario(&the_world, ws_strbuf_text(&scenario.cluster),
                                    ws_strbuf_text(&scenario.dataset), &scenario.options, &built),
                     WS_OK);
    assert_int_equal(built->step_model, WS_STEP_CLOSED);
    ws_scenario_destroy(&built);
    gen_fini(&scenario);
}

/* Which node an instance stands on only matters for what the node shares: without tiers, nothing. */
static void spreading_instances_over_nodes_changes_nothing(void **state)
{
    (void)state;
    const property_pair pair = {
        .a              = {.physical = true, .tp_only = true, .no_tier = true, .kind_plus_1 = GEN_PLAIN + 1},
        .b              = {.physical    = true,
                           .tp_only     = true,
                           .no_tier     = true,
                           .kind_plus_1 = GEN_PLAIN + 1,
                           .one_node    = true},
        .with_instances = true};
    assert_true(property_compare(&the_world, &pair, 8000, 150) > 80);
}

static void more_bandwidth_never_lengthens_a_batch(void **state)
{
    (void)state;
    int n_compared = 0;
    for (uint64_t seed = 9000; seed < 9200; seed++) {
        const gen_change slow = {.physical = true, .one_request = true, .plenty = true};
        const gen_change fast = {
            .physical = true, .one_request = true, .plenty = true, .bandwidth_factor = 2.0};
        gen_scenario one, two, *g = &one;
        snapshot     a, b;
        gen_init(&one, seed, &slow);
        gen_init(&two, seed, &fast);
        REQUIRE(property_take(&the_world, &one, seed, false, &a) &&
                property_take(&the_world, &two, seed, false, &b));
        REQUIRE(a.n_requests == 1 && b.n_requests == 1);
        REQUIRE(b.requests[0].latency_ns <= a.requests[0].latency_ns);
        n_compared++;
        snapshot_fini(&a);
        snapshot_fini(&b);
        gen_fini(&one);
        gen_fini(&two);
    }
    assert_int_equal(n_compared, 200);
}

/* ---- the reference's ways to hang end with an error ---- */

static void reference_never_hangs(void **state)
{
    (void)state;
    int n_ran = 0;
    for (uint64_t seed = 10000; seed < 10200; seed++) {
        const gen_change change = {.reference = true};
        gen_scenario     scenario, *g = &scenario;
        ws_scenario     *built  = NULL;
        const ws_result *result = NULL;
        gen_init(g, seed, &change);
        if (property_run(&the_world, g, seed, false, &built,
                         &result)) { /* fails the test if it takes too long */
            check_result(g, seed, result);
            n_ran++;
        }
        ws_scenario_destroy(&built);
        gen_fini(g);
    }
    assert_true(n_ran > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_run_keeps_its_accounts),
        cmocka_unit_test(answers_of_no_or_one_token),
        cmocka_unit_test(prompts_without_their_mark),
        cmocka_unit_test(no_meaning_on_prefill_instances),
        cmocka_unit_test(same_input_gives_same_result),
        cmocka_unit_test(closed_form_equals_the_event_engine),
        cmocka_unit_test(lockstep_equals_the_event_engine),
        cmocka_unit_test(dense_tensor_parallel_scenarios_have_a_closed_form),
        cmocka_unit_test(spreading_instances_over_nodes_changes_nothing),
        cmocka_unit_test(more_bandwidth_never_lengthens_a_batch),
        cmocka_unit_test(reference_never_hangs),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.properties", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
