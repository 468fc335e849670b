/* A sweep spec means what docs/sweep-spec.md says, and a broken one is refused with every problem named at
 * its place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "spec/spec_parse.h"

static swp_spec *parse(const char *text)
{
    ws_error  err  = WS_ERROR_INIT;
    swp_spec *spec = NULL;
    if (swp_spec_parse("spec.json", text, strlen(text), &err, &spec) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    ws_error_clear(&err);
    return spec;
}

/* Parsing fails, and the message holds every one of the given parts. */
static void refuse(const char *text, const char *const *parts)
{
    ws_error  err  = WS_ERROR_INIT;
    swp_spec *spec = NULL;
    assert_int_equal(swp_spec_parse("spec.json", text, strlen(text), &err, &spec), WS_ERR_INPUT);
    assert_null(spec);
    for (; *parts != NULL; parts++) {
        if (strstr(ws_error_text(&err), *parts) == NULL) {
            fail_msg("%s\nexpected \"%s\" in\n%s", text, *parts, ws_error_text(&err));
        }
    }
    ws_error_clear(&err);
}

#define REFUSE(text, ...) refuse(text, (const char *const[]){__VA_ARGS__, NULL})

static void test_everything_once(void **state)
{
    (void)state;
    swp_spec *spec = parse("{\n// a comment\n\"name\": \"n\", \"cluster\": \"c.json\","
                           "\"workload\": {\"dataset\": \"w.jsonl\", \"num_reqs\": 3},"
                           "\"options\": {\"max-num-seqs\": 7, \"log_interval\": \"100ms\"},"
                           "\"parameters\": {\"tp_size\": [1, 2], \"standby_duration\": [\"18ns\", \"1s\"],"
                           "  \"mix\": {\"a\": {\"x\": 1}, \"b\": {\"x\": 2}},"
                           "  \"/nodes/0/instances/0/npu_mem/mem_util\": {\"linspace\": [0.7, 0.9, 3]},"
                           "  \"zip\": {\"dtype\": [\"bfloat16\", \"fp8\"], \"workload.rate\": [1, 2.5]}},"
                           "\"constraints\": [\"tp_size < 2\"], \"repeats\": 2, \"seed\": 9,"
                           "\"slo\": {\"ttft_p99_ms\": 2000, \"tpot_ms\": 60},"
                           "\"outputs\": {\"timeseries\": false, \"requests\": true}}");
    assert_string_equal(spec->name, "n");
    assert_int_equal(spec->options.max_num_seqs, 7);
    assert_true(spec->options.log_interval_s == 0.1);
    assert_int_equal(spec->n_params, 6);
    assert_int_equal(spec->n_axes, 5);
    assert_int_equal(spec->axes[4].n_params, 2);
    assert_int_equal(spec->params[0].target, SWP_TARGET_TP_SIZE);
    assert_int_equal(spec->params[0].kind, SWP_PARAM_INT);
    assert_int_equal(spec->params[1].target, SWP_TARGET_STANDBY_DURATION);
    assert_true(fabs(spec->params[1].values[0].number - 18e-9) < 1e-20);
    assert_string_equal(spec->params[1].unit, "s");
    assert_int_equal(spec->params[2].target, SWP_TARGET_PATCH);
    assert_string_equal(spec->params[2].values[1].label, "b");
    assert_int_equal(spec->params[3].target, SWP_TARGET_POINTER);
    assert_true(spec->params[3].values[1].number == 0.8);
    assert_int_equal(spec->params[4].target, SWP_TARGET_OPTION);
    assert_int_equal(spec->params[4].kind, SWP_PARAM_TEXT);
    assert_int_equal(spec->params[5].target, SWP_TARGET_WORKLOAD);
    assert_int_equal(spec->params[5].kind, SWP_PARAM_DOUBLE);
    assert_int_equal(spec->repeats, 2);
    assert_int_equal(spec->seed, 9);
    assert_true(spec->slo.run_ms[WS_METRIC_TTFT_P99_MS - WS_METRIC_TTFT_MEAN_MS] == 2000.0 &&
                spec->slo.tpot_ms == 60.0 && spec->slo.ttft_ms == 0.0 && spec->slo.itl_ms == 0.0);
    assert_true(!spec->wants_timeseries && spec->wants_requests);
    assert_int_equal(spec->n_constraints, 1);
    swp_spec_destroy(&spec);
    assert_null(spec);
}

static void expect_numbers(const char *form, const double *expected, size_t n)
{
    char text[256];
    snprintf(text, sizeof text, "{\"cluster\": \"c\", \"parameters\": {\"/a\": %s}}", form);
    swp_spec *spec = parse(text);
    assert_int_equal(spec->params[0].n_values, n);
    for (size_t i = 0; i < n; i++) {
        if (spec->params[0].values[i].number != expected[i]) {
            fail_msg("%s: value %zu: expected %g, found %.17g", form, i, expected[i],
                     spec->params[0].values[i].number);
        }
    }
    swp_spec_destroy(&spec);
}

static void test_generators(void **state)
{
    (void)state;
    expect_numbers("{\"linspace\": [0.7, 0.95, 6]}", (const double[]){0.7, 0.75, 0.8, 0.85, 0.9, 0.95}, 6);
    expect_numbers("{\"logspace\": [1, 64, 7]}", (const double[]){1, 2, 4, 8, 16, 32, 64}, 7);
    expect_numbers("{\"range\": [0, 1, 0.25]}", (const double[]){0, 0.25, 0.5, 0.75, 1}, 5);
    expect_numbers("{\"range\": [0.1, 0.3, 0.1]}", (const double[]){0.1, 0.2, 0.3}, 3); /* despite rounding */
    expect_numbers("{\"range\": [5, 1, -2]}", (const double[]){5, 3, 1}, 3);
    expect_numbers("{\"linspace\": [3, 3, 1]}", (const double[]){3}, 1);
}

static void test_durations_in_generators(void **state)
{
    (void)state;
    swp_spec    *spec       = parse("{\"cluster\": \"c\", \"parameters\": {\"standby_duration\": "
                                             "{\"logspace\": [\"1ms\", \"10s\", 5]}}}");
    const double expected[] = {1e-3, 1e-2, 0.1, 1.0, 10.0};
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(spec->params[0].values[i].number - expected[i]) < 1e-12);
    }
    assert_string_equal(spec->params[0].values[4].label, "10s");
    swp_spec_destroy(&spec);
}

/* A bare standby_duration is ns unless the options make it seconds. */
static void test_bare_standby(void **state)
{
    (void)state;
    swp_spec *ns = parse("{\"cluster\": \"c\", \"parameters\": {\"standby_duration\": [18]}}");
    swp_spec *s  = parse("{\"cluster\": \"c\", \"options\": {\"standby_unit\": \"s\"},"
                          " \"parameters\": {\"standby_duration\": [18]}}");
    assert_true(fabs(ns->params[0].values[0].number - 18e-9) < 1e-20);
    assert_true(s->params[0].values[0].number == 18.0);
    swp_spec_destroy(&ns);
    swp_spec_destroy(&s);
}

static void test_power_caps_are_in_w(void **state)
{
    (void)state;
    swp_spec *spec = parse("{\"cluster\": \"c\", \"parameters\": {\"power_cap_w\": [300, 250.5]}}");
    assert_int_equal(spec->params[0].target, SWP_TARGET_POWER_CAP);
    assert_string_equal(spec->params[0].unit, "W");
    assert_int_equal(spec->params[0].kind, SWP_PARAM_DOUBLE);
    assert_true(spec->params[0].values[1].number == 250.5);
    swp_spec_destroy(&spec);
}

static void test_list(void **state)
{
    (void)state;
    swp_spec *spec = parse("{\"cluster\": \"c\", \"parameters\": {\"mix\": {\"a\": {}, \"b\": {}}},"
                           "\"sampling\": {\"method\": \"list\", \"points\": ["
                           "{\"tp_size\": 1, \"mix\": \"b\"}, {\"mix\": \"a\", \"tp_size\": 2},"
                           "{\"tp_size\": 1, \"mix\": \"b\"}]}}");
    assert_int_equal(spec->n_axes, 1);
    assert_int_equal(spec->axes[0].n_values, 3);
    const swp_parameter *mix = swp_spec_find_param(spec, "mix");
    const swp_parameter *tp  = swp_spec_find_param(spec, "tp_size");
    assert_string_equal(mix->values[0].label, "b");
    assert_string_equal(mix->values[1].label, "a");
    assert_true(tp->values[1].number == 2.0);
    swp_spec_destroy(&spec);
}

static void test_all_problems_are_reported(void **state)
{
    (void)state;
    REFUSE("{\"clutser\": \"c\", \"options\": {\"max_num_seq\": 3, \"block_size\": \"x\"},"
           "\"parameters\": {\"tp_sise\": [1], \"tp_size\": [0, 1.5], \"pp_size\": []},"
           "\"constraints\": [3], \"repeats\": 0, \"slo\": {\"ttft_p98_ms\": 1}}",
           "clutser", "did you mean \"max_num_seqs\"", "/options/block_size", "did you mean \"tp_size\"",
           "/parameters/tp_size/0", "/parameters/tp_size/1", "/parameters/pp_size", "/constraints/0",
           "/repeats", "/slo/ttft_p98_ms");
}

static void test_refused(void **state)
{
    (void)state;
    REFUSE("{}", "cluster");
    REFUSE("[]", "expected object");
    REFUSE("{\"cluster\": 3}", "/cluster");
    REFUSE("{\"cluster\": \"c\", \"slo\": {\"attainment\": 0.9}}", "/slo", "expected a bound next to it");
    REFUSE("{\"cluster\": \"c\", \"slo\": {\"ttft_ms\": 5, \"attainment\": 1.5}}", "/slo/attainment");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"tp_size\": [1, 2, 1]}}", "the value 1 is listed twice");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"zip\": {\"tp_size\": [1, 2], \"pp_size\": [1]}}}",
           "equally many values");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"standby_duration\": [\"1s\", 5, \"1000ms\"]}}",
           "/parameters/standby_duration/2: the values 1s and 1000ms are the same");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"workload.rate\": {\"linspace\": [2, 2, 3]}}}",
           "/parameters/workload.rate/linspace: the value 2 is listed twice");
    REFUSE("{\"cluster\": \"c\", \"title\": 3}", "/title: expected string, found 3");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"max_num_seqs\": {\"linspace\": [1, 2, 4]}}}",
           "/parameters/max_num_seqs");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"/a\": {\"logspace\": [0, 2, 4]}}}", "/parameters");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"/a\": {\"range\": [0, 2, 0]}}}", "/parameters");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"/a\": {\"linspace\": [0, 2, 99999999]}}}", "at most");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"standby_duration\": [\"soon\"]}}", "expected a duration");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"power_cap_w\": [0]}}", "expected a power cap in W > 0");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"power_cap_w\": [\"low\"]}}",
           "expected a power cap in W > 0");
    REFUSE("{\"cluster\": \"c\", \"parameters\": {\"power_cap\": [300]}}", "did you mean \"power_cap_w\"");
    REFUSE("{\"cluster\": \"c\", \"sampling\": {\"method\": \"magic\"}}", "/sampling/method");
    REFUSE("{\"cluster\": \"c\", \"sampling\": {\"method\": \"random\"}}", "\"n\"");
    REFUSE("{\"cluster\": \"c\", \"sampling\": {\"method\": \"list\"}}", "\"points\"");
    REFUSE("{\"cluster\": \"c\", \"sampling\": {\"method\": \"list\", \"points\": [{\"tp_size\": 1}, {}]}}",
           "/sampling/points/1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_once),           cmocka_unit_test(test_generators),
        cmocka_unit_test(test_durations_in_generators),   cmocka_unit_test(test_bare_standby),
        cmocka_unit_test(test_power_caps_are_in_w),       cmocka_unit_test(test_list),
        cmocka_unit_test(test_all_problems_are_reported), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
