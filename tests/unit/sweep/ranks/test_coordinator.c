/* Invariants: whoever dies, falls silent, wakes again or is slow, every job of a complete sweep has exactly
 * one final row and the host of its rank was known before; a job that kills three workers fails instead of
 * running forever; a sweep that is asked to stop, or that no worker serves any more, ends soon and says that
 * it is not complete. */
#include "fake_sweep.h"

#include <math.h>
#include <stdlib.h>

static void expect_every_job_once(const fake_sweep *s)
{
    for (uint64_t job = 0; job < s->n_jobs; job++) {
        if (fake_sweep_n_final(s, (int64_t)job) != 1) {
            fail_msg("job %d has %zu final rows", (int)job, fake_sweep_n_final(s, (int64_t)job));
        }
    }
    for (size_t i = 0; i < s->sink.n_rows; i++) {
        assert_true(s->sink.rows[i].has_host);
    }
}

static void expect_complete(const fake_sweep *s)
{
    assert_int_equal(s->status, WS_OK);
    assert_true(s->outcome.is_complete);
    expect_every_job_once(s);
}

/* The attempts of all rows beyond the first of each. */
static int n_repeated(const fake_sweep *s)
{
    int n = 0;
    for (size_t i = 0; i < s->sink.n_rows; i++) {
        n += s->sink.rows[i].attempt - 1;
    }
    return n;
}

static bool log_has(const fake_sweep *s, const char *text)
{
    return strstr(s->log, text) != NULL;
}

static void test_all_jobs_are_run_and_all_leave(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 500, 1);
    fake_sweep_run(&s, 60.0);
    expect_complete(&s);
    assert_false(s.outcome.was_asked_to_stop);
    assert_true(s.was_released);
    assert_int_equal(n_repeated(&s), 0);
    assert_int_equal(s.sink.n_flushes, 1);
    for (int i = 1; i < 4; i++) {
        assert_true(s.workers[i].has_left && s.workers[i].may_finalize && s.workers[i].got_setup);
        assert_true(s.workers[i].n_run > 500 / 6); /* fairly shared: a third each, at least half of that */
    }
    fake_sweep_fini(&s);
}

/* Three workers take a third of the time of one, and no bundle is larger than 30 ms of work: nobody waits
 * long. */
static void test_workers_are_kept_busy(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 600, 1);
    s.job_s = 0.010;
    fake_sweep_run(&s, 60.0);
    expect_complete(&s);
    assert_true(fake_now_s(s.world, 0) < 1.15 * 600 * 0.010 / 3);
    fake_sweep_fini(&s);
}

static void test_a_dead_workers_jobs_go_to_others(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 5, 400, 2);
    fake_kill(s.world, 2, 0.3); /* on rank 0's node: missed at once */
    fake_kill(s.world, 3, 0.4); /* on another: missed by its silence */
    fake_sweep_run(&s, 60.0);
    expect_complete(&s);
    assert_true(log_has(&s, "rank=2 its process is gone; its "));
    assert_true(log_has(&s, "rank=3 it has been silent for too long; its "));
    assert_true(n_repeated(&s) <= 2); /* one job each was running */
    assert_false(s.was_released);     /* MPI_Finalize would wait for the dead */
    assert_true(s.workers[1].has_left && !s.workers[1].may_finalize);
    assert_true(fake_was_forgotten(s.world, 0, 2) && fake_was_forgotten(s.world, 0, 3));
    fake_sweep_fini(&s);
}

static double mostly_long(const fake_sweep *sweep, uint64_t job)
{
    (void)sweep;
    return job % 7 == 0 ? 1.5 : 0.2;
}

/* It wakes with rows of jobs that others have run meanwhile; those are not written a second time. */
static void test_a_worker_wakes_from_silence_with_stale_rows(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 120, 3);
    s.job_s_of = mostly_long;
    fake_stop(s.world, 1, 1.0, 8.0);
    fake_sweep_run(&s, 200.0);
    expect_complete(&s);
    assert_true(log_has(&s, "rank=1 it has been silent for too long"));
    assert_true(s.was_released); /* nobody is dead in the end */
    assert_true(s.workers[1].has_left);
    fake_sweep_fini(&s);
}

/* It is taken back after the others were asked to stop: it has to be asked, too. */
static void test_a_worker_wakes_when_all_is_done(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 4, 100, 4);
    s.closing_s = 2.0;
    fake_stop(s.world, 2, 0.05, 5.0);
    fake_sweep_run(&s, 200.0);
    expect_complete(&s);
    assert_true(s.workers[1].has_left && s.workers[3].has_left);
    fake_sweep_fini(&s);
}

/* Jobs long enough to be reported one by one: a death counts against the first job that was not reported. */
static void test_a_job_that_kills_three_workers_fails(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 6, 60, 5);
    s.job_s         = 0.2;
    s.poisonous_job = 17;
    fake_sweep_run(&s, 200.0);
    expect_complete(&s);
    int n_dead = 0;
    for (int i = 1; i < 6; i++) {
        n_dead += fake_is_dead(s.world, i);
    }
    assert_int_equal(n_dead, 3);
    for (size_t i = 0; i < s.sink.n_rows; i++) {
        assert_int_equal(s.sink.rows[i].state, s.sink.rows[i].job == 17 ? SWP_STATE_FAILED : SWP_STATE_DONE);
        assert_true(s.sink.rows[i].job != 17 || s.sink.rows[i].rank == -1);
    }
    fake_sweep_fini(&s);
}

static void test_without_workers_the_rest_is_for_later(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 2000, 6);
    fake_kill(s.world, 1, 0.5);
    fake_kill(s.world, 2, 0.6);
    fake_sweep_run(&s, 60.0);
    assert_int_equal(s.status, WS_OK);
    assert_false(s.outcome.is_complete || s.outcome.was_asked_to_stop || s.was_released);
    assert_true(s.sink.n_rows > 0 && s.sink.n_rows < 2000);
    for (size_t i = 0; i < s.sink.n_rows; i++) {
        assert_int_equal(fake_sweep_n_final(&s, s.sink.rows[i].job), 1);
    }
    fake_sweep_fini(&s);
}

/* A signal at rank 0, at a worker, or the time limit. */
static void test_asked_to_stop_it_leaves_after_the_running_jobs(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        fake_sweep s;
        fake_sweep_init(&s, 3, 2000, 7);
        s.job_s = 0.5;
        if (how < 2) {
            fake_signal(s.world, how, 2.0);
        } else {
            s.stop_at_s = 2.0;
        }
        fake_sweep_run(&s, 60.0);
        assert_int_equal(s.status, WS_OK);
        assert_true(s.outcome.was_asked_to_stop);
        assert_false(s.outcome.is_complete);
        assert_true(s.was_released);
        assert_true(fake_now_s(s.world, 0) < 2.0 + 0.5 + 0.1);
        for (size_t i = 0; i < s.sink.n_rows; i++) {
            assert_int_equal(s.sink.rows[i].state, SWP_STATE_DONE);
        }
        fake_sweep_fini(&s);
    }
}

/* Jobs longer than 10 s are left as interrupted, and their rows say so. */
static void test_asked_to_stop_it_leaves_long_jobs(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 20, 8);
    s.job_s = 100.0;
    fake_signal(s.world, 0, 2.0);
    fake_sweep_run(&s, 60.0);
    assert_false(s.outcome.is_complete);
    assert_true(s.was_released);
    assert_int_equal(s.sink.n_rows, 2); /* one each was running */
    assert_int_equal(s.sink.rows[0].state, SWP_STATE_INTERRUPTED);
    assert_int_equal(s.sink.rows[1].state, SWP_STATE_INTERRUPTED);
    assert_true(fake_now_s(s.world, 0) > 12.0 && fake_now_s(s.world, 0) < 12.0 + 1.0);
    fake_sweep_fini(&s);
}

/* A worker that neither ends nor answers is left behind after 15 s. */
static void test_a_worker_that_does_not_leave_in_time_is_given_up(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 200, 9);
    s.job_s     = 0.5;
    s.silence_s = 1000.0;
    fake_signal(s.world, 0, 2.0);
    fake_stop(s.world, 1, 1.9, 100.0);
    fake_kill(s.world, 1, 100.0);
    fake_sweep_run(&s, 200.0);
    assert_false(s.outcome.is_complete || s.was_released);
    assert_true(log_has(&s, "rank=1 it did not leave in time"));
    assert_true(fake_now_s(s.world, 0) > 17.0 && fake_now_s(s.world, 0) < 20.0);
    fake_sweep_fini(&s);
}

/* 30 s before the end of the allocation, less the longest job lately. */
static void test_the_end_of_the_allocation_is_kept(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 5000, 10);
    s.job_s = 2.0;
    s.end_s = 100.0;
    fake_sweep_run(&s, 200.0);
    assert_true(s.outcome.was_asked_to_stop);
    assert_false(s.outcome.is_complete);
    assert_true(log_has(&s, "the Slurm allocation ends in 32 s"));
    assert_true(fake_now_s(s.world, 0) > 68.0 && fake_now_s(s.world, 0) < 70.5);
    fake_sweep_fini(&s);
}

/* Rows that wait for the file are no reason to fail, but to hand out no more until they are written. */
static void test_a_full_backlog_holds_new_work_back(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 100, 11);
    s.sink.backlog_bytes = (size_t)1 << 30;
    s.stop_at_s          = 5.0;
    fake_sweep_run(&s, 60.0);
    assert_int_equal(s.sink.n_rows, 0);
    assert_int_equal(s.workers[1].n_run + s.workers[2].n_run, 0);
    fake_sweep_fini(&s);
}

static void test_a_failed_file_stops_the_sweep(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 1000, 12);
    s.sink.fails_at_n_rows = 20;
    fake_sweep_run(&s, 60.0);
    assert_false(s.outcome.is_complete || s.outcome.was_asked_to_stop);
    assert_true(s.sink.n_rows >= 20 && s.sink.n_rows < 200);
    fake_sweep_fini(&s);
}

/* No memory for rows, or for messages to workers: the sweep ends with that status, and everybody leaves. */
static void test_out_of_memory_is_reported(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 100, 13);
    s.sink.status = WS_ERR_NOMEM;
    fake_sweep_run(&s, 60.0);
    assert_int_equal(s.status, WS_ERR_NOMEM);
    assert_false(s.outcome.is_complete);
    fake_sweep_fini(&s);
    for (int n = 1; n < 60; n++) { /* each send of rank 0's fails once, from the first greeting on */
        fake_sweep_init(&s, 3, 100, 14);
        fake_fail_sends(s.world, 0, n, WS_ERR_NOMEM);
        fake_sweep_run(&s, 120.0);
        assert_true(s.status == WS_ERR_NOMEM || s.outcome.is_complete);
        assert_false(s.was_released);
        fake_sweep_fini(&s);
    }
}

/* A worker that cannot send reports it and leaves; rank 0 takes it for dead. */
static void test_a_worker_that_cannot_send_is_missed(void **state)
{
    (void)state;
    for (int n = 1; n < 8; n++) {
        fake_sweep s;
        fake_sweep_init(&s, 3, 100, 15);
        fake_fail_sends(s.world, 1, n, WS_ERR_IO);
        fake_sweep_run(&s, 120.0);
        expect_complete(&s);
        assert_int_equal(s.workers[1].status, WS_ERR_IO);
        fake_sweep_fini(&s);
    }
}

/* What is no row, what nobody asked for, and half a message. */
static void test_broken_and_unexpected_rows_are_dropped(void **state)
{
    (void)state;
    fake_sweep  s;
    fake_worker other = {.rank = 2};
    swp_rows    rows  = {0};
    fake_sweep_init(&s, 3, 300, 16);
    assert_int_equal(swp_rows_add(&rows, fake_worker_row(&other, 299, 1, 0.1)), WS_OK);
    fake_inject(s.world, 2, 0, SWP_TAG_RESULTS, rows.data, rows.len, 0.1); /* not its turn */
    fake_inject(s.world, 2, 0, SWP_TAG_RESULTS, rows.data, rows.len / 2, 0.2);
    fake_inject(s.world, 2, 0, SWP_TAG_RESULTS, NULL, 0, 0.3);
    fake_inject(s.world, 2, 0, 77, "?", 1, 0.4); /* a tag of another time counts as a heartbeat */
    fake_sweep_run(&s, 60.0);
    expect_complete(&s);
    free(rows.data);
    fake_sweep_fini(&s);
}

/* Rank 0 itself was stopped for a minute: nobody is taken for dead for what it did not hear. */
static void test_rank_0_wakes_from_silence(void **state)
{
    (void)state;
    fake_sweep s;
    fake_sweep_init(&s, 3, 400, 17);
    s.silence_s = 120.0;
    fake_stop(s.world, 0, 0.5, 60.0);
    fake_sweep_run(&s, 200.0);
    expect_complete(&s);
    assert_true(s.was_released);
    assert_false(log_has(&s, "silent"));
    fake_sweep_fini(&s);
}

/* ---- alone ---- */

typedef struct local_job {
    fake_worker worker;
    size_t      n_run;
} local_job;

static const swp_row *run_locally(void *ctx, uint64_t job, int32_t attempt)
{
    local_job *l = ctx;
    l->n_run++;
    return fake_worker_row(&l->worker, job, attempt, NAN);
}

/* One rank, in real time: the worker thread runs everything. */
static void test_alone(void **state)
{
    (void)state;
    static local_job  l;
    fake_sweep        s;
    swp_transport     alone;
    swp_local_worker *local   = NULL;
    swp_roster       *roster  = NULL;
    atomic_bool       abandon = false;
    fake_sweep_init(&s, 1, 2000, 18);
    swp_transport_init_alone(&alone);
    assert_int_equal(swp_roster_create(&alone, "here", 1.0, &roster), WS_OK);
    assert_int_equal(swp_local_worker_start(run_locally, &l, &local), WS_OK);
    const swp_coordinator_config config = {.machine   = alone.machine,
                                           .roster    = roster,
                                           .local     = local,
                                           .queue     = s.queue,
                                           .builder   = s.toy.builder,
                                           .sink      = &s.sink.sink,
                                           .progress  = s.progress,
                                           .host      = "here",
                                           .abandon   = &abandon,
                                           .stop_at_s = INFINITY,
                                           .end_s     = INFINITY};
    assert_int_equal(swp_coordinate(&config, &s.outcome), WS_OK);
    assert_true(s.outcome.is_complete);
    expect_every_job_once(&s);
    assert_true(swp_roster_release(roster));
    swp_local_worker_stop(&local);
    assert_int_equal(l.n_run, 2000);
    swp_roster_destroy(&roster);
    fake_sweep_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_jobs_are_run_and_all_leave),
        cmocka_unit_test(test_workers_are_kept_busy),
        cmocka_unit_test(test_a_dead_workers_jobs_go_to_others),
        cmocka_unit_test(test_a_worker_wakes_from_silence_with_stale_rows),
        cmocka_unit_test(test_a_worker_wakes_when_all_is_done),
        cmocka_unit_test(test_a_job_that_kills_three_workers_fails),
        cmocka_unit_test(test_without_workers_the_rest_is_for_later),
        cmocka_unit_test(test_asked_to_stop_it_leaves_after_the_running_jobs),
        cmocka_unit_test(test_asked_to_stop_it_leaves_long_jobs),
        cmocka_unit_test(test_a_worker_that_does_not_leave_in_time_is_given_up),
        cmocka_unit_test(test_the_end_of_the_allocation_is_kept),
        cmocka_unit_test(test_a_full_backlog_holds_new_work_back),
        cmocka_unit_test(test_a_failed_file_stops_the_sweep),
        cmocka_unit_test(test_out_of_memory_is_reported),
        cmocka_unit_test(test_a_worker_that_cannot_send_is_missed),
        cmocka_unit_test(test_broken_and_unexpected_rows_are_dropped),
        cmocka_unit_test(test_rank_0_wakes_from_silence),
        cmocka_unit_test(test_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
