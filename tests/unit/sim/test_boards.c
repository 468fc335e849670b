/* Invariants: memory that a cluster config leaves out is that of the board's data sheet; more than the board
 * has is run, said and marked, less is fine; a bandwidth of one's own changes the times of a roofline, in
 * proportion where memory is what binds, and those of a measured profile not at all. */
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

/* Kernels start at once, so that memory is all that takes time at 1e6 TFLOP/s. */
#define SHEET(tflops)                                                                                        \
    "{\"name\": \"board\", \"memory_gib\": 2, \"memory_gbps\": 10, \"peak_tflops\": {\"bfloat16\": " #tflops \
    "}, \"n_sms\": 4, \"launch_overhead_us\": 0, \"efficiency\": {\"matrix\": 1, \"memory\": 1, "            \
    "\"elementwise\": 1, \"attention\": 1, \"kv\": 1}, \"power_curve\": {\"static_share\": 0.2, "            \
    "\"exponent\": 3, \"voltage_floor\": 0.5, \"min_clock\": 0.1}}"
static const char BOARD[] = SHEET(1e6), SLOW_CORE[] = SHEET(1);
static const char DATASET[] = "{\"input_toks\": 4, \"output_toks\": 40, \"arrival_time_ns\": 0}\n";

static world the_world;

/* The node's power block, with what is before its end. */
#define POWER(hardware)                                                                                      \
    "\"power\": {\"base_node_power\": 60, \"npu\": {\"" hardware                                             \
    "\": {\"idle_power\": 10, \"standby_power\": 20, "                                                       \
    "\"active_power\": 200, \"standby_duration\": \"1s\"}}, \"cpu\": {\"idle_power\": 1, \"active_power\": " \
    "2, "                                                                                                    \
    "\"util\": 0.1}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 1, \"energy_per_bit\": 6}, \"link\": "    \
    "{\"num_links\": 1, \"idle_power\": 1, \"energy_per_bit\": 4}, \"nic\": {\"num_nics\": 1, "              \
    "\"idle_power\": 1}, "                                                                                   \
    "\"storage\": {\"num_devices\": 1, \"idle_power\": 1}}, "

/* A cluster of one instance: the node's power ("" = none), its board, and its npu_mem with the key, behind a
 * comma ("" = none). */
static const char *powered_cluster(const char *power, const char *hardware, const char *npu_mem)
{
    static char text[4096];
    snprintf(
        text, sizeof text,
        "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [{\"num_instances\": 1, %s"
        "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": "
        "[{\"model_name\": \"toy/dense\", \"hardware\": \"%s\", \"pd_type\": null, \"tp_size\": 1%s}]}]}",
        power, hardware, npu_mem);
    return text;
}

static const char *cluster(const char *hardware, const char *npu_mem)
{
    return powered_cluster("", hardware, npu_mem);
}

static ws_scenario *need(const char *text, int64_t fidelity)
{
    ws_options options     = ws_options_default();
    options.fidelity       = fidelity;
    options.log_interval_s = 1.0;
    return world_need_scenario(&the_world, text, DATASET, &options);
}

static double metric(const ws_scenario *s, ws_metric which)
{
    return world_need_result(&the_world, s)->metrics[which];
}

/* ---- size ---- */

typedef struct size_case {
    const char *npu_mem;
    double      size_gib, bw_gbps;
    bool        is_oversize;
    const char *note; /* NULL = none */
} size_case;

static const size_case SIZES[] = {
    {"", 2, 10, false, NULL},
    {", \"npu_mem\": null", 2, 10, false, NULL},
    {", \"npu_mem\": {}", 2, 10, false, NULL},
    {", \"npu_mem\": {\"mem_util\": 0.5}", 2, 10, false, NULL},
    {", \"npu_mem\": {\"mem_bw\": 5}", 2, 5, false, "mem_bw 5 GB/s, not of the 10 GB/s of its data sheet\n"},
    {", \"npu_mem\": {\"mem_bw\": 20}", 2, 20, false,
     "10 GB/s of its data sheet, which is more than the board has"},
    {", \"npu_mem\": {\"mem_size\": 1}", 1, 10, false, NULL}, /* a slice of it */
    {", \"npu_mem\": {\"mem_size\": 2, \"mem_bw\": 10, \"mem_latency\": 0}", 2, 10, false, NULL},
    {", \"npu_mem\": {\"mem_size\": 3}", 3, 10, true,
     "oversize: npu_mem.mem_size 3 GiB is more than the 2 GiB that BOARD has"},
};

static void memory_is_that_of_the_board(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        const size_case *want = &SIZES[i];
        for (int64_t fidelity = 0; fidelity < 2; fidelity++) {
            ws_scenario              *s = need(cluster("BOARD", want->npu_mem), fidelity);
            const ws_instance_config *c = &s->instances[0];
            assert_int_equal(c->npu_mem_bytes, (int64_t)(want->size_gib * 1073741824.0));
            assert_int_equal(c->npu_mem_gbps, (int64_t)want->bw_gbps);
            assert_int_equal(c->local.bytes_per_ns, (int64_t)want->bw_gbps);
            assert_int_equal(s->network.reduce_bw, (int64_t)want->bw_gbps);
            assert_int_equal(c->is_oversize, want->is_oversize);
            assert_true(metric(s, WS_METRIC_OVERSIZE) == (want->is_oversize ? 1.0 : 0.0));
            assert_int_equal(strstr(ws_scenario_notes(s), "oversize") != NULL, want->is_oversize);
            if (fidelity == WS_FIDELITY_PHYSICAL) {
                assert_int_equal(strstr(ws_scenario_notes(s), "GB/s") != NULL, want->bw_gbps != 10);
                assert_true(want->note == NULL || strstr(ws_scenario_notes(s), want->note) != NULL);
            }
            ws_scenario_destroy(&s);
        }
    }
}

/* TOY is measured and has no data sheet: nobody knows what it has, so nothing is marked, and it must be said.
 */
static void boards_without_a_sheet_need_npu_mem(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "/nodes/0/instances/0: expected npu_mem with mem_size and mem_bw, "
             "because no data sheet hardware/TOY.json says them, found neither"},
        {", \"npu_mem\": {\"mem_bw\": 9}", "/npu_mem: expected npu_mem"},
        {", \"npu_mem\": {\"mem_size\": 9}", "found mem_size only"}};
    const ws_options options = ws_options_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws_scenario *s = NULL;
        assert_int_equal(world_scenario(&the_world, cluster("TOY", rows[i][0]), DATASET, &options, &s),
                         WS_ERR_INPUT);
        assert_non_null(strstr(ws_error_text(&the_world.err), rows[i][1]));
    }
    ws_scenario *s = need(cluster("TOY", ", \"npu_mem\": {\"mem_size\": 20, \"mem_bw\": 1e6}"), 0);
    assert_false(s->instances[0].is_oversize);
    assert_true(metric(s, WS_METRIC_OVERSIZE) == 0.0);
    assert_string_equal(ws_scenario_notes(s), "");
    ws_scenario_destroy(&s);
}

/* A tag nobody knows is reported as such, too. */
static void unknown_boards_are_named(void **state)
{
    (void)state;
    const ws_options options = ws_options_default();
    ws_scenario     *s       = NULL;
    assert_int_equal(world_scenario(&the_world, cluster("BORAD", ""), DATASET, &options, &s), WS_ERR_INPUT);
    assert_non_null(
        strstr(ws_error_text(&the_world.err), "hardware \"BORAD\": expected one of the known tags"));
}

/* ---- bandwidth ---- */

static double duration_s(const char *hardware, const char *npu_mem, int64_t fidelity)
{
    ws_scenario *s   = need(cluster(hardware, npu_mem), fidelity);
    const double got = metric(s, WS_METRIC_DURATION_S);
    ws_scenario_destroy(&s);
    return got;
}

/* Memory is all that takes time: half the bandwidth, twice the time, up to rounding of each kernel to a ns
 * and host transfers. The order in which bandwidths are met does not matter. */
static void rooflines_follow_the_bandwidth(void **state)
{
    (void)state;
    const double own = duration_s("BOARD", "", WS_FIDELITY_PHYSICAL);
    for (int round = 0; round < 2; round++) {
        for (double factor = 0.25; factor <= 4.0; factor *= 2.0) {
            char npu_mem[80];
            snprintf(npu_mem, sizeof npu_mem, ", \"npu_mem\": {\"mem_bw\": %g}", 10 * factor);
            const double got = duration_s("BOARD", npu_mem, WS_FIDELITY_PHYSICAL);
            assert_true(fabs(got * factor / own - 1.0) < 0.03);
            assert_true(factor != 1.0 || got == own);
            assert_true(
                duration_s("BOARD", npu_mem, WS_FIDELITY_REFERENCE) ==
                duration_s("BOARD", "", WS_FIDELITY_REFERENCE)); /* has no rooflines, so no rule for them */
        }
    }
}

/* What a lower clock slows is reported at the bandwidth that is simulated: 10 GB/s leave nothing to slow, at
 * 10,000 GB/s nothing but arithmetic is left. */
static void caps_know_the_bandwidth(void **state)
{
    (void)state;
    static const double gbps[] = {10, 10000};
    double              capped_over_free[2];
    for (int i = 0; i < 2; i++) {
        double duration[2];
        for (int capped = 0; capped < 2; capped++) {
            char keys[128];
            snprintf(keys, sizeof keys, ", \"npu_mem\": {\"mem_bw\": %g}%s", gbps[i],
                     capped == 1 ? ", \"power_cap_w\": 60" : "");
            ws_scenario *s =
                need(powered_cluster(POWER("SLOW_CORE"), "SLOW_CORE", keys), WS_FIDELITY_PHYSICAL);
            duration[capped] = metric(s, WS_METRIC_DURATION_S);
            ws_scenario_destroy(&s);
        }
        capped_over_free[i] = duration[1] / duration[0];
    }
    assert_true(capped_over_free[0] < 1.1);
    assert_true(capped_over_free[1] > 1.8); /* 60 W are half the clock */
}

static const char *dry_run(const ws_scenario *s)
{
    static char    copy[8192];
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &text, 0);
    ws_scenario_write_json(s, &w);
    snprintf(copy, sizeof copy, "%s", ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
    return copy;
}

/* A measurement has its own: note and dry run say what is left to change. */
static void measured_profiles_do_not(void **state)
{
    (void)state;
    world_put(&the_world, "hardware/TOY.json", BOARD);
    const double own = duration_s("TOY", ", \"npu_mem\": {}", WS_FIDELITY_PHYSICAL);
    assert_true(duration_s("TOY", ", \"npu_mem\": {\"mem_bw\": 1}", WS_FIDELITY_PHYSICAL) == own);
    ws_scenario *s = need(cluster("TOY", ", \"npu_mem\": {\"mem_bw\": 40}"), WS_FIDELITY_PHYSICAL);
    assert_non_null(strstr(ws_scenario_notes(s),
                           "TOY: mem_bw 40 GB/s is not the 10 GB/s of the data sheet, which is "
                           "more than the board has; the times of layers stay those of the "
                           "measured profile: it changes reductions between NPUs and local "
                           "offloading only"));
    assert_non_null(strstr(dry_run(s), "\"mem_bw_affects\":[]"));
    ws_scenario_destroy(&s);
    s = need(cluster("BOARD", ", \"enable_local_offloading\": true, \"npu_mem\": {\"mem_size\": 3}"), 0);
    assert_non_null(strstr(dry_run(s), "\"npu_mem\":{\"mem_size\":3,\"mem_bw\":10,\"board_mem_size\":2,"
                                       "\"board_mem_bw\":10,\"oversize\":true,\"mem_bw_affects\":[\"times of "
                                       "layers\",\"weights from local memory\"]}"));
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_that_of_the_board),
        cmocka_unit_test(boards_without_a_sheet_need_npu_mem),
        cmocka_unit_test(unknown_boards_are_named),
        cmocka_unit_test(rooflines_follow_the_bandwidth),
        cmocka_unit_test(caps_know_the_bandwidth),
        cmocka_unit_test(measured_profiles_do_not), /* last: gives TOY a data sheet */
    };
    world_init(&the_world);
    world_put(&the_world, "hardware/BOARD.json", BOARD);
    world_put(&the_world, "hardware/SLOW_CORE.json", SLOW_CORE);
    const int n_failed = cmocka_run_group_tests_name("sim.boards", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
