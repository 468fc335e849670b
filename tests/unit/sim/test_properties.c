/* Invariants, over random scenarios of every kind: a run finishes every request or says who cannot run; tokens in are
 * tokens out; time only moves forward; no KV block leaks; energy is booked once; power tracking changes no latency; the
 * closed form equals the event engine; and the same input gives the same result. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenario_gen.h"
#include "sim/run.h"
#include "snapshot.h"

static world the_world;

static const char *describe(const gen_scenario *g)
{
    static char text[16384];
    (void)snprintf(text, sizeof(text), "%s fidelity, budget %d, block %d\n%s\n%.4000s",
                   g->options.fidelity == WS_FIDELITY_REFERENCE ? "reference" : "physical",
                   (int)g->options.max_num_batched_tokens, (int)g->options.block_size, ws_strbuf_text(&g->cluster),
                   ws_strbuf_text(&g->dataset));
    return text;
}

#define REQUIRE(condition)                                                                                            \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fail_msg("seed %d: not true: %s\n%s", (int)seed, #condition, describe(g));                                 \
        }                                                                                                              \
    } while (0)

static bool is_close(double a, double b, double scale)
{
    return fabs(a - b) <= 1e-9 * fabs(scale);
}

/* ---- one run ---- */

static void check_request(const gen_scenario *g, uint64_t seed, const ws_result *result, const ws_request_record *r)
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
    const ws_run *run     = result->run;
    const size_t  n       = run->scenario->workload->n_requests;
    bool          seen[64] = {false};
    int64_t       in = 0, out = 0;
    REQUIRE(n <= 64 && result->n_requests == n);
    for (size_t i = 0; i < n; i++) {
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
    if (g->kind != GEN_PD) { /* the first token of a prefill instance is not counted (spec/serving.md 4.6) */
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

static double series_energy_j(const ws_series *series)
{
    double sum_j = 0, from_s = 0;
    for (size_t i = 0; i < series->n_samples; i++) {
        const double to_s = series->columns[WS_SERIES_TIME_S][i];
        sum_j += series->columns[WS_SERIES_POWER_W][i] * (to_s - from_s);
        from_s = to_s;
    }
    return sum_j;
}

static void check_energy(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    const ws_scenario *s = result->run->scenario;
    double total_j = 0, state_s = 0, npu_s = 0;
    for (size_t node = 0; node < result->n_nodes; node++) {
        for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
            REQUIRE(result->component_j[node * WS_COMPONENT_COUNT + k] >= 0);
            total_j += result->component_j[node * WS_COMPONENT_COUNT + k];
        }
        for (size_t k = 0; k < WS_STATE_COUNT; k++) {
            REQUIRE(result->npu_state_s[node * WS_STATE_COUNT + k] >= 0);
            state_s += result->npu_state_s[node * WS_STATE_COUNT + k];
        }
        npu_s += (double)s->nodes[node].n_npus * (double)result->sim_duration_ns * 1e-9;
    }
    REQUIRE(is_close(result->metrics[WS_METRIC_ENERGY_J], total_j, total_j));
    /* the reference books experts on all ranks and dummies twice (spec/serving.md 10.1), and what is booked behind a
     * heartbeat in the very last tick is in no reading */
    REQUIRE(series_energy_j(&result->series) <= total_j * (1 + 1e-9));
    if (s->fidelity == WS_FIDELITY_PHYSICAL) {
        REQUIRE(is_close(series_energy_j(&result->series), total_j, total_j));
        REQUIRE(is_close(series_energy_j(&result->log), total_j, total_j));
        REQUIRE(is_close(state_s, npu_s, npu_s));
    }
}

static void check_result(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    check_requests(g, seed, result);
    check_pools(g, seed, result->run);
    check_steps(g, seed, result);
    REQUIRE(result->has_power == (strstr(ws_strbuf_text(&g->cluster), "base_node_power") != NULL));
    if (result->has_power) {
        check_energy(g, seed, result);
    }
}

/* Build and run; false if it cannot run, which has to be said with a reason. */
static bool run_scenario(const gen_scenario *g, uint64_t seed, bool forces_graph, ws_scenario **scenario_out,
                         const ws_result **result_out)
{
    ws_status status =
        world_scenario(&the_world, ws_strbuf_text(&g->cluster), ws_strbuf_text(&g->dataset), &g->options, scenario_out);
    if (status == WS_OK) {
        if (forces_graph) {
            (*scenario_out)->step_model = WS_STEP_GRAPH;
        }
        status = world_simulate(&the_world, *scenario_out, result_out);
    }
    if (status != WS_OK && (status != WS_ERR_INFEASIBLE || strstr(ws_error_text(&the_world.err), "instance") == NULL)) {
        fail_msg("seed %d: %s: %s\n%s", (int)seed, ws_status_text(status), ws_error_text(&the_world.err), describe(g));
    }
    return status == WS_OK;
}

/* Run and keep what is compared. */
static bool take(const gen_scenario *g, uint64_t seed, bool forces_graph, snapshot *out)
{
    ws_scenario     *scenario = NULL;
    const ws_result *result   = NULL;
    const bool       ran      = run_scenario(g, seed, forces_graph, &scenario, &result);
    if (ran) {
        snapshot_take(out, result);
    }
    ws_scenario_destroy(&scenario);
    return ran;
}

static void every_run_keeps_the_books(void **state)
{
    (void)state;
    enum { N_SCENARIOS = 1000 };
    int n_ran = 0, n_by_kind[GEN_KINDS] = {0};
    for (uint64_t seed = 0; seed < N_SCENARIOS; seed++) {
        const gen_change change = {.no_power = false};
        gen_scenario     scenario, *g = &scenario;
        ws_scenario     *built  = NULL;
        const ws_result *result = NULL;
        gen_init(g, seed, &change);
        if (run_scenario(g, seed, false, &built, &result)) {
            check_result(g, seed, result);
            n_ran++;
            n_by_kind[g->kind]++;
        }
        ws_scenario_destroy(&built);
        gen_fini(g);
    }
    printf("%d of %d ran (plain %d, mixed %d, prefill/decode %d, data-parallel %d)\n", n_ran, N_SCENARIOS,
           n_by_kind[GEN_PLAIN], n_by_kind[GEN_MIXED], n_by_kind[GEN_PD], n_by_kind[GEN_DP]);
    assert_true(n_ran > N_SCENARIOS * 2 / 3);
    for (int k = 0; k < GEN_KINDS; k++) {
        assert_true(n_by_kind[k] > 50);
    }
}

/* ---- two runs ---- */

typedef struct pair_of_runs {
    gen_change a, b;
    bool       a_forces_graph;
    bool       with_instances, with_energy;
} pair_of_runs;

/* @return pairs of which both ran */
static int compare_pairs(const pair_of_runs *pair, uint64_t first_seed, int n)
{
    int n_compared = 0;
    for (uint64_t seed = first_seed; seed < first_seed + (uint64_t)n; seed++) {
        gen_scenario one, two, *g = &one;
        snapshot     a, b;
        gen_init(&one, seed, &pair->a);
        gen_init(&two, seed, &pair->b);
        const bool a_ran = take(&one, seed, pair->a_forces_graph, &a);
        const bool b_ran = take(&two, seed, false, &b);
        REQUIRE(a_ran == b_ran);
        if (a_ran) {
            REQUIRE(snapshot_same_requests(&a, &b, pair->with_instances));
            REQUIRE(!pair->with_energy || snapshot_same_energy(&a, &b));
            snapshot_fini(&a);
            snapshot_fini(&b);
            n_compared++;
        }
        gen_fini(&one);
        gen_fini(&two);
    }
    return n_compared;
}

static void same_input_gives_same_result(void **state)
{
    (void)state;
    const pair_of_runs pair = {.with_instances = true, .with_energy = true};
    assert_true(compare_pairs(&pair, 5000, 150) > 80);
}

static void tracking_power_changes_no_latency(void **state)
{
    (void)state;
    const pair_of_runs pair = {.b = {.no_power = true}, .with_instances = true};
    assert_true(compare_pairs(&pair, 6000, 200) > 100);
}

/* One chain per batch on NPUs that share nothing: both ways to time it give the same nanoseconds. They give the same
 * joules where the ranks of a group start together; the closed form puts all ranks' states at the first one's times. */
static void closed_form_equals_the_event_engine(void **state)
{
    (void)state;
    static const gen_kind k_kinds[] = {GEN_PLAIN, GEN_MIXED};
    for (size_t i = 0; i < 2; i++) {
        for (int instant = 0; instant < 2; instant++) {
            const gen_change   change = {
                .physical = true, .tp_only = true, .instant_host = instant == 1, .kind_plus_1 = (int)k_kinds[i] + 1};
            const pair_of_runs pair = {
                .a = change, .b = change, .a_forces_graph = true, .with_instances = true, .with_energy = instant == 1};
            assert_true(compare_pairs(&pair, 7000, 100) > 50);
        }
    }
}

/* Blocks walked in step give what the event engine gives, for every kind of parallelism. With a host that takes no time also
 * the same joules: then pipelines have no loads and stores of neighbouring batches to put in order. */
static void lockstep_equals_the_event_engine(void **state)
{
    (void)state;
    for (int kind = 0; kind < GEN_KINDS; kind++) {
        const gen_change   change = {.physical = true, .instant_host = true, .kind_plus_1 = kind + 1};
        const pair_of_runs pair   = {
              .a = change, .b = change, .a_forces_graph = true, .with_instances = true, .with_energy = true};
        assert_true(compare_pairs(&pair, 9000, 150) > 50);
    }
}

static void dense_tensor_parallel_scenarios_have_a_closed_form(void **state)
{
    (void)state;
    const gen_change change = {.physical = true, .tp_only = true, .kind_plus_1 = GEN_PLAIN + 1};
    gen_scenario     scenario;
    ws_scenario     *built = NULL;
    gen_init(&scenario, 7000, &change);
    assert_int_equal(world_scenario(&the_world, ws_strbuf_text(&scenario.cluster), ws_strbuf_text(&scenario.dataset),
                                    &scenario.options, &built), WS_OK);
    assert_int_equal(built->step_model, WS_STEP_CLOSED);
    ws_scenario_destroy(&built);
    gen_fini(&scenario);
}

/* Which node an instance stands on only matters for what the node shares: without tiers, nothing. */
static void spreading_instances_over_nodes_changes_nothing(void **state)
{
    (void)state;
    const pair_of_runs pair = {
        .a = {.physical = true, .tp_only = true, .no_tier = true, .kind_plus_1 = GEN_PLAIN + 1},
        .b = {.physical = true, .tp_only = true, .no_tier = true, .kind_plus_1 = GEN_PLAIN + 1, .one_node = true},
        .with_instances = true};
    assert_true(compare_pairs(&pair, 8000, 150) > 80);
}

static void more_bandwidth_never_lengthens_a_batch(void **state)
{
    (void)state;
    int n_compared = 0;
    for (uint64_t seed = 9000; seed < 9200; seed++) {
        const gen_change slow = {.physical = true, .one_request = true, .plenty = true};
        const gen_change fast = {.physical = true, .one_request = true, .plenty = true, .bandwidth_factor = 2.0};
        gen_scenario     one, two, *g = &one;
        snapshot         a, b;
        gen_init(&one, seed, &slow);
        gen_init(&two, seed, &fast);
        REQUIRE(take(&one, seed, false, &a) && take(&two, seed, false, &b));
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
        if (run_scenario(g, seed, false, &built, &result)) { /* fails the test if it takes too long */
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
        cmocka_unit_test(every_run_keeps_the_books),
        cmocka_unit_test(same_input_gives_same_result),
        cmocka_unit_test(tracking_power_changes_no_latency),
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
