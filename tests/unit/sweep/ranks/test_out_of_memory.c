/* Invariants: whichever allocation of rank 0's fails, the sweep ends, everybody leaves, nothing leaks, and
 * either it is complete or says that memory ran out; whichever of a worker's fails, the others finish its
 * jobs. */
#include "fake_sweep.h"

#include "failing_malloc.h"

enum { N_JOBS = 60, MAX_ALLOCATIONS = 400 };

typedef struct chosen {
    int  rank, n;
    bool has_failed;
} chosen;

static void begin_rank(void *ctx, int rank)
{
    const chosen *c = ctx;
    failing_malloc_at(rank == c->rank ? c->n : 0);
}

static void end_rank(void *ctx, int rank)
{
    chosen *c = ctx;
    if (rank == c->rank) {
        c->has_failed = failing_malloc_has_failed();
        failing_malloc_at(0);
    }
}

/* A sweep in which the n-th allocation of a rank fails. @return false once there is no n-th */
static bool try_one(int rank, int n, int64_t poisonous_job)
{
    fake_sweep s;
    chosen     c = {.rank = rank, .n = n};
    fake_sweep_init(&s, 5, N_JOBS, 1);
    s.job_s         = 0.2;
    s.poisonous_job = poisonous_job;
    s.begin_rank    = begin_rank;
    s.end_rank      = end_rank;
    s.rank_ctx      = &c;
    fake_sweep_run(&s, 300.0);
    for (int64_t job = 0; job < N_JOBS; job++) {
        assert_true(fake_sweep_n_final(&s, job) <= 1);
        assert_true(fake_sweep_n_final(&s, job) == 1 || !s.outcome.is_complete);
    }
    if (rank == 0) {
        assert_true(c.has_failed || s.outcome.is_complete);
        assert_true(s.status == WS_ERR_NOMEM || s.outcome.is_complete);
    } else {
        assert_true(s.outcome.is_complete);
        assert_true(!c.has_failed || s.workers[rank].status == WS_ERR_NOMEM);
    }
    for (int i = 1; i < s.n_ranks; i++) {
        assert_true(s.workers[i].has_left || fake_is_dead(s.world, i) || fake_exit_code(s.world, i) == 75 ||
                    s.workers[i].status == WS_ERR_NOMEM);
    }
    fake_sweep_fini(&s);
    return c.has_failed;
}

static void test_rank_0_runs_out_of_memory(void **state)
{
    (void)state;
    int n = 1;
    while (n < MAX_ALLOCATIONS && try_one(0, n, 17)) {
        n += n < 60 ? 1 : 7;
    }
    assert_in_range(n, 30, MAX_ALLOCATIONS);
}

static void test_a_worker_runs_out_of_memory(void **state)
{
    (void)state;
    int n = 1;
    while (n < MAX_ALLOCATIONS && try_one(1, n, -1)) {
        n += n < 20 ? 1 : 7;
    }
    assert_in_range(n, 5, MAX_ALLOCATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank_0_runs_out_of_memory),
        cmocka_unit_test(test_a_worker_runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
