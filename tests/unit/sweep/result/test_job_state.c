/* Every state has a name of its own, which is what the file's flags say; a state is final exactly if a
 * resumed sweep leaves its job alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "result/columns.h"
#include "result/job_state.h"

static void test_names_differ(void **state)
{
    (void)state;
    for (int a = 0; a < SWP_STATE_COUNT; a++) {
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(swp_job_state_name((swp_job_state)a),
                                    swp_job_state_name((swp_job_state)b));
        }
    }
    assert_string_equal(swp_job_state_name(SWP_STATE_TIMED_OUT), "timed_out");
    assert_string_equal(swp_job_state_name(SWP_STATE_COUNT), "unknown");
}

static void test_names_are_the_flags_of_the_file(void **state)
{
    (void)state;
    const swp_layout layout = {.max_nodes = 1};
    swp_columns      columns;
    char             meanings[200] = "";
    for (int s = 0; s < SWP_STATE_COUNT; s++) {
        strcat(meanings, s > 0 ? " " : "");
        strcat(meanings, swp_job_state_name((swp_job_state)s));
    }
    assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_OK);
    const swp_column *column = &columns.list[columns.state];
    assert_string_equal(column->flag_meanings, meanings);
    assert_int_equal(column->n_flags, SWP_STATE_COUNT);
    assert_int_equal(column->flag_first, 0);
    swp_columns_fini(&columns);
}

static void test_final_states(void **state)
{
    (void)state;
    static const bool is_final[SWP_STATE_COUNT] = {[SWP_STATE_DONE]       = true,
                                                   [SWP_STATE_FAILED]     = true,
                                                   [SWP_STATE_INFEASIBLE] = true,
                                                   [SWP_STATE_TIMED_OUT]  = true};
    for (int s = 0; s < SWP_STATE_COUNT; s++) {
        assert_int_equal(swp_job_state_is_final((swp_job_state)s), is_final[s]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_differ),
        cmocka_unit_test(test_names_are_the_flags_of_the_file),
        cmocka_unit_test(test_final_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
