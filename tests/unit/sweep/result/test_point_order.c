/* Invariants: what meets the SLO comes before what misses it, among these what has its memory before what has
 * not, then the smaller cost, then the earlier job; without an SLO, or where it is ignored, it decides
 * nothing; --ignore-slo forgives no memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "result/point_order.h"
#include "engine.h"

static void test_tiers(void **state)
{
    (void)state;
    assert_int_equal(swp_point_tier(1.0, 0.0, false), 0);
    assert_int_equal(swp_point_tier(NAN, NAN, false), 0); /* no SLO, an older file */
    assert_int_equal(swp_point_tier(0.0, 0.0, false), SWP_TIER_MISSES_SLO);
    assert_int_equal(swp_point_tier(0.5, 0.0, false), SWP_TIER_MISSES_SLO); /* one of two repeats */
    assert_int_equal(swp_point_tier(1.0, 1.0, false), SWP_TIER_OVERSIZE);
    assert_int_equal(swp_point_tier(0.0, 1.0, false), SWP_TIER_MISSES_SLO + SWP_TIER_OVERSIZE);
    assert_int_equal(swp_point_tier(0.0, 0.0, true), 0);
    assert_int_equal(swp_point_tier(0.0, 1.0, true), SWP_TIER_OVERSIZE);
    assert_true(SWP_TIER_OVERSIZE < SWP_TIER_MISSES_SLO);
}

static void test_a_run(void **state)
{
    (void)state;
    double metrics[WS_METRIC_COUNT];
    for (size_t i = 0; i < WS_METRIC_COUNT; i++) {
        metrics[i] = NAN;
    }
    assert_int_equal(swp_point_tier_of_run(metrics, false), 0);
    metrics[WS_METRIC_SLO_MET] = 0.0;
    assert_int_equal(swp_point_tier_of_run(metrics, false), SWP_TIER_MISSES_SLO);
    metrics[WS_METRIC_OVERSIZE] = 1.0;
    assert_int_equal(swp_point_tier_of_run(metrics, true), SWP_TIER_OVERSIZE);
}

static void test_order(void **state)
{
    (void)state;
    const swp_ranked sorted[] = {{0, 2.0, 7}, {0, 3.0, 1},  {0, 3.0, 4},
                                 {1, 0.1, 0}, {2, -9.0, 3}, {3, -INFINITY, 2}};
    enum { N = sizeof sorted / sizeof sorted[0] };
    swp_ranked mixed[N];
    for (size_t shift = 0; shift < N; shift++) {
        for (size_t i = 0; i < N; i++) {
            mixed[(i * 5 + shift) % N] = sorted[i];
        }
        qsort(mixed, N, sizeof mixed[0], swp_point_compare);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(mixed[i].index, sorted[i].index);
        }
    }
    assert_int_equal(swp_point_compare(&sorted[0], &sorted[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_a_run),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests_name("sweep.rank", tests, NULL, NULL);
}
