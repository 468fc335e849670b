/* Invariants of `wattsweep run`, all of it but mpirun: alone and with played ranks a sweep gives the same
 * rows and exit code; a file that is there is continued, replaced or left alone as the options say; a sweep
 * that stops early says so and is finished by --resume; whatever is wrong ends with the code for it. */
#include <string.h>

#include "captured.h"
#include "cli/commands.h"
#include "fake_transport.h"
#include "ranks/worker_rank.h"
#include "run/cmd_run.h"
#include "run/rank0.h"
#include "store_fixture.h"

enum { MAX_ARGS = 12, N_RANKS = 4 };

typedef struct swept {
    char *folder;
    char  spec[600], file[600], other[600];
    char *argv[MAX_ARGS];
    int   argc;
    int   code;
    char *log; /* what it said on stderr */
} swept;

static int set_up(void **state)
{
    swept *s  = calloc(1, sizeof *s);
    s->folder = fixture_folder();
    snprintf(s->spec, sizeof s->spec, "%s/spec.json", s->folder);
    snprintf(s->file, sizeof s->file, "%s/one.h5", s->folder);
    snprintf(s->other, sizeof s->other, "%s/other.h5", s->folder);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    swept *s = *state;
    free(s->log);
    fixture_remove(s->folder);
    free(s);
    return 0;
}

/* 3 x 2 points, two of which the constraint leaves out, twice each. */
#define POINTS                                                                                               \
    "\"parameters\": {\"max_num_seqs\": [4, 8, 16], \"block_size\": [16, 32]}, \"repeats\": 2, "             \
    "\"constraints\": [\"max_num_seqs * block_size < 256\"]"
enum { N_JOBS = 6, N_PRUNED = 6 };

static void put_spec(const swept *s, const char *members)
{
    FILE *file = fopen(s->spec, "w");
    assert_non_null(file);
    assert_true(
        fprintf(file,
                "{\"name\": \"few\", \"cluster\": \"%s/configs/cluster/single_node_power_instance.json\", "
                "\"workload\": {\"generator\": \"constant\", \"rate\": 4, \"num_reqs\": 6, \"input\": 40, "
                "\"output\": 4}, %s}",
                getenv("WS_SOURCE_DIR"), members) > 0);
    assert_int_equal(fclose(file), 0);
}

static void call(void *ctx)
{
    swept *s = ctx;
    s->code  = swp_cmd_run(s->argc, s->argv);
}

static void call_and_hide_help(void *ctx)
{
    free(captured(stdout, call, ctx));
}

/* Run into a file with up to three more options. @return the exit code; s->log is what it said */
static int run(swept *s, const char *file, const char *a, const char *b, const char *c)
{
    const char *words[] = {"run", s->spec, "-o", file, a, b, c};
    s->argc             = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i] != NULL) {
            s->argv[s->argc++] = (char *)words[i];
        }
    }
    free(s->log);
    s->log = captured(stderr, call_and_hide_help, s);
    return s->code;
}

static void expect_said(const swept *s, const char *part)
{
    if (strstr(s->log, part) == NULL) {
        fail_msg("expected \"%s\" in\n%s", part, s->log);
    }
}

static void diff(void *ctx)
{
    swept *s      = ctx;
    char  *argv[] = {(char *)"diff", s->file, s->other};
    s->code       = swp_cmd_diff(3, argv);
}

static void expect_same_files(swept *s)
{
    char *text = captured(stdout, diff, s);
    if (s->code != WS_EXIT_DONE) {
        fail_msg("they differ:\n%s", text);
    }
    free(text);
}

static size_t n_rows_of(const char *path)
{
    ws_error    err    = WS_ERROR_INIT;
    swp_reader *reader = NULL;
    if (swp_reader_open(path, &err, &reader) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    const size_t n = swp_reader_n_rows(reader);
    swp_reader_close(&reader);
    return n;
}

/* ---- alone ---- */

static void test_a_sweep_from_beginning_to_end(void **state)
{
    swept *s = *state;
    put_spec(s, POINTS);
    assert_int_equal(run(s, s->file, "-v", NULL, NULL), WS_EXIT_DONE);
    expect_said(s, "one.h5 is complete\n");
    expect_said(s, "coordinator_cpu_s=");
    assert_int_equal(n_rows_of(s->file), N_JOBS);
    assert_int_equal(run(s, s->file, NULL, NULL, NULL), WS_EXIT_OUTPUT); /* it is there */
    expect_said(s, "--resume continues it");
    assert_int_equal(run(s, s->file, "--resume", NULL, NULL), WS_EXIT_DONE);
    expect_said(s, "is complete: nothing to run, left as it is");
    assert_int_equal(run(s, s->file, "--overwrite", "-q", NULL), WS_EXIT_DONE);
    assert_string_equal(s->log, "");
    assert_int_equal(run(s, s->other, "--no-repack", "--no-live", "-q"), WS_EXIT_DONE);
    expect_same_files(s);
}

static void test_points_left_out_are_rows_on_request(void **state)
{
    swept *s = *state;
    put_spec(s, POINTS);
    assert_int_equal(run(s, s->file, "--keep-infeasible", "-q", NULL), WS_EXIT_DONE);
    assert_int_equal(n_rows_of(s->file), N_JOBS + N_PRUNED);
}

static void test_slices(void **state)
{
    swept *s = *state;
    put_spec(s, POINTS);
    assert_int_equal(run(s, s->file, "--slice", "0/3", "-q"), WS_EXIT_DONE);
    assert_true(n_rows_of(s->file) > 0 && n_rows_of(s->file) < N_JOBS);
}

/* No time for any job; the next one has it. */
static void test_what_stops_early_is_resumed(void **state)
{
    swept *s = *state;
    put_spec(s, POINTS);
    assert_int_equal(run(s, s->file, "--time-limit", "1ns", NULL), WS_EXIT_RESUME);
    expect_said(s, "is not complete: go on with --resume");
    assert_int_equal(run(s, s->file, "--resume", "-q", NULL), WS_EXIT_DONE);
    assert_int_equal(n_rows_of(s->file), N_JOBS);
}

static void test_what_is_wrong_ends_with_its_code(void **state)
{
    swept *s = *state;
    put_spec(s, "\"constraints\": [\"max_num_seqs < 0\"]");
    assert_int_equal(run(s, s->file, NULL, NULL, NULL), WS_EXIT_INPUT);
    expect_said(s, "no point of 1 meets them all");
    put_spec(s, "\"parameters\": {\"max_num_sex\": [1]}");
    assert_int_equal(run(s, s->file, NULL, NULL, NULL), WS_EXIT_INPUT);
    expect_said(s, "max_num_seqs");
    assert_int_equal(run(s, s->file, "--resumee", NULL, NULL), WS_EXIT_INPUT);
    expect_said(s, "--resume");
    put_spec(s, POINTS);
    assert_int_equal(run(s, s->folder, NULL, NULL, NULL), WS_EXIT_INPUT); /* a folder */
    assert_int_equal(run(s, s->file, "--help", NULL, NULL), WS_EXIT_DONE);
    assert_int_not_equal(access(s->file, F_OK), 0); /* nothing was written */
}

/* ---- with played ranks ---- */

typedef struct played {
    fake_world     *world;
    swp_run_options options;
    int             code;
    bool            must_exit[N_RANKS];
    ws_status       status[N_RANKS];
    struct rank_of {
        struct played *p;
        int            rank;
    } ranks[N_RANKS];
} played;

static void run_rank0(void *ctx)
{
    played *p = ctx;
    p->code   = swp_rank0_run(fake_transport(p->world, 0), "node0", &p->options, &p->must_exit[0]);
}

static void run_worker(void *ctx)
{
    const struct rank_of *r = ctx;
    r->p->status[r->rank] =
        swp_worker_rank_run(fake_transport(r->p->world, r->rank), "node1", 1e6, &r->p->must_exit[r->rank]);
}

static void play(void *ctx)
{
    played *p = ctx;
    if (!fake_run(p->world, 1e7)) {
        fprintf(stderr, "it never ends\n");
    }
}

/* Time flies while rank 0 reads its files, so nobody's silence counts. */
static void run_played(swept *s, played *p, const char *file, uint64_t window_bytes)
{
    ws_error err    = WS_ERROR_INIT;
    char    *argv[] = {(char *)"run",    s->spec,
                       (char *)"-o",     (char *)file,
                       (char *)"-v",     (char *)"--rank0-works",
                       (char *)"no",     (char *)"--silence-timeout",
                       (char *)"1000000"};
    *p              = (played){.world = fake_world_create(N_RANKS, 1)};
    assert_int_equal(swp_run_options_parse(SWP_COMMAND_RUN, 9, argv, &err, &p->options), WS_OK);
    if (window_bytes > 0) {
        fake_share_window(p->world, 0, window_bytes);
    }
    fake_start(p->world, 0, run_rank0, p);
    for (int i = 1; i < N_RANKS; i++) {
        p->ranks[i] = (struct rank_of){.p = p, .rank = i};
        fake_start(p->world, i, run_worker, &p->ranks[i]);
    }
    free(s->log);
    s->log = captured(stderr, play, p);
    assert_null(strstr(s->log, "it never ends"));
}

static void test_ranks_give_what_one_gives(void **state)
{
    swept *s = *state;
    put_spec(s, POINTS);
    assert_int_equal(run(s, s->file, "-q", NULL, NULL), WS_EXIT_DONE);
    for (int has_window = 0; has_window < 2; has_window++) {
        played p;
        run_played(s, &p, s->other, has_window ? 64u << 20 : 0);
        assert_int_equal(p.code, WS_EXIT_DONE);
        for (int i = 0; i < N_RANKS; i++) {
            assert_false(p.must_exit[i]);
            assert_int_equal(p.status[i], WS_OK);
        }
        expect_same_files(s);
        fake_world_destroy(p.world);
        assert_int_equal(unlink(s->other), 0);
    }
}

static void test_ranks_are_let_go_when_nothing_can_run(void **state)
{
    swept *s = *state;
    played p;
    put_spec(s, "\"parameters\": {\"max_num_sex\": [1]}");
    run_played(s, &p, s->file, 0);
    assert_int_equal(p.code, WS_EXIT_INPUT);
    for (int i = 0; i < N_RANKS; i++) {
        assert_false(p.must_exit[i]);
        assert_int_equal(p.status[i], WS_OK);
    }
    fake_world_destroy(p.world);
}

int main(void)
{
#define SWEPT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SWEPT_TEST(test_a_sweep_from_beginning_to_end),
        SWEPT_TEST(test_points_left_out_are_rows_on_request),
        SWEPT_TEST(test_slices),
        SWEPT_TEST(test_what_stops_early_is_resumed),
        SWEPT_TEST(test_what_is_wrong_ends_with_its_code),
        SWEPT_TEST(test_ranks_give_what_one_gives),
        SWEPT_TEST(test_ranks_are_let_go_when_nothing_can_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
