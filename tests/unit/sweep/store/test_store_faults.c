/* Invariants, whatever call fails (memory, HDF5, the system), at whatever moment:
 *   - the process goes on, and a call that reports failure says why;
 *   - a call that reports success has done all of its work;
 *   - FILE is absent, as it was, or a result file whose rows are all true; no FILE.tmp is left behind.
 * Each try has a process of its own, since HDF5 cannot be used after some of its failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <limits.h>
#include <sys/wait.h>

#include "faults.h"
#include "store/h5_util.h"
#include "store/lock.h"
#include "store/rewrite.h"
#include "store_check.h"

enum {
    N_JOBS     = 12,
    MOST_CALLS = 10 /* of one function of HDF5 or the system: later ones are more of the same */
};

/* How a try ended: exit code of its process. */
enum { TRY_OK, TRY_REFUSED, TRY_UNEXPLAINED, TRY_WRONG, TRY_NOT_REACHED = 8 };

typedef struct place {
    char *folder;
    char  old[600], other[600], out[600], tmp[600];
} place;

/* What is tried; false if what it reports as done is wrong. */
typedef ws_status (*action_fn)(const place *p, ws_error *err, bool *is_right);

static void write_jobs(const char *path, int64_t from, int64_t to)
{
    const swp_layout       layout = fixture_layout(N_JOBS);
    const swp_store_config config = {.path = path, .overwrite = true};
    swp_store             *store  = NULL;
    fixture_row            f;
    assert_int_equal(swp_store_create(&config, &layout, NULL, &store), WS_OK);
    assert_int_equal(swp_store_begin(store, NULL), WS_OK);
    for (int64_t job = from; job < to; job++) {
        assert_int_equal(swp_store_write_row(store, fixture_make(job, &f), NULL), WS_OK);
    }
    assert_int_equal(swp_store_finish(store, SWP_FINISH_CLOSE, NULL), WS_OK);
    swp_store_destroy(&store);
}

static int set_up(void **state)
{
    place *p  = calloc(1, sizeof(*p));
    p->folder = fixture_folder();
    snprintf(p->old, sizeof(p->old), "%s/old.h5", p->folder);
    snprintf(p->other, sizeof(p->other), "%s/other.h5", p->folder);
    snprintf(p->out, sizeof(p->out), "%s/out.h5", p->folder);
    snprintf(p->tmp, sizeof(p->tmp), "%s/out.h5.tmp", p->folder);
    write_jobs(p->old, 0, N_JOBS / 2);
    write_jobs(p->other, N_JOBS / 2, N_JOBS);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    fixture_remove(p->folder);
    free(p);
    return 0;
}

/* ---- what is tried ---- */

static ws_status write_rows(swp_store *store, int64_t from, ws_error *err)
{
    fixture_row f;
    WS_TRY(swp_store_begin(store, err));
    for (int64_t job = from; job < N_JOBS; job++) {
        WS_TRY(swp_store_write_row(store, fixture_make(job, &f), err));
        if (job == N_JOBS / 2) {
            WS_TRY(swp_store_flush(store, err));
        }
    }
    return WS_OK;
}

/* From an empty folder to a repacked file. */
static ws_status write_new(const place *p, ws_error *err, bool *is_right)
{
    const swp_layout       layout = fixture_layout(N_JOBS);
    const swp_store_config config = {.path = p->out, .n_threads = 2};
    swp_store             *store  = NULL;
    *is_right                     = true;
    WS_TRY(swp_store_create(&config, &layout, err, &store));
    ws_status status = write_rows(store, 0, err);
    if (status == WS_OK) {
        status = swp_store_finish(store, SWP_FINISH_REPACK, err);
    }
    swp_store_destroy(&store);
    return status;
}

static ws_status new_params(void *ctx, int64_t job, swp_value *params_out)
{
    fixture_row f;
    (void)ctx;
    memcpy(params_out, fixture_make(job, &f)->params, FIXTURE_PARAMS * sizeof(swp_value));
    return WS_OK;
}

static ws_status carry_on(const place *p, const swp_reader *old, ws_error *err)
{
    const swp_layout       layout   = fixture_layout(N_JOBS);
    const swp_store_config config   = {.path           = p->out,
                                       .no_live        = true,
                                       .scratch_dir    = p->folder,
                                       .history_before = swp_reader_history(old),
                                       .history_what   = "resumed"};
    const swp_row_identity identity = {.params_of = new_params};
    int64_t                jobs[64] = {0};
    swp_store             *store    = NULL;
    for (size_t i = 0; i < swp_reader_n_rows(old); i++) {
        jobs[i] = (int64_t)i;
    }
    WS_TRY(swp_store_create(&config, &layout, err, &store));
    ws_status status = swp_store_carry(store, old, jobs, &identity, err);
    if (status == WS_OK) {
        status = write_rows(store, N_JOBS / 2, err);
    }
    if (status == WS_OK) {
        status = swp_store_finish(store, SWP_FINISH_CLOSE, err);
    }
    swp_store_destroy(&store);
    return status;
}

/* Rows of an older file, then new ones, collected in a scratch file. */
static ws_status resume(const place *p, ws_error *err, bool *is_right)
{
    swp_reader *old = NULL;
    *is_right       = true;
    WS_TRY(swp_reader_open(p->old, err, &old));
    const ws_status status = carry_on(p, old, err);
    swp_reader_close(&old);
    return status;
}

/* Everything a reader reads. */
static ws_status read_all(const place *p, ws_error *err, bool *is_right)
{
    swp_reader *reader = NULL;
    *is_right          = false;
    WS_TRY(swp_reader_open(p->old, err, &reader));
    ws_status status = swp_reader_check(reader, true, err);
    if (status == WS_OK) {
        status = swp_reader_refresh(reader, err);
    }
    const swp_columns *columns = swp_reader_columns(reader);
    for (size_t i = 0; i < columns->n && status == WS_OK; i++) {
        char cells[8192];
        status = swp_reader_read(reader, &columns->list[i], 0, 1, cells, err);
    }
    *is_right = status == WS_OK && swp_reader_n_rows(reader) == N_JOBS / 2 &&
                swp_reader_layout(reader)->n_params == FIXTURE_PARAMS &&
                swp_reader_layout(reader)->has_series;
    swp_reader_close(&reader);
    return status;
}

static ws_status merge(const place *p, ws_error *err, bool *is_right)
{
    swp_reader *a = NULL, *b = NULL;
    *is_right        = true;
    ws_status status = swp_reader_open(p->other, err, &a);
    if (status == WS_OK) {
        status = swp_reader_open(p->old, err, &b);
    }
    if (status == WS_OK) {
        const swp_reader *const   sources[] = {a, b};
        const swp_rewrite_request request   = {.sources   = sources,
                                               .n_sources = 2,
                                               .layout    = swp_reader_layout(a),
                                               .n_threads = 1,
                                               .path      = p->out,
                                               .what      = "merged"};
        status                              = swp_rewrite(&request, err);
    }
    swp_reader_close(&b);
    swp_reader_close(&a);
    return status;
}

static ws_status lock(const place *p, ws_error *err, bool *is_right)
{
    swp_lock *held = NULL;
    *is_right      = true;
    WS_TRY(swp_lock_acquire(p->out, false, err, &held));
    (void)swp_lock_is_held(p->out); /* "no" is all it can say when it cannot look */
    swp_lock_release(&held);
    return WS_OK;
}

/* ---- trying ---- */

/* In a process of its own: @return how it ended, TRY_NOT_REACHED added if nothing failed. */
static int try_in_child(const place *p, action_fn action, fault_kind kind, size_t function, unsigned call)
{
    ws_error err      = WS_ERROR_INIT;
    bool     is_right = false;
    swp_h5_init();
    faults_arm(kind, function, call);
    const ws_status status = action(p, &err, &is_right);
    int             end    = faults_disarm() ? 0 : TRY_NOT_REACHED;
    if (status == WS_OK) {
        end |= is_right ? TRY_OK : TRY_WRONG;
    } else {
        end |= err.n_problems > 0 || status == WS_ERR_NOMEM ? TRY_REFUSED : TRY_UNEXPLAINED;
    }
    ws_error_clear(&err);
    return end;
}

static int try_once(const place *p, action_fn action, fault_kind kind, size_t function, unsigned call)
{
    int         status = -1;
    const pid_t child  = fork();
    if (child == 0) {
        exit(try_in_child(p, action, kind, function, call));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status)) {
        fail_msg("call %u of %s fails: killed by signal %d", call, faults_name(kind, function),
                 WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

/* The result file is not there, or all its rows are true: all of them after success. */
static void check_out(const place *p, bool is_done, const char *name, unsigned call)
{
    swp_reader *reader = NULL;
    ws_error    err    = WS_ERROR_INIT;
    if (access(p->tmp, F_OK) == 0) {
        fail_msg("call %u of %s fails: %s is left", call, name, p->tmp);
    }
    if (access(p->out, F_OK) == 0) {
        if (swp_reader_open(p->out, &err, &reader) != WS_OK) {
            fail_msg("call %u of %s fails: %s", call, name, ws_error_text(&err));
        }
        if (!check_all_rows(reader) || (is_done && swp_reader_n_rows(reader) != N_JOBS)) {
            fail_msg("call %u of %s fails: wrong rows, %zu of them", call, name, swp_reader_n_rows(reader));
        }
        swp_reader_close(&reader);
        unlink(p->out);
    } else if (is_done) {
        fail_msg("call %u of %s fails: no file", call, name);
    }
}

/* Questions of what is there, whose failure counts as "no": only a crash would be wrong. */
static bool asks_only(const char *name)
{
    return strcmp(name, "H5Lexists") == 0 || strcmp(name, "H5Aexists") == 0 || strcmp(name, "H5Aopen") == 0;
}

static void check_end(const place *p, int end, bool makes_file, const char *name, unsigned call)
{
    const bool is_reached = (end & TRY_NOT_REACHED) == 0;
    const int  how        = end & ~TRY_NOT_REACHED;
    if (is_reached && asks_only(name)) {
        unlink(p->out);
        return;
    }
    if (how == TRY_UNEXPLAINED || how == TRY_WRONG || (how != TRY_OK && !is_reached)) {
        fail_msg("call %u of %s fails: %s", call, name,
                 how == TRY_WRONG ? "success, but wrong" : "no reason given");
    }
    if (makes_file) {
        check_out(p, how == TRY_OK, name, call);
    }
}

/* Let every function fail at its first call, a later one, and so on until it is not called so often.
 * @return how many calls were made to fail */
static unsigned try_all(const place *p, action_fn action, fault_kind kind, bool makes_file)
{
    unsigned n_failed = 0;
    for (size_t function = 0; faults_name(kind, function) != NULL; function++) {
        const unsigned most    = kind == FAULT_MEMORY ? UINT_MAX : MOST_CALLS;
        bool           is_over = false;
        for (unsigned call = 0; !is_over && call <= most; call = faults_next_call(kind, call)) {
            const int end = try_once(p, action, kind, function, call);
            check_end(p, end, makes_file, faults_name(kind, function), call);
            is_over = (end & TRY_NOT_REACHED) != 0;
            n_failed += !is_over;
        }
    }
    return n_failed;
}

static void expect_safe(void **state, action_fn action, fault_kind kind, bool makes_file)
{
    const unsigned n_failed = try_all(*state, action, kind, makes_file);
    print_message("%u calls failed\n", n_failed);
    assert_true(n_failed > 0);
}

static void test_writing_without_memory(void **state)
{
    expect_safe(state, write_new, FAULT_MEMORY, true);
}

static void test_writing_while_hdf5_fails(void **state)
{
    expect_safe(state, write_new, FAULT_HDF5, true);
}

static void test_writing_while_the_system_fails(void **state)
{
    expect_safe(state, write_new, FAULT_SYSTEM, true);
}

static void test_resuming(void **state)
{
    expect_safe(state, resume, FAULT_MEMORY, true);
    expect_safe(state, resume, FAULT_SYSTEM, true);
}

static void test_reading(void **state)
{
    expect_safe(state, read_all, FAULT_MEMORY, false);
    expect_safe(state, read_all, FAULT_HDF5, false);
}

static void test_merging(void **state)
{
    expect_safe(state, merge, FAULT_MEMORY, true);
    expect_safe(state, merge, FAULT_SYSTEM, true);
}

static void test_locking(void **state)
{
    expect_safe(state, lock, FAULT_MEMORY, false);
    expect_safe(state, lock, FAULT_SYSTEM, false);
}

#define FAULT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(test_writing_without_memory),
        FAULT_TEST(test_writing_while_hdf5_fails),
        FAULT_TEST(test_writing_while_the_system_fails),
        FAULT_TEST(test_resuming),
        FAULT_TEST(test_reading),
        FAULT_TEST(test_merging),
        FAULT_TEST(test_locking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
