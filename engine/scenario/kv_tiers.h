/* scenario/kv_tiers.h -- the second KV tiers of a scenario: which there are, and which instance uses which
 * (docs/model/serving.md 5.6). */
#ifndef WS_KV_TIERS_H
#define WS_KV_TIERS_H

#include "scenario/scenario_internal.h"

/** @return WS_OK; WS_ERR_INPUT if instances cannot share one, or there is no CXL memory for it;
 * WS_ERR_INFEASIBLE if one holds nothing; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_kv_tiers_resolve(ws_scenario *scenario, ws_error *err);

#endif /* WS_KV_TIERS_H */
