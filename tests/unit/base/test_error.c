/* The record keeps every problem in order, the status of the first, and counts on where it stops keeping
 * text. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/error.h"

static void test_problems_in_order(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    assert_string_equal(ws_error_text(&err), "");
    assert_int_equal(ws_error_add(&err, WS_ERR_INPUT, "a.json: %d", 7), WS_ERR_INPUT);
    assert_int_equal(ws_error_add(&err, WS_ERR_NOMEM, "b"), WS_ERR_NOMEM);
    assert_string_equal(ws_error_text(&err), "a.json: 7\nb");
    assert_int_equal(err.status, WS_ERR_INPUT);
    assert_int_equal(err.n_problems, 2);
    assert_int_equal(err.text_len, strlen(err.text));
    ws_error_clear(&err);
    assert_string_equal(ws_error_text(&err), "");
    assert_int_equal(err.n_problems, 0);
}

static void test_null_record_passes_status_through(void **state)
{
    (void)state;
    assert_int_equal(ws_error_add(NULL, WS_ERR_IO, "lost"), WS_ERR_IO);
    assert_string_equal(ws_error_text(NULL), "");
    ws_error_clear(NULL);
}

/* Two instances of one kind have the same problem: it is reported once. */
static void test_problems_are_told_once(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    ws_error_add(&err, WS_ERR_INPUT, "b.json: one");
    ws_error_add(&err, WS_ERR_INPUT, "b.json: one and a half");
    ws_error_add(&err, WS_ERR_INPUT, "one");
    assert_int_equal(ws_error_add(&err, WS_ERR_NOMEM, "b.json: %s", "one"), WS_ERR_NOMEM);
    ws_error_add(&err, WS_ERR_INPUT, "one");
    assert_string_equal(ws_error_text(&err), "b.json: one\nb.json: one and a half\none");
    assert_int_equal(err.text_len, strlen(err.text));
    assert_int_equal(err.n_problems, 3);
    ws_error_add(&err, WS_ERR_INPUT, "last");
    assert_string_equal(ws_error_text(&err), "b.json: one\nb.json: one and a half\none\nlast");
    ws_error_clear(&err);
}

static void test_text_is_capped_at_100_lines(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    for (int i = 0; i < 250; i++) {
        ws_error_add(&err, WS_ERR_INPUT, "problem %d", i);
    }
    size_t n_newlines = 0;
    for (const char *at = err.text; *at != '\0'; at++) {
        n_newlines += *at == '\n';
    }
    assert_int_equal(err.n_problems, 250);
    assert_int_equal(n_newlines, 99);
    ws_error_clear(&err);
}

static void control_characters_are_spelled(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    ws_error_add(&err, WS_ERR_INPUT, "a\x1b[2J.json: /n\xc3\xb6");
    assert_string_equal(ws_error_text(&err), "a\\x1b[2J.json: /n\xc3\xb6");
    ws_error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_are_spelled),
        cmocka_unit_test(test_problems_in_order),
        cmocka_unit_test(test_null_record_passes_status_through),
        cmocka_unit_test(test_problems_are_told_once),
        cmocka_unit_test(test_text_is_capped_at_100_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
