/* serving/scheduler.h -- continuous batching on one instance: who runs in the next step, and what its end
 * means (docs/model/serving.md 4). Knows nothing of NPUs, time or power beyond the clock values it is handed.
 * Arena memory. */
#ifndef WS_SCHEDULER_H
#define WS_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/status.h"
#include "serving/cohort.h"
#include "serving/kv_cache.h"
#include "serving/request.h"

typedef enum ws_role { WS_ROLE_COMBINED, WS_ROLE_PREFILL, WS_ROLE_DECODE } ws_role;

typedef struct ws_scheduler_config {
    int32_t instance;                     /* index, for messages */
    ws_role role;                         /* pd_type */
    int64_t max_num_seqs;                 /* cap on the running set, >= 1 */
    int64_t token_budget;                 /* per step, >= 1 */
    int64_t long_prefill_token_threshold; /* 0 = off */
    int64_t pp_size;                      /* batches in flight */
    int64_t max_prompt_tokens;            /* of a request it can serve; longer ones are not routed to it */
    int64_t max_total_tokens;             /* likewise: prompt and output */
    bool    enable_chunked_prefill;
    bool    reserve_full_isl;
    bool    lists_every_request; /* batch entries name steady decodes too; no cohort then */
    bool queue_until_last_chunk; /* queuing delay ends at the last prefill chunk (reference), not the first */
    bool notes_work;          /* keep what batches computed of a request besides its token runs (work_runs.h)
                      */
    bool ends_by_length;      /* a request ends when it is as long as wanted, its prompt computed or not, and
                                 leaves a prefill instance even if it is (reference) */
    bool counts_tokens_ahead; /* a batch's end counts what later batches in flight compute as done (reference)
                               */
} ws_scheduler_config;

typedef struct ws_batch_entry {
    ws_request *request;
    int32_t     n_tokens;
    int32_t     computed; /* KV length before the step */
} ws_batch_entry;

typedef struct ws_batch {
    int64_t         id;
    int64_t         start_ns;
    size_t          n_entries, capacity;
    ws_batch_entry *entries;                    /* requests one by one, without the steady ones */
    size_t          n_steady;                   /* members of the cohort, one token each */
    int64_t         n_tokens;                   /* T, may be padded by a DP group */
    int64_t         n_prefills;                 /* entries of more than one token */
    int64_t         prefill_tokens, prefill_kv; /* their tokens and histories */
    int64_t         n_decodes;                  /* entries of one token, plus padding */
    int64_t         kv_sum, kv_max, kv_min;     /* histories of the decode entries; 0 if none */
    int64_t         n_kv_entries; /* decode entries with a KV length: n_decodes without padding */
    int64_t         load_bytes;   /* KV recalled from the second tier for this batch */
    int64_t         store_bytes;  /* KV of this batch copied into the second tier */
    int64_t         pd_tokens;    /* tokens whose KV goes to a decode instance */
    uint32_t        claims,
        ends; /* pollers that took it, and that finished it: WS_POLLER_* bits, used by the event loops */
    bool in_use;
} ws_batch;

/** Sequences whose logits the step computes: max(requests, entries with padding). */
static inline int64_t ws_batch_n_sequences(const ws_batch *batch)
{
    const int64_t padded   = batch->n_prefills + batch->n_decodes;
    const int64_t requests = (int64_t)(batch->n_entries + batch->n_steady);
    return requests > padded ? requests : padded;
}

typedef struct ws_scheduler {
    ws_scheduler_config config;
    ws_arena           *arena;   /* borrowed */
    ws_kv_cache        *kv;      /* borrowed */
    ws_request        **running; /* ordered */
    size_t              n_running, running_capacity;
    ws_request_list     loose;  /* running requests outside the cohort */
    ws_cohort           cohort; /* running requests in steady decode */
    int64_t             n_ever_run;
    ws_request        **waiting; /* ordered; live entries are [waiting_head, waiting_head + n_waiting) */
    size_t              waiting_head, n_waiting, waiting_capacity;
    ws_request        **done; /* completion order */
    size_t              n_done, done_capacity;
    ws_request_list     finished; /* of the last completion */
    ws_batch           *batches;  /* [n_batches] slots, in_use = in flight */
    size_t              n_batches;
    size_t              n_in_flight;
    int64_t             next_batch_id;
    int64_t             n_preemptions, recomputed_tokens;
} ws_scheduler;

/** What the end of a batch brought. */
typedef struct ws_completion {
    int64_t      prompt_tokens, generated_tokens;
    size_t       n_finished;
    ws_request **finished; /* borrowed from the scheduler until the next completion; without an end_ns on
                              prefill instances: to be handed on */
} ws_completion;

WS_NODISCARD ws_status ws_scheduler_init(ws_scheduler *scheduler, ws_arena *arena, ws_kv_cache *kv,
                                         const ws_scheduler_config *config);

/** False if a request is too long for the instance at any time. */
static inline bool ws_scheduler_can_serve(const ws_scheduler *scheduler, const ws_request *request)
{
    return request->input <= scheduler->config.max_prompt_tokens &&
           request->target <= scheduler->config.max_total_tokens;
}

/** Put a routed request into the waiting list by (arrival, id). */
WS_NODISCARD ws_status ws_scheduler_add(ws_scheduler *scheduler, ws_request *request);

/** Take over a request whose prompt another instance computed (docs/model/serving.md 4.8).
 * @return WS_OK; WS_ERR_INFEASIBLE if it does not fit; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_scheduler_accept(ws_scheduler *scheduler, ws_request *request, ws_error *err);

/** Form the next batch, if there is anything to run and fewer than pp_size are in flight.
 * @param[out] batch_out  borrowed, in flight until completed; NULL if nothing was scheduled
 * @return WS_OK; WS_ERR_INFEASIBLE if a running request is stuck; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_scheduler_schedule(ws_scheduler *scheduler, int64_t now_ns, ws_error *err,
                                             ws_batch **batch_out);

/** A one-token batch without requests, which an idle member adds to a DP round.
 * @param[out] batch_out  borrowed; NULL if pp_size batches are in flight
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_scheduler_dummy(ws_scheduler *scheduler, int64_t now_ns, ws_batch **batch_out);

/** A batch has ended at now_ns: count tokens, finish requests, free the slot.
 * @param[out] completion_out  what happened; `finished` is borrowed
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_scheduler_complete(ws_scheduler *scheduler, ws_batch *batch, int64_t now_ns,
                                             ws_completion *completion_out);

/** Batch slots of an instance with pp_size stages: a member of a DP group may hold one dummy besides its own.
 */
static inline size_t ws_scheduler_n_slots(int64_t pp_size)
{
    return (size_t)pp_size + 1;
}

/** Slot of a batch in flight, below ws_scheduler_n_slots(). */
static inline size_t ws_scheduler_slot(const ws_scheduler *scheduler, const ws_batch *batch)
{
    return (size_t)(batch - scheduler->batches);
}

/** The in-flight batch with an id, or NULL. */
ws_batch *ws_scheduler_find_batch(ws_scheduler *scheduler, int64_t id);

/** The request at the head of the waiting list, or NULL. */
static inline ws_request *ws_scheduler_head(const ws_scheduler *scheduler)
{
    return scheduler->n_waiting > 0 ? scheduler->waiting[scheduler->waiting_head] : NULL;
}

/** True if nothing waits, runs or is in flight. */
static inline bool ws_scheduler_is_empty(const ws_scheduler *scheduler)
{
    return scheduler->n_waiting == 0 && scheduler->n_running == 0 && scheduler->n_in_flight == 0;
}

/** Add to err why the head of the queue can never run (a prompt over the budget without chunking, a sequence
 * longer than the KV cache, ...). */
ws_status ws_scheduler_explain_block(const ws_scheduler *scheduler, ws_error *err);

#endif /* WS_SCHEDULER_H */
