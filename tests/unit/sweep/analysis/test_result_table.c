/* A results is one row per job in the order of jobs, its columns found by every name people have for them;
 * filters, points and tallies build on it. Rows are store_fixture.h's: 21 jobs, of which 3, 10 and 17 failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analysis/filter.h"
#include "analysis/points.h"
#include "analysis/state_counts.h"
#include "cli/commands.h"
#include "store_fixture.h"

#define N_JOBS 21

typedef struct place {
    char            *folder;
    char             path[600];
    swp_result_table results;
    ws_error         err;
} place;

/* Each point of the fixture once; or, with repeats, jobs 2k and 2k + 1 are one point and job 20 is missing.
 */
static void write_file(const place *p, bool repeats)
{
    const swp_store_config config = {.path = p->path, .overwrite = true};
    const swp_layout       layout = fixture_layout(N_JOBS);
    swp_store             *store  = NULL;
    fixture_row            f, other;

    assert_int_equal(swp_store_create(&config, &layout, NULL, &store), WS_OK);
    assert_int_equal(swp_store_begin(store, NULL), WS_OK);
    for (int64_t job = N_JOBS - 1 - repeats; job >= 0; job--) {
        fixture_make(job, &f);
        if (repeats) {
            fixture_make(job / 2, &other);
            memcpy(f.params, other.params, sizeof(f.params));
        }
        f.row.repeat = repeats ? (int32_t)(job % 2) : 0;
        assert_int_equal(swp_store_write_row(store, &f.row, NULL), WS_OK);
    }
    assert_int_equal(swp_store_finish(store, SWP_FINISH_CLOSE, NULL), WS_OK);
    swp_store_destroy(&store);
}

static int set_up(void **state)
{
    place *p  = calloc(1, sizeof(*p));
    p->folder = fixture_folder();
    snprintf(p->path, sizeof(p->path), "%s/results.h5", p->folder);
    write_file(p, false);
    *state = p;
    return swp_result_table_open(p->path, &p->err, &p->results) == WS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    place *p = *state;
    swp_result_table_close(&p->results);
    ws_error_clear(&p->err);
    fixture_remove(p->folder);
    free(p);
    return 0;
}

static void check_cell(const place *p, const char *name, size_t row, const char *expected)
{
    swp_cells cells;
    char      text[SWP_CELL_TEXT];
    ws_error  err = WS_ERROR_INIT;
    if (swp_result_table_read(&p->results, name, &err, &cells) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    assert_string_equal(swp_cells_text(&cells, row, 0, text), expected);
    swp_cells_fini(&cells);
}

static void columns_by_any_name(void **state)
{
    const place *p = *state;
    swp_cells    cells;

    assert_int_equal(p->results.n, N_JOBS);
    check_cell(p, "job", 5, "5"); /* written in reverse */
    check_cell(p, "state", 3, "failed");
    check_cell(p, "duration_s", 5, "5100.25");
    check_cell(p, "duration_s", 3, "");
    check_cell(p, "hardware_mix", 1, "größer");
    check_cell(p, "p2_hardware_mix", 1, "größer");
    check_cell(p, "enable_prefix_caching", 1, "true");
    check_cell(p, "prefix", 1, "true");
    check_cell(p, "host", 1, "node01");
    check_cell(p, "profile_kind", 1, "compact");
    check_cell(p, "cpu_j", 4, "4203.25"); /* one node: 4000 + 2 * 100 + 3 + 0.25 */
    check_cell(p, "cpu_j", 5, "10417.5"); /* two: 5203.25 + 5214.25 */
    check_cell(p, "cpu_j", 3, "");
    assert_int_equal(swp_result_table_read(&p->results, "energyj", &((place *)*state)->err, &cells),
                     WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&p->err), "did you mean \"energy_j\""));
}

static void ragged_values(void **state)
{
    place            *p = *state;
    const swp_column *column =
        swp_columns_by_path(swp_reader_columns(p->results.reader), "/timeseries/power_w");
    double *values = NULL;
    size_t  n      = 0;

    assert_int_equal(swp_result_table_read_ragged(&p->results, 5, column, &p->err, &values, &n), WS_OK);
    assert_int_equal(n, 5);
    assert_true(values[0] == 5500.25 && values[4] == 5504.25);
    free(values);
}

static size_t count(const place *p, const char *expression)
{
    bool    *keep = NULL;
    size_t   n    = 0;
    ws_error err  = WS_ERROR_INIT;
    if (swp_filter(&p->results, expression, &err, &keep) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    for (size_t row = 0; row < p->results.n; row++) {
        n += keep[row];
    }
    free(keep);
    return n;
}

static void filters(void **state)
{
    place *p    = *state;
    bool  *keep = NULL;

    assert_int_equal(count(p, NULL), N_JOBS);
    assert_int_equal(count(p, "job < 5"), 5);
    assert_int_equal(count(p, "state == 'done'"), 18);
    assert_int_equal(count(p, "hardware_mix == 'small' and job >= 15"), 2);       /* 15, 18 */
    assert_int_equal(count(p, "duration_s > 0"), 18);                             /* NaN is not true */
    assert_int_equal(count(p, "enable_prefix_caching and max_num_seqs == 1"), 2); /* 1, 11 */
    assert_int_equal(swp_filter(&p->results, "job <", &p->err, &keep), WS_ERR_INPUT);
    assert_int_equal(swp_filter(&p->results, "nonsense > 1", &p->err, &keep), WS_ERR_INPUT);
    assert_null(keep);
}

static void points_without_repeats(void **state)
{
    place     *p    = *state;
    bool      *keep = NULL;
    swp_points points;

    assert_int_equal(swp_filter(&p->results, "job < 5", &p->err, &keep), WS_OK);
    assert_int_equal(swp_points_build(&p->results, keep, &p->err, &points), WS_OK);
    assert_int_equal(points.n, 4); /* job 3 failed */
    assert_false(points.has_repeats);
    swp_points_fini(&points);
    free(keep);
}

static void repeats_are_averaged(void **state)
{
    place     *p    = *state;
    bool      *keep = NULL;
    swp_points points;
    swp_cells  cells;

    swp_result_table_close(&p->results);
    write_file(p, true);
    assert_int_equal(swp_result_table_open(p->path, &p->err, &p->results), WS_OK);
    assert_int_equal(swp_filter(&p->results, NULL, &p->err, &keep), WS_OK);
    assert_int_equal(swp_points_build(&p->results, keep, &p->err, &points), WS_OK);
    assert_int_equal(swp_result_table_read(&p->results, "duration_s", &p->err, &cells), WS_OK);
    assert_int_equal(points.n, 10);
    assert_true(points.has_repeats);
    /* jobs 0 and 1: 100.25 and 1100.25, mean 600.25; s / sqrt(2) = 500, t(1) = 12.706 */
    const swp_estimate both = swp_points_estimate(&points, 0, &cells);
    assert_true(both.mean == 600.25);
    assert_true(fabs(both.ci95 - 6353.0) < 1e-9);
    const swp_estimate one = swp_points_estimate(&points, 1, &cells); /* job 2; 3 failed */
    assert_true(one.mean == 2100.25 && isnan(one.ci95));
    swp_cells_fini(&cells);
    swp_points_fini(&points);
    free(keep);
}

static void tally_of_states(void **state)
{
    place           *p = *state;
    swp_state_counts counts;

    assert_int_equal(swp_state_counts_take(&p->results, &p->err, &counts), WS_OK);
    assert_int_equal(counts.n_state[SWP_STATE_DONE], 18);
    assert_int_equal(counts.n_state[SWP_STATE_FAILED], 3);
    assert_true(counts.is_complete);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_FAILED);
    char *text = swp_state_counts_text(&counts);
    assert_string_equal(text, "complete: 18 done, 3 failed of 21 jobs");
    free(text);
    swp_result_table_close(&p->results);
    write_file(p, true); /* one job is missing */
    assert_int_equal(swp_result_table_open(p->path, &p->err, &p->results), WS_OK);
    assert_int_equal(swp_state_counts_take(&p->results, &p->err, &counts), WS_OK);
    assert_int_equal(counts.n_state[SWP_STATE_PENDING], 1);
    assert_int_equal(swp_state_counts_exit_code(&counts), WS_EXIT_RESUME);
    text = swp_state_counts_text(&counts);
    assert_string_equal(text, "stopped early, resume with --resume: 17 done, 3 failed, 1 pending of 21 jobs");
    free(text);
}

/* Infeasible is a failure unless a constraint said so: then the row was never tried. */
static void excluded_points_are_no_failures(void **state)
{
    (void)state;
    swp_state_counts t              = {.n_jobs = 5, .is_complete = true, .n_excluded = 2};
    t.n_state[SWP_STATE_DONE]       = 3;
    t.n_state[SWP_STATE_INFEASIBLE] = 2;
    assert_int_equal(swp_state_counts_exit_code(&t), WS_EXIT_DONE);
    char *text = swp_state_counts_text(&t);
    assert_string_equal(text, "complete: 3 done, 2 infeasible (2 by constraints) of 5 jobs");
    free(text);
    t.n_state[SWP_STATE_DONE]--;
    t.n_state[SWP_STATE_INFEASIBLE]++;
    assert_int_equal(swp_state_counts_n_failures(&t), 1);
    assert_int_equal(swp_state_counts_exit_code(&t), WS_EXIT_FAILED);
    t.is_complete = false;
    assert_int_equal(swp_state_counts_exit_code(&t), WS_EXIT_RESUME);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(columns_by_any_name),
                                       TEST(ragged_values),
                                       TEST(filters),
                                       TEST(points_without_repeats),
                                       TEST(repeats_are_averaged),
                                       TEST(tally_of_states),
                                       TEST(excluded_points_are_no_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
