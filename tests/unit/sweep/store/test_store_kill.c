/* SIGKILL at any moment: every row the file calls complete is complete and right, and a rewritten file has
 * exactly those rows. WS_KILL_TRIALS sets the number of kills (default 12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "store/rewrite.h"
#include "store_check.h"

#define N_JOBS 4000

/* The writer: as many rows as it gets to, flushing every few milliseconds. */
static void write_until_killed(const char *path)
{
    const swp_store_config config = {.path = path, .overwrite = true, .flush_interval_s = 2e-3};
    const swp_layout       layout = fixture_layout(64); /* small chunks: many are begun and filled */
    swp_store             *store  = NULL;
    fixture_row            f;

    if (swp_store_create(&config, &layout, NULL, &store) != WS_OK || swp_store_begin(store, NULL) != WS_OK) {
        _exit(1);
    }
    for (int64_t job = 0; job < N_JOBS; job++) {
        if (swp_store_write_row(store, fixture_make(job, &f), NULL) != WS_OK) {
            _exit(2);
        }
        if (job % 8 == 0) {
            usleep(50);
        }
    }
    _exit(swp_store_finish(store, SWP_FINISH_REPACK, NULL) == WS_OK ? 0 : 3);
}

static size_t check_what_is_left(const char *path)
{
    ws_error    err    = WS_ERROR_INIT;
    swp_reader *reader = NULL;

    if (swp_reader_open(path, &err, &reader) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    const size_t n = swp_reader_n_rows(reader);
    assert_true(check_all_rows(reader));
    const swp_reader         *source  = reader;
    const swp_rewrite_request request = {.sources   = &source,
                                         .n_sources = 1,
                                         .layout    = swp_reader_layout(reader),
                                         .n_threads = 1,
                                         .path      = path,
                                         .what      = "recovered",
                                         .replace   = true};
    if (swp_rewrite(&request, &err) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    swp_reader_close(&reader);
    if (swp_reader_open(path, &err, &reader) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    assert_int_equal(swp_reader_kind(reader), SWP_FILE_PLAIN);
    assert_true(
        check_repacked(reader, (int64_t)n)); /* jobs were written in order, so what is left is 0 .. n - 1 */
    swp_reader_close(&reader);
    return n;
}

static void rows_survive_kills(void **state)
{
    const char *text     = getenv("WS_KILL_TRIALS");
    const int   n_trials = text != NULL ? atoi(text) : 12;
    char       *folder   = fixture_folder();
    char        path[600];
    uint32_t    random        = 12345;
    size_t      n_killed_live = 0, n_rows = 0;

    (void)state;
    assert_non_null(folder);
    snprintf(path, sizeof(path), "%s/results.h5", folder);
    for (int trial = 0; trial < n_trials; trial++) {
        unlink(path);
        const pid_t child = fork();
        if (child == 0) {
            write_until_killed(path);
        }
        random =
            random * 1664525u + 1013904223u; /* Numerical Recipes' generator: any spread of moments will do */
        usleep((random >> 8) % 300000u);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        if (access(path, F_OK) != 0) {
            continue; /* killed before there was a file */
        }
        n_rows += check_what_is_left(path);
        n_killed_live += WIFSIGNALED(status) ? 1 : 0;
    }
    print_message("trials=%d killed_while_live=%zu rows_checked=%zu\n", n_trials, n_killed_live, n_rows);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_survive_kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
