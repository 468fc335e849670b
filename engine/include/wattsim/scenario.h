/* wattsim/scenario.h -- from a cluster config to a scenario: everything a simulation reads, checked and
 * resolved.
 *
 * A scenario is immutable: any number of threads may simulate it at once, each with a ws_run of its own.
 * Inputs are a cache of everything read from files, for any number of scenarios: models, profiles and
 * workloads are read and prepared once. They lock themselves: threads may load and destroy scenarios of the
 * same inputs at once. */
#ifndef WATTSIM_SCENARIO_H
#define WATTSIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wattsim/error.h"
#include "wattsim/options.h"
#include "wattsim/status.h"

typedef struct ws_inputs   ws_inputs;
typedef struct ws_scenario ws_scenario;

/** What to load besides the cluster config, and where to look. Begins as WS_LOAD_OPTIONS_INIT; a member left
 * at zero means its default. All pointers are borrowed for the call. */
typedef struct ws_load_options {
    size_t            struct_size; /**< by WS_LOAD_OPTIONS_INIT */
    ws_inputs        *inputs; /**< a cache to share, see ws_inputs_open(); NULL = one of the scenario's own */
    const ws_options *options;    /**< NULL = every option at its default */
    const char       *dataset;    /**< requests, JSON Lines; NULL = 16 requests of 64 + 64 tokens at time 0 */
    const char       *workload;   /**< spec to generate requests from; of dataset and this, at most one */
    const char       *slo;        /**< bounds on latencies, "ttft_ms=500,ttft_p99_ms=2000"; NULL = none */
    const char *const *data_dirs; /**< [n_data_dirs] as of ws_inputs_open(); only without inputs */
    size_t             n_data_dirs;
    const char        *configs_dir; /**< likewise */
} ws_load_options;

/* clang-format off */
#define WS_LOAD_OPTIONS_INIT {sizeof(ws_load_options), NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL}
/* clang-format on */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- inputs ---- */

/** An empty cache.
 * @param[in]  data_dirs    [n_data_dirs] folders holding model/ profiles/ hardware/ pim/, searched in order
 * before the bundled configs; copied; may be NULL if there are none
 * @param[in]  configs_dir  the bundled configs; copied. NULL = $WATTSWEEP_CONFIGS; else
 * share/wattsweep/configs of where the program, or the shared library, is installed; else of the source tree
 * @param[out] inputs_out   owned by the caller, release with ws_inputs_destroy() after every scenario loaded
 * with them
 * @return WS_OK; WS_ERR_INPUT with every folder that is not there; WS_ERR_NOMEM */
WS_API WS_NODISCARD ws_status ws_inputs_open(const char *const *data_dirs, size_t n_data_dirs,
                                             const char *configs_dir, ws_error *err, ws_inputs **inputs_out);

/** NULL is allowed; leaves NULL. */
WS_API void ws_inputs_destroy(ws_inputs **inputs);

/* ---- scenarios ---- */

/** Read a cluster config and whatever belongs to it, and resolve everything a simulation needs.
 * @param[in]  cluster_config  path of a file, as given or next to the bundled configs ("configs/cluster/...")
 * @param[in]  options         NULL = every default
 * @param[out] scenario_out    owned by the caller, release with ws_scenario_destroy(). What was opened for it
 * is its own and goes with it; of options->inputs it borrows, so release it before them
 * @return WS_OK; WS_ERR_INPUT with every problem found in what was read; WS_ERR_INFEASIBLE if it is
 * well-formed but cannot run (the model does not fit, ...); WS_ERR_ARG if options are not ones this library
 * knows; WS_ERR_NOMEM
 */
WS_API WS_NODISCARD ws_status ws_scenario_load(const char *cluster_config, const ws_load_options *options,
                                               ws_error *err, ws_scenario **scenario_out);

/** NULL is allowed; leaves NULL. */
WS_API void ws_scenario_destroy(ws_scenario **scenario);

/** Notes for the user, one per line, "" if none (stand-in profile, power not tracked on a node, ...).
 * Borrowed. */
WS_API const char *ws_scenario_notes(const ws_scenario *scenario);

WS_API size_t  ws_scenario_n_requests(const ws_scenario *scenario);
WS_API size_t  ws_scenario_n_nodes(const ws_scenario *scenario);
WS_API size_t  ws_scenario_n_instances(const ws_scenario *scenario);
WS_API int64_t ws_scenario_n_npus(const ws_scenario *scenario);    /**< over all instances */
WS_API bool    ws_scenario_has_power(const ws_scenario *scenario); /**< some node has a `power` block */

/** A guess of a simulation's cost, proportional to tokens; for starting the longest first. */
WS_API double ws_scenario_cost_estimate(const ws_scenario *scenario);

#ifdef __cplusplus
}
#endif

#endif /* WATTSIM_SCENARIO_H */
