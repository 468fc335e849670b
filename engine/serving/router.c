#include "serving/router.h"

#include <string.h>

#include "base/minmax.h"

static ws_status group_init(ws_router_group *group, ws_arena *arena, ws_scheduler *schedulers, size_t n,
                            bool decode)
{
    group->members = ws_arena_alloc(arena, n, sizeof(*group->members));
    if (group->members == NULL) {
        return WS_ERR_NOMEM;
    }
    group->max_prompt_tokens = group->max_total_tokens = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        if ((schedulers[i].config.role == WS_ROLE_DECODE) == decode) {
            group->members[group->n_members++] = &schedulers[i];
            group->max_prompt_tokens =
                ws_min_i64(group->max_prompt_tokens, schedulers[i].config.max_prompt_tokens);
            group->max_total_tokens =
                ws_min_i64(group->max_total_tokens, schedulers[i].config.max_total_tokens);
        }
    }
    return WS_OK;
}

ws_status ws_router_init(ws_router *router, ws_arena *arena, ws_router_policy policy, uint64_t seed,
                         ws_scheduler *schedulers, size_t n_schedulers)
{
    *router = (ws_router){.policy = policy};
    ws_rng_seed(&router->rng, seed);
    WS_TRY(group_init(&router->entry, arena, schedulers, n_schedulers, false));
    return group_init(&router->decode, arena, schedulers, n_schedulers, true);
}

static double load_score(const ws_scheduler *s)
{
    return (double)(4 * s->n_waiting + s->n_running) / (double)s->config.max_num_seqs;
}

static double kv_score(const ws_scheduler *s)
{
    return (double)ws_block_pool_n_used(&s->kv->pool) / (double)s->kv->pool.n_blocks;
}

static size_t lowest_score(const ws_router_group *group, double (*score)(const ws_scheduler *))
{
    size_t best       = group->next % group->n_members;
    double best_score = score(group->members[best]);
    for (size_t offset = 1; offset < group->n_members; offset++) {
        const size_t i = (group->next + offset) % group->n_members;
        const double s = score(group->members[i]);
        if (s < best_score) {
            best       = i;
            best_score = s;
        }
    }
    return best;
}

WS_HOT ws_scheduler *ws_router_choose(ws_router *router, ws_router_group *group)
{
    WS_ASSERT(group->n_members > 0);
    size_t chosen = 0;
    switch (router->policy) {
    case WS_ROUTER_LOAD:
        chosen = lowest_score(group, load_score);
        break;
    case WS_ROUTER_KV:
        chosen = lowest_score(group, kv_score);
        break;
    case WS_ROUTER_RR:
        chosen = group->next % group->n_members;
        break;
    case WS_ROUTER_RAND:
        return group->members[ws_rng_below(&router->rng, (uint32_t)group->n_members)];
    }
    group->next = (chosen + 1) % group->n_members;
    return group->members[chosen];
}

/* The k-th member that can serve a request, in rotation; n_members if there are fewer. */
static size_t nth_able(const ws_router_group *group, const ws_request *request, size_t k)
{
    for (size_t offset = 0; offset < group->n_members; offset++) {
        const size_t i = (group->next + offset) % group->n_members;
        if (ws_scheduler_can_serve(group->members[i], request) && k-- == 0) {
            return i;
        }
    }
    return group->n_members;
}

static size_t count_able(const ws_router_group *group, const ws_request *request)
{
    size_t n = 0;
    while (nth_able(group, request, n) < group->n_members) {
        n++;
    }
    return n;
}

static size_t lowest_able(const ws_router_group *group, const ws_request *request,
                          double (*score)(const ws_scheduler *))
{
    size_t best = nth_able(group, request, 0);
    for (size_t k = 1; nth_able(group, request, k) < group->n_members; k++) {
        const size_t i = nth_able(group, request, k);
        best           = score(group->members[i]) < score(group->members[best]) ? i : best;
    }
    return best;
}

static size_t choose_able(ws_router *router, const ws_router_group *group, const ws_request *request)
{
    switch (router->policy) {
    case WS_ROUTER_LOAD:
        return lowest_able(group, request, load_score);
    case WS_ROUTER_KV:
        return lowest_able(group, request, kv_score);
    case WS_ROUTER_RR:
        break;
    case WS_ROUTER_RAND:
        return nth_able(group, request, ws_rng_below(&router->rng, (uint32_t)count_able(group, request)));
    }
    return nth_able(group, request, 0);
}

ws_scheduler *ws_router_choose_for(ws_router *router, ws_router_group *group, const ws_request *request)
{
    if (WS_LIKELY(request->input <= group->max_prompt_tokens && request->target <= group->max_total_tokens)) {
        return ws_router_choose(router, group);
    }
    if (count_able(group, request) == 0) {
        return NULL;
    }
    const size_t chosen = choose_able(router, group, request);
    group->next         = router->policy == WS_ROUTER_RAND ? group->next : (chosen + 1) % group->n_members;
    return group->members[chosen];
}

/* ---- arrivals ---- */

ws_status ws_arrivals_init(ws_arrivals *arrivals, ws_arena *arena, const ws_workload *workload)
{
    *arrivals     = (ws_arrivals){.arena = arena, .n = workload->n_initial, .capacity = workload->n_initial};
    arrivals->ids = ws_arena_alloc(arena, workload->n_initial, sizeof(*arrivals->ids));
    arrivals->session_next = ws_arena_alloc(arena, workload->n_sessions, sizeof(*arrivals->session_next));
    if (arrivals->ids == NULL || arrivals->session_next == NULL) {
        return WS_ERR_NOMEM;
    }
    memcpy(arrivals->ids, workload->initial, workload->n_initial * sizeof(*arrivals->ids));
    for (size_t i = 0; i < workload->n_sessions; i++) {
        arrivals->session_next[i] = 1;
    }
    arrivals->n_open_sessions = workload->n_sessions;
    return WS_OK;
}

WS_HOT int64_t ws_arrivals_next_ns(const ws_arrivals *arrivals, const ws_request *requests)
{
    return arrivals->next < arrivals->n ? requests[arrivals->ids[arrivals->next]].arrival_ns : INT64_MAX;
}

/* Insert behind all pending requests that arrive no later. */
static ws_status insert_pending(ws_arrivals *arrivals, const ws_request *requests, uint32_t id)
{
    WS_TRY(ws_arena_grow(arrivals->arena, &arrivals->ids, &arrivals->capacity, arrivals->n, arrivals->n + 1,
                         sizeof(*arrivals->ids)));
    size_t lo = arrivals->next, hi = arrivals->n;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (requests[arrivals->ids[mid]].arrival_ns <= requests[id].arrival_ns) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    memmove(arrivals->ids + lo + 1, arrivals->ids + lo, (arrivals->n - lo) * sizeof(*arrivals->ids));
    arrivals->ids[lo] = id;
    arrivals->n++;
    return WS_OK;
}

uint32_t ws_arrivals_end_session(ws_arrivals *arrivals, const ws_workload *workload, uint32_t rejected,
                                 uint32_t *first_out)
{
    const ws_workload_request *request = &workload->requests[rejected];
    *first_out                         = rejected + 1;
    if (request->session < 0) {
        return 0;
    }
    const ws_workload_session *session  = &workload->sessions[request->session];
    uint32_t                  *next     = &arrivals->session_next[request->session];
    const uint32_t             released = *next;
    if (released > session->n_requests) {
        return 0; /* closed before */
    }
    *next = session->n_requests + 1;
    arrivals->n_open_sessions--;
    *first_out = session->first_request + released;
    return session->n_requests - released;
}

WS_HOT ws_status ws_arrivals_release(ws_arrivals *arrivals, const ws_workload *workload, ws_request *requests,
                                     uint32_t finished, int64_t now_ns)
{
    const ws_workload_request *request = &workload->requests[finished];
    if (request->session < 0) {
        return WS_OK;
    }
    const ws_workload_session *session = &workload->sessions[request->session];
    uint32_t                  *next    = &arrivals->session_next[request->session];
    if (*next > session->n_requests) {
        return WS_OK; /* closed before */
    }
    if (*next == session->n_requests) {
        (*next)++;
        arrivals->n_open_sessions--;
        return WS_OK;
    }
    const uint32_t id       = session->first_request + (*next)++;
    requests[id].arrival_ns = now_ns + request->tool_duration_ns;
    return insert_pending(arrivals, requests, id);
}
