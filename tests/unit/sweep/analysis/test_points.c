/* Invariants: an interval is t standard errors wide on either side; what a repeat lacks does not count. The
 * same worked by hand in the comments. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analysis/points.h"

/* One metric of five rows. */
static swp_estimate estimate(double *values, size_t first, size_t end)
{
    static const swp_column column = {
        .type = SWP_TYPE_F64, .row_bytes = sizeof(double), .role = SWP_ROLE_METRIC};
    size_t           rows[]   = {0, 1, 2, 3, 4};
    size_t           starts[] = {first, end};
    const swp_points points   = {.n = 1, .first = starts, .rows = rows};
    const swp_cells  cells    = {.name = "m", .unit = "1", .column = &column, .n = 5, .data = (char *)values};
    return swp_points_estimate(&points, 0, &cells);
}

static void intervals_by_hand(void **state)
{
    (void)state;
    double values[] = {2.0, 4.0, 4.0, 4.0, 6.0};
    /* mean 4, squares 4 + 0 + 0 + 0 + 4 = 8, s = sqrt(8 / 4) = 1.41421, standard error s / sqrt(5) =
     * 0.632456, times t(4) = 2.776: 1.755697 */
    const swp_estimate all = estimate(values, 0, 5);
    assert_true(all.mean == 4.0);
    assert_true(fabs(all.ci95 - 1.755697) < 1e-6);
    /* equal values: no width; two values: t(1) = 12.706 times half their distance */
    assert_true(estimate(values, 1, 4).ci95 == 0.0);
    assert_true(fabs(estimate(values, 0, 2).ci95 - 12.706) < 1e-9);
}

static void missing_values_do_not_count(void **state)
{
    (void)state;
    double values[] = {NAN, 1.0, NAN, 3.0, NAN};
    /* 1 and 3: mean 2, s = sqrt(2), standard error 1, t(1) */
    const swp_estimate two = estimate(values, 0, 5);
    assert_true(two.mean == 2.0 && fabs(two.ci95 - 12.706) < 1e-9);
    const swp_estimate one = estimate(values, 0, 2);
    assert_true(one.mean == 1.0 && isnan(one.ci95));
    assert_true(isnan(estimate(values, 0, 1).mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(intervals_by_hand),
                                       cmocka_unit_test(missing_values_do_not_count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
