/* The event loop without artefacts: arrivals are noticed when they happen, idle time is jumped, instances are looked at
 * together, so that their order in the file does not matter. */
#include "sim/run.h"

enum { STEPS_PER_CHECK = 4096 };

static int64_t batch_end_ns(const ws_instance_run *instance)
{
    const ws_step *step = &instance->step;
    return step->start_end_ns > step->end_end_ns ? step->start_end_ns : step->end_end_ns;
}

static int64_t next_event_ns(const ws_run *run)
{
    int64_t next_ns = ws_arrivals_next_ns(&run->arrivals, run->requests);
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const ws_instance_run *instance = &run->instances[i];
        if (instance->start.is_busy && batch_end_ns(instance) < next_ns) {
            next_ns = batch_end_ns(instance);
        }
    }
    return next_ns;
}

static ws_status end_batches(ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_instance_run *instance = &run->instances[i];
        if (!instance->start.is_busy || batch_end_ns(instance) > run->now_ns) {
            continue;
        }
        ws_batch *batch = ws_scheduler_find_batch(instance->scheduler, instance->start.n_programs);
        instance->start.is_busy = false;
        instance->start.n_programs++;
        WS_TRY(ws_run_end_batch(run, instance, batch));
    }
    return WS_OK;
}

static ws_status start_batches(ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_instance_run *instance = &run->instances[i];
        ws_batch        *batch    = NULL;
        WS_TRY(ws_scheduler_schedule(instance->scheduler, run->now_ns, run->err, &batch));
        if (batch != NULL) {
            WS_TRY(ws_run_start_batch(run, instance, batch));
            instance->start.is_busy = true;
        }
    }
    return WS_OK;
}

static ws_status sample(ws_run *run, int64_t until_ns)
{
    if (WS_LIKELY(run->samples.next_ns > until_ns && (!run->has_log_samples || run->log_samples.next_ns > until_ns))) {
        return WS_OK;
    }
    const ws_sample_state state = ws_run_sample_state(run);
    WS_TRY(ws_sampler_catch_up(&run->samples, &state, until_ns));
    return run->has_log_samples ? ws_sampler_catch_up(&run->log_samples, &state, until_ns) : WS_OK;
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

ws_status ws_drive_physical(ws_run *run)
{
    for (int64_t round = 1;; round++) {
        const int64_t next_ns = next_event_ns(run);
        if (next_ns == INT64_MAX) {
            return is_drained(run) ? WS_OK : ws_run_explain_deadlock(run);
        }
        WS_TRY(sample(run, next_ns));
        run->now_ns = next_ns;
        WS_TRY(end_batches(run));
        WS_TRY(ws_run_route(run));
        WS_TRY(start_batches(run));
        if (round % STEPS_PER_CHECK == 0) {
            WS_TRY(ws_run_check_limits(run));
        }
    }
    return WS_OK;
}
