/* Invariant: a quantile interpolates between the two values around its place in sorted order, whatever order
 * they come in. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "result/quantile.h"

static void assert_equal(double got, double expected)
{
    if (got != expected) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

/* 1 2 3 4: the median lies at place 1.5, the 25 % quantile at 0.75. */
static void places_between_values_are_interpolated(void **state)
{
    (void)state;
    double values[] = {3, 1, 4, 2};
    assert_equal(ws_quantile(values, 4, 0.5), 2.5);
    assert_equal(ws_quantile(values, 4, 0.25), 1.75);
    assert_equal(ws_quantile(values, 4, 0.0), 1.0);
    assert_equal(ws_quantile(values, 4, 1.0), 4.0);
}

static void one_value_is_every_quantile(void **state)
{
    (void)state;
    double value = -7;
    assert_equal(ws_quantile(&value, 1, 0.0), -7);
    assert_equal(ws_quantile(&value, 1, 0.99), -7);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void selection_equals_sorting(void **state)
{
    (void)state;
    enum { N_MAX = 400 };
    double values[N_MAX], sorted[N_MAX];
    ws_rng rng;
    ws_rng_seed(&rng, 5);
    for (int round = 0; round < 600; round++) {
        const size_t   n     = 1 + ws_rng_below(&rng, N_MAX);
        const uint32_t range = round % 3 == 0 ? 4 : 100000; /* many equal ones, or hardly any */
        const double   share = round % 4 == 0 ? 0.99 : ws_rng_uniform(&rng);
        for (size_t i = 0; i < n; i++) {
            values[i] = sorted[i] = round % 5 == 0 ? (double)i : (double)ws_rng_below(&rng, range);
        }
        qsort(sorted, n, sizeof(sorted[0]), compare);
        const double place = share * (double)(n - 1);
        const size_t k     = (size_t)place;
        const double next  = sorted[k + 1 < n ? k + 1 : k];
        assert_equal(ws_quantile(values, n, share), sorted[k] + (place - (double)k) * (next - sorted[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_between_values_are_interpolated),
        cmocka_unit_test(one_value_is_every_quantile),
        cmocka_unit_test(selection_equals_sorting),
    };
    return cmocka_run_group_tests_name("result.quantile", tests, NULL, NULL);
}
