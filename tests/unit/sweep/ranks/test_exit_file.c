/* Invariants: the supervisor's file gets one line when rank 0 begins and one with the code, only where it has
 * made that file; a process knows its rank from whichever launcher started it; its own code is 0 where mpirun
 * recovers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranks/exit_file.h"
#include "store_fixture.h"

static const char *const VARIABLES[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                        "WATTSWEEP_EXIT_FILE", "OMPI_MCA_orte_enable_recovery"};

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VARIABLES / sizeof VARIABLES[0]; i++) {
        unsetenv(VARIABLES[i]);
    }
    return 0;
}

static void test_the_file_gets_two_lines(void **state)
{
    (void)state;
    char *folder = fixture_folder(), path[600], expected[600], found[600] = "";
    snprintf(path, sizeof path, "%s/exit", folder);
    setenv("WATTSWEEP_EXIT_FILE", path, 1);
    swp_exit_file_begin("host7"); /* the supervisor has not made it: nothing is */
    assert_int_equal(access(path, F_OK), -1);
    FILE *file = fopen(path, "w+");
    assert_non_null(file);
    swp_exit_file_begin("host7");
    swp_exit_file_end(75);
    assert_true(fread(found, 1, sizeof found - 1, file) > 0);
    snprintf(expected, sizeof expected, "begin host7 %ld\ncode 75\n", (long)getpid());
    assert_string_equal(found, expected);
    fclose(file);
    fixture_remove(folder);
}

static void test_without_a_supervisor_nothing_is_written(void **state)
{
    (void)state;
    swp_exit_file_begin("host7");
    swp_exit_file_end(0);
}

static void test_which_rank_this_is(void **state)
{
    (void)state;
    assert_true(swp_exit_file_is_rank0()); /* alone */
    for (size_t i = 0; i < 3; i++) {
        setenv(VARIABLES[i], "3", 1);
        assert_false(swp_exit_file_is_rank0());
        setenv(VARIABLES[i], "0", 1);
        assert_true(swp_exit_file_is_rank0());
        unsetenv(VARIABLES[i]);
    }
}

static void test_the_code_of_the_process(void **state)
{
    (void)state;
    assert_int_equal(swp_exit_file_process_code(75), 75);
    setenv("OMPI_MCA_orte_enable_recovery", "0", 1);
    assert_int_equal(swp_exit_file_process_code(75), 75);
    setenv("OMPI_MCA_orte_enable_recovery", "1", 1);
    assert_int_equal(swp_exit_file_process_code(75), 0);
    assert_int_equal(swp_exit_file_process_code(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_file_gets_two_lines, clear_environment),
        cmocka_unit_test_setup(test_without_a_supervisor_nothing_is_written, clear_environment),
        cmocka_unit_test_setup(test_which_rank_this_is, clear_environment),
        cmocka_unit_test_setup(test_the_code_of_the_process, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
