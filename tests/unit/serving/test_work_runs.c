/* Invariant: a request's runs of work, expanded again, are the batches noted, with their instance and count,
 * in order; evenly spaced batches that computed the same are one run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "serving/work_runs.h"

enum { N_TRIALS = 500, N_NOTES = 60, N_BATCHES_MAX = N_NOTES };

/* One batch that worked on the request. */
typedef struct note {
    int64_t batch;
    int32_t instance, n_tokens;
} note;

typedef struct trail {
    note   notes[N_BATCHES_MAX];
    size_t n;
} trail;

static void append(trail *t, int32_t instance, int64_t batch, int32_t n_tokens)
{
    assert_true(t->n < N_BATCHES_MAX);
    t->notes[t->n++] = (note){.batch = batch, .instance = instance, .n_tokens = n_tokens};
}

static void assert_trail(const trail *expected, const ws_request *request)
{
    static trail found;
    found.n = 0;
    for (const ws_work_run *run = request->works; run != NULL; run = run->next) {
        assert_true(run->count >= 1);
        assert_true(run->next != NULL || run == request->last_work);
        for (int32_t i = 0; i < run->count; i++) {
            append(&found, run->instance, run->first_batch + (int64_t)i * run->stride, run->n_tokens);
        }
    }
    assert_int_equal(found.n, expected->n);
    assert_memory_equal(found.notes, expected->notes, expected->n * sizeof(expected->notes[0]));
}

static size_t n_runs(const ws_request *request)
{
    size_t n = 0;
    for (const ws_work_run *run = request->works; run != NULL; run = run->next) {
        n++;
    }
    return n;
}

/* Mostly even gaps and equal tokens, now and then others, or another instance. */
static void runs_expand_to_the_batches(void **state)
{
    (void)state;
    static trail t;
    ws_rng       rng;
    ws_arena     arena;
    ws_rng_seed(&rng, 17);
    ws_arena_init(&arena, 0);
    for (int k = 0; k < N_TRIALS; k++) {
        ws_request request = {0};
        int64_t    next = ws_rng_below(&rng, 5), gap = 1 + ws_rng_below(&rng, 3);
        int32_t    instance = 0, n_tokens = 1;
        t.n = 0;
        for (int i = 0; i < N_NOTES; i++) {
            gap      = ws_rng_below(&rng, 6) == 0 ? 1 + ws_rng_below(&rng, 3) : gap;
            n_tokens = ws_rng_below(&rng, 6) == 0 ? 1 + (int32_t)ws_rng_below(&rng, 3) : n_tokens;
            instance = ws_rng_below(&rng, 20) == 0 ? 1 - instance : instance;
            assert_int_equal(ws_work_runs_add(&request, &arena, instance, next, n_tokens), WS_OK);
            append(&t, instance, next, n_tokens);
            next += gap;
        }
        assert_trail(&t, &request);
        ws_arena_reset(&arena);
    }
    ws_arena_fini(&arena);
}

/* A chunked prefill of 3 x 512 tokens, then one token in every second batch: [0,3) x 512 and 4, 6, .. 22 x 1.
 */
static void even_gaps_are_one_run(void **state)
{
    (void)state;
    ws_request request = {0};
    ws_arena   arena;
    ws_arena_init(&arena, 0);
    for (int64_t batch = 0; batch < 3; batch++) {
        assert_int_equal(ws_work_runs_add(&request, &arena, 0, batch, 512), WS_OK);
    }
    for (int64_t batch = 4; batch < 24; batch += 2) {
        assert_int_equal(ws_work_runs_add(&request, &arena, 0, batch, 1), WS_OK);
    }
    assert_int_equal(n_runs(&request), 2);
    assert_int_equal(request.works->count, 3);
    assert_int_equal(request.last_work->first_batch, 4);
    assert_int_equal(request.last_work->count, 10);
    assert_int_equal(request.last_work->stride, 2);
    ws_arena_fini(&arena);
}

/* The same batch id on another instance, or with other tokens, is other work. */
static void instances_and_tokens_are_kept_apart(void **state)
{
    (void)state;
    ws_request request = {0};
    ws_arena   arena;
    ws_arena_init(&arena, 0);
    assert_int_equal(ws_work_runs_add(&request, &arena, 0, 5, 9), WS_OK);
    assert_int_equal(ws_work_runs_add(&request, &arena, 1, 6, 9), WS_OK);
    assert_int_equal(ws_work_runs_add(&request, &arena, 1, 7, 1), WS_OK);
    assert_int_equal(n_runs(&request), 3);
    assert_int_equal(request.works->next->instance, 1);
    assert_int_equal(request.last_work->n_tokens, 1);
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_expand_to_the_batches),
        cmocka_unit_test(even_gaps_are_one_run),
        cmocka_unit_test(instances_and_tokens_are_kept_apart),
    };
    return cmocka_run_group_tests_name("serving.work_runs", tests, NULL, NULL);
}
