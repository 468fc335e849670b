/* serving/request.h -- the state of one request during a run (docs/model/serving.md 4.1).
 *
 * Plain data, one per request of the workload, in the run's arena; index = request id. The first cache line
 * is what the scheduler touches every step. */
#ifndef WS_REQUEST_H
#define WS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

enum { WS_NO_RECORD = -1 }; /* n_indexed: the KV cache has no record of this request */

typedef enum ws_request_status {
    WS_REQUEST_WAITING, /* also before it is routed */
    WS_REQUEST_RUNNING,
    WS_REQUEST_PREEMPTED, /* in the waiting list again */
    WS_REQUEST_FINISHED
} ws_request_status;

/** Token completions at batches first, first + stride, ..., count of them, of one instance. */
typedef struct ws_token_run {
    int64_t              first_batch;
    int32_t              count, stride;
    struct ws_token_run *next; /* later run, NULL = newest */
} ws_token_run;

/** Tokens computed besides those of token runs: n_tokens by each of the batches first, first + stride, ...,
 * count of them, of one instance. */
typedef struct ws_work_run {
    int64_t             first_batch;
    int32_t             count, stride;
    int32_t             n_tokens, instance;
    struct ws_work_run *next; /* later run, NULL = newest */
} ws_work_run;

typedef struct ws_request {
    int32_t  computed;    /* tokens whose KV exists or is being computed */
    int32_t  reached;     /* length known so far */
    int32_t  target;      /* prompt + output tokens */
    int32_t  input;       /* prompt tokens */
    int32_t  n_in_flight; /* batches in flight that hold it */
    uint8_t  status;      /* ws_request_status */
    bool     is_initial;  /* its prompt was never completed */
    bool     is_steady;  /* in a cohort: computed and reached are those of its last sync (serving/cohort.h) */
    int32_t  n_blocks;   /* entries of its KV block table */
    int32_t  n_indexed;  /* leading blocks indexed for prefix reuse, or WS_NO_RECORD */
    int32_t *blocks;     /* KV block table, borrowed from the KV cache; NULL = holds none */
    int64_t  last_batch; /* that brought its newest token, the first one not counted */
    int32_t  stride;     /* batches between tokens of the open run; 0 = it has fewer than two */
    int32_t  n_tokens_done; /* token completions after the first one */

    int64_t base;                   /* in a cohort: computed length minus its clock */
    int64_t join_clock, join_batch; /* when it joined, and the first batch it was part of as a member */
    int64_t run_order;              /* place among all requests that ever began to run on the instance */

    const uint32_t *chain; /* prefix ids, one per complete block; NULL = not computed yet */
    int32_t         n_chain;
    uint32_t        id;
    int32_t         instance; /* that owns it now */
    int32_t         npu_hit, total_hit;
    int32_t         n_preemptions;
    int64_t         arrival_ns;
    int64_t         ttft_ns, tpot_ns, latency_ns, queue_ns, end_ns; /* -1 = never set */
    int64_t         recent_end_ns;     /* time of the token before the first inter-token gap */
    int64_t         run_first_batch;   /* open run: its first batch ... */
    int32_t         run_first_token;   /* ... and the tokens done before it */
    ws_token_run   *runs, *last_run;   /* closed runs, oldest first; NULL = none */
    ws_work_run    *works, *last_work; /* oldest first; NULL = none, or not noted */
} ws_request;

#endif /* WS_REQUEST_H */
