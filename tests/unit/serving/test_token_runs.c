/* Invariant: a request's runs of batch ids, expanded again, are the batches its tokens came out of, whatever
 * the gaps between them; and adding many consecutive ones at once is the same as adding them one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "serving/token_runs.h"

enum { N_TRIALS = 500, N_TOKENS_MAX = 200 };

typedef struct trail {
    int64_t batches[N_TOKENS_MAX];
    size_t  n;
} trail;

static void append_run(trail *t, const ws_token_run *run)
{
    for (int32_t i = 0; i < run->count; i++) {
        assert_true(t->n < N_TOKENS_MAX);
        t->batches[t->n++] = run->first_batch + (int64_t)i * run->stride;
    }
}

static trail expand(const ws_request *request)
{
    trail              t    = {.n = 0};
    const ws_token_run open = ws_token_runs_open(request);
    for (const ws_token_run *run = request->runs; run != NULL; run = run->next) {
        append_run(&t, run);
    }
    append_run(&t, &open);
    return t;
}

static void assert_trail(const trail *t, const ws_request *request)
{
    const trail found = expand(request);
    assert_int_equal(request->n_tokens_done, t->n);
    assert_int_equal(found.n, t->n);
    assert_true(t->n == 0 || request->last_batch == t->batches[t->n - 1]);
    for (size_t i = 0; i < t->n; i++) {
        assert_int_equal(found.batches[i], t->batches[i]);
    }
}

/* Mostly even gaps, now and then another one. */
static void runs_expand_to_the_batches(void **state)
{
    (void)state;
    ws_rng   rng;
    ws_arena arena;
    ws_rng_seed(&rng, 11);
    ws_arena_init(&arena, 0);
    for (int k = 0; k < N_TRIALS; k++) {
        ws_request request = {0};
        trail      t       = {.n = 0};
        int64_t    batch = ws_rng_below(&rng, 3), gap = 1;
        for (size_t n = ws_rng_below(&rng, 60); t.n < n;) {
            t.batches[t.n++] = batch;
            assert_int_equal(ws_token_runs_put(&request, &arena, batch), WS_OK);
            gap = ws_rng_below(&rng, 4) == 0 ? 1 + (int64_t)ws_rng_below(&rng, 3) : gap;
            batch += gap;
        }
        assert_trail(&t, &request);
    }
    ws_arena_fini(&arena);
}

static void adding_many_equals_adding_each(void **state)
{
    (void)state;
    ws_rng   rng;
    ws_arena arena;
    ws_rng_seed(&rng, 12);
    ws_arena_init(&arena, 0);
    for (int k = 0; k < N_TRIALS; k++) {
        ws_request request = {0};
        trail      t       = {.n = 0};
        int64_t    batch   = 0;
        for (int part = 0; part < 6; part++) {
            const int64_t n = ws_rng_below(&rng, 7);
            batch += ws_rng_below(&rng, 4); /* 0: it goes on where it was */
            for (int64_t i = 0; i < n; i++) {
                t.batches[t.n++] = batch + i;
            }
            assert_int_equal(ws_token_runs_add(&request, &arena, batch, n), WS_OK);
            batch += n;
        }
        assert_trail(&t, &request);
    }
    ws_arena_fini(&arena);
}

/* 3 4 5 | 9 11 13 | 20: three runs, of which the last is open. */
static void even_gaps_make_one_run(void **state)
{
    (void)state;
    static const int64_t batches[] = {3, 4, 5, 9, 11, 13, 20};
    ws_arena             arena;
    ws_request           request = {0};
    ws_arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        assert_int_equal(ws_token_runs_put(&request, &arena, batches[i]), WS_OK);
    }
    const ws_token_run open = ws_token_runs_open(&request);
    assert_true(request.runs->first_batch == 3 && request.runs->count == 3 && request.runs->stride == 1);
    assert_true(request.runs->next->first_batch == 9 && request.runs->next->count == 3 &&
                request.runs->next->stride == 2);
    assert_null(request.runs->next->next);
    assert_true(open.first_batch == 20 && open.count == 1);
    assert_int_equal(request.last_batch, 20);
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_expand_to_the_batches),
        cmocka_unit_test(adding_many_equals_adding_each),
        cmocka_unit_test(even_gaps_make_one_run),
    };
    return cmocka_run_group_tests_name("serving.token_runs", tests, NULL, NULL);
}
