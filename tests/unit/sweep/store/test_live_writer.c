/* What goes into a store comes out of its file, bit for bit, whatever the order, the number of flushes, or
 * the way the file ended; and nothing that goes wrong destroys rows that were flushed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_check.h"

typedef struct place {
    char    *folder;
    char     path[600];
    ws_error err;
} place;

static int set_up(void **state)
{
    place *p = calloc(1, sizeof(*p));
    if (p == NULL || (p->folder = fixture_folder()) == NULL) {
        return -1;
    }
    snprintf(p->path, sizeof(p->path), "%s/results.h5", p->folder);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    fixture_remove(p->folder);
    ws_error_clear(&p->err);
    free(p);
    return 0;
}

#define assert_ok(p, call)                                                                                   \
    do {                                                                                                     \
        if ((call) != WS_OK) {                                                                               \
            fail_msg("%s: %s", #call, ws_error_text(&(p)->err));                                             \
        }                                                                                                    \
    } while (0)

static swp_store *begin(place *p, const swp_store_config *config, int64_t n_jobs)
{
    const swp_layout layout = fixture_layout(n_jobs);
    swp_store       *store  = NULL;
    assert_ok(p, swp_store_create(config, &layout, &p->err, &store));
    assert_ok(p, swp_store_begin(store, &p->err));
    return store;
}

static void write_jobs(place *p, swp_store *store, int64_t from, int64_t to)
{
    fixture_row f;
    for (int64_t job = from; job < to; job++) {
        assert_ok(p, swp_store_write_row(store, fixture_make(job, &f), &p->err));
    }
}

static void end(place *p, swp_store *store, swp_finish how)
{
    assert_ok(p, swp_store_finish(store, how, &p->err));
    swp_store_destroy(&store);
}

static swp_reader *open_reader(place *p)
{
    swp_reader *reader = NULL;
    assert_ok(p, swp_reader_open(p->path, &p->err, &reader));
    return reader;
}

/* ---- order and flushes ---- */

static void repacked_file_is_ordered_by_job(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    swp_store             *store  = begin(p, &config, 300);
    fixture_row            f;

    for (int64_t i = 0; i < 300; i++) { /* 77 and 300 have no common factor: every job once, mixed */
        assert_ok(p, swp_store_write_row(store, fixture_make(i * 77 % 300, &f), &p->err));
        if (i % 50 == 49) {
            assert_ok(p, swp_store_flush(store, &p->err));
        }
    }
    end(p, store, SWP_FINISH_REPACK);
    swp_reader *reader = open_reader(p);
    assert_int_equal(swp_reader_kind(reader), SWP_FILE_PLAIN);
    assert_true(check_repacked(reader, 300));
    swp_reader_close(&reader);
}

/* Runs in a child: sees the ten rows a live file has, sooner or later. */
static int read_live(const place *p)
{
    swp_reader *reader = NULL;
    alarm(60);
    while (access(p->path, F_OK) != 0) {
        usleep(1000);
    }
    if (swp_reader_open(p->path, NULL, &reader) != WS_OK || swp_reader_kind(reader) != SWP_FILE_LIVE) {
        return 1;
    }
    while (swp_reader_n_rows(reader) < 10) {
        usleep(1000);
        if (swp_reader_refresh(reader, NULL) != WS_OK) {
            return 2;
        }
    }
    return swp_reader_n_rows(reader) == 10 && check_all_rows(reader) ? 0 : 3;
}

static void live_file_shows_flushed_rows(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path, .flush_interval_s = 1000.0};
    const pid_t child  = fork(); /* first: a process sees its own file through one HDF5 handle only */
    int         status = -1;

    if (child == 0) {
        _exit(read_live(p));
    }
    swp_store *store = begin(p, &config, 64);
    usleep(20000);
    write_jobs(p, store, 0, 10);
    assert_ok(p, swp_store_flush(store, &p->err));
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    end(p, store, SWP_FINISH_CLOSE);
}

static void closed_file_keeps_rows_in_order_of_completion(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    swp_store             *store  = begin(p, &config, 64);

    write_jobs(p, store, 20, 30);
    write_jobs(p, store, 0, 5);
    end(p, store, SWP_FINISH_CLOSE);
    swp_reader *reader = open_reader(p);
    assert_int_equal(swp_reader_n_rows(reader), 15);
    assert_int_equal(read_i64(reader, SWP_ROLE_JOB, 0), 20);
    assert_int_equal(read_i64(reader, SWP_ROLE_JOB, 14), 4);
    assert_true(check_all_rows(reader));
    swp_reader_close(&reader);
}

static void last_row_of_a_job_counts(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    swp_store             *store  = begin(p, &config, 3);
    fixture_row            f;

    write_jobs(p, store, 0, 3);
    fixture_make(1, &f);
    f.row.attempt = 2;
    f.row.state   = SWP_STATE_TIMED_OUT;
    assert_ok(p, swp_store_write_row(store, &f.row, &p->err));
    end(p, store, SWP_FINISH_REPACK);
    swp_reader    *reader = open_reader(p);
    swp_row_status rows[3];
    assert_int_equal(swp_reader_n_rows(reader), 3);
    assert_ok(p, swp_reader_row_status(reader, 0, 3, &p->err, rows));
    assert_int_equal(rows[1].job, 1);
    assert_int_equal(rows[1].attempt, 2);
    assert_int_equal(rows[1].state, SWP_STATE_TIMED_OUT);
    assert_int_equal(rows[2].state, SWP_STATE_DONE);
    assert_string_equal(rows[2].hash, (fixture_make(2, &f), f.hash));
    swp_reader_close(&reader);
}

static void more_rows_than_a_chunk(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path, .flush_interval_s = 1000.0};
    swp_store             *store  = begin(p, &config, 200); /* chunks of 256 rows */

    write_jobs(p, store, 0, 2000);
    end(p, store, SWP_FINISH_REPACK);
    swp_reader *reader = open_reader(p);
    assert_true(check_repacked(reader, 2000));
    swp_reader_close(&reader);
}

static void empty_sweep_makes_a_readable_file(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    swp_store             *store  = begin(p, &config, 0);

    end(p, store, SWP_FINISH_REPACK);
    swp_reader *reader = open_reader(p);
    assert_int_equal(swp_reader_n_rows(reader), 0);
    swp_reader_close(&reader);
}

static void layout_comes_back(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    const swp_layout       wanted = fixture_layout(5);

    end(p, begin(p, &config, 5), SWP_FINISH_REPACK);
    swp_reader       *reader = open_reader(p);
    const swp_layout *found  = swp_reader_layout(reader);
    assert_string_equal(found->title, wanted.title);
    assert_string_equal(found->spec_json, wanted.spec_json);
    assert_string_equal(found->spec_sha256, wanted.spec_sha256);
    assert_int_equal(found->n_jobs, 5);
    assert_int_equal(found->n_jobs_all, 5);
    assert_int_equal(found->max_nodes, FIXTURE_NODES);
    assert_true(found->has_series && found->has_requests);
    assert_int_equal(found->n_params, FIXTURE_PARAMS);
    for (size_t k = 0; k < FIXTURE_PARAMS; k++) {
        assert_string_equal(found->params[k].name, wanted.params[k].name);
        assert_string_equal(found->params[k].long_name, wanted.params[k].long_name);
        assert_string_equal(found->params[k].unit, wanted.params[k].unit);
        assert_int_equal(found->params[k].kind, wanted.params[k].kind);
        assert_int_equal(found->params[k].text_len, wanted.params[k].text_len);
    }
    assert_int_equal(found->n_attributes, 2);
    assert_string_equal(swp_reader_attribute(reader, "slice"), "0/1");
    assert_null(swp_reader_attribute(reader, "title"));
    swp_reader_close(&reader);
}

/* ---- resuming ---- */

static ws_status fixture_params(void *ctx, int64_t job, swp_value *params_out)
{
    fixture_row f;
    (void)ctx;
    fixture_make(job, &f);
    memcpy(params_out, f.params, sizeof(f.params));
    return WS_OK;
}

static void carried_rows_survive(void **state)
{
    place           *p      = *state;
    swp_store_config config = {.path = p->path};
    swp_store       *store  = begin(p, &config, 100);
    const swp_layout layout = fixture_layout(100);
    int64_t          jobs[60];

    write_jobs(p, store, 40, 100);
    end(p, store, SWP_FINISH_CLOSE);
    swp_reader *old = open_reader(p);
    for (int64_t row = 0; row < 60; row++) {
        jobs[row] = row < 10 ? -1 : 40 + row; /* the first ten are to run again */
    }
    config.overwrite = true;
    assert_ok(p, swp_store_create(&config, &layout, &p->err, &store));
    assert_ok(p,
              swp_store_carry(store, old, jobs, &(swp_row_identity){.params_of = fixture_params}, &p->err));
    swp_reader_close(&old);
    assert_ok(p, swp_store_begin(store, &p->err));
    write_jobs(p, store, 0, 50);
    end(p, store, SWP_FINISH_REPACK);
    swp_reader *reader = open_reader(p);
    assert_true(check_repacked(reader, 100));
    swp_reader_close(&reader);
}

static void carry_fits_rows_to_a_wider_layout(void **state)
{
    place           *p      = *state;
    swp_store_config config = {.path = p->path};
    swp_store       *store  = begin(p, &config, 4);
    swp_layout       layout = fixture_layout(4);
    swp_param        params[FIXTURE_PARAMS];
    const int64_t    jobs[] = {0, 1, 2, 3};
    double           component_j[3 * WS_COMPONENT_COUNT], phase_j[3 * FIXTURE_NODE_CELLS];
    fixture_row      f;

    write_jobs(p, store, 0, 4);
    end(p, store, SWP_FINISH_REPACK);
    swp_reader *old = open_reader(p);
    memcpy(params, layout.params, sizeof(params));
    params[2].text_len = 40;
    layout.params      = params;
    layout.max_nodes   = 3;
    config.overwrite   = true;
    assert_ok(p, swp_store_create(&config, &layout, &p->err, &store));
    assert_ok(p,
              swp_store_carry(store, old, jobs, &(swp_row_identity){.params_of = fixture_params}, &p->err));
    assert_ok(p, swp_store_begin(store, &p->err));
    end(p, store, SWP_FINISH_REPACK);
    swp_reader_close(&old);
    swp_reader *reader = open_reader(p);
    assert_true(check_all_rows(reader));
    assert_ok(p,
              swp_reader_read(reader, swp_columns_find(swp_reader_columns(reader), SWP_ROLE_COMPONENT_J, 0),
                              1, 1, component_j, &p->err));
    fixture_make(1, &f);
    assert_true(component_j[WS_COMPONENT_COUNT] == f.component_j[WS_COMPONENT_COUNT]);
    assert_true(isnan(component_j[2 * WS_COMPONENT_COUNT]));
    assert_ok(p, swp_reader_read(reader, swp_columns_find(swp_reader_columns(reader), SWP_ROLE_PHASE_J, 0), 1,
                                 1, phase_j, &p->err));
    assert_true(phase_j[2 * FIXTURE_NODE_CELLS - 1] == f.phase_j[2 * FIXTURE_NODE_CELLS - 1]);
    assert_true(isnan(phase_j[2 * FIXTURE_NODE_CELLS]) && isnan(phase_j[3 * FIXTURE_NODE_CELLS - 1]));
    swp_reader_close(&reader);
}

/* ---- without live writing ---- */

static void no_live_file_appears_at_the_end(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path, .no_live = true, .scratch_dir = p->folder};
    swp_store             *store  = begin(p, &config, 20);

    write_jobs(p, store, 0, 20);
    assert_int_not_equal(access(p->path, F_OK), 0);
    end(p, store, SWP_FINISH_CLOSE);
    swp_reader *reader = open_reader(p);
    assert_true(check_repacked(reader, 20));
    swp_reader_close(&reader);
}

/* ---- refusals and failures ---- */

static void existing_file_is_not_overwritten(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    const swp_layout       layout = fixture_layout(1);
    swp_store             *store  = begin(p, &config, 1);

    end(p, store, SWP_FINISH_CLOSE);
    assert_int_equal(swp_store_create(&config, &layout, &p->err, &store), WS_ERR_IO);
    assert_null(store);
    assert_non_null(strstr(ws_error_text(&p->err), p->path));
}

static void folder_that_does_not_exist(void **state)
{
    place                 *p      = *state;
    const swp_layout       layout = fixture_layout(1);
    char                   path[700];
    const swp_store_config config = {.path = path};
    swp_store             *store  = NULL;

    snprintf(path, sizeof(path), "%s.none/results.h5", p->path);
    assert_int_equal(swp_store_create(&config, &layout, &p->err, &store), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&p->err), path));
    assert_non_null(strstr(ws_error_text(&p->err), "No such file or directory"));
}

static void row_that_does_not_fit_is_refused(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    swp_store             *store  = begin(p, &config, 2);
    fixture_row            f;

    fixture_make(0, &f);
    f.row.n_nodes = FIXTURE_NODES + 1;
    assert_int_equal(swp_store_write_row(store, &f.row, &p->err), WS_ERR_ARG);
    fixture_make(0, &f);
    f.row.state = SWP_STATE_PENDING;
    assert_int_equal(swp_store_write_row(store, &f.row, &p->err), WS_ERR_ARG);
    ws_error_clear(&p->err);
    write_jobs(p, store, 0, 2);
    end(p, store, SWP_FINISH_REPACK);
    swp_reader *reader = open_reader(p);
    assert_true(check_repacked(reader, 2));
    swp_reader_close(&reader);
}

static void deleted_file_comes_back_at_the_end(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    swp_store             *store  = begin(p, &config, 10);

    write_jobs(p, store, 0, 10);
    assert_int_equal(unlink(p->path), 0);
    end(p, store, SWP_FINISH_CLOSE);
    swp_reader *reader = open_reader(p);
    assert_true(check_repacked(reader, 10));
    swp_reader_close(&reader);
}

/* Runs in a child, since a store whose disk is full cannot be closed. 0 = behaved. */
static int fill_the_disk(place *p)
{
    const swp_store_config config = {.path = p->path, .flush_interval_s = 1e-3};
    const swp_layout       layout = fixture_layout(64); /* small chunks */
    const struct rlimit    limit  = {12000000, 12000000};
    swp_store             *store  = NULL;
    fixture_row            f;

    signal(
        SIGXFSZ,
        SIG_IGN); /* a write over the limit then fails with EFBIG, as one on a full disk does with ENOSPC */
    if (swp_store_create(&config, &layout, &p->err, &store) != WS_OK ||
        swp_store_begin(store, &p->err) != WS_OK || setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 2;
    }
    ws_status status = WS_OK;
    for (int64_t job = 0; job < 100000 && status == WS_OK; job++) {
        status = swp_store_write_row(store, fixture_make(job, &f), &p->err);
    }
    if (status != WS_ERR_IO || strstr(ws_error_text(&p->err), p->path) == NULL ||
        strstr(ws_error_text(&p->err), "File too large") == NULL) {
        fprintf(stderr, "status %d: %s\n", status, ws_error_text(&p->err));
        return 3;
    }
    if (swp_store_write_row(store, fixture_make(0, &f), NULL) != WS_ERR_IO ||
        swp_store_finish(store, SWP_FINISH_REPACK, NULL) != WS_ERR_IO) {
        return 4;
    }
    swp_store_destroy(&store);
    return 0;
}

static void full_disk_keeps_flushed_rows(void **state)
{
    place      *p      = *state;
    int         status = -1;
    const pid_t child  = fork();

    if (child == 0) {
        _exit(fill_the_disk(p));
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    swp_reader *reader = open_reader(p);
    assert_int_equal(swp_reader_kind(reader), SWP_FILE_LIVE);
    assert_true(swp_reader_n_rows(reader) > 0);
    assert_true(check_all_rows(reader));
    swp_reader_close(&reader);
}

static void cut_file_is_noticed(void **state)
{
    place                 *p      = *state;
    const swp_store_config config = {.path = p->path};
    swp_store             *store  = begin(p, &config, 64);

    write_jobs(p, store, 0, 40);
    assert_ok(p, swp_store_flush(store, &p->err));
    assert_int_equal(truncate(p->path, 100000), 0);
    assert_int_equal(swp_store_finish(store, SWP_FINISH_REPACK, &p->err), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&p->err), "was cut to 100000 of"));
    swp_store_destroy(&store);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(repacked_file_is_ordered_by_job),
        TEST(live_file_shows_flushed_rows),
        TEST(closed_file_keeps_rows_in_order_of_completion),
        TEST(last_row_of_a_job_counts),
        TEST(more_rows_than_a_chunk),
        TEST(empty_sweep_makes_a_readable_file),
        TEST(layout_comes_back),
        TEST(carried_rows_survive),
        TEST(carry_fits_rows_to_a_wider_layout),
        TEST(no_live_file_appears_at_the_end),
        TEST(existing_file_is_not_overwritten),
        TEST(folder_that_does_not_exist),
        TEST(row_that_does_not_fit_is_refused),
        TEST(deleted_file_comes_back_at_the_end),
        TEST(cut_file_is_noticed),
        TEST(full_disk_keeps_flushed_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
