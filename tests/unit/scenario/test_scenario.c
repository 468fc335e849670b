/* Invariants: what a scenario resolves to follows from its cluster, options and workload by the rules of
 * docs/model/serving.md 1 and 5: memory and KV blocks, power tracking, intervals, second tiers, the way
 * batches are timed; every problem is reported at once, and what cannot be built leaves nothing behind. By
 * hand for the toy models (world.h). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_write.h"
#include "world.h"

static world the_world;

static const char DATASET[] = "{\"input_toks\": 4, \"output_toks\": 2, \"arrival_time_ns\": 0}\n"
                              "{\"input_toks\": 10, \"output_toks\": 5, \"arrival_time_ns\": 7}\n";

#define POWER(standby)                                                                                       \
    "\"power\": {\"base_node_power\": 60, \"npu\": {\"TOY\": {\"idle_power\": 10, \"standby_power\": 20, "   \
    "\"active_power\": 30, \"standby_duration\": " standby "}}, \"cpu\": {\"idle_power\": 1, "               \
    "\"active_power\": 2, \"util\": 0.1}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 1, "                 \
    "\"energy_per_bit\": 6}, \"link\": {\"num_links\": 1, \"idle_power\": 1, \"energy_per_bit\": 4}, "       \
    "\"nic\": {\"num_nics\": 1, \"idle_power\": 1}, \"storage\": {\"num_devices\": 1, \"idle_power\": 1}}, "
#define INSTANCE(model, keys)                                                                                \
    "{\"model_name\": \"" model "\", \"hardware\": \"TOY\", \"npu_mem\": {\"mem_size\": 1, \"mem_bw\": "     \
    "1000, \"mem_latency\": 0}" keys "}"
#define DENSE(keys) INSTANCE("toy/dense", ", \"pd_type\": null" keys)
#define NODE(n_instances, power, instances)                                                                  \
    "{\"num_instances\": " #n_instances ", " power "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, "       \
    "\"mem_latency\": 0}, \"instances\": [" instances "]}"
#define CLUSTER(n_nodes, nodes)                                                                              \
    "{\"num_nodes\": " #n_nodes ", \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [" nodes "]}"

static ws_scenario *need(const char *cluster, const ws_options *options)
{
    return world_need_scenario(&the_world, cluster, DATASET, options);
}

static void refuse(const char *cluster, const char *dataset, const ws_options *options, ws_status expected,
                   const char *const *parts)
{
    ws_scenario    *s      = (ws_scenario *)&the_world;
    const ws_status status = world_scenario(&the_world, cluster, dataset, options, &s);
    assert_null(s);
    if (status != expected) {
        fail_msg("%s: expected %s, found %s", cluster, ws_status_text(expected), ws_status_text(status));
    }
    for (; *parts != NULL; parts++) {
        if (strstr(ws_error_text(&the_world.err), *parts) == NULL) {
            fail_msg("expected \"%s\" in %s", *parts, ws_error_text(&the_world.err));
        }
    }
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- memory ---- */

/* 1 GiB with 0.75 of it to be used; KV of 1 KiB a token over the NPUs of an instance, 16 tokens a block. */
static void kv_blocks_fill_what_weights_leave(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        int64_t     n_npus;
    } rows[] = {{"", 1}, {", \"tp_size\": 2", 2}, {", \"num_npus\": 4, \"pp_size\": 2", 4}};
    for (size_t i = 0; i < 3; i++) {
        char       cluster[1024];
        ws_options options             = ws_options_default();
        options.npu_memory_utilization = 0.75;
        snprintf(cluster, sizeof(cluster), CLUSTER(1, NODE(1, "", "%s%s}")),
                 "{\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", "
                 "\"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1000, \"mem_latency\": 0}, \"pd_type\": null",
                 rows[i].keys);
        ws_scenario              *s = need(cluster, &options);
        const ws_instance_config *c = &s->instances[0];
        assert_int_equal(c->num_npus, rows[i].n_npus);
        assert_int_equal(c->kv_bytes_per_token, 1024 / rows[i].n_npus);
        assert_int_equal(c->n_blocks, (805306368 - c->weight_bytes) / (c->kv_bytes_per_token * 16));
        assert_int_equal(ws_scenario_n_npus(s), rows[i].n_npus);
        assert_true(fabs(ws_scenario_npu_mem_gb(s) - 1.073741824) < 1e-12);
        assert_true(ws_scenario_weights_gb(s) == (double)c->weight_bytes / 1e9);
        ws_scenario_destroy(&s);
    }
}

/* A 4-KV-head model at tp 8: each rank has a whole head, so that KV, and what a hand-off sends, are those of
 * tp 4 on every rank; all ranks together hold each head twice. The reference halves heads. */
static void kv_heads_are_repeated(void **state)
{
    (void)state;
    ws_options   options = ws_options_default();
    ws_scenario *s[2], *halved;
    char         cluster[1024];
    for (int i = 0; i < 2; i++) {
        snprintf(cluster, sizeof(cluster), CLUSTER(1, NODE(1, "", "%s%d}")),
                 "{\"model_name\": \"toy/dense\", \"hardware\": \"SHEET\", \"npu_mem\": {\"mem_size\": 1, "
                 "\"mem_bw\": 1000, \"mem_latency\": 0}, \"pd_type\": null, \"tp_size\": ",
                 i == 0 ? 4 : 8);
        options.fidelity = WS_FIDELITY_PHYSICAL;
        s[i]             = need(cluster, &options);
    }
    options.fidelity              = WS_FIDELITY_REFERENCE;
    halved                        = need(cluster, &options);
    const ws_instance_config *tp4 = &s[0]->instances[0], *tp8 = &s[1]->instances[0];
    assert_int_equal(tp4->kv_bytes_per_token, 256);
    assert_int_equal(tp8->kv_bytes_per_token, 256);
    assert_int_equal(tp4->kv_total_bytes_per_token, 1024);
    assert_int_equal(tp8->kv_total_bytes_per_token, 2048);
    assert_int_equal(halved->instances[0].kv_bytes_per_token, 128);
    /* tokens: what the smaller half of the weights leaves, no more */
    const int64_t block_bytes = 16 * 256, more = tp8->n_blocks - tp4->n_blocks;
    assert_true(more >= 0 && more <= (tp4->weight_bytes - tp8->weight_bytes) / block_bytes + 1);
    assert_true(halved->instances[0].n_blocks > 2 * tp4->n_blocks);
    /* k and v projections are repeated: 4 layers x 64 x 2 x 16 x 2 bytes are on all eight */
    const int64_t norms = (4 * 2 + 1) * 64 * 2, repeated = 4 * 64 * 2 * 16 * 2;
    assert_int_equal(tp8->weight_total_bytes - 8 * (norms + repeated),
                     tp4->weight_total_bytes - 4 * (norms + repeated));
    /* time: the share of tp 4 in KV, half of it in queries, so attention is no cheaper by half */
    const ws_attention_query decode = {.n_decodes = 16, .kv_mean = 1024, .kv_max = 1024, .kv_min = 1024};
    assert_true(ws_profile_attention_ns(tp8->profile, &decode) >
                0.9 * (double)ws_profile_attention_ns(tp4->profile, &decode));
    ws_scenario_destroy(&s[0]);
    ws_scenario_destroy(&s[1]);
    ws_scenario_destroy(&halved);
}

/* ep_size of a dense model, and of fewer ranks than there are: said once for two instances. */
static void odd_expert_degrees_are_noted(void **state)
{
    (void)state;
    static const struct {
        const char *cluster, *note;
    } rows[] = {
        {CLUSTER(1, NODE(2, "",
                         DENSE(", \"tp_size\": 2, \"ep_size\": 2") ", " DENSE(
                             ", \"tp_size\": 2, \"ep_size\": 2"))),
         "ep_size 2 changes nothing: toy/dense is no mixture of experts"},
        {CLUSTER(1,
                 NODE(1, "", INSTANCE("toy/experts", ", \"pd_type\": null, \"tp_size\": 4, \"ep_size\": 2"))),
         "toy/experts: 2 of the 4 ranks of an instance hold experts"},
        {CLUSTER(1, NODE(1, "", INSTANCE("toy/experts", ", \"pd_type\": null, \"tp_size\": 4"))), NULL},
    };
    const ws_options options = ws_options_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws_scenario *s     = need(rows[i].cluster, &options);
        const char  *notes = ws_scenario_notes(s),
                   *first  = strstr(notes, rows[i].note != NULL ? rows[i].note : "experts");
        assert_int_equal(first != NULL, rows[i].note != NULL);
        assert_true(first == NULL || strstr(first + 1, rows[i].note) == NULL);
        ws_scenario_destroy(&s);
    }
}

/* Three stages of four blocks: 1, 2 and 1. The embedding is on the first, norm and head are on the last; the
 * fullest decides how many blocks there are. */
static void stages_hold_their_own_weights(void **state)
{
    (void)state;
    ws_options options              = ws_options_default();
    options.npu_memory_utilization  = 1.0;
    ws_scenario              *whole = need(world_cluster(1.0, ""), &options);
    ws_scenario              *s     = need(world_cluster(1.0, ", \"tp_size\": 1, \"pp_size\": 3"), &options);
    const ws_instance_config *c     = &s->instances[0];
    assert_int_equal(c->weight_total_bytes, whole->instances[0].weight_bytes);
    const ws_model_stage no_blocks = {.is_first = true, .is_last = true, .tp = 1, .ep_total = 1};
    assert_int_equal(c->kv_total_bytes_per_token, 1024);
    assert_int_equal(c->kv_bytes_per_token, 512);
    assert_true(c->weight_bytes >= c->weight_total_bytes / 3 && c->weight_bytes < c->weight_total_bytes);
    assert_int_equal(
        c->n_blocks,
        (c->npu_mem_bytes -
         2 * (whole->instances[0].weight_bytes - ws_model_stage_weight_bytes(c->model, &no_blocks, 2)) / 4) /
            (512 * 16));
    ws_scenario_destroy(&s);
    ws_scenario_destroy(&whole);
}

/* The largest memory that is a byte short of one block, and one byte more. */
static void one_block_has_to_fit(void **state)
{
    (void)state;
    ws_options options             = ws_options_default();
    options.npu_memory_utilization = 1.0;
    ws_scenario  *roomy            = need(world_cluster(1.0, ""), &options);
    const int64_t needed           = roomy->instances[0].weight_bytes + 1024 * 16;
    ws_scenario_destroy(&roomy);
    char gib[64];
    for (int64_t missing = -1; missing <= 1; missing++) {
        char cluster[1024];
        snprintf(gib, sizeof(gib), "%.17g", (double)(needed - missing) / 1073741824.0);
        snprintf(
            cluster, sizeof(cluster),
            CLUSTER(
                1,
                NODE(1, "",
                     "{\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": "
                     "{\"mem_size\": %s, \"mem_bw\": 1000, \"mem_latency\": 0}}")),
            gib);
        if (missing > 0) {
            refuse(cluster, DATASET, &options, WS_ERR_INFEASIBLE,
                   PARTS("instance 0 (/nodes/0/instances/0)", "one KV block"));
        } else {
            ws_scenario *s = need(cluster, &options);
            assert_int_equal(s->instances[0].n_blocks, 1);
            ws_scenario_destroy(&s);
        }
    }
}

#define SHEET(name, gib, gbps)                                                                               \
    "{\"name\": \"" name "\", \"memory_gib\": " #gib ", \"memory_gbps\": " #gbps ", \"peak_tflops\": "       \
    "{\"bfloat16\": 1e6}, \"n_sms\": 4, \"launch_overhead_us\": 1, \"efficiency\": {\"matrix\": 1, "         \
    "\"memory\": 1, \"elementwise\": 1, \"attention\": 1, \"kv\": 1}}"

/* A model so narrow that an NPU's share of a token's KV is less than a byte: 2 x 4 x 1 x 1 bytes over 32
 * NPUs. */
static void kv_of_less_than_a_byte(void **state)
{
    (void)state;
    world_put(&the_world, "hardware/MICRO.json",
              "{\"name\": \"micro\", \"memory_gib\": 1, \"memory_gbps\": 1e6, \"peak_tflops\": "
              "{\"bfloat16\": 1e6}, "
              "\"n_sms\": 4, \"launch_overhead_us\": 1000, \"efficiency\": {\"matrix\": 1, \"memory\": 1, "
              "\"elementwise\": 1, \"attention\": 1, \"kv\": 1}}");
    world_put(&the_world, "model/toy/narrow.json",
              "{\"model_type\": \"llama\", \"hidden_size\": 8, \"num_hidden_layers\": 4, "
              "\"num_attention_heads\": 8, "
              "\"num_key_value_heads\": 1, \"head_dim\": 1, \"intermediate_size\": 16, \"vocab_size\": 256, "
              "\"max_position_embeddings\": 2048, \"torch_dtype\": \"bfloat16\"}");
    ws_options   options   = ws_options_default();
    ws_scenario *s         = NULL;
    options.kv_cache_dtype = 1;
    const ws_status status = world_scenario(
        &the_world,
        CLUSTER(1, NODE(1, "",
                        "{\"model_name\": \"toy/narrow\", \"hardware\": \"MICRO\", \"pd_type\": null, "
                        "\"npu_mem\": {\"mem_size\": "
                        "1, \"mem_bw\": 1000, \"mem_latency\": 0}, \"tp_size\": 8, \"pp_size\": 4}")),
        DATASET, &options, &s);
    if (status == WS_OK) {
        assert_true(s->instances[0].kv_bytes_per_token >= 1 && s->instances[0].n_blocks >= 1);
        const ws_result *result = world_need_result(&the_world, s);
        assert_true(result->metrics[WS_METRIC_N_COMPLETED] == 2.0);
    } else {
        assert_int_equal(status, WS_ERR_INPUT);
    }
    ws_scenario_destroy(&s);
}

static void instances_have_options_of_their_own(void **state)
{
    (void)state;
    ws_options options             = ws_options_default();
    options.max_num_seqs           = 7;
    options.max_num_batched_tokens = 0;
    ws_scenario *s                 = need(
                        CLUSTER(1,
                                NODE(2, "",
                                     DENSE("") ", {\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, "
                                                               "\"max_num_seqs\": 3, \"max_num_batched_tokens\": 100, \"block_size\": null, "
                                                               "\"npu_mem\": {\"mem_size\": 2, \"mem_bw\": 1000, \"mem_latency\": 0, "
                                                               "\"mem_util\": 0.5}}")),
                        &options);
    assert_true(s->instances[0].options.max_num_seqs == 7 && s->instances[1].options.max_num_seqs == 3);
    assert_int_equal(s->instances[0].token_budget, 2048); /* unlimited: the model's positions */
    assert_int_equal(s->instances[1].token_budget, 100);
    assert_int_equal(s->instances[1].options.block_size, options.block_size); /* null is as absent */
    assert_true(s->instances[1].options.npu_memory_utilization == 0.5);
    assert_true(s->instances[0].options.npu_memory_utilization == options.npu_memory_utilization);
    assert_true(s->instances[0].first_npu == 0 && s->instances[1].first_npu == 1);
    assert_true(ws_scenario_n_instances(s) == 2 && ws_scenario_n_nodes(s) == 1 &&
                ws_scenario_n_requests(s) == 2);
    assert_true(ws_scenario_cost_estimate(s) == 4 + 2 + 10 + 5);
    ws_scenario_destroy(&s);
    assert_null(s);
    ws_scenario_destroy(&s);
}

/* ---- power ---- */

static void power_is_tracked_where_there_is_a_block(void **state)
{
    (void)state;
    static const char *const clusters[] = {
        CLUSTER(2, NODE(1, "", DENSE("")) ", " NODE(1, "", DENSE(""))),
        CLUSTER(2, NODE(1, POWER("\"1s\""), DENSE("")) ", " NODE(1, "", DENSE(""))),
        CLUSTER(2, NODE(1, POWER("\"1s\""), DENSE("")) ", " NODE(1, POWER("\"1s\""), DENSE("")))};
    for (int n_blocks = 0; n_blocks < 3; n_blocks++) {
        for (int fidelity = 0; fidelity < 2; fidelity++) {
            ws_options options = ws_options_default();
            options.fidelity   = fidelity;
            ws_scenario *s     = need(clusters[n_blocks], &options);
            const bool   all = n_blocks == 2, any = n_blocks > 0;
            assert_int_equal(ws_scenario_has_power(s), fidelity == WS_FIDELITY_REFERENCE ? all : any);
            assert_int_equal(s->nodes[0].power.is_tracked, ws_scenario_has_power(s));
            assert_int_equal(s->nodes[1].power.is_tracked, all);
            assert_int_equal(strstr(ws_scenario_notes(s), "power") != NULL,
                             n_blocks == 1); /* says so where some is missing */
            ws_scenario_destroy(&s);
        }
    }
}

/* Bare numbers are ns, seconds in the reference or where the options say so; texts say it themselves. Of many
 * bare ones one note. */
static void standby_durations_have_a_unit(void **state)
{
    (void)state;
    static const struct {
        int64_t fidelity, unit, expected_ns;
    } rows[] = {{WS_FIDELITY_PHYSICAL, WS_STANDBY_UNIT_AUTO, 18},
                {WS_FIDELITY_PHYSICAL, WS_STANDBY_UNIT_S, 18000000000},
                {WS_FIDELITY_REFERENCE, WS_STANDBY_UNIT_AUTO, 18000000000},
                {WS_FIDELITY_REFERENCE, WS_STANDBY_UNIT_NS, 18}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws_options options   = ws_options_default();
        options.fidelity     = rows[i].fidelity;
        options.standby_unit = rows[i].unit;
        ws_scenario *bare =
            need(CLUSTER(2, NODE(1, POWER("18"), DENSE("")) ", " NODE(1, POWER("18"), DENSE(""))), &options);
        ws_scenario *text = need(CLUSTER(1, NODE(1, POWER("\"250us\""), DENSE(""))), &options);
        assert_int_equal(bare->instances[0].npu_power.standby_ns, rows[i].expected_ns);
        assert_int_equal(bare->instances[1].npu_power.standby_ns, rows[i].expected_ns);
        assert_int_equal(text->instances[0].npu_power.standby_ns, 250000);
        const char *note = strstr(ws_scenario_notes(bare), "standby_duration");
        assert_int_equal(note != NULL, rows[i].expected_ns == 18);
        assert_true(note == NULL || strstr(note + 1, "standby_duration") == NULL);
        assert_null(strstr(ws_scenario_notes(text), "standby_duration"));
        ws_scenario_destroy(&bare);
        ws_scenario_destroy(&text);
    }
}

/* ---- intervals ---- */

/* Whole milliseconds stay whole: 0.29 s is no ns short. Power intervals default to log intervals; the least
 * is 1 ns. */
static void intervals_are_whole_ns(void **state)
{
    (void)state;
    for (int ms = 1; ms < 3000; ms += 7) {
        ws_options options       = ws_options_default();
        options.log_interval_s   = ms / 1000.0;
        options.power_interval_s = ms % 2 == 0 ? (ms + 1) / 1000.0 : 0.0;
        ws_scenario *s           = need(world_cluster(1.0, ""), &options);
        if (s->log_interval_ns != ms * INT64_C(1000000)) {
            fail_msg("%.3f s: found %lld ns", ms / 1000.0, (long long)s->log_interval_ns);
        }
        assert_int_equal(s->power_interval_ns, (ms % 2 == 0 ? ms + 1 : ms) * INT64_C(1000000));
        ws_scenario_destroy(&s);
    }
    ws_options options       = ws_options_default();
    options.log_interval_s   = 1e-9;
    options.power_interval_s = 1e-12;
    ws_scenario *s           = need(world_cluster(1.0, ""), &options);
    assert_true(s->log_interval_ns == 1 && s->power_interval_ns == 1);
    ws_scenario_destroy(&s);
}

/* ---- how batches are timed ---- */

static void the_simplest_way_that_is_exact(void **state)
{
    (void)state;
    static const struct {
        const char   *cluster;
        int64_t       fidelity;
        ws_step_model expected;
    } rows[] = {
        {CLUSTER(1, NODE(1, "", DENSE(", \"tp_size\": 2"))), WS_FIDELITY_PHYSICAL, WS_STEP_CLOSED},
        {CLUSTER(1, NODE(2, "", DENSE("") ", " DENSE(""))), WS_FIDELITY_PHYSICAL, WS_STEP_CLOSED},
        {CLUSTER(1, NODE(1, "", DENSE(""))), WS_FIDELITY_REFERENCE, WS_STEP_CLOSED},
        {CLUSTER(1, NODE(2, "", DENSE("") ", " DENSE(""))), WS_FIDELITY_REFERENCE, WS_STEP_EVENTS},
        {CLUSTER(1, NODE(1, "", DENSE(", \"num_npus\": 2, \"pp_size\": 2"))), WS_FIDELITY_PHYSICAL,
         WS_STEP_LOCKSTEP},
        {CLUSTER(1, NODE(1, "", DENSE(", \"num_npus\": 2, \"pp_size\": 2"))), WS_FIDELITY_REFERENCE,
         WS_STEP_EVENTS},
        {CLUSTER(1, NODE(1, "", INSTANCE("toy/experts", ", \"pd_type\": null"))), WS_FIDELITY_PHYSICAL,
         WS_STEP_LOCKSTEP},
        {CLUSTER(1, NODE(2, "", DENSE("") ", " DENSE(", \"num_npus\": 2, \"pp_size\": 2"))),
         WS_FIDELITY_PHYSICAL, WS_STEP_LOCKSTEP},
        {CLUSTER(1, NODE(1, "", DENSE(", \"placement\": {\"default\": {\"kv_evict_loc\": \"npu\"}}"))),
         WS_FIDELITY_PHYSICAL, WS_STEP_EVENTS},
        {CLUSTER(1, NODE(1, "", DENSE(", \"placement\": {\"default\": {\"weights\": \"cpu\"}}"))),
         WS_FIDELITY_PHYSICAL, WS_STEP_EVENTS},
        {CLUSTER(1, NODE(2, "",
                         INSTANCE("toy/dense", ", \"pd_type\": \"prefill\"") ", " INSTANCE(
                             "toy/dense", ", \"pd_type\": \"decode\""))),
         WS_FIDELITY_PHYSICAL, WS_STEP_LOCKSTEP},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws_options options = ws_options_default();
        options.fidelity   = rows[i].fidelity;
        ws_scenario *s     = need(rows[i].cluster, &options);
        if (s->step_model != rows[i].expected) {
            fail_msg("row %zu: expected %d, found %d", i, rows[i].expected, s->step_model);
        }
        ws_scenario_destroy(&s);
    }
}

/* ---- second tiers ---- */

/* Chunks of at least one block and at most 256 tokens of whole blocks; 64 GiB of host memory; private, or one
 * a node. */
static void tiers_hold_chunks_of_whole_blocks(void **state)
{
    (void)state;
    static const struct {
        int64_t block_size, chunk_tokens;
    } rows[] = {{16, 256}, {1, 256}, {100, 200}, {256, 256}, {300, 300}, {3, 255}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int shared = 0; shared < 2; shared++) {
            ws_options options            = ws_options_default();
            options.block_size            = rows[i].block_size;
            options.enable_prefix_caching = true;
            options.prefix_storage        = WS_PREFIX_STORAGE_CPU;
            options.enable_prefix_sharing = shared == 1;
            ws_scenario *s =
                need(CLUSTER(2, NODE(2, "", DENSE("") ", " DENSE("")) ", " NODE(1, "", DENSE(""))), &options);
            assert_int_equal(s->n_tiers, shared == 1 ? 2 : 3);
            for (size_t k = 0; k < s->n_tiers; k++) {
                assert_int_equal(s->tiers[k].chunk_tokens, rows[i].chunk_tokens);
                assert_int_equal(s->tiers[k].chunk_bytes, 1024 * rows[i].chunk_tokens);
                assert_int_equal(s->tiers[k].n_chunks,
                                 INT64_C(64) * 1073741824 / (1024 * rows[i].chunk_tokens));
            }
            assert_int_equal(s->instances[0].tier == s->instances[1].tier, shared);
            assert_true(s->instances[2].tier != s->instances[0].tier &&
                        s->tiers[s->instances[2].tier].node == 1);
            ws_scenario_destroy(&s);
        }
    }
    ws_options options            = ws_options_default();
    options.enable_prefix_caching = options.enable_prefix_sharing = true;
    options.prefix_storage                                        = WS_PREFIX_STORAGE_CPU;
    refuse(CLUSTER(1, NODE(2, "", DENSE("") ", " DENSE(", \"block_size\": 32"))), DATASET, &options,
           WS_ERR_INPUT, PARTS("instances 0 and 1: a shared second KV tier"));
    options.prefix_storage = WS_PREFIX_STORAGE_CXL;
    refuse(CLUSTER(1, NODE(1, "", DENSE(""))), DATASET, &options, WS_ERR_INPUT, PARTS("expected a cxl_mem"));
}

/* ---- errors and printing ---- */

/* vLLM serves a checkpoint of 32-bit floats in bfloat16; the reference simulator keeps 32 bits. */
static void float32_models_are_served_as_bfloat16(void **state)
{
    (void)state;
    static const char shape[] =
        "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_hidden_layers\": 4, \"num_attention_heads\": "
        "8, \"num_key_value_heads\": 4, \"head_dim\": 16, \"intermediate_size\": 128, \"vocab_size\": 256, "
        "\"max_position_embeddings\": 2048, \"torch_dtype\": \"float32\"}";
#define WIDE                                                                                                 \
    "{\"model_name\": \"toy/wide\", \"hardware\": \"H100\", \"npu_mem\": {\"mem_size\": 1, \"mem_bw\": "     \
    "1000, \"mem_latency\": 0}, \"pd_type\": null}"
    static const struct {
        ws_fidelity fidelity;
        int64_t     dtype;
        int64_t     bytes;
        bool        has_note;
    } rows[] = {{WS_FIDELITY_PHYSICAL, WS_DTYPE_COUNT, 2, true},
                {WS_FIDELITY_PHYSICAL, WS_DTYPE_FLOAT32, 4, false},
                {WS_FIDELITY_PHYSICAL, WS_DTYPE_FLOAT16, 2, false},
                {WS_FIDELITY_REFERENCE, WS_DTYPE_COUNT, 4, false}};
    world_put(&the_world, "model/toy/wide.json", shape);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws_options options = ws_options_default();
        options.fidelity   = rows[i].fidelity;
        options.dtype      = rows[i].dtype;
        options.profile    = WS_PROFILE_CHOICE_ROOFLINE;
        ws_scenario *s     = need(CLUSTER(1, NODE(2, "", WIDE ", " WIDE)), &options);
        const char  *note =
            strstr(ws_scenario_notes(s), "toy/wide has torch_dtype float32: simulated as bfloat16");
        assert_int_equal(s->instances[0].element_bytes, rows[i].bytes);
        assert_int_equal(note != NULL, rows[i].has_note);
        assert_true(note == NULL || strstr(note + 1, "toy/wide has") == NULL); /* once for both */
        ws_scenario_destroy(&s);
    }
}

static void every_problem_is_told(void **state)
{
    (void)state;
    const ws_options options = ws_options_default();
    refuse(CLUSTER(1, NODE(2, "",
                           "{\"model_name\": \"toy/nothing\", \"hardware\": \"TOY\", \"pd_type\": null, "
                           "\"npu_mem\": {\"mem_size\": 1, "
                           "\"mem_bw\": 1000, \"mem_latency\": 0}}, " DENSE(", \"max_num_seqs\": 0"))),
           "{\"input_toks\": \"many\"}\n", &options, WS_ERR_INPUT,
           PARTS("/nodes/0/instances/0/model_name", "/nodes/0/instances/1/max_num_seqs", "dataset_"));
    refuse(CLUSTER(1, NODE(0, "", "")), DATASET, &options, WS_ERR_INPUT, PARTS("/nodes/0"));
    refuse(CLUSTER(2, NODE(1, "", DENSE("")) ", " NODE(0, "", "")), DATASET, &options, WS_ERR_INPUT,
           PARTS("/nodes/1"));
    refuse(CLUSTER(1, NODE(1, "\"power\": {\"base_node_power\": 60}, ", DENSE(""))), DATASET, &options,
           WS_ERR_INPUT, PARTS("/nodes/0/power"));
    refuse(CLUSTER(1, NODE(1, "", DENSE(", \"enable_sub_batch_interleaving\": true"))), DATASET, &options,
           WS_ERR_INPUT, PARTS("expected enable_attn_offloading and pp_size = 1"));
}

/* ---- requests filled by hand ---- */

/** The request with one option's member at a value; expects WS_ERR_ARG and the option's name. */
static void refuse_option(const ws_option *option, double value)
{
    ws_options    options = ws_options_default();
    char         *place   = (char *)&options + option->offset;
    const int64_t integer = value <= -0x1p63 ? INT64_MIN : value >= 0x1p63 ? INT64_MAX : (int64_t)value;
    if (option->type == WS_OPTION_INT || option->type == WS_OPTION_CHOICE) {
        memcpy(place, &integer, sizeof(integer));
    } else {
        memcpy(place, &value, sizeof(value));
    }
    refuse(world_cluster(1.0, ""), DATASET, &options, WS_ERR_ARG, PARTS(option->name, "expected"));
}

/* block_size 0 was a division by zero, a log_interval of 0 a loop without end, NaN an abort. */
static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    size_t           n     = 0;
    const ws_option *table = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        const ws_option *o = &table[i];
        switch (o->type) {
        case WS_OPTION_INT:
            refuse_option(o, o->min - 1.0);
            refuse_option(o, -0x1p63);
            refuse_option(o, 0x1p63);
            break;
        case WS_OPTION_CHOICE:
            refuse_option(o, -1.0);
            refuse_option(o, 1000.0);
            break;
        case WS_OPTION_DOUBLE:
        case WS_OPTION_SECONDS:
            refuse_option(o, (double)NAN);
            refuse_option(o, (double)INFINITY);
            refuse_option(o, -1.0);
            refuse_option(o, 2.0 * o->max);
            break;
        case WS_OPTION_BOOL:
            break;
        }
    }
    const ws_options zeroed = {0};
    refuse(world_cluster(1.0, ""), DATASET, &zeroed, WS_ERR_ARG,
           PARTS("max_num_seqs", "block_size", "npu_memory_utilization", "log_interval"));
}

static void a_request_without_cluster_is_refused(void **state)
{
    (void)state;
    const ws_scenario_request request = {.options = ws_options_default()};
    ws_scenario              *s       = (ws_scenario *)&the_world;
    ws_error                  err     = WS_ERROR_INIT;
    assert_int_equal(ws_scenario_create(the_world.inputs, &request, &err, &s), WS_ERR_ARG);
    assert_null(s);
    assert_non_null(strstr(ws_error_text(&err), "cluster"));
    ws_error_clear(&err);
}

static void the_printed_scenario_is_the_resolved_one(void **state)
{
    (void)state;
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_doc   *doc     = NULL;
    ws_options     options = ws_options_default();
    options.block_size     = 32;
    ws_scenario *s =
        need(CLUSTER(1, NODE(2, "", DENSE("") ", " DENSE(", \"num_npus\": 4, \"pp_size\": 2"))), &options);
    ws_json_writer_init(&w, &text, 0);
    ws_scenario_write_json(s, &w);
    assert_int_equal(ws_json_doc_parse("s", ws_strbuf_text(&text), text.len, NULL, &doc), WS_OK);
    const ws_json root = ws_json_doc_root(doc);
    assert_true(ws_json_number(ws_json_member(root, "n_requests")) == 2.0);
    assert_int_equal(ws_json_size(ws_json_member(root, "instances")), 2);
    for (size_t i = 0; i < 2; i++) {
        const ws_json             json = ws_json_at(ws_json_member(root, "instances"), i);
        const ws_instance_config *c    = &s->instances[i];
        assert_string_equal(ws_json_string(ws_json_member(json, "model")), "toy/dense");
        assert_string_equal(ws_json_string(ws_json_member(json, "profile_kind")), "bundle");
        assert_true(ws_json_number(ws_json_member(json, "num_npus")) == (double)c->num_npus);
        assert_true(ws_json_number(ws_json_member(json, "pp_size")) == (double)c->pp_size);
        assert_true(ws_json_number(ws_json_member(json, "kv_blocks")) == (double)c->n_blocks);
        assert_true(ws_json_number(ws_json_member(json, "kv_tokens")) == (double)c->n_blocks * 32);
    }
    size_t           n_options = 0;
    const ws_option *table     = ws_option_table(&n_options);
    assert_int_equal(ws_json_size(ws_json_member(root, "options")), n_options);
    for (size_t i = 0; i < n_options; i++) { /* what is printed sets the same option again */
        const char *value = ws_json_string(ws_json_member(ws_json_member(root, "options"), table[i].name));
        ws_options  again = options;
        char        before[64], after[64];
        assert_non_null(value);
        assert_int_equal(ws_option_set_text(&again, &table[i], value, NULL), WS_OK);
        assert_string_equal(ws_option_get_text(&again, &table[i], after),
                            ws_option_get_text(&options, &table[i], before));
    }
    ws_json_doc_destroy(&doc);
    ws_strbuf_fini(&text);
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kv_blocks_fill_what_weights_leave),
        cmocka_unit_test(kv_heads_are_repeated),
        cmocka_unit_test(stages_hold_their_own_weights),
        cmocka_unit_test(odd_expert_degrees_are_noted),
        cmocka_unit_test(one_block_has_to_fit),
        cmocka_unit_test(kv_of_less_than_a_byte),
        cmocka_unit_test(instances_have_options_of_their_own),
        cmocka_unit_test(power_is_tracked_where_there_is_a_block),
        cmocka_unit_test(standby_durations_have_a_unit),
        cmocka_unit_test(intervals_are_whole_ns),
        cmocka_unit_test(the_simplest_way_that_is_exact),
        cmocka_unit_test(tiers_hold_chunks_of_whole_blocks),
        cmocka_unit_test(float32_models_are_served_as_bfloat16),
        cmocka_unit_test(every_problem_is_told),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(a_request_without_cluster_is_refused),
        cmocka_unit_test(the_printed_scenario_is_the_resolved_one),
    };
    world_init(&the_world);
    world_put(&the_world, "hardware/SHEET.json", SHEET("sheet", 2, 1000));
    const int n_failed = cmocka_run_group_tests_name("scenario.scenario", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
