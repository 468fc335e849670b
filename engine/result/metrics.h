/* result/metrics.h -- the closed list of metrics, the same names in summary JSON, HDF5, tables and
 * objectives. Definitions: docs/model/serving.md 9.4. NaN where a metric has no meaning in a run (energy
 * without power tracking, means of nothing). */
#ifndef WS_METRICS_H
#define WS_METRICS_H

#define WS_LATENCY_METRICS(X, ID, name, what)                                                                \
    X(WS_METRIC_##ID##_MEAN_MS, name "_mean_ms", "ms", "mean " what)                                         \
    X(WS_METRIC_##ID##_P50_MS, name "_p50_ms", "ms", "median " what)                                         \
    X(WS_METRIC_##ID##_P90_MS, name "_p90_ms", "ms", "90th percentile of " what)                             \
    X(WS_METRIC_##ID##_P95_MS, name "_p95_ms", "ms", "95th percentile of " what)                             \
    X(WS_METRIC_##ID##_P99_MS, name "_p99_ms", "ms", "99th percentile of " what)

/* X(ID, name, unit, description) */
#define WS_METRIC_LIST(X)                                                                                    \
    X(WS_METRIC_DURATION_S, "duration_s", "s", "first arrival to last completion")                           \
    X(WS_METRIC_N_REQUESTS, "n_requests", "1", "requests in the workload")                                   \
    X(WS_METRIC_N_COMPLETED, "n_completed", "1", "requests finished")                                        \
    X(WS_METRIC_N_REJECTED, "n_rejected", "1", "requests rejected: no instance can serve them")              \
    X(WS_METRIC_PROMPT_TOK_S, "prompt_tok_s", "1/s", "prompt tokens per second")                             \
    X(WS_METRIC_DECODE_TOK_S, "decode_tok_s", "1/s", "generated tokens per second")                          \
    X(WS_METRIC_TOTAL_TOK_S, "total_tok_s", "1/s", "prompt and generated tokens per second")                 \
    X(WS_METRIC_REQ_S, "req_s", "1/s", "finished requests per second")                                       \
    X(WS_METRIC_GOODPUT_REQ_S, "goodput_req_s", "1/s",                                                       \
      "requests within every SLO bound of a request, per second")                                            \
    X(WS_METRIC_SLO_ATTAINMENT, "slo_attainment", "1",                                                       \
      "share of requests within every SLO bound of a request")                                               \
    X(WS_METRIC_SLO_MET, "slo_met", "1", "1 if every bound of the SLO holds, 0 if one is broken")            \
    WS_LATENCY_METRICS(X, TTFT, "ttft", "time to first token")                                               \
    WS_LATENCY_METRICS(X, TPOT, "tpot", "time per output token")                                             \
    WS_LATENCY_METRICS(X, ITL, "itl", "inter-token latency, all requests pooled")                            \
    WS_LATENCY_METRICS(X, LATENCY, "latency", "arrival to last token")                                       \
    WS_LATENCY_METRICS(X, QUEUE, "queue", "queuing delay")                                                   \
    X(WS_METRIC_ENERGY_J, "energy_j", "J", "energy of all tracked nodes")                                    \
    X(WS_METRIC_J_PER_TOKEN, "j_per_token", "J", "energy per generated token")                               \
    X(WS_METRIC_J_PER_TOTAL_TOKEN, "j_per_total_token", "J", "energy per prompt or generated token")         \
    X(WS_METRIC_J_PER_REQUEST, "j_per_request", "J", "energy per finished request")                          \
    X(WS_METRIC_TOK_PER_J, "tok_per_j", "1/J", "generated tokens per joule")                                 \
    X(WS_METRIC_POWER_MEAN_W, "power_mean_w", "W", "mean power")                                             \
    X(WS_METRIC_POWER_P50_W, "power_p50_w", "W", "median of the power series")                               \
    X(WS_METRIC_POWER_P99_W, "power_p99_w", "W", "99th percentile of the power series")                      \
    X(WS_METRIC_POWER_PEAK_W, "power_peak_w", "W", "largest mean power of an interval")                      \
    X(WS_METRIC_POWER_P50_1S_W, "power_p50_1s_w", "W", "median of the mean power of windows of 1 s")         \
    X(WS_METRIC_POWER_P99_1S_W, "power_p99_1s_w", "W", "99th percentile over windows of 1 s")                \
    X(WS_METRIC_POWER_PEAK_1S_W, "power_peak_1s_w", "W", "largest mean power of a window of 1 s")            \
    X(WS_METRIC_POWER_P50_100MS_W, "power_p50_100ms_w", "W",                                                 \
      "median of the mean power of windows of 100 ms")                                                       \
    X(WS_METRIC_POWER_P99_100MS_W, "power_p99_100ms_w", "W", "99th percentile over windows of 100 ms")       \
    X(WS_METRIC_POWER_PEAK_100MS_W, "power_peak_100ms_w", "W", "largest mean power of a window of 100 ms")   \
    X(WS_METRIC_NPU_ACTIVE_SHARE, "npu_active_share", "1", "share of NPU-seconds active")                    \
    X(WS_METRIC_NPU_STANDBY_SHARE, "npu_standby_share", "1", "share of NPU-seconds in standby")              \
    X(WS_METRIC_NPU_IDLE_SHARE, "npu_idle_share", "1", "share of NPU-seconds idle")                          \
    X(WS_METRIC_N_STEPS, "n_steps", "1", "batches run, over all instances")                                  \
    X(WS_METRIC_N_PREEMPTIONS, "n_preemptions", "1", "preemptions")                                          \
    X(WS_METRIC_RECOMPUTED_TOKENS, "recomputed_tokens", "1", "tokens computed again after a preemption")     \
    X(WS_METRIC_PREFIX_HIT_SHARE, "prefix_hit_share", "1", "prompt tokens found in the NPU's prefix cache")  \
    X(WS_METRIC_LOWER_TIER_HIT_SHARE, "lower_tier_hit_share", "1", "prompt tokens found in a lower tier")    \
    X(WS_METRIC_NPU_MEM_PEAK_GB, "npu_mem_peak_gb", "GB", "largest memory use of all NPUs together")         \
    X(WS_METRIC_OVERSIZE, "oversize", "1", "1 if an NPU is said to have more memory than its board")         \
    X(WS_METRIC_KV_USAGE_PEAK, "kv_usage_peak", "1", "largest share of an instance's KV blocks in use")      \
    X(WS_METRIC_RUNNING_PEAK, "running_peak", "1", "most requests running at once on an instance")           \
    X(WS_METRIC_OFFERED_REQ_S, "offered_req_s", "1/s", "mean rate of arrivals, a session being one")         \
    X(WS_METRIC_SATURATED, "saturated", "1", "1 if the queue still grew over the last half of arrivals")     \
    X(WS_METRIC_EXTRAPOLATED_SHARE, "extrapolated_share", "1", "share of steps beyond the profile's grid")

typedef enum ws_metric {
#define WS_METRIC_ENUM(id, name, unit, description) id,
    WS_METRIC_LIST(WS_METRIC_ENUM)
#undef WS_METRIC_ENUM
        WS_METRIC_COUNT
} ws_metric;

const char *ws_metric_name(ws_metric metric);
const char *ws_metric_unit(ws_metric metric);        /**< as HDF5 `units` ("1", "ms", "1/s") */
const char *ws_metric_description(ws_metric metric); /**< one line, `long_name` */
ws_metric   ws_metric_from_name(const char *name);   /**< WS_METRIC_COUNT if unknown */

/** True of counts and marks (0 or 1): whole numbers where they have a value. */
int ws_metric_is_count(ws_metric metric);

/** True if smaller is better, for tables and objectives. */
int ws_metric_is_cost(ws_metric metric);

#endif /* WS_METRICS_H */
