/* Invariants: what a result does not have is NaN or NULL by any name, never a number; lists of names end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "result/result.h"

static void without_power_there_is_no_energy(void **state)
{
    (void)state;
    const ws_result result = {.n_nodes = 2};
    assert_false(ws_result_has_power(&result));
    assert_int_equal(ws_result_n_nodes(&result), 2);
    assert_true(isnan(ws_result_node_j(&result, 0)));
    assert_true(isnan(ws_result_component_j(&result, 1, "cpu")));
    assert_null(ws_result_series(&result, "power_w"));
}

static void untracked_and_unknown_is_nan(void **state)
{
    (void)state;
    double component_j[2][WS_COMPONENT_COUNT];
    for (int i = 0; i < WS_COMPONENT_COUNT; i++) {
        component_j[0][i] = i;
        component_j[1][i] = NAN; /* not tracked */
    }
    const ws_result result = {.n_nodes = 2, .has_power = true, .component_j = component_j[0]};
    assert_true(ws_result_component_j(&result, 0, "cpu") == (double)WS_CPU);
    assert_true(ws_result_node_j(&result, 0) == WS_COMPONENT_COUNT * (WS_COMPONENT_COUNT - 1) / 2.0);
    assert_true(isnan(ws_result_node_j(&result, 1)));
    assert_true(isnan(ws_result_node_j(&result, 2)));
    assert_true(isnan(ws_result_component_j(&result, 0, "CPU")));
    assert_true(isnan(ws_result_component_j(&result, 2, "cpu")));
    assert_true(isnan(ws_result_metric(&result, "")));
}

static void series_are_found_by_name(void **state)
{
    (void)state;
    static const double waiting[]            = {1.0, 2.0};
    ws_result           result               = {.series = {.interval_s = 0.5, .n_samples = 2}};
    result.series.columns[WS_SERIES_WAITING] = waiting;
    result.sim_duration_ns                   = 900000000;
    assert_ptr_equal(ws_result_series(&result, "waiting"), waiting);
    assert_null(ws_result_series(&result, "running"));
    assert_null(ws_result_series(&result, "no_column"));
    assert_int_equal(ws_result_n_samples(&result), 2);
    assert_true(ws_result_interval_s(&result) == 0.5);
    assert_true(fabs(ws_result_duration_s(&result) - 0.9) < 1e-12);
}

static void lists_of_names_end(void **state)
{
    (void)state;
    assert_string_equal(ws_metric_at(0)->name, ws_metric_name((ws_metric)0));
    assert_string_equal(ws_series_at(0)->unit, "s");
    assert_string_equal(ws_component_at(0), "npu_active");
    assert_non_null(ws_metric_at(WS_METRIC_COUNT - 1));
    assert_null(ws_metric_at(WS_METRIC_COUNT));
    assert_null(ws_series_at(WS_SERIES_COUNT));
    assert_null(ws_component_at(WS_COMPONENT_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_power_there_is_no_energy),
        cmocka_unit_test(untracked_and_unknown_is_nan),
        cmocka_unit_test(series_are_found_by_name),
        cmocka_unit_test(lists_of_names_end),
    };
    return cmocka_run_group_tests_name("result.result_view", tests, NULL, NULL);
}
