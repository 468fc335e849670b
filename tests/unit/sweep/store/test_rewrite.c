/* Rewriting keeps one row per job, the right one, in the order of jobs, whatever files it came from; and
 * leaves the old file alone unless everything went well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "store/copy_rows.h"
#include "store/gather.h"
#include "store/rewrite.h"
#include "store/row_picks.h"
#include "store_check.h"

typedef struct place {
    char       *folder;
    char        paths[2][600], out[600];
    swp_reader *readers[2];
    ws_error    err;
} place;

/* Jobs from, from + step ... below `to`; with `fail` all of them failed. */
static void write_file(const char *path, int64_t from, int64_t to, int64_t step, bool fail)
{
    const swp_store_config config = {.path = path};
    const swp_layout       layout = fixture_layout(40);
    swp_store             *store  = NULL;
    fixture_row            f;

    assert_int_equal(swp_store_create(&config, &layout, NULL, &store), WS_OK);
    assert_int_equal(swp_store_begin(store, NULL), WS_OK);
    for (int64_t job = from; job < to; job += step) {
        fixture_make(job, &f);
        f.row.state = fail ? SWP_STATE_INTERRUPTED : f.row.state;
        assert_int_equal(swp_store_write_row(store, &f.row, NULL), WS_OK);
    }
    assert_int_equal(swp_store_finish(store, SWP_FINISH_CLOSE, NULL), WS_OK);
    swp_store_destroy(&store);
}

static int set_up(void **state)
{
    place *p  = calloc(1, sizeof(*p));
    p->folder = fixture_folder();
    for (int i = 0; i < 2; i++) {
        snprintf(p->paths[i], sizeof(p->paths[i]), "%s/%d.h5", p->folder, i);
    }
    snprintf(p->out, sizeof(p->out), "%s/out.h5", p->folder);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    swp_reader_close(&p->readers[0]);
    swp_reader_close(&p->readers[1]);
    ws_error_clear(&p->err);
    fixture_remove(p->folder);
    free(p);
    return 0;
}

static void open_both(place *p)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(swp_reader_open(p->paths[i], &p->err, &p->readers[i]), WS_OK);
    }
}

static ws_status rewrite(place *p, const char *out, bool replace)
{
    const swp_reader *const   sources[] = {p->readers[0], p->readers[1]};
    const swp_rewrite_request request   = {.sources   = sources,
                                           .n_sources = 2,
                                           .layout    = swp_reader_layout(p->readers[0]),
                                           .n_threads = 1,
                                           .path      = out,
                                           .what      = "joined",
                                           .replace   = replace};
    return swp_rewrite(&request, &p->err);
}

static void slices_join(void **state)
{
    place *p = *state;
    write_file(p->paths[0], 0, 40, 2, false);
    write_file(p->paths[1], 1, 40, 2, false);
    open_both(p);
    assert_int_equal(rewrite(p, p->out, false), WS_OK);
    swp_reader *joined = NULL;
    assert_int_equal(swp_reader_open(p->out, &p->err, &joined), WS_OK);
    assert_true(check_repacked(joined, 40));
    assert_non_null(strstr(swp_reader_history(joined), "joined"));
    swp_reader_close(&joined);
}

static void done_rows_win(void **state)
{
    place *p = *state;
    write_file(p->paths[0], 0, 20, 1, false); /* 3, 10, 17 failed, the others are done */
    write_file(p->paths[1], 0, 30, 1, true);
    open_both(p);
    const swp_reader *const sources[] = {p->readers[0], p->readers[1]};
    swp_row_picks           plan;
    assert_int_equal(swp_row_picks_build(sources, 2, NULL, &p->err, &plan), WS_OK);
    assert_int_equal(plan.n, 30);
    for (size_t i = 0; i < plan.n; i++) {
        assert_int_equal(plan.picks[i].job, i);
        assert_int_equal(plan.picks[i].source, i < 20 && i % 7 != 3 ? 0 : 1); /* else the later file's */
    }
    swp_row_picks_fini(&plan);
}

static void plan_by_given_jobs(void **state)
{
    place *p = *state;
    write_file(p->paths[0], 0, 4, 1, false);
    write_file(p->paths[1], 0, 1, 1, false);
    open_both(p);
    const swp_reader *source     = p->readers[0];
    const int64_t     new_job[]  = {7, -1, 5, 7};
    const int64_t    *job_of_row = new_job;
    swp_row_picks     plan;
    assert_int_equal(swp_row_picks_build(&source, 1, &job_of_row, &p->err, &plan), WS_OK);
    assert_int_equal(plan.n, 2);
    assert_int_equal(plan.picks[0].job, 5);
    assert_int_equal(plan.picks[0].row, 2);
    assert_int_equal(plan.picks[1].job, 7);
    assert_int_equal(plan.picks[1].row, 3);
    swp_row_picks_fini(&plan);
}

static void scattered_rows_are_gathered(void **state)
{
    place *p = *state;
    write_file(p->paths[0], 0, 40, 2, false);
    write_file(p->paths[1], 1, 40, 2, false);
    open_both(p);
    const swp_reader *const sources[] = {p->readers[0], p->readers[1]};
    const swp_column *column  = swp_columns_by_path(swp_reader_columns(p->readers[0]), "/metrics/duration_s");
    swp_span          spans[] = {{1, 5, 3, 0}, {0, 19, 1, 3}, {1, 0, 1, 4}, {0, 2, 2, 5}};
    const int64_t     jobs[]  = {11, 13, 15, 38, 1, 4, 6};
    double            block[7];
    assert_int_equal(swp_gather(sources, spans, 4, column, block, &p->err), WS_OK);
    for (size_t i = 0; i < 7; i++) {
        const double expected = jobs[i] % 7 == 3 ? NAN : fixture_number(jobs[i], 1, 0);
        assert_true(fixture_same(block[i], expected));
    }
    swp_column unknown = *column;
    snprintf(unknown.path, sizeof(unknown.path), "/metrics/of_tomorrow");
    assert_int_equal(swp_gather(sources, spans, 4, &unknown, block, &p->err), WS_OK);
    assert_true(isnan(block[0]) && isnan(block[6])); /* a column older files lack */
}

/* Copy both files window by window, whatever the windows: the same file comes out. */
static void copy_by_windows(place *p, size_t window_rows)
{
    const swp_reader *const sources[] = {p->readers[0], p->readers[1]};
    swp_h5_file_options     options   = {.live = false, .history = ""};
    swp_row_picks_scan     *scan      = NULL;
    swp_h5_file            *file      = NULL;
    swp_reader             *copied    = NULL;
    assert_int_equal(swp_row_picks_scan_create(sources, 2, NULL, window_rows, &p->err, &scan), WS_OK);
    assert_int_equal(swp_copied_lengths(scan, &p->err, options.n_rows), WS_OK);
    assert_int_equal(options.n_rows[SWP_AXIS_JOB], 40);
    assert_int_equal(swp_h5_file_make(p->out, swp_reader_layout(sources[0]), &options, &p->err, &file),
                     WS_OK);
    assert_int_equal(swp_copy_rows(scan, file, NULL, &p->err), WS_OK);
    assert_int_equal(swp_h5_file_close(&file, false, &p->err), WS_OK);
    assert_int_equal(swp_reader_open(p->out, &p->err, &copied), WS_OK);
    assert_true(check_repacked(copied, 40));
    swp_reader_close(&copied);
    swp_row_picks_scan_destroy(&scan);
}

static void windows_make_no_difference(void **state)
{
    place *p = *state;
    write_file(p->paths[0], 0, 40, 2, false);
    write_file(p->paths[1], 1, 40, 2, false);
    open_both(p);
    static const size_t windows[] = {1, 7, 8, 39, 40, 41};
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        copy_by_windows(p, windows[i]);
    }
}

/* Windows are full except for the last, also when jobs lie far apart: a damaged or sparse file takes no
 * longer.
 * */
static void gaps_are_skipped(void **state)
{
    place *p = *state;
    write_file(p->paths[0], 0, 6, 1, false);
    write_file(p->paths[1], 0, 1, 1, false);
    open_both(p);
    const swp_reader   *source     = p->readers[0];
    const int64_t       new_job[]  = {INT64_C(1) << 52, 3, -1, INT64_C(1) << 40, 4, INT64_C(1) << 52};
    const int64_t      *job_of_row = new_job;
    const int64_t       expected[] = {3, 4, INT64_C(1) << 40, INT64_C(1) << 52};
    swp_row_picks_scan *scan       = NULL;
    swp_row_picks       plan;
    assert_int_equal(swp_row_picks_scan_create(&source, 1, &job_of_row, 3, &p->err, &scan), WS_OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(swp_row_picks_scan_next(scan, &p->err, &plan), WS_OK);
        assert_int_equal(plan.n, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(plan.picks[i].job, expected[i]);
        }
        assert_int_equal(swp_row_picks_scan_next(scan, &p->err, &plan), WS_OK);
        assert_int_equal(plan.n, 1);
        assert_int_equal(plan.picks[0].job, expected[3]);
        assert_int_equal(plan.picks[0].row, 5); /* the later of two rows */
        assert_int_equal(swp_row_picks_scan_next(scan, &p->err, &plan), WS_OK);
        assert_int_equal(plan.n, 0);
        swp_row_picks_scan_rewind(scan);
    }
    swp_row_picks_scan_destroy(&scan);
}

static void failures_leave_the_old_file(void **state)
{
    place *p = *state;
    char   tmp[700], in_none[700];
    snprintf(in_none, sizeof(in_none), "%s.none/out.h5", p->out);
    write_file(p->paths[0], 0, 4, 1, false);
    write_file(p->paths[1], 0, 4, 1, false);
    open_both(p);
    assert_int_equal(rewrite(p, p->paths[1], false), WS_ERR_IO); /* exists */
    assert_int_equal(rewrite(p, in_none, true), WS_ERR_IO);
    snprintf(tmp, sizeof(tmp), "%s.tmp", p->out);
    const swp_reader *source          = p->readers[0];
    swp_layout        narrow          = *swp_reader_layout(p->readers[0]);
    narrow.max_nodes                  = 1; /* job 1 has two */
    const swp_rewrite_request request = {.sources   = &source,
                                         .n_sources = 1,
                                         .layout    = &narrow,
                                         .n_threads = 2,
                                         .path      = p->out,
                                         .what      = "narrowed",
                                         .replace   = true};
    assert_int_equal(swp_rewrite(&request, &p->err), WS_ERR_ARG);
    assert_int_not_equal(access(p->out, F_OK), 0);
    assert_int_not_equal(access(tmp, F_OK), 0);
}

/* A result file may take the place of nothing, of an empty file and of an HDF5 file. */
static void what_may_be_replaced(void **state)
{
    place *p = *state;
    char   path[700];
    FILE  *file = NULL;
    snprintf(path, sizeof(path), "%s/x", p->folder);
    assert_int_equal(swp_check_replaceable(path, &p->err), WS_OK);
    assert_int_equal(swp_check_replaceable(p->folder, &p->err), WS_ERR_INPUT);
    assert_non_null(file = fopen(path, "w"));
    assert_int_equal(swp_check_replaceable(path, &p->err), WS_OK);
    fputs("{ \"a\": \"spec\" }", file);
    fclose(file);
    assert_int_equal(swp_check_replaceable(path, &p->err), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&p->err), "not an HDF5 file"));
    assert_non_null(file = fopen(path, "w"));
    fputs("\211HDF\r\n\032\n and more", file);
    fclose(file);
    assert_int_equal(swp_check_replaceable(path, &p->err), WS_OK);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(swp_check_replaceable(path, &p->err), WS_ERR_IO);
    swp_say_replaced(path);
    ws_error_clear(&p->err);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(slices_join),
                                       TEST(done_rows_win),
                                       TEST(plan_by_given_jobs),
                                       TEST(scattered_rows_are_gathered),
                                       TEST(windows_make_no_difference),
                                       TEST(gaps_are_skipped),
                                       TEST(failures_leave_the_old_file),
                                       TEST(what_may_be_replaced)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
