/* scenario/power_blocks.h -- the power blocks of the nodes: where power is tracked, and what everything
 * draws. */
#ifndef WS_POWER_BLOCKS_H
#define WS_POWER_BLOCKS_H

#include "scenario/inputs.h"
#include "scenario/scenario_internal.h"

/** Hardware and PIM devices are resolved.
 * @return WS_OK; WS_ERR_INPUT with every problem; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_power_blocks_resolve(ws_inputs *inputs, ws_scenario *scenario,
                                               const ws_cluster_config *cluster, ws_error *err);

#endif /* WS_POWER_BLOCKS_H */
