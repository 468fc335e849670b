#include "workload/workload_builder.h"

#include <stdlib.h>
#include <string.h>

ws_status ws_workload_builder_init(ws_workload_builder *builder)
{
    *builder = (ws_workload_builder){.workload = calloc(1, sizeof(ws_workload))};
    return builder->workload != NULL ? WS_OK : WS_ERR_NOMEM;
}

void ws_workload_builder_fini(ws_workload_builder *builder)
{
    ws_workload_destroy(&builder->workload);
}

/* Doubling growth of a heap array to at least n_needed elements; unchanged after an error. */
static ws_status grow(void *array, size_t *capacity, size_t n_needed, size_t size)
{
    if (n_needed <= *capacity) {
        return WS_OK;
    }
    size_t larger = *capacity < 64 ? 64 : *capacity;
    while (larger < n_needed) {
        larger *= 2;
    }
    void *old;
    memcpy(&old, array, sizeof(old)); /* array is some T **: copied, because void ** may not alias it */
    void *moved = larger <= PTRDIFF_MAX / size ? realloc(old, larger * size) : NULL;
    if (moved == NULL) {
        return WS_ERR_NOMEM;
    }
    memcpy(array, &moved, sizeof(moved));
    *capacity = larger;
    return WS_OK;
}

int32_t *ws_workload_builder_reserve_ids(ws_workload_builder *builder, size_t n)
{
    ws_workload *w = builder->workload;
    if (n > PTRDIFF_MAX / sizeof(int32_t) / 2 - w->n_token_ids ||
        grow(&w->token_ids, &builder->token_capacity, w->n_token_ids + n, sizeof(w->token_ids[0])) != WS_OK) {
        return NULL;
    }
    return w->token_ids + w->n_token_ids;
}

static ws_status add(ws_workload_builder *builder, const ws_request_draft *draft, int32_t session,
                     int32_t step)
{
    WS_ASSERT(draft->arrival_ns >= 0 && draft->input_tokens >= 1 && draft->output_tokens >= 0);
    WS_ASSERT(draft->input_tokens <= WS_REQUEST_TOKENS_MAX && draft->output_tokens <= WS_REQUEST_TOKENS_MAX);
    ws_workload *w = builder->workload;
    if (w->n_requests >= INT32_MAX) {
        return WS_ERR_NOMEM; /* ids are 32 bits */
    }
    WS_TRY(grow(&w->requests, &builder->request_capacity, w->n_requests + 1, sizeof(w->requests[0])));
    w->requests[w->n_requests++] = (ws_workload_request){
        .arrival_ns       = step == 0 ? draft->arrival_ns : -1,
        .input_tokens     = (int32_t)draft->input_tokens,
        .target_tokens    = (int32_t)(draft->input_tokens + draft->output_tokens),
        .session          = session,
        .session_step     = step,
        .tool_duration_ns = draft->tool_duration_ns,
        .token_begin      = w->n_token_ids,
        .n_input_ids      = (int32_t)draft->n_input_ids,
        .n_output_ids     = (int32_t)draft->n_output_ids,
        .line             = draft->line,
    };
    w->n_token_ids += draft->n_input_ids + draft->n_output_ids;
    return WS_OK;
}

ws_status ws_workload_builder_add_flat(ws_workload_builder *builder, const ws_request_draft *draft)
{
    return add(builder, draft, -1, 0);
}

ws_status ws_workload_builder_begin_session(ws_workload_builder *builder)
{
    ws_workload *w = builder->workload;
    WS_TRY(grow(&w->sessions, &builder->session_capacity, w->n_sessions + 1, sizeof(w->sessions[0])));
    w->sessions[w->n_sessions++] = (ws_workload_session){.first_request = (uint32_t)w->n_requests};
    return WS_OK;
}

ws_status ws_workload_builder_add_call(ws_workload_builder *builder, const ws_request_draft *draft)
{
    WS_ASSERT(builder->workload->n_sessions > 0);
    ws_workload_session *session = &builder->workload->sessions[builder->workload->n_sessions - 1];
    WS_TRY(add(builder, draft, (int32_t)(builder->workload->n_sessions - 1), (int32_t)session->n_requests));
    session->n_requests++;
    return WS_OK;
}

ws_status ws_workload_builder_add_copy(ws_workload_builder *builder, const ws_workload *from, size_t id,
                                       int64_t from_ns)
{
    ws_workload              *w       = builder->workload;
    const ws_workload_request request = from->requests[id];
    const size_t              n_ids   = (size_t)request.n_input_ids + (size_t)request.n_output_ids;
    WS_TRY(grow(&w->requests, &builder->request_capacity, w->n_requests + 1, sizeof(w->requests[0])));
    if (n_ids > 0) {
        int32_t *ids = ws_workload_builder_reserve_ids(builder, n_ids);
        if (ids == NULL) {
            return WS_ERR_NOMEM;
        }
        memcpy(ids, from->token_ids + request.token_begin, n_ids * sizeof(*ids));
    }
    ws_workload_request *copy = &w->requests[w->n_requests];
    *copy                     = request;
    copy->token_begin         = w->n_token_ids;
    if (request.arrival_ns >= 0) {
        copy->arrival_ns = request.arrival_ns > from_ns ? request.arrival_ns - from_ns : 0;
    }
    if (request.session >= 0) {
        WS_ASSERT(w->n_sessions > 0);
        ws_workload_session *session = &w->sessions[w->n_sessions - 1];
        session->first_request = session->n_requests == 0 ? (uint32_t)w->n_requests : session->first_request;
        session->n_requests++;
        copy->session = (int32_t)(w->n_sessions - 1);
    }
    w->n_token_ids += n_ids;
    w->n_requests++;
    return WS_OK;
}

typedef struct arrival_key {
    int64_t  arrival_ns;
    uint32_t id;
} arrival_key;

/* Ids ascend in file order, so they break ties the way a stable sort would. */
static int compare_arrivals(const void *left, const void *right)
{
    const arrival_key *a = left, *b = right;
    if (a->arrival_ns != b->arrival_ns) {
        return a->arrival_ns < b->arrival_ns ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

ws_status ws_workload_sort_initial(ws_workload *w)
{
    arrival_key *keys = malloc((w->n_requests + 1) * sizeof(*keys));
    if (w->initial == NULL) {
        w->initial = malloc((w->n_requests + 1) * sizeof(w->initial[0]));
    }
    if (keys == NULL || w->initial == NULL) {
        free(keys);
        return WS_ERR_NOMEM;
    }
    w->n_initial = 0;
    for (size_t id = 0; id < w->n_requests; id++) {
        if (w->requests[id].arrival_ns >= 0) {
            keys[w->n_initial++] = (arrival_key){w->requests[id].arrival_ns, (uint32_t)id};
        }
    }
    qsort(keys, w->n_initial, sizeof(*keys), compare_arrivals);
    for (size_t i = 0; i < w->n_initial; i++) {
        w->initial[i] = keys[i].id;
    }
    free(keys);
    return WS_OK;
}

ws_status ws_workload_builder_finish(ws_workload_builder *builder, ws_workload **workload_out)
{
    ws_workload *w = builder->workload;
    WS_TRY(ws_workload_sort_initial(w));
    for (size_t id = 0; id < w->n_requests; id++) {
        if (w->requests[id].target_tokens > w->max_target_tokens) {
            w->max_target_tokens = w->requests[id].target_tokens;
        }
    }
    builder->workload = NULL;
    *workload_out     = w;
    return WS_OK;
}
