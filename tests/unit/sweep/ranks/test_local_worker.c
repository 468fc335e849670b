/* Invariants: the thread runs every job it was given, in order, and each row is collected once; drained, it
 * drops what has not begun; a row it cannot keep is reported, not lost in silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing_malloc.h"
#include "ranks/local_worker.h"

typedef struct stage {
    swp_local_worker *local;
    atomic_int        n_begun, n_allowed; /* a job waits until it is allowed to end */
    int               failing_malloc;
    char              hash[SWP_HASH_LEN + 1];
    swp_row           row;
} stage;

static const swp_row *run_job(void *ctx, uint64_t job, int32_t attempt)
{
    stage    *s = ctx;
    const int n = atomic_fetch_add(&s->n_begun, 1);
    while (n >= atomic_load(&s->n_allowed)) {
        usleep(100);
    }
    failing_malloc_at(s->failing_malloc);
    snprintf(s->hash, sizeof s->hash, "%032llx", (unsigned long long)job);
    s->row = (swp_row){.job = (int64_t)job, .state = SWP_STATE_DONE, .attempt = attempt, .hash = s->hash};
    return &s->row;
}

static void stage_init(stage *s, int n_allowed)
{
    *s = (stage){.local = NULL};
    atomic_init(&s->n_begun, 0);
    atomic_init(&s->n_allowed, n_allowed);
    assert_int_equal(swp_local_worker_start(run_job, s, &s->local), WS_OK);
    assert_true(swp_local_worker_is_idle(s->local));
}

static void add(stage *s, uint64_t first, size_t n)
{
    swp_ticket *tickets = calloc(n, sizeof(*tickets));
    for (size_t i = 0; i < n; i++) {
        tickets[i] = (swp_ticket){.job = first + i, .attempt = 1};
    }
    assert_int_equal(swp_local_worker_add(s->local, tickets, n), WS_OK);
    free(tickets);
}

/* Rows that follow on `next`, until there are none for as long as a job is under way. */
static int64_t collect(stage *s, int64_t next)
{
    swp_rows rows;
    while (swp_local_worker_collect(s->local, 1.25, &rows)) {
        size_t  offset = 0;
        swp_row row;
        while (offset < rows.len) {
            assert_int_equal(swp_rows_next(rows.data, rows.len, &offset, &row), WS_OK);
            assert_int_equal(row.job, next++);
        }
        free(rows.data);
    }
    return next;
}

static void test_jobs_are_run_in_order(void **state)
{
    (void)state;
    static stage s;
    int64_t      next = 0;
    stage_init(&s, 1000000);
    for (uint64_t first = 0; first < 20000; first += 4000) { /* further than the ring is long */
        add(&s, first, 2000);
        add(&s, first + 2000, 2000);
        next = collect(&s, next);
        assert_int_equal(next, first + 4000);
    }
    assert_true(swp_local_worker_is_idle(s.local));
    swp_local_worker_stop(&s.local);
    assert_null(s.local);
    swp_local_worker_stop(&s.local);
}

static void test_it_takes_two_bundles_and_no_more(void **state)
{
    (void)state;
    static stage      s;
    static swp_ticket many[8193];
    stage_init(&s, 0);
    add(&s, 0, 1);
    while (atomic_load(&s.n_begun) == 0) {
        usleep(100);
    }
    add(&s, 1, 8000);
    assert_int_equal(swp_local_worker_add(s.local, many, 193), WS_ERR_ARG);
    assert_int_equal(swp_local_worker_add(s.local, many, sizeof many / sizeof many[0]), WS_ERR_ARG);
    atomic_store(&s.n_allowed, 1000000);
    assert_int_equal(collect(&s, 0), 8001);
    swp_local_worker_stop(&s.local);
}

static void test_drained_it_ends_the_running_job_only(void **state)
{
    (void)state;
    static stage s;
    swp_rows     rows;
    stage_init(&s, 0);
    add(&s, 0, 50);
    while (atomic_load(&s.n_begun) == 0) {
        usleep(100);
    }
    assert_false(swp_local_worker_is_idle(s.local));
    assert_false(swp_local_worker_collect(s.local, 0.0, &rows));
    assert_false(swp_local_worker_collect(s.local, 0.01, &rows)); /* nothing within that time */
    swp_local_worker_drain(s.local);
    atomic_store(&s.n_allowed, 1000000);
    assert_int_equal(collect(&s, 0), 1);
    assert_true(swp_local_worker_is_idle(s.local));
    assert_int_equal(atomic_load(&s.n_begun), 1);
    swp_local_worker_stop(&s.local);
}

static void test_a_row_without_memory_is_reported(void **state)
{
    (void)state;
    static stage s;
    stage_init(&s, 0);
    s.failing_malloc = 1;
    assert_false(swp_local_worker_has_failed(s.local));
    add(&s, 0, 1);
    atomic_store(&s.n_allowed, 1);
    assert_int_equal(collect(&s, 0), 0);
    while (!swp_local_worker_is_idle(s.local)) {
        usleep(100);
    }
    assert_true(swp_local_worker_has_failed(s.local));
    swp_local_worker_stop(&s.local);
}

static void test_without_memory_it_does_not_start(void **state)
{
    (void)state;
    stage s = {.local = NULL};
    failing_malloc_at(1);
    assert_int_equal(swp_local_worker_start(run_job, &s, &s.local), WS_ERR_NOMEM);
    assert_null(s.local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_are_run_in_order),
        cmocka_unit_test(test_it_takes_two_bundles_and_no_more),
        cmocka_unit_test(test_drained_it_ends_the_running_job_only),
        cmocka_unit_test(test_a_row_without_memory_is_reported),
        cmocka_unit_test(test_without_memory_it_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
