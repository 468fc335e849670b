#include "serving/work_runs.h"

/** True if the batch carries on the run; a run of one batch takes the distance to the next as its stride. */
static bool carries_on(ws_work_run *run, int32_t instance, int64_t batch_id, int32_t n_tokens)
{
    if (run == NULL || run->instance != instance || run->n_tokens != n_tokens) {
        return false;
    }
    const int64_t distance = batch_id - run->first_batch;
    if (run->count == 1) {
        run->stride = (int32_t)distance;
    }
    return distance == (int64_t)run->count * run->stride;
}

WS_HOT ws_status ws_work_runs_add(ws_request *request, ws_arena *arena, int32_t instance, int64_t batch_id,
                                  int32_t n_tokens)
{
    if (carries_on(request->last_work, instance, batch_id, n_tokens)) {
        request->last_work->count++;
        return WS_OK;
    }
    ws_work_run *run = ws_arena_alloc(arena, 1, sizeof(*run));
    if (run == NULL) {
        return WS_ERR_NOMEM;
    }
    *run = (ws_work_run){
        .first_batch = batch_id, .count = 1, .stride = 1, .n_tokens = n_tokens, .instance = instance};
    if (request->last_work != NULL) {
        request->last_work->next = run;
    } else {
        request->works = run;
    }
    request->last_work = run;
    return WS_OK;
}
