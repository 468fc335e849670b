#include "sim/result_build.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "result/percentiles.h"
#include "result/quantile.h"
#include "sim/energy_result.h"
#include "sim/itl.h"
#include "sim/series_build.h"
#include "workload/workload_shape.h"

void ws_result_itl(const ws_result *result, const ws_request_record *record, int64_t *itl_ns_out)
{
    const ws_run *run = result->run;
    ws_itl_expand(&run->requests[record->itl_handle], run->instances[record->instance_id].batch_end_ns,
                  itl_ns_out);
}

size_t ws_result_request_itl(const ws_result *result, size_t i, int64_t *itl_ns, size_t cap)
{
    if (i >= result->n_requests) {
        return 0;
    }
    const ws_request_record *record = &result->requests[i];
    if (record->n_itl <= cap && cap > 0) {
        ws_result_itl(result, record, itl_ns);
    }
    return record->n_itl;
}

/* ---- distributions ---- */

typedef int64_t (*request_value)(const ws_request *request);

static int64_t ttft_of(const ws_request *r)
{
    return r->ttft_ns;
}
static int64_t tpot_of(const ws_request *r)
{
    return r->tpot_ns;
}
static int64_t latency_of(const ws_request *r)
{
    return r->latency_ns;
}
static int64_t queue_of(const ws_request *r)
{
    return r->queue_ns;
}

static ws_status put_request_distributions(ws_run *run, double *metrics)
{
    static const struct {
        ws_metric     first;
        request_value value;
    } columns[]            = {{WS_METRIC_TTFT_MEAN_MS, ttft_of},
                              {WS_METRIC_TPOT_MEAN_MS, tpot_of},
                              {WS_METRIC_LATENCY_MEAN_MS, latency_of},
                              {WS_METRIC_QUEUE_MEAN_MS, queue_of}};
    ws_weighted_ns *values = ws_arena_alloc(&run->arena, run->result.n_requests, sizeof(*values));
    if (values == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++) {
        size_t n = 0;
        for (size_t i = 0; i < run->result.n_requests; i++) {
            const int64_t value = columns[k].value(&run->requests[run->result.requests[i].itl_handle]);
            if (value >= 0) { /* -1: never set */
                values[n++] = (ws_weighted_ns){value, 1};
            }
        }
        WS_TRY(ws_percentiles_ms(&run->arena, values, n, metrics + columns[k].first));
    }
    return WS_OK;
}

static ws_status put_itl_distribution(ws_run *run, double *metrics)
{
    ws_weighted_list gaps = {.values = NULL};
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const ws_instance_run *instance = &run->instances[i];
        WS_TRY(ws_itl_collect(&run->arena, instance->scheduler->done, instance->scheduler->n_done,
                              instance->batch_end_ns, (size_t)instance->scheduler->next_batch_id, &gaps));
    }
    return ws_percentiles_ms(&run->arena, gaps.values, gaps.n, metrics + WS_METRIC_ITL_MEAN_MS);
}

/* ---- requests ---- */

static ws_status list_requests(ws_run *run, ws_request_record **records_out)
{
    ws_result *result = &run->result;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        result->n_requests += run->schedulers[i].n_done;
    }
    ws_request_record *records = ws_arena_alloc(&run->arena, result->n_requests, sizeof(*records));
    if (records == NULL) {
        return WS_ERR_NOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        for (size_t k = 0; k < run->schedulers[i].n_done; k++) {
            const ws_request *r = run->schedulers[i].done[k];
            records[n++]        = (ws_request_record){
                       .request_id    = r->id,
                       .instance_id   = r->instance,
                       .model         = run->scenario->instances[i].model->name,
                       .input_tokens  = r->input,
                       .output_tokens = r->target - r->input,
                       .arrival_ns    = r->arrival_ns,
                       .end_ns        = r->end_ns,
                       .latency_ns    = r->latency_ns,
                       .queue_ns      = r->queue_ns,
                       .ttft_ns       = r->ttft_ns,
                       .tpot_ns       = r->tpot_ns,
                       .n_itl         = (size_t)r->n_tokens_done,
                       .itl_handle    = r->id,
                       .active_j      = NAN,
                       .energy_j      = NAN,
            };
            result->prompt_tokens += r->input;
            result->generated_tokens += r->target - r->input;
        }
    }
    result->requests = records;
    *records_out     = records;
    return WS_OK;
}

/* ---- metrics ---- */

static double mean_itl_ms(const ws_request *r)
{
    return r->n_tokens_done > 0
               ? (double)(r->end_ns - r->arrival_ns - r->ttft_ns) / (double)r->n_tokens_done * WS_MS_PER_NS
               : 0.0;
}

/* 0 = no bound. */
static bool is_within(double ms, double bound_ms)
{
    return !(bound_ms > 0.0) || ms <= bound_ms;
}

/* The bounds of each request; those of the run are ws_slo_is_met()'s. */
static bool meets_slo(const ws_slo *slo, const ws_request *r)
{
    return is_within((double)r->ttft_ns * WS_MS_PER_NS, slo->ttft_ms) &&
           is_within((double)r->tpot_ns * WS_MS_PER_NS, slo->tpot_ms) &&
           is_within((double)r->latency_ns * WS_MS_PER_NS, slo->latency_ms) &&
           is_within((double)r->queue_ns * WS_MS_PER_NS, slo->queue_ms) &&
           is_within(mean_itl_ms(r), slo->itl_ms);
}

static void put_throughput(const ws_run *run, double *metrics)
{
    const ws_result *result   = &run->result;
    int64_t          first_ns = INT64_MAX, last_ns = 0;
    size_t           n_good = 0;
    for (size_t i = 0; i < result->n_requests; i++) {
        const ws_request *r = &run->requests[result->requests[i].itl_handle];
        first_ns            = r->arrival_ns < first_ns ? r->arrival_ns : first_ns;
        last_ns             = r->end_ns > last_ns ? r->end_ns : last_ns;
        n_good += meets_slo(&run->scenario->slo, r);
    }
    const double duration_s       = result->n_requests > 0 ? (double)(last_ns - first_ns) * WS_S_PER_NS : 0.0;
    const double per_s            = duration_s > 0 ? 1.0 / duration_s : NAN;
    metrics[WS_METRIC_DURATION_S] = duration_s;
    metrics[WS_METRIC_N_REQUESTS] = (double)run->scenario->workload->n_requests;
    metrics[WS_METRIC_N_COMPLETED]    = (double)result->n_requests;
    metrics[WS_METRIC_N_REJECTED]     = (double)result->n_rejected;
    metrics[WS_METRIC_PROMPT_TOK_S]   = (double)result->prompt_tokens * per_s;
    metrics[WS_METRIC_DECODE_TOK_S]   = (double)result->generated_tokens * per_s;
    metrics[WS_METRIC_TOTAL_TOK_S]    = (double)(result->prompt_tokens + result->generated_tokens) * per_s;
    metrics[WS_METRIC_REQ_S]          = (double)result->n_requests * per_s;
    metrics[WS_METRIC_GOODPUT_REQ_S]  = (double)n_good * per_s;
    metrics[WS_METRIC_SLO_ATTAINMENT] = (double)n_good / (double)run->scenario->workload->n_requests;
}

static double share_of(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

/* The queue still grew over the last half of arrivals: those of the last quarter saw a clearly longer one. */
static double is_saturated(const ws_run *run)
{
    if (run->n_seen[0] == 0 || run->n_seen[1] == 0) {
        return 0.0;
    }
    const double third = (double)run->queue_seen[0] / (double)run->n_seen[0];
    const double last  = (double)run->queue_seen[1] / (double)run->n_seen[1];
    return last > 1.2 * third + 1.0 ? 1.0 : 0.0;
}

static double is_oversize(const ws_scenario *s)
{
    bool is_oversize = false;
    for (size_t i = 0; i < s->n_instances; i++) {
        is_oversize = is_oversize || s->instances[i].is_oversize;
    }
    return is_oversize ? 1.0 : 0.0;
}

static void put_counts(const ws_run *run, double *metrics)
{
    int64_t n_preemptions = 0, recomputed = 0, requested = 0, npu_hit = 0, tier_hit = 0;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        n_preemptions += run->schedulers[i].n_preemptions;
        recomputed += run->schedulers[i].recomputed_tokens;
        requested += run->instances[i].kv.requested_tokens;
        npu_hit += run->instances[i].kv.npu_hit_tokens;
        tier_hit += run->instances[i].kv.tier_hit_tokens;
    }
    metrics[WS_METRIC_N_STEPS]              = (double)run->n_steps;
    metrics[WS_METRIC_N_PREEMPTIONS]        = (double)n_preemptions;
    metrics[WS_METRIC_RECOMPUTED_TOKENS]    = (double)recomputed;
    metrics[WS_METRIC_PREFIX_HIT_SHARE]     = requested > 0 ? (double)npu_hit / (double)requested : 0.0;
    metrics[WS_METRIC_LOWER_TIER_HIT_SHARE] = requested > 0 ? (double)tier_hit / (double)requested : 0.0;
    metrics[WS_METRIC_NPU_MEM_PEAK_GB]      = run->npu_mem_peak_bytes / (double)WS_BYTES_PER_GB;
    metrics[WS_METRIC_OVERSIZE]             = is_oversize(run->scenario);
    metrics[WS_METRIC_KV_USAGE_PEAK]        = run->kv_usage_peak;
    metrics[WS_METRIC_RUNNING_PEAK]         = (double)run->running_peak;
    metrics[WS_METRIC_OFFERED_REQ_S]        = ws_workload_rate(run->scenario->workload);
    metrics[WS_METRIC_SATURATED]            = is_saturated(run);
    metrics[WS_METRIC_EXTRAPOLATED_SHARE]   = share_of((double)run->n_extrapolated, (double)run->n_steps);
}

/* ---- power ---- */

/* Median, 99th percentile and peak, as the three metrics of a power follow each other. */
static void put_power_quantiles(double *power_w, size_t n, double *metrics)
{
    metrics[0] = ws_quantile(power_w, n, 0.50);
    metrics[1] = ws_quantile(power_w, n, 0.99);
    metrics[2] = ws_largest(power_w, n);
}

static ws_status put_power_series_metrics(ws_run *run, double *metrics)
{
    const ws_series *series = &run->result.series;
    const double    *power  = series->columns[WS_SERIES_POWER_W];
    const size_t     n      = series->n_samples;
    if (power == NULL || n == 0) {
        return WS_OK;
    }
    double *copy = ws_arena_alloc(&run->arena, n, sizeof(*copy));
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    memcpy(copy, power, n * sizeof(*copy));
    put_power_quantiles(copy, n, metrics + WS_METRIC_POWER_P50_W);
    return WS_OK;
}

static ws_status put_window_metrics(ws_run *run, double *metrics)
{
    ws_window_meter *meter = &run->power.ledger.windows;
    double          *power_w;
    size_t           n;
    WS_TRY(ws_window_meter_read(meter, run->now_ns, WS_NS_PER_S / meter->hot.length_ns, &power_w, &n));
    put_power_quantiles(power_w, n, metrics + WS_METRIC_POWER_P50_1S_W);
    WS_TRY(ws_window_meter_read(meter, run->now_ns, 1, &power_w, &n));
    put_power_quantiles(power_w, n, metrics + WS_METRIC_POWER_P50_100MS_W);
    return WS_OK;
}

static ws_status put_energy(ws_run *run, double *metrics)
{
    ws_result   *result  = &run->result;
    const double whole_s = (double)run->now_ns * WS_S_PER_NS;
    double       total_j = 0, state_s[WS_STATE_COUNT] = {0}, npu_s = 0;
    for (size_t node = 0; node < result->n_nodes; node++) {
        if (!result->node_tracked[node]) {
            continue;
        }
        for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
            total_j += result->component_j[node * WS_COMPONENT_COUNT + k];
        }
        for (size_t k = 0; k < WS_STATE_COUNT; k++) {
            state_s[k] += result->npu_state_s[node * WS_STATE_COUNT + k];
            npu_s += result->npu_state_s[node * WS_STATE_COUNT + k];
        }
    }
    metrics[WS_METRIC_ENERGY_J]    = total_j;
    metrics[WS_METRIC_J_PER_TOKEN] = share_of(total_j, (double)result->generated_tokens);
    metrics[WS_METRIC_J_PER_TOTAL_TOKEN] =
        share_of(total_j, (double)(result->prompt_tokens + result->generated_tokens));
    metrics[WS_METRIC_J_PER_REQUEST]     = share_of(total_j, (double)result->n_requests);
    metrics[WS_METRIC_TOK_PER_J]         = share_of((double)result->generated_tokens, total_j);
    metrics[WS_METRIC_POWER_MEAN_W]      = share_of(total_j, whole_s);
    metrics[WS_METRIC_NPU_ACTIVE_SHARE]  = share_of(state_s[WS_STATE_ACTIVE], npu_s);
    metrics[WS_METRIC_NPU_STANDBY_SHARE] = share_of(state_s[WS_STATE_STANDBY], npu_s);
    metrics[WS_METRIC_NPU_IDLE_SHARE]    = share_of(state_s[WS_STATE_IDLE], npu_s);
    WS_TRY(put_power_series_metrics(run, metrics));
    return put_window_metrics(run, metrics);
}

/* ---- all of it ---- */

ws_status ws_run_build_result(ws_run *run)
{
    const ws_scenario *s      = run->scenario;
    ws_result         *result = &run->result;
    *result                   = (ws_result){.sim_duration_ns = run->now_ns,
                                            .n_nodes         = s->n_nodes,
                                            .has_power       = s->has_power,
                                            .has_cxl         = s->has_cxl,
                                            .has_pim         = s->has_pim,
                                            .profile_kind    = s->profile_kind,
                                            .n_rejected      = run->n_rejected,
                                            .rejected        = run->rejections,
                                            .run             = run};
    for (size_t i = 0; i < WS_METRIC_COUNT; i++) {
        result->metrics[i] = NAN;
    }
    ws_request_record *records = NULL;
    WS_TRY(list_requests(run, &records));
    put_throughput(run, result->metrics);
    WS_TRY(put_request_distributions(run, result->metrics));
    WS_TRY(put_itl_distribution(run, result->metrics));
    put_counts(run, result->metrics);
    if (ws_slo_is_set(&s->slo)) {
        result->metrics[WS_METRIC_SLO_MET] = ws_slo_is_met(&s->slo, result->metrics) ? 1.0 : 0.0;
    }
    WS_TRY(ws_series_finish(run));
    WS_TRY(ws_energy_result_fill(run));
    if (s->has_power) {
        WS_TRY(ws_energy_result_share(run, records));
    }
    WS_TRY(ws_series_build(run, &run->samples, &run->power, &result->series));
    result->log = result->series;
    if (run->has_log_samples) {
        WS_TRY(ws_series_build(run, &run->log_samples, &run->log_power, &result->log));
    }
    return s->has_power ? put_energy(run, result->metrics) : WS_OK;
}
