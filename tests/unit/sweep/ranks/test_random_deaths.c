/* Invariants, for sweeps in which anything goes wrong at any moment: every job has at most one final row, and
 * exactly one where the sweep says it is complete; it is complete unless it was asked to stop or nobody was
 * left to work; retries are bounded by what went wrong; rank 0 ends, and so does everybody who lives.
 *
 * What goes wrong follows from a seed, which is printed: WATTSWEEP_TEST_SEED=... repeats one,
 * WATTSWEEP_TEST_TRIALS=... tries more. */
#include "fake_sweep.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "ranks/messages.h"

enum { N_TRIALS = 30 };

/* What was planned for a sweep. */
typedef struct plan {
    ws_rng rng;
    int    n_deaths, n_stops, n_losses;
    bool   is_asked_to_stop;
    double begin_s, spread_s; /* of its troubles */
} plan;

/* Most jobs are short, a few take long; the same in every run of it. */
static double random_job_s(const fake_sweep *sweep, uint64_t job)
{
    ws_rng rng;
    ws_rng_seed(&rng, job * 7919 + sweep->n_jobs);
    return ws_rng_below(&rng, 20) == 0 ? 4.0 * ws_rng_uniform(&rng) : 0.2 * ws_rng_uniform(&rng);
}

static double random_moment_s(plan *p)
{
    return p->begin_s + p->spread_s * ws_rng_uniform(&p->rng);
}

/* Rank 0 is only slow: its death ends a sweep, which mpirun tests are about. */
static void plan_trouble(fake_sweep *s, plan *p)
{
    const int    rank = 1 + (int)ws_rng_below(&p->rng, (uint32_t)s->n_ranks - 1);
    const double at_s = random_moment_s(p);
    switch (ws_rng_below(&p->rng, 5)) {
    case 0:
        fake_kill(s->world, rank, at_s);
        p->n_deaths++;
        break;
    case 1:
        fake_stop(s->world, rank, at_s, at_s + s->silence_s * (0.5 + 1.5 * ws_rng_uniform(&p->rng)));
        p->n_stops++;
        break;
    case 2:
        fake_slow(s->world, rank, 0, 0.1 * ws_rng_uniform(&p->rng));
        break;
    case 3:
        fake_slow(s->world, 0, rank, 0.1 * ws_rng_uniform(&p->rng));
        break;
    default:
        fake_stop(s->world, 0, at_s, at_s + 2.0 * ws_rng_uniform(&p->rng));
        break;
    }
}

static void plan_sweep(fake_sweep *s, plan *p, uint64_t seed)
{
    *p = (plan){.begin_s = 0.0};
    ws_rng_seed(&p->rng, seed);
    const int      n_ranks = 2 + (int)ws_rng_below(&p->rng, FAKE_MAX_RANKS - 1);
    const uint64_t n_jobs  = 1 + ws_rng_below(&p->rng, 400);
    fake_sweep_init(s, n_ranks, n_jobs, seed);
    s->job_s_of  = random_job_s;
    s->silence_s = 3.0 + 3.0 * ws_rng_uniform(&p->rng);
    s->closing_s = ws_rng_below(&p->rng, 3) == 0 ? 2.0 * ws_rng_uniform(&p->rng) : 0.0;
    p->spread_s  = 0.2 + 0.2 * (double)n_jobs / (double)n_ranks;
    for (uint32_t n = ws_rng_below(&p->rng, 6); n > 0; n--) {
        plan_trouble(s, p);
    }
    if (ws_rng_below(&p->rng, 6) == 0) {
        p->is_asked_to_stop = true;
        fake_signal(s->world, (int)ws_rng_below(&p->rng, (uint32_t)n_ranks), random_moment_s(p));
    }
    if (ws_rng_below(&p->rng, 6) == 0) { /* a worker that is not released leaves when rank 0 is gone */
        fake_lose(s->world, 0, 1, SWP_TAG_RELEASE);
        p->n_losses++;
    }
    if (ws_rng_below(&p->rng, 8) == 0) {
        fake_share_window(s->world, (int)ws_rng_below(&p->rng, (uint32_t)n_ranks), 64);
    }
}

static bool is_anyone_left(const fake_sweep *s)
{
    for (int i = 1; i < s->n_ranks; i++) {
        if (!fake_is_dead(s->world, i) && s->workers[i].has_left) {
            return true;
        }
    }
    return false;
}

#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fail_msg("WATTSWEEP_TEST_SEED=%" PRIu64 ": not so: %s\n%s", seed, #condition, s.log);            \
        }                                                                                                    \
    } while (0)

static void try_sweep(uint64_t seed)
{
    fake_sweep s;
    plan       p;
    plan_sweep(&s, &p, seed);
    fake_sweep_run(&s, 1000.0);
    EXPECT(s.status == WS_OK);
    size_t n_final = 0;
    for (uint64_t job = 0; job < s.n_jobs; job++) {
        EXPECT(fake_sweep_n_final(&s, (int64_t)job) <= 1);
        n_final += fake_sweep_n_final(&s, (int64_t)job);
    }
    EXPECT(s.outcome.is_complete == (n_final == s.n_jobs));
    EXPECT(s.outcome.is_complete || s.outcome.was_asked_to_stop || p.n_deaths + p.n_stops > 0);
    EXPECT(s.outcome.is_complete || p.is_asked_to_stop || !is_anyone_left(&s) || p.n_stops > 0);
    EXPECT(!s.outcome.was_asked_to_stop || p.is_asked_to_stop);
    for (size_t i = 0; i < s.sink.n_rows; i++) {
        const fake_row *row = &s.sink.rows[i];
        EXPECT(row->has_host);
        EXPECT(row->attempt >= 1 && row->attempt <= 1 + p.n_deaths + p.n_stops && row->attempt <= 4);
        EXPECT(row->state == SWP_STATE_DONE || row->state == SWP_STATE_INTERRUPTED ||
               (row->state == SWP_STATE_FAILED && row->attempt == 4));
    }
    for (int i = 1; i < s.n_ranks; i++) {
        EXPECT(fake_is_dead(s.world, i) || s.workers[i].has_left || fake_exit_code(s.world, i) == 75);
        EXPECT(s.workers[i].status == WS_OK);
    }
    EXPECT(!s.was_released || p.n_deaths == 0 || is_anyone_left(&s));
    fake_sweep_fini(&s);
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void test_sweeps_with_random_troubles(void **state)
{
    (void)state;
    const uint64_t seed     = number_from_environment("WATTSWEEP_TEST_SEED", (uint64_t)time(NULL));
    const bool     is_given = getenv("WATTSWEEP_TEST_SEED") != NULL;
    const uint64_t n_trials = number_from_environment("WATTSWEEP_TEST_TRIALS", is_given ? 1 : N_TRIALS);
    print_message("WATTSWEEP_TEST_SEED=%" PRIu64 " and the next %" PRIu64 "\n", seed, n_trials - 1);
    for (uint64_t i = 0; i < n_trials; i++) {
        try_sweep(seed + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweeps_with_random_troubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
