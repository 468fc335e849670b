/* Invariants: batches of one instance end in order at the same times whichever way they are timed; a poller
 * is busy from the hand-out to its program's end and counts each program once; without work there is no
 * event; draining waits for NPUs nobody polls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "timing/executor.h"
#include "world.h"

static world the_world;

typedef struct site {
    ws_scenario *scenario;
    ws_arena     arena;
    ws_executor  executor;
    int64_t      now_ns;
    int64_t      next_id;
} site;

static void site_init(site *s, const char *instance, ws_step_model model)
{
    const ws_options options = ws_options_default();
    *s                       = (site){.now_ns = 100};
    s->scenario =
        world_need_scenario(&the_world, world_cluster(1.0, instance),
                            "{\"input_toks\": 4, \"output_toks\": 2, \"arrival_time_ns\": 0}\n", &options);
    s->scenario->step_model = model;
    ws_arena_init(&s->arena, 0);
    assert_int_equal(ws_executor_init(&s->executor, &s->arena, s->scenario, (ws_kernel_hook){NULL, NULL}),
                     WS_OK);
}

static void site_fini(site *s)
{
    ws_arena_fini(&s->arena);
    ws_scenario_destroy(&s->scenario);
}

static ws_batch batch_of(int64_t id, int64_t n_prompt, int64_t n_decodes)
{
    return (ws_batch){.id             = id,
                      .n_steady       = (size_t)(n_decodes + (n_prompt > 0)),
                      .n_tokens       = n_prompt + n_decodes,
                      .n_prefills     = n_prompt > 0,
                      .prefill_tokens = n_prompt,
                      .n_decodes      = n_decodes,
                      .n_kv_entries   = n_decodes,
                      .kv_sum         = 10 * n_decodes,
                      .kv_max         = n_decodes > 0 ? 10 : 0,
                      .kv_min         = n_decodes > 0 ? 10 : 0};
}

static void run_tick(site *s)
{
    const int64_t next_ns = ws_executor_next_ns(&s->executor, s->now_ns);
    assert_true(next_ns >= s->now_ns && next_ns < INT64_MAX);
    s->now_ns = next_ns;
    assert_int_equal(ws_executor_run_tick(&s->executor, s->now_ns), WS_OK);
}

/* Run a batch on its own from its hand-out to the ends of both pollers. */
static void run_batch(site *s, int64_t n_prompt, int64_t n_decodes, int64_t *start_end_ns,
                      int64_t *end_end_ns)
{
    ws_executor_instance *npus     = &s->executor.instances[0];
    const ws_batch        batch    = batch_of(s->next_id++, n_prompt, n_decodes);
    const size_t          slot     = (size_t)(batch.id % 2);
    const int64_t         n_before = npus->start.n_programs;
    assert_false(ws_executor_is_prepared(npus, slot, &batch));
    assert_int_equal(ws_executor_prepare(&s->executor, 0, slot, &batch, batch.n_tokens, s->now_ns), WS_OK);
    assert_true(ws_executor_is_prepared(npus, slot, &batch));
    assert_int_equal(npus->prepared[slot].report.extrapolates,
                     n_prompt > 256 || n_decodes > 16); /* the grid of the toy profile */
    assert_int_equal(ws_executor_start(&s->executor, 0, slot, s->now_ns), WS_OK);
    assert_true(npus->start.is_busy && npus->prepared[slot].start_has_it);
    const bool has_end = ws_executor_has_end(npus);
    if (has_end) {
        assert_int_equal(ws_executor_join(&s->executor, 0, slot, s->now_ns), WS_OK);
        assert_true(npus->end.is_busy && npus->prepared[slot].end_has_it);
    }
    while (npus->start.is_busy || (has_end && npus->end.is_busy)) {
        const bool start_was_busy = npus->start.is_busy, end_was_busy = npus->end.is_busy;
        run_tick(s);
        *start_end_ns = start_was_busy && !npus->start.is_busy ? s->now_ns : *start_end_ns;
        *end_end_ns   = end_was_busy && !npus->end.is_busy ? s->now_ns : *end_end_ns;
    }
    assert_int_equal(npus->start.n_programs, n_before + 1);
    assert_int_equal(npus->end.n_programs, has_end ? n_before + 1 : 0);
    assert_true(s->executor.has_ended);
}

/* Ten batches of all kinds one after the other, a pause between some: every way of timing them says the same.
 */
static void three_ways_to_time_a_batch_agree(void **state)
{
    (void)state;
    static const struct {
        const char *instance;
        bool        has_closed_form;
    } rows[] = {{"", true},
                {", \"tp_size\": 2", true},
                {", \"tp_size\": 4", true},
                {", \"num_npus\": 2, \"pp_size\": 2", false}};
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        site sites[3];
        for (int model = WS_STEP_CLOSED; model <= WS_STEP_EVENTS; model++) {
            if (model != WS_STEP_CLOSED || rows[k].has_closed_form) {
                site_init(&sites[model], rows[k].instance, (ws_step_model)model);
            }
        }
        ws_rng rng;
        ws_rng_seed(&rng, k);
        for (int i = 0; i < 10; i++) {
            const int64_t n_prompt = ws_rng_below(&rng, 300), n_decodes = 1 + ws_rng_below(&rng, 20);
            const int64_t pause_ns = ws_rng_below(&rng, 2) == 0 ? 0 : ws_rng_below(&rng, 1000000);
            int64_t       ends_ns[3][2];
            for (int model = rows[k].has_closed_form ? WS_STEP_CLOSED : WS_STEP_LOCKSTEP;
                 model <= WS_STEP_EVENTS; model++) {
                site *s = &sites[model];
                s->now_ns += pause_ns;
                ends_ns[model][0] = ends_ns[model][1] = -1;
                run_batch(s, n_prompt, n_decodes, &ends_ns[model][0], &ends_ns[model][1]);
                if (ends_ns[model][0] != ends_ns[WS_STEP_LOCKSTEP][0] && model > WS_STEP_LOCKSTEP) {
                    fail_msg("batch %d: %lld in lockstep, %lld by events", i,
                             (long long)ends_ns[WS_STEP_LOCKSTEP][0], (long long)ends_ns[model][0]);
                }
            }
            for (int end = 0; end < 2; end++) {
                assert_int_equal(ends_ns[WS_STEP_EVENTS][end], ends_ns[WS_STEP_LOCKSTEP][end]);
                assert_true(!rows[k].has_closed_form ||
                            ends_ns[WS_STEP_CLOSED][end] == ends_ns[WS_STEP_EVENTS][end]);
            }
        }
        int64_t drained_ns[3];
        for (int model = rows[k].has_closed_form ? WS_STEP_CLOSED : WS_STEP_LOCKSTEP; model <= WS_STEP_EVENTS;
             model++) {
            site *s = &sites[model];
            assert_int_equal(ws_executor_drain(&s->executor, s->now_ns, &drained_ns[model]), WS_OK);
            assert_true(drained_ns[model] >= s->now_ns);
            assert_int_equal(drained_ns[model],
                             drained_ns[rows[k].has_closed_form ? WS_STEP_CLOSED : WS_STEP_LOCKSTEP]);
            site_fini(s);
        }
    }
}

static void nothing_to_do_is_no_event(void **state)
{
    (void)state;
    for (int model = WS_STEP_CLOSED; model <= WS_STEP_EVENTS; model++) {
        site    s;
        int64_t end_ns = -1, ends_ns[2];
        site_init(&s, "", (ws_step_model)model);
        assert_true(ws_executor_next_ns(&s.executor, s.now_ns) == INT64_MAX);
        assert_int_equal(ws_executor_drain(&s.executor, s.now_ns, &end_ns), WS_OK);
        assert_int_equal(end_ns, s.now_ns);
        run_batch(&s, 10, 3, &ends_ns[0], &ends_ns[1]);
        s.now_ns++;
        assert_true(ws_executor_next_ns(&s.executor, s.now_ns) == INT64_MAX);
        s.executor.has_ended = false;
        assert_int_equal(ws_executor_run_tick(&s.executor, s.now_ns), WS_OK);
        assert_false(s.executor.has_ended);
        site_fini(&s);
    }
}

/* Three stages, three batches in flight: the start NPU becomes free before the first batch leaves the last
 * stage, and ends come in the order of hand-out. */
static void stages_work_at_the_same_time(void **state)
{
    (void)state;
    int64_t ends_ns[2][3] = {{0}};
    for (int model = WS_STEP_LOCKSTEP; model <= WS_STEP_EVENTS; model++) {
        site s;
        site_init(&s, ", \"num_npus\": 3, \"pp_size\": 3", (ws_step_model)model);
        ws_executor_instance *npus      = &s.executor.instances[0];
        int64_t               n_started = 0, n_ended = 0, most_in_flight = 0;
        while (n_ended < 3) {
            if (n_started < 3 && !npus->start.is_busy) {
                const ws_batch batch = batch_of(n_started, 50 * (n_started + 1), 2);
                const size_t   slot  = (size_t)n_started++;
                assert_int_equal(ws_executor_prepare(&s.executor, 0, slot, &batch, batch.n_tokens, s.now_ns),
                                 WS_OK);
                assert_int_equal(ws_executor_start(&s.executor, 0, slot, s.now_ns), WS_OK);
                assert_int_equal(ws_executor_join(&s.executor, 0, slot, s.now_ns), WS_OK);
            }
            run_tick(&s);
            most_in_flight = n_started - npus->end.n_programs > most_in_flight
                                 ? n_started - npus->end.n_programs
                                 : most_in_flight;
            /* in lockstep the end NPU has every batch that was handed out; by events it polls after each */
            assert_true(model != WS_STEP_LOCKSTEP || npus->end.is_busy == (npus->end.n_programs < n_started));
            while (n_ended < npus->end.n_programs) {
                ends_ns[model - WS_STEP_LOCKSTEP][n_ended++] = s.now_ns;
            }
        }
        assert_true(most_in_flight >= 2 && !npus->end.is_busy);
        site_fini(&s);
    }
    assert_memory_equal(ends_ns[0], ends_ns[1], sizeof(ends_ns[0]));
    assert_true(ends_ns[0][0] < ends_ns[0][1] && ends_ns[0][1] < ends_ns[0][2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_ways_to_time_a_batch_agree),
        cmocka_unit_test(nothing_to_do_is_no_event),
        cmocka_unit_test(stages_work_at_the_same_time),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("timing.executor", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
