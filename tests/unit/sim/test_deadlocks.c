/* Invariant: what can never run ends with an error that names the instance and the shortage, in both
 * fidelities; it never spins (docs/model/serving.md 10.2, docs/model/timing.md 8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static world the_world;

static const char LONG_PROMPT[] = "{\"input_toks\": 600, \"output_toks\": 4, \"arrival_time_ns\": 5}\n";

static void check_blocked(double npu_mem_gib, const ws_options *base, const char *what)
{
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        const ws_result *result  = NULL;
        ws_options       options = *base;
        options.fidelity         = fidelity;
        ws_scenario *s =
            world_need_scenario(&the_world, world_cluster(npu_mem_gib, ""), LONG_PROMPT, &options);
        assert_int_equal(world_simulate(&the_world, s, &result), WS_ERR_INFEASIBLE);
        assert_non_null(strstr(ws_error_text(&the_world.err), "instance 0"));
        assert_non_null(strstr(ws_error_text(&the_world.err), what));
        assert_null(result);
        ws_scenario_destroy(&s);
    }
}

/* with chunking off a prompt over the budget waits forever. */
static void prompt_over_the_budget(void **state)
{
    (void)state;
    ws_options options             = ws_options_default();
    options.enable_chunked_prefill = false;
    options.max_num_batched_tokens = 256;
    check_blocked(1.0, &options, "chunked prefill is off");
}

/* so does one that never fits the KV cache: 0.001 GiB holds 30 blocks next to the weights, 600 tokens
 * need 38. */
static void prompt_over_the_cache(void **state)
{
    (void)state;
    const ws_options options = ws_options_default();
    check_blocked(0.001, &options, "KV cache");
}

/* ---- requests that no instance can serve ---- */

static const char ONE_TOO_LONG[] =
    "{\"input_toks\": 40, \"output_toks\": 5, \"arrival_time_ns\": 0}\n\n"
    "{\"input_toks\": 600, \"output_toks\": 4, \"arrival_time_ns\": 5}\n"
    "{\"arrival_time_ns\": 9, \"sub_requests\": [{\"input_toks\": 20, \"output_toks\": 2}, "
    "{\"input_toks\": 700, \"output_toks\": 2}, {\"input_toks\": 20, \"output_toks\": 2}]}\n";

static void check_rejected(double npu_mem_gib, const ws_options *options, ws_reject_reason reason,
                           int64_t limit)
{
    const ws_result *result = NULL;
    ws_scenario *s = world_need_scenario(&the_world, world_cluster(npu_mem_gib, ""), ONE_TOO_LONG, options);
    result         = world_need_result(&the_world, s);
    assert_int_equal(result->n_requests, 2);
    assert_int_equal(result->n_rejected, 3);
    assert_true(result->metrics[WS_METRIC_N_REJECTED] == 3.0 && result->metrics[WS_METRIC_N_REQUESTS] == 5.0);
    assert_true(result->metrics[WS_METRIC_SLO_ATTAINMENT] == 2.0 / 5.0);
    assert_int_equal(result->rejected[0].request_id, 1);
    assert_int_equal(result->rejected[0].line, 3);
    assert_int_equal(result->rejected[0].reason, reason);
    assert_int_equal(result->rejected[0].limit, limit);
    assert_int_equal(result->rejected[1].request_id, 3);
    assert_int_equal(result->rejected[1].reason, reason);
    assert_int_equal(result->rejected[2].request_id, 4);
    assert_int_equal(result->rejected[2].reason, WS_REJECT_SESSION);
    ws_scenario_destroy(&s);
}

static void one_too_long_does_not_lose_the_run(void **state)
{
    (void)state;
    ws_options options = ws_options_default();
    check_rejected(0.001, &options, WS_REJECT_KV_CACHE, 480);
    options.max_model_len = 512;
    check_rejected(1.0, &options, WS_REJECT_MODEL_LEN, 512);
    options.fidelity = WS_FIDELITY_REFERENCE;
    check_rejected(1.0, &options, WS_REJECT_MODEL_LEN, 512);
    options                        = ws_options_default();
    options.enable_chunked_prefill = false;
    options.max_num_batched_tokens = 256;
    check_rejected(1.0, &options, WS_REJECT_BUDGET, 256);
}

/* Prompt and output count together, and the limit itself is served. */
static void the_longest_request_is_served(void **state)
{
    (void)state;
    ws_options       options = ws_options_default();
    const ws_result *result  = NULL;
    options.max_model_len    = 604;
    ws_scenario *s           = world_need_scenario(&the_world, world_cluster(1.0, ""), LONG_PROMPT, &options);
    assert_int_equal(world_need_result(&the_world, s)->n_requests, 1);
    ws_scenario_destroy(&s);
    options.max_model_len = 603;
    s                     = world_need_scenario(&the_world, world_cluster(1.0, ""), LONG_PROMPT, &options);
    assert_int_equal(world_simulate(&the_world, s, &result), WS_ERR_INFEASIBLE);
    assert_non_null(strstr(ws_error_text(&the_world.err), "(line 1 of the dataset) of 600 + 4 tokens"));
    ws_scenario_destroy(&s);
    options.max_model_len = 2049; /* the toy model has 2048 positions */
    assert_int_equal(world_scenario(&the_world, world_cluster(1.0, ""), LONG_PROMPT, &options, &s),
                     WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&the_world.err), "max_model_len of at most 2048"));
}

static void weights_over_the_memory(void **state)
{
    (void)state;
    const ws_options options = ws_options_default();
    ws_scenario     *s       = NULL;
    assert_int_equal(world_scenario(&the_world, world_cluster(0.0001, ""), LONG_PROMPT, &options, &s),
                     WS_ERR_INFEASIBLE);
    assert_non_null(strstr(ws_error_text(&the_world.err), "instance 0"));
    assert_null(s);
}

/* ---- clusters of several instances ---- */

static const char *const FIDELITIES[] = {"physical", "reference"};
static const char        FOUR_REQUESTS[] =
    "{\"input_toks\": 40, \"output_toks\": 5, \"arrival_time_ns\": 5}\n"
    "{\"input_toks\": 90, \"output_toks\": 3, \"arrival_time_ns\": 6}\n"
    "{\"input_toks\": 20, \"output_toks\": 9, \"arrival_time_ns\": 400000}\n"
    "{\"input_toks\": 10, \"output_toks\": 2, \"arrival_time_ns\": 90000000}\n";

/* One node; each text holds the keys of an instance that differ, "pd_type" among them. */
static const char *cluster_of(const char *model, const char *const *instances, int n)
{
    static char text[4096];
    int         len = snprintf(text, sizeof(text),
                               "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": "
                                       "[{\"num_instances\": %d, \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, "
                                       "\"mem_latency\": 0}, \"instances\": [",
                               n);
    for (int i = 0; i < n; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "%s{\"model_name\": \"%s\", \"hardware\": \"%s\", "
                        "\"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1000, \"mem_latency\": 0}, %s}",
                        i > 0 ? ", " : "", model, WORLD_NPU, instances[i]);
    }
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "]}]}");
    return text;
}

/* Run a cluster in one fidelity. Whatever comes, it comes: an error names an instance. */
static ws_status run_cluster(const char *model, const char *const *instances, int n, ws_fidelity fidelity)
{
    const ws_result *result  = NULL;
    ws_options       options = ws_options_default();
    options.fidelity         = fidelity;
    ws_scenario *s =
        world_need_scenario(&the_world, cluster_of(model, instances, n), FOUR_REQUESTS, &options);
    const ws_status status = world_simulate(&the_world, s, &result);
    if (status == WS_OK) {
        assert_int_equal(result->n_requests, 4);
    } else {
        print_message("%s fidelity: %s\n", FIDELITIES[fidelity], ws_error_text(&the_world.err));
        assert_int_equal(status, WS_ERR_INFEASIBLE);
        assert_non_null(strstr(ws_error_text(&the_world.err), "instance"));
    }
    ws_scenario_destroy(&s);
    return status;
}

/* The reference averages its topology, so that the ring of the larger instance has one member: its all-reduce
 * never ends. */
static void instances_of_unlike_degrees(void **state)
{
    (void)state;
    static const char *const instances[] = {"\"pd_type\": null, \"tp_size\": 2",
                                            "\"pd_type\": null, \"tp_size\": 1"};
    assert_int_equal(run_cluster(WORLD_DENSE, instances, 2, WS_FIDELITY_PHYSICAL), WS_OK);
    assert_int_equal(run_cluster(WORLD_DENSE, instances, 2, WS_FIDELITY_REFERENCE), WS_ERR_INFEASIBLE);
}

/* The reference's topology is that of the first group: others have NPUs it does not know. */
static void groups_of_different_size(void **state)
{
    (void)state;
    static const char *const instances[] = {
        "\"pd_type\": null, \"tp_size\": 2, \"ep_size\": 2, \"dp_group\": \"a\"",
        "\"pd_type\": null, \"tp_size\": 2, \"ep_size\": 2, \"dp_group\": \"b\"",
        "\"pd_type\": null, \"tp_size\": 2, \"ep_size\": 2, \"dp_group\": \"b\""};
    assert_int_equal(run_cluster(WORLD_EXPERTS, instances, 3, WS_FIDELITY_PHYSICAL), WS_OK);
    (void)run_cluster(WORLD_EXPERTS, instances, 3, WS_FIDELITY_REFERENCE);
}

/* a member with two stages that opens a second batch before the round closes. */
static void pipelines_in_a_group(void **state)
{
    (void)state;
    static const char *const instances[] = {
        "\"pd_type\": null, \"tp_size\": 1, \"pp_size\": 2, \"dp_group\": \"a\"",
        "\"pd_type\": null, \"tp_size\": 1, \"pp_size\": 2, \"dp_group\": \"a\""};
    assert_int_equal(run_cluster(WORLD_DENSE, instances, 2, WS_FIDELITY_PHYSICAL), WS_OK);
    (void)run_cluster(WORLD_DENSE, instances, 2, WS_FIDELITY_REFERENCE);
}

/* with a combined instance next to a pair, prefill may never count as finished. */
static void combined_beside_a_pair(void **state)
{
    (void)state;
    static const char *const instances[] = {"\"pd_type\": \"prefill\", \"tp_size\": 1",
                                            "\"pd_type\": \"decode\", \"tp_size\": 1",
                                            "\"pd_type\": null, \"tp_size\": 1"};
    assert_int_equal(run_cluster(WORLD_DENSE, instances, 3, WS_FIDELITY_PHYSICAL), WS_OK);
    (void)run_cluster(WORLD_DENSE, instances, 3, WS_FIDELITY_REFERENCE);
}

/* The second request of 90 + 3 tokens only fits one of the two. */
static void a_request_goes_where_it_can_be_served(void **state)
{
    (void)state;
    static const char *const instances[] = {"\"pd_type\": null, \"tp_size\": 1, \"max_model_len\": 50",
                                            "\"pd_type\": null, \"tp_size\": 1"};
    for (int policy = WS_ROUTING_LOAD; policy <= WS_ROUTING_KV; policy++) {
        const ws_result *result        = NULL;
        ws_options       options       = ws_options_default();
        options.request_routing_policy = policy;
        ws_scenario *s =
            world_need_scenario(&the_world, cluster_of(WORLD_DENSE, instances, 2), FOUR_REQUESTS, &options);
        result = world_need_result(&the_world, s);
        assert_int_equal(result->n_requests, 4);
        assert_int_equal(result->n_rejected, 0);
        for (size_t i = 0; i < 4; i++) {
            assert_true(result->requests[i].request_id != 1 || result->requests[i].instance_id == 1);
        }
        ws_scenario_destroy(&s);
    }
}

/* Nobody could take it over: it is rejected before it is prefilled, and the decode instance is named. */
static void prefill_takes_what_decode_can(void **state)
{
    (void)state;
    static const char *const instances[] = {"\"pd_type\": \"prefill\", \"tp_size\": 1",
                                            "\"pd_type\": \"decode\", \"tp_size\": 1, \"max_model_len\": 50"};
    const ws_options         options     = ws_options_default();
    ws_scenario             *s =
        world_need_scenario(&the_world, cluster_of(WORLD_DENSE, instances, 2), FOUR_REQUESTS, &options);
    const ws_result *result = world_need_result(&the_world, s);
    assert_int_equal(result->n_requests, 3);
    assert_int_equal(result->n_rejected, 1);
    assert_int_equal(result->rejected[0].request_id, 1);
    assert_int_equal(result->rejected[0].instance, 1);
    assert_int_equal(result->rejected[0].limit, 50);
    ws_scenario_destroy(&s);
}

/* ---- second tier ---- */

/* One line of a dataset: prompt tokens first_id, first_id + 1, ... */
static int put_request(char *text, size_t cap, int n_tokens, int first_id, long long arrival_ns)
{
    int len = snprintf(
        text, cap, "{\"input_toks\": %d, \"output_toks\": 2, \"arrival_time_ns\": %lld, \"input_tok_ids\": [",
        n_tokens, arrival_ns);
    for (int i = 0; i < n_tokens; i++) {
        len += snprintf(text + len, cap - (size_t)len, "%s%d", i > 0 ? "," : "", first_id + i);
    }
    return len + snprintf(text + len, cap - (size_t)len, "]}\n");
}

/* a prompt of one whole chunk that the tier holds and the NPU no longer does has no token left to
 * compute. The second request takes all 30 blocks, so that nothing of the first one stays on the NPU. */
static void prompt_wholly_in_the_second_tier(void **state)
{
    (void)state;
    char text[16384];
    int  len = put_request(text, sizeof(text), 256, 1, 0);
    len += put_request(text + len, sizeof(text) - (size_t)len, 470, 1000, 1000000000);
    (void)put_request(text + len, sizeof(text) - (size_t)len, 256, 1, 2000000000);
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        const ws_result *result  = NULL;
        ws_options       options = ws_options_default();
        options.fidelity         = fidelity;
        options.prefix_storage   = WS_PREFIX_STORAGE_CPU;
        ws_scenario *s           = world_need_scenario(&the_world, world_cluster(0.001, ""), text, &options);
        assert_int_equal(world_simulate(&the_world, s, &result), WS_ERR_INFEASIBLE);
        assert_non_null(strstr(ws_error_text(&the_world.err), "instance 0"));
        assert_non_null(strstr(ws_error_text(&the_world.err), "second tier"));
        ws_scenario_destroy(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_too_long_does_not_lose_the_run),
        cmocka_unit_test(the_longest_request_is_served),
        cmocka_unit_test(a_request_goes_where_it_can_be_served),
        cmocka_unit_test(prefill_takes_what_decode_can),
        cmocka_unit_test(prompt_over_the_budget),
        cmocka_unit_test(prompt_over_the_cache),
        cmocka_unit_test(weights_over_the_memory),
        cmocka_unit_test(instances_of_unlike_degrees),
        cmocka_unit_test(groups_of_different_size),
        cmocka_unit_test(pipelines_in_a_group),
        cmocka_unit_test(combined_beside_a_pair),
        cmocka_unit_test(prompt_wholly_in_the_second_tier),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.deadlocks", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
