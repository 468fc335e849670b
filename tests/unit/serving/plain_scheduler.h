/* plain_scheduler.h -- the scheduler of docs/model/serving.md 4.1 to 4.7 written down plainly: arrays, linear
 * searches, requests and a KV cache of its own. What the fast one is compared with. Combined role only. */
#ifndef WS_TEST_PLAIN_SCHEDULER_H
#define WS_TEST_PLAIN_SCHEDULER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "serving/scheduler.h"

enum { MAX_REQUESTS = 40, PP_MAX = 3 };

typedef struct plain_batch {
    size_t  n;
    int     request[MAX_REQUESTS];
    int32_t tokens[MAX_REQUESTS], computed[MAX_REQUESTS];
} plain_batch;

typedef struct plain {
    const ws_scheduler_config *config;
    ws_kv_cache                kv;
    ws_request                 requests[MAX_REQUESTS];
    int                        running[MAX_REQUESTS], waiting[MAX_REQUESTS]; /* request ids in order */
    size_t                     n_running, n_waiting, n_flying, n_done;
    plain_batch                flying[PP_MAX]; /* oldest first */
    int                        done[MAX_REQUESTS];
    int64_t                    recomputed_tokens;
} plain;

static inline void insert_at(int *list, size_t *n, size_t position, int id)
{
    memmove(list + position + 1, list + position, (*n - position) * sizeof(*list));
    list[position] = id;
    (*n)++;
}

static inline void remove_id(int *list, size_t *n, int id)
{
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        if (list[i] != id) {
            list[kept++] = list[i];
        }
    }
    *n = kept;
}

static inline bool plain_is_before(const plain *s, int id, int other)
{
    const ws_request *a = &s->requests[id], *b = &s->requests[other];
    return a->arrival_ns < b->arrival_ns || (a->arrival_ns == b->arrival_ns && a->id < b->id);
}

/* The bisection is part of the specification (4.1): preempted requests in front may be out of order. */
static inline void plain_add(plain *s, int id)
{
    size_t lo = 0, hi = s->n_waiting;
    ws_kv_cache_bind(&s->kv, &s->requests[id]);
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (plain_is_before(s, id, s->waiting[mid])) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    insert_at(s->waiting, &s->n_waiting, lo, id);
}

static inline void plain_put(plain *s, plain_batch *batch, int id, int32_t n, int64_t now_ns)
{
    ws_request *r               = &s->requests[id];
    batch->request[batch->n]    = id;
    batch->tokens[batch->n]     = n;
    batch->computed[batch->n++] = r->computed;
    if (r->is_initial && (r->queue_ns < 0 || s->config->queue_until_last_chunk)) {
        r->queue_ns = now_ns - r->arrival_ns;
    }
    r->computed += n;
}

static inline int32_t plain_wanted(const plain *s, int64_t n, int64_t budget)
{
    const int64_t threshold = s->config->long_prefill_token_threshold;
    n                       = threshold > 0 && n > threshold ? threshold : n;
    return (int32_t)(n < budget ? n : budget);
}

static inline void plain_preempt_last(plain *s)
{
    const int   id = s->running[--s->n_running];
    ws_request *r  = &s->requests[id];
    ws_kv_cache_release(&s->kv, r);
    r->computed = 0;
    r->n_preemptions++;
    insert_at(s->waiting, &s->n_waiting, 0, id);
}

/* @return true if somebody was preempted */
static inline bool plain_run_phase(plain *s, plain_batch *batch, int64_t *budget, int64_t now_ns)
{
    bool preempted = false;
    for (size_t i = 0; i<s->n_running && * budget> 0; i++) {
        const int     id      = s->running[i];
        ws_request   *r       = &s->requests[id];
        const int32_t n       = plain_wanted(s, r->reached - r->computed, *budget);
        bool          granted = false;
        if (n <= 0) {
            continue;
        }
        while (!granted && i < s->n_running) {
            assert_int_equal(ws_kv_cache_extend(&s->kv, r, n, NULL, &granted), WS_OK);
            if (!granted) {
                plain_preempt_last(s);
                preempted = true;
            }
        }
        if (!granted) {
            break;
        }
        plain_put(s, batch, id, n, now_ns);
        *budget -= n;
    }
    return preempted;
}

static inline void plain_admit(plain *s, plain_batch *batch, int64_t *budget, int64_t now_ns)
{
    while (s->n_waiting > 0 && *budget > 0 && (int64_t)s->n_running < s->config->max_num_seqs) {
        const int       id      = s->waiting[0];
        ws_request     *r       = &s->requests[id];
        const ws_kv_hit hit     = ws_kv_cache_lookup(&s->kv, r);
        const int32_t   whole   = plain_wanted(s, r->reached - hit.npu_tokens, INT32_MAX);
        const int32_t   n       = plain_wanted(s, whole, *budget);
        bool            granted = false;
        if (r->arrival_ns > now_ns || (!s->config->enable_chunked_prefill && whole > *budget) ||
            (s->config->reserve_full_isl && !ws_kv_cache_fits(&s->kv, r, r->reached, &hit))) {
            return;
        }
        assert_int_equal(ws_kv_cache_extend(&s->kv, r, n, &hit, &granted), WS_OK);
        if (!granted) {
            return;
        }
        if (r->n_preemptions > 0) {
            s->recomputed_tokens += r->reached - hit.npu_tokens;
        }
        r->computed  = hit.npu_tokens;
        r->total_hit = hit.npu_tokens;
        remove_id(s->waiting, &s->n_waiting, id);
        s->running[s->n_running++] = id;
        plain_put(s, batch, id, n, now_ns);
        *budget -= n;
    }
}

/* @return the batch formed, NULL = none */
static const plain_batch *plain_schedule(plain *s, int64_t now_ns)
{
    if ((int64_t)s->n_flying >= s->config->pp_size) {
        return NULL;
    }
    plain_batch *batch  = &s->flying[s->n_flying];
    int64_t      budget = s->config->token_budget;
    batch->n            = 0;
    if (!plain_run_phase(s, batch, &budget, now_ns)) {
        plain_admit(s, batch, &budget, now_ns);
    }
    s->n_flying += batch->n > 0;
    return batch->n > 0 ? batch : NULL;
}

static inline bool plain_is_done(const plain *s, int id)
{
    bool found = false;
    for (size_t i = 0; i < s->n_done; i++) {
        found = found || s->done[i] == id;
    }
    return found;
}

static inline void plain_complete_one(plain *s, const plain_batch *batch, size_t i, int64_t now_ns,
                                      ws_completion *out)
{
    const int     id       = batch->request[i];
    ws_request   *r        = &s->requests[id];
    const int32_t at_end   = batch->computed[i] + batch->tokens[i];
    const int32_t computed = s->config->counts_tokens_ahead || r->computed < at_end ? r->computed : at_end;
    const bool    first    = r->is_initial && computed >= r->input;
    if (first) {
        r->is_initial = false;
        r->ttft_ns    = now_ns - r->arrival_ns;
        out->prompt_tokens += batch->tokens[i] + r->total_hit;
    } else if (batch->tokens[i] > 1) {
        out->prompt_tokens += batch->tokens[i];
    }
    if (first || batch->tokens[i] > 1) {
        ws_kv_cache_index(&s->kv, r, r->computed);
    }
    if (computed >= r->reached) {
        r->reached++;
        r->n_tokens_done += !first;
        out->generated_tokens++;
        ws_kv_cache_index(&s->kv, r, r->computed);
    }
    if (r->reached >= r->target) {
        ws_kv_cache_index(&s->kv, r, r->computed);
        ws_kv_cache_release(&s->kv, r);
        r->end_ns = now_ns;
        remove_id(s->running, &s->n_running, id);
        s->done[s->n_done++] = id;
    }
}

static inline ws_completion plain_complete(plain *s, int64_t now_ns)
{
    const plain_batch batch = s->flying[0];
    ws_completion     out   = {0};
    for (size_t i = 0; i < batch.n; i++) {
        if (!plain_is_done(s, batch.request[i])) {
            plain_complete_one(s, &batch, i, now_ns, &out);
        }
    }
    memmove(s->flying, s->flying + 1, (--s->n_flying) * sizeof(*s->flying));
    return out;
}

#endif /* WS_TEST_PLAIN_SCHEDULER_H */
