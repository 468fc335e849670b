/* Invariant: whatever number a field of a cluster config holds, it is refused, or every result of the run is
 * finite and none is negative. Each field is tried with each value, under both fidelities. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static const char CLUSTER[] =
    "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, "
    "\"cxl_mem\": {\"mem_size\": 4, \"mem_bw\": 60, \"mem_latency\": 250, \"num_devices\": 2}, "
    "\"nodes\": [{\"num_instances\": 2, \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": "
    "10}, "
    "\"instances\": [{\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, \"tp_size\": "
    "2, "
    "\"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1000, \"mem_latency\": 5, \"mem_util\": 0.9}}, "
    "{\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, \"tp_size\": 2, "
    "\"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1000, \"mem_latency\": 5}, "
    "\"placement\": {\"default\": {\"weights\": \"npu\", \"kv_evict_loc\": \"cxl:1\"}, "
    "\"layers\": {\"o_proj\": {\"weights\": \"cxl:0\"}, \"qkv_proj\": {\"weights\": \"cpu\"}}}}], "
    "\"power\": {\"base_node_power\": 60, "
    "\"npu\": {\"TOY\": {\"idle_power\": 1, \"standby_power\": 20, \"active_power\": 30, "
    "\"standby_duration\": 1000000}}, "
    "\"cpu\": {\"idle_power\": 10, \"active_power\": 200, \"util\": 0.15}, "
    "\"dram\": {\"dimm_size\": 32, \"idle_power\": 2, \"energy_per_bit\": 6}, "
    "\"link\": {\"num_links\": 3, \"idle_power\": 5, \"energy_per_bit\": 4}, "
    "\"nic\": {\"num_nics\": 2, \"idle_power\": 20}, "
    "\"storage\": {\"num_devices\": 2, \"idle_power\": 5}, "
    "\"cxl\": {\"idle_power\": 7, \"energy_per_bit\": 10}}}]}";

static const char DATASET[] = "{\"input_toks\": 40, \"output_toks\": 5, \"arrival_time_ns\": 0}\n"
                              "{\"input_toks\": 100, \"output_toks\": 9, \"arrival_time_ns\": 7000}\n"
                              "{\"input_toks\": 3, \"output_toks\": 2, \"arrival_time_ns\": 30000000000}\n"
                              "{\"arrival_time_ns\": 5, \"sub_requests\": [{\"input_toks\": 9, "
                              "\"output_toks\": 2, \"tool_duration_ns\": "
                              "100}, {\"input_toks\": 20, \"output_toks\": 3}]}\n";

#define NODE "/nodes/0"
#define INST NODE "/instances/0"
#define POWER NODE "/power"

static const char *const FIELDS[] = {
    "/link_bw",
    "/link_latency",
    "/cxl_mem/mem_size",
    "/cxl_mem/mem_bw",
    "/cxl_mem/mem_latency",
    "/cxl_mem/num_devices",
    NODE "/cpu_mem/mem_size",
    NODE "/cpu_mem/mem_bw",
    NODE "/cpu_mem/mem_latency",
    INST "/npu_mem/mem_size",
    INST "/npu_mem/mem_bw",
    INST "/npu_mem/mem_latency",
    INST "/npu_mem/mem_util",
    INST "/max_num_seqs",
    INST "/max_num_batched_tokens",
    INST "/long_prefill_token_threshold",
    INST "/block_size",
    POWER "/base_node_power",
    POWER "/npu/TOY/idle_power",
    POWER "/npu/TOY/standby_power",
    POWER "/npu/TOY/active_power",
    POWER "/npu/TOY/standby_duration",
    POWER "/cpu/idle_power",
    POWER "/cpu/active_power",
    POWER "/cpu/util",
    POWER "/dram/dimm_size",
    POWER "/dram/idle_power",
    POWER "/dram/energy_per_bit",
    POWER "/link/num_links",
    POWER "/link/idle_power",
    POWER "/link/energy_per_bit",
    POWER "/nic/num_nics",
    POWER "/nic/idle_power",
    POWER "/storage/num_devices",
    POWER "/storage/idle_power",
    POWER "/cxl/idle_power",
    POWER "/cxl/energy_per_bit",
};

static const double VALUES[] = {-1e300, -1,  -1e-300, 0,   1e-300, 1e-9, 0.5,  1,    2,    1000,
                                1e5,    1e6, 1e7,     1e9, 1e12,   1e15, 9e15, 1e18, 1e19, 1e300};

static world the_world;

static void check(const char *what, const char *name, double value)
{
    if (isinf(value) || value < 0.0) { /* NaN: does not apply, as latencies of nothing */
        fail_msg("%s: %s = %g", what, name, value);
    }
}

static void check_result(const ws_result *result, const char *what)
{
    check(what, "duration", (double)result->sim_duration_ns);
    for (int m = 0; m < WS_METRIC_COUNT; m++) {
        check(what, ws_metric_name((ws_metric)m), result->metrics[m]);
    }
    assert_true(result->has_power);
    assert_false(isnan(result->metrics[WS_METRIC_ENERGY_J]));
    for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
        check(what, "component_j", result->component_j[c]);
        for (int phase = 0; phase < WS_PHASE_COUNT; phase++) {
            check(what, "node_phase_j", result->node_phase_j[c * WS_PHASE_COUNT + phase]);
        }
    }
    for (size_t i = 0; i < result->series.n_samples; i++) {
        check(what, "power_w", result->series.columns[WS_SERIES_POWER_W][i]);
        check(what, "npu_mem_gb", result->series.columns[WS_SERIES_NPU_MEM_GB][i]);
    }
    for (size_t i = 0; i < result->n_requests; i++) {
        const ws_request_record *r = &result->requests[i];
        check(what, "active_j", r->active_j);
        check(what, "energy_j", r->energy_j);
        check(what, "latency", (double)r->latency_ns);
        check(what, "queue", (double)r->queue_ns);
    }
}

typedef enum outcome { REFUSED, RAN } outcome;

static outcome try_value(const char *field, double value, ws_fidelity fidelity)
{
    ws_json_doc     *doc     = NULL;
    ws_scenario     *s       = NULL;
    const ws_result *result  = NULL;
    ws_options       options = ws_options_default();
    char             what[160];
    outcome          out   = REFUSED;
    options.fidelity       = fidelity;
    options.log_interval_s = 1e6; /* long runs are fine, long tables of them are not */
    (void)snprintf(what, sizeof(what), "%s = %g (fidelity %d)", field, value, (int)fidelity);
    assert_int_equal(ws_json_doc_parse("c", CLUSTER, strlen(CLUSTER), NULL, &doc), WS_OK);
    assert_int_equal(ws_json_set_number(doc, field, value, NULL), WS_OK);
    char *text = ws_json_print(ws_json_doc_root(doc), false);
    assert_non_null(text);
    const ws_status status = world_scenario(&the_world, text, DATASET, &options, &s);
    if (status == WS_OK) {
        const ws_run_limits limits = {
            .struct_size = sizeof(ws_run_limits), .memory_bytes = (size_t)1 << 28, .max_steps = 100000};
        const ws_status ran = ws_simulate(s, the_world.run, &limits, &the_world.err, &result);
        if (ran == WS_OK) {
            check_result(result, what);
            out = RAN;
        } else if (ran != WS_ERR_INFEASIBLE && ran != WS_ERR_TIMEOUT && ran != WS_ERR_MEMORY_BUDGET) {
            fail_msg("%s: %s", what, ws_status_text(ran));
        }
    } else if (status != WS_ERR_INPUT && status != WS_ERR_INFEASIBLE) {
        fail_msg("%s: %s", what, ws_status_text(status));
    } else {
        assert_true(the_world.err.n_problems > 0);
    }
    ws_scenario_destroy(&s);
    free(text);
    ws_json_doc_destroy(&doc);
    return out;
}

static void every_number_is_refused_or_gives_sound_results(void **state)
{
    (void)state;
    const size_t n_values = sizeof(VALUES) / sizeof(VALUES[0]);
    for (size_t f = 0; f < sizeof(FIELDS) / sizeof(FIELDS[0]); f++) {
        size_t n_ran = 0;
        for (size_t v = 0; v < n_values; v++) {
            n_ran += try_value(FIELDS[f], VALUES[v], WS_FIDELITY_PHYSICAL) == RAN;
            (void)try_value(FIELDS[f], VALUES[v], WS_FIDELITY_REFERENCE);
        }
        if (n_ran == 0 || n_ran == n_values) { /* the table is about this field only if it does both */
            fail_msg("%s: %zu of %zu values ran", FIELDS[f], n_ran, n_values);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_number_is_refused_or_gives_sound_results)};
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("scenario.absurd_values", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
