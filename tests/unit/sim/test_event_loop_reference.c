/* Invariants, the artefacts of the reference's loop (docs/model/serving.md 0.2 to 0.5, 9.2): its clock starts
 * at the first arrival or 1 ns, or at the log interval if that is less; where nothing happens it steps by 1
 * ms, so that arrivals of an idle time are noticed at the next step; a heartbeat comes with a poll that is
 * later than the interval, one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/run.h"
#include "world.h"

static world the_world;

enum { STEP_NS = 1000000 };

static ws_scenario *scenario_of(const char *dataset, double log_interval_s)
{
    ws_options options     = ws_options_default();
    options.fidelity       = WS_FIDELITY_REFERENCE;
    options.log_interval_s = log_interval_s;
    return world_need_scenario(&the_world, world_cluster(1.0, ""), dataset, &options);
}

/* Two requests, the second gap_ns after the first has ended: it is noticed at the first step from that end on
 * that is not before it. */
static void idle_time_passes_in_steps(void **state)
{
    (void)state;
    static const int64_t gaps_ns[] = {1, STEP_NS - 1, STEP_NS, STEP_NS + 1, 5 * STEP_NS + 123, 70 * STEP_NS};
    char                 dataset[256];
    snprintf(dataset, sizeof(dataset), "{\"input_toks\": 20, \"output_toks\": 3, \"arrival_time_ns\": 0}\n");
    ws_scenario  *alone    = scenario_of(dataset, 1.0);
    const int64_t first_ns = world_need_result(&the_world, alone)->requests[0].end_ns;
    ws_scenario_destroy(&alone);
    for (size_t i = 0; i < sizeof(gaps_ns) / sizeof(gaps_ns[0]); i++) {
        snprintf(dataset, sizeof(dataset),
                 "{\"input_toks\": 20, \"output_toks\": 3, \"arrival_time_ns\": 0}\n"
                 "{\"input_toks\": 20, \"output_toks\": 3, \"arrival_time_ns\": %lld}\n",
                 (long long)(first_ns + gaps_ns[i]));
        ws_scenario             *s          = scenario_of(dataset, 1.0);
        const ws_result         *result     = world_need_result(&the_world, s);
        const ws_request_record *r          = &result->requests[1];
        const int64_t            noticed_ns = (gaps_ns[i] + STEP_NS - 1) / STEP_NS * STEP_NS;
        assert_int_equal(result->requests[0].end_ns, first_ns);
        if (r->queue_ns != noticed_ns - gaps_ns[i]) {
            fail_msg("%lld ns later: expected %lld ns in the queue, found %lld", (long long)gaps_ns[i],
                     (long long)(noticed_ns - gaps_ns[i]), (long long)r->queue_ns);
        }
        ws_scenario_destroy(&s);
    }
}

/* The first poll: of requests that have arrived by then it takes all. */
static void the_clock_starts_at_the_first_alarm(void **state)
{
    (void)state;
    static const struct {
        int64_t arrival_ns;
        double  log_interval_s;
        int64_t queue_ns;
    } rows[] = {{0, 1.0, 1}, /* 1 ns is the least */
                {1, 1.0, 0},
                {123456789, 1.0, 0},                        /* at the arrival */
                {123456789, 0.1, 24 * STEP_NS - 23456789}}; /* at the log interval, then 1 ms steps */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char dataset[128];
        snprintf(dataset, sizeof(dataset),
                 "{\"input_toks\": 20, \"output_toks\": 3, \"arrival_time_ns\": %lld}\n",
                 (long long)rows[i].arrival_ns);
        ws_scenario     *s      = scenario_of(dataset, rows[i].log_interval_s);
        const ws_result *result = world_need_result(&the_world, s);
        if (result->requests[0].queue_ns != rows[i].queue_ns) {
            fail_msg("row %zu: expected %lld ns in the queue, found %lld", i, (long long)rows[i].queue_ns,
                     (long long)result->requests[0].queue_ns);
        }
        ws_scenario_destroy(&s);
    }
}

/* Samples at polls, each later than its multiple of the interval by less than a step of the run and an idle
 * step, never two at one poll; the last one is the end. */
static void heartbeats_come_with_polls(void **state)
{
    (void)state;
    ws_scenario     *s = scenario_of("{\"input_toks\": 20, \"output_toks\": 40, \"arrival_time_ns\": 0}\n"
                                         "{\"input_toks\": 20, \"output_toks\": 3, \"arrival_time_ns\": 50500000}\n",
                                     0.01);
    const ws_result *result = world_need_result(&the_world, s);
    const double    *time_s = result->series.columns[WS_SERIES_TIME_S];
    const size_t     n      = result->series.n_samples;
    assert_true(n >= 5);
    for (size_t i = 0; i + 1 < n; i++) {
        assert_true(time_s[i] > 0.01 * (double)(i + 1));
        assert_true(time_s[i] <= 0.01 * (double)(i + 1) + 0.0021);
        assert_true(i == 0 || time_s[i] > time_s[i - 1]);
    }
    assert_true(time_s[n - 1] == (double)result->sim_duration_ns * 1e-9);
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_time_passes_in_steps),
        cmocka_unit_test(the_clock_starts_at_the_first_alarm),
        cmocka_unit_test(heartbeats_come_with_polls),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.event_loop_reference", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
