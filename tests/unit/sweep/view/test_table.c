/* The same cells in four forms: aligned for people, and for programs such that nothing in a cell can break
 * the form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "view/table.h"

static void check(swp_table_format format, const char *expected)
{
    char     *text = NULL;
    size_t    len  = 0;
    FILE     *out  = open_memstream(&text, &len);
    swp_table table;

    swp_table_begin(&table, out, format, 2);
    swp_table_heading(&table, "name", "", false);
    swp_table_heading(&table, "power", "W", true);
    swp_table_cell(&table, "größe, \"a\"\tb");
    swp_table_cell(&table, "12.5");
    swp_table_cell(&table, "x");
    swp_table_cell(&table, "");
    assert_int_equal(swp_table_end(&table, NULL), WS_OK);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void four_forms(void **state)
{
    (void)state;
    check(SWP_TABLE_TEXT, "name             power [W]\n"
                          "größe, \"a\"\\x09b       12.5\n"
                          "x                         \n");
    check(SWP_TABLE_TSV, "name\tpower\ngröße, \"a\" b\t12.5\nx\t\n");
    check(SWP_TABLE_CSV, "name,power\n\"größe, \"\"a\"\"\tb\",12.5\nx,\n");
    check(SWP_TABLE_JSON, "[\n  {\"name\": \"größe, \\\"a\\\"\\u0009b\", \"power\": 12.5},\n"
                          "  {\"name\": \"x\", \"power\": null}\n]\n");
}

/* One text and one number in a row, in a form. */
static void check_row(swp_table_format format, const char *name, const char *number, const char *expected)
{
    char     *text = NULL;
    size_t    len  = 0;
    FILE     *out  = open_memstream(&text, &len);
    swp_table table;
    swp_table_begin(&table, out, format, 2);
    swp_table_heading(&table, "a", "", false);
    swp_table_heading(&table, "b", "", true);
    swp_table_cell(&table, name);
    swp_table_cell(&table, number);
    assert_int_equal(swp_table_end(&table, NULL), WS_OK);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void no_cell_is_a_formula(void **state)
{
    (void)state;
    check_row(SWP_TABLE_CSV, "=1+2", "-3", "a,b\n'=1+2,-3\n");
    check_row(SWP_TABLE_CSV, "@SUM(A1,\"x\")", "-3e-05", "a,b\n\"'@SUM(A1,\"\"x\"\")\",-3e-05\n");
    check_row(SWP_TABLE_CSV, "-2+3", "+1", "a,b\n'-2+3,+1\n");
    check_row(SWP_TABLE_CSV, "-2", "1", "a,b\n-2,1\n"); /* a number, though the column is text */
    check_row(SWP_TABLE_CSV, "\t=1", "1", "a,b\n\"'\t=1\",1\n");
    check_row(SWP_TABLE_TSV, "+x", "1", "a\tb\n'+x\t1\n");
    check_row(SWP_TABLE_JSON, "=1", "1", "[\n  {\"a\": \"=1\", \"b\": 1}\n]\n");
}

static void nothing_steers_a_terminal(void **state)
{
    (void)state;
    check_row(SWP_TABLE_TEXT, "x\x1b[2J", "1", "a         b\nx\\x1b[2J  1\n");
    check_row(SWP_TABLE_CSV, "x\x1b[2J\xff", "1", "a,b\nx\\x1b[2J\\xff,1\n");
    check_row(SWP_TABLE_CSV, "two\nlines", "1", "a,b\n\"two\nlines\",1\n");
    check_row(SWP_TABLE_JSON, "\x1b\xff\x7f", "1", "[\n  {\"a\": \"\\u001b\\ufffd\\u007f\", \"b\": 1}\n]\n");
}

static void lists(void **state)
{
    static const struct {
        swp_table_format format;
        const char      *expected;
    } rows[] = {{SWP_TABLE_JSON, "[\n  {\"jobs\": [3, -4]},\n  {\"jobs\": []}\n]\n"},
                {SWP_TABLE_CSV, "jobs\n3 -4\n\n"},
                {SWP_TABLE_TSV, "jobs\n3 -4\n\n"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char     *text = NULL;
        size_t    len  = 0;
        FILE     *out  = open_memstream(&text, &len);
        swp_table table;
        swp_table_begin(&table, out, rows[i].format, 1);
        swp_table_heading(&table, "jobs", "", false);
        swp_table_list(&table, (const int64_t[]){3, -4}, 2);
        swp_table_list(&table, NULL, 0);
        assert_int_equal(swp_table_end(&table, NULL), WS_OK);
        fclose(out);
        assert_string_equal(text, rows[i].expected);
        free(text);
    }
}

static void no_rows(void **state)
{
    char     *text = NULL;
    size_t    len  = 0;
    FILE     *out  = open_memstream(&text, &len);
    swp_table table;

    (void)state;
    swp_table_begin(&table, out, SWP_TABLE_JSON, 1);
    swp_table_heading(&table, "job", "", true);
    assert_int_equal(swp_table_end(&table, NULL), WS_OK);
    fclose(out);
    assert_string_equal(text, "[]\n");
    free(text);
}

static void output_that_cannot_be_written(void **state)
{
    FILE     *out = fopen("/dev/full", "w");
    ws_error  err = WS_ERROR_INIT;
    swp_table table;

    (void)state;
    if (out == NULL) {
        skip();
    }
    swp_table_begin(&table, out, SWP_TABLE_CSV, 1);
    swp_table_heading(&table, "job", "", true);
    swp_table_cell(&table, "1");
    assert_int_equal(swp_table_end(&table, &err), WS_ERR_IO);
    ws_error_clear(&err);
    fclose(out);
}

/* The names of an option's choices, in the order of the enum. */
static void formats(void **state)
{
    (void)state;
    assert_string_equal(swp_table_formats[SWP_TABLE_TEXT], "text");
    assert_string_equal(swp_table_formats[SWP_TABLE_TSV], "tsv");
    assert_string_equal(swp_table_formats[SWP_TABLE_CSV], "csv");
    assert_string_equal(swp_table_formats[SWP_TABLE_JSON], "json");
    assert_null(swp_table_formats[SWP_TABLE_JSON + 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_cell_is_a_formula),
                                       cmocka_unit_test(nothing_steers_a_terminal),
                                       cmocka_unit_test(four_forms),
                                       cmocka_unit_test(lists),
                                       cmocka_unit_test(no_rows),
                                       cmocka_unit_test(output_that_cannot_be_written),
                                       cmocka_unit_test(formats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
