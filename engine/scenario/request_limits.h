/* scenario/request_limits.h -- which requests the instances of a scenario can serve. */
#ifndef WS_REQUEST_LIMITS_H
#define WS_REQUEST_LIMITS_H

#include "scenario/scenario_internal.h"

/** Set the longest prompts and totals that each instance serves. Who prefills serves what some decode
 * instance can take over. */
void ws_request_limits_set(ws_scenario *scenario);

/** What has no meaning on instances that only prefill; the workload is loaded.
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_request_limits_check_hand_offs(const ws_scenario *scenario, ws_error *err);

#endif /* WS_REQUEST_LIMITS_H */
