/* Heights follow the means of equal shares, from 0 to the largest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "view/sparkline.h"

static void check(const double *values, size_t n, size_t width, const char *expected)
{
    ws_strbuf out = WS_STRBUF_INIT;
    swp_sparkline(&out, values, n, width);
    assert_string_equal(ws_strbuf_text(&out), expected);
    ws_strbuf_fini(&out);
}

static void heights(void **state)
{
    const double ramp[] = {0, 1, 2, 3, 4, 5, 6, 7}, holes[] = {1, NAN, 1}, zeros[] = {0, 0};
    (void)state;
    check(ramp, 8, 8, "▁▂▃▄▅▆▇█");
    check(ramp, 8, 2, "▃█"); /* means 1.5 and 5.5: 1.5 / 5.5 * 8 = 2.2, the third height */
    check(ramp, 8, 80, "▁▂▃▄▅▆▇█");
    check(holes, 3, 3, "█ █");
    check(zeros, 2, 2, "▁▁");
    check(ramp, 0, 10, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(heights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
