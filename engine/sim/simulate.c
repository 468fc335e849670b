#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "sim/run.h"

/* Windows of the metrics power_*_100ms_w; those of 1 s are ten of them. */
static const int64_t POWER_WINDOW_NS = WS_NS_PER_S / 10;

ws_status ws_run_create(ws_run **run_out)
{
    *run_out    = NULL;
    ws_run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_arena_init(&run->arena, 0);
    *run_out = run;
    return WS_OK;
}

void ws_run_destroy(ws_run **run)
{
    if (*run != NULL) {
        ws_arena_fini(&(*run)->arena);
    }
    free(*run);
    *run = NULL;
}

/* ---- set-up ---- */

static ws_status init_requests(ws_run *run)
{
    const ws_workload *workload = run->scenario->workload;
    run->requests               = ws_arena_alloc(&run->arena, workload->n_requests, sizeof(*run->requests));
    if (run->requests == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < workload->n_requests; i++) {
        const ws_workload_request *source = &workload->requests[i];
        run->requests[i]                  = (ws_request){
                             .id         = (uint32_t)i,
                             .input      = source->input_tokens,
                             .reached    = source->input_tokens,
                             .target     = source->target_tokens,
                             .arrival_ns = source->arrival_ns,
                             .instance   = -1,
                             .is_initial = !run->scenario->options.skip_prefill,
                             .n_indexed  = WS_NO_RECORD,
                             .ttft_ns    = -1,
                             .tpot_ns    = -1,
                             .latency_ns = -1,
                             .queue_ns   = -1,
                             .end_ns     = -1,
        };
    }
    return WS_OK;
}

/* Blocks a request's table may need: its whole length, twice that where a hand-off counts hits twice
 * (docs/model/serving.md Q-7). */
static size_t table_capacity(const ws_scenario *scenario, const ws_instance_config *c)
{
    const int64_t factor = c->role == WS_ROLE_DECODE ? 2 : 1;
    return (size_t)(factor * (scenario->workload->max_target_tokens + 1) / c->options.block_size + 2);
}

static ws_status init_tiers(ws_run *run)
{
    const ws_scenario *s          = run->scenario;
    size_t             n_prefixes = 0;
    for (size_t i = 0; i < s->n_instances; i++) {
        n_prefixes = s->instances[i].prefixes.n_prefixes > n_prefixes ? s->instances[i].prefixes.n_prefixes
                                                                      : n_prefixes;
    }
    run->tiers = ws_arena_calloc(&run->arena, s->n_tiers, sizeof(*run->tiers));
    if (run->tiers == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_tiers; i++) {
        const ws_tier_config *t = &s->tiers[i];
        WS_TRY(ws_kv_tier_init(&run->tiers[i], &run->arena, t->n_chunks, t->block_size, t->chunk_tokens,
                               t->chunk_bytes, n_prefixes));
    }
    return WS_OK;
}

static ws_status init_instance(ws_run *run, size_t i)
{
    const ws_scenario        *scenario = run->scenario;
    const ws_instance_config *c        = &scenario->instances[i];
    ws_instance_run          *instance = &run->instances[i];
    const ws_kv_cache_config  kv       = {.n_blocks       = c->n_blocks,
                                          .block_size     = (int32_t)c->options.block_size,
                                          .is_caching     = c->options.enable_prefix_caching,
                                          .prefixes       = c->prefixes,
                                          .tier           = c->tier != WS_NO_TIER ? &run->tiers[c->tier] : NULL,
                                          .table_capacity = table_capacity(scenario, c)};
    const ws_scheduler_config serving  = {
         .instance                     = c->index,
         .role                         = c->role,
         .max_num_seqs                 = c->options.max_num_seqs,
         .token_budget                 = c->token_budget,
         .long_prefill_token_threshold = c->options.long_prefill_token_threshold,
         .pp_size                      = c->pp_size,
         .max_prompt_tokens            = c->max_prompt_tokens,
         .max_total_tokens             = c->max_total_tokens,
         .enable_chunked_prefill       = c->options.enable_chunked_prefill,
         .reserve_full_isl             = c->options.reserve_full_isl,
         .lists_every_request          = c->options.enable_attn_offloading,
         .notes_work                   = scenario->has_power,
         .queue_until_last_chunk       = scenario->fidelity == WS_FIDELITY_REFERENCE,
         .counts_tokens_ahead          = scenario->fidelity == WS_FIDELITY_REFERENCE,
         .ends_by_length               = scenario->fidelity == WS_FIDELITY_REFERENCE,
    };
    instance->config    = c;
    instance->scheduler = &run->schedulers[i];
    WS_TRY(ws_kv_cache_init(&instance->kv, &run->arena, &kv));
    run->npu_mem_bytes += (double)c->weight_total_bytes;
    return ws_scheduler_init(instance->scheduler, &run->arena, &instance->kv, &serving);
}

static ws_status init_power(ws_run *run)
{
    const ws_scenario *s = run->scenario;
    run->has_log_samples = s->log_interval_ns != s->power_interval_ns && s->fidelity == WS_FIDELITY_PHYSICAL;
    ws_sampler_init(&run->samples, &run->arena,
                    s->fidelity == WS_FIDELITY_REFERENCE ? s->log_interval_ns : s->power_interval_ns);
    ws_sampler_init(&run->log_samples, &run->arena, s->log_interval_ns);
    WS_TRY(ws_accounts_init(&run->power, &run->arena, s, run->samples.interval_ns, true));
    ws_window_meter_init(&run->power.ledger.windows, &run->arena, POWER_WINDOW_NS);
    return run->has_log_samples ? ws_accounts_init(&run->log_power, &run->arena, s, s->log_interval_ns, false)
                                : WS_OK;
}

/* What charging kernel by kernel hears of them. */
static void note_kernel(void *ctx, const ws_instance_config *c, int64_t npu, int64_t batch_id, bool is_start,
                        int64_t now_ns)
{
    ws_run *run = ctx;
    ws_charge_note_kernel(&run->power, c, npu, batch_id, is_start, now_ns);
    if (run->has_log_samples) {
        ws_charge_note_kernel(&run->log_power, c, npu, batch_id, is_start, now_ns);
    }
}

static ws_status init_run(ws_run *run)
{
    const ws_scenario *s = run->scenario;
    WS_TRY(init_requests(run));
    run->schedulers = ws_arena_calloc(&run->arena, s->n_instances, sizeof(*run->schedulers));
    run->instances  = ws_arena_calloc(&run->arena, s->n_instances, sizeof(*run->instances));
    if (run->schedulers == NULL || run->instances == NULL) {
        return WS_ERR_NOMEM;
    }
    WS_TRY(init_tiers(run));
    for (size_t i = 0; i < s->n_instances; i++) {
        WS_TRY(init_instance(run, i));
    }
    run->npu_mem_peak_bytes = run->npu_mem_bytes;
    /* the reference seeds its router with 42 whatever the run's seed is (docs/model/serving.md 3) */
    const uint64_t seed = s->fidelity == WS_FIDELITY_REFERENCE ? 42 : (uint64_t)s->options.seed;
    WS_TRY(ws_router_init(&run->router, &run->arena, (ws_router_policy)s->options.request_routing_policy,
                          seed, run->schedulers, s->n_instances));
    WS_TRY(ws_arrivals_init(&run->arrivals, &run->arena, s->workload));
    WS_TRY(init_power(run));
    const bool follows = s->has_power && run->power.charging == WS_CHARGE_KERNELS;
    WS_TRY(ws_executor_init(&run->executor, &run->arena, s,
                            (ws_kernel_hook){.ctx = run, .on_kernel = follows ? note_kernel : NULL}));
    for (size_t i = 0; i < s->n_instances; i++) {
        run->instances[i].npus = &run->executor.instances[i];
    }
    return WS_OK;
}

/* ---- what both event loops do ---- */

/* How long the queue is when a request arrives, kept for the third and the last quarter of arrivals. */
static void note_queue_length(ws_run *run, const ws_scheduler *scheduler)
{
    const size_t n = run->scenario->workload->n_requests, i = run->arrivals.next;
    if (2 * i < n) {
        return;
    }
    const int quarter = 4 * i >= 3 * n;
    run->queue_seen[quarter] += (int64_t)scheduler->n_waiting;
    run->n_seen[quarter]++;
}

/* What an instance would say to a request. */
static ws_rejection explain_rejection(const ws_instance_config *c, const ws_request *request)
{
    if (request->target > c->max_model_len) {
        return (ws_rejection){.reason = WS_REJECT_MODEL_LEN, .limit = c->max_model_len, .instance = c->index};
    }
    if (!c->options.enable_chunked_prefill && request->input > c->token_budget && c->role != WS_ROLE_DECODE) {
        return (ws_rejection){.reason = WS_REJECT_BUDGET, .limit = c->token_budget, .instance = c->index};
    }
    return (ws_rejection){
        .reason = WS_REJECT_KV_CACHE, .limit = c->n_blocks * c->options.block_size, .instance = c->index};
}

/* The instance whose limit is the last to be passed: of those that take requests over, if there are any. */
static const ws_instance_config *most_able(const ws_run *run, const ws_request *request)
{
    const ws_scenario        *s    = run->scenario;
    const ws_instance_config *best = &s->instances[0];
    for (size_t i = 0; i < s->n_instances; i++) {
        const ws_instance_config *c = &s->instances[i];
        if (!ws_scheduler_can_serve(&run->schedulers[i], request) &&
            (ws_scheduler_can_serve(&run->schedulers[best->index], request) ||
             c->max_total_tokens > best->max_total_tokens ||
             (c->max_total_tokens == best->max_total_tokens && c->role == WS_ROLE_DECODE))) {
            best = c;
        }
    }
    return best;
}

static ws_status note_rejection(ws_run *run, const ws_request *request, ws_rejection rejection)
{
    rejection.request_id    = request->id;
    rejection.line          = run->scenario->workload->requests[request->id].line;
    rejection.input_tokens  = request->input;
    rejection.output_tokens = request->target - request->input;
    rejection.arrival_ns    = request->arrival_ns;
    rejection.model         = run->scenario->instances[0].model->name;
    WS_TRY(ws_arena_grow(&run->arena, &run->rejections, &run->rejected_capacity, run->n_rejected,
                         run->n_rejected + 1, sizeof(*run->rejections)));
    run->rejections[run->n_rejected++] = rejection;
    return WS_OK;
}

/* Calls that would follow in its session are never made. */
static ws_status reject(ws_run *run, const ws_request *request)
{
    WS_TRY(note_rejection(run, request, explain_rejection(most_able(run, request), request)));
    uint32_t       first = 0;
    const uint32_t n = ws_arrivals_end_session(&run->arrivals, run->scenario->workload, request->id, &first);
    for (uint32_t id = first; id < first + n; id++) {
        WS_TRY(note_rejection(run, &run->requests[id], (ws_rejection){.reason = WS_REJECT_SESSION}));
    }
    return WS_OK;
}

ws_status ws_run_route(ws_run *run)
{
    ws_arrivals *arrivals = &run->arrivals;
    while (arrivals->next < arrivals->n) {
        ws_request *request = &run->requests[arrivals->ids[arrivals->next]];
        if (request->arrival_ns > run->now_ns) {
            break;
        }
        ws_scheduler *scheduler = ws_router_choose_for(&run->router, &run->router.entry, request);
        if (WS_UNLIKELY(scheduler == NULL)) {
            WS_TRY(reject(run, request));
            arrivals->next++;
            continue;
        }
        note_queue_length(run, scheduler);
        if (run->scenario->fidelity == WS_FIDELITY_PHYSICAL) {
            request->recent_end_ns = request->arrival_ns; /* counts where no first token is noted */
        }
        WS_TRY(ws_scheduler_add(scheduler, request));
        arrivals->next++;
    }
    return WS_OK;
}

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
    run->n_extrapolated += prepared->extrapolates;
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

ws_status ws_run_explain_deadlock(ws_run *run)
{
    ws_status status = WS_OK;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const ws_status stuck = explain_stuck(run, &run->instances[i]);
        const ws_status blocked =
            stuck == WS_OK ? ws_scheduler_explain_block(&run->schedulers[i], run->err) : stuck;
        status = status != WS_OK ? status : blocked;
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

/* What the run needs and has; and what for, where a short interval is the likely reason. */
static ws_status explain_memory(const ws_run *run)
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

/* Nothing was served: how many requests fell to what, with the first of each kind. */
static ws_status explain_empty(const ws_run *run)
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

ws_status ws_simulate(const ws_scenario *scenario, ws_run *run, const ws_run_limits *limits, ws_error *err,
                      const ws_result **result_out)
{
    *result_out              = NULL;
    const ws_arena arena     = run->arena;
    *run                     = (ws_run){.arena = arena, .scenario = scenario, .err = err};
    run->limits              = limits != NULL ? *limits : (ws_run_limits){0};
    run->arena.limit_bytes   = run->limits.memory_bytes;
    run->arena.refused_bytes = 0;
    ws_arena_reset(&run->arena);
    ws_status status = init_run(run);
    if (status == WS_OK) {
        status = scenario->fidelity == WS_FIDELITY_REFERENCE ? ws_event_loop_reference(run)
                                                             : ws_event_loop_physical(run);
    }
    if (status == WS_OK && run->n_completed == 0 && run->n_rejected > 0) {
        status = explain_empty(run);
    }
    if (status == WS_OK) {
        status = ws_run_build_result(run);
    }
    if (status == WS_ERR_NOMEM && run->arena.refused_bytes > 0) {
        status = explain_memory(run);
    }
    WS_TRY(status);
    *result_out = &run->result;
    return WS_OK;
}
