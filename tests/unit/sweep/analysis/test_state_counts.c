/* Invariants: the states of a counts add up to its jobs, a retried job counts once and one without a row is
 * pending; the exit code says complete, complete with failures or not complete, and nothing else; the line
 * says what was counted. */
#include <hdf5.h>

#include "analysis/state_counts.h"
#include "cli/commands.h"
#include "store/lock.h"
#include "store_place.h"

static void take(place *p, swp_state_counts *counts)
{
    swp_result_table results;
    if (swp_result_table_open(p->paths[0], &p->err, &results) != WS_OK ||
        swp_state_counts_take(&results, &p->err, counts) != WS_OK) {
        fail_msg("%s", ws_error_text(&p->err));
    }
    swp_result_table_close(&results);
    int64_t sum = 0;
    for (int state = 0; state < SWP_STATE_COUNT; state++) {
        sum += counts->n_state[state];
    }
    assert_int_equal(sum, counts->n_jobs);
}

static void expect_text(const swp_state_counts *counts, const char *expected)
{
    char *text = swp_state_counts_text(counts);
    assert_string_equal(text, expected);
    free(text);
}

/* The five states a row can have. */
static void one_of_each(const void *ctx, size_t i, swp_row *row)
{
    (void)ctx;
    row->state = (swp_job_state)(SWP_STATE_DONE + i);
    row->error = row->state == SWP_STATE_DONE ? NULL : "because";
}

/* Ten jobs, five of them without a row. */
static void test_every_state_counts(void **state)
{
    place           *p      = *state;
    const swp_layout layout = fixture_layout(10);
    const int64_t    jobs[] = {9, 2, 4, 5, 0};
    swp_state_counts counts;
    place_write(p, 0, &layout, jobs, 5, one_of_each, NULL);
    take(p, &counts);
    assert_int_equal(counts.n_jobs, 10);
    for (int s = SWP_STATE_DONE; s < SWP_STATE_COUNT; s++) {
        assert_int_equal(counts.n_state[s], 1);
    }
    assert_int_equal(counts.n_state[SWP_STATE_PENDING], 5);
    assert_int_equal(swp_state_counts_n_failures(&counts), 3); /* failed, infeasible, timed out */
    assert_false(counts.is_complete);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_RESUME);
    expect_text(&counts, "stopped early, resume with --resume: 1 done, 1 failed, 1 infeasible, 1 timed_out, "
                         "1 interrupted, 5 pending of 10 jobs");
}

static void second_try_worked(const void *ctx, size_t i, swp_row *row)
{
    (void)ctx;
    row->state   = i < 3 ? SWP_STATE_INTERRUPTED : SWP_STATE_DONE;
    row->attempt = i < 3 ? 1 : 2;
    row->error   = i < 3 ? "left" : NULL;
}

static void test_a_retry_replaces_what_came_before(void **state)
{
    place           *p      = *state;
    const swp_layout layout = fixture_layout(3);
    const int64_t    jobs[] = {0, 1, 2, 2, 0, 1};
    swp_state_counts counts;
    place_write(p, 0, &layout, jobs, 6, second_try_worked, NULL);
    take(p, &counts);
    assert_int_equal(counts.n_state[SWP_STATE_DONE], 3);
    assert_true(counts.is_complete && !counts.is_unfinished_file && !counts.is_written_now);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_DONE);
    expect_text(&counts, "complete: 3 done of 3 jobs");
}

static void left_out(const void *ctx, size_t i, swp_row *row)
{
    (void)ctx;
    row->state   = SWP_STATE_INFEASIBLE;
    row->error   = "a constraint";
    row->attempt = i == 0 ? 1 : 0; /* only the first was tried */
}

static void test_left_out_points_are_told_from_infeasible_ones(void **state)
{
    place           *p      = *state;
    const swp_layout layout = fixture_layout(3);
    const int64_t    jobs[] = {0, 1, 2};
    swp_state_counts counts;
    place_write(p, 0, &layout, jobs, 3, left_out, NULL);
    take(p, &counts);
    assert_int_equal(counts.n_excluded, 2);
    assert_int_equal(swp_state_counts_n_failures(&counts), 1);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_FAILED);
    expect_text(&counts, "complete: 3 infeasible (2 by constraints) of 3 jobs");
}

/* All rows are there, but nobody closed the file: it still has to be finished. */
static void test_a_file_nobody_closed(void **state)
{
    place           *p      = *state;
    const swp_layout layout = fixture_layout(3);
    const int64_t    jobs[] = {0, 1, 2};
    swp_state_counts counts;
    swp_lock        *lock = NULL;
    place_write_and_die(p, 0, &layout, jobs, 3);
    take(p, &counts);
    assert_true(counts.is_complete && counts.is_unfinished_file && !counts.is_written_now);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_RESUME);
    expect_text(&counts, "all jobs have run, finish with --resume or recover: 3 done of 3 jobs");
    assert_int_equal(swp_lock_acquire(p->paths[0], true, &p->err, &lock), WS_OK);
    take(p, &counts);
    assert_true(counts.is_written_now);
    expect_text(&counts, "running: 3 done of 3 jobs");
    swp_lock_release(&lock);
}

static void test_no_rows(void **state)
{
    place           *p      = *state;
    swp_layout       layout = fixture_layout(2);
    swp_state_counts counts;
    place_write(p, 0, &layout, NULL, 0, NULL, NULL);
    take(p, &counts);
    assert_int_equal(counts.n_state[SWP_STATE_PENDING], 2);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_RESUME);
    layout = fixture_layout(0); /* a slice without jobs is complete */
    place_write(p, 0, &layout, NULL, 0, NULL, NULL);
    take(p, &counts);
    assert_true(counts.is_complete);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_DONE);
    expect_text(&counts, "complete: 0 jobs");
}

static void break_state(const char *path, int8_t code)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t data = H5Dopen2(file, "/state", H5P_DEFAULT);
    int8_t      states[2];
    assert_true(H5Dread(data, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, states) >= 0);
    states[1] = code;
    assert_true(H5Dwrite(data, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, states) >= 0);
    assert_true(H5Dclose(data) >= 0 && H5Fclose(file) >= 0);
}

static void test_a_state_nobody_knows_is_damage(void **state)
{
    place           *p       = *state;
    const swp_layout layout  = fixture_layout(2);
    const int64_t    jobs[]  = {0, 1};
    const int8_t     codes[] = {SWP_STATE_COUNT, -1, 127, -128};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        swp_result_table results;
        swp_state_counts counts;
        place_write(p, 0, &layout, jobs, 2, NULL, NULL);
        break_state(p->paths[0], codes[i]);
        assert_int_equal(swp_result_table_open(p->paths[0], &p->err, &results), WS_OK);
        assert_int_equal(swp_state_counts_take(&results, &p->err, &counts), WS_ERR_IO);
        assert_non_null(strstr(ws_error_text(&p->err), "damaged: state"));
        ws_error_clear(&p->err);
        swp_result_table_close(&results);
    }
}

/* 0 exactly if complete, closed and without failures; 1 if only the failures are wrong; else 75. */
static void test_exit_codes(void **state)
{
    (void)state;
    for (int bits = 0; bits < 1 << 7; bits++) {
        swp_state_counts counts              = {.n_jobs             = 9,
                                                .is_complete        = (bits & 1) != 0,
                                                .is_unfinished_file = (bits & 2) != 0,
                                                .is_written_now     = (bits & 4) != 0,
                                                .n_excluded         = (bits & 8) != 0};
        counts.n_state[SWP_STATE_FAILED]     = (bits & 16) != 0;
        counts.n_state[SWP_STATE_TIMED_OUT]  = (bits & 32) != 0;
        counts.n_state[SWP_STATE_INFEASIBLE] = counts.n_excluded + ((bits & 64) != 0);
        const int64_t failures               = (bits >> 4 & 1) + (bits >> 5 & 1) + (bits >> 6 & 1);
        const int     expected               = (bits & 3) != 1 ? 75 : failures > 0 ? 1 : 0;
        assert_int_equal(swp_state_counts_n_failures(&counts), failures);
        if (swp_state_counts_exit_code(&counts) != expected) {
            fail_msg("bits %x: expected %d, found %d", bits, expected, swp_state_counts_exit_code(&counts));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_every_state_counts),
        PLACE_TEST(test_a_retry_replaces_what_came_before),
        PLACE_TEST(test_left_out_points_are_told_from_infeasible_ones),
        PLACE_TEST(test_a_file_nobody_closed),
        PLACE_TEST(test_no_rows),
        PLACE_TEST(test_a_state_nobody_knows_is_damage),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
