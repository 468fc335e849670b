/* output/summary_json.h -- everything a run yields as one JSON object, for scripts.
 *
 *   run_wall_s, sim_duration_s, steps
 *   metrics      {name: value}; null where a metric has no meaning; those of power only with power tracking
 *   energy       {total_j, nodes: [{node, total_j, components: {name: J}, npu_state_s: {name:
 *                NPU-seconds}}]}; tracked nodes
 *   timeseries   {interval_s, time_s: [], power_w: [], ...}: the columns of WS_SERIES_LIST that apply; with
 *                power also node_power_w and component_power_w, one array per node or component
 *   scenario     the resolved inputs
 *
 * Names are those of the HDF5 file of sweeps. */
#ifndef WS_SUMMARY_JSON_H
#define WS_SUMMARY_JSON_H

#include "base/strbuf.h"
#include "engine.h"

/** Append the summary, indented, with a line end.
 * @param[in] run_wall_s  time of the simulation alone, s
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_summary_json_write(const ws_result *result, const ws_scenario *scenario,
                                             double run_wall_s, ws_strbuf *out);

#endif /* WS_SUMMARY_JSON_H */
