/* A parsed document holds what the text says; pointers lead to a place and back; duplicate keys are refused.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"

static ws_json_doc *parse(const char *text)
{
    ws_json_doc *doc = NULL;
    ws_error     err = WS_ERROR_INIT;
    if (ws_json_doc_parse("t.json", text, strlen(text), &err, &doc) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return doc;
}

static void check_refused(const char *text, const char *message, size_t n_problems)
{
    ws_json_doc *doc = NULL;
    ws_error     err = WS_ERROR_INIT;
    assert_int_equal(ws_json_doc_parse("t.json", text, strlen(text), &err, &doc), WS_ERR_INPUT);
    assert_null(doc);
    assert_string_equal(ws_error_text(&err), message);
    assert_int_equal(err.n_problems, n_problems);
    ws_error_clear(&err);
}

static const char sample[] = "{ \"a\": [10, {\"x/y\": true, \"t~\": \"text\"}, null], // note\n \"\": 2.5 }";

static void test_looking(void **state)
{
    (void)state;
    ws_json_doc  *doc  = parse(sample);
    const ws_json root = ws_json_doc_root(doc);
    assert_string_equal(ws_json_doc_name(doc), "t.json");
    assert_int_equal(ws_json_kind_of(root), WS_JSON_OBJECT);
    assert_int_equal(ws_json_size(root), 2);
    assert_null(ws_json_key(root));
    const ws_json a = ws_json_member(root, "a");
    assert_string_equal(ws_json_key(a), "a");
    assert_int_equal(ws_json_size(a), 3);
    assert_true(ws_json_number(ws_json_at(a, 0)) == 10.0);
    assert_int_equal(ws_json_kind_of(ws_json_at(a, 2)), WS_JSON_NULL);
    assert_int_equal(ws_json_kind_of(ws_json_at(a, 3)), WS_JSON_ABSENT);
    assert_true(ws_json_bool(ws_json_member(ws_json_at(a, 1), "x/y")));
    assert_string_equal(ws_json_string(ws_json_member(ws_json_at(a, 1), "t~")), "text");
    assert_true(ws_json_number(ws_json_member(root, "")) == 2.5);
    assert_int_equal(ws_json_kind_of(ws_json_member(root, "A")), WS_JSON_ABSENT); /* case counts */
    ws_json_doc_destroy(&doc);
    assert_null(doc);
    ws_json_doc_destroy(&doc);
}

static void test_absent_is_a_legal_argument(void **state)
{
    (void)state;
    char          buf[8];
    const ws_json none = WS_JSON_NONE;
    assert_int_equal(ws_json_size(none), 0);
    assert_null(ws_json_first(none).item);
    assert_null(ws_json_next(none).item);
    assert_null(ws_json_member(none, "a").item);
    assert_null(ws_json_at(none, 1).item);
    assert_null(ws_json_resolve(none, "/a").item);
    assert_null(ws_json_key(none));
    assert_null(ws_json_string(none));
    assert_true(isnan(ws_json_number(none)));
    assert_false(ws_json_bool(none));
    assert_string_equal(ws_json_pointer(none, buf, sizeof(buf)), "");
}

static void test_pointers_lead_there_and_back(void **state)
{
    (void)state;
    static const char *const pointers[] = {"", "/a", "/a/0", "/a/1", "/a/1/x~1y", "/a/1/t~0", "/a/2", "/"};
    ws_json_doc             *doc        = parse(sample);
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        const ws_json place = ws_json_resolve(ws_json_doc_root(doc), pointers[i]);
        char          buf[64];
        assert_non_null(place.item);
        assert_string_equal(ws_json_pointer(place, buf, sizeof(buf)), pointers[i]);
    }
    static const char *const nowhere[] = {"a",    "/b",     "/a/3",     "/a/00", "/a/-1",
                                          "/a/-", "/a/0/0", "/a/1/x/y", "/a/"};
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        assert_null(ws_json_resolve(ws_json_doc_root(doc), nowhere[i]).item);
    }
    ws_json_doc_destroy(&doc);
}

static void test_pointer_is_cut_to_the_buffer(void **state)
{
    (void)state;
    ws_json_doc *doc = parse(sample);
    char         buf[5];
    ws_json_pointer(ws_json_resolve(ws_json_doc_root(doc), "/a/1/t~0"), buf, sizeof(buf));
    assert_string_equal(buf, "/a/1");
    ws_json_doc_destroy(&doc);
}

static void test_messages_name_the_place(void **state)
{
    (void)state;
    ws_json_doc  *doc  = parse(sample);
    const ws_json root = ws_json_doc_root(doc);
    ws_error      err  = WS_ERROR_INIT;
    assert_int_equal(ws_json_expected(ws_json_resolve(root, "/a/0"), &err, "string"), WS_ERR_INPUT);
    assert_int_equal(ws_json_expected(ws_json_resolve(root, "/a"), &err, "object"), WS_ERR_INPUT);
    assert_int_equal(ws_json_expected(ws_json_resolve(root, "/a/1/t~0"), &err, "number"), WS_ERR_INPUT);
    assert_int_equal(ws_json_problem(root, &err, "%d too many", 2), WS_ERR_INPUT);
    assert_int_equal(ws_json_expected(ws_json_member(root, "zz"), &err, "number"), WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), "t.json: /a/0: expected string, found 10\n"
                                             "t.json: /a: expected object, found array of 3 elements\n"
                                             "t.json: /a/1/t~0: expected number, found \"text\"\n"
                                             "t.json: 2 too many\n"
                                             "t.json: expected number, found nothing");
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

static void test_syntax_errors_carry_line_and_column(void **state)
{
    (void)state;
    check_refused("{\n  \"a\": 1\n  \"b\": 2\n}", "t.json:3:3: expected ',' or '}'", 1);
}

static void test_duplicate_keys_are_refused(void **state)
{
    (void)state;
    check_refused("{\"a\":1,\"b\":{\"c\":1,\"c\":2},\"a\":3}",
                  "t.json: /a: duplicate key\nt.json: /b/c: duplicate key", 2);
    ws_json_doc *doc = parse("[{\"a\":1},{\"a\":1}]"); /* the same key in two objects is fine */
    ws_json_doc_destroy(&doc);
}

/* 20000 members take the sorted way; comparing all pairs would need 2e8 comparisons. */
static void test_duplicate_in_a_large_object(void **state)
{
    (void)state;
    ws_strbuf text = WS_STRBUF_INIT;
    ws_strbuf_puts(&text, "{");
    for (int i = 0; i < 20000; i++) {
        ws_strbuf_printf(&text, "\"key%d\":0,", i);
    }
    ws_strbuf good = WS_STRBUF_INIT;
    ws_strbuf_printf(&good, "%s\"last\":0}", ws_strbuf_text(&text));
    ws_json_doc *doc = parse(ws_strbuf_text(&good));
    assert_int_equal(ws_json_size(ws_json_doc_root(doc)), 20001);
    ws_json_doc_destroy(&doc);
    ws_strbuf_puts(&text, "\"key7\":0}");
    check_refused(ws_strbuf_text(&text), "t.json: /key7: duplicate key", 1);
    ws_strbuf_fini(&good);
    ws_strbuf_fini(&text);
}

static void test_copy_is_a_document_of_its_own(void **state)
{
    (void)state;
    ws_json_doc *doc  = parse(sample);
    ws_json_doc *copy = NULL;
    assert_int_equal(ws_json_doc_copy(ws_json_resolve(ws_json_doc_root(doc), "/a/1"), "part", &copy), WS_OK);
    ws_json_doc_destroy(&doc);
    assert_string_equal(ws_json_doc_name(copy), "part");
    assert_null(ws_json_key(ws_json_doc_root(copy)));
    assert_string_equal(ws_json_string(ws_json_member(ws_json_doc_root(copy), "t~")), "text");
    ws_json_doc_destroy(&copy);
    assert_int_equal(ws_json_doc_copy(WS_JSON_NONE, "none", &copy), WS_ERR_ARG);
    assert_null(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looking),
        cmocka_unit_test(test_absent_is_a_legal_argument),
        cmocka_unit_test(test_pointers_lead_there_and_back),
        cmocka_unit_test(test_pointer_is_cut_to_the_buffer),
        cmocka_unit_test(test_messages_name_the_place),
        cmocka_unit_test(test_syntax_errors_carry_line_and_column),
        cmocka_unit_test(test_duplicate_keys_are_refused),
        cmocka_unit_test(test_duplicate_in_a_large_object),
        cmocka_unit_test(test_copy_is_a_document_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
