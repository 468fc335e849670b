/* Invariants of the ledger's dimensions, over random scenarios of every kind and both fidelities, to 1e-9:
 * phases and instances add up to the nodes' components, NPUs to their instance, requests to what their
 * batches drew; what is drawn all the time belongs to no instance; nothing is negative; a dark node has NaN
 * everywhere. */
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

enum { N_CELLS = WS_COMPONENT_COUNT * WS_PHASE_COUNT };

static world the_world;

static bool is_close(double a, double b, double scale)
{
    return fabs(a - b) <= 1e-9 * fabs(scale);
}

static double sum_of(const double *values, size_t n, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i * stride];
    }
    return sum;
}

/* ---- nodes, instances, phases ---- */

static void check_node(const gen_scenario *g, uint64_t seed, const ws_result *r, size_t node)
{
    const double *component_j = r->component_j + node * WS_COMPONENT_COUNT;
    const double *phase_j     = r->node_phase_j + node * N_CELLS;
    const double *own_j       = r->node_own_j + node * WS_COMPONENT_COUNT;
    for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
        const double *cell                        = phase_j + k * WS_PHASE_COUNT;
        double        instances_j[WS_PHASE_COUNT] = {0.0, 0.0, own_j[k]};
        for (size_t i = 0; i < r->n_instances; i++) {
            for (size_t p = 0; (size_t)r->instance_node[i] == node && p < WS_PHASE_COUNT; p++) {
                const double energy_j = r->instance_phase_j[i * N_CELLS + k * WS_PHASE_COUNT + p];
                REQUIRE(energy_j >= 0);
                REQUIRE(energy_j == 0 || (k != WS_BASE && k != WS_NIC && k != WS_STORAGE));
                instances_j[p] += energy_j;
            }
        }
        REQUIRE(own_j[k] >= 0 && cell[0] >= 0 && cell[1] >= 0 && cell[2] >= 0);
        REQUIRE(is_close(sum_of(cell, WS_PHASE_COUNT, 1), component_j[k], component_j[k]));
        for (size_t p = 0; p < WS_PHASE_COUNT; p++) {
            REQUIRE(is_close(cell[p], instances_j[p], component_j[k]));
        }
    }
    REQUIRE(phase_j[WS_NPU_ACTIVE * WS_PHASE_COUNT + WS_PHASE_WAIT] == 0);
}

static void check_dark_node(const gen_scenario *g, uint64_t seed, const ws_result *r, size_t node)
{
    for (size_t k = 0; k < N_CELLS; k++) {
        REQUIRE(isnan(r->node_phase_j[node * N_CELLS + k]));
        REQUIRE(isnan(r->node_own_j[node * WS_COMPONENT_COUNT + k / WS_PHASE_COUNT]));
        for (size_t i = 0; i < r->n_instances; i++) {
            REQUIRE((size_t)r->instance_node[i] != node || isnan(r->instance_phase_j[i * N_CELLS + k]));
        }
    }
}

/* ---- NPUs ---- */

static void check_npu(const gen_scenario *g, uint64_t seed, const ws_result *r, size_t npu)
{
    const ws_instance_config *c       = &r->run->scenario->instances[r->npu_instance[npu]];
    const double              watts[] = {c->npu_power.active_w, c->npu_power.standby_w, c->npu_power.idle_w};
    const double             *state_s = r->each_npu_s + npu * WS_STATE_COUNT;
    const double             *state_j = r->each_npu_j + npu * WS_STATE_COUNT;
    const double              whole_s = (double)r->sim_duration_ns * WS_S_PER_NS;
    if (!r->node_tracked[c->node]) {
        REQUIRE(isnan(state_s[0] + state_s[1] + state_s[2]) && isnan(state_j[0] + state_j[1] + state_j[2]));
        return;
    }
    for (size_t k = 0; k < WS_STATE_COUNT; k++) {
        REQUIRE(state_s[k] >= 0 && state_j[k] >= 0);
        /* the reference draws idle power at all times, and states what they need beyond it */
        if (g->options.fidelity == WS_FIDELITY_PHYSICAL) {
            REQUIRE(is_close(state_j[k], state_s[k] * watts[k], whole_s * watts[k]));
        }
    }
    if (g->options.fidelity == WS_FIDELITY_PHYSICAL) {
        REQUIRE(is_close(sum_of(state_s, WS_STATE_COUNT, 1), whole_s, whole_s));
    }
}

static void check_npus(const gen_scenario *g, uint64_t seed, const ws_result *r)
{
    size_t first = 0;
    for (size_t i = 0; i < r->n_instances; i++) {
        const ws_instance_config *c = &r->run->scenario->instances[i];
        size_t                    n = 0;
        while (first + n < r->n_npus && (size_t)r->npu_instance[first + n] == i) {
            check_npu(g, seed, r, first + n);
            n++;
        }
        REQUIRE(n == (size_t)c->num_npus);
        for (size_t k = 0; r->node_tracked[c->node] && k < WS_STATE_COUNT; k++) {
            const ws_component component  = ws_npu_state_component((ws_npu_state)k);
            const double      *instance_j = r->instance_phase_j + i * N_CELLS + component * WS_PHASE_COUNT;
            const double       expected_j = sum_of(instance_j, WS_PHASE_COUNT, 1);
            REQUIRE(is_close(sum_of(r->each_npu_j + first * WS_STATE_COUNT + k, n, WS_STATE_COUNT),
                             expected_j, expected_j));
        }
        first += n;
    }
    REQUIRE(first == r->n_npus);
    for (size_t node = 0; node < r->n_nodes; node++) {
        for (size_t k = 0; r->node_tracked[node] && k < WS_STATE_COUNT; k++) {
            double npus_s = 0;
            for (size_t npu = 0; npu < r->n_npus; npu++) {
                npus_s += (size_t)r->instance_node[r->npu_instance[npu]] == node
                              ? r->each_npu_s[npu * WS_STATE_COUNT + k]
                              : 0;
            }
            REQUIRE(is_close(npus_s, r->npu_state_s[node * WS_STATE_COUNT + k], npus_s));
        }
    }
}

/* ---- requests ---- */

static void check_requests(const gen_scenario *g, uint64_t seed, const ws_result *r)
{
    double active_j = 0, energy_j = 0, npu_active_j = 0, batches_j = 0;
    for (size_t i = 0; i < r->n_requests; i++) {
        const ws_request_record *record = &r->requests[i];
        REQUIRE(isnan(record->active_j) == isnan(record->energy_j));
        if (!isnan(record->active_j)) {
            REQUIRE(record->active_j >= 0 && record->energy_j >= record->active_j * (1 - 1e-9));
            active_j += record->active_j;
            energy_j += record->energy_j;
        }
    }
    for (size_t node = 0; node < r->n_nodes; node++) {
        const double *phase_j = r->node_phase_j + node * N_CELLS;
        if (r->node_tracked[node]) {
            npu_active_j += r->component_j[node * WS_COMPONENT_COUNT + WS_NPU_ACTIVE];
            batches_j += sum_of(phase_j + WS_PHASE_PREFILL, WS_COMPONENT_COUNT, WS_PHASE_COUNT);
            batches_j += sum_of(phase_j + WS_PHASE_DECODE, WS_COMPONENT_COUNT, WS_PHASE_COUNT);
        }
    }
    REQUIRE(is_close(active_j, npu_active_j, npu_active_j));
    REQUIRE(is_close(energy_j, batches_j, batches_j));
}

static void check_windows(const gen_scenario *g, uint64_t seed, const ws_result *r)
{
    const double *w      = r->metrics + WS_METRIC_POWER_P50_1S_W,
                 *fine_w = r->metrics + WS_METRIC_POWER_P50_100MS_W;
    REQUIRE(w[0] >= 0 && w[0] <= w[1] && w[1] <= w[2]);
    REQUIRE(fine_w[0] >= 0 && fine_w[0] <= fine_w[1] && fine_w[1] <= fine_w[2]);
    REQUIRE(r->sim_duration_ns < WS_NS_PER_S || w[2] <= fine_w[2] * (1 + 1e-9));
    if (r->sim_duration_ns < WS_NS_PER_S / 10) {
        const double mean_w = r->metrics[WS_METRIC_POWER_MEAN_W];
        REQUIRE(is_close(w[0], mean_w, mean_w) && is_close(fine_w[2], mean_w, mean_w));
    }
}

static void check_result(const gen_scenario *g, uint64_t seed, const ws_result *r)
{
    if (!r->has_power) {
        REQUIRE(r->node_phase_j == NULL && r->instance_phase_j == NULL && r->each_npu_s == NULL);
        for (size_t i = 0; i < r->n_requests; i++) {
            REQUIRE(isnan(r->requests[i].active_j) && isnan(r->requests[i].energy_j));
        }
        return;
    }
    for (size_t node = 0; node < r->n_nodes; node++) {
        (r->node_tracked[node] ? check_node : check_dark_node)(g, seed, r, node);
    }
    check_npus(g, seed, r);
    check_requests(g, seed, r);
    check_windows(g, seed, r);
}

/* ---- many of them ---- */

/* @param[in] forces_graph  with the event engine, whatever the scenario would use */
static int check_scenarios(uint64_t first_seed, int n, const gen_change *change, bool forces_graph)
{
    int n_tracked = 0;
    for (uint64_t seed = first_seed; seed < first_seed + (uint64_t)n; seed++) {
        gen_change       own = *change;
        gen_scenario     scenario, *g = &scenario;
        ws_scenario     *built  = NULL;
        const ws_result *result = NULL;
        own.dark_node_plus_1    = seed % 4 == 0 ? 1 + (int)(seed / 4 % 2) : 0;
        gen_init(g, seed, &own);
        if (property_run(&the_world, g, seed, forces_graph, &built, &result)) {
            check_result(g, seed, result);
            n_tracked += result->has_power;
        }
        ws_scenario_destroy(&built);
        gen_fini(g);
    }
    return n_tracked;
}

static void dimensions_add_up(void **state)
{
    (void)state;
    const gen_change large = {.small = false}, small = {.small = true};
    const int        n = property_count(1500);
    assert_true(check_scenarios(50000, n / 3, &large, false) + check_scenarios(60000, n, &small, false) >
                n / 2);
}

static void dimensions_add_up_in_the_event_engine(void **state)
{
    (void)state;
    const gen_change change = {.physical = true, .small = true};
    assert_true(check_scenarios(70000, 300, &change, true) > 150);
}

static void dimensions_add_up_in_the_reference(void **state)
{
    (void)state;
    const gen_change change = {.reference = true, .small = true};
    assert_true(check_scenarios(80000, 300, &change, false) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dimensions_add_up),
        cmocka_unit_test(dimensions_add_up_in_the_event_engine),
        cmocka_unit_test(dimensions_add_up_in_the_reference),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("energy.dimensions", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
