/* The end of a Slurm allocation is found from its environment or from squeue, and work stops so early that a
 * job as long as the longest one lately, and closing the file, fit in before it. A fake squeue stands on
 * PATH. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ranks/slurm_allocation.h"
#include "temp_folder.h"

static void expect_left(const char *text, double expected_s)
{
    double left_s = -1.0;
    if (!swp_allocation_parse_left(text, &left_s) || left_s != expected_s) {
        fail_msg("%s: expected %g s, found %g s", text, expected_s, left_s);
    }
}

static void reads_what_squeue_prints(void **state)
{
    (void)state;
    expect_left("0:00\n", 0.0);
    expect_left("0:59\n", 59.0);
    expect_left("  12:34\n", 12 * 60 + 34);
    expect_left("1:02:03\n", 3600 + 2 * 60 + 3);
    expect_left("2-03:04:05\n", 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
    expect_left("UNLIMITED\n", INFINITY);
}

static void refuses_anything_else(void **state)
{
    static const char *const texts[] = {
        "",        "INVALID\n", "NOT_SET\n",        "-5:00\n", "1-\n",
        "1:2:3:4", "1:\n",      "12:34 and more\n", "-\n",     "slurm_load_jobs error"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double left_s = -1.0;
        if (swp_allocation_parse_left(texts[i], &left_s) || left_s != -1.0) {
            fail_msg("\"%s\" was taken for %g s", texts[i], left_s);
        }
    }
}

/* ---- the allocation around this process ---- */

static int leave_slurm(void **state)
{
    static const char *const names[] = {"SLURM_JOB_END_TIME", "SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID",
                                        "SLURM_ARRAY_TASK_ID"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(unsetenv(names[i]), 0);
    }
    return 0;
}

static void outside_there_is_none(void **state)
{
    double left_s = -1.0;
    (void)state;
    assert_int_equal(swp_allocation_find(&left_s), SWP_ALLOCATION_NONE);
    assert_true(left_s == -1.0);
}

static void environment_says_the_end(void **state)
{
    char   text[32];
    double left_s = -1.0;
    (void)state;
    snprintf(text, sizeof text, "%lld", (long long)time(NULL) + 1000);
    assert_int_equal(setenv("SLURM_JOB_END_TIME", text, 1), 0);
    assert_int_equal(swp_allocation_find(&left_s), SWP_ALLOCATION_KNOWN);
    assert_true(left_s >= 998.0 && left_s <= 1000.0); /* the clock may have moved on */
}

/* A squeue that answers with the options it was given in a file, and with `answer`. */
static void fake_squeue(char folder[64], const char *script)
{
    char path[96];
    assert_true(temp_folder_make(folder, 64));
    snprintf(path, sizeof path, "%s/squeue", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

static swp_allocation find_with_squeue(const char *script, double *left_s_out)
{
    char        folder[64], path[4096], old_path[4000], squeue[96];
    const char *old = getenv("PATH");
    assert_non_null(old);
    snprintf(old_path, sizeof old_path, "%s", old);
    fake_squeue(folder, script);
    snprintf(path, sizeof path, "%s:%s", folder, old_path);
    assert_int_equal(setenv("PATH", path, 1), 0);
    const swp_allocation found = swp_allocation_find(left_s_out);
    assert_int_equal(setenv("PATH", old_path, 1), 0);
    snprintf(squeue, sizeof squeue, "%s/squeue", folder);
    assert_int_equal(unlink(squeue), 0);
    assert_int_equal(rmdir(folder), 0);
    return found;
}

static void squeue_says_the_end(void **state)
{
    double left_s = -1.0;
    (void)state;
    assert_int_equal(setenv("SLURM_JOB_ID", "17", 1), 0);
    assert_int_equal(
        find_with_squeue("case \"$*\" in *--jobs=17\\ *) echo 1:30 ;; *) echo 9:99 ;; esac", &left_s),
        SWP_ALLOCATION_KNOWN);
    assert_true(left_s == 90.0);
}

/* An array's first task has the array's own job id: asking for that would list all its tasks. */
static void squeue_is_asked_for_one_task_of_an_array(void **state)
{
    double left_s = -1.0;
    (void)state;
    assert_int_equal(setenv("SLURM_JOB_ID", "17", 1), 0);
    assert_int_equal(setenv("SLURM_ARRAY_JOB_ID", "17", 1), 0);
    assert_int_equal(setenv("SLURM_ARRAY_TASK_ID", "3", 1), 0);
    assert_int_equal(
        find_with_squeue("case \"$*\" in *--jobs=17_3\\ *) echo 0:45 ;; *) echo 9:99 ;; esac", &left_s),
        SWP_ALLOCATION_KNOWN);
    assert_true(left_s == 45.0);
}

static void unknown_when_squeue_fails(void **state)
{
    double left_s = -1.0;
    (void)state;
    assert_int_equal(setenv("SLURM_JOB_ID", "17", 1), 0);
    assert_int_equal(find_with_squeue("echo 1:30; exit 1", &left_s), SWP_ALLOCATION_UNKNOWN);
    assert_int_equal(find_with_squeue("echo INVALID", &left_s), SWP_ALLOCATION_UNKNOWN);
    assert_int_equal(find_with_squeue("exit 0", &left_s), SWP_ALLOCATION_UNKNOWN);
    assert_int_equal(setenv("SLURM_JOB_ID", "17; echo 1:30", 1), 0); /* never reaches a shell */
    assert_int_equal(find_with_squeue("echo 1:30", &left_s), SWP_ALLOCATION_UNKNOWN);
}

/* ---- when to stop ---- */

static void long_jobs_stop_the_sweep_earlier(void **state)
{
    (void)state;
    assert_true(swp_allocation_stop_s(1000.0, 0.0) == 1000.0 - SWP_ALLOCATION_CLOSE_S);
    assert_true(swp_allocation_stop_s(1000.0, 200.0) == 800.0 - SWP_ALLOCATION_CLOSE_S);
    assert_true(swp_allocation_stop_s(INFINITY, 200.0) == INFINITY);
}

/* 0.98^34 = 0.503: a job of 100 s counts as 50 s after 34 short ones, and at once when another one comes. */
static void longest_job_is_forgotten_by_and_by(void **state)
{
    double longest_s = swp_allocation_longest_s(0.0, 100.0);
    (void)state;
    for (int i = 0; i < 34; i++) {
        longest_s = swp_allocation_longest_s(longest_s, 0.5);
    }
    assert_true(fabs(longest_s - 50.3) < 0.1);
    assert_true(swp_allocation_longest_s(longest_s, 80.0) == 80.0);
    for (int i = 0; i < 1000; i++) {
        longest_s = swp_allocation_longest_s(longest_s, 0.5);
    }
    assert_true(longest_s == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_squeue_prints),
        cmocka_unit_test(refuses_anything_else),
        cmocka_unit_test_setup(outside_there_is_none, leave_slurm),
        cmocka_unit_test_setup(environment_says_the_end, leave_slurm),
        cmocka_unit_test_setup(squeue_says_the_end, leave_slurm),
        cmocka_unit_test_setup(squeue_is_asked_for_one_task_of_an_array, leave_slurm),
        cmocka_unit_test_setup(unknown_when_squeue_fails, leave_slurm),
        cmocka_unit_test(long_jobs_stop_the_sweep_earlier),
        cmocka_unit_test(longest_job_is_forgotten_by_and_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
