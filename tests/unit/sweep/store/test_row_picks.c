/* Invariants: of each job one row is picked: the last of its file, between files one that is done, else the
 * later file's; jobs ascend; and all of that does not depend on the window. Against a plan made the slow way.
 */
#include "base/rng.h"
#include "store/row_picks.h"
#include "store_place.h"

enum { N_FILES = 3, N_ROWS = 40, MAX_JOB = 14 };

/* Three files of rows that are done or failed at random, and jobs for them. */
typedef struct world {
    place            *p;
    swp_reader       *readers[N_FILES];
    const swp_reader *sources[N_FILES];
    bool              is_done[N_FILES][N_ROWS];
    int64_t           jobs[N_FILES][N_ROWS];
    const int64_t    *job_of_row[N_FILES];
} world;

static void set_state(const void *ctx, size_t i, swp_row *row)
{
    const bool *is_done = ctx;
    row->state          = is_done[i] ? SWP_STATE_DONE : SWP_STATE_FAILED;
}

static void world_init(void **state, world *w, ws_rng *rng)
{
    const swp_layout layout = fixture_layout(N_ROWS);
    int64_t          jobs[N_ROWS];
    *w = (world){.p = *state};
    for (int f = 0; f < N_FILES; f++) {
        for (int i = 0; i < N_ROWS; i++) {
            jobs[i]          = i;
            w->is_done[f][i] = ws_rng_uniform(rng) < 0.5;
        }
        place_write(w->p, f, &layout, jobs, N_ROWS, set_state, w->is_done[f]);
        w->sources[f] = w->readers[f] = place_open(w->p, f);
        w->job_of_row[f]              = w->jobs[f];
    }
}

static void world_fini(world *w)
{
    for (int f = 0; f < N_FILES; f++) {
        swp_reader_close(&w->readers[f]);
    }
}

/* Jobs from -1 (left out) to MAX_JOB, some far away. */
static void draw_jobs(world *w, ws_rng *rng)
{
    for (int f = 0; f < N_FILES; f++) {
        for (int i = 0; i < N_ROWS; i++) {
            w->jobs[f][i] = (int64_t)ws_rng_below(rng, MAX_JOB + 2) - 1;
            if (ws_rng_uniform(rng) < 0.1) {
                w->jobs[f][i] = INT64_C(1) << (20 + ws_rng_below(rng, 33));
            }
        }
    }
}

/* The last row of a job in a file, -1 if none. */
static int last_row(const world *w, int file, int64_t job)
{
    int found = -1;
    for (int i = 0; i < N_ROWS; i++) {
        found = w->jobs[file][i] == job ? i : found;
    }
    return found;
}

static bool slow_pick(const world *w, int64_t job, swp_pick *out)
{
    bool is_found = false;
    for (int want_done = 1; want_done >= 0 && !is_found; want_done--) {
        for (int f = N_FILES - 1; f >= 0 && !is_found; f--) {
            const int row = last_row(w, f, job);
            if (row >= 0 && (w->is_done[f][row] || want_done == 0)) {
                *out     = (swp_pick){.source = (size_t)f, .row = (size_t)row, .job = job};
                is_found = true;
            }
        }
    }
    return is_found;
}

static void expect_pick(const world *w, const swp_pick *found)
{
    swp_pick expected;
    assert_true(slow_pick(w, found->job, &expected));
    if (found->source != expected.source || found->row != expected.row) {
        fail_msg("job %lld: expected row %zu of file %zu, found row %zu of file %zu", (long long)found->job,
                 expected.row, expected.source, found->row, found->source);
    }
}

/* Every pick is right, jobs ascend, and none is missing. */
static void expect_picks(const world *w, const swp_pick *picks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        expect_pick(w, &picks[i]);
        assert_true(i == 0 || picks[i].job > picks[i - 1].job);
    }
    for (int f = 0; f < N_FILES; f++) {
        for (int i = 0; i < N_ROWS; i++) {
            size_t at = 0;
            while (at < n && picks[at].job != w->jobs[f][i]) {
                at++;
            }
            assert_true((at < n) == (w->jobs[f][i] >= 0));
        }
    }
}

static void test_the_right_row_of_every_job(void **state)
{
    ws_rng rng;
    world  w;
    ws_rng_seed(&rng, 1);
    world_init(state, &w, &rng);
    for (int round = 0; round < 300; round++) {
        swp_row_picks plan;
        draw_jobs(&w, &rng);
        assert_int_equal(swp_row_picks_build(w.sources, N_FILES, w.job_of_row, &w.p->err, &plan), WS_OK);
        expect_picks(&w, plan.picks, plan.n);
        swp_row_picks_fini(&plan);
        assert_true(plan.picks == NULL && plan.n == 0);
    }
    world_fini(&w);
}

/* Full windows except for the last, none after it, and together the same picks; again after a rewind. */
static void test_windows_make_no_difference(void **state)
{
    ws_rng rng;
    world  w;
    ws_rng_seed(&rng, 2);
    world_init(state, &w, &rng);
    for (int round = 0; round < 100; round++) {
        const size_t        window_rows = 1 + ws_rng_below(&rng, 2 * MAX_JOB);
        swp_pick            picks[N_FILES * N_ROWS];
        swp_row_picks_scan *scan = NULL;
        draw_jobs(&w, &rng);
        assert_int_equal(
            swp_row_picks_scan_create(w.sources, N_FILES, w.job_of_row, window_rows, &w.p->err, &scan),
            WS_OK);
        for (int pass = 0; pass < 2; pass++) {
            swp_row_picks window = {.n = window_rows};
            size_t        n      = 0;
            while (window.n == window_rows) {
                assert_int_equal(swp_row_picks_scan_next(scan, &w.p->err, &window), WS_OK);
                assert_true(window.n <= window_rows);
                memcpy(picks + n, window.picks, window.n * sizeof(picks[0]));
                n += window.n;
            }
            assert_int_equal(swp_row_picks_scan_next(scan, &w.p->err, &window), WS_OK);
            assert_int_equal(window.n, 0);
            expect_picks(&w, picks, n);
            swp_row_picks_scan_rewind(scan);
        }
        swp_row_picks_scan_destroy(&scan);
        assert_null(scan);
    }
    world_fini(&w);
}

/* Job numbers nobody writes, as a damaged file may have them: below 0 they are left out. */
static void test_the_ends_of_the_numbers(void **state)
{
    ws_rng rng;
    world  w;
    ws_rng_seed(&rng, 3);
    world_init(state, &w, &rng);
    for (int f = 0; f < N_FILES; f++) {
        for (int i = 0; i < N_ROWS; i++) {
            w.jobs[f][i] = i % 2 == 0 ? INT64_MIN + i : -i;
        }
    }
    w.jobs[1][4] = 5;
    w.jobs[2][6] = INT64_MAX - 1;
    for (size_t window_rows = 1; window_rows < 4; window_rows++) {
        swp_row_picks_scan *scan = NULL;
        swp_row_picks       plan;
        assert_int_equal(
            swp_row_picks_scan_create(w.sources, N_FILES, w.job_of_row, window_rows, &w.p->err, &scan),
            WS_OK);
        int64_t jobs[4];
        size_t  n = 0;
        do {
            assert_int_equal(swp_row_picks_scan_next(scan, &w.p->err, &plan), WS_OK);
            for (size_t i = 0; i < plan.n; i++) {
                jobs[n++] = plan.picks[i].job;
            }
        } while (plan.n > 0);
        assert_int_equal(n, 2);
        assert_true(jobs[0] == 5 && jobs[1] == INT64_MAX - 1);
        swp_row_picks_scan_destroy(&scan);
    }
    world_fini(&w);
}

static void test_no_files_and_no_rows(void **state)
{
    place           *p      = *state;
    const swp_layout layout = fixture_layout(3);
    swp_row_picks    plan;
    assert_int_equal(swp_row_picks_build(NULL, 0, NULL, &p->err, &plan), WS_OK);
    assert_int_equal(plan.n, 0);
    swp_row_picks_fini(&plan);
    place_write(p, 0, &layout, NULL, 0, NULL, NULL);
    swp_reader       *reader = place_open(p, 0);
    const swp_reader *source = reader;
    assert_int_equal(swp_row_picks_build(&source, 1, NULL, &p->err, &plan), WS_OK);
    assert_int_equal(plan.n, 0);
    swp_row_picks_fini(&plan);
    swp_reader_close(&reader);
    swp_row_picks_scan *none = NULL;
    swp_row_picks_scan_destroy(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_the_right_row_of_every_job), PLACE_TEST(test_windows_make_no_difference),
        PLACE_TEST(test_the_ends_of_the_numbers), PLACE_TEST(test_no_files_and_no_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
