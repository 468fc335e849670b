/* result/result.h -- what one simulation yields: metrics, power and throughput series, energy, per-request
 * records.
 *
 * Plain data. Arrays belong to the ws_run that produced the result and are valid until its next simulation.
 */
#ifndef WS_RESULT_H
#define WS_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hardware/profile.h"
#include "power/components.h"
#include "result/metrics.h"
#include "wattsim/result.h"

/* X(ID, name, unit, description): per-sample columns of the series. time_s is the end of the interval. */
#define WS_SERIES_LIST(X)                                                                                    \
    X(WS_SERIES_TIME_S, "time_s", "s", "end of the interval, simulated time")                                \
    X(WS_SERIES_POWER_W, "power_w", "W", "mean power over the interval, all tracked nodes")                  \
    X(WS_SERIES_POWER_INST_W, "power_inst_w", "W", "power at the end of the interval")                       \
    X(WS_SERIES_PROMPT_TOK_S, "prompt_tok_s", "1/s", "prompt tokens per second")                             \
    X(WS_SERIES_DECODE_TOK_S, "decode_tok_s", "1/s", "generated tokens per second")                          \
    X(WS_SERIES_RUNNING, "running", "1", "requests running at the end of the interval")                      \
    X(WS_SERIES_WAITING, "waiting", "1", "requests waiting at the end of the interval")                      \
    X(WS_SERIES_STEPS, "steps", "1", "batches finished since the start")                                     \
    X(WS_SERIES_NPU_MEM_GB, "npu_mem_gb", "GB", "memory in use on all NPUs")                                 \
    X(WS_SERIES_CXL_MEM_GB, "cxl_mem_gb", "GB", "memory in use on CXL devices")

typedef enum ws_series_column {
#define WS_SERIES_ENUM(id, name, unit, description) id,
    WS_SERIES_LIST(WS_SERIES_ENUM)
#undef WS_SERIES_ENUM
        WS_SERIES_COUNT
} ws_series_column;

const char *ws_series_name(ws_series_column column);
const char *ws_series_unit(ws_series_column column);
const char *ws_series_description(ws_series_column column);

/** A series sampled every interval; the last interval may be partial. Power columns are NULL without power.
 */
typedef struct ws_series {
    double        interval_s;
    size_t        n_samples;
    const double *columns[WS_SERIES_COUNT]; /* each [n_samples], or NULL if it does not apply */
    const double *node_power_w;      /* [n_samples][n_nodes] mean power; NaN for untracked nodes; or NULL */
    const double *component_power_w; /* [n_samples][WS_COMPONENT_COUNT] over tracked nodes; or NULL */
} ws_series;

/** One finished request. Times in ns; -1 where a value was never set (docs/model/serving.md 4.1). */
typedef struct ws_request_record {
    int64_t     request_id, instance_id;
    const char *model;
    int64_t     input_tokens, output_tokens;
    int64_t     arrival_ns, end_ns, latency_ns, queue_ns, ttft_ns, tpot_ns;
    size_t      n_itl;
    size_t      itl_handle; /* for ws_result_itl() */
    double      active_j;   /* its share, by tokens, of what NPUs drew while kernels of its batches ran */
    double      energy_j;   /* and of all its batches drew; NaN without power */
} ws_request_record;

/** Why a request was rejected on arrival. */
typedef enum ws_reject_reason {
    WS_REJECT_MODEL_LEN, /* prompt and output are longer than max_model_len */
    WS_REJECT_KV_CACHE,  /* than the KV cache */
    WS_REJECT_BUDGET,    /* the prompt is longer than a step, and chunked prefill is off */
    WS_REJECT_SESSION,   /* an earlier call of its session was rejected */
    WS_REJECT_COUNT
} ws_reject_reason;

/** One request that no instance can serve. */
typedef struct ws_rejection {
    int64_t          request_id;
    int64_t          line; /* of the dataset; 0 = generated */
    int64_t          input_tokens, output_tokens;
    int64_t          arrival_ns; /* -1: a call that was never made */
    int64_t          limit;      /* tokens that the instance can take; 0 of a session */
    int32_t          instance;   /* that comes closest to serving it; 0 of a session */
    ws_reject_reason reason;
    const char      *model;
} ws_rejection;

/** The row of a rejected request among those of finished ones: instance -1, and no times. */
struct ws_request_record ws_rejection_record(const ws_rejection *rejection);

/** "max_model_len": short names, for files. */
const char *ws_reject_reason_name(ws_reject_reason reason);
const char *ws_reject_reason_text(ws_reject_reason reason); /**< a phrase for people */

struct ws_run;

struct ws_result {
    int64_t     sim_duration_ns; /* the final clock */
    double      metrics[WS_METRIC_COUNT];
    int64_t     prompt_tokens, generated_tokens; /* totals over finished requests */
    size_t      n_nodes;
    bool        has_power;    /* some node is tracked */
    const bool *node_tracked; /* [n_nodes] */
    const double
        *component_j; /* [n_nodes][WS_COMPONENT_COUNT]; NaN for untracked nodes; NULL without power */
    const double *npu_state_s; /* [n_nodes][WS_STATE_COUNT] NPU-seconds; NULL without power */
    const double *
        node_phase_j; /* [n_nodes][WS_COMPONENT_COUNT][WS_PHASE_COUNT]; NaN and NULL likewise, as all below */
    const double
          *node_own_j; /* [n_nodes][WS_COMPONENT_COUNT] the part of it no instance draws, all of phase wait */
    size_t n_instances, n_npus;
    const int32_t           *instance_node;           /* [n_instances] */
    const double            *instance_phase_j;        /* [n_instances][WS_COMPONENT_COUNT][WS_PHASE_COUNT] */
    const int32_t           *npu_instance;            /* [n_npus] ascending */
    const double            *each_npu_s, *each_npu_j; /* [n_npus][WS_STATE_COUNT] */
    bool                     has_cxl, has_pim;
    ws_series                series;     /* every power interval */
    ws_series                log;        /* every log interval */
    size_t                   n_requests; /* finished ones; instances in order, each in completion order */
    const ws_request_record *requests;
    size_t                   n_rejected; /* in the order of rejection */
    const ws_rejection      *rejected;
    ws_profile_kind          profile_kind; /* the least certain one used */
    const struct ws_run     *run;
};

/** Write the inter-token latencies (ns) of a request, n_itl of them. */
void ws_result_itl(const ws_result *result, const ws_request_record *request, int64_t *itl_ns_out);

#endif /* WS_RESULT_H */
