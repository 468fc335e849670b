/* A value is taken exactly or refused with what was expected; an object reports all its problems at once. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/json.h"

static ws_json_doc *parse(const char *text)
{
    ws_json_doc *doc = NULL;
    ws_error     err = WS_ERROR_INIT;
    if (ws_json_doc_parse("t.json", text, strlen(text), &err, &doc) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return doc;
}

static void check_int(const char *text, int64_t min, int64_t max, int64_t expected)
{
    ws_json_doc *doc = parse(text);
    int64_t      got = ~expected;
    assert_int_equal(ws_json_read_int(ws_json_doc_root(doc), min, max, NULL, &got), WS_OK);
    assert_int_equal(got, expected);
    ws_json_doc_destroy(&doc);
}

static void check_int_refused(const char *text, int64_t min, int64_t max, const char *message)
{
    ws_json_doc *doc = parse(text);
    ws_error     err = WS_ERROR_INIT;
    int64_t      got = 77;
    assert_int_equal(ws_json_read_int(ws_json_doc_root(doc), min, max, &err, &got), WS_ERR_INPUT);
    assert_int_equal(got, 77);
    assert_string_equal(ws_error_text(&err), message);
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

static void test_integers(void **state)
{
    (void)state;
    check_int("3", 1, 8, 3);
    check_int("1e3", 0, INT64_MAX, 1000);
    check_int("-0", 0, 0, 0);
    check_int("9007199254740992", INT64_MIN, INT64_MAX, 9007199254740992);
    check_int("\"9223372036854775807\"", 0, INT64_MAX, INT64_MAX);
    check_int("\"-9223372036854775808\"", INT64_MIN, INT64_MAX, INT64_MIN);
    check_int_refused("0", 1, INT64_MAX, "t.json: expected integer >= 1, found 0");
    check_int_refused("9", 1, 8, "t.json: expected integer in 1..8, found 9");
    check_int_refused("1.5", INT64_MIN, INT64_MAX, "t.json: expected integer, found 1.5");
    check_int_refused("true", INT64_MIN, 5, "t.json: expected integer <= 5, found true");
    check_int_refused("\"9223372036854775808\"", 0, INT64_MAX,
                      "t.json: expected integer >= 0, found \"9223372036854775808\"");
    check_int_refused("\"12x\"", 0, INT64_MAX, "t.json: expected integer >= 0, found \"12x\"");
    check_int_refused("\"\"", 0, INT64_MAX, "t.json: expected integer >= 0, found \"\"");
    check_int_refused("9007199254740994", 0, INT64_MAX,
                      "t.json: expected integer >= 0 (above 2^53 write it as a string of digits), "
                      "found 9.00719925474099e+15");
}

static void test_doubles(void **state)
{
    (void)state;
    ws_json_doc  *doc  = parse("[0.5, \"0.5\", 2]");
    const ws_json root = ws_json_doc_root(doc);
    ws_error      err  = WS_ERROR_INIT;
    double        got  = -1.0;
    assert_int_equal(ws_json_read_double(ws_json_at(root, 0), 0.0, 1.0, &err, &got), WS_OK);
    assert_true(got == 0.5);
    assert_int_equal(ws_json_read_double(ws_json_at(root, 1), -INFINITY, INFINITY, &err, &got), WS_ERR_INPUT);
    assert_int_equal(ws_json_read_double(ws_json_at(root, 2), 0.0, 1.0, &err, &got), WS_ERR_INPUT);
    assert_int_equal(ws_json_read_double(ws_json_at(root, 2), 3.0, DBL_MAX, &err, &got), WS_ERR_INPUT);
    assert_true(got == 0.5);
    assert_string_equal(ws_error_text(&err), "t.json: /1: expected number, found \"0.5\"\n"
                                             "t.json: /2: expected number in 0..1, found 2\n"
                                             "t.json: /2: expected number >= 3, found 2");
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

typedef struct device {
    int64_t     n_npus;
    double      power_w;
    bool        is_shared;
    const char *name;
    ws_json     extra;
    double      rate;
} device;

static const ws_field device_fields[] = {
    {"n_npus", WS_FIELD_INT, offsetof(device, n_npus), WS_FIELD_REQUIRED, 1, 8, "devices"},
    {"power_w", WS_FIELD_DOUBLE, offsetof(device, power_w), WS_FIELD_POSITIVE, 0, 0, "power, W"},
    {"is_shared", WS_FIELD_BOOL, offsetof(device, is_shared), 0, 0, 0, "shared by nodes"},
    {"name", WS_FIELD_STRING, offsetof(device, name), WS_FIELD_REQUIRED | WS_FIELD_NULLABLE, 0, 0, "name"},
    {"extra", WS_FIELD_JSON, offsetof(device, extra), 0, 0, 0, "anything"},
    {"rate", WS_FIELD_DOUBLE, offsetof(device, rate), WS_FIELD_NULLABLE, 0, 1, "share"},
};
enum { N_DEVICE_FIELDS = sizeof(device_fields) / sizeof(device_fields[0]) };

static void test_object_by_table(void **state)
{
    (void)state;
    ws_json_doc *doc =
        parse("{\"n_npus\":4,\"power_w\":0.5,\"is_shared\":true,\"name\":\"x\",\"extra\":[1]}");
    device got = {.rate = 0.25};
    assert_int_equal(ws_json_read_object(ws_json_doc_root(doc), device_fields, N_DEVICE_FIELDS, &got, NULL),
                     WS_OK);
    assert_int_equal(got.n_npus, 4);
    assert_true(got.power_w == 0.5);
    assert_true(got.is_shared);
    assert_string_equal(got.name, "x");
    assert_int_equal(ws_json_size(got.extra), 1);
    assert_true(got.rate == 0.25); /* absent: the default stays */
    ws_json_doc_destroy(&doc);
}

static void test_null_counts_as_absent_where_allowed(void **state)
{
    (void)state;
    ws_json_doc *doc = parse("{\"n_npus\":1,\"name\":null,\"rate\":null}");
    device       got = {.name = "default", .rate = 0.25};
    assert_int_equal(ws_json_read_object(ws_json_doc_root(doc), device_fields, N_DEVICE_FIELDS, &got, NULL),
                     WS_OK);
    assert_string_equal(got.name, "default");
    assert_true(got.rate == 0.25);
    ws_json_doc_destroy(&doc);
}

static void test_only_a_root_names_its_schema(void **state)
{
    (void)state;
    static const ws_field name_only[] = {{"name", WS_FIELD_JSON, 0, 0, 0, 0, "anything"}};
    const struct {
        const char *text;
        ws_status   at_root, at_member;
    } cases[] = {
        {"{\"$schema\":\"s.json\",\"name\":{}}", WS_OK, WS_OK},
        {"{\"$schema\":3,\"name\":{}}", WS_ERR_INPUT, WS_OK},
        {"{\"name\":{\"$schema\":\"s.json\"}}", WS_OK, WS_ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ws_json_doc  *doc  = parse(cases[i].text);
        const ws_json root = ws_json_doc_root(doc);
        ws_json       got;
        assert_int_equal(ws_json_read_object(root, name_only, 1, &got, NULL), cases[i].at_root);
        assert_int_equal(ws_json_read_object(ws_json_member(root, "name"), name_only, 1, &got, NULL),
                         cases[i].at_member);
        ws_json_doc_destroy(&doc);
    }
}

static void test_object_reports_everything(void **state)
{
    (void)state;
    ws_json_doc *doc =
        parse("{\"n_npu\":4,\"power_w\":0,\"is_shared\":null,\"rate\":2,\"colour\":1,\"name\":7}");
    ws_error err = WS_ERROR_INIT;
    device   got = {.power_w = 3.0, .rate = 0.25};
    assert_int_equal(ws_json_read_object(ws_json_doc_root(doc), device_fields, N_DEVICE_FIELDS, &got, &err),
                     WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), "t.json: /n_npu: unknown key, did you mean \"n_npus\"?\n"
                                             "t.json: /power_w: expected number > 0, found 0\n"
                                             "t.json: /is_shared: expected true or false, found null\n"
                                             "t.json: /rate: expected number in 0..1, found 2\n"
                                             "t.json: /colour: unknown key, expected one of n_npus, "
                                             "power_w, is_shared, name, extra, rate\n"
                                             "t.json: /name: expected string, found 7\n"
                                             "t.json: missing key \"n_npus\" (devices)");
    assert_int_equal(err.n_problems, 7);
    assert_true(got.power_w == 3.0 && got.rate == 0.25);
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

static void test_only_objects_are_read_as_objects(void **state)
{
    (void)state;
    ws_json_doc *doc = parse("[1]");
    ws_error     err = WS_ERROR_INIT;
    device       got = {0};
    assert_int_equal(ws_json_read_object(ws_json_doc_root(doc), device_fields, N_DEVICE_FIELDS, &got, &err),
                     WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), "t.json: expected object, found array of 1 elements");
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_object_by_table),
        cmocka_unit_test(test_null_counts_as_absent_where_allowed),
        cmocka_unit_test(test_only_a_root_names_its_schema),
        cmocka_unit_test(test_object_reports_everything),
        cmocka_unit_test(test_only_objects_are_read_as_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
