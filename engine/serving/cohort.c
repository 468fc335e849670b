#include "serving/cohort.h"

#include <string.h>

#include "serving/token_runs.h"

/* ---- lists ---- */

static size_t position_of(const ws_request_list *list, const ws_request *request)
{
    size_t lo = 0, hi = list->n;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (list->items[mid]->run_order < request->run_order) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

WS_HOT ws_status ws_request_list_insert(ws_request_list *list, ws_arena *arena, ws_request *request)
{
    WS_TRY(ws_arena_grow(arena, &list->items, &list->capacity, list->n, list->n + 1, sizeof(*list->items)));
    const size_t at = position_of(list, request);
    memmove(list->items + at + 1, list->items + at, (list->n - at) * sizeof(*list->items));
    list->items[at] = request;
    list->n++;
    return WS_OK;
}

WS_HOT void ws_request_list_remove(ws_request_list *list, const ws_request *request)
{
    const size_t at = position_of(list, request);
    if (at < list->n && list->items[at] == request) {
        memmove(list->items + at, list->items + at + 1, (list->n - at - 1) * sizeof(*list->items));
        list->n--;
    }
}

/* ---- the cohort ---- */

ws_status ws_cohort_init(ws_cohort *cohort, ws_arena *arena, int32_t block_size)
{
    *cohort        = (ws_cohort){.arena = arena, .block_size = block_size, .next_finish = INT64_MAX};
    cohort->phases = ws_arena_calloc(arena, (size_t)block_size, sizeof(*cohort->phases));
    return cohort->phases != NULL ? WS_OK : WS_ERR_NOMEM;
}

/* The clock, modulo block_size, at which base + clock is a multiple of it. */
static ws_request_list *phase_of(const ws_cohort *cohort, const ws_request *request)
{
    const int64_t rest = request->base % cohort->block_size; /* may be negative */
    return &cohort->phases[(cohort->block_size - rest) % cohort->block_size];
}

static int64_t finish_clock(const ws_request *request)
{
    return (int64_t)request->target - 1 - request->base;
}

WS_HOT ws_status ws_cohort_join(ws_cohort *cohort, ws_request *request, int64_t next_batch)
{
    request->base       = request->computed - cohort->clock;
    request->join_clock = cohort->clock;
    request->join_batch = next_batch;
    request->is_steady  = true;
    WS_TRY(ws_request_list_insert(&cohort->members, cohort->arena, request));
    WS_TRY(ws_request_list_insert(phase_of(cohort, request), cohort->arena, request));
    if (cohort->members.n == 1) {
        cohort->base_max = cohort->base_min = request->base;
        cohort->base_sum                    = 0;
        cohort->extremes_are_stale          = false;
    }
    cohort->base_sum += request->base;
    cohort->base_max = request->base > cohort->base_max ? request->base : cohort->base_max;
    cohort->base_min = request->base < cohort->base_min ? request->base : cohort->base_min;
    if (finish_clock(request) < cohort->next_finish) {
        cohort->next_finish = finish_clock(request);
    }
    return WS_OK;
}

WS_HOT void ws_cohort_sync(const ws_cohort *cohort, ws_request *request)
{
    request->computed = (int32_t)(request->base + cohort->clock);
    request->reached  = request->computed + 1;
}

static void find_extremes(ws_cohort *cohort)
{
    cohort->base_max           = INT64_MIN;
    cohort->base_min           = INT64_MAX;
    cohort->extremes_are_stale = false;
    for (size_t i = 0; i < cohort->members.n; i++) {
        const int64_t base = cohort->members.items[i]->base;
        cohort->base_max   = base > cohort->base_max ? base : cohort->base_max;
        cohort->base_min   = base < cohort->base_min ? base : cohort->base_min;
    }
}

static void find_next_finish(ws_cohort *cohort)
{
    cohort->next_finish = INT64_MAX;
    for (size_t i = 0; i < cohort->members.n; i++) {
        const int64_t finish = finish_clock(cohort->members.items[i]);
        cohort->next_finish  = finish < cohort->next_finish ? finish : cohort->next_finish;
    }
}

WS_HOT ws_status ws_cohort_leave(ws_cohort *cohort, ws_request *request)
{
    ws_cohort_sync(cohort, request);
    ws_request_list_remove(&cohort->members, request);
    ws_request_list_remove(phase_of(cohort, request), request);
    request->is_steady = false;
    cohort->base_sum -= request->base;
    if (request->base == cohort->base_max || request->base == cohort->base_min) {
        cohort->extremes_are_stale = true;
    }
    if (finish_clock(request) <= cohort->next_finish) {
        find_next_finish(cohort);
    }
    return ws_token_runs_add(request, cohort->arena, request->join_batch,
                             cohort->clock - request->join_clock);
}

WS_HOT const ws_request_list *ws_cohort_opening(const ws_cohort *cohort)
{
    return &cohort->phases[cohort->clock % cohort->block_size];
}

WS_HOT const ws_request_list *ws_cohort_filling(const ws_cohort *cohort)
{
    return &cohort->phases[(cohort->clock + 1) % cohort->block_size];
}

WS_HOT void ws_cohort_kv(ws_cohort *cohort, int64_t *sum_out, int64_t *max_out, int64_t *min_out)
{
    if (cohort->extremes_are_stale) {
        find_extremes(cohort);
    }
    *sum_out = cohort->base_sum + (int64_t)cohort->members.n * cohort->clock;
    *max_out = cohort->base_max + cohort->clock;
    *min_out = cohort->base_min + cohort->clock;
}

WS_HOT void ws_cohort_advance(ws_cohort *cohort)
{
    cohort->clock++;
}
