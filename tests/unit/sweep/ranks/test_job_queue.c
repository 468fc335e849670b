/* Every job of a slice that is neither pruned nor done comes exactly once, whatever the batches; jobs given
 * back come again; long jobs come before short ones once their cost is known. */
#include <stdlib.h>

#include "ranks/job_queue.h"
#include "toy_builder.h"

enum { N_A = 50, N_B = 200, N_JOBS = N_A * N_B };

#define GRID                                                                                                 \
    "\"parameters\": {\"/link_bw\": {\"range\": [1, 50, 1]}, \"max_num_seqs\": {\"range\": [1, 200, 1]}},"   \
    "\"constraints\": [\"max_num_seqs != 7\", \"`/link_bw` <= 40 || num_npus > 1\"]"

static bool is_pruned(uint64_t job)
{
    return job % N_B == 6 || job / N_B >= 40;
}

static swp_job_queue *make_source(toy_builder *toy, swp_slice slice, uint64_t n_to_run,
                                  const uint8_t *done_bits)
{
    swp_job_queue             *source = NULL;
    const swp_job_queue_config config = {.builder     = toy->builder,
                                         .constraints = toy->constraints,
                                         .slice       = slice,
                                         .n_to_run    = n_to_run,
                                         .done_bits   = done_bits};
    assert_int_equal(swp_job_queue_create(&config, &source), WS_OK);
    return source;
}

static void test_slices_cover_the_space_once(void **state)
{
    (void)state;
    const swp_space space = {.n_jobs = 1003};
    uint64_t        next  = 0;
    for (uint64_t k = 0; k < 7; k++) {
        const swp_slice slice = swp_slice_of(&space, k, 7);
        assert_int_equal(slice.begin, next);
        assert_true(slice.end - slice.begin == 143 || slice.end - slice.begin == 144);
        next = slice.end;
    }
    assert_int_equal(next, 1003);
}

static void test_census_counts_by_first_unmet(void **state)
{
    (void)state;
    toy_builder toy;
    swp_census  census;
    toy_builder_init(&toy, GRID);
    const swp_slice all = {.begin = 0, .end = N_JOBS};
    assert_int_equal(swp_census_take(toy.builder, toy.constraints, all, &census), WS_OK);
    assert_int_equal(census.pruned_by[0], 50);       /* one of 200 at each of 50 */
    assert_int_equal(census.pruned_by[1], 10 * 199); /* of the last ten, without those counted already */
    assert_int_equal(census.n_jobs, N_JOBS - 50 - 10 * 199);
    swp_census_fini(&census);
    toy_builder_fini(&toy);
}

static void test_every_job_comes_once(void **state)
{
    (void)state;
    toy_builder toy;
    toy_builder_init(&toy, GRID);
    const swp_slice slice     = {.begin = 100, .end = N_JOBS};
    uint8_t        *done_bits = calloc(N_JOBS / 8 + 1, 1);
    char           *seen      = calloc(N_JOBS, 1);
    uint64_t        expected  = 0;
    for (uint64_t job = slice.begin; job < slice.end; job++) {
        const bool is_done = job % 3 == 0;
        done_bits[(job - slice.begin) / 8] |= (uint8_t)(is_done << (job - slice.begin) % 8);
        expected += !is_done && !is_pruned(job);
    }
    swp_job_queue *source = make_source(&toy, slice, expected, done_bits);
    swp_ticket     tickets[97];
    uint64_t       n_seen = 0, n_given_back = 0;
    for (size_t n; (n = swp_job_queue_take(source, 1 + n_seen % 97, tickets)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            const uint64_t job = tickets[i].job;
            assert_true(job >= slice.begin && job < slice.end && job % 3 != 0 && !is_pruned(job));
            assert_int_equal(tickets[i].attempt, 1);
            if (n_given_back < 20 && job % 11 == 1) {
                n_given_back++;
                assert_int_equal(swp_job_queue_return(source, tickets[i]), WS_OK);
                continue;
            }
            assert_int_equal(seen[job], 0);
            seen[job] = 1;
            n_seen++;
            swp_job_queue_observe(source, job, 0.001 * (double)(job % 13 + 1));
        }
        assert_int_equal(swp_job_queue_n_left(source), expected - n_seen);
    }
    assert_int_equal(n_seen, expected);
    assert_int_equal(n_given_back, 20);
    swp_job_queue_destroy(&source);
    free(done_bits);
    free(seen);
    toy_builder_fini(&toy);
}

/* Wall time grows with /link_bw: after a hundred observations the next jobs are those of its largest values.
 */
static void test_long_jobs_first(void **state)
{
    (void)state;
    toy_builder toy;
    toy_builder_init(
        &toy, "\"parameters\": {\"max_num_seqs\": {\"range\": [1, 40, 1]}, \"/link_bw\": [1, 2, 3, 4]}");
    swp_job_queue *source = make_source(&toy, (swp_slice){0, 160}, 160, NULL);
    swp_ticket     ticket;
    for (int i = 0; i < 64; i++) {
        assert_int_equal(swp_job_queue_take(source, 1, &ticket), 1);
        swp_job_queue_observe(source, ticket.job, 0.01 * (double)(1 + ticket.job % 4));
    }
    uint64_t last = 4;
    while (swp_job_queue_take(source, 1, &ticket) == 1) {
        assert_true(ticket.job % 4 <= last);
        last = ticket.job % 4;
    }
    swp_job_queue_destroy(&source);
    toy_builder_fini(&toy);
}

static void test_retries_keep_count(void **state)
{
    (void)state;
    toy_builder toy;
    toy_builder_init(&toy, "\"parameters\": {\"max_num_seqs\": {\"range\": [1, 40, 1]}}");
    const swp_ticket           retries[] = {{.job = 3, .attempt = 2}, {.job = 17, .attempt = 4}};
    swp_job_queue             *source    = NULL;
    const swp_job_queue_config config    = {.builder     = toy.builder,
                                            .constraints = toy.constraints,
                                            .slice       = {0, 40},
                                            .n_to_run    = 40,
                                            .retries     = retries,
                                            .n_retries   = 2};
    assert_int_equal(swp_job_queue_create(&config, &source), WS_OK);
    swp_ticket ticket;
    while (swp_job_queue_take(source, 1, &ticket) == 1) {
        assert_int_equal(ticket.attempt, ticket.job == 3 ? 2 : ticket.job == 17 ? 4 : 1);
    }
    swp_job_queue_destroy(&source);
    toy_builder_fini(&toy);
}

static void test_broken_constraints_are_refused(void **state)
{
    (void)state;
    toy_builder toy;
    toy_builder_init(&toy, "\"parameters\": {}");
    ws_error         err         = WS_ERROR_INIT;
    swp_spec        *spec        = NULL;
    swp_builder     *builder     = NULL;
    swp_constraints *constraints = NULL;
    const char      *text =
        "{\"cluster\": \"c.json\", \"constraints\": [\"tp_size <\", \"dtype == 3\", \"tp_sise < 2\"]}";
    const swp_builder_config config = {.spec_path = "spec.json"};
    assert_int_equal(swp_spec_parse("spec.json", text, strlen(text), &err, &spec), WS_OK);
    assert_int_equal(swp_builder_create(spec, &config, toy.files, &err, &builder), WS_OK);
    assert_int_equal(swp_constraints_create(builder, &err, &constraints), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "/constraints/0: tp_size <: column 10"));
    assert_non_null(strstr(ws_error_text(&err), "/constraints/1"));
    assert_non_null(strstr(ws_error_text(&err), "unknown name tp_sise"));
    ws_error_clear(&err);
    swp_builder_destroy(&builder);
    swp_spec_destroy(&spec);
    toy_builder_fini(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_cover_the_space_once),
        cmocka_unit_test(test_census_counts_by_first_unmet),
        cmocka_unit_test(test_every_job_comes_once),
        cmocka_unit_test(test_long_jobs_first),
        cmocka_unit_test(test_retries_keep_count),
        cmocka_unit_test(test_broken_constraints_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
