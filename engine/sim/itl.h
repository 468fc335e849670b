/* sim/itl.h -- inter-token latencies from runs of batch ids: nothing is stored per token
 * (docs/model/serving.md 4.9).
 *
 * A request's tokens come out of evenly spaced batches most of the time, so its gaps are differences of the
 * instance's batch end times, shared by all requests that ran along. */
#ifndef WS_ITL_H
#define WS_ITL_H

#include "base/arena.h"
#include "base/status.h"
#include "serving/request.h"
#include "result/percentiles.h"

/** Write the gaps of one request, ns: request->n_tokens_done values. */
void ws_itl_expand(const ws_request *request, const int64_t *batch_end_ns, int64_t *itl_ns_out);

/** Values with counts, not sorted. */
typedef struct ws_weighted_list {
    ws_weighted_ns *values;
    size_t          n, capacity;
} ws_weighted_list;

/** All gaps of all requests that finished on one instance, as values with counts, not sorted.
 * @param[in]     done      requests, all of this instance
 * @param[in]     n_batches  batches the instance has run
 * @param[in,out] out  appended to; arena memory */
WS_NODISCARD ws_status ws_itl_collect(ws_arena *arena, ws_request *const *done, size_t n_done,
                                      const int64_t *batch_end_ns, size_t n_batches, ws_weighted_list *out);

#endif /* WS_ITL_H */
