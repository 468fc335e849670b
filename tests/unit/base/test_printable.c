/* Invariants: UTF-8 that a terminal shows stays byte for byte; what steers one never comes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/printable.h"

static void check(const char *text, const char *keep, const char *expected)
{
    ws_strbuf out = WS_STRBUF_INIT;
    ws_printable_append(&out, text, keep);
    assert_string_equal(ws_strbuf_text(&out), expected);
    assert_int_equal(ws_is_printable(text, keep), strcmp(text, expected) == 0);
    ws_strbuf_fini(&out);
}

static void utf8_stays(void **state)
{
    (void)state;
    check("", "", "");
    check("plain ~ text", "", "plain ~ text");
    check("Gr\xc3\xb6\xc3\x9f"
          "e \xe2\x82\xac \xf0\x9f\x94\x8b",
          "",
          "Gr\xc3\xb6\xc3\x9f"
          "e \xe2\x82\xac \xf0\x9f\x94\x8b");
}

static void controls_are_spelled(void **state)
{
    (void)state;
    check("a\x1b[2Jb", "", "a\\x1b[2Jb");
    check("\x1b]0;title\x07", "", "\\x1b]0;title\\x07");
    check("a\rb\x08\x7f", "", "a\\x0db\\x08\\x7f");
    check("a\nb\tc", "\n\t", "a\nb\tc");
    check("a\nb\tc", "", "a\\x0ab\\x09c");
    check("\xc2\x9b"
          "2J",
          "", "\\u009b2J"); /* the one-character CSI */
    check("a\xe2\x80\xae!", "", "a\\u202e!");
    check("a\xe2\x80\xa8", "\n", "a\\u2028");
}

static void broken_utf8_is_spelled(void **state)
{
    (void)state;
    check("a\xff", "", "a\\xff");
    check("\xc3", "", "\\xc3");          /* cut */
    check("\xc0\x9b", "", "\\xc0\\x9b"); /* overlong ESC */
    check("\xed\xa0\x80", "", "\\xed\\xa0\\x80");
    check("\x9b"
          "2J",
          "", "\\x9b2J");
    check("\xf5\x80\x80\x80", "", "\\xf5\\x80\\x80\\x80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_stays),
        cmocka_unit_test(controls_are_spelled),
        cmocka_unit_test(broken_utf8_is_spelled),
    };
    return cmocka_run_group_tests_name("base.printable", tests, NULL, NULL);
}
