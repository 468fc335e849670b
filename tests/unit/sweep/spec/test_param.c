/* Invariants: a parameter's name says where its values go and in which unit; every value is checked and every
 * bad one told; the kind of the column holds all values apart, whatever their order; short names fit dataset
 * names. */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "spec/param.h"

/* One parameter, read from a document of its own: {name: values}. */
typedef struct reading {
    ws_json_doc  *doc;
    ws_arena      arena;
    ws_error      err;
    ws_status     status;
    swp_parameter param;
} reading;

static void reading_init(reading *r, const char *name, const char *values, bool may_repeat,
                         double bare_unit_s)
{
    char text[1024];
    *r = (reading){.err = WS_ERROR_INIT};
    ws_arena_init(&r->arena, 0);
    snprintf(text, sizeof text, "{\"%s\": %s}", name, values);
    if (ws_json_doc_parse("p.json", text, strlen(text), &r->err, &r->doc) != WS_OK) {
        fail_msg("%s: %s", text, ws_error_text(&r->err));
    }
    r->status = swp_param_read(ws_json_first(ws_json_doc_root(r->doc)), may_repeat, bare_unit_s, &r->arena,
                               &r->err, &r->param);
}

static void reading_fini(reading *r)
{
    ws_error_clear(&r->err);
    ws_arena_fini(&r->arena);
    ws_json_doc_destroy(&r->doc);
}

static void need(reading *r, const char *name, const char *values)
{
    reading_init(r, name, values, false, 1e-9);
    if (r->status != WS_OK) {
        fail_msg("%s: %s: %s", name, values, ws_error_text(&r->err));
    }
}

static void refuse(const char *name, const char *values, size_t n_problems, const char *expected)
{
    reading r;
    reading_init(&r, name, values, false, 1e-9);
    if (r.status != WS_ERR_INPUT || r.err.n_problems != n_problems ||
        strstr(ws_error_text(&r.err), expected) == NULL) {
        fail_msg("%s: %s: expected %zu problems with \"%s\", found %zu: %s", name, values, n_problems,
                 expected, r.err.n_problems, ws_error_text(&r.err));
    }
    reading_fini(&r);
}

static void test_the_name_says_where_values_go(void **state)
{
    (void)state;
    static const struct {
        const char    *name, *values;
        swp_target     target;
        const char    *unit;
        swp_param_kind kind;
        bool           is_structural;
    } rows[] = {
        {"max_num_seqs", "[1, 2]", SWP_TARGET_OPTION, "1", SWP_PARAM_INT, false},
        {"max-num-seqs", "[1, 2]", SWP_TARGET_OPTION, "1", SWP_PARAM_INT, false},
        {"dtype", "[\"bfloat16\", \"fp8\"]", SWP_TARGET_OPTION, "1", SWP_PARAM_TEXT, true},
        {"enable_prefix_caching", "[true, false]", SWP_TARGET_OPTION, "1", SWP_PARAM_BOOL, false},
        {"npu_memory_utilization", "[0.5, 1]", SWP_TARGET_OPTION, "1", SWP_PARAM_DOUBLE, false},
        {"log_interval", "[1, \"100ms\"]", SWP_TARGET_OPTION, "s", SWP_PARAM_DOUBLE, false},
        {"tp_size", "[1, 2]", SWP_TARGET_TP_SIZE, "1", SWP_PARAM_INT, true},
        {"pp_size", "[1, 2]", SWP_TARGET_PP_SIZE, "1", SWP_PARAM_INT, true},
        {"ep_size", "[1, 2]", SWP_TARGET_EP_SIZE, "1", SWP_PARAM_INT, true},
        {"num_instances", "[1, 2]", SWP_TARGET_NUM_INSTANCES, "1", SWP_PARAM_INT, true},
        {"hardware", "[\"A\", \"B\"]", SWP_TARGET_HARDWARE, "1", SWP_PARAM_TEXT, true},
        {"standby_duration", "[18, \"1s\"]", SWP_TARGET_STANDBY_DURATION, "s", SWP_PARAM_DOUBLE, false},
        {"power_cap_w", "[300, 250]", SWP_TARGET_POWER_CAP, "W", SWP_PARAM_INT, false},
        {"workload.rate", "[1, 2.5]", SWP_TARGET_WORKLOAD, "1", SWP_PARAM_DOUBLE, false},
        {"workload.dataset", "[\"a\", \"b\"]", SWP_TARGET_WORKLOAD, "1", SWP_PARAM_TEXT, true},
        {"/link_bw", "[1, 2]", SWP_TARGET_POINTER, "1", SWP_PARAM_INT, true},
        {"mix", "{\"a\": {}, \"b\": {\"x\": 1}}", SWP_TARGET_PATCH, "1", SWP_PARAM_TEXT, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reading r;
        need(&r, rows[i].name, rows[i].values);
        if (r.param.target != rows[i].target || r.param.kind != rows[i].kind ||
            strcmp(r.param.unit, rows[i].unit) != 0 ||
            swp_param_is_structural(&r.param) != rows[i].is_structural) {
            fail_msg("%s: expected target %d unit %s kind %d structural %d, found %d %s %d %d", rows[i].name,
                     rows[i].target, rows[i].unit, rows[i].kind, rows[i].is_structural, r.param.target,
                     r.param.unit, r.param.kind, swp_param_is_structural(&r.param));
        }
        assert_string_equal(r.param.name, rows[i].name);
        assert_int_equal(r.param.n_values, 2);
        assert_true((r.param.option != NULL) == (rows[i].target == SWP_TARGET_OPTION));
        reading_fini(&r);
    }
}

static void test_numbers_are_in_the_unit(void **state)
{
    (void)state;
    static const struct {
        const char *name, *values;
        double      bare_unit_s, numbers[3];
    } rows[] = {
        {"standby_duration", "[18, \"1s\", \"250us\"]", 1e-9, {18e-9, 1.0, 250e-6}},
        {"standby_duration", "[18, \"1s\", \"250us\"]", 1.0, {18.0, 1.0, 250e-6}},
        {"standby_duration", "{\"linspace\": [1, 3, 3]}", 1.0, {1.0, 2.0, 3.0}},
        {"standby_duration", "{\"linspace\": [\"1ns\", \"3ns\", 3]}", 1.0, {1e-9, 2e-9, 3e-9}},
        {"log_interval", "[2, \"100ms\", \"1min\"]", 1e-9, {2.0, 0.1, 60.0}}, /* bare numbers are seconds */
        {"power_interval", "{\"range\": [\"0s\", \"1s\", \"500ms\"]}", 1e-9, {0.0, 0.5, 1.0}},
        {"power_cap_w", "[300, 250.5, 1e9]", 1e-9, {300.0, 250.5, 1e9}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reading r;
        reading_init(&r, rows[i].name, rows[i].values, false, rows[i].bare_unit_s);
        if (r.status != WS_OK) {
            fail_msg("%s: %s: %s", rows[i].name, rows[i].values, ws_error_text(&r.err));
        }
        assert_int_equal(r.param.n_values, 3);
        for (size_t k = 0; k < 3; k++) {
            if (r.param.values[k].number != rows[i].numbers[k]) {
                fail_msg("%s: %s: value %zu: expected %.17g, found %.17g", rows[i].name, rows[i].values, k,
                         rows[i].numbers[k], r.param.values[k].number);
            }
        }
        reading_fini(&r);
    }
}

static void test_every_value_is_checked(void **state)
{
    (void)state;
    static const char *const counts[] = {"tp_size", "pp_size", "ep_size", "num_instances"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        refuse(counts[i], "[0, 1, 1.5, true, \"2\", null, 1000001, -1]", 7,
               "expected an integer >= 1, found 0");
        refuse(counts[i], "{\"range\": [0, 2, 1]}", 1, "expected an integer >= 1, found 0");
    }
    refuse("hardware", "[\"A\", 3, true]", 2, "expected text, found 3");
    refuse("standby_duration", "[\"soon\", -1, true, null, \"1s\"]", 4,
           "/standby_duration/0: expected a duration");
    refuse("power_cap_w", "[0, -3, true, \"low\", 1e10, 5]", 5,
           "/power_cap_w/0: expected a power cap in W > 0");
    refuse("max_num_seqs", "[0, 5, 1.5, \"x\"]", 3, "/max_num_seqs/0: ");
    refuse("max_num_seqs", "{\"range\": [0, 1, 1]}", 1, "p.json: /max_num_seqs: ");
    refuse("dtype", "[\"bfloat16\", \"float128\"]", 1, "/dtype/1: ");
    refuse("npu_memory_utilization", "[0.5, 0, 1.5]", 2, "/npu_memory_utilization/1: ");
    refuse("max_num_seqs", "{\"linspace\": [\"1s\", \"3s\", 3]}", 1, "expected numbers without unit");
    refuse("/link_bw", "{\"linspace\": [\"1s\", \"3s\", 3]}", 1, "expected numbers without unit");
}

static void test_unknown_names(void **state)
{
    (void)state;
    refuse("tp_sise", "[1]", 1, "did you mean \"tp_size\"");
    refuse("max_num_seq", "[1]", 1, "did you mean \"max_num_seqs\"");
    refuse("qqqqqqqq", "[1]", 1, "p.json: /qqqqqqqq: unknown parameter; expected a simulator option");
    refuse("mix", "{}", 1, "unknown parameter");
    refuse("mix", "{\"a\": {}, \"b\": 3}", 1, "unknown parameter");
    refuse("mix", "{\"linspace\": [1, 2, 2]}", 1, "unknown parameter");
}

/* Values that differ stay apart in the file: true next to 1 is text, in either order. */
static void test_the_kind_holds_all_values(void **state)
{
    (void)state;
    static const struct {
        const char    *values;
        swp_param_kind kind;
    } rows[] = {
        {"[true]", SWP_PARAM_BOOL},
        {"[false, true]", SWP_PARAM_BOOL},
        {"[1]", SWP_PARAM_INT},
        {"[1, -2]", SWP_PARAM_INT},
        {"[1, 2.5]", SWP_PARAM_DOUBLE},
        {"[2.5, 1]", SWP_PARAM_DOUBLE},
        {"[1, 1e16]", SWP_PARAM_DOUBLE}, /* beyond what a double counts exactly */
        {"[\"a\", 1]", SWP_PARAM_TEXT},
        {"[1, \"a\"]", SWP_PARAM_TEXT},
        {"[null, 1]", SWP_PARAM_TEXT},
        {"[1, true]", SWP_PARAM_TEXT},
        {"[true, 1]", SWP_PARAM_TEXT},
        {"[true, 2.5]", SWP_PARAM_TEXT},
        {"[true, true, 3]", SWP_PARAM_TEXT},
        {"[true, \"a\"]", SWP_PARAM_TEXT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reading r;
        reading_init(&r, "/a", rows[i].values, true, 1.0);
        assert_int_equal(r.status, WS_OK);
        if (r.param.kind != rows[i].kind) {
            fail_msg("%s: expected kind %d, found %d", rows[i].values, rows[i].kind, r.param.kind);
        }
        reading_fini(&r);
    }
}

static void test_one_duration_written_twice(void **state)
{
    (void)state;
    refuse("standby_duration", "[\"1s\", 5, \"1000ms\"]", 1,
           "/standby_duration/2: the values 1s and 1000ms are the same");
    refuse("log_interval", "[0.5, \"500ms\"]", 1, "/log_interval/1: the values 0.5 and 500ms are the same");
    reading r;
    reading_init(&r, "standby_duration", "[\"1s\", \"1000ms\"]", true, 1.0); /* next to others in a zip */
    assert_int_equal(r.status, WS_OK);
    reading_fini(&r);
}

/* Letters, digits and '_', never nothing, at most 31; of long names the end, and no part of a word. */
static void test_short_names_fit_dataset_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *short_name;
    } rows[] = {{"max_num_seqs", "max_num_seqs"},
                {"workload.input.mean", "workload_input_mean"},
                {"/nodes/0/link~1bw", "nodes_0_link_1bw"},
                {"/nodes/0/instances/0/npu_mem/mem_latency", "0_npu_mem_mem_latency"},
                {"/abcdefghijklmnopqrstuvwxyz0123456789", "fghijklmnopqrstuvwxyz0123456789"},
                {"//a//b", "a_b"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reading r;
        need(&r, rows[i].name, "[1]");
        assert_string_equal(r.param.short_name, rows[i].short_name);
        reading_fini(&r);
    }
    static const char *const odd[] = {"/", "/%", "/\\u65e5\\u672c",
                                      "/a/very/long/pointer/that/ends/in/a/word-and-a/"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        reading r;
        need(&r, odd[i], "[1]");
        assert_true(strlen(r.param.short_name) > 0 && strlen(r.param.short_name) < sizeof r.param.short_name);
        for (const char *c = r.param.short_name; *c != '\0'; c++) {
            assert_true(isalnum((unsigned char)*c) || *c == '_');
        }
        reading_fini(&r);
    }
}

static void test_values_by_label(void **state)
{
    (void)state;
    reading r;
    need(&r, "standby_duration", "[\"18ns\", 7, \"1s\"]");
    assert_int_equal(swp_param_find_value(&r.param, "18ns"), 0);
    assert_int_equal(swp_param_find_value(&r.param, "7"), 1);
    assert_int_equal(swp_param_find_value(&r.param, "1s"), 2);
    assert_int_equal(swp_param_find_value(&r.param, "1"), 3);
    assert_int_equal(swp_param_find_value(&r.param, ""), 3);
    reading_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_name_says_where_values_go),
        cmocka_unit_test(test_numbers_are_in_the_unit),
        cmocka_unit_test(test_every_value_is_checked),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_the_kind_holds_all_values),
        cmocka_unit_test(test_one_duration_written_twice),
        cmocka_unit_test(test_short_names_fit_dataset_names),
        cmocka_unit_test(test_values_by_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
