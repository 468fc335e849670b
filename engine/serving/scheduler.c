#include "serving/scheduler.h"

#include <inttypes.h>
#include <string.h>

#include "base/minmax.h"
#include "serving/token_runs.h"
#include "serving/work_runs.h"

ws_status ws_scheduler_init(ws_scheduler *scheduler, ws_arena *arena, ws_kv_cache *kv,
                            const ws_scheduler_config *config)
{
    *scheduler           = (ws_scheduler){.config = *config, .arena = arena, .kv = kv};
    scheduler->n_batches = ws_scheduler_n_slots(config->pp_size);
    scheduler->batches   = ws_arena_calloc(arena, scheduler->n_batches, sizeof(ws_batch));
    WS_TRY(ws_cohort_init(&scheduler->cohort, arena, kv->block_size));
    return scheduler->batches != NULL ? WS_OK : WS_ERR_NOMEM;
}

/* ---- waiting list ---- */

static ws_status waiting_reserve(ws_scheduler *s)
{
    const size_t end = s->waiting_head + s->n_waiting;
    if (end < s->waiting_capacity) {
        return WS_OK;
    }
    if (s->waiting_head > s->waiting_capacity / 2) { /* half is free in front: slide down */
        memmove(s->waiting, s->waiting + s->waiting_head, s->n_waiting * sizeof(*s->waiting));
        s->waiting_head = 0;
        return WS_OK;
    }
    return ws_arena_grow(s->arena, &s->waiting, &s->waiting_capacity, end, end + 1, sizeof(*s->waiting));
}

static ws_status waiting_insert(ws_scheduler *s, size_t position, ws_request *request)
{
    if (position == 0 && s->waiting_head > 0) {
        s->waiting[--s->waiting_head] = request;
        s->n_waiting++;
        return WS_OK;
    }
    WS_TRY(waiting_reserve(s));
    ws_request **at = s->waiting + s->waiting_head + position;
    memmove(at + 1, at, (s->n_waiting - position) * sizeof(*at));
    *at = request;
    s->n_waiting++;
    return WS_OK;
}

static void waiting_pop(ws_scheduler *s)
{
    s->waiting_head++;
    s->n_waiting--;
    if (s->n_waiting == 0) {
        s->waiting_head = 0;
    }
}

static bool is_before(const ws_request *a, const ws_request *b)
{
    return a->arrival_ns != b->arrival_ns ? a->arrival_ns < b->arrival_ns : a->id < b->id;
}

WS_HOT ws_status ws_scheduler_add(ws_scheduler *s, ws_request *request)
{
    request->instance = s->config.instance;
    ws_kv_cache_bind(s->kv, request);
    size_t lo = 0, hi = s->n_waiting;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (is_before(request, s->waiting[s->waiting_head + mid])) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return waiting_insert(s, lo, request);
}

/* ---- running set ---- */

static ws_status running_push(ws_scheduler *s, ws_request *request)
{
    WS_TRY(ws_arena_grow(s->arena, &s->running, &s->running_capacity, s->n_running, s->n_running + 1,
                         sizeof(*s->running)));
    s->running[s->n_running++] = request;
    request->status            = WS_REQUEST_RUNNING;
    request->run_order         = s->n_ever_run++;
    return ws_request_list_insert(&s->loose, s->arena, request);
}

static void drop_finished(ws_scheduler *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_running; i++) {
        if (s->running[i]->status == WS_REQUEST_RUNNING) {
            s->running[kept++] = s->running[i];
        }
    }
    s->n_running = kept;
}

/* Take the newest running request off the instance and put it at the front of the queue. */
static ws_status preempt_last(ws_scheduler *s, ws_request **victim_out)
{
    ws_request *victim = s->running[--s->n_running];
    ws_request_list_remove(&s->loose, victim);
    ws_kv_cache_release(s->kv, victim);
    victim->status   = WS_REQUEST_PREEMPTED;
    victim->computed = 0;
    victim->n_preemptions++;
    s->n_preemptions++;
    *victim_out = victim;
    return waiting_insert(s, 0, victim);
}

/* ---- forming a batch ---- */

static ws_status batch_reserve(ws_scheduler *s, ws_batch *batch, size_t n)
{
    if (WS_LIKELY(n <= batch->capacity)) {
        return WS_OK;
    }
    return ws_arena_grow(s->arena, &batch->entries, &batch->capacity, batch->n_entries, n,
                         sizeof(*batch->entries));
}

/* Put n tokens of a request into the batch; its computed length moves right away (docs/model/serving.md 4.5).
 */
static inline void batch_put(ws_batch *batch, ws_request *request, int32_t n)
{
    const int32_t computed             = request->computed;
    batch->entries[batch->n_entries++] = (ws_batch_entry){request, n, computed};
    batch->n_tokens += n;
    if (n == 1) {
        batch->n_decodes++;
        batch->kv_sum += computed;
        batch->kv_max = computed > batch->kv_max ? computed : batch->kv_max;
        batch->kv_min = computed < batch->kv_min ? computed : batch->kv_min;
    } else {
        batch->n_prefills++;
        batch->prefill_tokens += n;
        batch->prefill_kv += computed;
    }
    request->computed = computed + n;
    request->n_in_flight++;
}

static void note_queue_delay(const ws_scheduler *s, ws_request *request, int64_t now_ns)
{
    if (request->is_initial && (request->queue_ns < 0 || s->config.queue_until_last_chunk)) {
        request->queue_ns = now_ns - request->arrival_ns;
    }
}

/* Slots for n more tokens of running[index], preempting from the end of the list until there are enough.
 * granted_out is false if the request itself had to go. */
static ws_status grant_slots(ws_scheduler *s, ws_request *request, int32_t n, bool *granted_out,
                             bool *preempted_out)
{
    for (;;) {
        WS_TRY(ws_kv_cache_extend(s->kv, request, n, NULL, granted_out));
        if (*granted_out) {
            return WS_OK;
        }
        ws_request *victim = NULL;
        WS_TRY(preempt_last(s, &victim));
        *preempted_out = true;
        if (victim == request) {
            return WS_OK;
        }
    }
}

/* A decode step stays inside a request's last block, and completes none, most of the time. */
static inline bool needs_kv_work(const ws_kv_cache *kv, int32_t computed)
{
    const int32_t phase = kv->block_shift >= 0 ? computed & (kv->block_size - 1) : computed % kv->block_size;
    return phase == 0 || phase == kv->block_size - 1;
}

/* Tokens a running request wants in this step. */
static int64_t wanted_tokens(const ws_scheduler *s, const ws_request *request)
{
    const int64_t threshold = s->config.long_prefill_token_threshold;
    const int64_t n         = request->reached - request->computed;
    return threshold > 0 && n > threshold ? threshold : n;
}

static WS_HOT ws_status schedule_one(ws_scheduler *s, ws_request *request, int64_t now_ns, ws_batch *batch,
                                     int64_t *budget, bool *granted_out, bool *preempted_out)
{
    const int64_t n = ws_min_i64(wanted_tokens(s, request), *budget);
    *granted_out    = true;
    if (n > 1 || needs_kv_work(s->kv, request->computed)) {
        WS_TRY(grant_slots(s, request, (int32_t)n, granted_out, preempted_out));
        if (!*granted_out) {
            return WS_OK;
        }
    }
    note_queue_delay(s, request, now_ns);
    batch_put(batch, request, (int32_t)n);
    *budget -= n;
    return WS_OK;
}

static ws_status schedule_running(ws_scheduler *s, int64_t now_ns, ws_batch *batch, int64_t *budget,
                                  bool *preempted_out, ws_error *err)
{
    for (size_t i = 0; *budget > 0 && i < s->n_running; i++) {
        ws_request *request = s->running[i];
        bool        granted = false;
        if (WS_UNLIKELY(request->reached <= request->computed)) {
            if (request->n_in_flight == 0) {
                return ws_error_add(err, WS_ERR_INFEASIBLE,
                                    "instance %d: request %u is stuck: it runs, but has "
                                    "no token left to compute",
                                    s->config.instance, request->id);
            }
            continue;
        }
        WS_TRY(schedule_one(s, request, now_ns, batch, budget, &granted, preempted_out));
        if (!granted) {
            break;
        }
    }
    return WS_OK;
}

/* ---- steady decodes together ---- */

static ws_status dissolve_cohort(ws_scheduler *s)
{
    while (s->cohort.members.n > 0) {
        ws_request *member = s->cohort.members.items[s->cohort.members.n - 1];
        WS_TRY(ws_cohort_leave(&s->cohort, member));
        WS_TRY(ws_request_list_insert(&s->loose, s->arena, member));
    }
    return WS_OK;
}

/* True if budget and free blocks suffice for one step of everybody who runs, so that nobody is cut or
 * preempted. */
static bool everybody_fits(const ws_scheduler *s, int64_t budget)
{
    int64_t n_tokens = (int64_t)s->cohort.members.n, n_blocks = (int64_t)ws_cohort_opening(&s->cohort)->n;
    for (size_t i = 0; i < s->loose.n; i++) {
        const int64_t n = wanted_tokens(s, s->loose.items[i]);
        n_tokens += n;
        n_blocks += n / s->kv->block_size + 2;
    }
    return n_tokens <= budget && n_blocks <= ws_block_pool_n_free(&s->kv->pool);
}

static const ws_request *next_in(const ws_request_list *list, size_t i)
{
    return i < list->n ? list->items[i] : NULL;
}

static bool runs_before(const ws_request *a, const ws_request *b)
{
    return a != NULL && (b == NULL || a->run_order < b->run_order);
}

/* KV work of a member: its next block, or the index of the one it completes. */
static ws_status extend_member(ws_scheduler *s, ws_request *member)
{
    bool granted = false;
    ws_cohort_sync(&s->cohort, member);
    WS_TRY(ws_kv_cache_extend(s->kv, member, 1, NULL, &granted));
    WS_ASSERT(granted);
    return WS_OK;
}

/* The running phase when everybody fits: loose requests and members with KV work, in running order. */
static ws_status schedule_together(ws_scheduler *s, int64_t now_ns, ws_batch *batch, int64_t *budget)
{
    const ws_request_list *opening = ws_cohort_opening(&s->cohort), *filling = ws_cohort_filling(&s->cohort);
    size_t                 o = 0, f = opening == filling ? filling->n : 0, l = 0;
    batch->n_steady = s->cohort.members.n;
    for (;;) {
        const ws_request *open = next_in(opening, o), *fill = next_in(filling, f),
                         *loose = next_in(&s->loose, l);
        if (runs_before(open, fill) && runs_before(open, loose)) {
            WS_TRY(extend_member(s, opening->items[o++]));
        } else if (runs_before(fill, loose)) {
            WS_TRY(extend_member(s, filling->items[f++]));
        } else if (loose != NULL) {
            bool granted = false, preempted = false;
            WS_TRY(schedule_one(s, s->loose.items[l++], now_ns, batch, budget, &granted, &preempted));
            WS_ASSERT(granted && !preempted);
        } else {
            break;
        }
    }
    int64_t sum = 0, max = 0, min = 0;
    ws_cohort_kv(&s->cohort, &sum, &max, &min);
    batch->n_decodes += (int64_t)batch->n_steady;
    batch->n_tokens += (int64_t)batch->n_steady;
    batch->kv_sum += sum;
    batch->kv_max = max > batch->kv_max ? max : batch->kv_max;
    batch->kv_min = min < batch->kv_min ? min : batch->kv_min;
    *budget -= (int64_t)batch->n_steady;
    return WS_OK;
}

/* Steady decodes join after a batch if there is room for all of them to go on for a while. */
static bool may_form_cohort(const ws_scheduler *s)
{
    return s->config.pp_size == 1 && !s->config.lists_every_request && s->config.role != WS_ROLE_PREFILL &&
           ws_block_pool_n_free(&s->kv->pool) > (int32_t)s->n_running;
}

/* ---- admission ---- */

static void count_admission(ws_scheduler *s, const ws_request *request, const ws_kv_hit *hit)
{
    ws_kv_cache *kv = s->kv;
    if (!kv->is_caching || request->n_preemptions > 0) {
        return; /* once per request: resumes do not count again */
    }
    kv->requested_tokens += request->input;
    kv->npu_hit_tokens += hit->npu_tokens;
    kv->tier_hit_tokens += hit->tier_tokens;
    if (kv->tier != NULL) {
        kv->tier->requested_tokens += request->input;
        kv->tier->hit_tokens += hit->tier_tokens;
    }
}

/* Tokens the head of the queue may run with a hit of hit_tokens; 0 or less = it has to wait. */
static int64_t admissible_tokens(const ws_scheduler *s, const ws_request *head, int64_t hit_tokens,
                                 int64_t budget)
{
    const int64_t threshold = s->config.long_prefill_token_threshold;
    int64_t       n         = head->reached - hit_tokens;
    n                       = threshold > 0 && n > threshold ? threshold : n;
    if (!s->config.enable_chunked_prefill && n > budget) {
        return 0;
    }
    return ws_min_i64(n, budget);
}

/* Admit the head of the queue if it fits; admitted_out tells. Nobody overtakes it. */
static ws_status admit_head(ws_scheduler *s, int64_t now_ns, ws_batch *batch, int64_t *budget,
                            bool *admitted_out)
{
    ws_request *head = ws_scheduler_head(s);
    *admitted_out    = false;
    if ((int64_t)s->n_running >= s->config.max_num_seqs || head->arrival_ns > now_ns) {
        return WS_OK;
    }
    const ws_kv_hit hit        = ws_kv_cache_lookup(s->kv, head);
    const int32_t   hit_tokens = hit.npu_tokens + hit.tier_tokens;
    head->npu_hit              = hit.npu_tokens;
    head->total_hit            = hit_tokens;
    const int64_t n            = admissible_tokens(s, head, hit_tokens, *budget);
    if (n <= 0 || (s->config.reserve_full_isl && !ws_kv_cache_fits(s->kv, head, head->reached, &hit))) {
        return WS_OK;
    }
    bool granted = false;
    WS_TRY(batch_reserve(s, batch, batch->n_entries + 1));
    WS_TRY(ws_kv_cache_extend(s->kv, head, (int32_t)n, &hit, &granted));
    if (!granted) {
        return WS_OK;
    }
    waiting_pop(s);
    if (head->status == WS_REQUEST_PREEMPTED && head->reached > hit_tokens) {
        s->recomputed_tokens += head->reached - hit_tokens;
    }
    head->computed = hit_tokens;
    WS_TRY(running_push(s, head));
    count_admission(s, head, &hit);
    note_queue_delay(s, head, now_ns);
    batch_put(batch, head, (int32_t)n);
    *budget -= n;
    *admitted_out = true;
    return WS_OK;
}

static ws_batch *free_slot(ws_scheduler *s)
{
    for (size_t i = 0; i < s->n_batches; i++) {
        if (!s->batches[i].in_use) {
            return &s->batches[i];
        }
    }
    return NULL;
}

static void batch_clear(ws_batch *batch)
{
    const size_t    capacity = batch->capacity;
    ws_batch_entry *entries  = batch->entries;
    *batch                   = (ws_batch){.capacity = capacity, .entries = entries, .kv_min = INT64_MAX};
}

static void batch_open(ws_scheduler *s, ws_batch *batch, int64_t now_ns)
{
    if (batch->n_decodes == 0) {
        batch->kv_min = 0;
    }
    batch->n_kv_entries = batch->n_decodes;
    batch->id           = s->next_batch_id++;
    batch->start_ns     = now_ns;
    batch->in_use       = true;
    s->n_in_flight++;
}

WS_HOT ws_status ws_scheduler_schedule(ws_scheduler *s, int64_t now_ns, ws_error *err, ws_batch **batch_out)
{
    *batch_out = NULL;
    if ((int64_t)s->n_in_flight >= s->config.pp_size || (s->n_running == 0 && s->n_waiting == 0)) {
        return WS_OK;
    }
    ws_batch *batch = free_slot(s);
    WS_ASSERT(batch != NULL);
    batch_clear(batch);
    WS_TRY(batch_reserve(s, batch, s->n_running + 1));
    int64_t budget    = s->config.token_budget;
    bool    preempted = false;
    if (s->cohort.members.n > 0 && everybody_fits(s, budget)) {
        WS_TRY(schedule_together(s, now_ns, batch, &budget));
    } else {
        WS_TRY(dissolve_cohort(s));
        WS_TRY(schedule_running(s, now_ns, batch, &budget, &preempted, err));
    }
    bool admitted = !preempted;
    while (admitted && s->n_waiting > 0 && budget > 0) {
        WS_TRY(admit_head(s, now_ns, batch, &budget, &admitted));
    }
    if (batch->n_entries + batch->n_steady == 0) {
        return WS_OK;
    }
    batch->load_bytes          = s->kv->recall_bytes;
    batch->store_bytes         = s->kv->write_through_bytes;
    s->kv->recall_bytes        = 0;
    s->kv->write_through_bytes = 0;
    if (s->config.role == WS_ROLE_PREFILL) {
        batch->pd_tokens = batch->n_tokens;
    }
    batch_open(s, batch, now_ns);
    *batch_out = batch;
    return WS_OK;
}

ws_status ws_scheduler_dummy(ws_scheduler *s, int64_t now_ns, ws_batch **batch_out)
{
    ws_batch *batch = (int64_t)s->n_in_flight < s->config.pp_size ? free_slot(s) : NULL;
    *batch_out      = batch;
    if (batch == NULL) {
        return WS_OK;
    }
    WS_TRY(
        dissolve_cohort(s)); /* a member's tokens come out of consecutive batches, and this one brings none */
    batch_clear(batch);
    batch->n_tokens  = 1;
    batch->n_decodes = 1;
    batch->kv_sum = batch->kv_max = batch->kv_min = 1;
    batch_open(s, batch, now_ns);
    return WS_OK;
}

WS_HOT ws_batch *ws_scheduler_find_batch(ws_scheduler *s, int64_t id)
{
    for (size_t i = 0; i < s->n_batches; i++) {
        if (s->batches[i].in_use && s->batches[i].id == id) {
            return &s->batches[i];
        }
    }
    return NULL;
}

/* ---- the end of a batch ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    const int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

/* Where no first token was noted, all tokens share the time since the arrival; the reference counts -1 ns as
 * the first one's, and no token as -1 gaps (docs/model/serving.md 4.6). */
static int64_t tpot_ns(const ws_scheduler *s, const ws_request *request)
{
    const int64_t n_tokens = (int64_t)request->target - request->input;
    if (s->config.ends_by_length) {
        return n_tokens == 1 ? 0 : floor_div(request->latency_ns - request->ttft_ns, n_tokens - 1);
    }
    const bool    has_first = request->ttft_ns >= 0;
    const int64_t n_gaps    = has_first ? n_tokens - 1 : n_tokens;
    return n_gaps < 1 ? 0 : (request->latency_ns - (has_first ? request->ttft_ns : 0)) / n_gaps;
}

static ws_status finish(ws_scheduler *s, ws_request *request, int64_t now_ns)
{
    ws_kv_cache_index(s->kv, request, request->computed);
    ws_kv_cache_release(s->kv, request);
    request->status      = WS_REQUEST_FINISHED;
    request->end_ns      = now_ns;
    request->latency_ns  = now_ns - request->arrival_ns;
    request->tpot_ns     = tpot_ns(s, request);
    s->done[s->n_done++] = request;
    return WS_OK;
}

/* The prompt of a request on a prefill instance is done: it leaves with its first token to come. */
static void finish_prefill(ws_scheduler *s, ws_request *request)
{
    request->reached++;
    ws_kv_cache_release(s->kv, request);
    request->status = WS_REQUEST_FINISHED;
}

/* Whoever wants one token, or none, has all of it when the prompt is done, on a prefill instance too. */
static bool is_whole_after_prompt(const ws_scheduler *s, const ws_request *request)
{
    return !s->config.ends_by_length && request->target <= request->input + 1;
}

/* Every token wanted is there; that none is wanted does not make a prompt shorter. */
static inline bool is_complete(const ws_scheduler *s, const ws_request *request, int32_t computed)
{
    return request->reached >= request->target && (s->config.ends_by_length || computed >= request->input);
}

/* Tokens of a request that are computed when a batch ends: not those of later batches still in flight, and
 * not those it lost by preemption. */
static inline int32_t computed_by(const ws_scheduler *s, const ws_batch_entry *entry)
{
    const int32_t at_end = entry->computed + entry->n_tokens, computed = entry->request->computed;
    return s->config.counts_tokens_ahead || computed < at_end ? computed : at_end;
}

/* What the end of its batch means for one request; finished_out tells if it leaves the instance. */
static inline ws_status complete_entry(ws_scheduler *s, const ws_batch_entry *entry, int64_t batch_id,
                                       int64_t now_ns, ws_completion *completion, bool *finished_out)
{
    ws_request   *request  = entry->request;
    const int32_t computed = computed_by(s, entry);
    const bool    first    = request->is_initial && computed >= request->input;
    if (WS_UNLIKELY(first)) {
        request->is_initial    = false;
        request->ttft_ns       = now_ns - request->arrival_ns;
        request->recent_end_ns = now_ns;
        completion->prompt_tokens += entry->n_tokens + request->total_hit;
        ws_kv_cache_index(s->kv, request, request->computed);
        if (s->config.role == WS_ROLE_PREFILL && !is_whole_after_prompt(s, request)) {
            finish_prefill(s, request);
            *finished_out = true;
            return WS_OK;
        }
    } else if (WS_UNLIKELY(entry->n_tokens > 1)) {
        completion->prompt_tokens += entry->n_tokens;
        ws_kv_cache_index(s->kv, request, request->computed);
    }
    if (computed >= request->reached && (s->config.ends_by_length || request->reached < request->target)) {
        request->reached++;
        completion->generated_tokens++;
        if (!first) {
            WS_TRY(ws_token_runs_put(request, s->arena, batch_id));
        }
        ws_kv_cache_index(s->kv, request, request->computed);
    }
    *finished_out = is_complete(s, request, computed);
    return *finished_out ? finish(s, request, now_ns) : WS_OK;
}

/* Tokens a batch computed besides the one its request's token runs tell of: prompts, and what was lost by
 * preemption. */
static inline ws_status note_work(const ws_scheduler *s, ws_request *request, int64_t batch_id,
                                  int32_t n_tokens)
{
    if (WS_LIKELY(n_tokens == 0) || !s->config.notes_work) {
        return WS_OK;
    }
    return ws_work_runs_add(request, s->arena, s->config.instance, batch_id, n_tokens);
}

/* Off the instance: out of every list but `running`, which drop_finished() cleans. */
static ws_status note_left(ws_scheduler *s, ws_request *request)
{
    ws_request_list_remove(&s->loose, request);
    WS_TRY(ws_arena_grow(s->arena, &s->finished.items, &s->finished.capacity, s->finished.n,
                         s->finished.n + 1, sizeof(*s->finished.items)));
    s->finished.items[s->finished.n++] = request;
    return WS_OK;
}

static ws_status complete_loose(ws_scheduler *s, const ws_batch *batch, const ws_batch_entry *entry,
                                int64_t now_ns, ws_completion *completion)
{
    ws_request   *request  = entry->request;
    const int32_t n_before = request->n_tokens_done;
    bool          finished = false;
    request->n_in_flight--;
    if (request->status == WS_REQUEST_FINISHED || request->instance != s->config.instance) {
        /* has left before, with another batch in flight */
        return note_work(s, request, batch->id, entry->n_tokens);
    }
    WS_TRY(complete_entry(s, entry, batch->id, now_ns, completion, &finished));
    WS_TRY(note_work(s, request, batch->id, entry->n_tokens - (request->n_tokens_done - n_before)));
    return finished ? note_left(s, request) : WS_OK;
}

/* Entries and members that reach their target, in running order; the cohort's clock has moved on. */
static ws_status complete_all(ws_scheduler *s, const ws_batch *batch, int64_t now_ns,
                              ws_completion *completion)
{
    ws_cohort *cohort = &s->cohort;
    size_t     i      = 0;
    for (size_t k = 0; batch->n_steady > 0 && ws_cohort_has_finished(cohort) && k < cohort->members.n;) {
        ws_request *member = cohort->members.items[k];
        if (!ws_cohort_is_finished(cohort, member)) {
            k++;
            continue;
        }
        while (i < batch->n_entries && batch->entries[i].request->run_order < member->run_order) {
            WS_TRY(complete_loose(s, batch, &batch->entries[i++], now_ns, completion));
        }
        WS_TRY(ws_cohort_leave(cohort, member)); /* the next member moves to k */
        WS_TRY(finish(s, member, now_ns));
        WS_TRY(note_left(s, member));
    }
    while (i < batch->n_entries) {
        WS_TRY(complete_loose(s, batch, &batch->entries[i++], now_ns, completion));
    }
    return WS_OK;
}

static ws_status join_steady(ws_scheduler *s, const ws_batch *batch)
{
    for (size_t i = 0; i < batch->n_entries; i++) {
        ws_request *request = batch->entries[i].request;
        if (request->status == WS_REQUEST_RUNNING && !request->is_initial &&
            request->reached - request->computed == 1 && request->reached < request->target) {
            ws_request_list_remove(&s->loose, request);
            WS_TRY(ws_cohort_join(&s->cohort, request, s->next_batch_id));
        }
    }
    return WS_OK;
}

WS_HOT ws_status ws_scheduler_complete(ws_scheduler *s, ws_batch *batch, int64_t now_ns,
                                       ws_completion *completion_out)
{
    *completion_out = (ws_completion){.generated_tokens = (int64_t)batch->n_steady};
    s->finished.n   = 0;
    WS_TRY(ws_arena_grow(s->arena, &s->done, &s->done_capacity, s->n_done,
                         s->n_done + batch->n_entries + batch->n_steady, sizeof(*s->done)));
    if (batch->n_steady > 0) {
        ws_cohort_advance(&s->cohort);
    }
    WS_TRY(complete_all(s, batch, now_ns, completion_out));
    if (s->finished.n > 0) {
        drop_finished(s);
    }
    if (may_form_cohort(s)) {
        WS_TRY(join_steady(s, batch));
    }
    completion_out->finished   = s->finished.items;
    completion_out->n_finished = s->finished.n;
    batch->in_use              = false;
    s->n_in_flight--;
    return WS_OK;
}

/* ---- hand-off ---- */

WS_HOT ws_status ws_scheduler_accept(ws_scheduler *s, ws_request *request, ws_error *err)
{
    ws_kv_cache *kv   = s->kv;
    request->instance = s->config.instance;
    ws_kv_cache_bind(kv, request);
    const ws_kv_hit hit     = ws_kv_cache_lookup(kv, request);
    bool            granted = false;
    WS_TRY(ws_kv_cache_extend(kv, request, 1, &hit, &granted));
    if (!granted) {
        return ws_error_add(err, WS_ERR_INFEASIBLE,
                            "instance %d: request %u comes from prefill with %d tokens, but only "
                            "%d of %d KV blocks are free",
                            s->config.instance, request->id, request->computed,
                            ws_block_pool_n_free(&kv->pool), kv->pool.n_blocks);
    }
    kv->recall_bytes        = 0;
    kv->write_through_bytes = 0;
    return running_push(s, request);
}

ws_status ws_scheduler_explain_block(const ws_scheduler *s, ws_error *err)
{
    const ws_request  *head = ws_scheduler_head(s);
    const ws_kv_cache *kv   = s->kv;
    if (head == NULL) {
        return WS_OK;
    }
    const ws_kv_hit hit    = ws_kv_cache_lookup(kv, head);
    const int64_t   n_left = head->reached - hit.npu_tokens - hit.tier_tokens;
    if (n_left <= 0) {
        return ws_error_add(err, WS_ERR_INFEASIBLE,
                            "instance %d: request %u blocks the queue forever: the second tier "
                            "holds all its %d tokens, none is left to compute",
                            s->config.instance, head->id, head->reached);
    }
    if (!s->config.enable_chunked_prefill && n_left > s->config.token_budget) {
        return ws_error_add(err, WS_ERR_INFEASIBLE,
                            "instance %d: request %u needs %" PRId64 " tokens in one step, but "
                            "max_num_batched_tokens is %" PRId64 " and chunked prefill is off",
                            s->config.instance, head->id, n_left, s->config.token_budget);
    }
    return ws_error_add(err, WS_ERR_INFEASIBLE,
                        "instance %d: request %u needs %d tokens of KV cache, but it holds only "
                        "%" PRId64,
                        s->config.instance, head->id, head->reached,
                        (int64_t)kv->pool.n_blocks * kv->block_size);
}
