/* Invariants: scenarios of one fingerprint give the same results to the bit, whatever their inputs say; a
 * difference that reaches a run changes the fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static world the_world;

static const char DATASET[] = "{\"input_toks\": 40, \"output_toks\": 5, \"arrival_time_ns\": 0}\n"
                              "{\"input_toks\": 100, \"output_toks\": 9, \"arrival_time_ns\": 7000}\n";

/* A scenario's fingerprint and what its run gives. */
typedef struct seen {
    uint64_t fingerprint;
    double   metrics[WS_METRIC_COUNT];
} seen;

/* Options are set by name; "/..." names a place of the cluster. */
static seen see(const char *instance, const char *name, const char *value)
{
    ws_options   options = ws_options_default();
    ws_json_doc *doc     = NULL;
    const char  *cluster = world_cluster(1.0, instance);
    seen         out;
    assert_int_equal(ws_json_doc_parse("c", cluster, strlen(cluster), NULL, &doc), WS_OK);
    if (name[0] == '/') {
        ws_json_doc *number = NULL;
        assert_int_equal(ws_json_doc_parse("v", value, strlen(value), NULL, &number), WS_OK);
        assert_int_equal(ws_json_set(doc, name, ws_json_doc_root(number), NULL), WS_OK);
        ws_json_doc_destroy(&number);
    } else {
        assert_int_equal(ws_option_set_text(&options, ws_option_find(name), value, NULL), WS_OK);
    }
    char        *text = ws_json_print(ws_json_doc_root(doc), false);
    ws_scenario *s    = world_need_scenario(&the_world, text, DATASET, &options);
    out.fingerprint   = ws_scenario_fingerprint(s);
    memcpy(out.metrics, world_need_result(&the_world, s)->metrics, sizeof(out.metrics));
    ws_scenario_destroy(&s);
    free(text);
    ws_json_doc_destroy(&doc);
    return out;
}

typedef struct change {
    const char *instance, *name, *a, *b;
} change;

static void what_nothing_reads_is_not_in_it(void **state)
{
    (void)state;
    static const change rows[] = {
        {"", "/link_bw", "16", "1"},
        {"", "/link_latency", "1000", "7"},
        {"", "expert_routing_policy", "RR", "RAND"},
        {"", "request_routing_policy", "RR", "RAND"},
        {"", "seed", "1", "2"},
        {"", "enable_prefix_sharing", "true", "false"},
        {"", "num_reqs", "2", "100"},
        {"", "to_s", "0", "50"},
        {"", "max_num_batched_tokens", "4000", "5000"}, /* the model has 2048 positions */
        {"", "standby_unit", "s", "ns"},
        {"", "enable_block_copy", "true", "false"},
        {"", "/nodes/0/instances/0/npu_mem/mem_latency", "0", "100"},
        {"", "/cxl_mem", "{\"mem_size\": 4, \"mem_bw\": 60, \"mem_latency\": 250}",
         "{\"mem_size\": 8, \"mem_bw\": 6, \"mem_latency\": 25}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const seen a = see(rows[i].instance, rows[i].name, rows[i].a);
        const seen b = see(rows[i].instance, rows[i].name, rows[i].b);
        if (a.fingerprint != b.fingerprint) {
            fail_msg("%s: %s and %s: different fingerprints", rows[i].name, rows[i].a, rows[i].b);
        }
        assert_memory_equal(a.metrics, b.metrics, sizeof(a.metrics));
    }
}

static void what_a_run_reads_is_in_it(void **state)
{
    (void)state;
    static const change rows[] = {
        {", \"tp_size\": 2", "/link_bw", "16", "1"},
        {", \"tp_size\": 2", "/link_latency", "1000", "7"},
        {"", "/nodes/0/instances/0/tp_size", "1", "2"},
        {"", "/nodes/0/instances/0/model_name", "\"toy/dense\"", "\"toy/experts\""},
        {"", "/nodes/0/instances/0/npu_mem/mem_size", "1", "2"},
        {"", "/nodes/0/cpu_mem/mem_bw", "256", "1"},
        {"", "num_reqs", "1", "2"},
        {"", "rate", "1000", "2000"},
        {"", "max_num_batched_tokens", "16", "32"},
        {"", "max_num_seqs", "1", "2"},
        {"", "block_size", "16", "32"},
        {"", "long_prefill_token_threshold", "0", "7"},
        {"", "enable_chunked_prefill", "true", "false"},
        {"", "fidelity", "physical", "reference"},
        {"", "prefix_storage", "None", "CPU"},
        {"", "power_interval", "1s", "1ms"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const seen a = see(rows[i].instance, rows[i].name, rows[i].a);
        const seen b = see(rows[i].instance, rows[i].name, rows[i].b);
        const seen c = see(rows[i].instance, rows[i].name, rows[i].a);
        assert_true(a.fingerprint == c.fingerprint);
        if (a.fingerprint == b.fingerprint) {
            fail_msg("%s: %s and %s: the same fingerprint", rows[i].name, rows[i].a, rows[i].b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_reads_is_not_in_it),
        cmocka_unit_test(what_a_run_reads_is_in_it),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("scenario.fingerprint", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
