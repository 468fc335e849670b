/* What is written parses back to the same values, number for number, in either layout. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/rng.h"

static ws_json_doc *parse(const char *text)
{
    ws_json_doc *doc = NULL;
    ws_error     err = WS_ERROR_INIT;
    if (ws_json_doc_parse("t.json", text, strlen(text), &err, &doc) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return doc;
}

static void write_sample(ws_strbuf *out, int indent)
{
    static const double values[] = {1.0, 9.0, 0.5, 9.0};
    ws_json_writer      w;
    ws_json_writer_init(&w, out, indent);
    ws_json_begin_object(&w);
    ws_json_put_key(&w, "text");
    ws_json_put_string(&w, "a\"\\\n\x01/\xc3\xa9");
    ws_json_put_key(&w, "list");
    ws_json_begin_array(&w);
    ws_json_put_int(&w, INT64_MAX);
    ws_json_put_bool(&w, true);
    ws_json_put_null(&w);
    ws_json_put_double(&w, NAN);
    ws_json_begin_object(&w);
    ws_json_end_object(&w);
    ws_json_end_array(&w);
    ws_json_put_key(&w, "values");
    ws_json_put_doubles(&w, values, 2, 2);
    ws_json_put_key(&w, "none");
    ws_json_put_string(&w, NULL);
    ws_json_end_object(&w);
}

static void test_compact(void **state)
{
    (void)state;
    ws_strbuf out = WS_STRBUF_INIT;
    write_sample(&out, 0);
    assert_string_equal(
        ws_strbuf_text(&out),
        "{\"text\":\"a\\\"\\\\\\n\\u0001/\xc3\xa9\",\"list\":[9223372036854775807,true,null,null,{}],"
        "\"values\":[1,0.5],\"none\":null}");
    ws_strbuf_fini(&out);
}

static void test_indented(void **state)
{
    (void)state;
    ws_strbuf out = WS_STRBUF_INIT;
    write_sample(&out, 2);
    assert_string_equal(ws_strbuf_text(&out), "{\n"
                                              "  \"text\": \"a\\\"\\\\\\n\\u0001/\xc3\xa9\",\n"
                                              "  \"list\": [\n"
                                              "    9223372036854775807,\n"
                                              "    true,\n"
                                              "    null,\n"
                                              "    null,\n"
                                              "    {}\n"
                                              "  ],\n"
                                              "  \"values\": [1,0.5],\n"
                                              "  \"none\": null\n"
                                              "}");
    ws_strbuf_fini(&out);
}

static void test_numbers_read_back_exactly(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 8);
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = (uint64_t)ws_rng_u32(&rng) << 32 | ws_rng_u32(&rng);
        double         value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        ws_strbuf      out = WS_STRBUF_INIT;
        ws_json_writer w;
        ws_json_writer_init(&w, &out, 0);
        ws_json_put_double(&w, value);
        ws_json_doc *doc = parse(ws_strbuf_text(&out));
        if (ws_json_number(ws_json_doc_root(doc)) != value) {
            fail_msg("%a was written as %s", value, ws_strbuf_text(&out));
        }
        ws_json_doc_destroy(&doc);
        ws_strbuf_fini(&out);
    }
}

static void check_number(double value, const char *expected)
{
    ws_strbuf      out = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &out, 0);
    ws_json_put_double(&w, value);
    assert_string_equal(ws_strbuf_text(&out), expected);
    ws_strbuf_fini(&out);
}

static void test_numbers_are_short(void **state)
{
    (void)state;
    check_number(0.1, "0.1");
    check_number(35.0, "35");
    check_number(9007199254740992.0, "9007199254740992");
    check_number(1e15, "1000000000000000");
    check_number(-0.0, "-0");
    check_number(0.1 + 0.2, "0.30000000000000004");
    check_number(1e300, "1e+300");
    check_number(INFINITY, "null");
}

static void test_print_is_the_inverse_of_parse(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,2.5,\"x\\ty\"],\"b\":{\"c\":[],\"d\":[{\"e\":null}]},\"f\":[true,false]}";
    ws_json_doc *doc    = parse(text);
    char        *print  = ws_json_print(ws_json_doc_root(doc), false);
    char        *pretty = ws_json_print(ws_json_doc_root(doc), true);
    assert_string_equal(print, text);
    ws_json_doc *again = parse(pretty);
    free(print);
    print = ws_json_print(ws_json_doc_root(again), false);
    assert_string_equal(print, text);
    assert_non_null(strstr(pretty, "\n  \"a\": [1,2.5,\"x\\ty\"],\n")); /* plain arrays keep one line */
    free(print);
    free(pretty);
    ws_json_doc_destroy(&again);
    ws_json_doc_destroy(&doc);
}

static void test_deepest_document_prints(void **state)
{
    (void)state;
    char text[401] = {0};
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    ws_json_doc *doc   = parse(text);
    char        *print = ws_json_print(ws_json_doc_root(doc), false);
    assert_string_equal(print, text);
    free(print);
    ws_json_doc_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_indented),
        cmocka_unit_test(test_numbers_read_back_exactly),
        cmocka_unit_test(test_numbers_are_short),
        cmocka_unit_test(test_print_is_the_inverse_of_parse),
        cmocka_unit_test(test_deepest_document_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
