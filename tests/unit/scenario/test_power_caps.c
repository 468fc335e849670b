/* Invariants: a cap at or above active_power changes nothing, to the bit; below it everything takes longer,
 * prefill far more than decode, and active energy is the cap times the active seconds; instance, hardware and
 * node caps meet in the lowest; what a board cannot keep is an error that names the least cap. In both
 * fidelities and every step model. */
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
#include "base/strbuf.h"
#include "property_run.h"

/* P = 200 W, s = 0.2, a = 3, f = 0.5: 200 (0.2 + 0.8 c^3), at half the clock 60 W; below, 200 (0.2 + 0.2 c),
 * at the lowest clock of 0.1 44 W. At 32 TFLOP/s and 1 TB/s matrix products of more than 32 tokens are bound
 * by arithmetic. */
static const char SHEET[] = "{\"name\": \"toy\", \"memory_gib\": 1, \"memory_gbps\": 1000, \"peak_tflops\": "
                            "{\"bfloat16\": 32}, \"n_sms\": 4,"
                            " \"launch_overhead_us\": 1e-6, \"efficiency\": {\"matrix\": 1, \"memory\": 1, "
                            "\"elementwise\": 1, \"attention\": 1,"
                            " \"kv\": 1}, \"power_curve\": {\"static_share\": 0.2, \"exponent\": 3, "
                            "\"voltage_floor\": 0.5, \"min_clock\": 0.1}}";

static const char PREFILL[] = "{\"input_toks\": 1024, \"output_toks\": 1, \"arrival_time_ns\": 0}\n";
static const char DECODE[]  = "{\"input_toks\": 4, \"output_toks\": 200, \"arrival_time_ns\": 0}\n";
static const char MIXED[]   = "{\"input_toks\": 200, \"output_toks\": 40, \"arrival_time_ns\": 0}\n"
                              "{\"input_toks\": 300, \"output_toks\": 20, \"arrival_time_ns\": 900000}\n";

static world the_world;

/* One node: its power block, its instances. Static text. NPUs idle at 20 and wait at 80 W; 110 W of the node
 * are fixed while it works: 10 base, CPU 20 + (100 - 20) 0.7 = 76, 8 for two DIMMs, 5 link, 6 NIC, 5 storage.
 */
static const char *cluster(const char *npu_cap, const char *node_cap, const char *instances, int n_instances)
{
    static char text[8192];
    const int   len =
        snprintf(text, sizeof(text),
                 "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": "
                 "[{\"num_instances\": %d, \"cpu_mem\": "
                 "{\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": [%s], \"power\": "
                 "{\"base_node_power\": 10, "
                 "\"npu\": {\"TOY\": {\"idle_power\": 20, \"standby_power\": 80, \"active_power\": 200, "
                 "\"standby_duration\": \"1s\"%s}},"
                 " \"cpu\": {\"idle_power\": 20, \"active_power\": 100, \"util\": 0.2}, \"dram\": "
                 "{\"dimm_size\": 32, \"idle_power\": 4, "
                 "\"energy_per_bit\": 6}, \"link\": {\"num_links\": 1, \"idle_power\": 5, "
                 "\"energy_per_bit\": 4}, \"nic\": {\"num_nics\":"
                 " 1, \"idle_power\": 6}, \"storage\": {\"num_devices\": 1, \"idle_power\": 5}%s}}]}",
                 n_instances, instances, npu_cap, node_cap);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    return text;
}

#define INSTANCE(model, role, keys)                                                                          \
    "{\"model_name\": \"" model "\", \"hardware\": \"TOY\", \"pd_type\": " role                              \
    ", \"npu_mem\": {\"mem_size\": 1, \"mem_bw\": "                                                          \
    "1000, \"mem_latency\": 0}" keys "}"
#define DENSE INSTANCE("toy/dense", "null", "")

static const char NPU_CAP_60[] = ", \"power_cap_w\": 60";

typedef struct outcome {
    snapshot snap;
    double   clock, active_w, standby_w, idle_w;
    char    *scenario_json;
} outcome;

static outcome run(const char *config, const char *dataset, int fidelity)
{
    outcome        out;
    ws_json_writer writer;
    ws_strbuf      json         = WS_STRBUF_INIT;
    ws_options     options      = ws_options_default();
    options.fidelity            = fidelity;
    ws_scenario              *s = world_need_scenario(&the_world, config, dataset, &options);
    const ws_instance_config *c = &s->instances[0];
    out                         = (outcome){.clock     = c->clock,
                                            .active_w  = c->npu_power.active_w,
                                            .standby_w = c->npu_power.standby_w,
                                            .idle_w    = c->npu_power.idle_w};
    ws_json_writer_init(&writer, &json, 0);
    ws_scenario_write_json(s, &writer);
    out.scenario_json = json.data;
    snapshot_take(&out.snap, world_need_result(&the_world, s));
    ws_scenario_destroy(&s);
    return out;
}

static void outcome_fini(outcome *out)
{
    snapshot_fini(&out->snap);
    free(out->scenario_json);
}

static void assert_identical(const outcome *a, const outcome *b)
{
    assert_true(snapshot_same_requests(&a->snap, &b->snap, true));
    assert_memory_equal(a->snap.component_j, b->snap.component_j, sizeof(a->snap.component_j));
    assert_memory_equal(a->snap.state_s, b->snap.state_s, sizeof(a->snap.state_s));
    assert_memory_equal(a->snap.metrics, b->snap.metrics, sizeof(a->snap.metrics));
    assert_string_equal(a->scenario_json, b->scenario_json);
}

/* ---- caps that do not bind ---- */

static void caps_at_or_above_active_power_change_nothing(void **state)
{
    (void)state;
    static const char *const loose[][2] = {{", \"power_cap_w\": 200", ""},
                                           {", \"power_cap_w\": 1000", ""},
                                           {", \"power_cap_w\": null", ", \"power_cap_w\": null"},
                                           {"", ", \"power_cap_w\": 310"}};
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        outcome plain = run(cluster("", "", DENSE, 1), MIXED, fidelity);
        for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
            outcome capped = run(cluster(loose[i][0], loose[i][1], DENSE, 1), MIXED, fidelity);
            assert_identical(&plain, &capped);
            outcome_fini(&capped);
        }
        outcome_fini(&plain);
    }
}

/* ---- caps that bind ---- */

/* 60 W is half the clock, see above. Matrix products and attention of 1024 tokens are arithmetic and take
 * twice as long, norms and activations do not; decodes wait for memory. */
static void prefill_slows_and_decode_hardly(void **state)
{
    (void)state;
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        double slowdown[2];
        for (int k = 0; k < 2; k++) {
            const char *dataset = k == 0 ? PREFILL : DECODE;
            outcome     plain   = run(cluster("", "", DENSE, 1), dataset, fidelity);
            outcome     capped  = run(cluster(NPU_CAP_60, "", DENSE, 1), dataset, fidelity);
            assert_true(fabs(capped.clock - 0.5) < 1e-12);
            slowdown[k] = capped.snap.state_s[WS_STATE_ACTIVE] / plain.snap.state_s[WS_STATE_ACTIVE];
            outcome_fini(&plain);
            outcome_fini(&capped);
        }
        assert_true(slowdown[0] > 1.5 && slowdown[0] < 2.0);
        assert_true(slowdown[1] >= 1.0 && slowdown[1] < 1.01);
    }
}

/* Every step model: one NPU (closed form), two ranks, stages and experts (lockstep), weights on the host
 * (graph). */
static const char *const SHAPES[] = {
    DENSE,
    INSTANCE("toy/dense", "null", ", \"tp_size\": 2"),
    INSTANCE("toy/dense", "null", ", \"tp_size\": 1, \"pp_size\": 2"),
    INSTANCE("toy/experts", "null", ", \"tp_size\": 2, \"ep_size\": 2"),
    INSTANCE("toy/dense", "null", ", \"placement\": {\"layers\": {\"lm_head\": {\"weights\": \"cpu\"}}}"),
};
enum { N_SHAPES = sizeof(SHAPES) / sizeof(SHAPES[0]) };

static void energy_is_the_cap_times_a_longer_time(void **state)
{
    (void)state;
    for (int k = 0; k < N_SHAPES; k++) {
        outcome       plain  = run(cluster("", "", SHAPES[k], 1), MIXED, WS_FIDELITY_PHYSICAL);
        outcome       capped = run(cluster(NPU_CAP_60, "", SHAPES[k], 1), MIXED, WS_FIDELITY_PHYSICAL);
        const double *s = capped.snap.state_s, *j = capped.snap.component_j;
        assert_true(s[WS_STATE_ACTIVE] > 1.02 * plain.snap.state_s[WS_STATE_ACTIVE]);
        assert_true(capped.snap.duration_ns > plain.snap.duration_ns);
        assert_true(fabs(j[WS_NPU_ACTIVE] - 60.0 * s[WS_STATE_ACTIVE]) <= 1e-9 * j[WS_NPU_ACTIVE]);
        assert_true(fabs(j[WS_NPU_STANDBY] - 60.0 * s[WS_STATE_STANDBY]) <= 1e-9 * j[WS_NPU_ACTIVE]);
        assert_true(capped.standby_w == 60.0 && capped.idle_w == 20.0);
        assert_non_null(strstr(capped.scenario_json, "\"power_cap_w\""));
        assert_null(strstr(plain.scenario_json, "\"power_cap_w\""));
        outcome_fini(&plain);
        outcome_fini(&capped);
    }
}

static void throughput_falls_with_the_cap(void **state)
{
    (void)state;
    static const int caps_w[] = {200, 180, 140, 100, 80, 60, 50, 45};
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        double before_s = 0.0;
        for (int i = 0; i < 8; i++) {
            char key[64];
            (void)snprintf(key, sizeof(key), ", \"power_cap_w\": %d", caps_w[i]);
            outcome out = run(cluster(key, "", DENSE, 1), MIXED, fidelity);
            assert_true(out.snap.metrics[WS_METRIC_DURATION_S] > before_s);
            before_s = out.snap.metrics[WS_METRIC_DURATION_S];
            outcome_fini(&out);
        }
    }
}

/* ---- which cap holds ---- */

static void assert_instance_caps(const char *config, const double *expected_w, size_t n)
{
    const ws_options options = ws_options_default();
    ws_scenario     *s       = world_need_scenario(&the_world, config, MIXED, &options);
    assert_int_equal(s->n_instances, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs(s->instances[i].npu_power.active_w - expected_w[i]) < 1e-9);
        assert_true((s->instances[i].clock < 1.0) ==
                    (expected_w[i] > 0.0 && expected_w[i] < 200.0)); /* 0: not tracked */
    }
    ws_scenario_destroy(&s);
}

static void an_instance_has_a_cap_of_its_own(void **state)
{
    (void)state;
    static const char both[] = INSTANCE("toy/dense", "\"prefill\"", "") ", " INSTANCE(
        "toy/dense", "\"decode\"", ", \"power_cap_w\": 100");
    assert_instance_caps(cluster("", "", both, 2), (const double[]){200, 100}, 2);
    assert_instance_caps(cluster(NPU_CAP_60, "", both, 2), (const double[]){60, 100},
                         2); /* the instance's own wins */
}

/* 350 W less 110 W are 80 W for each of three NPUs; besides a cap of 60 W per NPU, that one holds. */
static void a_node_cap_is_shared_evenly(void **state)
{
    (void)state;
    static const char three[] = DENSE ", " INSTANCE("toy/dense", "null", ", \"tp_size\": 2");
    assert_instance_caps(cluster("", ", \"power_cap_w\": 350", three, 2), (const double[]){80, 80}, 2);
    assert_instance_caps(cluster(NPU_CAP_60, ", \"power_cap_w\": 350", three, 2), (const double[]){60, 60},
                         2);
    assert_instance_caps(cluster(NPU_CAP_60, ", \"power_cap_w\": 275", three, 2), (const double[]){55, 55},
                         2);
}

/* ---- errors ---- */

static void assert_refused(const char *config, int fidelity, const char *place, const char *what)
{
    ws_scenario *s       = NULL;
    ws_options   options = ws_options_default();
    options.fidelity     = fidelity;
    assert_int_equal(world_scenario(&the_world, config, MIXED, &options, &s), WS_ERR_INPUT);
    if (strstr(ws_error_text(&the_world.err), place) == NULL ||
        strstr(ws_error_text(&the_world.err), what) == NULL) {
        fail_msg("expected '%s' and '%s' in: %s", place, what, ws_error_text(&the_world.err));
    }
    assert_null(s);
}

static void impossible_caps_name_the_least(void **state)
{
    (void)state;
    static const char instance[] = INSTANCE("toy/dense", "null", ", \"power_cap_w\": 43.9");
    assert_refused(cluster(", \"power_cap_w\": 40", "", DENSE, 1), 0, "/nodes/0/power/npu/TOY/power_cap_w",
                   "expected at least 44.0 W");
    assert_refused(cluster("", "", instance, 1), 0, "/nodes/0/instances/0/power_cap_w",
                   "expected at least 44.0 W");
    assert_refused(
        cluster("", ", \"power_cap_w\": 153", DENSE, 1), 0, "/nodes/0/power/power_cap_w",
        "expected at least 154.0 W: 110.0 W for everything but NPUs and 44.0 W for each of 1 NPUs");
    assert_refused(cluster("", ", \"power_cap_w\": 90", DENSE, 1), 0, "/nodes/0/power/power_cap_w",
                   "at least 154.0 W");
    assert_refused(cluster(", \"power_cap_w\": 0", "", DENSE, 1), 0, "/nodes/0/power/npu/TOY/power_cap_w",
                   "number > 0");
}

/* Two nodes, the second without a power block: it cannot be capped, and under reference fidelity neither can
 * the first. */
static void caps_need_tracked_power(void **state)
{
    (void)state;
    static const char head[] = "{\"num_nodes\": 2, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [",
                      tail[] = "]}";
    char        text[8192];
    const char *first = cluster(NPU_CAP_60, "", DENSE, 1);
    const char *nodes = strstr(first, "\"nodes\": [") + strlen("\"nodes\": [");
    const int   len   = (int)strlen(nodes) - 2; /* without "]}" */
#define BARE(keys)                                                                                           \
    "{\"num_instances\": 1, \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, "          \
    "\"instances\": [" INSTANCE("toy/dense", "null", keys) "]}"
    (void)snprintf(text, sizeof(text), "%s%.*s, %s%s", head, len, nodes, BARE(""), tail);
    assert_instance_caps(text, (const double[]){60, 0}, 2);
    assert_refused(text, WS_FIDELITY_REFERENCE, "/nodes/0/power", "needs power that is tracked");
    (void)snprintf(text, sizeof(text), "%s%.*s, %s%s", head, len, nodes, BARE(", \"power_cap_w\": null"),
                   tail);
    assert_instance_caps(text, (const double[]){60, 0}, 2);
    (void)snprintf(text, sizeof(text), "%s%.*s, %s%s", head, len, nodes, BARE(", \"power_cap_w\": 60"), tail);
    assert_refused(text, 0, "/nodes/1/instances/0/power_cap_w", "needs power that is tracked");
    assert_refused(world_cluster(1.0, ", \"power_cap_w\": 60"), 0, "/nodes/0/instances/0/power_cap_w",
                   "needs power that is tracked");
#undef BARE
}

static void hardware_without_a_curve_cannot_be_capped(void **state)
{
    (void)state;
    world bare;
    world_init(&bare);
    ws_scenario     *s       = NULL;
    const ws_options options = ws_options_default();
    assert_int_equal(world_scenario(&bare, cluster(NPU_CAP_60, "", DENSE, 1), MIXED, &options, &s),
                     WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&bare.err), "needs a power_curve in hardware/TOY.json"));
    world_fini(&bare);
}

/* ---- random scenarios ---- */

/* A third of active power, in closed form, lockstep and events, for every kind of parallelism, tier and
 * offload. */
static void every_kind_of_scenario_takes_caps(void **state)
{
    (void)state;
    const gen_change capped = {.power_cap_w = 200.0, .physical = true};
    int              n_ran  = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        gen_scenario scenario, *g = &scenario;
        snapshot     out;
        gen_init(g, seed, &capped);
        if (property_take(&the_world, g, seed, false, &out)) {
            if (out.has_power) {
                const double active_j = 200.0 * out.state_s[WS_STATE_ACTIVE];
                REQUIRE(fabs(out.component_j[WS_NPU_ACTIVE] - active_j) <= 1e-9 * active_j);
                n_ran++;
            }
            snapshot_fini(&out);
        }
        gen_fini(g);
    }
    assert_true(n_ran > 100);
}

static void a_loose_cap_changes_no_scenario(void **state)
{
    (void)state;
    const property_pair pair = {
        .b = {.power_cap_w = 600.0}, .with_instances = true, .with_energy = true, .with_metrics = true};
    assert_true(property_compare(&the_world, &pair, 1, 150) > 100);
}

/* The event engine and what replaces it take their times from different places: both are slowed. Energies
 * agree where hosts take no time, see lockstep_equals_the_event_engine in test_properties.c. */
static void every_step_model_is_slowed_alike(void **state)
{
    (void)state;
    const gen_change    capped = {.power_cap_w = 200.0, .physical = true, .instant_host = true};
    const property_pair pair   = {
          .a = capped, .b = capped, .a_forces_graph = true, .with_instances = true, .with_energy = true};
    assert_true(property_compare(&the_world, &pair, 1000, 150) > 100);
}

/* ---- the cache ---- */

/* Many caps, one scenario at a time and several at once: what is given back is used again or dropped, never
 * both. */
static void slower_profiles_outlive_their_scenarios(void **state)
{
    (void)state;
    const ws_options options = ws_options_default();
    ws_scenario     *kept[3] = {NULL};
    for (int i = 0; i < 60; i++) {
        char key[64];
        (void)snprintf(key, sizeof(key), ", \"power_cap_w\": %d", 50 + i % 45);
        ws_scenario_destroy(&kept[i % 3]);
        kept[i % 3]      = world_need_scenario(&the_world, cluster(key, "", DENSE, 1), MIXED, &options);
        const int oldest = (i + 1) % 3;
        if (kept[oldest] != NULL) {
            (void)world_need_result(&the_world, kept[oldest]);
        }
    }
    for (int i = 0; i < 3; i++) {
        ws_scenario_destroy(&kept[i]);
    }
}

static int set_up(void **state)
{
    (void)state;
    world_init(&the_world);
    world_put(&the_world, "hardware/TOY.json", SHEET);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_fini(&the_world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_at_or_above_active_power_change_nothing),
        cmocka_unit_test(prefill_slows_and_decode_hardly),
        cmocka_unit_test(energy_is_the_cap_times_a_longer_time),
        cmocka_unit_test(throughput_falls_with_the_cap),
        cmocka_unit_test(an_instance_has_a_cap_of_its_own),
        cmocka_unit_test(a_node_cap_is_shared_evenly),
        cmocka_unit_test(impossible_caps_name_the_least),
        cmocka_unit_test(caps_need_tracked_power),
        cmocka_unit_test(hardware_without_a_curve_cannot_be_capped),
        cmocka_unit_test(every_kind_of_scenario_takes_caps),
        cmocka_unit_test(a_loose_cap_changes_no_scenario),
        cmocka_unit_test(every_step_model_is_slowed_alike),
        cmocka_unit_test(slower_profiles_outlive_their_scenarios),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
