/* Invariants: quantiles are those of the published tables, and fall with the degrees of freedom. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "result/statistics.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles_are_those_of_the_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
