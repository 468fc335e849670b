/* Invariants: a text is a value of its domain or it is refused whole; both bounds belong to the domain; what
 * was expected is said in words. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/value_text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const colours[] = {"red", "GREEN", NULL};

static const ws_value_domain small_int = {.kind = WS_VALUE_INT, .min = -2, .max = 8};
static const ws_value_domain any_int   = {.kind = WS_VALUE_INT, .min = 0, .max = INFINITY};
static const ws_value_domain share     = {.kind = WS_VALUE_NUMBER, .min = 0, .max = 1};
static const ws_value_domain any_size  = {.kind = WS_VALUE_NUMBER, .min = 0, .max = INFINITY};
static const ws_value_domain truth     = {.kind = WS_VALUE_BOOL};
static const ws_value_domain colour    = {.kind = WS_VALUE_CHOICE, .choices = colours};
static const ws_value_domain minute    = {.kind = WS_VALUE_SECONDS, .min = 1e-9, .max = 60};

static ws_value need(const ws_value_domain *domain, const char *text)
{
    ws_value value = {.integer = 0};
    if (!ws_value_parse(domain, text, &value)) {
        fail_msg("'%s' was refused", text);
    }
    return value;
}

static void refuse(const ws_value_domain *domain, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ws_value value;
        if (ws_value_parse(domain, texts[i], &value)) {
            fail_msg("'%s' was taken", texts[i]);
        }
    }
}

static void integers(void **state)
{
    (void)state;
    static const char *const bad[]  = {"", "9", "-3", "1.0", "1e0", "x", "1x", " ", "+", "- 1", "0x1", " 1"};
    static const char *const huge[] = {"-1", "9223372036854775808", "99999999999999999999"};
    assert_int_equal(need(&small_int, "-2").integer, -2);
    assert_int_equal(need(&small_int, "+8").integer, 8);
    assert_int_equal(need(&any_int, "9223372036854775807").integer, INT64_MAX);
    refuse(&small_int, bad, COUNT_OF(bad) - 1);
    refuse(&any_int, huge, COUNT_OF(huge));
}

static void numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "1.1", "-1e-9", "nan", "inf", "1x", "x"};
    static const char *const any[] = {"inf", "-1", "nan", "1e999"};
    assert_true(need(&share, "0").number == 0.0 && need(&share, "1").number == 1.0);
    assert_true(need(&share, "2.5e-1").number == 0.25);
    assert_true(need(&any_size, "1e300").number == 1e300);
    refuse(&share, bad, COUNT_OF(bad));
    refuse(&any_size, any, COUNT_OF(any));
}

static void truths_and_choices(void **state)
{
    (void)state;
    static const char *const not_true[]   = {"", "2", "maybe", "truee"};
    static const char *const not_colour[] = {"", "blue", "re", "redd"};
    assert_true(need(&truth, "true").truth && need(&truth, "YES").truth && need(&truth, "on").truth);
    assert_false(need(&truth, "0").truth || need(&truth, "No").truth || need(&truth, "off").truth);
    assert_int_equal(need(&colour, "red").integer, 0);
    assert_int_equal(need(&colour, "green").integer, 1);
    refuse(&truth, not_true, COUNT_OF(not_true));
    refuse(&colour, not_colour, COUNT_OF(not_colour));
}

static void durations(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "0s", "61", "2min", "-1s", "soon", "inf", ""};
    assert_true(need(&minute, "1").number == 1.0 && need(&minute, "1m").number == 60.0);
    assert_true(need(&minute, "250ms").number == 0.25);
    refuse(&minute, bad, COUNT_OF(bad));
}

static void what_was_expected(void **state)
{
    (void)state;
    static const struct {
        const ws_value_domain *domain;
        const char            *text;
    } cases[] = {{&small_int, "integer from -2 to 8"},
                 {&any_int, "integer >= 0"},
                 {&share, "number from 0 to 1"},
                 {&truth, "true or false"},
                 {&colour, "one of red, GREEN"},
                 {&minute, "duration in s, or with a unit (\"100ms\"), from 1e-09 to 60"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ws_strbuf out = WS_STRBUF_INIT;
        ws_value_put_expected(cases[i].domain, &out);
        assert_string_equal(ws_strbuf_text(&out), cases[i].text);
        ws_strbuf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),           cmocka_unit_test(numbers),
        cmocka_unit_test(truths_and_choices), cmocka_unit_test(durations),
        cmocka_unit_test(what_was_expected),
    };
    return cmocka_run_group_tests_name("base.value_text", tests, NULL, NULL);
}
