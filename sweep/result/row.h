/* row.h -- everything about one job, as the worker that ran it reports it and the result file keeps it. */
#ifndef SWP_ROW_H
#define SWP_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "result/job_state.h"
#include "result/layout.h"
#include "engine.h"

#define SWP_HASH_LEN 32   /**< hexadecimal digits of a job hash: the first 128 bits of a SHA-256 */
#define SWP_ERROR_LEN 256 /**< bytes kept of a row's error text; longer ones end in "..." */
#define SWP_HOST_LEN 64   /**< bytes kept of a host name */

/* X(type, name, unit, long name): the columns of /requests in the file's order, int64_t or double. Each is
 * the member of ws_request_record with its name. */
#define SWP_REQUEST_LIST(X)                                                                                  \
    X(int64_t, request_id, "1", "request number in the workload")                                            \
    X(int64_t, instance_id, "1", "instance that served it")                                                  \
    X(int64_t, input_tokens, "1", "prompt tokens")                                                           \
    X(int64_t, output_tokens, "1", "generated tokens")                                                       \
    X(int64_t, arrival_ns, "ns", "arrival, simulated time")                                                  \
    X(int64_t, end_ns, "ns", "last token, simulated time")                                                   \
    X(int64_t, latency_ns, "ns", "arrival to last token")                                                    \
    X(int64_t, queue_ns, "ns", "queuing delay")                                                              \
    X(int64_t, ttft_ns, "ns", "time to first token")                                                         \
    X(int64_t, tpot_ns, "ns", "time per output token")                                                       \
    X(double, active_j, "J", "its share, by tokens, of what NPUs drew in kernels of its batches")            \
    X(double, energy_j, "J", "its share, by tokens, of all that its batches drew")

/** One finished request, a row of /requests. Times in ns, -1 where never set; energies in J, NaN where no
 * power is tracked. */
typedef struct swp_request {
#define SWP_REQUEST_MEMBER(type, name, unit, long_name) type name;
    SWP_REQUEST_LIST(SWP_REQUEST_MEMBER)
#undef SWP_REQUEST_MEMBER
} swp_request;

/** Everything about one job; all pointers are borrowed for the call only. */
typedef struct swp_row {
    int64_t            job; /**< index in the expanded space, >= 0 */
    swp_job_state      state;
    const char        *error;   /**< reason of any state but done; NULL or "" = none */
    int32_t            attempt; /**< 1 for the first; 0: not tried, a constraint leaves the point out */
    const char        *hash;    /**< SWP_HASH_LEN hexadecimal digits */
    int64_t            seed;
    int32_t            repeat;      /**< 0 .. repeats - 1 */
    const swp_value   *params;      /**< [n_params] */
    const double      *metrics;     /**< [WS_METRIC_COUNT]; NULL = all NaN */
    size_t             n_nodes;     /**< 0 .. max_nodes */
    const double      *component_j; /**< [n_nodes][WS_COMPONENT_COUNT]; NULL = NaN */
    const double      *phase_j;     /**< [n_nodes][WS_COMPONENT_COUNT][WS_PHASE_COUNT]; NULL = NaN */
    const double      *npu_state_s; /**< [n_nodes][WS_STATE_COUNT]; NULL = NaN */
    size_t             n_samples;   /**< of the power series; ignored without has_series */
    const double      *series[WS_SERIES_COUNT]; /**< each [n_samples] or NULL = NaN */
    const double      *node_power_w;            /**< [n_samples][n_nodes] or NULL */
    const double      *component_power_w;       /**< [n_samples][WS_COMPONENT_COUNT] or NULL */
    size_t             n_requests;              /**< ignored without has_requests */
    const swp_request *requests;
    int32_t            rank;         /**< that ran it; -1 = none did */
    const char        *host;         /**< NULL = "" */
    double             wall_s;       /**< of the simulation; NaN if it never ran */
    int                profile_kind; /**< ws_profile_kind, the least certain one used; -1 = unknown */
} swp_row;

#endif /* SWP_ROW_H */
