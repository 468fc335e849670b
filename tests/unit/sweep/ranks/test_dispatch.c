/* What a worker was given is a queue, whatever the mix of giving and reporting; bundles are about 30 ms of
 * work, grow step by step, and shrink when little is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ranks/dispatch.h"
#include "ranks/messages.h"

static swp_ticket ticket_of(uint64_t k)
{
    return (swp_ticket){.job = 7 * k, .attempt = (int32_t)(k % 3)};
}

/* Groups of 1, 2, ... 40 are given, reports lag behind: the ring grows while its head is anywhere, and wraps.
 */
static void jobs_come_off_in_the_order_given(void **state)
{
    swp_outstanding jobs  = {0};
    uint64_t        given = 0, taken = 0;
    (void)state;
    for (uint64_t group = 1; group <= 40; group++) {
        assert_int_equal(swp_outstanding_reserve(&jobs, group), WS_OK);
        for (uint64_t i = 0; i < group; i++) {
            swp_outstanding_push(&jobs, ticket_of(given++));
        }
        while (taken + group / 2 < given) {
            const swp_ticket first = swp_outstanding_first(&jobs), expected = ticket_of(taken);
            assert_int_equal(first.job, expected.job);
            assert_int_equal(first.attempt, expected.attempt);
            assert_true(swp_outstanding_take(&jobs, first.job));
            taken++;
        }
        assert_int_equal(jobs.n, given - taken);
    }
    swp_outstanding_fini(&jobs);
    assert_null(jobs.tickets);
    assert_int_equal(jobs.n, 0);
}

/* A row of a worker that was taken for dead: its job may be outstanding somewhere, but not next, or nowhere.
 */
static void rows_of_others_are_not_taken(void **state)
{
    swp_outstanding jobs = {0};
    (void)state;
    assert_false(swp_outstanding_take(&jobs, 0)); /* never had any */
    assert_int_equal(swp_outstanding_reserve(&jobs, 2), WS_OK);
    swp_outstanding_push(&jobs, ticket_of(1));
    swp_outstanding_push(&jobs, ticket_of(2));
    assert_false(swp_outstanding_take(&jobs, ticket_of(2).job));
    assert_false(swp_outstanding_take(&jobs, ticket_of(3).job));
    assert_int_equal(jobs.n, 2);
    assert_true(swp_outstanding_take(&jobs, ticket_of(1).job));
    assert_false(swp_outstanding_take(&jobs, ticket_of(1).job)); /* only once */
    assert_true(swp_outstanding_take(&jobs, ticket_of(2).job));
    assert_false(swp_outstanding_take(&jobs, ticket_of(2).job));
    swp_outstanding_fini(&jobs);
}

static void room_that_is_there_is_kept(void **state)
{
    swp_outstanding jobs = {0};
    (void)state;
    assert_int_equal(swp_outstanding_reserve(&jobs, 8), WS_OK);
    const swp_ticket *before = jobs.tickets;
    swp_outstanding_push(&jobs, ticket_of(1));
    assert_int_equal(swp_outstanding_reserve(&jobs, 7), WS_OK);
    assert_ptr_equal(jobs.tickets, before);
    swp_outstanding_fini(&jobs);
}

static void batches_grow_step_by_step(void **state)
{
    (void)state;
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0, 0, 1000000, 4), 1);    /* nothing is known */
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 0, 1000000, 4), 1); /* 300 would be 30 ms */
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 1, 1000000, 4), 3);
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 3, 1000000, 4), 7);
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 255, 1000000, 4), 300);
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.010, 255, 1000000, 4), 3); /* slower jobs at once */
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 5.0, 255, 1000000, 4), 1);
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 1e-9, 1000000, 1000000000, 4), SWP_MAX_BUNDLE);
}

static void the_end_is_shared(void **state)
{
    (void)state;
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 255, 800, 4), 100); /* half of a worker's share */
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 255, 8, 4), 1);
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 255, 1, 4), 1);
    assert_int_equal(swp_bundle_size(SWP_BUNDLE_S, 0.0001, 255, 0, 4), 1); /* there may be jobs given back */
}

/* Whatever the numbers, giving such batches to everybody in turn ends, with every job given. */
static void every_job_is_given(void **state)
{
    (void)state;
    for (size_t n_workers = 1; n_workers < 100; n_workers += 7) {
        uint64_t n_left = 12345;
        size_t   last = 0, n_batches = 0;
        while (n_left > 0) {
            const size_t n = swp_bundle_size(SWP_BUNDLE_S, 0.0001, last, n_left, n_workers);
            assert_in_range(n, 1, n_left);
            n_left -= n;
            last = n;
            n_batches++;
        }
        assert_true(n_batches < 12345);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_come_off_in_the_order_given),
        cmocka_unit_test(rows_of_others_are_not_taken),
        cmocka_unit_test(room_that_is_there_is_kept),
        cmocka_unit_test(batches_grow_step_by_step),
        cmocka_unit_test(the_end_is_shared),
        cmocka_unit_test(every_job_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
