/* A scheduler that advances steady decodes together gives the same batches, token by token, as one that steps
 * every request by itself: over random lengths, arrivals, budgets and KV pools small enough to preempt. Both
 * know the same work of each request. And no block is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fresh_request.h"
#include "serving/scheduler.h"
#include "work_table.h"

enum { N_TRIALS = 200, MAX_REQUESTS = 24, BLOCK_SIZE = 4, MAX_STEPS = 20000 };

typedef struct side {
    ws_arena     arena;
    ws_kv_cache  kv;
    ws_scheduler scheduler;
    ws_request   requests[MAX_REQUESTS];
    size_t       next;
} side;

typedef struct trial {
    int32_t             input[MAX_REQUESTS], target[MAX_REQUESTS];
    int64_t             arrival_ns[MAX_REQUESTS];
    size_t              n_requests;
    int64_t             n_blocks;
    ws_scheduler_config config;
} trial;

static trial random_trial(ws_rng *rng)
{
    trial   t          = {.n_requests = 1 + ws_rng_below(rng, MAX_REQUESTS),
                          .n_blocks   = 30 + (int64_t)ws_rng_below(rng, 60)};
    int64_t arrival_ns = 0;
    for (size_t i = 0; i < t.n_requests; i++) {
        arrival_ns += ws_rng_below(rng, 12);
        t.input[i]      = 1 + (int32_t)ws_rng_below(rng, 40);
        t.target[i]     = t.input[i] + 1 + (int32_t)ws_rng_below(rng, 60);
        t.arrival_ns[i] = arrival_ns;
    }
    t.config = (ws_scheduler_config){.max_num_seqs                 = 1 + (int64_t)ws_rng_below(rng, 12),
                                     .token_budget                 = 4 + (int64_t)ws_rng_below(rng, 60),
                                     .long_prefill_token_threshold = (int64_t)ws_rng_below(rng, 3) * 8,
                                     .pp_size                      = 1,
                                     .enable_chunked_prefill       = true,
                                     .notes_work                   = true,
                                     .reserve_full_isl             = ws_rng_below(rng, 2) == 1};
    return t;
}

static void side_init(side *s, const trial *t, bool alone)
{
    const ws_kv_cache_config kv = {.n_blocks = t->n_blocks, .block_size = BLOCK_SIZE, .table_capacity = 200};
    ws_scheduler_config      config = t->config;
    config.lists_every_request      = alone;
    memset(s, 0, sizeof(*s));
    ws_arena_init(&s->arena, 0);
    assert_int_equal(ws_kv_cache_init(&s->kv, &s->arena, &kv), WS_OK);
    assert_int_equal(ws_scheduler_init(&s->scheduler, &s->arena, &s->kv, &config), WS_OK);
    for (size_t i = 0; i < t->n_requests; i++) {
        s->requests[i] = fresh_request(i, t->input[i], t->target[i], t->arrival_ns[i]);
    }
}

static ws_batch *step(side *s, const trial *t, int64_t now_ns)
{
    ws_batch *batch = NULL;
    while (s->next < t->n_requests && s->requests[s->next].arrival_ns <= now_ns) {
        assert_int_equal(ws_scheduler_add(&s->scheduler, &s->requests[s->next++]), WS_OK);
    }
    assert_int_equal(ws_scheduler_schedule(&s->scheduler, now_ns, NULL, &batch), WS_OK);
    return batch;
}

static void assert_same_batch(const ws_batch *a, const ws_batch *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->n_entries + a->n_steady, b->n_entries + b->n_steady);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_int_equal(a->prefill_tokens, b->prefill_tokens);
    assert_int_equal(a->prefill_kv, b->prefill_kv);
    assert_int_equal(a->n_decodes, b->n_decodes);
    assert_int_equal(a->kv_sum, b->kv_sum);
    assert_int_equal(a->kv_max, b->kv_max);
    assert_int_equal(a->kv_min, b->kv_min);
}

static void assert_same_work(const ws_request *x, const ws_request *y)
{
    static work_table of_x, of_y; /* large */
    work_table_expand(&of_x, x);
    work_table_expand(&of_y, y);
    assert_memory_equal(&of_x, &of_y, sizeof(of_x));
}

static void assert_same_requests(const side *a, const side *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const ws_request *x = &a->requests[i], *y = &b->requests[i];
        assert_int_equal(x->end_ns, y->end_ns);
        assert_int_equal(x->ttft_ns, y->ttft_ns);
        assert_int_equal(x->queue_ns, y->queue_ns);
        assert_int_equal(x->n_preemptions, y->n_preemptions);
        assert_int_equal(x->n_tokens_done, y->n_tokens_done);
        assert_int_equal(x->last_batch, y->last_batch);
        assert_int_equal(x->n_tokens_done, x->target - x->input - 1);
        assert_int_equal(ws_token_runs_open(x).first_batch, ws_token_runs_open(y).first_batch);
        assert_same_work(x, y);
    }
}

/* @return true if some batch had steady members */
static bool run_trial(const trial *t)
{
    static side together, alone; /* large */
    bool        had_steady = false;
    side_init(&together, t, false);
    side_init(&alone, t, true);
    for (int64_t now_ns = 0; now_ns < MAX_STEPS; now_ns++) {
        ws_batch     *a = step(&together, t, now_ns), *b = step(&alone, t, now_ns);
        ws_completion done_a, done_b;
        assert_true((a == NULL) == (b == NULL));
        if (a == NULL) {
            continue;
        }
        had_steady = had_steady || a->n_steady > 0;
        assert_int_equal(b->n_steady, 0);
        assert_same_batch(a, b);
        assert_int_equal(ws_scheduler_complete(&together.scheduler, a, now_ns + 1, &done_a), WS_OK);
        assert_int_equal(ws_scheduler_complete(&alone.scheduler, b, now_ns + 1, &done_b), WS_OK);
        assert_int_equal(done_a.prompt_tokens, done_b.prompt_tokens);
        assert_int_equal(done_a.generated_tokens, done_b.generated_tokens);
        assert_int_equal(done_a.n_finished, done_b.n_finished);
        for (size_t i = 0; i < done_a.n_finished; i++) {
            assert_int_equal(done_a.finished[i]->id, done_b.finished[i]->id);
        }
        assert_int_equal(ws_block_pool_n_free(&together.kv.pool), ws_block_pool_n_free(&alone.kv.pool));
    }
    assert_int_equal(together.scheduler.n_done, t->n_requests);
    assert_same_requests(&together, &alone, t->n_requests);
    assert_int_equal(ws_block_pool_n_free(&together.kv.pool), t->n_blocks);
    ws_arena_fini(&together.arena);
    ws_arena_fini(&alone.arena);
    return had_steady;
}

static void together_equals_one_by_one(void **state)
{
    (void)state;
    ws_rng rng;
    int    n_with_steady = 0;
    ws_rng_seed(&rng, 3);
    for (int i = 0; i < N_TRIALS; i++) {
        const trial t = random_trial(&rng);
        n_with_steady += run_trial(&t);
    }
    assert_true(n_with_steady > N_TRIALS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(together_equals_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
