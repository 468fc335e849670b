/* scenario/power_caps.h -- power caps of NPUs and nodes: the core clock each instance has left, its slower
 * profile and its lower powers. Without a cap that binds nothing is touched. Model: docs/power-model.md,
 * "Power caps". */
#ifndef WS_POWER_CAPS_H
#define WS_POWER_CAPS_H

#include "scenario/inputs.h"
#include "scenario/scenario_internal.h"

/** Apply every cap of the config. Powers, profiles and NPU counts are resolved.
 * @param[in] cluster  the config that the scenario is made from
 * @return WS_OK; WS_ERR_INPUT with every problem: a cap below what the lowest clock draws, power that is not
 * tracked, a data sheet without a power_curve; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_power_caps_apply(ws_inputs *inputs, ws_scenario *scenario,
                                           const ws_cluster_config *cluster, ws_error *err);

/** Give the slower profiles back to the inputs. */
void ws_power_caps_release(const ws_scenario *scenario);

#endif /* WS_POWER_CAPS_H */
