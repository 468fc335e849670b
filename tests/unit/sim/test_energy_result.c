/* Invariants: tables of energy have a row for every node, instance and NPU, NaN where nothing is tracked, and
 * none without power; the energy of a batch goes to its requests by their tokens, that of a round of a DP
 * group to the requests of the whole group, dummies and padding included. That everything adds up is tested
 * in energy/test_dimensions.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/run.h"
#include "world.h"

static world the_world;

#define POWER                                                                                                \
    "\"power\": {\"base_node_power\": 60, \"npu\": {\"TOY\": {\"idle_power\": 10, \"standby_power\": 20, "   \
    "\"active_power\": 30, \"standby_duration\": \"1ms\"}}, \"cpu\": {\"idle_power\": 1, "                   \
    "\"active_power\": 2, \"util\": 0.1}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 1, "                 \
    "\"energy_per_bit\": 6}, \"link\": {\"num_links\": 1, \"idle_power\": 1, \"energy_per_bit\": 4}, "       \
    "\"nic\": {\"num_nics\": 1, \"idle_power\": 1}, \"storage\": {\"num_devices\": 1, \"idle_power\": 1}}, "
#define NODE(power, instance)                                                                                \
    "{\"num_instances\": 1, " power "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, " \
    "\"instances\": [" instance "]}"
#define CLUSTER(n, nodes)                                                                                    \
    "{\"num_nodes\": " #n ", \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [" nodes "]}"
#define INSTANCE(model, keys)                                                                                \
    "{\"model_name\": \"" model "\", \"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": " \
    "1, \"mem_bw\": 1000, \"mem_latency\": 0}" keys "}"
#define REQUEST(input, output, arrival_ns)                                                                   \
    "{\"input_toks\": " #input ", \"output_toks\": " #output ", \"arrival_time_ns\": " #arrival_ns "}\n"

static ws_scenario *scenario_of(const char *cluster, const char *dataset)
{
    ws_options options             = ws_options_default();
    options.request_routing_policy = WS_ROUTING_RR;
    return world_need_scenario(&the_world, cluster, dataset, &options);
}

static const ws_request_record *record_of(const ws_result *result, int64_t id)
{
    size_t i = 0;
    while (result->requests[i].request_id != id) {
        i++;
        assert_true(i < result->n_requests);
    }
    return &result->requests[i];
}

/* The first node is tracked, the second is not; requests go in turn. */
static void nothing_is_told_of_a_dark_node(void **state)
{
    (void)state;
    ws_scenario *s = scenario_of(CLUSTER(2, NODE(POWER, INSTANCE("toy/dense", ", \"tp_size\": 2")) ", " NODE(
                                                "", INSTANCE("toy/dense", ", \"tp_size\": 4"))),
                                 REQUEST(20, 3, 0) REQUEST(20, 3, 0));
    const ws_result *r = world_need_result(&the_world, s);
    assert_true(r->n_nodes == 2 && r->n_instances == 2 && r->n_npus == 6);
    assert_true(r->node_tracked[0] && !r->node_tracked[1]);
    for (int k = 0; k < WS_COMPONENT_COUNT; k++) {
        assert_false(isnan(r->component_j[k]) || isnan(r->node_own_j[k]));
        assert_true(isnan(r->component_j[WS_COMPONENT_COUNT + k]) &&
                    isnan(r->node_own_j[WS_COMPONENT_COUNT + k]));
        for (int phase = 0; phase < WS_PHASE_COUNT; phase++) {
            const int cell = k * WS_PHASE_COUNT + phase, dark = WS_COMPONENT_COUNT * WS_PHASE_COUNT + cell;
            assert_false(isnan(r->node_phase_j[cell]) || isnan(r->instance_phase_j[cell]));
            assert_true(isnan(r->node_phase_j[dark]) && isnan(r->instance_phase_j[dark]));
        }
    }
    for (size_t npu = 0; npu < 6; npu++) {
        assert_int_equal(r->npu_instance[npu], npu < 2 ? 0 : 1);
        assert_int_equal(r->instance_node[r->npu_instance[npu]], npu < 2 ? 0 : 1);
        for (int k = 0; k < WS_STATE_COUNT; k++) {
            assert_int_equal(isnan(r->each_npu_s[npu * WS_STATE_COUNT + (size_t)k]), npu >= 2);
            assert_int_equal(isnan(r->each_npu_j[npu * WS_STATE_COUNT + (size_t)k]), npu >= 2);
        }
    }
    assert_true(record_of(r, 0)->energy_j > record_of(r, 0)->active_j && record_of(r, 0)->active_j > 0.0);
    assert_true(isnan(record_of(r, 1)->energy_j) && isnan(record_of(r, 1)->active_j));
    ws_scenario_destroy(&s);
}

static void without_power_there_are_no_tables(void **state)
{
    (void)state;
    ws_scenario     *s = scenario_of(CLUSTER(1, NODE("", INSTANCE("toy/dense", ""))), REQUEST(20, 3, 0));
    const ws_result *r = world_need_result(&the_world, s);
    assert_true(!r->has_power && !r->node_tracked[0] && r->n_instances == 1 && r->n_npus == 0);
    assert_true(r->component_j == NULL && r->npu_state_s == NULL && r->node_phase_j == NULL &&
                r->node_own_j == NULL);
    assert_true(r->instance_phase_j == NULL && r->each_npu_j == NULL && r->npu_instance == NULL);
    assert_true(isnan(r->requests[0].energy_j) && isnan(r->requests[0].active_j));
    ws_scenario_destroy(&s);
}

/* What the batches of a node have drawn: all that is for prompts or decodes. */
static double batches_of_node_j(const ws_result *r, int node)
{
    double energy_j = 0.0;
    for (int k = 0; k < WS_COMPONENT_COUNT; k++) {
        const double *phase_j = r->node_phase_j + (node * WS_COMPONENT_COUNT + k) * WS_PHASE_COUNT;
        energy_j += phase_j[WS_PHASE_PREFILL] + phase_j[WS_PHASE_DECODE];
    }
    return energy_j;
}

static double batches_j(const ws_result *r)
{
    double energy_j = 0.0;
    for (int node = 0; node < (int)r->n_nodes; node++) {
        energy_j += batches_of_node_j(r, node);
    }
    return energy_j;
}

/* Both prompts are in one batch, 30 and 90 of its 120 tokens. */
static void a_batch_is_shared_by_tokens(void **state)
{
    (void)state;
    ws_scenario     *s = scenario_of(CLUSTER(1, NODE(POWER, INSTANCE("toy/dense", ""))),
                                     REQUEST(30, 1, 10) REQUEST(90, 1, 10));
    const ws_result *r = world_need_result(&the_world, s);
    assert_int_equal(r->metrics[WS_METRIC_N_STEPS], 1);
    const double energy_j = batches_j(r), active_j = r->component_j[WS_NPU_ACTIVE];
    for (int i = 0; i < 2; i++) {
        const double share = i == 0 ? 0.25 : 0.75;
        assert_true(fabs(record_of(r, i)->energy_j - share * energy_j) < 1e-9 * energy_j);
        assert_true(fabs(record_of(r, i)->active_j - share * active_j) < 1e-9 * active_j);
    }
    ws_scenario_destroy(&s);
}

/* Two members of a group and one request: the other member's dummies are drawn for it. */
static void a_round_is_for_the_requests_of_its_group(void **state)
{
    (void)state;
    ws_scenario *s = scenario_of(
        CLUSTER(2, NODE(POWER,
                        INSTANCE("toy/experts",
                                 ", \"tp_size\": 1, \"ep_size\": 2, "
                                 "\"dp_group\": \"g\"")) ", " NODE(POWER,
                                                                   INSTANCE("toy/experts",
                                                                            ", \"tp_size\": 1, \"ep_size\": "
                                                                            "2, \"dp_group\": \"g\""))),
        REQUEST(30, 4, 10));
    const ws_result *r        = world_need_result(&the_world, s);
    const double     energy_j = batches_j(r);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(r->run->power.instances[i].n_batches, 4);
        assert_true(batches_of_node_j(r, i) > 0.1 * energy_j);
    }
    assert_true(fabs(r->requests[0].energy_j - energy_j) < 1e-9 * energy_j);
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_of_a_dark_node),
        cmocka_unit_test(without_power_there_are_no_tables),
        cmocka_unit_test(a_batch_is_shared_by_tokens),
        cmocka_unit_test(a_round_is_for_the_requests_of_its_group),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.energy_result", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
