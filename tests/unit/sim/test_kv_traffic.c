/* Invariant: KV blocks copied to the second tier and recalled from it cost their bits once, where they are
 * kept: in host memory, in CXL memory, or nothing on the NPU. Every step model says the same; the reference
 * charges recalls alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "world.h"

/* The tier holds chunks of 256 tokens, each of 1 KiB. */
static const double CHUNK_BYTES     = 256 * 1024.0;
static const double DRAM_J_PER_BYTE = 8 * 6.0e-12, CXL_J_PER_BYTE = 8 * 10.0e-12;
/* Of each token a step computes every NPU reads two ids of the element's size and writes one of four bytes.
 */
static const double IO_BYTES = 8;

static world the_world;

/* Nothing but moved bits takes DRAM or CXL energy. */
static const char *cluster(ws_strbuf *out, const char *npu_mem_gib, const char *tp_size, const char *place)
{
    ws_strbuf_printf(
        out,
        "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"cxl_mem\": {\"mem_size\": 64, "
        "\"mem_bw\": 60, \"mem_latency\": 250, \"num_devices\": 1}, \"nodes\": [{\"num_instances\": 1, "
        "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, \"power\": "
        "{\"base_node_power\": 1, \"npu\": {\"TOY\": {\"idle_power\": 1, \"standby_power\": 2, "
        "\"active_power\": 3, \"standby_duration\": \"1ms\"}}, \"cpu\": {\"idle_power\": 1, "
        "\"active_power\": 2, "
        "\"util\": 0}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 0, \"energy_per_bit\": 6.0}, \"link\": "
        "{\"num_links\": 0, \"idle_power\": 0, \"energy_per_bit\": 4.0}, \"nic\": {\"num_nics\": 0, "
        "\"idle_power\": 0}, \"storage\": {\"num_devices\": 0, \"idle_power\": 0}, \"cxl\": {\"idle_power\": "
        "0, "
        "\"energy_per_bit\": 10.0}}, \"instances\": [{\"model_name\": \"" WORLD_DENSE
        "\", \"hardware\": \"" WORLD_NPU "\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": %s, "
        "\"mem_bw\": 1000, \"mem_latency\": 0}, \"tp_size\": %s, "
        "\"placement\": {\"default\": {\"kv_evict_loc\": \"%s\"}}}]}]}",
        npu_mem_gib, tp_size, place);
    return ws_strbuf_text(out);
}

static void put_request(ws_strbuf *out, int n_tokens, int first_id, int64_t arrival_s)
{
    ws_strbuf_printf(
        out, "{\"input_toks\": %d, \"output_toks\": 2, \"arrival_time_ns\": %lld, \"input_tok_ids\": [",
        n_tokens, (long long)arrival_s * 1000000000);
    for (int i = 0; i < n_tokens; i++) {
        ws_strbuf_printf(out, "%s%d", i > 0 ? "," : "", first_id + i);
    }
    ws_strbuf_puts(out, "]}\n");
}

/* Twice the same prompt of 300 tokens, between them one of 470 that fills all 30 blocks of the smallest NPU.
 */
static ws_scenario *scenario(const char *npu_mem_gib, const char *tp_size, const char *place,
                             ws_fidelity fidelity)
{
    ws_strbuf  text = WS_STRBUF_INIT, dataset = WS_STRBUF_INIT;
    ws_options options     = ws_options_default();
    options.fidelity       = fidelity;
    options.prefix_storage = WS_PREFIX_STORAGE_CPU;
    put_request(&dataset, 300, 1, 0);
    put_request(&dataset, 470, 1000, 1);
    put_request(&dataset, 300, 1, 2);
    ws_scenario *s = world_need_scenario(&the_world, cluster(&text, npu_mem_gib, tp_size, place),
                                         ws_strbuf_text(&dataset), &options);
    ws_strbuf_fini(&text);
    ws_strbuf_fini(&dataset);
    return s;
}

static void assert_moved(ws_scenario *s, double dram_bytes, double cxl_bytes)
{
    const ws_result *result = world_need_result(&the_world, s);
    const double     dram_j = dram_bytes * DRAM_J_PER_BYTE, cxl_j = cxl_bytes * CXL_J_PER_BYTE;
    if (fabs(result->component_j[WS_DRAM] - dram_j) > 1e-12 * dram_j ||
        fabs(result->component_j[WS_CXL] - cxl_j) > 1e-12 * cxl_j) {
        fail_msg("DRAM %.17g J, CXL %.17g J; expected %.17g J, %.17g J", result->component_j[WS_DRAM],
                 result->component_j[WS_CXL], dram_j, cxl_j);
    }
}

/* Both prompts have one whole chunk to store, the third request recalls the first one's: 3 chunks in all.
 * Computed are 300 + 1, 470 + 1 and 300 - 256 + 1 tokens. */
static void blocks_cost_their_bits_where_they_are_kept(void **state)
{
    (void)state;
    const double io_bytes = (301 + 471 + 45) * IO_BYTES;
    ws_scenario *on_npu   = scenario("0.001", "1", "npu", WS_FIDELITY_PHYSICAL),
                *on_cxl   = scenario("0.001", "1", "cxl:0", WS_FIDELITY_PHYSICAL);
    assert_moved(on_npu, io_bytes, 0);
    assert_moved(on_cxl, io_bytes, 3 * CHUNK_BYTES);
    ws_scenario_destroy(&on_npu);
    ws_scenario_destroy(&on_cxl);

    static const ws_step_model models[] = {WS_STEP_CLOSED, WS_STEP_LOCKSTEP, WS_STEP_EVENTS};
    ws_scenario               *on_host  = scenario("0.001", "1", "cpu", WS_FIDELITY_PHYSICAL);
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        on_host->step_model = models[i];
        assert_moved(on_host, io_bytes + 3 * CHUNK_BYTES, 0);
    }
    ws_scenario_destroy(&on_host);
}

/* With room for all of them two chunks are stored and none recalled: the third request finds 18 blocks of 16
 * tokens. Each rank has its own heads of the blocks, but all ids. */
static void ranks_share_the_bits_of_a_block(void **state)
{
    (void)state;
    ws_scenario *s = scenario("0.01", "2", "cpu", WS_FIDELITY_PHYSICAL);
    assert_moved(s, 2 * CHUNK_BYTES + 2 * (301 + 471 + 13) * IO_BYTES, 0);
    ws_scenario_destroy(&s);
}

static void the_reference_charges_recalls_as_dram(void **state)
{
    (void)state;
    static const char *const places[] = {"npu", "cpu", "cxl:0"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        ws_scenario *s = scenario("0.001", "1", places[i], WS_FIDELITY_REFERENCE);
        assert_moved(s, CHUNK_BYTES, 0);
        ws_scenario_destroy(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_cost_their_bits_where_they_are_kept),
        cmocka_unit_test(ranks_share_the_bits_of_a_block),
        cmocka_unit_test(the_reference_charges_recalls_as_dram),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.kv_traffic", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
