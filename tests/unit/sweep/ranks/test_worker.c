/* Invariants: a worker reports every job in the order they came, keeps up its heartbeats while it computes,
 * does what the most urgent STOP says, leaves when rank 0 is gone or silent, and takes no message for what it
 * is not. Rank 0 is played: it sends what a test has planned and notes what it hears. */
#include "fake_transport.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "captured.h"
#include "ranks/messages.h"
#include "ranks/worker.h"
#include "result/row_wire.h"

enum { MAX_HEARD = 4096 };

typedef struct heard {
    int           tag;
    double        at_s;
    size_t        n_rows;
    int64_t       first_job;
    swp_job_state last_state;
} heard;

typedef struct stage {
    fake_world *world;
    swp_worker *worker;
    double      listens_until_s;
    heard       heard[MAX_HEARD];
    size_t      n_heard;
    double      job_s;
    size_t      n_run;
    ws_status   status, leave_status;
    bool        got_setup, may_finalize;
    char        setup[64];
    size_t      setup_len;
    char        hash[SWP_HASH_LEN + 1];
    swp_row     row;
} stage;

/* ---- rank 0 ---- */

static void note(stage *s, const swp_message *message)
{
    heard h = {.tag = message->tag, .at_s = fake_now_s(s->world, 0), .first_job = -1};
    if (message->tag == SWP_TAG_RESULTS) {
        size_t  offset = 0;
        swp_row row;
        while (offset < message->len && swp_rows_next(message->data, message->len, &offset, &row) == WS_OK) {
            h.first_job  = h.n_rows++ == 0 ? row.job : h.first_job;
            h.last_state = row.state;
        }
    }
    if (s->n_heard < MAX_HEARD) {
        s->heard[s->n_heard++] = h;
    }
}

static void listen_only(void *ctx)
{
    stage         *s = ctx;
    swp_transport *t = fake_transport(s->world, 0);
    swp_message    message;
    while (fake_now_s(s->world, 0) < s->listens_until_s) {
        while (swp_transport_poll(t, &message)) {
            note(s, &message);
            free(message.data);
        }
        fake_spend(s->world, 0, 0.001);
    }
}

static size_t n_heard(const stage *s, int tag)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_heard; i++) {
        n += s->heard[i].tag == tag;
    }
    return n;
}

static size_t n_rows_heard(const stage *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_heard; i++) {
        n += s->heard[i].n_rows;
    }
    return n;
}

/* ---- the worker ---- */

static const swp_row *run_job(void *ctx, uint64_t job, int32_t attempt)
{
    stage *s         = ctx;
    bool   must_stop = false;
    s->n_run++;
    for (double left_s = s->job_s; left_s > 0.0 && !must_stop; left_s -= 0.02) {
        fake_spend(s->world, 1, fmin(left_s, 0.02));
        must_stop = swp_worker_stay_in_touch(s->worker);
    }
    snprintf(s->hash, sizeof s->hash, "%032llx", (unsigned long long)job);
    s->row = (swp_row){.job     = (int64_t)job,
                       .state   = must_stop ? SWP_STATE_INTERRUPTED : SWP_STATE_DONE,
                       .attempt = attempt,
                       .hash    = s->hash,
                       .rank    = 1};
    return &s->row;
}

static ws_status serve(stage *s)
{
    const char *block = NULL;
    size_t      len   = 0;
    WS_TRY(swp_worker_create(fake_transport(s->world, 1), "here", 4.0, &s->worker));
    WS_TRY(swp_worker_await_setup(s->worker, &block, &len));
    s->got_setup = block != NULL;
    if (block != NULL) {
        s->setup_len = len;
        memcpy(s->setup, block, len < sizeof s->setup ? len : sizeof s->setup);
        WS_TRY(swp_worker_work(s->worker, run_job, s));
    }
    s->leave_status = swp_worker_leave(s->worker, &s->may_finalize);
    return s->leave_status;
}

static void run_worker(void *ctx)
{
    stage *s  = ctx;
    s->status = serve(s);
}

static void stage_init(stage *s)
{
    *s        = (stage){.world = fake_world_create(2, 1), .listens_until_s = 10.0, .job_s = 0.01};
    s->status = WS_OK;
    fake_start(s->world, 0, listen_only, s);
    fake_start(s->world, 1, run_worker, s);
}

static void play(void *ctx)
{
    stage *s = ctx;
    if (!fake_run(s->world, 1000.0)) {
        fprintf(stderr, "it never ends\n");
    }
}

static void stage_run(stage *s)
{
    char *log = captured(stderr, play, s);
    if (strstr(log, "it never ends") != NULL) {
        fail_msg("the worker is still there: %s", log);
    }
    free(log);
}

static void stage_fini(stage *s)
{
    swp_worker_destroy(&s->worker);
    swp_worker_destroy(&s->worker);
    fake_world_destroy(s->world);
}

/* ---- what rank 0 sends ---- */

static void say(stage *s, int tag, const void *data, size_t len, double at_s)
{
    fake_inject(s->world, 0, 1, tag, data, len, at_s);
}

static void say_setup(stage *s, double at_s)
{
    const swp_msg_setup setup = {.n_bytes = 6, .place = SWP_SETUP_BY_MESSAGES};
    say(s, SWP_TAG_SETUP, &setup, sizeof setup, at_s);
    say(s, SWP_TAG_BYTES, "abc", 3, at_s);
    say(s, SWP_TAG_BYTES, "def", 3, at_s);
}

static void say_jobs(stage *s, uint64_t first, uint64_t n, double at_s)
{
    const size_t  len     = sizeof(swp_msg_jobs) + n * sizeof(swp_msg_ticket);
    swp_msg_jobs *message = calloc(1, len);
    message->n            = n;
    for (uint64_t i = 0; i < n; i++) {
        message->tickets[i] = (swp_msg_ticket){.job = first + i, .attempt = 1};
    }
    say(s, SWP_TAG_JOBS, message, len, at_s);
    free(message);
}

static void say_stop(stage *s, swp_stop how, double at_s)
{
    const swp_msg_stop stop = {.how = (int32_t)how};
    say(s, SWP_TAG_STOP, &stop, sizeof stop, at_s);
}

static void say_release(stage *s, bool finalize, double at_s)
{
    const swp_msg_release release = {.finalize = finalize};
    say(s, SWP_TAG_RELEASE, &release, sizeof release, at_s);
}

static void say_heartbeats(stage *s, double until_s)
{
    for (double at_s = 1.0; at_s < until_s; at_s += 1.0) {
        say(s, SWP_TAG_HEARTBEAT, NULL, 0, at_s);
    }
}

/* ---- tests ---- */

static void test_jobs_are_reported_in_order(void **state)
{
    (void)state;
    static stage s;
    stage_init(&s);
    say_setup(&s, 0.1);
    say_jobs(&s, 10, 5, 0.2);
    say_jobs(&s, 15, 7, 0.21); /* while the first ones run */
    say_jobs(&s, 22, 0, 0.22);
    say_jobs(&s, 22, 300, 0.5); /* more than there was room for */
    say_stop(&s, SWP_STOP_DONE, 4.0);
    say_release(&s, true, 4.5);
    say_heartbeats(&s, 9.0);
    stage_run(&s);
    assert_int_equal(s.status, WS_OK);
    assert_true(s.may_finalize);
    assert_int_equal(s.setup_len, 6);
    assert_memory_equal(s.setup, "abcdef", 6);
    assert_int_equal(n_heard(&s, SWP_TAG_HELLO), 1);
    assert_int_equal(n_heard(&s, SWP_TAG_READY), 1);
    assert_int_equal(n_heard(&s, SWP_TAG_BYE), 1);
    int64_t next = 10;
    for (size_t i = 0; i < s.n_heard; i++) {
        if (s.heard[i].tag == SWP_TAG_RESULTS) {
            assert_int_equal(s.heard[i].first_job, next);
            assert_true(s.heard[i].n_rows <= 3); /* 20 ms of rows, and the one that was running */
            next += (int64_t)s.heard[i].n_rows;
        }
    }
    assert_int_equal(next, 322);
    stage_fini(&s);
}

static void test_a_long_job_does_not_silence_it(void **state)
{
    (void)state;
    static stage s;
    stage_init(&s);
    s.job_s           = 20.0;
    s.listens_until_s = 30.0;
    say_setup(&s, 0.1);
    say_jobs(&s, 0, 1, 0.2);
    say_stop(&s, SWP_STOP_DONE, 21.0);
    say_release(&s, true, 22.0);
    say_heartbeats(&s, 25.0);
    stage_run(&s);
    assert_int_equal(s.status, WS_OK);
    assert_in_range(n_heard(&s, SWP_TAG_HEARTBEAT), 20, 23);
    stage_fini(&s);
}

static void test_drain_leaves_what_has_not_begun(void **state)
{
    (void)state;
    static stage s;
    stage_init(&s);
    s.job_s = 1.0;
    say_setup(&s, 0.1);
    say_jobs(&s, 0, 3, 0.2);
    say_stop(&s, SWP_STOP_DRAIN, 0.5);
    say_release(&s, false, 2.0);
    say_heartbeats(&s, 9.0);
    stage_run(&s);
    assert_int_equal(s.status, WS_OK);
    assert_false(s.may_finalize);
    assert_int_equal(s.n_run, 1);
    assert_int_equal(n_rows_heard(&s), 1);
    stage_fini(&s);
}

/* A more urgent STOP overtakes an earlier one, and a less urgent one changes nothing. */
static void test_abandon_leaves_the_running_job(void **state)
{
    (void)state;
    static stage s;
    stage_init(&s);
    s.job_s = 100.0;
    say_setup(&s, 0.1);
    say_jobs(&s, 0, 2, 0.2);
    say_stop(&s, SWP_STOP_ABANDON, 1.0);
    say_stop(&s, SWP_STOP_DRAIN, 1.0);
    say_release(&s, true, 3.0);
    say_heartbeats(&s, 9.0);
    stage_run(&s);
    assert_int_equal(s.status, WS_OK);
    assert_int_equal(n_rows_heard(&s), 1);
    for (size_t i = 0; i < s.n_heard; i++) {
        if (s.heard[i].tag == SWP_TAG_RESULTS) {
            assert_int_equal(s.heard[i].last_state, SWP_STATE_INTERRUPTED);
            assert_true(s.heard[i].at_s < 1.1);
        }
    }
    stage_fini(&s);
}

/* Rank 0 cannot start the sweep: it releases everybody, or asks them to stop, before there is a setup. */
static void test_without_a_setup_it_leaves(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        static stage s;
        stage_init(&s);
        if (how == 1) {
            say_stop(&s, SWP_STOP_DRAIN, 0.5);
        }
        say_release(&s, true, 1.0);
        stage_run(&s);
        assert_int_equal(s.status, WS_OK);
        assert_false(s.got_setup);
        assert_true(s.may_finalize);
        assert_int_equal(n_heard(&s, SWP_TAG_BYE), 1);
        stage_fini(&s);
    }
}

static void test_a_signal_is_passed_on_once(void **state)
{
    (void)state;
    static stage s;
    stage_init(&s);
    fake_signal(s.world, 1, 1.0);
    say_setup(&s, 0.1);
    say_stop(&s, SWP_STOP_DRAIN, 3.0);
    say_release(&s, true, 4.0);
    say_heartbeats(&s, 9.0);
    stage_run(&s);
    assert_int_equal(n_heard(&s, SWP_TAG_DRAIN), 1);
    stage_fini(&s);
}

/* On its own host it misses rank 0 at once, else after the silence. */
static void test_it_leaves_when_rank_0_is_gone(void **state)
{
    (void)state;
    for (int is_elsewhere = 0; is_elsewhere < 2; is_elsewhere++) {
        static stage  s;
        swp_msg_hello rank0 = {.pid = 1000};
        stage_init(&s);
        snprintf(rank0.host, sizeof rank0.host, "%s", is_elsewhere ? "there" : "here");
        say(&s, SWP_TAG_RANK0, &rank0, sizeof rank0, 0.1);
        say_setup(&s, 0.1);
        fake_kill(s.world, 0, 1.0);
        stage_run(&s);
        assert_int_equal(fake_exit_code(s.world, 1), 75);
        const double left_s = fake_now_s(s.world, 1);
        assert_true(is_elsewhere ? left_s > 4.0 && left_s < 4.6 : left_s > 1.0 && left_s < 1.5);
        stage_fini(&s);
    }
}

/* Too short, of another length than it says, or more than was announced. */
static void test_broken_messages_are_refused(void **state)
{
    (void)state;
    for (int which = 0; which < 5; which++) {
        static stage        s;
        const swp_msg_jobs  jobs  = {.n = 3};
        const swp_msg_setup wide  = {.n_bytes = 2, .place = SWP_SETUP_BY_MESSAGES};
        const swp_msg_setup share = {.n_bytes = 2, .place = SWP_SETUP_IN_WINDOW};
        stage_init(&s);
        switch (which) {
        case 0:
            say(&s, SWP_TAG_JOBS, "1234", 4, 0.1);
            break;
        case 1:
            say(&s, SWP_TAG_JOBS, &jobs, sizeof jobs, 0.1);
            break;
        case 2: /* before it knows where to put them */
            say(&s, SWP_TAG_BYTES, "abc", 3, 0.1);
            break;
        case 3:
            say(&s, SWP_TAG_SETUP, &wide, sizeof wide, 0.1);
            say(&s, SWP_TAG_BYTES, "abc", 3, 0.1);
            break;
        default: /* there is no window */
            say(&s, SWP_TAG_SETUP, &share, sizeof share, 0.1);
            break;
        }
        stage_run(&s);
        assert_int_equal(s.status, WS_ERR_IO);
        assert_false(s.got_setup);
        stage_fini(&s);
    }
}

/* Of another length than that of their kind: as if they had not come. */
static void test_messages_of_another_length_are_nothing(void **state)
{
    (void)state;
    static const int tags[] = {SWP_TAG_RANK0, SWP_TAG_SETUP, SWP_TAG_STOP, SWP_TAG_RELEASE,
                               SWP_TAG_HEARTBEAT};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        static stage s;
        stage_init(&s);
        say(&s, tags[i], "123", 3, 0.1);
        say_release(&s, true, 2.0);
        stage_run(&s);
        assert_int_equal(s.status, WS_OK);
        assert_true(fake_now_s(s.world, 1) > 2.0);
        stage_fini(&s);
    }
}

/* The setup lies in the window of its node, written by it or by another. */
static void test_a_setup_in_the_window(void **state)
{
    (void)state;
    for (int is_leader = 0; is_leader < 2; is_leader++) {
        static stage        s;
        const swp_msg_setup setup = {.n_bytes = 6,
                                     .place   = is_leader ? SWP_SETUP_INTO_WINDOW : SWP_SETUP_IN_WINDOW};
        stage_init(&s);
        fake_share_window(s.world, is_leader, 64);
        memcpy(fake_transport(s.world, 0)->window, is_leader ? "??????" : "shared", 6);
        say(&s, SWP_TAG_SETUP, &setup, sizeof setup, 0.1);
        if (is_leader) {
            say(&s, SWP_TAG_BYTES, "shared", 6, 0.2);
        }
        say_stop(&s, SWP_STOP_DONE, 1.0);
        say_release(&s, true, 2.0);
        stage_run(&s);
        assert_int_equal(s.status, WS_OK);
        assert_memory_equal(s.setup, "shared", 6);
        stage_fini(&s);
    }
}

/* It stays until its last rows are through, which need not be at once. */
static void test_released_it_waits_for_its_last_rows(void **state)
{
    (void)state;
    static stage s;
    stage_init(&s);
    s.job_s = 0.0;
    say_setup(&s, 0.1);
    say_jobs(&s, 0, 200, 0.2); /* more than what is sent at once */
    fake_stop(s.world, 0, 0.15, 3.0);
    say_stop(&s, SWP_STOP_DONE, 0.5);
    say_release(&s, true, 0.6);
    say_heartbeats(&s, 9.0);
    stage_run(&s);
    assert_int_equal(s.status, WS_OK);
    assert_int_equal(n_rows_heard(&s), 200);
    assert_true(fake_now_s(s.world, 1) >= 3.0);
    stage_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_are_reported_in_order),
        cmocka_unit_test(test_a_long_job_does_not_silence_it),
        cmocka_unit_test(test_drain_leaves_what_has_not_begun),
        cmocka_unit_test(test_abandon_leaves_the_running_job),
        cmocka_unit_test(test_without_a_setup_it_leaves),
        cmocka_unit_test(test_a_signal_is_passed_on_once),
        cmocka_unit_test(test_it_leaves_when_rank_0_is_gone),
        cmocka_unit_test(test_broken_messages_are_refused),
        cmocka_unit_test(test_messages_of_another_length_are_nothing),
        cmocka_unit_test(test_a_setup_in_the_window),
        cmocka_unit_test(test_released_it_waits_for_its_last_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
