#include "sim/run_failure.h"

#include <stdio.h>

#include "base/units.h"

/* An instance that waits for an event that never comes. */
static ws_status explain_stuck(const ws_run *run, const ws_instance_run *instance)
{
    const ws_scheduler *scheduler = instance->scheduler;
    if (scheduler->n_in_flight == 0 && scheduler->n_running == 0) {
        return WS_OK;
    }
    return ws_error_add(
        run->err, WS_ERR_INFEASIBLE,
        "instance %d: %zu batches in flight with %zu running requests never end (stopped at %.3f s): a "
        "collective or message never finds its partner in this topology, or a DP round was closed "
        "without the batch",
        instance->config->index, scheduler->n_in_flight, scheduler->n_running,
        (double)run->now_ns * WS_S_PER_NS);
}

ws_status ws_run_explain_deadlock(const ws_run *run)
{
    ws_status status = WS_OK;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_status each = explain_stuck(run, &run->instances[i]);
        if (each == WS_OK) {
            each = ws_scheduler_explain_block(&run->schedulers[i], run->err);
        }
        status = ws_status_worse(status, each);
    }
    return status != WS_OK
               ? status
               : ws_error_add(
                     run->err, WS_ERR_INFEASIBLE,
                     "no instance has work left at %.3f s, but %lld of %zu requests are not finished: "
                     "their sessions were never continued",
                     (double)run->now_ns * WS_S_PER_NS,
                     (long long)((int64_t)run->scenario->workload->n_requests - run->n_completed -
                                 (int64_t)run->n_rejected),
                     run->scenario->workload->n_requests);
}

ws_status ws_run_explain_memory(const ws_run *run)
{
    const double      budget_bytes = (double)run->limits.memory_bytes;
    const ws_sampler *samples      = &run->samples;
    if (run->has_log_samples && run->log_samples.n_samples > samples->n_samples) {
        samples = &run->log_samples;
    }
    char series[96] = "";
    if ((double)samples->n_samples * sizeof(double) * WS_SERIES_COUNT > budget_bytes / 8.0) {
        (void)snprintf(series, sizeof series, "; its series have %zu intervals of %g s so far",
                       samples->n_samples, (double)samples->interval_ns * WS_S_PER_NS);
    }
    return ws_error_add(run->err, WS_ERR_MEMORY_BUDGET,
                        "the run needs at least %.1f MB, its memory budget is %.1f MB%s",
                        (double)run->arena.refused_bytes * 1e-6, budget_bytes * 1e-6, series);
}

ws_status ws_run_explain_empty(const ws_run *run)
{
    size_t n[WS_REJECT_COUNT] = {0}, first[WS_REJECT_COUNT] = {0};
    for (size_t i = run->n_rejected; i-- > 0;) {
        n[run->rejections[i].reason]++;
        first[run->rejections[i].reason] = i;
    }
    ws_status status = WS_ERR_INFEASIBLE;
    for (int reason = 0; reason < WS_REJECT_COUNT; reason++) {
        const ws_rejection *r = &run->rejections[first[reason]];
        if (n[reason] > 0) {
            status =
                ws_error_add(run->err, WS_ERR_INFEASIBLE,
                             "no instance can serve any request: %zu of %zu rejected, %s; the first is "
                             "request %lld (line %lld of the dataset) of %lld + %lld tokens, instance %d "
                             "takes at most %lld",
                             n[reason], run->n_rejected, ws_reject_reason_text((ws_reject_reason)reason),
                             (long long)r->request_id, (long long)r->line, (long long)r->input_tokens,
                             (long long)r->output_tokens, (int)r->instance, (long long)r->limit);
        }
    }
    return status;
}
