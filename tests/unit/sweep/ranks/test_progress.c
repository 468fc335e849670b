/* Invariants: what is shown is what was counted, rows of an earlier run included; the best job so far is the
 * best of those that are done; the progress file is always a whole JSON text and never a reason to fail;
 * quiet is quiet. */
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "captured.h"
#include "pty.h"
#include "ranks/progress.h"
#include "store_fixture.h"

#include "base/json.h"

static const swp_progress_config CONFIG = {.name     = "n",
                                           .n_total  = 10,
                                           .n_before = {[SWP_STATE_DONE] = 2, [SWP_STATE_TIMED_OUT] = 1},
                                           .n_pruned = 3,
                                           .n_ranks  = 2,
                                           .lower_is_better = true,
                                           .best_metric     = WS_METRIC_J_PER_TOKEN};

static swp_progress *progress_of(const swp_progress_config *config)
{
    swp_progress *p = NULL;
    assert_int_equal(swp_progress_create(config, &p), WS_OK);
    return p;
}

/* Count a row of a state whose best metric has this value. */
static void count(swp_progress *p, int64_t job, swp_job_state state, ws_metric metric, double value)
{
    double metrics[WS_METRIC_COUNT] = {0};
    metrics[metric]                 = value;
    metrics[WS_METRIC_SLO_MET]      = NAN;
    const swp_row row               = {.job = job, .state = state, .metrics = metrics};
    swp_progress_count(p, &row);
}

typedef struct shown {
    swp_progress            *p;
    const swp_rank_progress *ranks;
    const char              *ending;
} shown;

static void finish(void *ctx)
{
    const shown *s = ctx;
    swp_progress_finish(s->p, s->ranks, s->ending);
}

static void tick(void *ctx)
{
    const shown *s = ctx;
    for (int i = 0; i < 100; i++) {
        swp_progress_tick(s->p, s->ranks);
    }
}

static void say(void *ctx)
{
    const shown *s = ctx;
    swp_progress_say(s->p, "job %d of \"%s\"", 7, "größe");
}

static void expect_shown(swp_progress *p, const char *part)
{
    shown s    = {.p = p, .ending = "done"};
    char *text = captured(stderr, finish, &s);
    if (strstr(text, part) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", part, text);
    }
    free(text);
}

static void test_rows_are_counted_by_state(void **state)
{
    (void)state;
    swp_progress *p = progress_of(&CONFIG);
    expect_shown(p, "done=2 failed=1 pruned=3 total=10 rate=0/s eta=-\n");
    static const swp_job_state states[] = {SWP_STATE_DONE,      SWP_STATE_DONE,       SWP_STATE_FAILED,
                                           SWP_STATE_TIMED_OUT, SWP_STATE_INFEASIBLE, SWP_STATE_INTERRUPTED};
    for (int i = 0; i < 6; i++) {
        count(p, i, states[i], WS_METRIC_J_PER_TOKEN, NAN);
    }
    assert_int_equal(swp_progress_n(p, SWP_STATE_DONE), 2);
    assert_int_equal(swp_progress_n(p, SWP_STATE_INFEASIBLE), 1);
    assert_int_equal(swp_progress_n(p, SWP_STATE_INTERRUPTED), 1);
    assert_int_equal(swp_progress_n_counted(p), 6);
    expect_shown(p, "done=4 failed=4 pruned=3 total=10 rate=");
    swp_progress_destroy(&p);
    assert_null(p);
    swp_progress_destroy(&p);
}

static void test_the_best_of_those_that_are_done(void **state)
{
    (void)state;
    for (int lower = 0; lower < 2; lower++) {
        swp_progress_config config = CONFIG;
        config.lower_is_better     = lower == 1;
        config.best_metric         = lower == 1 ? WS_METRIC_J_PER_TOKEN : WS_METRIC_TOTAL_TOK_S;
        swp_progress *p            = progress_of(&config);
        count(p, 1, SWP_STATE_DONE, config.best_metric, NAN);
        count(p, 2, SWP_STATE_FAILED, config.best_metric, lower == 1 ? 0.1 : 900.0); /* does not count */
        shown none = {.p = p, .ending = ""};
        char *text = captured(stderr, finish, &none);
        assert_null(strstr(text, "best_"));
        free(text);
        count(p, 3, SWP_STATE_DONE, config.best_metric, 2.5);
        count(p, 4, SWP_STATE_DONE, config.best_metric, lower == 1 ? 1.25 : 40.0);
        count(p, 5, SWP_STATE_DONE, config.best_metric,
              lower == 1 ? 1.25 : 40.0); /* the first of equals stays */
        count(p, 6, SWP_STATE_DONE, config.best_metric, 3.0);
        const swp_row bare = {.job = 7, .state = SWP_STATE_DONE};
        swp_progress_count(p, &bare);
        expect_shown(p, lower == 1 ? " best_j_per_token=1.25 (job 4)\n" : " best_total_tok_s=40 (job 4)\n");
        swp_progress_destroy(&p);
    }
    swp_progress_config config = CONFIG;
    config.best_metric         = WS_METRIC_COUNT;
    swp_progress *p            = progress_of(&config);
    count(p, 1, SWP_STATE_DONE, WS_METRIC_J_PER_TOKEN, 1.0);
    expect_shown(p, "done=3 ");
    swp_progress_destroy(&p);
}

static void count_with_slo(swp_progress *p, int64_t job, double slo_met, double value)
{
    double        metrics[WS_METRIC_COUNT] = {[WS_METRIC_SLO_MET] = slo_met, [WS_METRIC_J_PER_TOKEN] = value};
    const swp_row row                      = {.job = job, .state = SWP_STATE_DONE, .metrics = metrics};
    swp_progress_count(p, &row);
}

/* One that misses the SLO is the best only until one that meets it comes. */
static void test_the_best_meets_the_slo(void **state)
{
    (void)state;
    swp_progress_config config = CONFIG;
    for (int ignores = 0; ignores < 2; ignores++) {
        config.ignores_slo = ignores == 1;
        swp_progress *p    = progress_of(&config);
        count_with_slo(p, 1, 0.0, 2.0);
        expect_shown(p, " best_j_per_token=2 (job 1, misses slo)\n");
        count_with_slo(p, 2, 1.0, 5.0);
        count_with_slo(p, 3, 0.0, 1.0);
        expect_shown(p, ignores == 1 ? " best_j_per_token=1 (job 3, misses slo)\n"
                                     : " best_j_per_token=5 (job 2, meets slo)\n");
        const double kept[WS_METRIC_COUNT] = {[WS_METRIC_SLO_MET] = 1.0, [WS_METRIC_J_PER_TOKEN] = 0.5};
        swp_progress_consider(p, 9, kept); /* of an earlier run */
        expect_shown(p, "done=5 ");
        expect_shown(p, " best_j_per_token=0.5 (job 9, meets slo)\n");
        swp_progress_destroy(&p);
    }
}

/* More rows than were foreseen, a retried job for example, leave no time to go. */
static void test_more_rows_than_the_total(void **state)
{
    (void)state;
    swp_progress *p = progress_of(&CONFIG);
    for (int i = 0; i < 7; i++) { /* with the three of before all of them */
        count(p, i, SWP_STATE_DONE, WS_METRIC_J_PER_TOKEN, 1.0);
    }
    expect_shown(p, "eta=0:00:00");
    count(p, 8, SWP_STATE_DONE, WS_METRIC_J_PER_TOKEN, 1.0);
    expect_shown(p, "eta=- ");
    swp_progress_destroy(&p);
}

static void test_quiet_and_verbose(void **state)
{
    (void)state;
    const swp_rank_progress ranks[] = {{.n_done = 4, .n_outstanding = 2}, {.n_done = 9, .is_dead = true}};
    swp_progress_config     config  = CONFIG;
    config.is_quiet                 = true;
    config.verbosity                = 1;
    swp_progress *p                 = progress_of(&config);
    shown         s                 = {.p = p, .ranks = ranks, .ending = "done"};
    char         *text              = captured(stderr, finish, &s);
    assert_string_equal(text, "");
    free(text);
    text = captured(stderr, tick, &s);
    assert_string_equal(text, "");
    free(text);
    text = captured(stderr, say, &s); /* problems come all the same */
    assert_string_equal(text, "wattsweep: job 7 of \"größe\"\n");
    free(text);
    swp_progress_destroy(&p);
    config.is_quiet = false;
    p = s.p = progress_of(&config);
    text    = captured(stderr, tick, &s); /* into a file: once a minute, so not yet */
    assert_string_equal(text, "");
    free(text);
    text = captured(stderr, finish, &s);
    assert_non_null(strstr(text, "rank=0 done=4 in_hand=2 busy_share=0.00\n"));
    assert_non_null(strstr(text, "rank=1 done=9 in_hand=0 busy_share=0.00 dead\n"));
    free(text);
    s.ranks = NULL;
    text    = captured(stderr, finish, &s);
    assert_null(strstr(text, "rank="));
    free(text);
    swp_progress_destroy(&p);
}

/* ---- in played time ---- */

static double played_s(void *ctx)
{
    return *(const double *)ctx;
}

/* Once a minute into a file, with the rate until now and the time it will take. */
static void test_a_log_has_a_line_a_minute(void **state)
{
    (void)state;
    double              now_s   = 1000.0;
    const swp_machine   machine = {.ctx = &now_s, .now_s = played_s};
    swp_progress_config config  = CONFIG;
    config.machine              = &machine;
    config.n_total              = 7203;
    swp_progress *p             = progress_of(&config);
    shown         s             = {.p = p};
    for (int i = 0; i < 120; i++) {
        count(p, i, SWP_STATE_DONE, WS_METRIC_J_PER_TOKEN, NAN);
    }
    now_s      = 1059.9;
    char *text = captured(stderr, tick, &s);
    assert_string_equal(text, "");
    free(text);
    now_s = 1060.0;
    text  = captured(stderr, tick, &s); /* a hundred times: the others are too early again */
    assert_string_equal(text, "done=122 failed=1 pruned=3 total=7203 rate=2/s eta=0:59:00\n");
    free(text);
    swp_progress_destroy(&p);
}

/* What has come to a terminal since the last call. The system hands its bytes over in its own time: read
 * until none have come for a while. */
static const char *seen_on(const pty *t)
{
    enum { QUIET_MS = 100 };
    static char   text[8192];
    size_t        len   = 0;
    struct pollfd ready = {.fd = t->master, .events = POLLIN};
    while (len < sizeof text - 1 && poll(&ready, 1, QUIET_MS) > 0) {
        const ssize_t n = read(t->master, text + len, sizeof text - 1 - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    text[len] = '\0';
    return text;
}

static void expect_seen(const pty *t, const char *part, bool is_expected)
{
    const char *text = seen_on(t);
    if ((strstr(text, part) != NULL) != is_expected) {
        fail_msg("%s \"%s\" in \"%s\"", is_expected ? "expected" : "did not expect", part, text);
    }
}

/* Lines that are replaced four times a second, as many ranks as fit, each cut to the width. */
static void test_on_a_terminal(void **state)
{
    (void)state;
    double                  now_s   = 1000.0;
    const swp_machine       machine = {.ctx = &now_s, .now_s = played_s};
    const swp_rank_progress ranks[] = {
        {.n_done = 4, .busy_s = 0.5}, {.n_done = 5}, {.n_done = 6}, {.n_done = 7}};
    swp_progress_config config = CONFIG;
    const pty           t      = pty_open(40, 4);
    const int           kept   = dup(STDERR_FILENO);
    assert_int_equal(fcntl(t.master, F_SETFL, O_NONBLOCK), 0);
    config.machine   = &machine;
    config.verbosity = 1;
    config.n_ranks   = 4;
    assert_true(dup2(t.slave, STDERR_FILENO) >= 0);
    swp_progress *p = progress_of(&config);
    now_s           = 1000.2;
    swp_progress_tick(p, ranks);
    expect_seen(&t, "done", false);
    now_s = 1001.0;
    swp_progress_tick(p, ranks);
    const char *text = seen_on(&t);
    assert_non_null(strstr(text, "rank=0 done=4 in_hand=0 busy_share=0.50"));
    assert_non_null(strstr(text, "rank=1 done=5"));
    assert_null(strstr(text, "rank=2"));
    assert_non_null(strstr(text, "... and 2 more ranks"));
    assert_non_null(strstr(text, "done=2 failed=1 pruned=3 total=10 rate="));
    assert_null(strstr(text, "eta=")); /* beyond the width */
    assert_null(strstr(text, "\033")); /* nothing to clear yet */
    now_s = 1002.0;
    swp_progress_tick(p, ranks);
    expect_seen(&t, "\r\033[3A\033[J", true); /* the four lines are drawn anew */
    swp_progress_say(p, "a remark");
    expect_seen(&t, "\r\033[3A\033[Jwattsweep: a remark", true);
    now_s = 1003.0;
    swp_progress_tick(p, NULL); /* without ranks: a line */
    expect_seen(&t, "\033", false);
    now_s = 1004.0;
    swp_progress_tick(p, NULL);
    expect_seen(&t, "\r\033[K", true);
    swp_progress_finish(p, ranks, "complete");
    expect_seen(&t, "rank=3 done=7", true);
    assert_true(dup2(kept, STDERR_FILENO) >= 0 && close(kept) == 0);
    swp_progress_destroy(&p);
    pty_close(&t);
}

/* ---- the progress file ---- */

static double number(ws_json root, const char *key)
{
    return ws_json_number(ws_json_member(root, key));
}

/* Parse the file; it has to be whole. */
static ws_json_doc *read_json(const char *path)
{
    char         text[1024];
    ws_error     err  = WS_ERROR_INIT;
    ws_json_doc *doc  = NULL;
    FILE        *file = fopen(path, "r");
    assert_non_null(file);
    const size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    if (ws_json_doc_parse(path, text, len, &err, &doc) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return doc;
}

static void test_the_progress_file_is_whole(void **state)
{
    (void)state;
    char               *folder = fixture_folder();
    char                path[600], temporary[620];
    swp_progress_config config = CONFIG;
    snprintf(path, sizeof path, "%s/p.json", folder);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    config.json_path = path;
    config.name      = "a \"b\"\n";
    config.is_quiet  = true;
    swp_progress *p  = progress_of(&config);
    count(p, 1, SWP_STATE_DONE, WS_METRIC_J_PER_TOKEN, 1.0);
    count(p, 2, SWP_STATE_FAILED, WS_METRIC_J_PER_TOKEN, 1.0);
    swp_progress_tick(p, NULL); /* the first one comes at once */
    ws_json_doc  *doc  = read_json(path);
    const ws_json root = ws_json_doc_root(doc);
    assert_string_equal(ws_json_string(ws_json_member(root, "name")), "a \"b\"\n");
    assert_int_equal(ws_json_kind_of(ws_json_member(root, "ending")), WS_JSON_NULL);
    assert_true(number(root, "n_total") == 10.0 && number(root, "n_done") == 3.0 &&
                number(root, "n_failed") == 2.0 && number(root, "n_pruned") == 3.0);
    assert_true(number(root, "wall_s") >= 0.0 && number(root, "jobs_per_s") > 0.0);
    const ws_json best = ws_json_member(root, "best");
    assert_true(number(best, "value") == 1.0 && number(best, "job") == 1.0);
    assert_int_equal(ws_json_kind_of(ws_json_member(best, "slo_met")), WS_JSON_NULL);
    assert_int_equal(ws_json_kind_of(ws_json_member(best, "oversize")), WS_JSON_BOOL);
    ws_json_doc_destroy(&doc);
    count_with_slo(p, 3, 1.0, 7.0);
    swp_progress_finish(p, NULL, "stopped early");
    doc = read_json(path);
    assert_string_equal(ws_json_string(ws_json_member(ws_json_doc_root(doc), "ending")), "stopped early");
    assert_true(number(ws_json_member(ws_json_doc_root(doc), "best"), "value") ==
                1.0); /* no SLO is none missed */
    ws_json_doc_destroy(&doc);
    assert_int_not_equal(access(temporary, F_OK), 0);
    swp_progress_destroy(&p);
    fixture_remove(folder);
}

static void test_a_progress_file_that_cannot_be(void **state)
{
    (void)state;
    char               *folder = fixture_folder();
    char                path[600], temporary[620];
    swp_progress_config config = CONFIG;
    config.is_quiet            = true;
    config.json_path           = path;
    snprintf(path, sizeof path, "%s/taken", folder);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder is there already */
    swp_progress *p = progress_of(&config);
    swp_progress_tick(p, NULL);
    swp_progress_finish(p, NULL, "done");
    assert_int_not_equal(access(temporary, F_OK), 0); /* nothing is left behind */
    snprintf(path, sizeof path, "%s/nowhere/p.json", folder);
    swp_progress_finish(p, NULL, "done");
    swp_progress_destroy(&p);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_counted_by_state),
        cmocka_unit_test(test_the_best_of_those_that_are_done),
        cmocka_unit_test(test_the_best_meets_the_slo),
        cmocka_unit_test(test_more_rows_than_the_total),
        cmocka_unit_test(test_quiet_and_verbose),
        cmocka_unit_test(test_a_log_has_a_line_a_minute),
        cmocka_unit_test(test_on_a_terminal),
        cmocka_unit_test(test_the_progress_file_is_whole),
        cmocka_unit_test(test_a_progress_file_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
