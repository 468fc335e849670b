#include "sim/run_setup.h"

#include "base/units.h"

/* Windows of the metrics power_*_100ms_w; those of 1 s are ten of them. */
static const int64_t POWER_WINDOW_NS = WS_NS_PER_S / 10;

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
        const ws_tier_config   *t      = &s->tiers[i];
        const ws_kv_tier_config config = {.n_chunks     = t->n_chunks,
                                          .chunk_bytes  = t->chunk_bytes,
                                          .chunk_tokens = t->chunk_tokens,
                                          .block_size   = t->block_size,
                                          .n_prefixes   = n_prefixes};
        WS_TRY(ws_kv_tier_init(&run->tiers[i], &run->arena, &config));
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

ws_status ws_run_set_up(ws_run *run)
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
