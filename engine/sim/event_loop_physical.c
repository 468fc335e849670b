/* The event loop without artefacts: arrivals are noticed when they happen, idle time is jumped, instances are
 * looked at together, so that their order in the file does not matter. */
#include "sim/event_loop_physical.h"

#include "sim/admission.h"
#include "sim/run_failure.h"

enum { ROUNDS_PER_CHECK = 4096, SAMPLES_PER_CHECK = 65536 };

/* ---- ends ---- */

/* Note program ends on the batches they belong to: programs end in the order of batch ids on every NPU. */
static void note_end(ws_instance_run *instance, const ws_poller *poller, int64_t *n_seen, uint32_t bit)
{
    while (*n_seen < poller->n_programs) {
        ws_batch *batch = ws_scheduler_find_batch(instance->scheduler, (*n_seen)++);
        WS_ASSERT(batch != NULL);
        batch->ends |= bit;
    }
}

static ws_status end_batches(ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_instance_run *instance = &run->instances[i];
        if (instance->npus->start.n_programs == instance->n_seen_start &&
            instance->npus->end.n_programs == instance->n_seen_end) {
            continue;
        }
        note_end(instance, &instance->npus->start, &instance->n_seen_start, WS_POLLER_START);
        note_end(instance, &instance->npus->end, &instance->n_seen_end, WS_POLLER_END);
        const uint32_t all = ws_run_all_ends(instance);
        for (;;) {
            ws_batch *batch = ws_scheduler_find_batch(instance->scheduler, instance->n_ended);
            if (batch == NULL || batch->ends != all) {
                break;
            }
            instance->n_ended++;
            WS_TRY(ws_run_end_batch(run, instance, batch));
        }
    }
    return WS_OK;
}

/* ---- starts ---- */

static bool can_open(const ws_instance_run *instance)
{
    return !instance->npus->start.is_busy &&
           (int64_t)instance->scheduler->n_in_flight < instance->scheduler->config.pp_size;
}

static ws_status hand_out(ws_run *run, ws_instance_run *instance, const ws_batch *batch)
{
    const size_t slot = ws_scheduler_slot(instance->scheduler, batch), i = (size_t)instance->config->index;
    WS_TRY(ws_executor_start(&run->executor, i, slot, run->now_ns));
    return ws_executor_has_end(instance->npus) ? ws_executor_join(&run->executor, i, slot, run->now_ns)
                                               : WS_OK;
}

static ws_status start_batch(ws_run *run, ws_instance_run *instance)
{
    ws_batch *batch = NULL;
    if (!can_open(instance)) {
        return WS_OK;
    }
    WS_TRY(ws_scheduler_schedule(instance->scheduler, run->now_ns, run->err, &batch));
    if (batch == NULL) {
        return WS_OK;
    }
    WS_TRY(ws_run_prepare_batch(run, instance, batch));
    return hand_out(run, instance, batch);
}

static bool is_member(const ws_instance_run *instance, int32_t group)
{
    return instance->config->dp_group == group;
}

/* A round of a DP group starts when every member is free and one has work; the others add dummies. */
static ws_status start_round(ws_run *run, int32_t group)
{
    const size_t n        = run->scenario->n_instances;
    bool         has_work = false;
    for (size_t i = 0; i < n; i++) {
        if (is_member(&run->instances[i], group) && !can_open(&run->instances[i])) {
            return WS_OK;
        }
    }
    for (size_t i = 0; i < n; i++) {
        ws_instance_run *member = &run->instances[i];
        if (is_member(member, group)) {
            WS_TRY(ws_scheduler_schedule(member->scheduler, run->now_ns, run->err, &member->pending));
            has_work = has_work || member->pending != NULL;
        }
    }
    if (!has_work) {
        return WS_OK;
    }
    for (size_t i = 0; i < n; i++) {
        ws_instance_run *member = &run->instances[i];
        if (is_member(member, group)) {
            if (member->pending == NULL) {
                WS_TRY(ws_scheduler_dummy(member->scheduler, run->now_ns, &member->pending));
            }
            member->round_batch = member->pending;
        }
    }
    WS_TRY(ws_run_close_round(run, group));
    for (size_t i = 0; i < n; i++) {
        if (is_member(&run->instances[i], group)) {
            WS_TRY(hand_out(run, &run->instances[i], run->instances[i].round_batch));
        }
    }
    return WS_OK;
}

static ws_status start_batches(ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        if (run->instances[i].config->dp_group == WS_NO_GROUP) {
            WS_TRY(start_batch(run, &run->instances[i]));
        }
    }
    for (size_t group = 0; group < run->scenario->n_groups; group++) {
        WS_TRY(start_round(run, (int32_t)group));
    }
    return WS_OK;
}

/* ---- the loop ---- */

/* A long wait may be millions of samples: limits are looked at on the way. */
static ws_status catch_up(ws_run *run, ws_sampler *sampler, const ws_sample_state *state, int64_t until_ns)
{
    while (sampler->next_ns <= until_ns &&
           (until_ns - sampler->next_ns) / sampler->interval_ns >= SAMPLES_PER_CHECK) {
        WS_TRY(ws_sampler_catch_up(sampler, state,
                                   sampler->next_ns + (SAMPLES_PER_CHECK - 1) * sampler->interval_ns));
        WS_TRY(ws_run_check_limits(run));
    }
    return ws_sampler_catch_up(sampler, state, until_ns);
}

static ws_status sample(ws_run *run, int64_t until_ns)
{
    if (WS_LIKELY(run->samples.next_ns > until_ns &&
                  (!run->has_log_samples || run->log_samples.next_ns > until_ns))) {
        return WS_OK;
    }
    const ws_sample_state state = ws_run_sample_state(run);
    WS_TRY(catch_up(run, &run->samples, &state, until_ns));
    return run->has_log_samples ? catch_up(run, &run->log_samples, &state, until_ns) : WS_OK;
}

/* Run events inside batches up to the first one that ends a program, or to the next arrival. */
static ws_status advance(ws_run *run, int64_t arrival_ns)
{
    ws_executor *x = &run->executor;
    x->has_ended   = false;
    while (!x->has_ended) {
        const int64_t event_ns = ws_executor_next_ns(x, run->now_ns);
        const int64_t next_ns  = event_ns < arrival_ns ? event_ns : arrival_ns;
        if (next_ns == INT64_MAX) {
            return WS_OK; /* nothing can happen: the caller looks into it */
        }
        WS_TRY(sample(run, next_ns));
        run->now_ns = next_ns;
        if (event_ns == next_ns) {
            WS_TRY(ws_executor_run_tick(x, next_ns));
        }
        if (next_ns == arrival_ns) {
            return WS_OK;
        }
    }
    return WS_OK;
}

/* Nothing waits or runs anywhere. With a repeated session id some sub-requests are never released. */
static bool is_drained(const ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        if (!ws_scheduler_is_empty(&run->schedulers[i])) {
            return false;
        }
    }
    return run->arrivals.next == run->arrivals.n;
}

/* All requests are done; the run ends when the last NPU does. */
static ws_status drain(ws_run *run)
{
    int64_t end_ns = 0;
    WS_TRY(ws_executor_drain(&run->executor, run->now_ns, &end_ns));
    WS_TRY(sample(run, end_ns));
    run->now_ns = end_ns;
    return WS_OK;
}

WS_HOT ws_status ws_event_loop_physical(ws_run *run)
{
    for (int64_t round = 1;; round++) {
        const int64_t arrival_ns = ws_arrivals_next_ns(&run->arrivals, run->requests);
        if (arrival_ns == INT64_MAX) {
            if (is_drained(run)) {
                return drain(run);
            }
            if (ws_executor_next_ns(&run->executor, run->now_ns) == INT64_MAX) {
                return ws_run_explain_deadlock(run);
            }
        }
        WS_TRY(advance(run, arrival_ns));
        WS_TRY(end_batches(run));
        WS_TRY(ws_run_route(run));
        WS_TRY(start_batches(run));
        if (round % ROUNDS_PER_CHECK == 0) {
            WS_TRY(ws_run_check_limits(run));
        }
    }
}
