/* Cells are what the row says, byte for byte: texts are UTF-8 whatever came in, what is missing is NaN, and
 * ragged rows keep their own number of nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/row_cells.h"
#include "store_fixture.h"

static void check_text(const char *in, size_t len, const char *expected)
{
    char field[64];
    memset(field, 'x', sizeof(field));
    swp_row_put_text(in, field, len);
    assert_true(strlen(expected) <= len);
    assert_memory_equal(field, expected, strlen(expected));
    for (size_t i = strlen(expected); i < len; i++) {
        assert_int_equal(field[i], '\0');
    }
    assert_int_equal(field[len], 'x'); /* nothing beyond the field */
}

static void texts(void **state)
{
    (void)state;
    check_text("abc", 8, "abc");
    check_text("abcdefgh", 8, "abcdefgh"); /* a full field has no NUL */
    check_text("abcdefghi", 8, "abcde...");
    check_text(NULL, 4, "");
    check_text("größe", 7, "größe");      /* 7 bytes */
    check_text("größere", 8, "grö...");   /* never half a character: ß would need bytes 5 and 6 */
    check_text("a\xff\xc3z", 8, "a??z");  /* no UTF-8 */
    check_text("\xed\xa0\x80", 8, "???"); /* a surrogate */
    check_text("\xf0\x9f\x98\x80", 8, "\xf0\x9f\x98\x80");
    check_text("abcd", 2, "..");
}

static void values(void **state)
{
    const swp_column number = {.type = SWP_TYPE_F64, .inner_count = 1, .row_bytes = 8};
    const swp_column flag   = {.type = SWP_TYPE_I8, .inner_count = 1, .row_bytes = 1};
    const swp_value  value  = {.number = 0.5, .integer = 7};
    double           cell   = 0.0;
    int8_t           byte   = -1;

    (void)state;
    swp_row_put_value(&number, SWP_PARAM_DOUBLE, &value, &cell);
    assert_true(cell == 0.5);
    swp_row_put_value(&flag, SWP_PARAM_BOOL, &value, &byte);
    assert_int_equal(byte, 1);
}

static void nodes_beyond_the_jobs_own_are_nan(void **state)
{
    const swp_layout layout                = fixture_layout(1);
    const size_t     start[SWP_AXIS_COUNT] = {0, 11, 22};
    double           cell[FIXTURE_NODES * FIXTURE_NODE_CELLS];
    int64_t          first = 0;
    swp_columns      columns;
    fixture_row      f;

    (void)state;
    assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_OK);
    const swp_row *row = fixture_make(4, &f); /* an even job has one node of two */
    swp_row_put_job(swp_columns_find(&columns, SWP_ROLE_COMPONENT_J, 0), &layout, row, start, cell);
    assert_true(cell[0] == 4200.25); /* job * 1000 + kind 2 * 100 + 0 + 0.25 */
    assert_true(cell[WS_COMPONENT_COUNT - 1] == 4200.25 + WS_COMPONENT_COUNT - 1);
    assert_true(isnan(cell[WS_COMPONENT_COUNT]));
    swp_row_put_job(swp_columns_find(&columns, SWP_ROLE_PHASE_J, 0), &layout, row, start, cell);
    assert_true(cell[FIXTURE_NODE_CELLS - 1] == 6200.25 + FIXTURE_NODE_CELLS - 1);
    for (size_t i = FIXTURE_NODE_CELLS; i < FIXTURE_NODES * FIXTURE_NODE_CELLS; i++) {
        assert_true(isnan(cell[i]));
    }
    swp_row_put_job(swp_columns_find(&columns, SWP_ROLE_SAMPLE_START, 0), &layout, row, start, &first);
    assert_int_equal(first, 11);
    swp_row_put_job(swp_columns_find(&columns, SWP_ROLE_REQUEST_START, 0), &layout, row, start, &first);
    assert_int_equal(first, 22);
    row = fixture_make(3, &f); /* failed: no metrics */
    swp_row_put_job(swp_columns_find(&columns, SWP_ROLE_METRIC, WS_METRIC_ENERGY_J), &layout, row, start,
                    cell);
    assert_true(isnan(cell[0]));
    swp_columns_fini(&columns);
}

static void ragged_rows(void **state)
{
    const swp_layout layout = fixture_layout(1);
    double           cells[2 * FIXTURE_NODES];
    int64_t          tpot_ns[2];
    swp_columns      columns;
    fixture_row      f;

    (void)state;
    assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_OK);
    const swp_row *row = fixture_make(4, &f); /* one node, 4 samples, 4 requests */
    swp_row_put_ragged(swp_columns_find(&columns, SWP_ROLE_NODE_POWER, 0), row, 2, 2, cells);
    assert_true(cells[0] == f.node_power_w[2] && isnan(cells[1]) && cells[2] == f.node_power_w[3] &&
                isnan(cells[3]));
    swp_row_put_ragged(swp_columns_find(&columns, SWP_ROLE_SERIES, WS_SERIES_CXL_MEM_GB), row, 0, 2, cells);
    assert_true(isnan(cells[0]) && isnan(cells[1])); /* a series that does not apply */
    swp_row_put_ragged(swp_columns_find(&columns, SWP_ROLE_REQUEST, 9), row, 1, 2, tpot_ns);
    assert_int_equal(tpot_ns[0], 41);
    assert_int_equal(tpot_ns[1], 42);
    swp_columns_fini(&columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(values),
                                       cmocka_unit_test(nodes_beyond_the_jobs_own_are_nan),
                                       cmocka_unit_test(ragged_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
