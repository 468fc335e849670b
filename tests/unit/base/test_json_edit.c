/* Merge patches do what RFC 7396 lists; a failed edit changes nothing. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"

static ws_json_doc *parse(const char *text)
{
    ws_json_doc *doc = NULL;
    ws_error     err = WS_ERROR_INIT;
    if (ws_json_doc_parse("t.json", text, strlen(text), &err, &doc) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return doc;
}

static void check_text(const ws_json_doc *doc, const char *expected)
{
    char *text = ws_json_print(ws_json_doc_root(doc), false);
    assert_string_equal(text, expected);
    free(text);
}

/* The table of RFC 7396, appendix A. */
static void test_merge_patch_table(void **state)
{
    (void)state;
    static const struct {
        const char *target, *patch, *result;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ws_json_doc *target = parse(cases[i].target);
        ws_json_doc *patch  = parse(cases[i].patch);
        assert_int_equal(ws_json_merge_patch(target, ws_json_doc_root(patch), NULL), WS_OK);
        ws_json_doc_destroy(&patch);
        check_text(target, cases[i].result);
        ws_json_doc_destroy(&target);
    }
}

static void check_set(const char *pointer, const char *expected)
{
    ws_json_doc *doc = parse("{\"a\":[1,{\"b\":2}],\"c/d\":3}");
    assert_int_equal(ws_json_set_number(doc, pointer, 9.0, NULL), WS_OK);
    check_text(doc, expected);
    ws_json_doc_destroy(&doc);
}

static void test_set(void **state)
{
    (void)state;
    check_set("/a/0", "{\"a\":[9,{\"b\":2}],\"c/d\":3}");
    check_set("/a/1", "{\"a\":[1,9],\"c/d\":3}");
    check_set("/a/-", "{\"a\":[1,{\"b\":2},9],\"c/d\":3}");
    check_set("/a/1/b", "{\"a\":[1,{\"b\":9}],\"c/d\":3}");
    check_set("/a/1/x~0y", "{\"a\":[1,{\"b\":2,\"x~y\":9}],\"c/d\":3}");
    check_set("/c~1d", "{\"a\":[1,{\"b\":2}],\"c/d\":9}");
    check_set("/new", "{\"a\":[1,{\"b\":2}],\"c/d\":3,\"new\":9}");
    check_set("", "9");
}

static void check_set_refused(const char *pointer, double number, const char *message)
{
    static const char before[] = "{\"a\":[1,{\"b\":2}],\"s\":\"t\"}";
    ws_json_doc      *doc      = parse(before);
    ws_error          err      = WS_ERROR_INIT;
    assert_int_equal(ws_json_set_number(doc, pointer, number, &err), WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), message);
    check_text(doc, before);
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

static void test_bad_edits_change_nothing(void **state)
{
    (void)state;
    check_set_refused("a", 1.0, "t.json: a: a JSON Pointer must begin with '/'");
    check_set_refused("/x/y", 1.0, "t.json: /x/y: the place it would be put in does not exist");
    check_set_refused("/s/y", 1.0, "t.json: /s/y: the place it would be put in is no object or array");
    check_set_refused("/a/2", 1.0, "t.json: /a/2: no such array index (\"-\" appends)");
    check_set_refused("/a/b", 1.0, "t.json: /a/b: no such array index (\"-\" appends)");
    check_set_refused("/s", NAN, "t.json: /s: expected a finite number");
}

static void test_set_copies_the_value(void **state)
{
    (void)state;
    ws_json_doc  *doc  = parse("{\"a\":{\"k\":[1]},\"list\":[0]}");
    const ws_json from = ws_json_resolve(ws_json_doc_root(doc), "/a/k");
    assert_int_equal(ws_json_set(doc, "/list/0", from, NULL), WS_OK);
    assert_int_equal(ws_json_set_string(doc, "/a/k/0", "x", NULL), WS_OK);
    check_text(doc, "{\"a\":{\"k\":[\"x\"]},\"list\":[[1]]}");
    assert_null(ws_json_key(ws_json_resolve(ws_json_doc_root(doc), "/list/0"))); /* elements have no key */
    ws_json_doc_destroy(&doc);
}

static void test_depth_stays_bounded(void **state)
{
    (void)state;
    char text[2 * WS_JSON_MAX_DEPTH + 1] = {0};
    memset(text, '[', WS_JSON_MAX_DEPTH);
    memset(text + WS_JSON_MAX_DEPTH, ']', WS_JSON_MAX_DEPTH);
    ws_json_doc *deep = parse(text);
    ws_json_doc *doc  = parse("[0]");
    ws_error     err  = WS_ERROR_INIT;
    assert_int_equal(ws_json_set(doc, "/0", ws_json_doc_root(deep), &err), WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), "t.json: /0: nested more than 200 levels deep");
    assert_int_equal(ws_json_set(doc, "/0", ws_json_at(ws_json_doc_root(deep), 0), &err), WS_OK);
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
    ws_json_doc_destroy(&deep);
}

static void test_remove(void **state)
{
    (void)state;
    ws_json_doc *doc = parse("{\"a\":[1,2,3],\"b\":{\"c\":4}}");
    ws_json_remove(doc, "/a/1");
    ws_json_remove(doc, "/b/c");
    ws_json_remove(doc, "/b/none");
    ws_json_remove(doc, "/none/none");
    ws_json_remove(doc, "");
    check_text(doc, "{\"a\":[1,3],\"b\":{}}");
    ws_json_doc_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_patch_table),        cmocka_unit_test(test_set),
        cmocka_unit_test(test_bad_edits_change_nothing), cmocka_unit_test(test_set_copies_the_value),
        cmocka_unit_test(test_depth_stays_bounded),      cmocka_unit_test(test_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
