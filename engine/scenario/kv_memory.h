/* scenario/kv_memory.h -- what the NPUs of an instance hold: weights, and the KV blocks that fit next to
 * them. */
#ifndef WS_KV_MEMORY_H
#define WS_KV_MEMORY_H

#include "scenario/scenario_internal.h"

/** Size weights and KV cache on every NPU: the fullest stage decides how many blocks there are. Needs
 * ep_total.
 * @return WS_OK; WS_ERR_INFEASIBLE if an NPU has no room for its weights and one block */
WS_NODISCARD ws_status ws_kv_memory_size(const ws_instance_entry *entry, ws_fidelity fidelity,
                                         ws_instance_config *instance, ws_error *err);

#endif /* WS_KV_MEMORY_H */
