/* What an earlier file already has of a sweep: rows are known by their content hash, whatever their number;
 * of several rows of a job the last one counts; final states are kept, the others run again with their
 * attempt counted on. */
#include "run/resume.h"
#include "store_fixture.h"
#include "toy_builder.h"

typedef struct earlier_row {
    uint64_t      job; /* of the sweep that wrote the file */
    swp_job_state state;
    int32_t       attempt;
} earlier_row;

typedef struct place {
    char       *folder, path[600];
    toy_builder toy;
    swp_resume  resume;
} place;

#define SEQS "\"parameters\": {\"max_num_seqs\": [%s]}"

static void hash_of(toy_builder *toy, uint64_t job, char hash[SWP_HASH_LEN + 1])
{
    assert_int_equal(toy_builder_hash(toy, job, hash), WS_OK);
}

/* A file of a sweep over max_num_seqs with these values. */
static void write_earlier(place *p, const char *values, const earlier_row *rows, size_t n)
{
    char        members[200];
    toy_builder toy;
    swp_store  *store = NULL;
    snprintf(members, sizeof members, SEQS, values);
    toy_builder_init(&toy, members);
    const swp_layout       layout = fixture_layout((int64_t)n);
    const swp_store_config config = {.path = p->path};
    assert_int_equal(swp_store_create(&config, &layout, &toy.err, &store), WS_OK);
    assert_int_equal(swp_store_begin(store, &toy.err), WS_OK);
    for (size_t i = 0; i < n; i++) {
        fixture_row fixture;
        swp_row     row = *fixture_make((int64_t)rows[i].job, &fixture);
        char        hash[SWP_HASH_LEN + 1];
        hash_of(&toy, rows[i].job, hash);
        row.hash    = hash;
        row.state   = rows[i].state;
        row.attempt = rows[i].attempt;
        if (row.state != SWP_STATE_DONE) {
            row.metrics = NULL;
        }
        assert_int_equal(swp_store_write_row(store, &row, &toy.err), WS_OK);
    }
    assert_int_equal(swp_store_finish(store, SWP_FINISH_CLOSE, &toy.err), WS_OK);
    swp_store_destroy(&store);
    toy_builder_fini(&toy);
}

/* Match it with a sweep over these values. */
static void match(place *p, const char *values, const char *more, bool retry_failed)
{
    char members[300];
    snprintf(members, sizeof members, SEQS "%s", values, more);
    toy_builder_init(&p->toy, members);
    const swp_sweep_inputs inputs = {.spec        = p->toy.spec,
                                     .builder     = p->toy.builder,
                                     .constraints = p->toy.constraints,
                                     .slice       = {0, swp_builder_space(p->toy.builder)->n_jobs}};
    if (swp_resume_match(p->path, &inputs, (swp_resume_how){.retry_failed = retry_failed}, &p->toy.err,
                         &p->resume) != WS_OK) {
        fail_msg("%s", ws_error_text(&p->toy.err));
    }
}

static bool is_kept(const place *p, uint64_t job)
{
    return (p->resume.done_bits[job / 8] >> job % 8 & 1) != 0;
}

static int set_up(void **state)
{
    place *p  = calloc(1, sizeof *p);
    p->folder = fixture_folder();
    snprintf(p->path, sizeof p->path, "%s/results.h5", p->folder);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    swp_resume_fini(&p->resume);
    toy_builder_fini(&p->toy);
    fixture_remove(p->folder);
    free(p);
    return 0;
}

static const earlier_row one_of_each[] = {
    {0, SWP_STATE_DONE, 1},       {1, SWP_STATE_FAILED, 2},      {2, SWP_STATE_TIMED_OUT, 1},
    {3, SWP_STATE_INFEASIBLE, 1}, {4, SWP_STATE_INTERRUPTED, 3},
};

static void final_states_are_kept(void **state)
{
    place *p = *state;
    write_earlier(p, "1, 2, 3, 4, 5, 6", one_of_each, 5); /* the sixth job was never begun */
    match(p, "1, 2, 3, 4, 5, 6", "", false);
    for (uint64_t job = 0; job < 6; job++) {
        assert_int_equal(is_kept(p, job), job < 4);
    }
    for (int64_t row = 0; row < 5; row++) {
        assert_int_equal(p->resume.job_of_row[row], row); /* also the one that runs again, until it has run */
    }
    assert_int_equal(p->resume.n_kept_total, 4);
    assert_int_equal(p->resume.n_kept[SWP_STATE_DONE], 1);
    assert_int_equal(p->resume.n_kept[SWP_STATE_INTERRUPTED], 0);
    assert_int_equal(p->resume.n_retries, 1);
    assert_int_equal(p->resume.retries[0].job, 4);
    assert_int_equal(p->resume.retries[0].attempt, 4);
    assert_int_equal(p->resume.n_foreign, 0);
}

static void retrying_keeps_what_is_done(void **state)
{
    place *p = *state;
    write_earlier(p, "1, 2, 3, 4, 5, 6", one_of_each, 5);
    match(p, "1, 2, 3, 4, 5, 6", "", true);
    assert_int_equal(p->resume.n_kept_total, 1);
    assert_true(is_kept(p, 0));
    assert_int_equal(p->resume.n_retries, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(p->resume.retries[i].job, one_of_each[i + 1].job);
        assert_int_equal(p->resume.retries[i].attempt, one_of_each[i + 1].attempt + 1);
        assert_int_equal(p->resume.job_of_row[i + 1], i + 1);
    }
}

static void jobs_are_known_whatever_their_number(void **state)
{
    static const earlier_row rows[] = {
        {2, SWP_STATE_DONE, 1}, {0, SWP_STATE_DONE, 1}, {1, SWP_STATE_FAILED, 1}};
    place *p = *state;
    write_earlier(p, "8, 16, 32", rows, 3);
    match(p, "64, 32, 4, 8", "", false); /* 32 is job 1 now, 8 job 3, 16 is gone */
    assert_int_equal(p->resume.job_of_row[0], 1);
    assert_int_equal(p->resume.job_of_row[1], 3);
    assert_int_equal(p->resume.job_of_row[2], -1);
    assert_true(!is_kept(p, 0) && is_kept(p, 1) && !is_kept(p, 2) && is_kept(p, 3));
    assert_int_equal(p->resume.n_foreign, 0); /* a failure that is gone is no loss */
}

static void done_rows_that_are_gone_are_counted(void **state)
{
    static const earlier_row rows[] = {
        {0, SWP_STATE_DONE, 1}, {1, SWP_STATE_DONE, 1}, {2, SWP_STATE_FAILED, 1}};
    place *p = *state;
    write_earlier(p, "1, 2, 3", rows, 3);
    match(p, "2, 5", ", \"seed\": 43", false); /* the workload's seed makes other jobs of them */
    assert_int_equal(p->resume.n_kept_total, 0);
    assert_int_equal(p->resume.n_foreign, 2);
}

static void the_last_row_of_a_job_counts(void **state)
{
    static const earlier_row rows[] = {{0, SWP_STATE_FAILED, 1},
                                       {1, SWP_STATE_DONE, 1},
                                       {0, SWP_STATE_DONE, 2},
                                       {1, SWP_STATE_INTERRUPTED, 2}};
    place                   *p      = *state;
    write_earlier(p, "1, 2", rows, 4);
    match(p, "1, 2", "", false);
    assert_int_equal(p->resume.n_kept_total, 1);
    assert_true(is_kept(p, 0) && !is_kept(p, 1));
    assert_int_equal(p->resume.job_of_row[0], -1);
    assert_int_equal(p->resume.job_of_row[2], 0);
    assert_int_equal(p->resume.n_retries, 1);
    assert_int_equal(p->resume.retries[0].attempt, 3);
}

/* --keep-infeasible writes rows of attempt 0 for what a constraint leaves out; without the constraint they
 * are jobs. */
static void left_out_points_come_back(void **state)
{
    static const earlier_row rows[] = {{0, SWP_STATE_DONE, 1}, {1, SWP_STATE_INFEASIBLE, 0}};
    place                   *p      = *state;
    write_earlier(p, "1, 2", rows, 2);
    match(p, "1, 2", "", false);
    assert_int_equal(p->resume.n_kept_total, 1);
    assert_int_equal(p->resume.job_of_row[1], -1); /* else it would count as final until it has run */
    assert_int_equal(p->resume.n_retries, 1);
    assert_int_equal(p->resume.retries[0].attempt, 1);
}

static void pruned_jobs_are_not_kept(void **state)
{
    static const earlier_row rows[] = {{0, SWP_STATE_DONE, 1}, {1, SWP_STATE_DONE, 1}};
    place                   *p      = *state;
    write_earlier(p, "1, 2", rows, 2);
    match(p, "1, 2", ", \"constraints\": [\"max_num_seqs < 2\"]", false);
    assert_int_equal(p->resume.n_kept_total, 1);
    assert_int_equal(p->resume.n_foreign, 1); /* and the user is asked: --drop-rows */
}

int main(void)
{
#define RESUME_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        RESUME_TEST(final_states_are_kept),
        RESUME_TEST(retrying_keeps_what_is_done),
        RESUME_TEST(jobs_are_known_whatever_their_number),
        RESUME_TEST(done_rows_that_are_gone_are_counted),
        RESUME_TEST(the_last_row_of_a_job_counts),
        RESUME_TEST(left_out_points_come_back),
        RESUME_TEST(pruned_jobs_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
