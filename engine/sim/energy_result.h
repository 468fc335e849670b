/* sim/energy_result.h -- the energy tables of a result: by node, instance, NPU and request. For this folder
 * only. */
#ifndef WS_ENERGY_RESULT_H
#define WS_ENERGY_RESULT_H

#include "sim/run.h"

/** Fill the energy tables of run->result from the finished accounts; without power only node_tracked. */
WS_NODISCARD ws_status ws_energy_result_fill(ws_run *run);

/** Share the energy of every batch among the requests whose tokens it computed, token by token
 * (docs/power-model.md "Energy by request"): active_j and energy_j of the records, NaN for a request that
 * only ran where nothing is tracked. */
WS_NODISCARD ws_status ws_energy_result_share(ws_run *run, ws_request_record *records);

#endif /* WS_ENERGY_RESULT_H */
