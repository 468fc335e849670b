/* embed.c -- the shortest program around libwattsim: load a scenario, simulate it, print its joules.
 *
 *   embed CLUSTER.json [DATASET.jsonl] */
#include <stdio.h>
#include <wattsim/wattsim.h>

int main(int argc, char **argv)
{
    ws_load_options  options  = WS_LOAD_OPTIONS_INIT;
    ws_scenario     *scenario = NULL;
    ws_run          *run      = NULL;
    const ws_result *result   = NULL;
    ws_error         err      = WS_ERROR_INIT;
    ws_status        status   = WS_OK;

    options.dataset = argc > 2 ? argv[2] : NULL;
    status          = ws_scenario_load(argc > 1 ? argv[1] : "configs/cluster/single_node_power_instance.json",
                              &options, &err, &scenario);
    if (status == WS_OK) {
        status = ws_run_create(&run);
    }
    if (status == WS_OK) {
        status = ws_simulate(scenario, run, NULL, &err, &result);
    }
    if (status == WS_OK) {
        printf("energy_j %.17g\n", ws_result_metric(result, "energy_j"));
        for (size_t i = 0; ws_component_at(i) != NULL; i++) {
            printf("  %-12s %.17g\n", ws_component_at(i),
                   ws_result_component_j(result, 0, ws_component_at(i)));
        }
    } else {
        fprintf(stderr, "embed: %s\n", err.n_problems > 0 ? ws_error_text(&err) : ws_status_text(status));
    }
    ws_run_destroy(&run);
    ws_scenario_destroy(&scenario);
    ws_error_clear(&err);
    return status == WS_OK ? 0 : 1;
}
