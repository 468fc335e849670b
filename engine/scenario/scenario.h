/* scenario/scenario.h -- making scenarios of what a program has read and found itself; wattsim/scenario.h
 * makes them of a path. */
#ifndef WS_SCENARIO_H
#define WS_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"
#include "hardware/profile.h"
#include "result/slo.h"
#include "scenario/options.h"
#include "wattsim/scenario.h"

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

const ws_slo   *ws_scenario_slo(const ws_scenario *scenario);
ws_profile_kind ws_scenario_profile_kind(const ws_scenario *scenario);
double
ws_scenario_weights_gb(const ws_scenario *scenario); /**< weights per NPU, largest instance, 10^9 bytes */
double
ws_scenario_npu_mem_gb(const ws_scenario *scenario); /**< memory per NPU, smallest instance, 10^9 bytes */

/** A number over everything a simulation of the scenario reads: scenarios of the same inputs that have the
 * same one give the same results, whatever their configs and options say. Only for comparing scenarios of one
 * ws_inputs, while it lives. */
uint64_t ws_scenario_fingerprint(const ws_scenario *scenario);

/** The resolved inputs as one JSON object (options, nodes, instances, KV blocks, profiles), for `scenario` in
 * summaries. */
struct ws_json_writer;
void ws_scenario_write_json(const ws_scenario *scenario, struct ws_json_writer *writer);

#endif /* WS_SCENARIO_H */
