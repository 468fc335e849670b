/* serving/router.h -- arrivals in time order, and which instance each request goes to
 * (docs/model/serving.md 2.3 and 3). */
#ifndef WS_ROUTER_H
#define WS_ROUTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rng.h"
#include "base/status.h"
#include "serving/scheduler.h"
#include "workload/workload.h"

typedef enum ws_router_policy {
    WS_ROUTER_LOAD, /* smallest (4 * waiting + running) / max_num_seqs, ties in rotation */
    WS_ROUTER_RR,   /* round robin */
    WS_ROUTER_RAND, /* uniform, seeded */
    WS_ROUTER_KV    /* smallest share of KV blocks in use, ties in rotation */
} ws_router_policy;

/** Instances of one kind to choose from. */
typedef struct ws_router_group {
    ws_scheduler **members; /* borrowed schedulers in instance order */
    size_t         n_members;
    size_t         next;                                /* rotation counter */
    int64_t        max_prompt_tokens, max_total_tokens; /* what every member can serve */
} ws_router_group;

typedef struct ws_router {
    ws_router_policy policy;
    ws_rng           rng;
    ws_router_group  entry;  /* instances that take new requests: combined and prefill */
    ws_router_group  decode; /* instances that take over after prefill */
} ws_router;

/** Requests that have not been routed yet, by arrival. */
typedef struct ws_arrivals {
    ws_arena *arena; /* borrowed */
    uint32_t *ids;   /* [n] request ids; [next, n) are pending */
    size_t    next, n, capacity;
    uint32_t *session_next; /* [n_sessions] sub-requests released so far */
    size_t    n_open_sessions;
} ws_arrivals;

WS_NODISCARD ws_status ws_router_init(ws_router *router, ws_arena *arena, ws_router_policy policy,
                                      uint64_t seed, ws_scheduler *schedulers, size_t n_schedulers);

/** The instance the next request goes to. The group has members. */
ws_scheduler *ws_router_choose(ws_router *router, ws_router_group *group);

/** The same among those that can serve a request; NULL if none can. */
ws_scheduler *ws_router_choose_for(ws_router *router, ws_router_group *group, const ws_request *request);

WS_NODISCARD ws_status ws_arrivals_init(ws_arrivals *arrivals, ws_arena *arena, const ws_workload *workload);

/** Arrival time of the earliest pending request, or INT64_MAX. */
int64_t ws_arrivals_next_ns(const ws_arrivals *arrivals, const ws_request *requests);

/** A request will never finish: its session ends with it.
 * @param[out] first_out  the first call that is not released any more
 * @return how many of them there are, one after the other */
uint32_t ws_arrivals_end_session(ws_arrivals *arrivals, const ws_workload *workload, uint32_t rejected,
                                 uint32_t *first_out);

/** A request has finished at now_ns: release the next one of its session, if it has one. */
WS_NODISCARD ws_status ws_arrivals_release(ws_arrivals *arrivals, const ws_workload *workload,
                                           ws_request *requests, uint32_t finished, int64_t now_ns);

#endif /* WS_ROUTER_H */
