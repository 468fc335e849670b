/* Invariants: to ranks, a model with too few KV heads is the model that has one for each of them, and one
 * with an odd vocabulary that with a padded one: the same memory, times, traffic and energy to the bit,
 * however batches are timed. Under reference fidelity, and where nothing is repeated, models differ. */
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

static const char BOARD[] =
    "{\"name\": \"board\", \"memory_gib\": 1, \"memory_gbps\": 10, \"peak_tflops\": {\"bfloat16\": 1}, "
    "\"n_sms\": 4, \"launch_overhead_us\": 1, \"efficiency\": {\"matrix\": 1, \"memory\": 1, "
    "\"elementwise\": 1, \"attention\": 1, \"kv\": 1}, \"power\": {\"idle_power\": 10, \"standby_power\": "
    "20, "
    "\"active_power\": 30, \"standby_duration\": \"1ms\"}}";

static void put_model(const char *name, int n_kv_heads, int vocabulary)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "model/toy/%s.json", name);
    snprintf(text, sizeof text,
             "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_hidden_layers\": 4, "
             "\"num_attention_heads\": 8, \"num_key_value_heads\": %d, \"head_dim\": 16, "
             "\"intermediate_size\": 128, \"vocab_size\": %d, \"max_position_embeddings\": 2048, "
             "\"torch_dtype\": \"bfloat16\"}",
             n_kv_heads, vocabulary);
    world_put(&the_world, path, text);
}

/* ---- clusters ---- */

typedef struct setting {
    const char *name;
    const char *instances[2]; /* keys of each, behind commas; NULL = no second one */
    bool        has_tier;
} setting;

static const setting SETTINGS[] = {
    {"one", {", \"pd_type\": null", NULL}, false},
    {"stages", {", \"pd_type\": null, \"pp_size\": 3", NULL}, false},
    {"hand-off", {", \"pd_type\": \"prefill\"", ", \"pd_type\": \"decode\""}, false},
    {"group",
     {", \"pd_type\": null, \"dp_group\": \"a\"", ", \"pd_type\": null, \"dp_group\": \"a\""},
     false},
    {"tier", {", \"pd_type\": null, \"npu_mem\": {\"mem_util\": 0.0002}", NULL}, true},
    {"weights off the NPU",
     {", \"pd_type\": null, \"placement\": {\"default\": {\"weights\": \"cxl:0\"}}", NULL},
     false},
    {"local offloading", {", \"pd_type\": null, \"enable_local_offloading\": true", NULL}, false},
};
enum { N_SETTINGS = sizeof(SETTINGS) / sizeof(SETTINGS[0]) };

static const char *cluster(const setting *how, const char *model, int tp)
{
    static char text[4096];
    const bool  has_two = how->instances[1] != NULL;
    size_t      n       = (size_t)snprintf(
                   text, sizeof text,
                   "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"cxl_mem\": {\"mem_size\": 64, "
                              "\"mem_bw\": 60, "
                              "\"mem_latency\": 250}, \"nodes\": [{\"num_instances\": %d, \"cpu_mem\": {\"mem_size\": 64, "
                              "\"mem_bw\": 256, "
                              "\"mem_latency\": 0}, \"power\": {\"base_node_power\": 60, \"npu\": {}, \"cpu\": {\"idle_power\": 1, "
                              "\"active_power\": 2, \"util\": 0.1}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 1, "
                              "\"energy_per_bit\": 6e5}, "
                              "\"link\": {\"num_links\": 1, \"idle_power\": 1, \"energy_per_bit\": 4e5}, \"nic\": {\"num_nics\": "
                              "1, "
                              "\"idle_power\": 1}, \"storage\": {\"num_devices\": 1, \"idle_power\": 1}}, \"instances\": [",
        has_two ? 2 : 1);
    for (int i = 0; i < (has_two ? 2 : 1); i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "%s{\"model_name\": \"toy/%s\", \"hardware\": \"BOARD\", \"tp_size\": %d%s}",
                              i > 0 ? ", " : "", model, tp, how->instances[i]);
    }
    snprintf(text + n, sizeof text - n, "]}]}");
    return text;
}

/* Requests with prompts that share their beginnings, more than a small KV cache keeps. */
static const char *dataset(void)
{
    static char text[40000];
    size_t      n = 0;
    for (int i = 0; i < 12; i++) {
        n += (size_t)snprintf(
            text + n, sizeof text - n,
            "{\"input_toks\": 320, \"output_toks\": 8, \"arrival_time_ns\": %d, \"input_tok_ids\": [",
            i * 3000000);
        for (int k = 0; k < 320; k++) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%d", k > 0 ? "," : "", 1000 * (i % 3) + k);
        }
        n += (size_t)snprintf(text + n, sizeof text - n, "]}\n");
    }
    return text;
}

typedef struct outcome {
    double  metrics[WS_METRIC_COUNT];
    int64_t weight_bytes, kv_bytes, n_blocks;
} outcome;

static void run(const setting *how, const char *model, int tp, int64_t fidelity, outcome *out)
{
    ws_options options      = ws_options_default();
    options.fidelity        = fidelity;
    options.prefix_storage  = how->has_tier ? WS_PREFIX_STORAGE_CPU : WS_PREFIX_STORAGE_NONE;
    options.log_interval_s  = 0.01;
    ws_scenario     *s      = world_need_scenario(&the_world, cluster(how, model, tp), dataset(), &options);
    const ws_result *result = world_need_result(&the_world, s);
    memcpy(out->metrics, result->metrics, sizeof out->metrics);
    out->weight_bytes = s->instances[0].weight_total_bytes;
    out->kv_bytes     = s->instances[0].kv_total_bytes_per_token;
    out->n_blocks     = s->instances[0].n_blocks;
    ws_scenario_destroy(&s);
}

static void check_same(const setting *how, const char *model, const outcome *a, const outcome *b)
{
    for (int m = 0; m < WS_METRIC_COUNT; m++) {
        if (memcmp(&a->metrics[m], &b->metrics[m], sizeof a->metrics[m]) != 0) {
            fail_msg("%s, %s: %s is %.17g, expected %.17g", how->name, model, ws_metric_name((ws_metric)m),
                     a->metrics[m], b->metrics[m]);
        }
    }
    assert_true(a->weight_bytes == b->weight_bytes && a->kv_bytes == b->kv_bytes &&
                a->n_blocks == b->n_blocks);
}

/* ---- tests ---- */

static void few_heads_are_one_for_each_rank(void **state)
{
    (void)state;
    static const char *const few[] = {"one", "two", "four", "odd"};
    for (int i = 0; i < N_SETTINGS; i++) {
        outcome eight, other;
        run(&SETTINGS[i], "eight", 8, WS_FIDELITY_PHYSICAL, &eight);
        assert_true(eight.metrics[WS_METRIC_N_COMPLETED] == 12.0);
        assert_true(!SETTINGS[i].has_tier || eight.metrics[WS_METRIC_LOWER_TIER_HIT_SHARE] > 0.0);
        for (size_t k = 0; k < sizeof(few) / sizeof(few[0]); k++) {
            run(&SETTINGS[i], few[k], 8, WS_FIDELITY_PHYSICAL, &other);
            check_same(&SETTINGS[i], few[k], &other, &eight);
        }
    }
}

/* Up to as many ranks as heads nothing is repeated: fewer heads are less. */
static void enough_heads_are_not_repeated(void **state)
{
    (void)state;
    outcome eight, four, two_ranks;
    run(&SETTINGS[0], "eight", 4, WS_FIDELITY_PHYSICAL, &eight);
    run(&SETTINGS[0], "four", 4, WS_FIDELITY_PHYSICAL, &four);
    run(&SETTINGS[0], "four", 2, WS_FIDELITY_PHYSICAL, &two_ranks);
    assert_int_equal(eight.kv_bytes, 2 * four.kv_bytes);
    assert_int_equal(four.kv_bytes, two_ranks.kv_bytes);
    assert_true(eight.weight_bytes > four.weight_bytes);
}

/* The reference halves heads: four at tp 8 are less than eight. */
static void the_reference_halves_heads(void **state)
{
    (void)state;
    outcome eight, four;
    run(&SETTINGS[0], "eight", 8, WS_FIDELITY_REFERENCE, &eight);
    run(&SETTINGS[0], "four", 8, WS_FIDELITY_REFERENCE, &four);
    assert_int_equal(eight.kv_bytes, 2 * four.kv_bytes);
    assert_true(eight.weight_bytes > four.weight_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_heads_are_one_for_each_rank),
        cmocka_unit_test(enough_heads_are_not_repeated),
        cmocka_unit_test(the_reference_halves_heads),
    };
    world_init(&the_world);
    world_put(&the_world, "hardware/BOARD.json", BOARD);
    put_model("one", 1, 256);
    put_model("two", 2, 256);
    put_model("four", 4, 256);
    put_model("eight", 8, 256);
    put_model("odd", 4, 193);
    const int n_failed = cmocka_run_group_tests_name("sim.ranks", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
