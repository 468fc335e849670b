/* serving/token_runs.h -- which batches a request's tokens came out of, as runs of evenly spaced batch ids.
 */
#ifndef WS_TOKEN_RUNS_H
#define WS_TOKEN_RUNS_H

#include "base/arena.h"
#include "base/status.h"
#include "serving/request.h"

WS_NODISCARD ws_status ws__token_runs_turn(ws_request *request, ws_arena *arena, int64_t batch_id);

/** A token of the request (not its first one) came out of a batch. */
static inline ws_status ws_token_runs_put(ws_request *request, ws_arena *arena, int64_t batch_id)
{
    if (WS_UNLIKELY(batch_id - request->last_batch != request->stride)) {
        WS_TRY(ws__token_runs_turn(request, arena, batch_id));
    }
    request->last_batch = batch_id;
    request->n_tokens_done++;
    return WS_OK;
}

/** n tokens, one out of each batch from first_batch on. */
WS_NODISCARD ws_status ws_token_runs_add(ws_request *request, ws_arena *arena, int64_t first_batch,
                                         int64_t n);

/** The open run; count 0 = none. */
static inline ws_token_run ws_token_runs_open(const ws_request *request)
{
    return (ws_token_run){.first_batch = request->run_first_batch,
                          .count       = request->n_tokens_done - request->run_first_token,
                          .stride      = request->stride};
}

#endif /* WS_TOKEN_RUNS_H */
