/* Invariants: a request's gaps are the differences of the end times of the batches its tokens came out of;
 * and the values collected from all requests of an instance are, counts and all, those of each of them
 * expanded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "serving/token_runs.h"
#include "sim/itl.h"

enum { N_BATCHES = 120, N_REQUESTS = 12, N_TRIALS = 200, MAX_GAPS = N_BATCHES * N_REQUESTS };

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Tokens out of random batches behind `first`, mostly out of each; @return how many */
static size_t add_tokens(ws_rng *rng, ws_arena *arena, ws_request *request, size_t first,
                         const int64_t *end_ns, int64_t *gaps_ns)
{
    const uint32_t skips   = ws_rng_below(rng, 3); /* 0: never */
    size_t         n       = 0;
    int64_t        last_ns = request->recent_end_ns;
    for (size_t batch = first; batch < N_BATCHES && ws_rng_below(rng, 30) > 0; batch++) {
        if (skips > 0 && ws_rng_below(rng, 4 * skips) == 0) {
            continue;
        }
        assert_int_equal(ws_token_runs_put(request, arena, (int64_t)batch), WS_OK);
        gaps_ns[n++] = end_ns[batch] - last_ns;
        last_ns      = end_ns[batch];
    }
    return n;
}

static size_t flatten(const ws_weighted_ns *values, size_t n, int64_t *out)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(values[i].count > 0);
        for (int64_t k = 0; k < values[i].count; k++) {
            assert_true(n_out < MAX_GAPS);
            out[n_out++] = values[i].value_ns;
        }
    }
    return n_out;
}

static void run_trial(ws_rng *rng)
{
    static int64_t   gaps_ns[MAX_GAPS], collected_ns[MAX_GAPS], expanded_ns[N_BATCHES];
    ws_request       requests[N_REQUESTS];
    ws_request      *done[N_REQUESTS];
    int64_t          end_ns[N_BATCHES];
    ws_arena         arena;
    ws_weighted_list collected = {.values = NULL};
    size_t           n_gaps    = 0;
    ws_arena_init(&arena, 0);
    for (size_t i = 0; i < N_BATCHES; i++) {
        end_ns[i] = (i > 0 ? end_ns[i - 1] : 0) + 1 + ws_rng_below(rng, 50);
    }
    for (size_t i = 0; i < N_REQUESTS; i++) {
        const size_t first = ws_rng_below(rng, N_BATCHES - 1);
        requests[i]        = (ws_request){.id = (uint32_t)i, .recent_end_ns = end_ns[first]};
        done[i]            = &requests[i];
        const size_t n     = add_tokens(rng, &arena, &requests[i], first + 1, end_ns, gaps_ns + n_gaps);
        assert_int_equal(requests[i].n_tokens_done, n);
        ws_itl_expand(&requests[i], end_ns, expanded_ns);
        assert_memory_equal(expanded_ns, gaps_ns + n_gaps, n * sizeof(int64_t));
        n_gaps += n;
    }
    assert_int_equal(ws_itl_collect(&arena, done, N_REQUESTS, end_ns, N_BATCHES, &collected), WS_OK);
    assert_int_equal(flatten(collected.values, collected.n, collected_ns), n_gaps);
    qsort(gaps_ns, n_gaps, sizeof(int64_t), compare);
    qsort(collected_ns, n_gaps, sizeof(int64_t), compare);
    assert_memory_equal(collected_ns, gaps_ns, n_gaps * sizeof(int64_t));
    ws_arena_fini(&arena);
}

static void gaps_are_differences_of_batch_ends(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 21);
    for (int i = 0; i < N_TRIALS; i++) {
        run_trial(&rng);
    }
}

/* Two instances one after the other: values are appended. First token at 100; then out of batches 1, 2 and 4
 * that end at 130, 150 and 200: gaps 30, 20, 50. */
static void values_are_appended(void **state)
{
    (void)state;
    static const int64_t end_ns[] = {100, 130, 150, 180, 200}, wanted_ns[] = {30, 20, 50};
    ws_request           request = {.recent_end_ns = 100};
    ws_request          *done[]  = {&request};
    ws_arena             arena;
    ws_weighted_list     list = {.values = NULL};
    int64_t              itl_ns[3];
    ws_arena_init(&arena, 0);
    assert_int_equal(ws_token_runs_put(&request, &arena, 1), WS_OK);
    assert_int_equal(ws_token_runs_put(&request, &arena, 2), WS_OK);
    assert_int_equal(ws_token_runs_put(&request, &arena, 4), WS_OK);
    ws_itl_expand(&request, end_ns, itl_ns);
    assert_memory_equal(itl_ns, wanted_ns, sizeof(wanted_ns));
    for (size_t round = 1; round <= 2; round++) {
        int64_t sum_ns = 0, count = 0;
        assert_int_equal(ws_itl_collect(&arena, done, 1, end_ns, 5, &list), WS_OK);
        for (size_t i = 0; i < list.n; i++) {
            sum_ns += list.values[i].value_ns * list.values[i].count;
            count += list.values[i].count;
        }
        assert_int_equal(sum_ns, 100 * round);
        assert_int_equal(count, 3 * round);
    }
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_differences_of_batch_ends),
        cmocka_unit_test(values_are_appended),
    };
    return cmocka_run_group_tests_name("sim.itl", tests, NULL, NULL);
}
