/* property_run.h -- random scenarios run once or in pairs, for tests of properties. */
#ifndef WS_TEST_PROPERTY_RUN_H
#define WS_TEST_PROPERTY_RUN_H

#include "scenario_gen.h"
#include "snapshot.h"

/** The scenario as text, for messages. Static text, valid until the next call. */
const char *property_describe(const gen_scenario *g);

/** Fails the test with the seed and the scenario; `g` and `seed` are in scope. */
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fail_msg("seed %d: not true: %s\n%s", (int)seed, #condition, property_describe(g));              \
        }                                                                                                    \
    } while (0)

/** $WS_PROPERTY_SCENARIOS, or n_default where it is not set. */
int property_count(int n_default);

/** Build and run; false if it cannot run, which has to be said with a reason. Destroy *scenario_out in any
 * case. */
bool property_run(world *w, const gen_scenario *g, uint64_t seed, bool forces_graph,
                  ws_scenario **scenario_out, const ws_result **result_out);

/** Run and keep what is compared; false if it cannot run. */
bool property_take(world *w, const gen_scenario *g, uint64_t seed, bool forces_graph, snapshot *out);

/** Two variants of every seed, and what of them has to agree. */
typedef struct property_pair {
    gen_change a, b;
    bool       a_forces_graph;
    bool       with_instances, with_energy, with_metrics; /* metrics: those without power, to the last bit */
} property_pair;

/** @return pairs of which both ran */
int property_compare(world *w, const property_pair *pair, uint64_t first_seed, int n);

#endif /* WS_TEST_PROPERTY_RUN_H */
