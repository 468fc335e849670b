/* Invariants, over random workloads, pools, budgets and pipeline depths: the scheduler forms, entry by entry,
 * the batches of docs/model/serving.md 4.1 to 4.7 written down plainly over arrays; no batch exceeds the
 * token budget, no running set the cap; requests known in time first run in order of arrival; each ends with
 * exactly its tokens, and its blocks come back; its token runs and work runs together are its entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fresh_request.h"
#include "plain_scheduler.h"
#include "work_table.h"

enum { N_TRIALS = 400, BLOCK_SIZE = 4, CHAIN_MAX = 24, N_PREFIXES = 3 * CHAIN_MAX, MAX_ROUNDS = 20000 };

/* ---- both ---- */

typedef struct trial {
    ws_rng              rng;
    ws_arena            arena;
    uint32_t            chains[MAX_REQUESTS * CHAIN_MAX], chain_begin[MAX_REQUESTS + 1];
    int32_t             input[MAX_REQUESTS], target[MAX_REQUESTS];
    int64_t             arrival_ns[MAX_REQUESTS], known_ns[MAX_REQUESTS]; /* known: added to the scheduler */
    bool                is_added[MAX_REQUESTS], has_late; /* late: known after their arrival */
    int                 n_requests;
    ws_scheduler_config config;
    ws_kv_cache         kv;
    ws_scheduler        scheduler;
    ws_request          requests[MAX_REQUESTS];
    plain               plain;
    ws_batch           *flying[PP_MAX];
    size_t              n_flying;
    work_table          work[MAX_REQUESTS]; /* entry by entry */
    int                 last_first_run;     /* the request that ran for the first time last; -1 = none */
} trial;

static int below(trial *t, int n)
{
    return (int)ws_rng_below(&t->rng, (uint32_t)n);
}

static void make_workload(trial *t)
{
    int64_t   arrival_ns = 0;
    uint32_t  n          = 0;
    const int gap_ns     = below(t, 2) * 10; /* 0: all at once */
    t->n_requests        = 1 + below(t, MAX_REQUESTS);
    t->has_late          = below(t, 3) == 0;
    for (int i = 0; i < t->n_requests; i++) {
        const int topic = below(t, 3);
        arrival_ns += below(t, 3) * below(t, 1 + gap_ns);
        t->input[i]       = 1 + below(t, 40);
        t->target[i]      = t->input[i] + 1 + below(t, 50);
        t->arrival_ns[i]  = arrival_ns;
        t->known_ns[i]    = arrival_ns + (t->has_late ? below(t, 80) : 0);
        t->chain_begin[i] = n;
        for (int k = 0; k < t->target[i] / BLOCK_SIZE; k++) {
            t->chains[n++] = (uint32_t)(topic * CHAIN_MAX + k);
        }
    }
    t->chain_begin[t->n_requests] = n;
}

static ws_scheduler_config make_config(trial *t)
{
    const bool is_chunked = below(t, 4) > 0;
    return (ws_scheduler_config){.max_num_seqs = 1 + below(t, 10),
                                 .token_budget = is_chunked ? 1 + below(t, 60) : 40 + below(t, 60) + 51,
                                 .long_prefill_token_threshold = below(t, 3) * 7,
                                 .pp_size                      = 1 + below(t, PP_MAX),
                                 .enable_chunked_prefill       = is_chunked,
                                 .reserve_full_isl             = below(t, 2) == 1,
                                 .lists_every_request          = true,
                                 .queue_until_last_chunk       = below(t, 2) == 1,
                                 .notes_work                   = true,
                                 .counts_tokens_ahead          = below(t, 2) == 1};
}

static void trial_init(trial *t, uint64_t seed)
{
    memset(t, 0, sizeof(*t));
    ws_rng_seed(&t->rng, seed);
    ws_arena_init(&t->arena, 0);
    make_workload(t);
    t->config                   = make_config(t);
    t->last_first_run           = -1;
    const ws_kv_cache_config kv = {.n_blocks       = 26 + below(t, 60),
                                   .block_size     = BLOCK_SIZE,
                                   .is_caching     = below(t, 2) == 1,
                                   .prefixes       = {t->chain_begin, t->chains, N_PREFIXES},
                                   .table_capacity = 64};
    t->plain.config             = &t->config;
    assert_int_equal(ws_kv_cache_init(&t->kv, &t->arena, &kv), WS_OK);
    assert_int_equal(ws_kv_cache_init(&t->plain.kv, &t->arena, &kv), WS_OK);
    assert_int_equal(ws_scheduler_init(&t->scheduler, &t->arena, &t->kv, &t->config), WS_OK);
    for (int i = 0; i < t->n_requests; i++) {
        t->requests[i]       = fresh_request((size_t)i, t->input[i], t->target[i], t->arrival_ns[i]);
        t->plain.requests[i] = t->requests[i];
    }
}

/* Those that arrive together are added last one first: their order is by id all the same. */
static void arrive(trial *t, int64_t now_ns)
{
    for (int i = t->n_requests - 1; i >= 0; i--) {
        if (!t->is_added[i] && t->known_ns[i] <= now_ns) {
            assert_int_equal(ws_scheduler_add(&t->scheduler, &t->requests[i]), WS_OK);
            plain_add(&t->plain, i);
            t->is_added[i] = true;
        }
    }
}

static void check_first_run(trial *t, const ws_batch_entry *entry)
{
    const int id = (int)entry->request->id;
    if (!t->has_late && entry->request->n_preemptions == 0 && id > t->last_first_run) {
        assert_int_equal(id, t->last_first_run + 1); /* nobody overtakes: ids ascend with arrival */
        t->last_first_run = id;
    }
}

static void check_batch(trial *t, const ws_batch *batch, const plain_batch *wanted)
{
    int64_t n_tokens = 0, n_decodes = 0, kv_sum = 0, prefill_tokens = 0;
    assert_int_equal(batch->n_entries, wanted->n);
    for (size_t i = 0; i < wanted->n; i++) {
        const ws_batch_entry *entry = &batch->entries[i];
        assert_int_equal(entry->request->id, wanted->request[i]);
        assert_int_equal(entry->n_tokens, wanted->tokens[i]);
        assert_int_equal(entry->computed, wanted->computed[i]);
        assert_true(entry->n_tokens > 0);
        n_tokens += entry->n_tokens;
        n_decodes += entry->n_tokens == 1;
        kv_sum += entry->n_tokens == 1 ? entry->computed : 0;
        prefill_tokens += entry->n_tokens > 1 ? entry->n_tokens : 0;
        check_first_run(t, entry);
        work_table_add(&t->work[entry->request->id], batch->id, entry->n_tokens);
    }
    assert_int_equal(batch->n_tokens, n_tokens);
    assert_int_equal(batch->n_decodes, n_decodes);
    assert_int_equal(batch->n_prefills, (int64_t)wanted->n - n_decodes);
    assert_int_equal(batch->kv_sum, kv_sum);
    assert_int_equal(batch->prefill_tokens, prefill_tokens);
    assert_true(n_tokens <= t->config.token_budget);
    assert_true((int64_t)t->scheduler.n_running <= t->config.max_num_seqs);
}

static void schedule(trial *t, int64_t now_ns)
{
    ws_batch *batch = NULL;
    assert_int_equal(ws_scheduler_schedule(&t->scheduler, now_ns, NULL, &batch), WS_OK);
    const plain_batch *wanted = plain_schedule(&t->plain, now_ns);
    assert_true((batch == NULL) == (wanted == NULL));
    if (batch != NULL) {
        check_batch(t, batch, wanted);
        assert_ptr_equal(ws_scheduler_find_batch(&t->scheduler, batch->id), batch);
        t->flying[t->n_flying++] = batch;
    }
}

static void complete_oldest(trial *t, int64_t now_ns)
{
    ws_completion       found;
    const ws_completion wanted = plain_complete(&t->plain, now_ns);
    assert_int_equal(ws_scheduler_complete(&t->scheduler, t->flying[0], now_ns, &found), WS_OK);
    memmove(t->flying, t->flying + 1, (--t->n_flying) * sizeof(*t->flying));
    assert_int_equal(found.prompt_tokens, wanted.prompt_tokens);
    assert_int_equal(found.generated_tokens, wanted.generated_tokens);
    assert_int_equal(ws_block_pool_n_free(&t->kv.pool), ws_block_pool_n_free(&t->plain.kv.pool));
    assert_int_equal(t->scheduler.n_running, t->plain.n_running);
    assert_int_equal(t->scheduler.n_waiting, t->plain.n_waiting);
}

static void check_end(const trial *t)
{
    static work_table found; /* large */
    assert_true(ws_scheduler_is_empty(&t->scheduler));
    assert_int_equal(t->scheduler.n_done, t->n_requests);
    assert_int_equal(t->scheduler.recomputed_tokens, t->plain.recomputed_tokens);
    assert_int_equal(ws_block_pool_n_free(&t->kv.pool), t->kv.pool.n_blocks);
    for (int i = 0; i < t->n_requests; i++) {
        const ws_request *r = t->scheduler.done[i], *wanted = &t->plain.requests[r->id];
        assert_int_equal(r->id, t->plain.done[i]);
        assert_int_equal(r->status, WS_REQUEST_FINISHED);
        assert_int_equal(r->n_tokens_done, r->target - r->input - 1); /* the first one is not counted here */
        assert_int_equal(r->n_tokens_done, wanted->n_tokens_done);
        assert_int_equal(r->ttft_ns, wanted->ttft_ns);
        assert_int_equal(r->queue_ns, wanted->queue_ns);
        assert_int_equal(r->end_ns, wanted->end_ns);
        assert_int_equal(r->latency_ns, r->end_ns - r->arrival_ns);
        assert_int_equal(r->tpot_ns,
                         r->n_tokens_done > 0 ? (r->latency_ns - r->ttft_ns) / r->n_tokens_done : 0);
        assert_int_equal(r->n_preemptions, wanted->n_preemptions);
        work_table_expand(&found, r);
        assert_memory_equal(&found, &t->work[r->id], sizeof(found));
    }
}

static void random_workloads_agree_with_the_specification(void **state)
{
    (void)state;
    static trial t; /* large */
    int64_t      n_preemptions = 0, n_hit_tokens = 0;
    for (uint64_t seed = 0; seed < N_TRIALS; seed++) {
        trial_init(&t, seed);
        for (int64_t now_ns = 0; t.plain.n_done < (size_t)t.n_requests; now_ns++) {
            assert_true(now_ns < MAX_ROUNDS);
            arrive(&t, now_ns);
            if (below(&t, 3) > 0) { /* nothing comes of it while pp_size are in flight */
                schedule(&t, now_ns);
            } else if (t.n_flying > 0) {
                complete_oldest(&t, now_ns);
            }
        }
        while (t.n_flying > 0) { /* batches may hold nothing but requests that have finished before */
            complete_oldest(&t, MAX_ROUNDS);
        }
        check_end(&t);
        n_preemptions += t.scheduler.n_preemptions;
        n_hit_tokens += t.kv.npu_hit_tokens;
        ws_arena_fini(&t.arena);
    }
    assert_true(n_preemptions > 100 && n_hit_tokens > 1000);
}

/* ---- by hand ---- */

typedef struct hand {
    ws_arena     arena;
    ws_kv_cache  kv;
    ws_scheduler scheduler;
    ws_error     err;
} hand;

static void hand_init(hand *h, int64_t n_blocks, const ws_scheduler_config *config)
{
    const ws_kv_cache_config kv = {.n_blocks = n_blocks, .block_size = BLOCK_SIZE, .table_capacity = 64};
    *h                          = (hand){.err = WS_ERROR_INIT};
    ws_arena_init(&h->arena, 0);
    assert_int_equal(ws_kv_cache_init(&h->kv, &h->arena, &kv), WS_OK);
    assert_int_equal(ws_scheduler_init(&h->scheduler, &h->arena, &h->kv, config), WS_OK);
}

static void hand_fini(hand *h)
{
    ws_error_clear(&h->err);
    ws_arena_fini(&h->arena);
}

static ws_request request_of(uint32_t id, int32_t input, int32_t output)
{
    return (ws_request){.id         = id,
                        .input      = input,
                        .reached    = input,
                        .target     = input + output,
                        .is_initial = true,
                        .n_indexed  = WS_NO_RECORD,
                        .ttft_ns    = -1,
                        .queue_ns   = -1};
}

/* A prefill instance lets a request go with its prompt computed and no token counted; the decode instance,
 * where it stays at once, gives it its second token on. 5 + 3 tokens: the prompt in one batch, then two
 * decodes of one token. */
static void a_prompt_is_handed_over(void **state)
{
    (void)state;
    const ws_scheduler_config first  = {.role                   = WS_ROLE_PREFILL,
                                        .max_num_seqs           = 4,
                                        .token_budget           = 100,
                                        .pp_size                = 1,
                                        .enable_chunked_prefill = true};
    const ws_scheduler_config second = {.instance               = 1,
                                        .role                   = WS_ROLE_DECODE,
                                        .max_num_seqs           = 4,
                                        .token_budget           = 100,
                                        .pp_size                = 1,
                                        .enable_chunked_prefill = true};
    hand                      prefill, decode;
    ws_batch                 *batch = NULL;
    ws_completion             done;
    ws_request                request = request_of(0, 5, 3);
    hand_init(&prefill, 10, &first);
    hand_init(&decode, 10, &second);
    assert_int_equal(ws_scheduler_add(&prefill.scheduler, &request), WS_OK);
    assert_int_equal(ws_scheduler_schedule(&prefill.scheduler, 10, &prefill.err, &batch), WS_OK);
    assert_int_equal(batch->pd_tokens, 5);
    assert_int_equal(ws_scheduler_complete(&prefill.scheduler, batch, 30, &done), WS_OK);
    assert_true(done.n_finished == 1 && done.finished[0] == &request);
    assert_true(done.prompt_tokens == 5 && done.generated_tokens == 0);
    assert_true(request.ttft_ns == 30 && request.queue_ns == 10 && request.reached == 6 &&
                request.n_blocks == 0);
    assert_true(ws_scheduler_is_empty(&prefill.scheduler) && prefill.scheduler.n_done == 0);
    assert_int_equal(ws_block_pool_n_free(&prefill.kv.pool), 10);

    assert_int_equal(ws_scheduler_accept(&decode.scheduler, &request, &decode.err), WS_OK);
    assert_true(request.n_blocks == 2 && request.instance == 1); /* 6 tokens */
    for (int64_t end_ns = 40; end_ns <= 50; end_ns += 10) {
        assert_int_equal(ws_scheduler_schedule(&decode.scheduler, end_ns - 10, &decode.err, &batch), WS_OK);
        assert_true(batch->n_tokens == 1 && batch->kv_sum == (end_ns == 40 ? 5 : 6));
        assert_int_equal(ws_scheduler_complete(&decode.scheduler, batch, end_ns, &done), WS_OK);
        assert_int_equal(done.generated_tokens, 1);
    }
    assert_true(done.n_finished == 1 && request.end_ns == 50 && request.latency_ns == 50 &&
                request.tpot_ns == 10);
    assert_int_equal(ws_block_pool_n_free(&decode.kv.pool), 10);
    hand_fini(&prefill);
    hand_fini(&decode);
}

/* Of a prompt of 9 tokens, the decode instance knows the first block of 4 itself and finds the second in its
 * second tier. As in the reference the hits count on top of the 9 computed tokens: 9 + 4 + 4 + 1 = 18 tokens,
 * 5 blocks. Only what the request has reached is indexed, 2 blocks, and moving the chunk costs the next batch
 * nothing. */
static void a_hand_over_counts_hits_twice(void **state)
{
    (void)state;
    static const uint32_t     begin[] = {0, 1, 3, 6}, chains[] = {0, 3, 1, 0, 1, 2};
    const ws_scheduler_config config = {
        .role = WS_ROLE_DECODE, .max_num_seqs = 4, .token_budget = 100, .pp_size = 1};
    hand       h;
    ws_kv_tier tier;
    bool       granted = false;
    ws_request known = request_of(0, 4, 1), teacher = request_of(1, 8, 1), request = request_of(2, 9, 3);
    hand_init(&h, 10, &config);
    const ws_kv_cache_config kv = {.n_blocks       = 10,
                                   .block_size     = BLOCK_SIZE,
                                   .table_capacity = 64,
                                   .is_caching     = true,
                                   .prefixes       = {begin, chains, 4},
                                   .tier           = &tier};
    assert_int_equal(
        ws_kv_tier_init(&tier, &h.arena, &(ws_kv_tier_config){4, 100, BLOCK_SIZE, BLOCK_SIZE, 4}), WS_OK);
    assert_int_equal(ws_kv_cache_init(&h.kv, &h.arena, &kv), WS_OK);
    ws_kv_cache_bind(&h.kv, &teacher); /* on another NPU: the tier alone knows prefix 1 */
    assert_int_equal(ws_kv_cache_extend(&h.kv, &teacher, 8, NULL, &granted), WS_OK);
    assert_int_equal(h.kv.write_through_bytes, 200);
    assert_int_equal(ws_kv_cache_init(&h.kv, &h.arena, &kv), WS_OK);
    ws_kv_cache_bind(&h.kv, &known);
    assert_int_equal(ws_kv_cache_extend(&h.kv, &known, 4, NULL, &granted), WS_OK);
    assert_int_equal(h.kv.write_through_bytes, 100);

    request.computed = 9;
    request.reached  = 10;
    assert_int_equal(ws_scheduler_accept(&h.scheduler, &request, &h.err), WS_OK);
    assert_int_equal(request.n_blocks, 5);
    assert_int_equal(request.n_indexed, 2);
    assert_int_equal(request.computed, 9);
    assert_int_equal(h.kv.pool.blocks[request.blocks[0]].n_refs, 2); /* shared with `known` */
    assert_int_equal(h.kv.recall_bytes, 0);
    assert_int_equal(h.kv.write_through_bytes, 0);
    hand_fini(&h);
}

/* 40 tokens of history do not fit into 5 blocks of 4: the message says which, how much, and how little there
 * is. */
static void a_prompt_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    const ws_scheduler_config config = {.instance               = 3,
                                        .role                   = WS_ROLE_DECODE,
                                        .max_num_seqs           = 4,
                                        .token_budget           = 100,
                                        .pp_size                = 1,
                                        .enable_chunked_prefill = true};
    hand                      h;
    ws_request                request = request_of(7, 40, 2);
    request.computed                  = 40;
    request.reached                   = 41;
    hand_init(&h, 5, &config);
    assert_int_equal(ws_scheduler_accept(&h.scheduler, &request, &h.err), WS_ERR_INFEASIBLE);
    assert_non_null(strstr(ws_error_text(&h.err),
                           "instance 3: request 7 comes from prefill with 40 tokens, but only 5 of 5"));
    hand_fini(&h);
}

/* Why the head of the queue never runs: a prompt over the budget that may not be cut, or one longer than the
 * cache. */
static void what_can_never_run_is_explained(void **state)
{
    (void)state;
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        const ws_scheduler_config config = {.max_num_seqs           = 4,
                                            .token_budget           = 30,
                                            .pp_size                = 1,
                                            .reserve_full_isl       = true,
                                            .enable_chunked_prefill = is_chunked == 1};
        hand                      h;
        ws_batch                 *batch   = NULL;
        ws_request                request = request_of(2, 40, 2);
        hand_init(&h, 5, &config);
        assert_int_equal(ws_scheduler_add(&h.scheduler, &request), WS_OK);
        assert_int_equal(ws_scheduler_schedule(&h.scheduler, 0, &h.err, &batch), WS_OK);
        assert_null(batch);
        assert_int_equal(ws_scheduler_explain_block(&h.scheduler, &h.err), WS_ERR_INFEASIBLE);
        assert_non_null(strstr(ws_error_text(&h.err),
                               is_chunked == 1 ? "request 2 needs 40 tokens of KV cache, but it holds only 20"
                                               : "request 2 needs 40 tokens in one step, but"));
        hand_fini(&h);
    }
}

/* An idle member of a data-parallel group adds one token and no request, and its end counts none. */
static void a_dummy_counts_nothing(void **state)
{
    (void)state;
    const ws_scheduler_config config = {.max_num_seqs = 4, .token_budget = 30, .pp_size = 1};
    hand                      h;
    ws_batch                 *batch = NULL, *second = NULL;
    ws_completion             done;
    hand_init(&h, 5, &config);
    assert_int_equal(ws_scheduler_dummy(&h.scheduler, 5, &batch), WS_OK);
    assert_true(batch->n_tokens == 1 && batch->n_entries == 0 && batch->n_decodes == 1 && batch->kv_sum == 1);
    assert_int_equal(ws_scheduler_dummy(&h.scheduler, 5, &second), WS_OK);
    assert_null(second); /* one batch in flight is all a single stage takes */
    assert_int_equal(ws_scheduler_complete(&h.scheduler, batch, 9, &done), WS_OK);
    assert_true(done.prompt_tokens == 0 && done.generated_tokens == 0 && done.n_finished == 0);
    assert_true(ws_scheduler_is_empty(&h.scheduler));
    hand_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_workloads_agree_with_the_specification),
        cmocka_unit_test(a_prompt_is_handed_over),
        cmocka_unit_test(a_hand_over_counts_hits_twice),
        cmocka_unit_test(a_prompt_that_does_not_fit_is_refused),
        cmocka_unit_test(what_can_never_run_is_explained),
        cmocka_unit_test(a_dummy_counts_nothing),
    };
    return cmocka_run_group_tests_name("serving.scheduler", tests, NULL, NULL);
}
