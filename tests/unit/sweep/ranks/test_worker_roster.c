/* Invariants: every worker that comes gets the setup, once, from its node's window where there is one that
 * somebody fills, by messages otherwise; rank 0 keeps talking during long calls; who dies is missed at once
 * on rank 0's host and after the silence elsewhere; the last message reaches everybody who lives, or rank 0
 * goes on without. */
#include "fake_sweep.h"

#include <math.h>
#include <stdlib.h>

#include "captured.h"
#include "ranks/messages.h"

/* ---- windows ---- */

static void expect_all_set_up(const fake_sweep *s)
{
    assert_true(s->outcome.is_complete);
    for (int i = 1; i < s->n_ranks; i++) {
        assert_true(s->workers[i].got_setup || fake_is_dead(s->world, i));
    }
}

static void test_rank_0s_window_has_the_setup(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 50, 1);
    fake_share_window(s.world, 0, 1024);
    fake_sweep_run(&s, 60.0);
    expect_all_set_up(&s);
    assert_int_equal(swp_roster_n_pointed(s.roster), 3);
    fake_sweep_fini(&s);
}

/* Rank 1 fills its node's window; the others are shown it once that is done. */
static void test_a_worker_fills_the_window(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 50, 2);
    fake_share_window(s.world, 1, 1024);
    fake_transport(s.world, 0)->window = NULL; /* which is not rank 0's */
    fake_slow(s.world, 1, 0, 0.2);             /* it says late that it is ready */
    fake_sweep_run(&s, 60.0);
    expect_all_set_up(&s);
    assert_int_equal(swp_roster_n_pointed(s.roster), 2);
    fake_sweep_fini(&s);
}

static void test_a_window_nobody_fills(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 50, 3);
    fake_share_window(s.world, 1, 1024);
    fake_transport(s.world, 0)->window = NULL;
    fake_slow(s.world, 0, 1, 0.5); /* it dies before it has the setup */
    fake_kill(s.world, 1, 0.2);
    fake_sweep_run(&s, 60.0);
    expect_all_set_up(&s);
    assert_int_equal(swp_roster_n_pointed(s.roster), 0);
    fake_sweep_fini(&s);
}

static void test_a_window_that_is_too_small(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 50, 4);
    fake_share_window(s.world, 0, sizeof FAKE_SETUP - 1);
    fake_sweep_run(&s, 60.0);
    expect_all_set_up(&s);
    assert_int_equal(swp_roster_n_pointed(s.roster), 0);
    fake_sweep_fini(&s);
}

/* ---- rank 0 with workers of a script ---- */

typedef struct stage {
    fake_world *world;
    swp_roster *roster;
    ws_status   status;
    double      silence_s;
    int         n_lost;
    char        why[64];
    double      lost_s;
    bool        was_released, came;
    int         heartbeats;
    void (*act)(struct stage *s);
} stage;

static ws_status note_loss(void *ctx, int rank, const char *why)
{
    stage *s = ctx;
    (void)rank;
    s->n_lost++;
    s->lost_s = fake_now_s(s->world, 0);
    snprintf(s->why, sizeof s->why, "%s", why);
    return WS_OK;
}

static void run_rank0(void *ctx)
{
    stage *s  = ctx;
    s->status = swp_roster_create(fake_transport(s->world, 0), "here", s->silence_s, &s->roster);
    if (s->status == WS_OK) {
        s->act(s);
    }
}

/* A worker that only counts the heartbeats it gets. */
static void count_heartbeats(void *ctx)
{
    stage      *s = ctx;
    swp_message message;
    while (fake_now_s(s->world, 1) < 30.0) {
        while (swp_transport_poll(fake_transport(s->world, 1), &message)) {
            s->heartbeats += message.tag == SWP_TAG_HEARTBEAT;
            free(message.data);
        }
        fake_spend(s->world, 1, 0.01);
    }
}

static void stage_run(stage *s, void (*act)(stage *s))
{
    s->act = act;
    fake_start(s->world, 0, run_rank0, s);
    fake_start(s->world, 1, count_heartbeats, s);
    assert_true(fake_run(s->world, 1000.0));
}

static void stage_fini(stage *s)
{
    swp_roster_destroy(&s->roster);
    swp_roster_destroy(&s->roster);
    fake_world_destroy(s->world);
}

static void look_for_30_s(stage *s)
{
    swp_message message;
    while (fake_now_s(s->world, 0) < 30.0 && s->status == WS_OK) {
        s->status = swp_roster_next_results(s->roster, &message, &s->came);
        s->status = s->status == WS_OK ? swp_roster_check(s->roster, note_loss, s) : s->status;
        fake_spend(s->world, 0, 0.01);
    }
}

static void hello(stage *s, const char *host, size_t len, double at_s)
{
    swp_msg_hello message = {.pid = 1001};
    snprintf(message.host, sizeof message.host, "%s", host);
    fake_inject(s->world, 1, 0, SWP_TAG_HELLO, &message, len, at_s);
}

static void test_the_dead_are_missed(void **state)
{
    (void)state;
    for (int is_elsewhere = 0; is_elsewhere < 2; is_elsewhere++) {
        stage s = {.world = fake_world_create(2, 1), .silence_s = 5.0};
        hello(&s, is_elsewhere ? "there" : "here", sizeof(swp_msg_hello), 1.0);
        fake_inject(s.world, 1, 0, SWP_TAG_READY, NULL, 0, 1.5);
        fake_inject(s.world, 1, 0, SWP_TAG_HEARTBEAT, NULL, 0, 2.0);
        fake_kill(s.world, 1, 2.5);
        stage_run(&s, look_for_30_s);
        assert_int_equal(s.n_lost, 1);
        assert_int_equal(swp_roster_n_dead(s.roster), 1);
        assert_int_equal(swp_roster_state(s.roster, 1), SWP_WORKER_DEAD);
        assert_string_equal(s.why, is_elsewhere ? "it has been silent for too long" : "its process is gone");
        assert_true(is_elsewhere ? s.lost_s > 7.0 && s.lost_s < 7.7 : s.lost_s > 2.5 && s.lost_s < 3.2);
        stage_fini(&s);
    }
}

/* Silence below three heartbeats is no sign of death, whatever was asked for. */
static void test_the_shortest_silence(void **state)
{
    (void)state;
    stage s = {.world = fake_world_create(2, 1), .silence_s = 0.1};
    stage_run(&s, look_for_30_s);
    assert_int_equal(s.n_lost, 1);
    assert_true(s.lost_s > 3.0 && s.lost_s < 4.0);
    assert_in_range(s.heartbeats, 2, 3); /* none after it */
    stage_fini(&s);
}

/* One that was dead is taken back to where it was, if its process is there. */
static void test_the_silent_are_taken_back(void **state)
{
    (void)state;
    static const swp_worker_state states[] = {SWP_WORKER_EXPECTED, SWP_WORKER_HERE, SWP_WORKER_READY};
    for (int how = 0; how < 3; how++) {
        stage s = {.world = fake_world_create(2, 1), .silence_s = 5.0};
        if (how > 0) {
            hello(&s, "there", sizeof(swp_msg_hello), 1.0);
        }
        if (how > 1) {
            fake_inject(s.world, 1, 0, SWP_TAG_READY, NULL, 0, 1.1);
        }
        for (double at_s = 20.0; at_s < 30.0; at_s += 1.0) {
            fake_inject(s.world, 1, 0, SWP_TAG_HEARTBEAT, NULL, 0, at_s);
        }
        stage_run(&s, look_for_30_s);
        assert_int_equal(s.n_lost, 1);
        assert_int_equal(swp_roster_n_dead(s.roster), 0);
        assert_int_equal(swp_roster_state(s.roster, 1), states[how]);
        stage_fini(&s);
    }
}

/* A message that was under way when its sender died brings nobody back. */
static void test_the_dead_are_not_taken_back(void **state)
{
    (void)state;
    stage s = {.world = fake_world_create(2, 1), .silence_s = 5.0};
    hello(&s, "here", sizeof(swp_msg_hello), 1.0);
    fake_kill(s.world, 1, 2.0);
    fake_inject(s.world, 1, 0, SWP_TAG_BYE, NULL, 0, 9.0);
    stage_run(&s, look_for_30_s);
    assert_int_equal(swp_roster_state(s.roster, 1), SWP_WORKER_DEAD);
    assert_int_equal(s.n_lost, 1);
    stage_fini(&s);
}

/* Half a greeting greets nobody; one that is repeated changes nothing. */
static void test_greetings(void **state)
{
    (void)state;
    stage s = {.world = fake_world_create(2, 1), .silence_s = 100.0};
    hello(&s, "there", 20, 1.0);
    stage_run(&s, look_for_30_s);
    assert_int_equal(swp_roster_state(s.roster, 1), SWP_WORKER_EXPECTED);
    assert_string_equal(swp_roster_host(s.roster, 1), "");
    stage_fini(&s);
    s = (stage){.world = fake_world_create(2, 1), .silence_s = 100.0};
    hello(&s, "there", sizeof(swp_msg_hello), 1.0);
    fake_inject(s.world, 1, 0, SWP_TAG_READY, NULL, 0, 2.0);
    hello(&s, "there", sizeof(swp_msg_hello), 3.0);
    stage_run(&s, look_for_30_s);
    assert_int_equal(swp_roster_state(s.roster, 1), SWP_WORKER_READY);
    assert_string_equal(swp_roster_host(s.roster, 1), "there");
    stage_fini(&s);
}

/* ---- long calls ---- */

/* Over once rank 0 has looked for messages so often. */
static void wait_for_polls(void *ctx)
{
    stage *s = ctx;
    while (fake_n_polls(s->world, 0) < 3000) {
        usleep(100);
    }
}

static void call_long(stage *s)
{
    swp_roster_keep_while(s->roster, wait_for_polls, s);
    s->was_released = swp_roster_release(s->roster);
}

static void test_a_long_call_is_no_silence(void **state)
{
    (void)state;
    stage s = {.world = fake_world_create(2, 1), .silence_s = 100.0};
    fake_inject(s.world, 1, 0, SWP_TAG_RESULTS, "stale", 5, 0.5);
    fake_inject(s.world, 1, 0, SWP_TAG_DRAIN, NULL, 0, 0.6);
    stage_run(&s, call_long);
    assert_true(s.heartbeats >= 2);
    assert_true(swp_roster_wants_to_stop(s.roster)); /* said meanwhile */
    assert_true(s.was_released);
    stage_fini(&s);
}

static void call_nothing(void *ctx)
{
    ((stage *)ctx)->n_lost = 7;
}

static void test_alone_a_long_call_is_a_call(void **state)
{
    (void)state;
    swp_transport alone;
    stage         s      = {.n_lost = 0};
    swp_roster   *roster = NULL;
    swp_transport_init_alone(&alone);
    assert_int_equal(swp_roster_create(&alone, "here", 5.0, &roster), WS_OK);
    swp_roster_keep_while(roster, call_nothing, &s);
    assert_int_equal(s.n_lost, 7);
    assert_int_equal(swp_roster_size(roster), 1);
    assert_int_equal(swp_roster_check(roster, note_loss, &s), WS_OK);
    assert_true(swp_roster_has_left(roster));
    assert_true(swp_roster_release(roster));
    swp_roster_destroy(&roster);
}

/* ---- the end ---- */

static void send_much_and_release(stage *s)
{
    static char much[3 * FAKE_EAGER_BYTES];
    s->status       = swp_transport_send_borrowed(fake_transport(s->world, 0), 1, 99, much, sizeof much);
    s->was_released = swp_roster_release(s->roster);
    s->lost_s       = fake_now_s(s->world, 0);
}

/* What one that is stopped does not take cannot keep rank 0 for longer than a second. */
static void test_the_release_waits_a_second(void **state)
{
    (void)state;
    for (int is_stopped = 0; is_stopped < 2; is_stopped++) {
        stage s = {.world = fake_world_create(2, 1), .silence_s = 5.0};
        if (is_stopped) {
            fake_stop(s.world, 1, 0.0, 20.0);
        }
        stage_run(&s, send_much_and_release);
        assert_int_equal(s.status, WS_OK);
        assert_true(is_stopped ? s.lost_s >= 1.0 && s.lost_s < 1.1 : s.lost_s < 0.1);
        stage_fini(&s);
    }
}

static void die_then_release(stage *s)
{
    look_for_30_s(s);
    s->was_released = swp_roster_release(s->roster);
}

/* Who dies during the last long call is found by the release alone. */
static void test_a_death_at_the_end_is_found(void **state)
{
    (void)state;
    stage s = {.world = fake_world_create(2, 1), .silence_s = 100.0};
    hello(&s, "here", sizeof(swp_msg_hello), 1.0);
    fake_kill(s.world, 1, 29.9999);
    stage_run(&s, die_then_release);
    assert_int_equal(s.n_lost, 0);
    assert_false(s.was_released);
    assert_int_equal(swp_roster_n_dead(s.roster), 1);
    stage_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank_0s_window_has_the_setup),
        cmocka_unit_test(test_a_worker_fills_the_window),
        cmocka_unit_test(test_a_window_nobody_fills),
        cmocka_unit_test(test_a_window_that_is_too_small),
        cmocka_unit_test(test_the_dead_are_missed),
        cmocka_unit_test(test_the_shortest_silence),
        cmocka_unit_test(test_the_silent_are_taken_back),
        cmocka_unit_test(test_the_dead_are_not_taken_back),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_a_long_call_is_no_silence),
        cmocka_unit_test(test_alone_a_long_call_is_a_call),
        cmocka_unit_test(test_the_release_waits_a_second),
        cmocka_unit_test(test_a_death_at_the_end_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
