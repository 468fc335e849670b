/* Exactly RFC 8259 JSON with `//` comments passes, and what does not is located to the byte. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"

static int scan(const char *text, size_t len, ws_json_scan_error *error)
{
    char *copy = malloc(len + 1);
    memcpy(copy, text, len);
    copy[len]       = '\0';
    const int is_ok = ws__json_scan(copy, len, error);
    free(copy);
    return is_ok;
}

static void check_good(const char *text)
{
    ws_json_scan_error error;
    if (!scan(text, strlen(text), &error)) {
        fail_msg("%s refused: %s at %zu:%zu", text, error.problem, error.line, error.column);
    }
}

static void check_bad(const char *text, size_t line, size_t column, const char *problem)
{
    ws_json_scan_error error;
    if (scan(text, strlen(text), &error)) {
        fail_msg("%s was accepted", text);
    }
    if (error.line != line || error.column != column || strstr(error.problem, problem) == NULL) {
        fail_msg("%s: found \"%s\" at %zu:%zu, expected \"%s\" at %zu:%zu", text, error.problem, error.line,
                 error.column, problem, line, column);
    }
}

static void test_accepts_json(void **state)
{
    (void)state;
    static const char *const good[] = {
        "0",
        "-0",
        "1.5e-3",
        "1E+5",
        "\"\"",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[1,[2],{}]",
        " { \"a\" : 1 } ",
        "\"\\u00e9\\ud83d\\ude00\\n\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "\xef\xbb\xbf[1]",
        "[1, // one\n2]",
        "// first\n1 // last",
        "\"// no comment\"",
        "{\"a\":{\"a\":1}}",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        check_good(good[i]);
    }
}

static void test_refuses_and_locates(void **state)
{
    (void)state;
    check_bad("", 1, 1, "expected a value");
    check_bad("[1,\n 2,\n x]", 3, 2, "expected a value");
    check_bad("[1 2]", 1, 4, "',' or ']'");
    check_bad("[1,]", 1, 4, "expected a value");
    check_bad("{\"a\":1,}", 1, 8, "key in double quotes");
    check_bad("{\"a\" 1}", 1, 6, "':'");
    check_bad("{\"a\":1 \"b\":2}", 1, 8, "',' or '}'");
    check_bad("{a:1}", 1, 2, "key in double quotes");
    check_bad("[1] x", 1, 5, "text after the end");
    check_bad("{} {}", 1, 4, "text after the end");
    check_bad("[", 1, 2, "expected a value");
    check_bad("tru", 1, 1, "expected a value");
    check_bad("NaN", 1, 1, "expected a value");
    check_bad("Infinity", 1, 1, "expected a value");
    check_bad("/* no */ 1", 1, 1, "expected a value");
    check_bad("1 / 2", 1, 3, "text after the end");
}

static void test_numbers(void **state)
{
    (void)state;
    check_bad("01", 1, 2, "begin with 0");
    check_bad("-", 1, 2, "a digit");
    check_bad("+1", 1, 1, "expected a value");
    check_bad(".5", 1, 1, "expected a value");
    check_bad("1.", 1, 3, "after the decimal point");
    check_bad("1e", 1, 3, "in the exponent");
    check_bad("0x10", 1, 2, "text after the end");
    check_bad("[1, 1e999]", 1, 5, "too large");
    check_bad("-1e400", 1, 1, "too large");
    check_good("1e-999"); /* rounds to 0, as IEEE 754 has it */
    char digits[80] = {0};
    memset(digits, '1', 63);
    check_good(digits);
    digits[63] = '1';
    check_bad(digits, 1, 1, "more than 63");
}

static void test_strings(void **state)
{
    (void)state;
    check_bad("\"abc", 1, 5, "ends inside a string");
    check_bad("\"a\nb\"", 1, 3, "line ends");
    check_bad("\"a\tb\"", 1, 3, "control byte");
    check_bad("\"\\x\"", 1, 3, "unknown escape");
    check_bad("\"\\u12g4\"", 1, 4, "four hexadecimal");
    check_bad("\"\\u0000\"", 1, 4, "\\u0000");
    check_bad("\"\\ud800\"", 1, 8, "first half");
    check_bad("\"\\ud800\\u0041\"", 1, 10, "first half");
    check_bad("\"\\udc00\"", 1, 4, "second half");
    check_bad("\"\xff\"", 1, 2, "not UTF-8");
    check_bad("\"\xc0\x80\"", 1, 2, "not UTF-8");         /* overlong NUL */
    check_bad("\"\xed\xa0\x80\"", 1, 2, "not UTF-8");     /* surrogate */
    check_bad("\"\xf4\x90\x80\x80\"", 1, 2, "not UTF-8"); /* above U+10FFFF */
    check_bad("\"\xe2\x82\"", 1, 2, "not UTF-8");         /* cut short */
}

static void test_nul_bytes_are_refused(void **state)
{
    (void)state;
    ws_json_scan_error error;
    assert_false(scan("[1]\0", 4, &error));
    assert_false(scan("\"a\0b\"", 5, &error));
    assert_false(scan("[1,\0 2]", 7, &error));
}

static void test_depth_limit(void **state)
{
    (void)state;
    char text[2 * WS_JSON_MAX_DEPTH + 3] = {0};
    memset(text, '[', WS_JSON_MAX_DEPTH);
    memset(text + WS_JSON_MAX_DEPTH, ']', WS_JSON_MAX_DEPTH);
    check_good(text);
    memset(text, '[', WS_JSON_MAX_DEPTH + 1);
    memset(text + WS_JSON_MAX_DEPTH + 1, ']', WS_JSON_MAX_DEPTH + 1);
    check_bad(text, 1, WS_JSON_MAX_DEPTH + 1, "200 levels");
}

static void test_comments_are_blanked_in_place(void **state)
{
    (void)state;
    char               text[] = "[1, // x\n \"//\"]";
    ws_json_scan_error error;
    assert_true(ws__json_scan(text, strlen(text), &error));
    assert_string_equal(text, "[1,     \n \"//\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_json),
        cmocka_unit_test(test_refuses_and_locates),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_comments_are_blanked_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
