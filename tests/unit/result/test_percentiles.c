/* Percentiles of values with counts equal those of the expanded, sorted list, whatever the values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "result/percentiles.h"

enum { N_TRIALS = 300, MAX_VALUES = 60 };

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double expanded_percentile_ms(const int64_t *sorted, size_t n, double share)
{
    const double place = share * (double)(n - 1);
    const size_t lo    = (size_t)place;
    const double low = (double)sorted[lo], high = lo + 1 < n ? (double)sorted[lo + 1] : low;
    return (low + (place - (double)lo) * (high - low)) * 1e-6;
}

static void counts_stand_for_repeats(void **state)
{
    static const double shares[] = {0.50, 0.90, 0.95, 0.99};
    (void)state;
    ws_rng   rng;
    ws_arena arena;
    ws_rng_seed(&rng, 7);
    ws_arena_init(&arena, 0);
    for (int trial = 0; trial < N_TRIALS; trial++) {
        ws_weighted_ns values[MAX_VALUES];
        int64_t        expanded[MAX_VALUES * 5];
        const size_t   n     = 1 + ws_rng_below(&rng, MAX_VALUES);
        size_t         total = 0;
        for (size_t i = 0; i < n; i++) {
            const int bits =
                1 + (int)ws_rng_below(&rng, 32); /* many sizes, so that every digit is sorted by */
            values[i].value_ns = ((int64_t)ws_rng_bits(&rng, bits) << ws_rng_below(&rng, 30)) - 1000;
            values[i].count    = 1 + (int64_t)ws_rng_below(&rng, 5);
            for (int64_t k = 0; k < values[i].count; k++) {
                expanded[total++] = values[i].value_ns;
            }
        }
        double metrics[5];
        qsort(expanded, total, sizeof(*expanded), ascending);
        assert_int_equal(ws_percentiles_ms(&arena, values, n, metrics), WS_OK);
        for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
            assert_true(metrics[1 + i] == expanded_percentile_ms(expanded, total, shares[i]));
        }
        for (size_t i = 1; i < n; i++) {
            assert_true(values[i - 1].value_ns <= values[i].value_ns);
        }
        ws_arena_reset(&arena);
    }
    ws_arena_fini(&arena);
}

static void nothing_has_no_percentiles(void **state)
{
    (void)state;
    ws_arena arena;
    double   metrics[5];
    ws_arena_init(&arena, 0);
    assert_int_equal(ws_percentiles_ms(&arena, NULL, 0, metrics), WS_OK);
    for (int i = 0; i < 5; i++) {
        assert_true(isnan(metrics[i]));
    }
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_stand_for_repeats),
        cmocka_unit_test(nothing_has_no_percentiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
