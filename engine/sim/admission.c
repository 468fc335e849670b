#include "sim/admission.h"

/* How long the queue is when a request arrives, kept for the third and the last quarter of arrivals. */
static void note_queue_length(ws_run *run, const ws_scheduler *scheduler)
{
    const size_t n = run->scenario->workload->n_requests, i = run->arrivals.next;
    if (2 * i < n) {
        return;
    }
    const int quarter = 4 * i >= 3 * n;
    run->queue_seen[quarter] += (int64_t)scheduler->n_waiting;
    run->n_seen[quarter]++;
}

/* What an instance would say to a request. */
static ws_rejection explain_rejection(const ws_instance_config *c, const ws_request *request)
{
    if (request->target > c->max_model_len) {
        return (ws_rejection){.reason = WS_REJECT_MODEL_LEN, .limit = c->max_model_len, .instance = c->index};
    }
    if (!c->options.enable_chunked_prefill && request->input > c->token_budget && c->role != WS_ROLE_DECODE) {
        return (ws_rejection){.reason = WS_REJECT_BUDGET, .limit = c->token_budget, .instance = c->index};
    }
    return (ws_rejection){
        .reason = WS_REJECT_KV_CACHE, .limit = c->n_blocks * c->options.block_size, .instance = c->index};
}

/* The instance whose limit is the last to be passed: of those that take requests over, if there are any. */
static const ws_instance_config *most_able(const ws_run *run, const ws_request *request)
{
    const ws_scenario        *s    = run->scenario;
    const ws_instance_config *best = &s->instances[0];
    for (size_t i = 0; i < s->n_instances; i++) {
        const ws_instance_config *c = &s->instances[i];
        if (!ws_scheduler_can_serve(&run->schedulers[i], request) &&
            (ws_scheduler_can_serve(&run->schedulers[best->index], request) ||
             c->max_total_tokens > best->max_total_tokens ||
             (c->max_total_tokens == best->max_total_tokens && c->role == WS_ROLE_DECODE))) {
            best = c;
        }
    }
    return best;
}

static ws_status note_rejection(ws_run *run, const ws_request *request, ws_rejection rejection)
{
    rejection.request_id    = request->id;
    rejection.line          = run->scenario->workload->requests[request->id].line;
    rejection.input_tokens  = request->input;
    rejection.output_tokens = request->target - request->input;
    rejection.arrival_ns    = request->arrival_ns;
    rejection.model         = run->scenario->instances[0].model->name;
    WS_TRY(ws_arena_grow(&run->arena, &run->rejections, &run->rejected_capacity, run->n_rejected,
                         run->n_rejected + 1, sizeof(*run->rejections)));
    run->rejections[run->n_rejected++] = rejection;
    return WS_OK;
}

/* Calls that would follow in its session are never made. */
static ws_status reject(ws_run *run, const ws_request *request)
{
    WS_TRY(note_rejection(run, request, explain_rejection(most_able(run, request), request)));
    uint32_t       first = 0;
    const uint32_t n = ws_arrivals_end_session(&run->arrivals, run->scenario->workload, request->id, &first);
    for (uint32_t id = first; id < first + n; id++) {
        WS_TRY(note_rejection(run, &run->requests[id], (ws_rejection){.reason = WS_REJECT_SESSION}));
    }
    return WS_OK;
}

ws_status ws_run_route(ws_run *run)
{
    ws_arrivals *arrivals = &run->arrivals;
    while (arrivals->next < arrivals->n) {
        ws_request *request = &run->requests[arrivals->ids[arrivals->next]];
        if (request->arrival_ns > run->now_ns) {
            break;
        }
        ws_scheduler *scheduler = ws_router_choose_for(&run->router, &run->router.entry, request);
        if (WS_UNLIKELY(scheduler == NULL)) {
            WS_TRY(reject(run, request));
            arrivals->next++;
            continue;
        }
        note_queue_length(run, scheduler);
        if (run->scenario->fidelity == WS_FIDELITY_PHYSICAL) {
            request->recent_end_ns = request->arrival_ns; /* counts where no first token is noted */
        }
        WS_TRY(ws_scheduler_add(scheduler, request));
        arrivals->next++;
    }
    return WS_OK;
}
