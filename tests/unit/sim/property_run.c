#include "property_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *property_describe(const gen_scenario *g)
{
    static char text[16384];
    (void)snprintf(text, sizeof(text), "%s fidelity, budget %d, block %d\n%s\n%.4000s",
                   g->options.fidelity == WS_FIDELITY_REFERENCE ? "reference" : "physical",
                   (int)g->options.max_num_batched_tokens, (int)g->options.block_size,
                   ws_strbuf_text(&g->cluster), ws_strbuf_text(&g->dataset));
    return text;
}

int property_count(int n_default)
{
    const char *text = getenv("WS_PROPERTY_SCENARIOS");
    const long  n    = text != NULL ? strtol(text, NULL, 10) : n_default;
    assert_true(n >= 100 && n <= INT32_MAX);
    return (int)n;
}

bool property_run(world *w, const gen_scenario *g, uint64_t seed, bool forces_graph,
                  ws_scenario **scenario_out, const ws_result **result_out)
{
    ws_status status = world_scenario(w, ws_strbuf_text(&g->cluster), ws_strbuf_text(&g->dataset),
                                      &g->options, scenario_out);
    if (status == WS_OK) {
        if (forces_graph) {
            (*scenario_out)->step_model = WS_STEP_EVENTS;
        }
        status = world_simulate(w, *scenario_out, result_out);
    }
    if (status != WS_OK &&
        (status != WS_ERR_INFEASIBLE || strstr(ws_error_text(&w->err), "instance") == NULL)) {
        fail_msg("seed %d: %s: %s\n%s", (int)seed, ws_status_text(status), ws_error_text(&w->err),
                 property_describe(g));
    }
    return status == WS_OK;
}

bool property_take(world *w, const gen_scenario *g, uint64_t seed, bool forces_graph, snapshot *out)
{
    ws_scenario     *scenario = NULL;
    const ws_result *result   = NULL;
    const bool       ran      = property_run(w, g, seed, forces_graph, &scenario, &result);
    if (ran) {
        snapshot_take(out, result);
    }
    ws_scenario_destroy(&scenario);
    return ran;
}

int property_compare(world *w, const property_pair *pair, uint64_t first_seed, int n)
{
    int n_compared = 0;
    for (uint64_t seed = first_seed; seed < first_seed + (uint64_t)n; seed++) {
        gen_scenario one, two, *g = &one;
        snapshot     a, b;
        gen_init(&one, seed, &pair->a);
        gen_init(&two, seed, &pair->b);
        const bool a_ran = property_take(w, &one, seed, pair->a_forces_graph, &a);
        const bool b_ran = property_take(w, &two, seed, false, &b);
        REQUIRE(a_ran == b_ran);
        if (a_ran) {
            REQUIRE(snapshot_same_requests(&a, &b, pair->with_instances));
            REQUIRE(!pair->with_energy || snapshot_same_energy(&a, &b));
            REQUIRE(!pair->with_metrics || snapshot_same_metrics(&a, &b));
            snapshot_fini(&a);
            snapshot_fini(&b);
            n_compared++;
        }
        gen_fini(&one);
        gen_fini(&two);
    }
    return n_compared;
}
