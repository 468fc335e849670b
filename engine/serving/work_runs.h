/* serving/work_runs.h -- what batches computed of a request besides the tokens that its token runs tell of:
 * its prompt, and what it computed again. As runs of evenly spaced batches that computed the same number of
 * tokens each.
 *
 * A token run (serving/token_runs.h) says that each of its batches computed one token of the request, on the
 * instance that finished it. The two together are all of a request's work, so that what a step costs can be
 * shared among its requests after the run, whatever the cost is, and steady decodes are noted only once. */
#ifndef WS_WORK_RUNS_H
#define WS_WORK_RUNS_H

#include "base/arena.h"
#include "base/status.h"
#include "serving/request.h"

/** A batch of an instance computed n_tokens >= 1 of a request, besides the one of its token run, if it is in
 * one. */
WS_NODISCARD ws_status ws_work_runs_add(ws_request *request, ws_arena *arena, int32_t instance,
                                        int64_t batch_id, int32_t n_tokens);

#endif /* WS_WORK_RUNS_H */
