/* Invariant: series columns carry the names, units and descriptions of the list in result.h, each name once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "result/result.h"

static void column_names_are_unique(void **state)
{
    (void)state;
    for (int a = 0; a < WS_SERIES_COUNT; a++) {
        assert_true(ws_series_unit((ws_series_column)a)[0] != '\0');
        assert_true(ws_series_description((ws_series_column)a)[0] != '\0');
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(ws_series_name((ws_series_column)a), ws_series_name((ws_series_column)b));
        }
    }
}

static void power_columns_are_in_watts(void **state)
{
    (void)state;
    assert_string_equal(ws_series_name(WS_SERIES_TIME_S), "time_s");
    assert_string_equal(ws_series_name(WS_SERIES_POWER_INST_W), "power_inst_w");
    assert_string_equal(ws_series_unit(WS_SERIES_POWER_W), "W");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(column_names_are_unique),
        cmocka_unit_test(power_columns_are_in_watts),
    };
    return cmocka_run_group_tests_name("result.result_names", tests, NULL, NULL);
}
