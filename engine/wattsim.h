/* wattsim.h -- the engine's public face: inputs, scenarios, runs, results.
 *
 *   ws_inputs    a cache of everything read from files, shared by many scenarios
 *   ws_scenario  one point, fully validated and immutable
 *   ws_run       the memory of a simulation, used again and again
 *
 * ws_simulate() is a pure function of the scenario: no I/O, no globals, same input, same bytes out. Objects
 * are not thread-safe; scenarios and inputs may be read by several runs at once once created. */
#ifndef WATTSIM_H
#define WATTSIM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "base/version.h"
#include "result/metrics.h"
#include "scenario/options.h"
#include "result/result.h"
#include "result/slo.h"

/* ---- inputs ---- */

typedef struct ws_inputs ws_inputs;

/** A cache reading through `files`.
 * @param[in] files      borrowed; outlives the inputs
 * @param[in] data_dirs  folders holding model/ pim/ profiles/, in search order; copied. The bundled configs
 * folder (ws_bundled_dir()) is searched after them.
 * @param[in] bundled_dir  copied; NULL = none */
WS_NODISCARD ws_status ws_inputs_create(ws_files *files, const char *const *data_dirs, size_t n_data_dirs,
                                        const char *bundled_dir, ws_inputs **inputs_out);
void                   ws_inputs_destroy(ws_inputs **inputs);

/** Put every profile and workload loaded so far into the file cache as objects: inputs over a packed copy of
 * it find them there, in place, and neither parse nor copy them. */
WS_NODISCARD ws_status ws_inputs_share(const ws_inputs *inputs);

/** Find the project's configs folder: $WATTSWEEP_CONFIGS, then relative to the program's own path (build tree
 * and installed layout), then the source folder the program was built from. Written to buf; false if none
 * exists. */
bool ws_bundled_dir(char *buf, size_t cap);

/** Find a file as the programs do: as given, then under each of dirs; false if there is none. */
bool ws_find_file(ws_files *files, const char *path, const char *const *dirs, size_t n_dirs, char *buf,
                  size_t cap);

/** Find an input a user names on a command line: a file or folder as given, then beside the bundled configs
 * folder, so that `configs/...` and `workloads/...` mean the same from every folder and in every installed
 * copy.
 * @param[in]  what  names the argument in the message: "--dataset"
 * @param[out] buf   the path to open
 * @return WS_OK; WS_ERR_INPUT with where it was looked for, or why it cannot be read */
WS_NODISCARD ws_status ws_find_input(ws_files *files, const char *what, const char *path, ws_error *err,
                                     char *buf, size_t cap);

/** The libraries the engine reads files with, "cJSON 1.7.15, libyaml 0.2.5"; for provenance. Returns buf. */
char *ws_libraries(char buf[64]);

/* ---- scenarios ---- */

typedef struct ws_scenario ws_scenario;

typedef struct ws_scenario_request {
    ws_json     cluster;  /**< root of the parsed cluster config; only read during the call */
    const char *dataset;  /**< JSONL path, found already; NULL = the default 16 requests */
    ws_json     workload; /**< generator spec; used instead of dataset if present */
    ws_options  options;
    ws_slo      slo;
} ws_scenario_request;

/** Read, check and resolve everything a simulation needs.
 * @param[out] scenario_out  owned by the caller; borrows from inputs, release before them
 * @return WS_OK; WS_ERR_ARG with every member of the request that is out of range (an option set by hand, a
 * missing cluster); WS_ERR_INPUT with every problem found in what was read; WS_ERR_INFEASIBLE if it is
 * well-formed but cannot run (the model does not fit, ...); WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_scenario_create(ws_inputs *inputs, const ws_scenario_request *request,
                                          ws_error *err, ws_scenario **scenario_out);
void                   ws_scenario_destroy(ws_scenario **scenario);

/** Notes for the user, one a line, "" if none (stand-in profile, standby unit, power not tracked on a
 * node...). */
const char *ws_scenario_notes(const ws_scenario *scenario);

const ws_slo   *ws_scenario_slo(const ws_scenario *scenario);
size_t          ws_scenario_n_requests(const ws_scenario *scenario);
size_t          ws_scenario_n_nodes(const ws_scenario *scenario);
size_t          ws_scenario_n_instances(const ws_scenario *scenario);
int64_t         ws_scenario_n_npus(const ws_scenario *scenario); /**< over all instances */
bool            ws_scenario_has_power(const ws_scenario *scenario);
ws_profile_kind ws_scenario_profile_kind(const ws_scenario *scenario);
double
ws_scenario_weights_gb(const ws_scenario *scenario); /**< weights per NPU, largest instance, 10^9 bytes */
double
ws_scenario_npu_mem_gb(const ws_scenario *scenario); /**< memory per NPU, smallest instance, 10^9 bytes */
/** A guess of the run's cost, proportional to tokens to be generated and prefilled; for longest-first
 * dispatch. */
double ws_scenario_cost_estimate(const ws_scenario *scenario);

/** A number over everything a simulation of the scenario reads: scenarios of the same inputs that have the
 * same one give the same results, whatever their configs and options say. Only for comparing scenarios of one
 * ws_inputs, while it lives. */
uint64_t ws_scenario_fingerprint(const ws_scenario *scenario);

/** The resolved inputs as one JSON object (options, nodes, instances, KV blocks, profiles), for `scenario` in
 * summaries. */
struct ws_json_writer;
void ws_scenario_write_json(const ws_scenario *scenario, struct ws_json_writer *writer);

/* ---- runs ---- */

typedef struct ws_run ws_run;

typedef struct ws_run_limits {
    size_t  memory_bytes; /**< 0 = no limit */
    int64_t max_steps;    /**< 0 = no limit */
    /** Polled every few thousand steps; true ends the run with WS_ERR_TIMEOUT. NULL = never. */
    bool (*should_stop)(void *ctx);
    void *ctx;
} ws_run_limits;

WS_NODISCARD ws_status ws_run_create(ws_run **run_out);
void                   ws_run_destroy(ws_run **run);

/** Simulate a scenario.
 * @param[in]  limits      NULL = none
 * @param[out] result_out  borrowed from the run until its next simulation
 * @return WS_OK; WS_ERR_INFEASIBLE if requests can never finish (names the instance and the shortage);
 *         WS_ERR_TIMEOUT, WS_ERR_MEMORY_BUDGET, WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_simulate(const ws_scenario *scenario, ws_run *run, const ws_run_limits *limits,
                                   ws_error *err, const ws_result **result_out);

#endif /* WATTSIM_H */
