/* serving/work_runs.h -- which batches computed how many tokens of a request, as runs of evenly spaced batches that
 * computed the same number each: what a step costs can then be shared among its requests after the run, whatever the
 * cost is. */
#ifndef WS_WORK_RUNS_H
#define WS_WORK_RUNS_H

#include "base/arena.h"
#include "base/status.h"
#include "serving/request.h"

/** n_tokens of a request are computed by each of n_batches batches of an instance, first_batch and those right
 * behind it. */
WS_NODISCARD ws_status ws_work_runs_add(ws_request *request, ws_arena *arena, int32_t instance,
                                        int64_t first_batch, int64_t n_batches, int32_t n_tokens);

#endif /* WS_WORK_RUNS_H */
