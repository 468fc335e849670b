/* Invariants: one scenario for each combination of what can change files, none for what cannot; afterwards
 * the file cache holds all that any job reads; the largest cluster counts, notes come once, and only a sweep
 * of which nothing works is refused. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "job/prefetch.h"
#include "job/runner.h"
#include "sweep_world.h"

#define DATASET "\"workload\": {\"dataset\": \"w.jsonl\"}"
#define INSTANCE                                                                                             \
    "{\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": "                \
    "{\"mem_size\": 1, \"mem_bw\": 1000, \"mem_latency\": 0}}"
#define NODE                                                                                                 \
    "{\"num_instances\": 1, \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, "          \
    "\"instances\": [" INSTANCE "]}"

typedef struct fetched {
    sweep_world  s;
    swp_prefetch found;
    ws_error     err;
    ws_status    status;
} fetched;

static void fetch(fetched *f, const char *members)
{
    f->err = WS_ERROR_INIT;
    sweep_world_init(&f->s, members, NULL);
    f->status = swp_prefetch_inputs(f->s.builder, &f->err, &f->found);
}

static void fetched_fini(fetched *f)
{
    swp_prefetch_fini(&f->found);
    ws_error_clear(&f->err);
    sweep_world_fini(&f->s);
}

static void expect_tried(const char *members, size_t n_tried, size_t n_failed)
{
    fetched f;
    fetch(&f, members);
    if (f.status != WS_OK || f.found.n_tried != n_tried || f.found.n_failed != n_failed) {
        fail_msg("%s: expected %zu tried, %zu failed, found %zu, %zu: %s", members, n_tried, n_failed,
                 f.found.n_tried, f.found.n_failed, ws_error_text(&f.err));
    }
    assert_true(f.found.cost_mean > 0.0);
    fetched_fini(&f);
}

static void test_only_what_changes_files_is_combined(void **state)
{
    (void)state;
    expect_tried(DATASET, 1, 0);
    expect_tried(DATASET ", \"parameters\": {\"max_num_seqs\": [1, 2, 3, 4], \"/link_bw\": [8, 16]}", 1, 0);
    expect_tried(DATASET ", \"parameters\": {\"tp_size\": [1, 2, 4], \"max_num_seqs\": [1, 2, 3]}", 3, 0);
    expect_tried(
        DATASET ", \"parameters\": {\"tp_size\": [1, 2], \"mix\": {\"a\": {}, \"b\": {}, \"c\": {}}}", 6, 0);
    expect_tried(DATASET ", \"parameters\": {\"zip\": {\"tp_size\": [1, 2, 4], \"max_num_seqs\": [1, 2, 3]}}",
                 3, 0);
    expect_tried(
        DATASET ", \"parameters\": {\"enable_prefix_caching\": [true, false], \"workload.num_reqs\": [1, 2]}",
        1, 0);
    expect_tried(DATASET ", \"parameters\": {\"tp_size\": [1, 2]}, \"repeats\": 5", 2, 0);
    /* tp 8 was never measured */
    expect_tried(DATASET ", \"parameters\": {\"tp_size\": [1, 8]}, \"options\": {\"profile\": \"bundle\"}", 2,
                 1);
}

/* After the prefetch a cache that never looks at the file system runs every job. */
static void test_everything_is_in_the_cache(void **state)
{
    (void)state;
    fetched     f;
    char       *block  = NULL;
    size_t      len    = 0;
    ws_files   *sealed = NULL;
    swp_runner *runner = NULL;
    fetch(&f, DATASET ", \"parameters\": {\"tp_size\": [1, 2, 4], \"max_num_seqs\": [1, 4], \"dtype\": "
                      "[\"bfloat16\", \"auto\"], \"/link_bw\": [8, 16]}");
    assert_int_equal(f.status, WS_OK);
    assert_int_equal(ws_files_pack(f.s.w.files, &block, &len), WS_OK);
    assert_int_equal(ws_files_map(block, len, true, &sealed), WS_OK);
    swp_builder            *builder = sweep_world_builder(&f.s, sealed);
    const swp_runner_config run     = {.builder = builder, .max_nodes = 1};
    assert_int_equal(swp_runner_create(&run, &runner), WS_OK);
    for (uint64_t job = 0; job < swp_builder_space(builder)->n_jobs; job++) {
        const swp_row *row = swp_runner_run(runner, job, 1);
        if (row->state != SWP_STATE_DONE) {
            fail_msg("job %d: %s", (int)job, row->error);
        }
    }
    swp_runner_destroy(&runner);
    swp_builder_destroy(&builder);
    ws_files_destroy(&sealed);
    free(block);
    fetched_fini(&f);
}

static void test_the_largest_cluster_counts(void **state)
{
    (void)state;
    fetched f;
    fetch(&f, DATASET ", \"parameters\": {\"mix\": {\"one\": {}, "
                      "\"three\": {\"num_nodes\": 3, \"nodes\": [" NODE ", " NODE ", " NODE "]}, "
                      "\"two\": {\"num_nodes\": 2, \"nodes\": [" NODE ", " NODE "]}}}");
    assert_int_equal(f.status, WS_OK);
    assert_int_equal(f.found.n_tried, 3);
    assert_int_equal(f.found.max_nodes, 3);
    fetched_fini(&f);
}

static size_t n_lines(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

/* A bare standby duration is a note of every combination; it comes once. */
static void test_notes_come_once(void **state)
{
    (void)state;
    fetched           f, once;
    static const char power[] =
        "{\"base_node_power\": 60, \"npu\": {\"TOY\": {\"idle_power\": 10, \"standby_power\": 20, "
        "\"active_power\": 30, \"standby_duration\": 18}}, \"cpu\": {\"idle_power\": 1, \"active_power\": 2, "
        "\"util\": 0.1}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 1, \"energy_per_bit\": 6}, \"link\": "
        "{\"num_links\": 1, \"idle_power\": 1, \"energy_per_bit\": 4}, \"nic\": {\"num_nics\": 1, "
        "\"idle_power\": 1}, "
        "\"storage\": {\"num_devices\": 1, \"idle_power\": 1}}";
    char members[4096];
    for (int n = 1; n <= 2; n++) {
        snprintf(members, sizeof members,
                 DATASET
                 ", \"parameters\": {\"mix\": {\"p\": {\"nodes\": [{\"num_instances\": 1, \"power\": %s, "
                 "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": "
                 "[" INSTANCE "]}]}}, \"tp_size\": %s}",
                 power, n == 1 ? "[1]" : "[1, 2, 4]");
        fetch(n == 1 ? &once : &f, members);
    }
    assert_true(once.status == WS_OK && f.status == WS_OK);
    assert_true(n_lines(ws_strbuf_text(&once.found.notes)) > 0);
    assert_int_equal(n_lines(ws_strbuf_text(&f.found.notes)), n_lines(ws_strbuf_text(&once.found.notes)));
    assert_non_null(strstr(ws_strbuf_text(&f.found.notes), "standby_duration"));
    fetched_fini(&f);
    fetched_fini(&once);
}

/* Named: what no value changes, at any point; and values that are the same everywhere. Not named: what
 * changes something at some points only (an expert policy where some point has experts). */
static void test_parameters_that_change_nothing_are_named(void **state)
{
    (void)state;
    fetched f;
    fetch(&f,
          DATASET ", \"options\": {\"standby_unit\": \"s\"}, \"parameters\": {\"max_num_seqs\": [1, 2, 4], "
                  "\"expert_routing_policy\": [\"RR\", \"RAND\"], "
                  "\"/link_bw\": [1, 2], \"tp_size\": [1, 2], "
                  "\"standby_duration\": [\"1s\", \"2s\"], \"workload.num_reqs\": [1, 5, 9]}");
    assert_int_equal(f.status, WS_OK);
    const char *said = ws_strbuf_text(&f.found.effects);
    assert_int_equal(n_lines(said), 3);
    assert_non_null(strstr(said,
                           "expert_routing_policy changes nothing: RR and RAND give the same simulation at "
                           "all 16 points looked at (how tokens spread over experts"));
    assert_non_null(strstr(said, "standby_duration changes nothing: 1s and 2s give")); /* no power block */
    assert_non_null(strstr(said, "workload.num_reqs: 5 and 9 give the same simulation at all 16 points"));
    fetched_fini(&f);
    fetch(&f, DATASET
          ", \"parameters\": {\"expert_routing_policy\": [\"RR\", \"RAND\"], \"mix\": {\"dense\": {}, "
          "\"experts\": {\"nodes\": [{\"num_instances\": 1, \"cpu_mem\": {\"mem_size\": 64, "
          "\"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": [{\"model_name\": \"toy/experts\", "
          "\"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1000, "
          "\"mem_latency\": 0}}]}]}}}");
    assert_string_equal(ws_strbuf_text(&f.found.effects), "");
    fetched_fini(&f);
}

static void test_problems_of_the_first_that_fails(void **state)
{
    (void)state;
    fetched f;
    fetch(&f, DATASET ", \"parameters\": {\"mix\": {\"good\": {}, \"bad\": {\"nodes\": 3}, \"worse\": "
                      "{\"link_bw\": \"x\"}}}");
    assert_int_equal(f.status, WS_OK); /* one works */
    assert_int_equal(f.found.n_failed, 2);
    assert_int_equal(f.err.n_problems, 1);
    assert_non_null(strstr(ws_error_text(&f.err), "/nodes: expected array"));
    fetched_fini(&f);
    fetch(&f,
          DATASET ", \"parameters\": {\"mix\": {\"bad\": {\"nodes\": 3}, \"worse\": {\"link_bw\": \"x\"}}}");
    assert_int_equal(f.status, WS_ERR_INPUT);
    assert_true(isnan(f.found.cost_mean));
    assert_int_equal(f.found.max_nodes, 1);
    fetched_fini(&f);
    /* what is well formed and does not fit is no mistake of the spec */
    fetch(&f, DATASET
          ", \"parameters\": {\"mix\": {\"tiny\": {\"nodes\": [{\"num_instances\": 1, \"cpu_mem\": "
          "{\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": [{\"model_name\": "
          "\"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": 0.0001, "
          "\"mem_bw\": 1000, \"mem_latency\": 0}}]}]}, \"bad\": {\"nodes\": 3}}}");
    assert_int_equal(f.status, WS_OK);
    assert_true(f.found.n_tried == 2 && f.found.n_failed == 1);
    assert_int_equal(f.err.n_problems, 1);
    assert_non_null(strstr(ws_error_text(&f.err), "/nodes: expected array"));
    fetched_fini(&f);
}

static void test_at_most_a_thousand(void **state)
{
    (void)state;
    fetched f;
    fetch(&f, DATASET
          ", \"options\": {\"profile\": \"bundle\"}, \"parameters\": {\"tp_size\": {\"range\": [1, 40, 1]}, "
          "\"pp_size\": {\"range\": [1, 40, 1]}}");
    assert_int_equal(f.status, WS_OK);
    assert_int_equal(f.found.n_tried, 1000);
    fetched_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_changes_files_is_combined),
        cmocka_unit_test(test_everything_is_in_the_cache),
        cmocka_unit_test(test_the_largest_cluster_counts),
        cmocka_unit_test(test_notes_come_once),
        cmocka_unit_test(test_parameters_that_change_nothing_are_named),
        cmocka_unit_test(test_problems_of_the_first_that_fails),
        cmocka_unit_test(test_at_most_a_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
