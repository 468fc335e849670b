/* Durations read to the nearest nanosecond or not at all; printed doubles read back bit for bit. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double      bare_unit_s;
        int64_t     ns;
    } cases[] = {
        {"18s", 1.0, 18 * WS_NS_PER_S},
        {"250us", 1.0, 250000},
        {"1.5 ms", 1.0, 1500000},
        {"20 ns", 1.0, 20},
        {"2min", 1.0, 120 * WS_NS_PER_S},
        {"1h", 1.0, 3600 * WS_NS_PER_S},
        {"1", 1.0, WS_NS_PER_S},
        {"18", 1e-9, 18},
        {"0.1", 1.0, 100000000},
        {" 7 s ", 1.0, 7 * WS_NS_PER_S},
        {"1e3ns", 1.0, 1000},
        {".5s", 1.0, 500000000},
        {"0.6ns", 1.0, 1},
        {"0", 1.0, 0},
        {"9223372036s", 1.0, 9223372036000000000},
        {"5m", 1.0, 300 * WS_NS_PER_S},
        {"1h30m", 1.0, 5400 * WS_NS_PER_S},
        {" 1 h 30 min 5s ", 1.0, 5405 * WS_NS_PER_S},
        {"2d", 1.0, 172800 * WS_NS_PER_S},
        {"1s5ms", 1.0, 1005000000},
        {"00:10:00", 1.0, 600 * WS_NS_PER_S},
        {"4:00:00", 1e-9, 14400 * WS_NS_PER_S},
        {" 1-12:00:01 ", 1.0, 129601 * WS_NS_PER_S},
        {"100:00:59", 1.0, 360059 * WS_NS_PER_S},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ns = -1;
        assert_int_equal(ws_duration_parse(cases[i].text, cases[i].bare_unit_s, &ns), WS_OK);
        assert_int_equal(ns, cases[i].ns);
    }
}

/* What a user wrote in seconds comes back as the same number. */
static void test_seconds_are_the_nearest_number(void **state)
{
    (void)state;
    assert_true(ws_seconds(60 * WS_NS_PER_S) == 60.0);
    assert_true(ws_seconds(18) == 1.8e-8);
    for (int64_t ms = 1; ms < 100000; ms += 7) {
        assert_true(ws_seconds(ms * WS_NS_PER_MS) == (double)ms / 1000.0);
    }
}

static void test_bad_durations_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "s",           "-1s",     "1 parsec", "nan",      "inf",           "0x10",     "1e999",
        "1s2",    "1 s s",       "9.3e9s",  "+1",       "1S",       "1e300h",        "e5",       ".",
        "30m1h",  "1m1min",      "1h30",    "30 1h",    "1:2:3",    "00:60:00",      "00:00:60", "10:00",
        ":00:00", "00:00:00:00", "1-00:00", "-1:00:00", "00:1O:00", "9999999:00:00", "1 :00:00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ns = 77;
        if (ws_duration_parse(bad[i], 1.0, &ns) != WS_ERR_INPUT || ns != 77) {
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)ns);
        }
    }
}

static void test_has_unit(void **state)
{
    (void)state;
    assert_true(ws_duration_has_unit("18s"));
    assert_true(ws_duration_has_unit("18 ms "));
    assert_true(ws_duration_has_unit("00:10:00"));
    assert_false(ws_duration_has_unit("18"));
    assert_false(ws_duration_has_unit("1e5 "));
    assert_false(ws_duration_has_unit(""));
}

static void check_repr(double value, const char *expected)
{
    char buf[32];
    assert_string_equal(ws_double_repr(value, buf), expected);
}

/* Each expected text is what Python 3 prints for repr() of the number. */
static void test_repr_is_pythons(void **state)
{
    (void)state;
    check_repr(636.32, "636.32");
    check_repr(1e-5, "1e-05");
    check_repr(35.0, "35.0");
    check_repr(0.0, "0.0");
    check_repr(-0.0, "-0.0");
    check_repr(0.0001, "0.0001");
    check_repr(1e15, "1000000000000000.0");
    check_repr(1e16, "1e+16");
    check_repr(123456789012345680.0, "1.2345678901234568e+17");
    check_repr(0.1 + 0.2, "0.30000000000000004");
    check_repr(1.0 / 3.0, "0.3333333333333333");
    check_repr(5e-324, "5e-324");
    check_repr(1.7976931348623157e308, "1.7976931348623157e+308");
    check_repr(-2.5e-100, "-2.5e-100");
    check_repr(0x1p-24,
               "5.960464477539063e-08"); /* powers of two, where the nearest 16 digits are not enough */
    check_repr(0x1p89, "6.189700196426902e+26");
    check_repr(9007199254740993.0, "9007199254740992.0");
    check_repr(INFINITY, "inf");
    check_repr(-INFINITY, "-inf");
    check_repr(NAN, "nan");
}

static void test_repr_reads_back(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 5);
    for (int i = 0; i < 100000; i++) {
        const uint64_t bits = (uint64_t)ws_rng_u32(&rng) << 32 | ws_rng_u32(&rng);
        double         value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        char buf[32];
        ws_double_repr(value, buf);
        assert_true(strlen(buf) < sizeof(buf));
        if (strtod(buf, NULL) != value) {
            fail_msg("%a printed as %s", value, buf);
        }
    }
}

static void check_human(double value, const char *expected)
{
    char buf[32];
    assert_string_equal(ws_human_count(value, buf), expected);
}

static void test_human_counts(void **state)
{
    (void)state;
    check_human(0.0, "0");
    check_human(420.0, "420");
    check_human(1234.0, "1.2k");
    check_human(3.4e6, "3.4M");
    check_human(8.0, "8");
    check_human(12.34, "12.3");
    check_human(99.96, "100");
    check_human(999.6, "1k");
    check_human(123456.0, "123k");
    check_human(2e9, "2G");
    check_human(0.042, "0.042");
    check_human(-1500.0, "-1.5k");
    check_human(1e25, "1e+25");
    check_human(INFINITY, "inf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_bad_durations_change_nothing),
        cmocka_unit_test(test_seconds_are_the_nearest_number),
        cmocka_unit_test(test_has_unit),
        cmocka_unit_test(test_repr_is_pythons),
        cmocka_unit_test(test_repr_reads_back),
        cmocka_unit_test(test_human_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
