/* Invariants: an interval is t standard errors wide on either side, t from the published tables; what a
 * repeat lacks does not count. The same worked by hand in the comments. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "points.h"

static void quantiles_are_those_of_the_tables(void **state)
{
    (void)state;
    /* t(0.975): NIST/SEMATECH e-Handbook, table 1.3.6.7.2 */
    static const struct {
        size_t degrees;
        double t;
    } rows[] = {{1, 12.706}, {2, 4.303},  {4, 2.776},  {9, 2.262},  {30, 2.042},  {31, 2.040},
                {40, 2.021}, {60, 2.000}, {80, 1.990}, {99, 1.984}, {100, 1.984}, {1000000, 1.960}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const double t = swp_student_t95(rows[i].degrees);
        if (fabs(t - rows[i].t) > 0.0005 + 1e-9) { /* tables round to three digits */
            fail_msg("t(%zu): expected %.3f, found %.6f", rows[i].degrees, rows[i].t, t);
        }
    }
    for (size_t degrees = 1; degrees < 2000; degrees++) {
        assert_true(swp_student_t95(degrees) >= swp_student_t95(degrees + 1));
    }
}

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles_are_those_of_the_tables),
                                       cmocka_unit_test(intervals_by_hand),
                                       cmocka_unit_test(missing_values_do_not_count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
