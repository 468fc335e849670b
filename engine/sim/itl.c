#include "sim/itl.h"

#include "serving/token_runs.h"

static int64_t *expand_run(const ws_token_run *run, const int64_t *batch_end_ns, int64_t *last_ns,
                           int64_t *out)
{
    int64_t batch = run->first_batch;
    for (int32_t i = 0; i < run->count; i++, batch += run->stride) {
        *out++   = batch_end_ns[batch] - *last_ns;
        *last_ns = batch_end_ns[batch];
    }
    return out;
}

void ws_itl_expand(const ws_request *request, const int64_t *batch_end_ns, int64_t *itl_ns_out)
{
    int64_t            last_ns = request->recent_end_ns;
    const ws_token_run open    = ws_token_runs_open(request);
    for (const ws_token_run *run = request->runs; run != NULL; run = run->next) {
        itl_ns_out = expand_run(run, batch_end_ns, &last_ns, itl_ns_out);
    }
    (void)expand_run(&open, batch_end_ns, &last_ns, itl_ns_out);
}

typedef struct collector {
    ws_arena      *arena;
    const int64_t *end_ns;
    int64_t
        *change; /* [n_batches + 1] change of the number of requests whose gap ends at a batch, stride 1 */
    ws_weighted_list *out;
} collector;

static ws_status put(collector *c, int64_t value_ns, int64_t count)
{
    ws_weighted_list *out = c->out;
    WS_TRY(ws_arena_grow(c->arena, &out->values, &out->capacity, out->n, out->n + 1, sizeof(*out->values)));
    out->values[out->n++] = (ws_weighted_ns){value_ns, count};
    return WS_OK;
}

static ws_status put_run(collector *c, const ws_token_run *run, int64_t *last_ns)
{
    if (run->count == 0) {
        return WS_OK;
    }
    WS_TRY(put(c, c->end_ns[run->first_batch] - *last_ns, 1));
    const int64_t last_batch = run->first_batch + (int64_t)(run->count - 1) * run->stride;
    if (run->stride == 1) {
        c->change[run->first_batch + 1]++;
        c->change[last_batch + 1]--;
    } else {
        for (int64_t b = run->first_batch; b < last_batch; b += run->stride) {
            WS_TRY(put(c, c->end_ns[b + run->stride] - c->end_ns[b], 1));
        }
    }
    *last_ns = c->end_ns[last_batch];
    return WS_OK;
}

ws_status ws_itl_collect(ws_arena *arena, ws_request *const *done, size_t n_done, const int64_t *batch_end_ns,
                         size_t n_batches, ws_weighted_list *out)
{
    collector c = {.arena = arena, .end_ns = batch_end_ns, .out = out};
    c.change    = ws_arena_calloc(arena, n_batches + 2, sizeof(*c.change));
    if (c.change == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n_done; i++) {
        int64_t            last_ns = done[i]->recent_end_ns;
        const ws_token_run open    = ws_token_runs_open(done[i]);
        for (const ws_token_run *run = done[i]->runs; run != NULL; run = run->next) {
            WS_TRY(put_run(&c, run, &last_ns));
        }
        WS_TRY(put_run(&c, &open, &last_ns));
    }
    int64_t n_requests = 0;
    for (size_t b = 1; b < n_batches; b++) {
        n_requests += c.change[b];
        if (n_requests > 0) {
            WS_TRY(put(&c, batch_end_ns[b] - batch_end_ns[b - 1], n_requests));
        }
    }
    return WS_OK;
}
