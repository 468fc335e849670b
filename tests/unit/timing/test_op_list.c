/* Invariants: a batch's ops are the model's layers, block by block, in the order of its sections, each timed
 * by the profile; stages split the blocks without gap; collectives, weights and KV carry the bytes of the
 * model's shape; and a list that is used again for another instance is what a fresh one would be. By hand
 * for the toy models (world.h): 4 blocks, hidden size 64, 2 bytes an element. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/parallelism.h"
#include "timing/op_list.h"
#include "world.h"

static world the_world;

static const char DATASET[] = "{\"input_toks\": 4, \"output_toks\": 2, \"arrival_time_ns\": 0}\n";

/* A scenario and what programs are built with. */
typedef struct site {
    ws_scenario       *scenario;
    ws_arena           arena;
    ws_op_list_builder builder;
} site;

#define INSTANCE(model, keys)                                                                                \
    "{\"model_name\": \"" model "\", \"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": " \
    "1, \"mem_bw\": 1000, \"mem_latency\": 0}" keys "}"

static void site_init(site *s, int n_instances, const char *instances, const ws_options *options)
{
    char cluster[4096];
    snprintf(cluster, sizeof(cluster),
             "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"cxl_mem\": {\"mem_size\": 64, "
             "\"mem_bw\": 60, "
             "\"mem_latency\": 250, \"num_devices\": 1}, \"nodes\": [{\"num_instances\": %d, \"cpu_mem\": "
             "{\"mem_size\": 64, "
             "\"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": [%s]}]}",
             n_instances, instances);
    s->scenario = world_need_scenario(&the_world, cluster, DATASET, options);
    ws_arena_init(&s->arena, 0);
    assert_int_equal(ws_op_list_builder_init(&s->builder, &s->arena, s->scenario), WS_OK);
}

static void site_default(site *s, int n_instances, const char *instances)
{
    const ws_options options = ws_options_default();
    site_init(s, n_instances, instances, &options);
}

static void site_fini(site *s)
{
    ws_arena_fini(&s->arena);
    ws_scenario_destroy(&s->scenario);
}

/* One prompt of so many tokens, and decodes with a history of 10 tokens each. */
static ws_batch batch_of(int64_t n_prompt, int64_t n_decodes)
{
    return (ws_batch){.n_steady       = (size_t)(n_decodes + (n_prompt > 0)),
                      .n_tokens       = n_prompt + n_decodes,
                      .n_prefills     = n_prompt > 0,
                      .prefill_tokens = n_prompt,
                      .n_decodes      = n_decodes,
                      .n_kv_entries   = n_decodes,
                      .kv_sum         = 10 * n_decodes,
                      .kv_max         = n_decodes > 0 ? 10 : 0,
                      .kv_min         = n_decodes > 0 ? 10 : 0};
}

static void build(site *s, size_t instance, const ws_batch *batch, ws_op_list *list)
{
    assert_int_equal(
        ws_op_list_build(&s->builder, &s->scenario->instances[instance], batch, batch->n_tokens, list),
        WS_OK);
}

/* ---- blocks ---- */

/* 10 blocks over 4 stages: 2 for each, the two left over go to those just before the last. */
static void stages_share_the_blocks(void **state)
{
    (void)state;
    static const int64_t by_hand[] = {2, 3, 3, 2};
    for (int64_t stage = 0; stage < 4; stage++) {
        assert_int_equal(ws_stage_n_blocks(10, 4, stage), by_hand[stage]);
    }
    for (int64_t n_blocks = 1; n_blocks < 40; n_blocks++) {
        for (int64_t n_stages = 1; n_stages < 12; n_stages++) {
            int64_t sum = 0;
            for (int64_t stage = 0; stage < n_stages; stage++) {
                const int64_t n = ws_stage_n_blocks(n_blocks, n_stages, stage);
                assert_true(n == n_blocks / n_stages || n == n_blocks / n_stages + 1);
                sum += n;
            }
            assert_int_equal(sum, n_blocks);
            assert_int_equal(ws_stage_n_blocks(n_blocks, n_stages, n_stages - 1), n_blocks / n_stages);
        }
    }
}

/* The reference runs experts once and copies that block; physical fidelity runs every block. */
static void experts_without_block_copy_have_one_block(void **state)
{
    (void)state;
    for (int bits = 0; bits < 8; bits++) {
        ws_options options        = ws_options_default();
        const bool is_moe         = (bits & 1) != 0;
        options.fidelity          = (bits & 2) != 0 ? WS_FIDELITY_REFERENCE : WS_FIDELITY_PHYSICAL;
        options.enable_block_copy = (bits & 4) != 0;
        site s;
        site_init(&s, 1, is_moe ? INSTANCE("toy/experts", "") : INSTANCE("toy/dense", ""), &options);
        const bool is_one = is_moe && options.fidelity == WS_FIDELITY_REFERENCE && !options.enable_block_copy;
        assert_int_equal(ws_instance_n_blocks(s.scenario, &s.scenario->instances[0]), is_one ? 1 : 4);
        site_fini(&s);
    }
}

/* ---- ops ---- */

/* The layers of one section, timed by hand; returns how many. */
static size_t expect_section(const ws_instance_config *c, const ws_batch *batch, ws_section section,
                             const ws_op *op)
{
    const ws_layer_sequence *sequence = &c->model->sections[section];
    const ws_attention_query query    = {.prefill_tokens = batch->prefill_tokens,
                                         .prefill_kv     = batch->prefill_kv,
                                         .n_decodes      = batch->n_decodes,
                                         .kv_mean        = batch->n_decodes > 0 ? 10 : 0,
                                         .kv_max         = batch->kv_max,
                                         .kv_min         = batch->kv_min};
    size_t                   n        = 0;
    for (size_t i = 0; i < sequence->n_layers; i++) {
        const ws_layer layer = sequence->layers[i];
        if (!c->cost->has_layer[layer]) {
            continue;
        }
        const int64_t ns = layer == WS_LAYER_ATTENTION ? ws_profile_attention_ns(c->profile, &query)
                           : ws_layer_category(layer) == WS_CATEGORY_DENSE
                               ? ws_profile_layer_ns(c->profile, layer, batch->n_tokens)
                               : ws_profile_layer_ns(c->profile, layer, ws_batch_n_sequences(batch));
        assert_int_equal(op[n].kind, WS_OP_COMPUTE);
        if (op[n].layer != layer || op[n].ns != ns) {
            fail_msg("op %zu of section %d: expected %s of %lld ns, found %s of %lld ns", n, section,
                     ws_layer_name(layer), (long long)ns, ws_layer_name(op[n].layer), (long long)op[n].ns);
        }
        n++;
    }
    return n;
}

static void rows_are_the_layers_of_the_model(void **state)
{
    (void)state;
    static const char *const instances[] = {INSTANCE("toy/dense", ""),
                                            INSTANCE("toy/dense", ", \"tp_size\": 2"),
                                            INSTANCE("toy/dense", ", \"num_npus\": 2, \"pp_size\": 2"),
                                            INSTANCE("toy/dense", ", \"num_npus\": 3, \"pp_size\": 3")};
    for (int k = 0; k < 4; k++) {
        site s;
        site_default(&s, 1, instances[k]);
        const ws_instance_config *c     = &s.scenario->instances[0];
        const ws_batch            batch = batch_of(100, 7);
        ws_op_list                list  = {0};
        build(&s, 0, &batch, &list);
        size_t  op     = expect_section(c, &batch, WS_SECTION_PROLOGUE, list.ops);
        int64_t act_ns = 0;
        for (int64_t stage = 0; stage < c->pp_size; stage++) {
            assert_int_equal(list.stage_begin[stage], stage == 0 ? 0 : op);
            for (int64_t block = ws_stage_n_blocks(4, c->pp_size, stage); block > 0; block--) {
                op += expect_section(c, &batch, WS_SECTION_PRE_ATTN, &list.ops[op]);
                op += expect_section(c, &batch, WS_SECTION_POST_ATTN, &list.ops[op]);
                op += expect_section(c, &batch, WS_SECTION_MLP_DENSE, &list.ops[op]);
            }
        }
        op += expect_section(c, &batch, WS_SECTION_HEAD, &list.ops[op]);
        assert_int_equal(op, list.n_ops);
        assert_int_equal(list.stage_begin[c->pp_size], list.n_ops);
        for (size_t i = 0; i < list.n_ops; i++) {
            act_ns += list.ops[i].ns;
        }
        assert_true(list.work.act_ns == act_ns);
        /* two ids of 2 bytes in and one of 4 out for each of 107 tokens; 107 x 64 elements between stages */
        assert_true(list.input_bytes == 428 && list.output_bytes == 428 && list.work.io_bytes == 856);
        assert_int_equal(list.hidden_bytes, 107 * 64 * 2);
        site_fini(&s);
    }
}

/* All-reduces behind o_proj and down_proj of each of 4 blocks, 10 tokens x 64 x 2 bytes; over 4 ranks a ring
 * moves 2 x 3/4 of that a rank. */
static void tensor_parallel_rows_are_reduced(void **state)
{
    (void)state;
    site s;
    site_default(&s, 1, INSTANCE("toy/dense", ", \"tp_size\": 4"));
    const ws_batch batch        = batch_of(0, 10);
    ws_op_list     list         = {0};
    int            n_collective = 0;
    build(&s, 0, &batch, &list);
    for (size_t i = 0; i < list.n_ops; i++) {
        const ws_op *op = &list.ops[i];
        if (op->has_collective) {
            assert_true(op->layer == WS_LAYER_O_PROJ || op->layer == WS_LAYER_DOWN_PROJ);
            assert_true(op->collective == WS_ALL_REDUCE && op->collective_bytes == 1280);
            n_collective++;
        }
    }
    assert_int_equal(n_collective, 8);
    assert_true(list.work.link_bytes == 8 * 2 * 3 * 320.0);
    site_fini(&s);
}

/* Two stages: the hidden state of 10 tokens once; the reference forgets the size of its elements
 * (docs/model/serving.md Q-P6).
 */
static void pipelines_send_the_hidden_state(void **state)
{
    (void)state;
    for (int fidelity = WS_FIDELITY_PHYSICAL; fidelity <= WS_FIDELITY_REFERENCE; fidelity++) {
        ws_options     options = ws_options_default();
        const ws_batch batch   = batch_of(10, 0);
        ws_op_list     list    = {0};
        site           s;
        options.fidelity = fidelity;
        site_init(&s, 1, INSTANCE("toy/dense", ", \"num_npus\": 2, \"pp_size\": 2"), &options);
        build(&s, 0, &batch, &list);
        assert_true(list.work.link_bytes == (fidelity == WS_FIDELITY_REFERENCE ? 640 : 1280));
        site_fini(&s);
    }
}

/* Per block one mark a rank, the first with the gather, and the end with the scatter; each token goes to 2 of
 * 8 experts, so that the ranks' shares together are at least the batch. Without block rules every block is
 * routed alike. */
static void experts_are_spread_over_ranks(void **state)
{
    (void)state;
    static const char *const policies[] = {"BALANCED", "RR", "RAND"};
    for (int k = 0; k < 3; k++) {
        ws_options       options = ws_options_default();
        const ws_option *option  = ws_option_find("expert_routing_policy");
        const ws_batch   batch   = batch_of(40, 0);
        ws_op_list       list    = {0};
        site             s;
        assert_int_equal(ws_option_set_text(&options, option, policies[k], NULL), WS_OK);
        site_init(&s, 1, INSTANCE("toy/experts", ", \"tp_size\": 4, \"ep_size\": 4"), &options);
        build(&s, 0, &batch, &list);
        int     n_marks = 0, n_ends = 0;
        int64_t moe_ns[4][4] = {{0}}, act_ns = 0;
        for (size_t i = 0; i < list.n_ops; i++) {
            const ws_op *op = &list.ops[i];
            if (op->kind == WS_OP_EXPERT) {
                assert_int_equal(op->index, n_marks % 4);
                assert_int_equal(op->has_collective, n_marks % 4 == 0);
                /* 40 / 4 tokens x (64 + 8 logits) x 2 bytes */
                assert_true(!op->has_collective ||
                            (op->collective == WS_ALL_GATHER && op->collective_bytes == 1440));
                n_marks++;
            } else if (op->kind == WS_OP_EXPERT_END) {
                assert_true(op->has_collective && op->collective == WS_REDUCE_SCATTER);
                assert_int_equal(op->collective_bytes, 40 * 64 * 2);
                n_ends++;
            } else if (op->layer == WS_LAYER_MOE) {
                moe_ns[n_ends][(n_marks - 1) % 4] = op->ns;
            } else {
                act_ns += op->ns;
            }
        }
        assert_true(n_marks == 16 && n_ends == 4);
        for (int block = 0; block < 4; block++) {
            int64_t slowest_ns = 0;
            assert_memory_equal(moe_ns[block], moe_ns[0], sizeof(moe_ns[0]));
            for (int rank = 0; rank < 4; rank++) {
                slowest_ns = moe_ns[block][rank] > slowest_ns ? moe_ns[block][rank] : slowest_ns;
            }
            act_ns += slowest_ns;
        }
        assert_true(list.work.act_ns == act_ns); /* experts by their slowest rank */
        site_fini(&s);
    }
}

/* ---- one list for all ---- */

static void expect_same_program(const ws_op_list *found, const ws_op_list *expected, int64_t n_stages)
{
    assert_int_equal(found->n_ops, expected->n_ops);
    for (size_t i = 0; i < expected->n_ops; i++) {
        const ws_op *a = &found->ops[i], *b = &expected->ops[i];
        if (a->kind != b->kind || a->layer != b->layer || a->ns != b->ns ||
            a->weight_bytes != b->weight_bytes || a->has_collective != b->has_collective ||
            a->collective_bytes != b->collective_bytes) {
            fail_msg("op %zu: expected %s of %lld ns, found %s of %lld ns", i, ws_layer_name(b->layer),
                     (long long)b->ns, ws_layer_name(a->layer), (long long)a->ns);
        }
    }
    for (int64_t stage = 0; stage <= n_stages; stage++) {
        assert_int_equal(found->stage_begin[stage], expected->stage_begin[stage]);
    }
    assert_memory_equal(&found->work, &expected->work, sizeof(found->work));
}

/* Twelve layers on a board known by its data sheet alone. */
static void put_deep_model(void)
{
    world_put(&the_world, "hardware/MICRO.json",
              "{\"name\": \"micro\", \"memory_gib\": 1, \"memory_gbps\": 1e6, \"peak_tflops\": "
              "{\"bfloat16\": 1e6}, "
              "\"n_sms\": 4, \"launch_overhead_us\": 1000, \"efficiency\": {\"matrix\": 1, \"memory\": 1, "
              "\"elementwise\": 1, \"attention\": 1, \"kv\": 1}}");
    world_put(
        &the_world, "model/toy/deep.json",
        "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_hidden_layers\": 12, "
        "\"num_attention_heads\": 8, "
        "\"num_key_value_heads\": 4, \"head_dim\": 16, \"intermediate_size\": 128, \"vocab_size\": 256, "
        "\"max_position_embeddings\": 2048, \"torch_dtype\": \"bfloat16\"}");
}

#define DEEP_INSTANCE                                                                                        \
    "{\"model_name\": \"toy/deep\", \"hardware\": \"MICRO\", \"pd_type\": null, \"npu_mem\": "               \
    "{\"mem_size\": "                                                                                        \
    "1, \"mem_bw\": 1000, \"mem_latency\": 0}, \"num_npus\": 12, \"pp_size\": 12}"

/* Instances of 1, 2 and 12 stages take turns with one list, as they do in a run. */
static void a_program_serves_every_instance(void **state)
{
    (void)state;
    static const size_t turns[] = {0, 1, 0, 2, 1, 2, 0};
    unsigned char      *behind  = NULL; /* what lies behind the list's own memory is not the list's */
    site                s;
    put_deep_model();
    site_default(&s, 3,
                 INSTANCE("toy/dense", "") ", " INSTANCE(
                     "toy/dense", ", \"num_npus\": 2, \"pp_size\": 2") ", " DEEP_INSTANCE);
    ws_op_list shared = {.ops = ws_arena_alloc(&s.arena, 1000, sizeof(ws_op)), .capacity = 1000};
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        const ws_batch batch = batch_of((int64_t)(10 * i), 3);
        ws_op_list     fresh = {0};
        build(&s, turns[i], &batch, &shared);
        if (behind == NULL) {
            behind = ws_arena_calloc(&s.arena, 64, 1);
        }
        build(&s, turns[i], &batch, &fresh);
        expect_same_program(&shared, &fresh, s.scenario->instances[turns[i]].pp_size);
        for (int k = 0; k < 64; k++) {
            assert_int_equal(behind[k], 0);
        }
    }
    site_fini(&s);
}

/* ---- KV blocks of the second tier ---- */

static void kv_is_counted_where_it_is_kept(void **state)
{
    (void)state;
    static const struct {
        ws_fidelity      fidelity;
        ws_location_kind kept;
        double           dram, kv_dram, kv_cxl; /* of 3 bytes recalled and 5 stored */
    } rows[]             = {{WS_FIDELITY_REFERENCE, WS_LOCATION_REMOTE, 3, 0, 0},
                            {WS_FIDELITY_REFERENCE, WS_LOCATION_CXL, 3, 0, 0},
                            {WS_FIDELITY_REFERENCE, WS_LOCATION_LOCAL, 3, 0, 0},
                            {WS_FIDELITY_PHYSICAL, WS_LOCATION_REMOTE, 0, 8, 0},
                            {WS_FIDELITY_PHYSICAL, WS_LOCATION_CXL, 0, 0, 8},
                            {WS_FIDELITY_PHYSICAL, WS_LOCATION_LOCAL, 0, 0, 0}};
    const ws_batch batch = {.load_bytes = 3, .store_bytes = 5};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ws_scenario  scenario = {.fidelity = rows[i].fidelity};
        ws_instance_config c        = {.placement = {.kv_evict = {.kind = rows[i].kept}}};
        ws_batch_work      energy   = {.dram_bytes = 100, .kv_dram_bytes = 200, .kv_cxl_bytes = 300};
        ws_batch_work_add_kv(&scenario, &c, &batch, &energy);
        if (energy.dram_bytes != 100 + rows[i].dram || energy.kv_dram_bytes != 200 + rows[i].kv_dram ||
            energy.kv_cxl_bytes != 300 + rows[i].kv_cxl) {
            fail_msg("row %zu: found %g, %g, %g more", i, energy.dram_bytes - 100, energy.kv_dram_bytes - 200,
                     energy.kv_cxl_bytes - 300);
        }
    }
}

/* Beyond the profile's 2048 tokens (world.c). */
static void batches_beyond_the_profile_are_marked(void **state)
{
    (void)state;
    site s;
    site_default(&s, 1, INSTANCE("toy/dense", ""));
    for (int64_t n = 255; n <= 257; n++) {
        const ws_batch batch = batch_of(n, 0);
        ws_op_list     list  = {0};
        build(&s, 0, &batch, &list);
        assert_int_equal(list.extrapolates, n > 256); /* of the prefill chunks of its attention */
    }
    site_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_share_the_blocks),
        cmocka_unit_test(experts_without_block_copy_have_one_block),
        cmocka_unit_test(rows_are_the_layers_of_the_model),
        cmocka_unit_test(tensor_parallel_rows_are_reduced),
        cmocka_unit_test(pipelines_send_the_hidden_state),
        cmocka_unit_test(experts_are_spread_over_ranks),
        cmocka_unit_test(a_program_serves_every_instance),
        cmocka_unit_test(kv_is_counted_where_it_is_kept),
        cmocka_unit_test(batches_beyond_the_profile_are_marked),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("timing.op_list", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
