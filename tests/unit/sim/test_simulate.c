/* Invariants: the result is a function of the scenario alone, whatever the run did before, failed or not;
 * limits end a run with a reason and no result; a warm run asks the system for no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "property_run.h"
#include "sim/run.h"
#include "snapshot.h"

static world the_world;

/* Decodes one after the other: n steps of some microseconds each. */
static ws_scenario *long_scenario(int n_requests, int n_tokens)
{
    ws_strbuf  text      = WS_STRBUF_INIT;
    ws_options options   = ws_options_default();
    options.max_num_seqs = 1;
    for (int i = 0; i < n_requests; i++) {
        ws_strbuf_printf(&text, "{\"input_toks\": 8, \"output_toks\": %d, \"arrival_time_ns\": 0}\n",
                         n_tokens);
    }
    ws_scenario *s = world_need_scenario(&the_world, world_cluster(1.0, ""), ws_strbuf_text(&text), &options);
    ws_strbuf_fini(&text);
    return s;
}

static ws_status simulate(const ws_scenario *scenario, ws_run *run, const ws_run_limits *limits,
                          const ws_result **out)
{
    ws_error_clear(&the_world.err);
    return ws_simulate(scenario, run, limits, &the_world.err, out);
}

static bool same_snapshot(const snapshot *a, const snapshot *b)
{
    return a->duration_ns == b->duration_ns && snapshot_same_requests(a, b, true) &&
           memcmp(a->component_j, b->component_j, sizeof(a->component_j)) == 0 &&
           memcmp(a->state_s, b->state_s, sizeof(a->state_s)) == 0 &&
           memcmp(a->metrics, b->metrics, sizeof(a->metrics)) == 0;
}

enum { N_SCENARIOS = 30 };

/* Random scenarios of every kind, each in a fresh run, then all in one run in another order, some cut short
 * between. */
static void a_used_run_gives_what_a_fresh_one_gives(void **state)
{
    (void)state;
    ws_scenario *scenarios[N_SCENARIOS];
    snapshot     fresh[N_SCENARIOS];
    size_t       n = 0;
    for (uint64_t seed = 0; n < N_SCENARIOS; seed++) {
        const gen_change change = {.small = true};
        gen_scenario     g;
        const ws_result *result = NULL;
        ws_run          *run    = NULL;
        gen_init(&g, seed, &change);
        if (world_scenario(&the_world, ws_strbuf_text(&g.cluster), ws_strbuf_text(&g.dataset), &g.options,
                           &scenarios[n]) == WS_OK) {
            assert_int_equal(ws_run_create(&run), WS_OK);
            if (simulate(scenarios[n], run, NULL, &result) == WS_OK) {
                snapshot_take(&fresh[n++], result);
            } else {
                ws_scenario_destroy(&scenarios[n]);
            }
            ws_run_destroy(&run);
            assert_null(run);
        }
        gen_fini(&g);
    }
    for (size_t i = 0; i < 3 * N_SCENARIOS; i++) {
        const size_t        k      = i * 7 % N_SCENARIOS;
        const ws_run_limits few    = {.struct_size = sizeof(ws_run_limits), .memory_bytes = 1000 * (i % 5)};
        const ws_result    *result = NULL;
        snapshot            again;
        if (i % 3 == 0 && few.memory_bytes > 0) {
            assert_int_equal(simulate(scenarios[(k + 1) % N_SCENARIOS], the_world.run, &few, &result),
                             WS_ERR_MEMORY_BUDGET);
            assert_null(result);
        }
        assert_int_equal(simulate(scenarios[k], the_world.run, NULL, &result), WS_OK);
        snapshot_take(&again, result);
        if (!same_snapshot(&again, &fresh[k])) {
            fail_msg("scenario %zu differs from its first run", k);
        }
        snapshot_fini(&again);
    }
    for (size_t i = 0; i < N_SCENARIOS; i++) {
        snapshot_fini(&fresh[i]);
        ws_scenario_destroy(&scenarios[i]);
    }
}

#ifndef WS_ARENA_MALLOC
static void a_warm_run_asks_for_no_memory(void **state)
{
    (void)state;
    ws_scenario     *s      = long_scenario(20, 300);
    ws_run          *run    = NULL;
    const ws_result *result = NULL;
    assert_int_equal(ws_run_create(&run), WS_OK);
    assert_int_equal(simulate(s, run, NULL, &result), WS_OK);
    const size_t reserved_bytes = run->arena.reserved_bytes, used_bytes = run->arena.used_bytes;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(simulate(s, run, NULL, &result), WS_OK);
        assert_int_equal(run->arena.reserved_bytes, reserved_bytes);
        assert_int_equal(run->arena.used_bytes, used_bytes);
    }
    ws_run_destroy(&run);
    ws_scenario_destroy(&s);
}
#endif

/* ---- limits ---- */

static bool stops_at_the_third(void *ctx)
{
    int *n_polls = ctx;
    return ++*n_polls == 3;
}

static void limits_end_a_run(void **state)
{
    (void)state;
    ws_scenario *s = long_scenario(60, 400); /* 24000 steps */
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        const ws_result *result  = NULL;
        int              n_polls = 0;
        s->fidelity              = (ws_fidelity)fidelity;
        assert_int_equal(simulate(s, the_world.run,
                                  &(ws_run_limits){.struct_size = sizeof(ws_run_limits), .max_steps = 5000},
                                  &result),
                         WS_ERR_TIMEOUT);
        assert_null(result);
        assert_non_null(strstr(ws_error_text(&the_world.err), "stopped after "));
        assert_true(the_world.run->n_steps >= 5000 &&
                    the_world.run->n_steps < 5000 + 8192); /* looked at now and then */
        const ws_run_limits stop = {
            .struct_size = sizeof(ws_run_limits), .should_stop = stops_at_the_third, .ctx = &n_polls};
        assert_int_equal(simulate(s, the_world.run, &stop, &result), WS_ERR_TIMEOUT);
        assert_int_equal(n_polls, 3);
        assert_int_equal(
            simulate(s, the_world.run,
                     &(ws_run_limits){.struct_size = sizeof(ws_run_limits), .max_steps = 1000000}, &result),
            WS_OK);
        assert_true(result->metrics[WS_METRIC_N_COMPLETED] == 60.0);
    }
    ws_scenario_destroy(&s);
}

/* The least budget is found by halving; the message of a run that fails names a need above its budget and no
 * more than a run without budget takes, and the least budget gives the result of none. */
static void the_memory_budget_is_what_is_used(void **state)
{
    (void)state;
    ws_scenario     *s      = long_scenario(10, 50);
    const ws_result *result = NULL;
    snapshot         expected, found;
    assert_int_equal(simulate(s, the_world.run, NULL, &result), WS_OK);
    snapshot_take(&expected, result);
    const size_t full_bytes = the_world.run->arena.used_bytes;
    size_t       fails = 1, works = full_bytes;
    while (works - fails > 1) {
        const size_t        bytes  = fails + (works - fails) / 2;
        const ws_run_limits limits = {.struct_size = sizeof(ws_run_limits), .memory_bytes = bytes};
        const ws_status     status = simulate(s, the_world.run, &limits, &result);
        assert_true(status == WS_OK || status == WS_ERR_MEMORY_BUDGET);
        *(status == WS_OK ? &works : &fails) = bytes;
        if (status != WS_OK) {
            assert_null(result);
            assert_true(the_world.run->arena.refused_bytes > bytes &&
                        the_world.run->arena.refused_bytes <= full_bytes);
            assert_non_null(strstr(ws_error_text(&the_world.err), "its memory budget is "));
        }
    }
    const ws_run_limits least = {.struct_size = sizeof(ws_run_limits), .memory_bytes = works};
    assert_int_equal(simulate(s, the_world.run, &least, &result), WS_OK);
    assert_true(the_world.run->arena.used_bytes <= works);
    snapshot_take(&found, result);
    assert_true(same_snapshot(&found, &expected));
    snapshot_fini(&found);
    snapshot_fini(&expected);
    ws_scenario_destroy(&s);
}

static void no_run_may_be_destroyed(void **state)
{
    (void)state;
    ws_run *none = NULL;
    ws_run_destroy(&none);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_used_run_gives_what_a_fresh_one_gives),
#ifndef WS_ARENA_MALLOC
        cmocka_unit_test(a_warm_run_asks_for_no_memory),
#endif
        cmocka_unit_test(limits_end_a_run),
        cmocka_unit_test(the_memory_budget_is_what_is_used),
        cmocka_unit_test(no_run_may_be_destroyed),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.simulate", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
