/* Invariants: axes follow the spec's order and split its parameters without gap or overlap, all of an axis
 * equally long; a parameter comes once, and no two share a short name; listed points are columns of the same
 * values; every problem is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "spec/spec_axes.h"

/* A spec of which only the axes are read. */
typedef struct reading {
    swp_spec  spec;
    ws_error  err;
    ws_status status;
} reading;

/* text: {"parameters": ..., "points": ...} */
static void reading_init(reading *r, swp_sampling sampling, const char *text)
{
    *r = (reading){.spec = {.sampling = sampling}, .err = WS_ERROR_INIT};
    ws_arena_init(&r->spec.arena, 0);
    if (ws_json_doc_parse("s.json", text, strlen(text), &r->err, &r->spec.doc) != WS_OK) {
        fail_msg("%s: %s", text, ws_error_text(&r->err));
    }
    const ws_json root = ws_json_doc_root(r->spec.doc);
    r->status = swp_axes_read(&r->spec, ws_json_member(root, "parameters"), ws_json_member(root, "points"),
                              1e-9, &r->err);
}

static void reading_fini(reading *r)
{
    ws_error_clear(&r->err);
    ws_arena_fini(&r->spec.arena);
    ws_json_doc_destroy(&r->spec.points_doc);
    ws_json_doc_destroy(&r->spec.doc);
}

static void need(reading *r, swp_sampling sampling, const char *text)
{
    reading_init(r, sampling, text);
    if (r->status != WS_OK) {
        fail_msg("%s: %s", text, ws_error_text(&r->err));
    }
    size_t next = 0;
    for (size_t i = 0; i < r->spec.n_axes; i++) {
        const swp_spec_axis *axis = &r->spec.axes[i];
        assert_int_equal(axis->first_param, next);
        assert_true(axis->n_params > 0);
        for (size_t k = 0; k < axis->n_params; k++) {
            assert_int_equal(r->spec.params[next + k].n_values, axis->n_values);
        }
        next += axis->n_params;
    }
    assert_int_equal(next, r->spec.n_params);
}

static void refuse(swp_sampling sampling, const char *text, size_t n_problems, const char *expected)
{
    reading r;
    reading_init(&r, sampling, text);
    if (r.status != WS_ERR_INPUT || r.err.n_problems != n_problems ||
        strstr(ws_error_text(&r.err), expected) == NULL) {
        fail_msg("%s: expected %zu problems with \"%s\", found %zu: %s", text, n_problems, expected,
                 r.err.n_problems, ws_error_text(&r.err));
    }
    reading_fini(&r);
}

static void expect_param(const reading *r, size_t k, const char *name, const char *const *labels)
{
    const swp_parameter *param = &r->spec.params[k];
    assert_string_equal(param->name, name);
    for (size_t v = 0; v < param->n_values; v++) {
        assert_string_equal(param->values[v].label, labels[v]);
    }
}

#define LABELS(...) ((const char *const[]){__VA_ARGS__})

static void test_grid_and_groups(void **state)
{
    (void)state;
    reading r;
    need(
        &r, SWP_SAMPLING_GRID,
        "{\"parameters\": {\"tp_size\": [1, 2, 4], \"zip\": {\"max_num_seqs\": [1, 1], \"/link_bw\": [8, 9]},"
        "\"zip_b\": {\"dtype\": [\"fp8\"]}, \"block_size\": {\"range\": [16, 32, 16]}}}");
    assert_int_equal(r.spec.n_axes, 4);
    expect_param(&r, 0, "tp_size", LABELS("1", "2", "4"));
    expect_param(&r, 1, "max_num_seqs", LABELS("1", "1"));
    expect_param(&r, 2, "/link_bw", LABELS("8", "9"));
    expect_param(&r, 3, "dtype", LABELS("fp8"));
    expect_param(&r, 4, "block_size", LABELS("16", "32"));
    assert_int_equal(r.spec.axes[1].n_params, 2);
    reading_fini(&r);
}

static void test_zip_is_one_axis(void **state)
{
    (void)state;
    reading r;
    need(&r, SWP_SAMPLING_ZIP,
         "{\"parameters\": {\"tp_size\": [1, 2, 1], \"mix\": {\"a\": {}, \"b\": {}, \"c\": {}}}}");
    assert_int_equal(r.spec.n_axes, 1);
    assert_int_equal(r.spec.axes[0].n_values, 3);
    expect_param(&r, 0, "tp_size", LABELS("1", "2", "1"));
    expect_param(&r, 1, "mix", LABELS("a", "b", "c"));
    reading_fini(&r);
}

static void test_nothing_varies(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "{\"parameters\": {}}"};
    for (size_t i = 0; i < 2; i++) {
        for (int sampling = SWP_SAMPLING_GRID; sampling <= SWP_SAMPLING_ZIP; sampling++) {
            reading r;
            need(&r, (swp_sampling)sampling, texts[i]);
            assert_int_equal(r.spec.n_axes, 0);
            reading_fini(&r);
        }
    }
}

/* Point p gives every parameter its p-th value, in whatever order it names them. */
static void test_points_are_columns(void **state)
{
    (void)state;
    reading r;
    need(&r, SWP_SAMPLING_LIST,
         "{\"parameters\": {\"mix\": {\"a\": {\"x\": 1}, \"b\": {\"x\": 2}}}, \"points\": ["
         "{\"tp_size\": 1, \"mix\": \"b\", \"standby_duration\": \"1s\"},"
         "{\"mix\": \"a\", \"standby_duration\": 18, \"tp_size\": 2},"
         "{\"standby_duration\": \"1s\", \"tp_size\": 1, \"mix\": \"b\"}]}");
    assert_int_equal(r.spec.n_axes, 1);
    assert_int_equal(r.spec.axes[0].n_values, 3);
    expect_param(&r, 0, "tp_size", LABELS("1", "2", "1"));
    expect_param(&r, 1, "mix", LABELS("b", "a", "b"));
    expect_param(&r, 2, "standby_duration", LABELS("1s", "18", "1s"));
    assert_int_equal(r.spec.params[1].target, SWP_TARGET_PATCH);
    assert_true(ws_json_number(ws_json_member(r.spec.params[1].values[0].json, "x")) == 2.0);
    assert_true(r.spec.params[2].values[1].number == 18e-9);
    reading_fini(&r);
}

/* Dataset names are made of them, and people ask for columns by them. */
static void test_short_names_differ(void **state)
{
    (void)state;
    reading r;
    need(&r, SWP_SAMPLING_GRID,
         "{\"parameters\": {\"/a/b\": [1], \"/a_b\": [1], \"/a b\": [1], \"/a.b\": [1], \"/a_b_b\": [1],"
         "\"/nodes/0/instances/0/npu_mem/mem_latency\": [1], \"/nodes/1/instances/0/npu_mem/mem_latency\": "
         "[1],"
         "\"/nodes/2/instances/0/npu_mem/mem_latency\": [1], \"/nodes/3/instances/0/npu_mem/mem_latency\": "
         "[1]}}");
    assert_int_equal(r.spec.n_params, 9);
    for (size_t i = 0; i < r.spec.n_params; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(r.spec.params[i].short_name, r.spec.params[k].short_name) == 0) {
                fail_msg("%s and %s: both are %s", r.spec.params[i].name, r.spec.params[k].name,
                         r.spec.params[k].short_name);
            }
        }
    }
    reading_fini(&r);
}

/* More names that shorten to one than the alphabet has letters. */
static void test_many_short_names_differ(void **state)
{
    (void)state;
    ws_strbuf text = WS_STRBUF_INIT;
    reading   r;
    ws_strbuf_puts(&text, "{\"parameters\": {");
    for (int i = 0; i < 60; i++) {
        ws_strbuf_printf(&text, "%s\"/%02d/a/name/of/more/than/thirty/letters\": [1]", i > 0 ? ", " : "", i);
    }
    ws_strbuf_puts(&text, "}}");
    need(&r, SWP_SAMPLING_GRID, ws_strbuf_text(&text));
    for (size_t i = 0; i < r.spec.n_params; i++) {
        assert_true(strlen(r.spec.params[i].short_name) < sizeof r.spec.params[i].short_name);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(r.spec.params[i].short_name, r.spec.params[k].short_name);
        }
    }
    reading_fini(&r);
    ws_strbuf_fini(&text);
}

static void test_refused(void **state)
{
    (void)state;
    refuse(SWP_SAMPLING_GRID, "{\"parameters\": [1]}", 1, "/parameters: expected an object of parameters");
    refuse(SWP_SAMPLING_GRID, "{\"parameters\": {\"tp_size\": [1], \"zip\": {\"tp_size\": [1]}}}", 1,
           "/parameters/zip/tp_size: the parameter tp_size is given twice");
    refuse(SWP_SAMPLING_GRID, "{\"parameters\": {\"zip\": {}}}", 1, "expected at least one parameter");
    refuse(SWP_SAMPLING_GRID, "{\"parameters\": {\"zip\": {\"tp_size\": [1, 2], \"pp_size\": [1]}}}", 1,
           "tp_size has 2, pp_size has 1");
    refuse(SWP_SAMPLING_ZIP, "{\"parameters\": {\"tp_size\": [1, 2], \"pp_size\": [1, 2, 3]}}", 1,
           "tp_size has 2, pp_size has 3");
    refuse(SWP_SAMPLING_GRID, "{\"parameters\": {\"tp_size\": [0], \"zip\": {\"pp_size\": [0]}, \"x\": [1]}}",
           3, "/parameters/zip/pp_size/0");
    refuse(SWP_SAMPLING_LIST, "{\"points\": []}", 1, "/points: expected at least one point");
    refuse(SWP_SAMPLING_LIST, "{\"points\": [{}]}", 1, "/points: expected at least one parameter");
    refuse(SWP_SAMPLING_LIST, "{\"points\": [3]}", 1, "/points/0: expected an object");
    refuse(SWP_SAMPLING_LIST,
           "{\"points\": [{\"tp_size\": 1}, {\"pp_size\": 1}, {\"tp_size\": 1, \"pp_size\": 1}]}", 2,
           "/points/1: expected an object with the same parameters");
    refuse(SWP_SAMPLING_LIST, "{\"parameters\": {\"mix\": {\"a\": {}}}, \"points\": [{\"mix\": \"z\"}]}", 1,
           "expected the name of a patch of /parameters/mix");
    refuse(SWP_SAMPLING_LIST, "{\"parameters\": {\"mix\": {\"a\": {}}}, \"points\": [{\"tp_size\": 1}]}", 1,
           "no point of the list uses this parameter");
    refuse(SWP_SAMPLING_LIST, "{\"parameters\": {\"tp_size\": [1, 2]}, \"points\": [{\"tp_size\": 1}]}", 1,
           "expected the name of a patch of /parameters/tp_size");
    refuse(SWP_SAMPLING_LIST, "{\"points\": [{\"tp_size\": 0}]}", 1, "expected an integer >= 1, found 0");
}

static void test_unknown_options_are_named(void **state)
{
    (void)state;
    ws_json_doc *doc  = NULL;
    ws_error     err  = WS_ERROR_INIT;
    const char  *text = "{\"max_num_seq\": 1}";
    assert_int_equal(ws_json_doc_parse("s.json", text, strlen(text), NULL, &doc), WS_OK);
    assert_int_equal(swp_unknown_option(ws_json_first(ws_json_doc_root(doc)), &err), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "s.json: /max_num_seq: "));
    assert_non_null(strstr(ws_error_text(&err), "did you mean \"max_num_seqs\""));
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid_and_groups),
        cmocka_unit_test(test_zip_is_one_axis),
        cmocka_unit_test(test_nothing_varies),
        cmocka_unit_test(test_points_are_columns),
        cmocka_unit_test(test_short_names_differ),
        cmocka_unit_test(test_many_short_names_differ),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unknown_options_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
