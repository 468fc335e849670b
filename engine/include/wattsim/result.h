/* wattsim/result.h -- what one simulation yields: metrics, energy, series and a table of requests.
 *
 * A result belongs to the run that made it, until the run's next simulation; so does everything read from it.
 * Numbers have names, the same as in `wattsim --summary-json` and in result files; what a name stands for is
 * in the lists at the end of this header. NaN is a number that has no meaning in a run: energy without power
 * tracking, means of nothing. */
#ifndef WATTSIM_RESULT_H
#define WATTSIM_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wattsim/status.h"

typedef struct ws_result ws_result;

/** One finished request. Times in ns; -1 where a value was never set. Begins as WS_REQUEST_VIEW_INIT. */
typedef struct ws_request_view {
    size_t      struct_size; /**< by WS_REQUEST_VIEW_INIT */
    int64_t     request_id;
    int64_t     instance_id; /**< that finished it */
    const char *model;       /**< borrowed from the result */
    int64_t     input_tokens, output_tokens;
    int64_t     arrival_ns, end_ns; /**< simulated time */
    int64_t     latency_ns;         /**< arrival to last token */
    int64_t     queue_ns;           /**< arrival to its first batch */
    int64_t     ttft_ns;            /**< arrival to first token */
    int64_t     tpot_ns;            /**< mean time per output token after the first */
    double      energy_j;           /**< its share, by tokens, of what its batches drew; NaN without power */
    double      active_j;           /**< the part of it that NPUs drew while kernels ran */
} ws_request_view;

/* clang-format off */
#define WS_REQUEST_VIEW_INIT {sizeof(ws_request_view), 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0}
/* clang-format on */

/** A name in results. This struct never changes. */
typedef struct ws_quantity {
    const char *name;        /**< "ttft_p99_ms" */
    const char *unit;        /**< "ms", "1/s"; "1" of shares and counts */
    const char *description; /**< one line */
} ws_quantity;

#ifdef __cplusplus
extern "C" {
#endif

/* ---- metrics ---- */

/** A metric of the run: ws_result_metric(result, "energy_j"). NaN if it has no meaning in it, or no such
 * name. */
WS_API double ws_result_metric(const ws_result *result, const char *name);

/** The final clock, s of simulated time. */
WS_API double ws_result_duration_s(const ws_result *result);

/* ---- energy, by node and component ---- */

WS_API size_t ws_result_n_nodes(const ws_result *result);
WS_API bool   ws_result_has_power(const ws_result *result); /**< some node is tracked */

/** Energy of a node, J; NaN if it is not tracked, or there is no such node. Their sum is the metric energy_j.
 */
WS_API double ws_result_node_j(const ws_result *result, size_t node);
/** Energy of a component of a node ("npu_active", "dram"), J; NaN likewise, or if there is no such component.
 */
WS_API double ws_result_component_j(const ws_result *result, size_t node, const char *component);

/* ---- series, sampled every power interval ---- */

WS_API size_t ws_result_n_samples(const ws_result *result);
WS_API double ws_result_interval_s(const ws_result *result); /**< of each sample; the last may be shorter */
/** A column of the series: ws_result_series(result, "power_w"), [ws_result_n_samples()]. NULL if it does not
 * apply (power without tracking), or there is no such column. */
WS_API const double *ws_result_series(const ws_result *result, const char *column);

/* ---- requests ---- */

/** Finished ones; rejected ones are the metric n_rejected. */
WS_API size_t ws_result_n_requests(const ws_result *result);
/** One of them; instances in order, each in order of completion.
 * @param[in,out] view  struct_size says how much of it the caller knows
 * @return WS_OK; WS_ERR_ARG if there are not that many requests, or view is not one this library knows */
WS_API WS_NODISCARD ws_status ws_result_request(const ws_result *result, size_t i, ws_request_view *view);
/** Inter-token latencies of a request, ns.
 * @param[out] itl_ns  [cap]; NULL is allowed if cap is 0
 * @return how many the request has; nothing is written if they are more than cap, or there is no such request
 */
WS_API size_t ws_result_request_itl(const ws_result *result, size_t i, int64_t *itl_ns, size_t cap);

/* ---- names: for i from 0; NULL past the last. Static storage. ---- */

WS_API const ws_quantity *ws_metric_at(size_t i);
WS_API const ws_quantity *ws_series_at(size_t i);
WS_API const char        *ws_component_at(size_t i);

#ifdef __cplusplus
}
#endif

#endif /* WATTSIM_RESULT_H */
