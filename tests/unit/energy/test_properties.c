/* Invariants of energy, over thousands of random scenarios of every kind, to 1e-9: the components of the
 * nodes, the intervals of every series and the reported total are one sum; each NPU is active, in standby or
 * idle at every nanosecond; nothing is negative; the length of the intervals changes no total; a node without
 * power block counts nowhere; and with no power block at all the requests and metrics are the same bits and
 * no field mentions power. WS_PROPERTY_SCENARIOS asks for more of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "property_run.h"
#include "sim/run.h"

static world the_world;

static bool is_close(double a, double b, double scale)
{
    return fabs(a - b) <= 1e-9 * fabs(scale);
}

static double total_j(const ws_result *result)
{
    double sum_j = 0;
    for (size_t i = 0; i < result->n_nodes * WS_COMPONENT_COUNT; i++) {
        sum_j += result->node_tracked[i / WS_COMPONENT_COUNT] ? result->component_j[i] : 0;
    }
    return sum_j;
}

/* ---- one run ---- */

/* Both series hold whole intervals except for the last, which ends with the run or, in the reference, with
 * its last reading. */
static double series_j(const gen_scenario *g, uint64_t seed, const ws_result *result, const ws_series *series,
                       double *component_j)
{
    double sum_j = 0, from_s = 0;
    memset(component_j, 0, WS_COMPONENT_COUNT * sizeof(double));
    for (size_t i = 0; i < series->n_samples; i++) {
        const double to_s    = series->columns[WS_SERIES_TIME_S][i],
                     power_w = series->columns[WS_SERIES_POWER_W][i];
        double nodes_w = 0, components_w = 0;
        REQUIRE(to_s > from_s && power_w >= 0 && series->columns[WS_SERIES_POWER_INST_W][i] >= 0);
        for (size_t node = 0; node < result->n_nodes; node++) {
            const double node_w = series->node_power_w[i * result->n_nodes + node];
            REQUIRE(result->node_tracked[node] ? node_w >= 0 : isnan(node_w));
            nodes_w += result->node_tracked[node] ? node_w : 0;
        }
        for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
            const double w = series->component_power_w[i * WS_COMPONENT_COUNT + k];
            REQUIRE(w >= 0);
            components_w += w;
            component_j[k] += w * (to_s - from_s);
        }
        REQUIRE(is_close(nodes_w, power_w, power_w) && is_close(components_w, power_w, power_w));
        sum_j += power_w * (to_s - from_s);
        from_s = to_s;
    }
    return sum_j;
}

/* What is drawn all the time is drawn in every interval alike. */
static void check_constants(const gen_scenario *g, uint64_t seed, const ws_result *result,
                            const ws_series *series)
{
    static const ws_component constants[] = {WS_BASE, WS_NIC, WS_STORAGE};
    const double              duration_s  = (double)result->sim_duration_ns * WS_S_PER_NS;
    for (size_t k = 0; k < sizeof(constants) / sizeof(constants[0]); k++) {
        double charged_j = 0;
        for (size_t node = 0; node < result->n_nodes; node++) {
            charged_j += result->node_tracked[node]
                             ? result->component_j[node * WS_COMPONENT_COUNT + constants[k]]
                             : 0;
        }
        for (size_t i = 0; i < series->n_samples; i++) {
            const double w = series->component_power_w[i * WS_COMPONENT_COUNT + constants[k]];
            REQUIRE(is_close(w * duration_s, charged_j, charged_j));
        }
    }
}

static void check_series(const gen_scenario *g, uint64_t seed, const ws_result *result,
                         const ws_series *series)
{
    double       component_j[WS_COMPONENT_COUNT];
    const double energy_j = total_j(result), sum_j = series_j(g, seed, result, series, component_j);
    if (result->run->scenario->fidelity == WS_FIDELITY_REFERENCE) {
        /* what it charges behind a heartbeat in the very last tick is in no reading */
        REQUIRE(sum_j <= energy_j * (1 + 1e-9));
        return;
    }
    REQUIRE(is_close(sum_j, energy_j, energy_j));
    check_constants(g, seed, result, series);
    for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
        double charged_j = 0;
        for (size_t node = 0; node < result->n_nodes; node++) {
            charged_j += result->node_tracked[node] ? result->component_j[node * WS_COMPONENT_COUNT + k] : 0;
        }
        REQUIRE(is_close(component_j[k], charged_j, energy_j));
    }
}

/* Seconds are ns times 1e-9, so that they give back the ns they were. The reference charges states on its own
 * terms, experts on all ranks and dummies twice (docs/model/serving.md 10.1). */
static void check_states(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    const ws_scenario *s = result->run->scenario;
    for (size_t node = 0; node < result->n_nodes; node++) {
        const double *state_s = result->npu_state_s + node * WS_STATE_COUNT;
        int64_t       sum_ns  = 0;
        for (size_t k = 0; k < WS_STATE_COUNT; k++) {
            REQUIRE(result->node_tracked[node] ? state_s[k] >= 0 : isnan(state_s[k]));
            sum_ns += result->node_tracked[node] ? llround(state_s[k] * (double)WS_NS_PER_S) : 0;
        }
        if (result->node_tracked[node] && s->fidelity == WS_FIDELITY_PHYSICAL) {
            REQUIRE(sum_ns == s->nodes[node].n_npus * result->sim_duration_ns);
        }
    }
}

static void check_components(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    const double energy_j = total_j(result);
    for (size_t i = 0; i < result->n_nodes * WS_COMPONENT_COUNT; i++) {
        REQUIRE(result->node_tracked[i / WS_COMPONENT_COUNT] ? result->component_j[i] >= 0
                                                             : isnan(result->component_j[i]));
    }
    REQUIRE(energy_j > 0 && isfinite(energy_j));
    REQUIRE(is_close(result->metrics[WS_METRIC_ENERGY_J], energy_j, energy_j));
    if (result->run->scenario->fidelity == WS_FIDELITY_PHYSICAL) {
        const double share = result->metrics[WS_METRIC_NPU_ACTIVE_SHARE] +
                             result->metrics[WS_METRIC_NPU_STANDBY_SHARE] +
                             result->metrics[WS_METRIC_NPU_IDLE_SHARE];
        REQUIRE(is_close(share, 1, 1));
        REQUIRE(
            is_close(result->metrics[WS_METRIC_POWER_MEAN_W] * (double)result->sim_duration_ns * WS_S_PER_NS,
                     energy_j, energy_j));
    }
}

static void check_dark_series(const gen_scenario *g, uint64_t seed, const ws_series *series)
{
    REQUIRE(series->columns[WS_SERIES_POWER_W] == NULL && series->columns[WS_SERIES_POWER_INST_W] == NULL);
    REQUIRE(series->node_power_w == NULL && series->component_power_w == NULL);
}

/* One node with a power block is enough; the reference needs it on all of them (docs/model/serving.md 1.2).
 */
static bool wants_power(const gen_scenario *g, size_t n_nodes)
{
    size_t n_blocks = 0;
    for (const char *at = ws_strbuf_text(&g->cluster); (at = strstr(at, "base_node_power")) != NULL; at++) {
        n_blocks++;
    }
    return g->options.fidelity == WS_FIDELITY_REFERENCE ? n_blocks == n_nodes : n_blocks > 0;
}

static void check_energy(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    REQUIRE(result->has_power == wants_power(g, result->n_nodes));
    if (result->has_power) {
        check_components(g, seed, result);
        check_states(g, seed, result);
        check_series(g, seed, result, &result->series);
        check_series(g, seed, result, &result->log);
        return;
    }
    REQUIRE(result->component_j == NULL && result->npu_state_s == NULL);
    check_dark_series(g, seed, &result->series);
    check_dark_series(g, seed, &result->log);
    for (int i = 0; i < WS_METRIC_COUNT; i++) {
        REQUIRE(!snapshot_is_power_metric((ws_metric)i) || isnan(result->metrics[i]));
    }
}

/* Every second scenario has no power block on its second node, every fourth none on its first. */
static gen_change change_of(uint64_t seed)
{
    static const int dark_node_plus_1[] = {2, 0, 2, 1};
    return (gen_change){.small = seed % 5 != 0, .dark_node_plus_1 = dark_node_plus_1[seed % 4]};
}

static void energy_is_charged_once(void **state)
{
    (void)state;
    const int n_scenarios = property_count(3000);
    int       n_tracked = 0, n_mixed = 0, n_dark = 0;
    for (uint64_t seed = 20000; seed < 20000 + (uint64_t)n_scenarios; seed++) {
        const gen_change change = change_of(seed);
        gen_scenario     scenario, *g = &scenario;
        ws_scenario     *built  = NULL;
        const ws_result *result = NULL;
        gen_init(g, seed, &change);
        if (property_run(&the_world, g, seed, false, &built, &result)) {
            const bool is_mixed = result->has_power && result->n_nodes == 2 &&
                                  result->node_tracked[0] != result->node_tracked[1];
            check_energy(g, seed, result);
            n_mixed += is_mixed;
            n_tracked += result->has_power && !is_mixed;
            n_dark += !result->has_power;
        }
        ws_scenario_destroy(&built);
        gen_fini(g);
    }
    printf("%d of %d ran with power on all nodes, %d on one of two, %d on none\n", n_tracked, n_scenarios,
           n_mixed, n_dark);
    assert_true(n_tracked > n_scenarios / 3 && n_mixed > n_scenarios / 20 && n_dark > n_scenarios / 20);
}

/* ---- two runs ---- */

static void tracking_power_changes_no_result(void **state)
{
    (void)state;
    const property_pair pair = {.a              = {.small = true},
                                .b              = {.small = true, .no_power = true},
                                .with_instances = true,
                                .with_metrics   = true};
    assert_true(property_compare(&the_world, &pair, 6000, 600) > 400);
}

static void a_dark_node_leaves_the_others_as_they_are(void **state)
{
    (void)state;
    for (int node = 0; node < 2; node++) {
        const property_pair pair = {.a              = {.small = true},
                                    .b              = {.small = true, .dark_node_plus_1 = node + 1},
                                    .with_instances = true,
                                    .with_metrics   = true};
        assert_true(property_compare(&the_world, &pair, 30000, 200) > 100);
    }
}

/* Under reference fidelity the first log interval may begin the run (docs/model/serving.md 0.3), so that it
 * changes results there. */
static void any_interval_gives_the_same_totals(void **state)
{
    (void)state;
    static const double intervals_s[] = {1e-3, 13.7e-3, 0.25, 1, 60, 600};
    int                 n_compared    = 0;
    for (uint64_t seed = 40000; seed < 40150; seed++) {
        snapshot first = {.n_requests = 0};
        for (size_t i = 0; i < sizeof(intervals_s) / sizeof(intervals_s[0]); i++) {
            const gen_change change = {
                .physical = true, .interval_s = intervals_s[i], .small = seed % 2 == 0};
            gen_scenario     scenario, *g = &scenario;
            ws_scenario     *built  = NULL;
            const ws_result *result = NULL;
            snapshot         other;
            gen_init(g, seed, &change);
            if (property_run(&the_world, g, seed, false, &built, &result)) {
                check_energy(g, seed, result);
                snapshot_take(i == 0 ? &first : &other, result);
                REQUIRE(i == 0 || (snapshot_same_requests(&first, &other, true) &&
                                   snapshot_same_energy(&first, &other)));
                n_compared += i > 0;
                if (i > 0) {
                    snapshot_fini(&other);
                }
            }
            ws_scenario_destroy(&built);
            gen_fini(g);
        }
        snapshot_fini(&first);
    }
    assert_true(n_compared > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_is_charged_once),
        cmocka_unit_test(tracking_power_changes_no_result),
        cmocka_unit_test(a_dark_node_leaves_the_others_as_they_are),
        cmocka_unit_test(any_interval_gives_the_same_totals),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("energy.properties", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
