/* The text is the concatenation of what was appended, always NUL-terminated, with any bytes inside. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

static void test_appends_concatenate(void **state)
{
    (void)state;
    ws_strbuf buf = WS_STRBUF_INIT;
    assert_string_equal(ws_strbuf_text(&buf), "");
    ws_strbuf_puts(&buf, "a=");
    ws_strbuf_printf(&buf, "%d %s", 12, "W");
    ws_strbuf_append(&buf, "\0z", 2);
    assert_int_equal(buf.len, 8);
    assert_memory_equal(buf.data, "a=12 W\0z", 9);
    assert_false(buf.failed);
    ws_strbuf_fini(&buf);
    assert_null(buf.data);
}

static void test_growth_keeps_the_text(void **state)
{
    (void)state;
    ws_strbuf buf = WS_STRBUF_INIT;
    for (int i = 0; i < 10000; i++) {
        ws_strbuf_printf(&buf, "%04d", i);
    }
    assert_int_equal(buf.len, 40000);
    for (int i = 0; i < 10000; i += 997) {
        char number[5] = {0};
        memcpy(number, buf.data + 4 * (size_t)i, 4);
        assert_int_equal(strtol(number, NULL, 10), i);
    }
    ws_strbuf_fini(&buf);
}

static void test_impossible_size_is_remembered_until_clear(void **state)
{
    (void)state;
    ws_strbuf buf = WS_STRBUF_INIT;
    ws_strbuf_puts(&buf, "kept");
    ws_strbuf_append(&buf, "x", SIZE_MAX / 2);
    ws_strbuf_puts(&buf, "dropped");
    assert_true(buf.failed);
    assert_string_equal(ws_strbuf_text(&buf), "kept");
    ws_strbuf_clear(&buf);
    assert_false(buf.failed);
    ws_strbuf_puts(&buf, "again");
    assert_string_equal(ws_strbuf_text(&buf), "again");
    ws_strbuf_fini(&buf);
}

static void test_copies(void **state)
{
    (void)state;
    char *copy    = ws_strdup("text");
    char *printed = ws_asprintf("%s/%d", "nodes", 3);
    assert_string_equal(copy, "text");
    assert_string_equal(printed, "nodes/3");
    free(copy);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_concatenate),
        cmocka_unit_test(test_growth_keeps_the_text),
        cmocka_unit_test(test_impossible_size_is_remembered_until_clear),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
