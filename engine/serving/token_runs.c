#include "serving/token_runs.h"

/* Close the open run and begin another one at a batch. */
static ws_status begin_run(ws_request *request, ws_arena *arena, int64_t batch_id)
{
    if (request->n_tokens_done > request->run_first_token) {
        ws_token_run *closed = ws_arena_alloc(arena, 1, sizeof(*closed));
        if (closed == NULL) {
            return WS_ERR_NOMEM;
        }
        *closed = ws_token_runs_open(request);
        if (request->last_run != NULL) {
            request->last_run->next = closed;
        } else {
            request->runs = closed;
        }
        request->last_run = closed;
    }
    request->run_first_batch = batch_id;
    request->run_first_token = request->n_tokens_done;
    request->stride          = 0;
    return WS_OK;
}

/* The batch is not where the open run would go on: the run gets its stride, or ends. */
WS_HOT ws_status ws__token_runs_turn(ws_request *request, ws_arena *arena, int64_t batch_id)
{
    if (request->stride == 0 && request->n_tokens_done == request->run_first_token + 1) {
        request->stride = (int32_t)(batch_id - request->last_batch);
        return WS_OK;
    }
    return begin_run(request, arena, batch_id);
}

WS_HOT ws_status ws_token_runs_add(ws_request *request, ws_arena *arena, int64_t first_batch, int64_t n)
{
    int64_t done = 0;
    while (done < n && done < 3) { /* the third one goes on with a stride of 1 whatever came before */
        WS_TRY(ws_token_runs_put(request, arena, first_batch + done));
        done++;
    }
    request->n_tokens_done += (int32_t)(n - done);
    request->last_batch += n - done;
    return WS_OK;
}
