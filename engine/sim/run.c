#include "sim/run.h"

#include "base/units.h"

/* Keep the totals of used memory and running requests, and their peaks, after an instance's cache has
 * changed. */
static void update_memory(ws_run *run, ws_instance_run *instance)
{
    const ws_instance_config *c         = instance->config;
    const int64_t             used      = ws_block_pool_n_used(&instance->kv.pool);
    const size_t              n_running = run->schedulers[c->index].n_running;
    run->running_peak                   = n_running > run->running_peak ? n_running : run->running_peak;
    if (used == instance->used_blocks) {
        return;
    }
    const double block_bytes = (double)(c->kv_total_bytes_per_token * c->options.block_size);
    run->npu_mem_bytes += (double)(used - instance->used_blocks) * block_bytes;
    instance->used_blocks = used;
    const double usage    = (double)used / (double)c->n_blocks;
    run->kv_usage_peak    = usage > run->kv_usage_peak ? usage : run->kv_usage_peak;
    if (run->npu_mem_bytes > run->npu_mem_peak_bytes) {
        run->npu_mem_peak_bytes = run->npu_mem_bytes;
    }
}

/* What is charged when a batch has ended. */
static inline void charge_ended(const ws_run *run, ws_accounts *accounts, const ws_instance_run *instance,
                                const ws_batch *batch)
{
    if (ws_accounts_tracks(accounts, instance->config)) {
        const size_t slot = ws_scheduler_slot(instance->scheduler, batch);
        ws_charge_end(accounts, instance->config, batch->id, &instance->npus->prepared[slot].report,
                      batch->start_ns, run->now_ns);
    }
}

/* @param[in] group_tokens  longest batch of its DP round; its own length without one */
static ws_status prepare(ws_run *run, ws_instance_run *instance, ws_batch *batch, int64_t group_tokens,
                         ws_batch_purpose purpose)
{
    const size_t       slot     = ws_scheduler_slot(instance->scheduler, batch);
    const ws_prepared *prepared = &instance->npus->prepared[slot];
    WS_TRY(ws_arena_grow(&run->arena, &instance->batch_end_ns, &instance->batch_end_capacity,
                         (size_t)batch->id, (size_t)batch->id + 1, sizeof(*instance->batch_end_ns)));
    WS_TRY(ws_executor_prepare(&run->executor, (size_t)instance->config->index, slot, batch, group_tokens,
                               run->now_ns));
    run->n_steps++;
    run->n_extrapolated += prepared->report.extrapolates;
    update_memory(run, instance);
    if (!run->scenario->has_power) {
        return WS_OK;
    }
    WS_TRY(
        ws_charge_begin(&run->power, instance->config, batch->id, purpose, &prepared->report, run->now_ns));
    return run->has_log_samples ? ws_charge_begin(&run->log_power, instance->config, batch->id, purpose,
                                                  &prepared->report, run->now_ns)
                                : WS_OK;
}

/* Accounts are kept of every batch, so they are small. */
static int32_t narrow(int64_t count)
{
    WS_ASSERT((uint64_t)count <= INT32_MAX);
    return (int32_t)count;
}

WS_HOT ws_status ws_run_prepare_batch(ws_run *run, ws_instance_run *instance, ws_batch *batch)
{
    const ws_batch_purpose purpose = {.prefill_share =
                                          (double)batch->prefill_tokens / (double)batch->n_tokens,
                                      .n_tokens = narrow(batch->n_tokens),
                                      .round    = narrow(batch->id)};
    return prepare(run, instance, batch, batch->n_tokens, purpose);
}

/* Tokens of requests in a batch that is not padded yet: a dummy has none. */
static int64_t tokens_of_requests(const ws_batch *batch)
{
    return batch->n_entries + batch->n_steady > 0 ? batch->n_tokens : 0;
}

WS_HOT ws_status ws_run_close_round(ws_run *run, int32_t group)
{
    int64_t longest = 0, n_tokens = 0, n_prefill = 0;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const ws_instance_run *member = &run->instances[i];
        if (member->config->dp_group == group) {
            longest = member->pending->n_tokens > longest ? member->pending->n_tokens : longest;
            n_tokens += tokens_of_requests(member->pending);
            n_prefill += member->pending->prefill_tokens;
        }
    }
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_instance_run *member = &run->instances[i];
        if (member->config->dp_group != group) {
            continue;
        }
        ws_batch              *batch   = member->pending;
        const ws_batch_purpose purpose = {.prefill_share =
                                              n_tokens > 0 ? (double)n_prefill / (double)n_tokens : 0.0,
                                          .n_tokens = narrow(tokens_of_requests(batch)),
                                          .round    = narrow(member->n_rounds++)};
        batch->n_decodes +=
            longest - batch->n_tokens; /* padding counts as decodes without KV (docs/model/serving.md 6.9) */
        batch->n_tokens = longest;
        member->pending = NULL;
        WS_TRY(prepare(run, member, batch, longest, purpose));
    }
    return WS_OK;
}

/* A request that has all its tokens is done; one whose prompt is goes on to a decode instance. */
static ws_status send_on(ws_run *run, ws_request *request)
{
    if (request->end_ns < 0) {
        ws_scheduler *decode = ws_router_choose_for(&run->router, &run->router.decode, request);
        return ws_scheduler_accept(
            decode != NULL ? decode : ws_router_choose(&run->router, &run->router.decode), request, run->err);
    }
    run->n_completed++;
    return ws_arrivals_release(&run->arrivals, run->scenario->workload, run->requests, request->id,
                               run->now_ns);
}

WS_HOT ws_status ws_run_end_batch(ws_run *run, ws_instance_run *instance, ws_batch *batch)
{
    ws_completion completion;
    instance->batch_end_ns[batch->id] = run->now_ns;
    charge_ended(run, &run->power, instance, batch);
    if (run->has_log_samples) {
        charge_ended(run, &run->log_power, instance, batch);
    }
    WS_TRY(ws_scheduler_complete(instance->scheduler, batch, run->now_ns, &completion));
    run->prompt_tokens += completion.prompt_tokens;
    run->generated_tokens += completion.generated_tokens;
    update_memory(run, instance);
    for (size_t i = 0; i < completion.n_finished; i++) { /* in batch order */
        WS_TRY(send_on(run, completion.finished[i]));
    }
    return WS_OK;
}

ws_sample_state ws_run_sample_state(const ws_run *run)
{
    ws_sample_state state = {
        .prompt_tokens    = run->prompt_tokens,
        .generated_tokens = run->generated_tokens,
        .n_steps          = run->n_steps,
        .npu_mem_gb       = run->npu_mem_bytes * 1e-9,
        .cxl_mem_gb       = run->scenario->cxl_weight_bytes * 1e-9,
    };
    for (size_t i = 0; i < run->scenario->n_tiers; i++) {
        if (run->scenario->tiers[i].node == WS_NO_NODE) {
            const double used = (double)ws_block_pool_n_used(&run->tiers[i].pool);
            state.cxl_mem_gb += used * (double)run->scenario->tiers[i].chunk_bytes * 1e-9;
        }
    }
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        state.n_running += (int64_t)run->schedulers[i].n_running;
        state.n_waiting += (int64_t)run->schedulers[i].n_waiting;
    }
    return state;
}

ws_status ws_run_check_limits(const ws_run *run)
{
    const ws_run_limits *limits = &run->limits;
    if ((limits->should_stop != NULL && limits->should_stop(limits->ctx)) ||
        (limits->max_steps > 0 && run->n_steps >= limits->max_steps)) {
        return ws_error_add(run->err, WS_ERR_TIMEOUT, "stopped after %lld steps, at %.3f s of simulated time",
                            (long long)run->n_steps, (double)run->now_ns * 1e-9);
    }
    return WS_OK;
}
