/* Invariants: at most 32 points of the slice are tried, spread over all of it whatever the period of an axis,
 * never one that a constraint leaves out; what a row takes is what its columns take in the file; the first
 * job that does not work says why. */
#include <math.h>
#include <stdlib.h>

#include "result/columns.h"
#include "run/probe.h"
#include "sweep_world.h"

#define DATASET "\"workload\": {\"dataset\": \"w.jsonl\"}"

/* The inputs a command would have read, over the toy world. */
static swp_sweep_inputs inputs_of(sweep_world *s)
{
    return (swp_sweep_inputs){.files       = s->w.files,
                              .spec        = s->spec,
                              .builder     = s->builder,
                              .constraints = s->constraints,
                              .slice       = {0, swp_builder_space(s->builder)->n_jobs}};
}

static swp_probe probe(swp_sweep_inputs *in)
{
    swp_probe found;
    assert_int_equal(swp_probe_points(in, 0, &found), WS_OK);
    return found;
}

static void expect_counts(const swp_probe *found, size_t n_tried, size_t n_worked)
{
    if (found->n_tried != n_tried || found->n_worked != n_worked) {
        fail_msg("expected %zu tried, %zu worked, found %zu, %zu: %s", n_tried, n_worked, found->n_tried,
                 found->n_worked, found->problem);
    }
}

static void test_at_most_32(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s, DATASET ", \"parameters\": {\"max_num_seqs\": {\"range\": [1, 40, 1]}}", NULL);
    swp_sweep_inputs in = inputs_of(&s);
    for (uint64_t n = 0; n <= 40; n += 8) {
        in.slice               = (swp_slice){40 - n, 40};
        const swp_probe found  = probe(&in);
        const size_t    n_most = n < 32 ? (size_t)n : 32;
        expect_counts(&found, n_most, n_most);
        assert_string_equal(found.problem, "");
        assert_true(n == 0 ? isnan(found.job_wall_s) && isnan(found.row_bytes)
                           : found.job_wall_s > 0.0 && found.row_bytes > 0.0);
    }
    sweep_world_fini(&s);
}

/* Every second of 80 points is broken, and every value of the other axis: about half of those tried work. */
static void test_points_keep_step_with_no_axis(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s,
                     DATASET ", \"parameters\": {\"max_num_seqs\": {\"range\": [1, 40, 1]}, "
                             "\"mix\": {\"good\": {}, \"bad\": {\"nodes\": 3}}}",
                     NULL);
    swp_sweep_inputs in    = inputs_of(&s);
    const swp_probe  found = probe(&in);
    assert_int_equal(found.n_tried, 32);
    if (found.n_worked < 12 || found.n_worked > 20) {
        fail_msg("expected about 16 of 32 to work, found %zu", found.n_worked);
    }
    assert_non_null(strstr(found.problem, ": failed: "));
    assert_non_null(strstr(found.problem, "/nodes"));
    sweep_world_fini(&s);
}

static void test_left_out_points_are_not_tried(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s,
                     DATASET ", \"parameters\": {\"max_num_seqs\": [1, 2, 3, 4, 5]}, "
                             "\"constraints\": [\"max_num_seqs % 2 == 0\"]",
                     NULL);
    swp_sweep_inputs in    = inputs_of(&s);
    const swp_probe  found = probe(&in);
    expect_counts(&found, 2, 2);
    sweep_world_fini(&s);
}

/* Bytes of a row in a file with these groups, by the table of columns. */
static double column_bytes(const swp_spec *spec, size_t n_samples, size_t n_requests)
{
    const swp_layout layout = {
        .max_nodes = 1, .has_series = spec->wants_timeseries, .has_requests = spec->wants_requests};
    swp_columns columns;
    assert_int_equal(swp_columns_build(&layout, NULL, &columns), WS_OK);
    const double bytes = (double)columns.row_bytes[SWP_AXIS_JOB] +
                         (double)n_samples * (double)columns.row_bytes[SWP_AXIS_SAMPLE] +
                         (double)n_requests * (double)columns.row_bytes[SWP_AXIS_REQUEST];
    swp_columns_fini(&columns);
    return bytes;
}

/* Both requests end long before the first second is over: one sample. */
static void test_bytes_are_those_of_the_columns(void **state)
{
    (void)state;
    for (int bits = 0; bits < 4; bits++) {
        sweep_world s;
        char        members[256];
        snprintf(members, sizeof members, DATASET ", \"outputs\": {\"timeseries\": %s, \"requests\": %s}",
                 (bits & 1) != 0 ? "true" : "false", (bits & 2) != 0 ? "true" : "false");
        sweep_world_init(&s, members, NULL);
        swp_sweep_inputs in       = inputs_of(&s);
        const swp_probe  found    = probe(&in);
        const double     expected = column_bytes(s.spec, 1, 2);
        if (found.row_bytes != expected) {
            fail_msg("%s: expected %.17g bytes, found %.17g", members, expected, found.row_bytes);
        }
        sweep_world_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_most_32),
        cmocka_unit_test(test_points_keep_step_with_no_axis),
        cmocka_unit_test(test_left_out_points_are_not_tried),
        cmocka_unit_test(test_bytes_are_those_of_the_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
