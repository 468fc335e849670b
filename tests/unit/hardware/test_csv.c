/* Invariant: a table gives its fields by column name with the right line numbers, and a decimal text becomes
 * the nearest double, whatever its form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "hardware/csv.h"

static ws__csv open_text(const char *text, ws_error *err)
{
    ws__csv        csv;
    const ws_bytes bytes = {text, strlen(text)};
    assert_int_equal(ws__csv_open(&csv, "t.csv", bytes, err), WS_OK);
    return csv;
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    ws__csv  csv = open_text("b,extra,a\r\n1,x,2.5\r\n\r\n-3,,1e3", &err);
    int      a, b;
    bool     has_row;
    int64_t  n;
    double   x;
    assert_int_equal(ws__csv_require(&csv, "a", &a), WS_OK);
    assert_int_equal(ws__csv_require(&csv, "b", &b), WS_OK);
    assert_int_equal(ws__csv_column(&csv, "c"), -1);
    assert_int_equal(ws__csv_next(&csv, &has_row), WS_OK);
    assert_true(has_row);
    assert_int_equal(ws__csv_int(&csv, b, 0, 10, &n), WS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(ws__csv_double(&csv, a, 0, 10, &x), WS_OK);
    assert_true(x == 2.5);
    assert_int_equal(ws__csv_next(&csv, &has_row), WS_OK);
    assert_true(has_row);
    assert_int_equal(csv.line, 4);
    assert_int_equal(ws__csv_int(&csv, b, 0, 10, &n), WS_ERR_INPUT);
    assert_int_equal(n, 1); /* untouched */
    assert_string_equal(ws_error_text(&err),
                        "t.csv: line 4: b: expected an integer from 0 to 10, found \"-3\"");
    assert_int_equal(ws__csv_double(&csv, a, 0, 1e4, &x), WS_OK);
    assert_true(x == 1000.0);
    assert_int_equal(ws__csv_next(&csv, &has_row), WS_OK);
    assert_false(has_row);
    ws_error_clear(&err);
}

static void decimals_are_read_as_strtod_reads_them(void **state)
{
    (void)state;
    static const char *const odd[] = {"0",
                                      "0.0",
                                      "7",
                                      ".5",
                                      "5.",
                                      "714.006",
                                      "8.35233",
                                      "1e-3",
                                      "-2.5",
                                      "+4",
                                      "123456789012345",
                                      "1234567890123456789",
                                      "0.1234567890123456789",
                                      "9007199254740993",
                                      "1.7976931348623157e308"};
    static const char *const bad[] = {"",     ".",  "-",  "e5",  "1e",    "nan", "inf",
                                      "0x10", " 1", "1 ", "1,5", "1e999", "--1", "1.2.3"};
    double                   x;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_true(ws__parse_decimal(odd[i], strlen(odd[i]), &x));
        assert_true(x == strtod(odd[i], NULL));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ws__parse_decimal(bad[i], strlen(bad[i]), &x));
    }
    ws_rng rng;
    ws_rng_seed(&rng, 3);
    for (int i = 0; i < 20000; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%.*f", (int)ws_rng_below(&rng, 9), ws_rng_uniform(&rng) * 1e6);
        assert_true(ws__parse_decimal(text, strlen(text), &x));
        assert_true(x == strtod(text, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(decimals_are_read_as_strtod_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
