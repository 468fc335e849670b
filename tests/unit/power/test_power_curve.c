/* Invariants: power rises strictly with the clock, is continuous at the voltage floor and active_power at the
 * full clock; the clock for a cap is its exact inverse; every bundled data sheet has a curve; the curves of
 * the two boards with published measurements meet them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/files.h"
#include "power/power_curve.h"

static const ws_power_curve CURVES[] = {
    {0.33, 3.6, 0.82, 0.117}, {0.25, 2.7, 0.94, 0.067}, {0.0, 1.0, 1.0, 0.01},
    {0.5, 3.0, 0.01, 0.2},    {0.2, 10.0, 0.5, 1.0},
};
enum { N_CURVES = sizeof(CURVES) / sizeof(CURVES[0]) };

/* P = 400 W, s = 0.25, a = 3, f = 0.8: at 0.9 it is 400 (0.25 + 0.75 * 0.729) = 318.7; at the floor 400 (0.25
 * + 0.75 * 0.512) = 253.6; at 0.4, half of the floor, the dynamic part is half of the floor's: 400 (0.25 +
 * 0.75 * 0.256) = 176.8. */
static void hand_worked_curve(void **state)
{
    (void)state;
    const ws_power_curve curve = {0.25, 3.0, 0.8, 0.2};
    assert_true(fabs(ws_power_curve_w(&curve, 400.0, 1.0) - 400.0) < 1e-9);
    assert_true(fabs(ws_power_curve_w(&curve, 400.0, 0.9) - 318.7) < 1e-9);
    assert_true(fabs(ws_power_curve_w(&curve, 400.0, 0.8) - 253.6) < 1e-9);
    assert_true(fabs(ws_power_curve_w(&curve, 400.0, 0.4) - 176.8) < 1e-9);
    assert_true(fabs(ws_power_curve_min_w(&curve, 400.0) - 138.4) < 1e-9);
    assert_true(fabs(ws_power_curve_clock(&curve, 400.0, 176.8) - 0.4) < 1e-12);
}

static void power_rises_with_the_clock_and_has_no_jump(void **state)
{
    (void)state;
    for (int k = 0; k < N_CURVES; k++) {
        const ws_power_curve *curve    = &CURVES[k];
        double                before_w = ws_power_curve_w(curve, 300.0, 0.001);
        for (int i = 2; i <= 1000; i++) {
            const double w = ws_power_curve_w(curve, 300.0, 0.001 * i);
            assert_true(w > before_w);
            before_w = w;
        }
        assert_true(ws_power_curve_w(curve, 300.0, 1.0) == 300.0);
        const double floor   = curve->voltage_floor;
        const double above_w = ws_power_curve_w(curve, 300.0, floor);
        const double below_w = ws_power_curve_w(curve, 300.0, floor * (1.0 - 1e-12));
        assert_true(fabs(above_w - below_w) < 1e-8);
    }
}

static void the_clock_of_a_cap_is_the_inverse(void **state)
{
    (void)state;
    for (int k = 0; k < N_CURVES; k++) {
        const ws_power_curve *curve = &CURVES[k];
        for (int i = 0; i <= 500; i++) {
            const double clock = curve->min_clock + (1.0 - curve->min_clock) * i / 500.0;
            const double cap_w = ws_power_curve_w(curve, 300.0, clock);
            assert_true(fabs(ws_power_curve_clock(curve, 300.0, cap_w) - clock) < 1e-9);
        }
        assert_true(ws_power_curve_clock(curve, 300.0, 300.0) == 1.0);
        assert_true(fabs(ws_power_curve_clock(curve, 300.0, ws_power_curve_min_w(curve, 300.0)) -
                         curve->min_clock) < 1e-9);
    }
}

/* ---- data sheets ---- */

static ws_power_curve curve_of(ws_files *files, const char *tag)
{
    char           path[4096];
    ws_bytes       bytes = {.len = 0};
    ws_error       err   = WS_ERROR_INIT;
    ws_json_doc   *doc   = NULL;
    ws_power_curve curve = {.exponent = 0};
    (void)snprintf(path, sizeof(path), "%s/configs/hardware/%s.json", getenv("WS_SOURCE_DIR"), tag);
    if (ws_files_read(files, path, &err, &bytes) != WS_OK ||
        ws_json_doc_parse(tag, bytes.data, bytes.len, &err, &doc) != WS_OK ||
        ws_power_curve_read(ws_json_member(ws_json_doc_root(doc), "power_curve"), &err, &curve) != WS_OK) {
        fail_msg("%s: %s", tag, ws_error_text(&err));
    }
    const ws_json source = ws_json_member(ws_json_doc_root(doc), "source");
    assert_non_null(ws_json_string(ws_json_member(source, "power_curve")));
    ws_json_doc_destroy(&doc);
    return curve;
}

/* Published measurements: board power over clock, or over the speed of prefill, which follows the clock. */
static void fitted_curves_meet_their_measurements(void **state)
{
    (void)state;
    static const double ga102_w[]   = {350, 300, 250, 200, 150};
    static const double ga102_tps[] = {9893, 9326, 8436, 5941, 2549};
    static const double gb202_w[]   = {573.0, 547.2, 497.5, 447.7, 398.5, 348.3, 298.7};
    static const double gb202_mhz[] = {2696, 2634, 2502, 2104, 1740, 1405, 1144};
    ws_files           *files       = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    const ws_power_curve ga102 = curve_of(files, "A6000"), gb202 = curve_of(files, "RTXPRO6000");
    for (int i = 0; i < 5; i++) {
        const double w = ws_power_curve_w(&ga102, ga102_w[0], ga102_tps[i] / ga102_tps[0]);
        assert_true(fabs(w - ga102_w[i]) < 0.02 * ga102_w[0]);
    }
    for (int i = 0; i < 7; i++) {
        const double w = ws_power_curve_w(&gb202, gb202_w[0], gb202_mhz[i] / gb202_mhz[0]);
        assert_true(fabs(w - gb202_w[i]) < 0.02 * gb202_w[0]);
    }
    ws_files_destroy(&files);
}

/* H100 and H200 take limits from 200 W, the A100 from 100 W: the lowest clock is no hotter. */
static void lowest_caps_are_what_boards_take(void **state)
{
    (void)state;
    static const struct {
        const char *tag;
        double      active_w, least_limit_w;
    } boards[]                        = {{"A100", 400, 100}, {"H100", 700, 200}, {"H200", 700, 200}};
    static const char *const others[] = {"L40S", "RTX4090"};
    ws_files                *files    = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    for (size_t i = 0; i < 3; i++) {
        const ws_power_curve curve = curve_of(files, boards[i].tag);
        const double         min_w = ws_power_curve_min_w(&curve, boards[i].active_w);
        assert_true(min_w <= boards[i].least_limit_w && min_w > 0.95 * boards[i].least_limit_w);
    }
    for (size_t i = 0; i < 2; i++) {
        const ws_power_curve curve = curve_of(files, others[i]);
        assert_true(ws_power_curve_min_w(&curve, 1.0) < 0.5);
    }
    ws_files_destroy(&files);
}

static void problems_are_named(void **state)
{
    (void)state;
    static const char text[] =
        "{\"static_share\": 1.5, \"exponent\": 0.5, \"voltage_floor\": 0, \"min_clok\": 0.1}";
    ws_error       err   = WS_ERROR_INIT;
    ws_json_doc   *doc   = NULL;
    ws_power_curve curve = {.exponent = 7};
    assert_int_equal(ws_json_doc_parse("c.json", text, strlen(text), &err, &doc), WS_OK);
    assert_int_equal(ws_power_curve_read(ws_json_doc_root(doc), &err, &curve), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "/static_share"));
    assert_non_null(strstr(ws_error_text(&err), "/exponent"));
    assert_non_null(strstr(ws_error_text(&err), "/voltage_floor"));
    assert_non_null(strstr(ws_error_text(&err), "did you mean \"min_clock\""));
    assert_true(curve.exponent == 7);
    ws_json_doc_destroy(&doc);
    ws_error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_worked_curve),
        cmocka_unit_test(power_rises_with_the_clock_and_has_no_jump),
        cmocka_unit_test(the_clock_of_a_cap_is_the_inverse),
        cmocka_unit_test(fitted_curves_meet_their_measurements),
        cmocka_unit_test(lowest_caps_are_what_boards_take),
        cmocka_unit_test(problems_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
