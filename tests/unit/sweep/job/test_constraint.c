/* Invariants: a point is left out by the first constraint that is false for it; a constraint sees parameters,
 * options and what the cluster config amounts to at that point; what cannot be known leaves nothing out. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "toy_builder.h"

enum { MAX_PARAMS = 8 };

/* The index of the first constraint that job does not meet, -1 if it meets all. */
static int unmet(toy_builder *toy, uint64_t job)
{
    uint32_t value_index[MAX_PARAMS];
    swp_space_point(swp_builder_space(toy->builder), job, value_index);
    const size_t found = swp_constraints_check(toy->constraints, job, value_index);
    return found == SWP_MEETS_ALL ? -1 : (int)found;
}

/* What a sweep of one point thinks of one constraint: true = kept. */
static void expect_kept(const char *members, const char *constraint, bool is_kept)
{
    toy_builder toy;
    char        text[1024];
    snprintf(text, sizeof text, "%s, \"constraints\": [\"%s\"]", members, constraint);
    toy_builder_init(&toy, text);
    if ((unmet(&toy, 0) == -1) != is_kept) {
        fail_msg("%s: %s: expected the point to be %s", members, constraint, is_kept ? "kept" : "left out");
    }
    toy_builder_fini(&toy);
}

/* Truth that both ways of writing it see. */
static void expect_true(const char *members, const char *constraint)
{
    char negated[512];
    snprintf(negated, sizeof negated, "!(%s)", constraint);
    expect_kept(members, constraint, true);
    expect_kept(members, negated, false);
}

/* 1 GiB is 1.073741824 * 10^9 bytes. */
#define TWO_NODES                                                                                            \
    "\"parameters\": {\"mix\": {\"two\": {\"num_nodes\": 2, \"nodes\": ["                                    \
    "{\"instances\": [{\"num_npus\": 4, \"pp_size\": 2, \"npu_mem\": {\"mem_size\": 20}}]},"                 \
    "{\"instances\": [{\"tp_size\": 4, \"npu_mem\": {\"mem_size\": 10}}, {\"num_npus\": 1, \"ep_size\": 3,"  \
    "\"npu_mem\": {\"mem_size\": 40}}]}]}}}"

/* 4 NPUs in 2 stages are tp 2; tp 4 alone are 4 NPUs; then one more. */
static void test_what_a_cluster_amounts_to(void **state)
{
    (void)state;
    expect_true(TWO_NODES, "num_nodes == 2");
    expect_true(TWO_NODES, "num_instances == 3");
    expect_true(TWO_NODES, "num_npus == 9");
    expect_true(TWO_NODES, "tp_size == 4");
    expect_true(TWO_NODES, "pp_size == 2");
    expect_true(TWO_NODES, "ep_size == 3");
    expect_true(TWO_NODES, "abs(npu_mem_gb - 10.73741824) < 1e-9");
}

static void test_options_and_parameters(void **state)
{
    (void)state;
    expect_true("\"options\": {\"block_size\": 32}", "block_size == 32");
    expect_true("\"options\": {\"dtype\": \"fp8\"}", "dtype == 'fp8' && dtype != 'auto'");
    expect_true("\"options\": {\"enable_prefix_caching\": false}", "!enable_prefix_caching");
    expect_true("\"options\": {\"enable_prefix_caching\": true}", "enable_prefix_caching");
    expect_true("\"options\": {\"log_interval\": \"100ms\"}", "log_interval == 0.1");
    expect_true("\"options\": {\"npu_memory_utilization\": 0.75}", "npu_memory_utilization == 0.75");
    expect_true("\"options\": {\"seed\": 7}", "seed == 7");
    expect_true("\"parameters\": {\"max_num_seqs\": [64]}, \"options\": {\"block_size\": 8}",
                "max_num_seqs / block_size == 8");
    expect_true("\"parameters\": {\"standby_duration\": [\"18ms\"]}", "standby_duration == 0.018");
    expect_true("\"parameters\": {\"/link_bw\": [48]}", "`/link_bw` == 48");
    expect_true("\"parameters\": {\"mix\": {\"a\": {}}}", "mix == 'a' && mix != 'b'");
    expect_true("\"parameters\": {\"dtype\": [\"fp8\"]}", "dtype == 'fp8'");
    expect_true("\"parameters\": {\"tp_size\": [2], \"num_instances\": [3]}", "tp_size * num_instances == 6");
}

/* 12 points; the second constraint is only asked where the first holds. */
static void test_the_first_unmet_is_named(void **state)
{
    (void)state;
    toy_builder toy;
    toy_builder_init(&toy, "\"parameters\": {\"max_num_seqs\": [1, 2, 3, 4], \"block_size\": [1, 2, 3]},"
                           "\"constraints\": [\"max_num_seqs > 1\", \"max_num_seqs + block_size <= 5\"]");
    for (uint64_t job = 0; job < 12; job++) {
        const int seqs = 1 + (int)job / 3, block = 1 + (int)job % 3;
        const int expected = seqs == 1 ? 0 : seqs + block > 5 ? 1 : -1;
        if (unmet(&toy, job) != expected) {
            fail_msg("job %d: expected %d, found %d", (int)job, expected, unmet(&toy, job));
        }
    }
    toy_builder_fini(&toy);
    toy_builder_init(&toy, "\"parameters\": {\"max_num_seqs\": [1, 2]}");
    assert_int_equal(unmet(&toy, 0), -1);
    toy_builder_fini(&toy);
}

/* A broken config says nothing about its cluster: the run has to say what is wrong. */
static void test_the_unknown_leaves_nothing_out(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "{\"nodes\": 3}",
        "{\"nodes\": []}",
        "{\"nodes\": null}",
        "{\"nodes\": [{}]}",
        "{\"nodes\": [{\"instances\": []}]}",
        "{\"nodes\": [{\"instances\": [3]}]}",
        ("{\"nodes\": [{\"instances\": [{\"num_npus\": \"two\", \"tp_size\": \"two\", \"pp_size\": 0, "
         "\"ep_size\": -1}]}]}"),
    };
    static const char *const quantities[] = {"num_npus", "tp_size", "pp_size", "ep_size", "npu_mem_gb"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        for (size_t k = 0; k < sizeof quantities / sizeof quantities[0]; k++) {
            char members[512], constraint[64];
            snprintf(members, sizeof members, "\"parameters\": {\"mix\": {\"broken\": %s}}", broken[i]);
            for (int larger = 0; larger < 2; larger++) {
                snprintf(constraint, sizeof constraint, "%s %s 1000", quantities[k],
                         larger == 1 ? ">" : "<=");
                expect_kept(members, constraint, true);
            }
        }
    }
    /* the toy model's file is nowhere */
    expect_kept("\"parameters\": {}", "weights_gb < 0.1", true);
    expect_kept("\"parameters\": {}", "weights_gb > 0.1", true);
    /* one instance of two does not say what memory it has */
    expect_kept("\"parameters\": {\"mix\": {\"half\": {\"nodes\": [{\"instances\": ["
                "{\"num_npus\": 1, \"npu_mem\": {\"mem_size\": 10}}, {\"num_npus\": 1}]}]}}}",
                "npu_mem_gb < 1", true);
}

static void expect_problem(const char *constraint, const char *expected)
{
    char      text[256];
    ws_error  err  = WS_ERROR_INIT;
    swp_spec *spec = NULL;
    snprintf(text, sizeof text, "{\"cluster\": \"c\", \"constraints\": [\"tp_size == 1\", \"%s\"]}",
             constraint);
    assert_int_equal(swp_spec_parse("spec.json", text, strlen(text), &err, &spec), WS_OK);
    assert_int_equal(swp_constraints_check_texts(spec, &err), WS_ERR_INPUT);
    if (err.n_problems != 1 || strstr(ws_error_text(&err), "spec.json: /constraints/1: ") == NULL ||
        strstr(ws_error_text(&err), constraint) == NULL || strstr(ws_error_text(&err), expected) == NULL) {
        fail_msg("%s: expected \"%s\", found: %s", constraint, expected, ws_error_text(&err));
    }
    ws_error_clear(&err);
    swp_spec_destroy(&spec);
}

static void test_texts_are_checked_without_files(void **state)
{
    (void)state;
    expect_problem("tp_sise == 1", "column 1: ");
    expect_problem("tp_size ==", "column 11: ");
    expect_problem("dtype > 1", "column ");
    expect_problem("mix == 1", "column 1: "); /* no such parameter here */
    ws_error    err  = WS_ERROR_INIT;
    swp_spec   *spec = NULL;
    const char *good = "{\"cluster\": \"nowhere\", \"constraints\": [\"num_npus <= 8\", \"dtype == 'fp8'\"]}";
    assert_int_equal(swp_spec_parse("spec.json", good, strlen(good), &err, &spec), WS_OK);
    assert_int_equal(swp_constraints_check_texts(spec, &err), WS_OK);
    assert_int_equal(err.n_problems, 0);
    swp_spec_destroy(&spec);
    swp_constraints *none = NULL;
    swp_constraints_destroy(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_cluster_amounts_to),
        cmocka_unit_test(test_options_and_parameters),
        cmocka_unit_test(test_the_first_unmet_is_named),
        cmocka_unit_test(test_the_unknown_leaves_nothing_out),
        cmocka_unit_test(test_texts_are_checked_without_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
