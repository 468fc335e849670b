/* scenario/instance.h -- one instance of a cluster, resolved: its options, model, division, profile, and the
 * memory of its board. For engine/ only. */
#ifndef WS_INSTANCE_H
#define WS_INSTANCE_H

#include "scenario/inputs.h"
#include "scenario/scenario_internal.h"

/** Resolve what an instance says by itself, without the others.
 * @param[in,out] entry     what it leaves out is filled in: degrees of parallelism, the memory of the board
 * @param[in,out] instance  index and node are set
 * @return WS_OK; WS_ERR_INPUT with the places of all problems that do not follow from each other;
 * WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_instance_resolve(ws_inputs *inputs, ws_scenario *scenario, ws_instance_entry *entry,
                                           ws_instance_config *instance, ws_error *err);

/** Note what its ep_size says that no serving engine does; local_ep is known. */
void ws_instance_note_experts(ws_scenario *scenario, const ws_instance_entry *entry,
                              const ws_instance_config *instance);

/** What an instance's profile is asked for as; its model, hardware, dtype and tp_size are resolved. */
ws_profile_request ws_instance_profile_request(const ws_scenario        *scenario,
                                               const ws_instance_config *instance);

#endif /* WS_INSTANCE_H */
