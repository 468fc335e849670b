/* The table of columns follows from the layout: every metric, series and parameter has its column with its
 * unit, paths are unique, and a cell moved to a wider layout keeps its values and gains only "nothing here".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "result/columns.h"
#include "store_fixture.h"

static void table_of_the_fixture(void **state)
{
    const swp_layout layout = fixture_layout(10);
    swp_columns      columns;

    (void)state;
    assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_OK);
    for (size_t i = 0; i < columns.n; i++) {
        assert_ptr_equal(swp_columns_by_path(&columns, columns.list[i].path), &columns.list[i]);
        assert_ptr_equal(swp_columns_find(&columns, columns.list[i].role, columns.list[i].index),
                         &columns.list[i]);
        assert_true(columns.list[i].row_bytes > 0);
    }
    assert_string_equal(columns.list[columns.state].path, "/state");
    assert_string_equal(swp_columns_by_path(&columns, "/metrics/power_mean_w")->unit, "W");
    assert_string_equal(swp_columns_by_path(&columns, "/params/p1_standby_duration")->unit, "s");
    assert_int_equal(swp_columns_by_path(&columns, "/energy/component_j")->inner_count,
                     FIXTURE_NODES * WS_COMPONENT_COUNT);
    assert_int_equal(swp_columns_by_path(&columns, "/energy/phase_j")->inner_count,
                     FIXTURE_NODES * FIXTURE_NODE_CELLS);
    assert_int_equal(swp_columns_by_path(&columns, "/requests/tpot_ns")->type, SWP_TYPE_I64);
    assert_int_equal(swp_columns_by_path(&columns, "/requests/energy_j")->type, SWP_TYPE_F64);
    assert_string_equal(swp_columns_by_path(&columns, "/requests/energy_j")->unit, "J");
    assert_int_equal(swp_columns_by_path(&columns, "/timeseries/power_w")->axis, SWP_AXIS_SAMPLE);
    assert_null(swp_columns_by_path(&columns, "/metrics/nonsense"));
    swp_columns_fini(&columns);
}

static void groups_can_be_left_out(void **state)
{
    swp_layout  layout = fixture_layout(10);
    swp_columns columns;

    (void)state;
    layout.has_series = layout.has_requests = false;
    assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_OK);
    assert_null(swp_columns_find(&columns, SWP_ROLE_SAMPLE_COUNT, 0));
    assert_null(swp_columns_find(&columns, SWP_ROLE_REQUEST, 0));
    swp_columns_fini(&columns);
}

static void bad_names_are_refused(void **state)
{
    const char *const bad[]  = {"", "a/b", "a b", NULL};
    swp_layout        layout = fixture_layout(10);
    swp_param         param  = {.long_name = "x", .unit = "1", .kind = SWP_PARAM_INT};
    swp_columns       columns;

    (void)state;
    layout.params   = &param;
    layout.n_params = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        param.name = bad[i];
        assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_ERR_ARG);
    }
    layout.n_params  = 0;
    layout.max_nodes = 0;
    assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_ERR_ARG);
}

static void nothing_here(void **state)
{
    const swp_column number = {.type = SWP_TYPE_F64, .inner_count = 2, .row_bytes = 16};
    const swp_column rank   = {.role = SWP_ROLE_RANK, .type = SWP_TYPE_I32, .inner_count = 1, .row_bytes = 4};
    const swp_column kind   = {
          .role = SWP_ROLE_PROFILE_KIND, .type = SWP_TYPE_I8, .inner_count = 1, .row_bytes = 1};
    const swp_column state_column = {
        .role = SWP_ROLE_STATE, .type = SWP_TYPE_I8, .inner_count = 1, .row_bytes = 1};
    double  cells[4];
    int32_t ranks[2];
    int8_t  small[2];

    (void)state;
    swp_column_fill(&number, 2, cells);
    assert_true(isnan(cells[0]) && isnan(cells[3]));
    swp_column_fill(&rank, 2, ranks);
    assert_int_equal(ranks[1], -1);
    swp_column_fill(&kind, 2, small); /* 0 would be a profile of its own kind */
    assert_int_equal(small[0], -1);
    assert_int_equal(small[1], -1);
    swp_column_fill(&state_column, 2, small);
    assert_int_equal(small[1], 0);
}

static void conversion(void **state)
{
    const swp_column one = {.type = SWP_TYPE_F64, .inner = SWP_INNER_NODE, .inner_count = 1, .row_bytes = 8};
    const swp_column two = {.type = SWP_TYPE_F64, .inner = SWP_INNER_NODE, .inner_count = 2, .row_bytes = 16};
    const swp_column text = {
        .type = SWP_TYPE_CHAR, .inner = SWP_INNER_TEXT, .inner_count = 4, .row_bytes = 4};
    const swp_column wider = {
        .type = SWP_TYPE_CHAR, .inner = SWP_INNER_TEXT, .inner_count = 6, .row_bytes = 6};
    const double pair[] = {1.5, 2.5}, padded[] = {1.5, NAN};
    double       out[2]   = {0.0, 0.0};
    char         field[7] = "xxxxxx";

    (void)state;
    assert_int_equal(swp_column_convert(&one, pair, &two, out), WS_OK);
    assert_true(out[0] == 1.5 && isnan(out[1]));
    assert_int_equal(swp_column_convert(&two, padded, &one, out), WS_OK); /* only NaN is lost */
    assert_int_equal(swp_column_convert(&two, pair, &one, out), WS_ERR_ARG);
    assert_int_equal(swp_column_convert(&text, "abcd", &wider, field), WS_OK);
    assert_memory_equal(field, "abcd\0\0", 6);
    assert_int_equal(swp_column_convert(&text, "abcd", &two, out), WS_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table_of_the_fixture),
                                       cmocka_unit_test(groups_can_be_left_out),
                                       cmocka_unit_test(bad_names_are_refused),
                                       cmocka_unit_test(nothing_here), cmocka_unit_test(conversion)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
