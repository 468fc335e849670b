/* serving/cohort.h -- requests in steady decode, advanced together in O(1).
 *
 * A steady request computes one token in every batch. As long as that is so, its lengths are its `base` plus
 * the cohort's clock, and nothing needs to be touched per request and step but the few whose KV block fills
 * up or begins, and those that finish. The scheduler takes a request out (and its lengths, token runs and so
 * on are then up to date) before anything else may happen to it. Equal to stepping every request by itself;
 * tests/unit/serving/test_cohort.c. */
#ifndef WS_COHORT_H
#define WS_COHORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "serving/request.h"

/** Requests in the order in which they began to run. */
typedef struct ws_request_list {
    ws_request **items;
    size_t       n, capacity;
} ws_request_list;

typedef struct ws_cohort {
    ws_arena       *arena; /* borrowed */
    int32_t         block_size;
    int64_t         clock; /* steps so far; a member's computed length is base + clock */
    ws_request_list members;
    ws_request_list
           *phases; /* [block_size] members by the clock, modulo block_size, at which they need a new block */
    int64_t base_sum, base_max, base_min; /* over members */
    bool    extremes_are_stale;
    int64_t next_finish; /* clock at which the first member reaches its target; INT64_MAX if empty */
} ws_cohort;

/** Insert by order of running; the list must not hold the request. */
WS_NODISCARD ws_status ws_request_list_insert(ws_request_list *list, ws_arena *arena, ws_request *request);
/** Remove a request if the list holds it. */
void ws_request_list_remove(ws_request_list *list, const ws_request *request);

WS_NODISCARD ws_status ws_cohort_init(ws_cohort *cohort, ws_arena *arena, int32_t block_size);

/** Take in a request with one token to compute, from batch next_batch on. */
WS_NODISCARD ws_status ws_cohort_join(ws_cohort *cohort, ws_request *request, int64_t next_batch);

/** Take a member out; its lengths and tokens are brought up to date. */
WS_NODISCARD ws_status ws_cohort_leave(ws_cohort *cohort, ws_request *request);

/** Bring a member's lengths up to date, without taking it out. */
void ws_cohort_sync(const ws_cohort *cohort, ws_request *request);

/** Members that take a new block in the next step, and those whose block that step completes. */
const ws_request_list *ws_cohort_opening(const ws_cohort *cohort);
const ws_request_list *ws_cohort_filling(const ws_cohort *cohort);

/** Sum, largest and smallest KV length before the next step; the cohort has members. */
void ws_cohort_kv(ws_cohort *cohort, int64_t *sum_out, int64_t *max_out, int64_t *min_out);

/** A step of all members is over. */
void ws_cohort_advance(ws_cohort *cohort);

/** True if a member has reached its target. */
static inline bool ws_cohort_has_finished(const ws_cohort *cohort)
{
    return cohort->clock >= cohort->next_finish;
}

static inline bool ws_cohort_is_finished(const ws_cohort *cohort, const ws_request *member)
{
    return member->base + cohort->clock + 1 >= member->target;
}

#endif /* WS_COHORT_H */
