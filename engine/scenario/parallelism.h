/* scenario/parallelism.h -- how an instance's NPUs are divided, and the topology that follows
 * (docs/model/serving.md 1.4, 1.6). */
#ifndef WS_PARALLELISM_H
#define WS_PARALLELISM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"
#include "hardware/network.h"
#include "model/model.h"
#include "scenario/scenario_internal.h"

/** Infer what is missing of num_npus, tp, pp and ep (0 = not given) and check what is there.
 *
 * Under physical fidelity tp has to divide what a serving engine divides: attention heads, the width of a
 * dense FFN, the padded vocabulary, and KV heads, unless it is a multiple of them (vLLM's rules). The
 * reference divides anything by anything.
 * @param[in,out] entry  degrees filled in
 * @return WS_OK; WS_ERR_INPUT with the place */
WS_NODISCARD ws_status ws_parallelism_resolve(ws_instance_entry *entry, const ws_model *model,
                                              ws_fidelity fidelity, ws_error *err);

/** Number DP groups in order of first mention, check that members agree, and split ep among them.
 * Reads and fills dp_group, ep_total and local_ep of the instances. */
WS_NODISCARD ws_status ws_parallelism_group(ws_instance_config             *instances,
                                            const ws_instance_entry *const *entries, size_t n_instances,
                                            ws_error *err);

/** Check that instances that compute for each other run one model: members of a DP group, which step
 * together, and prefill and decode instances, which hand KV blocks on. The reference lets models be mixed.
 * Reads model, role and dp_group.
 * @return WS_OK; WS_ERR_INPUT with the place of the model */
WS_NODISCARD ws_status ws_parallelism_check_models(const ws_instance_config       *instances,
                                                   const ws_instance_entry *const *entries,
                                                   size_t n_instances, ws_error *err);

/** Dimensions of the cluster, with link bandwidth and latency per dimension. reduce_bw is left to the caller.
 */
WS_NODISCARD ws_status ws_topology_build(const ws_instance_config *instances, size_t n_instances,
                                         ws_json link_bw, ws_json link_latency, ws_error *err,
                                         ws_network *out);

/** Dimensions of an instance's own network under physical fidelity. */
enum { WS_DIM_TP, WS_DIM_STAGE, WS_DIM_GROUP };

/** Give every instance its network and the dimensions its collectives involve.
 *
 * Under reference fidelity that is the cluster's, whose sizes are averages over instances, so that clusters
 * of unlike instances hang (docs/model/timing.md 8). Under physical fidelity each instance has [tp, pp, DP
 * members], with the cluster's first, second and last link, and reduces at its own memory's bandwidth. */
void ws_topology_localize(ws_scenario *scenario);

/** Transformer blocks a batch of an instance runs through, and those of one pipeline stage
 * (docs/model/serving.md 6.2 and 6.10). */
int64_t ws_instance_n_blocks(const ws_scenario *scenario, const ws_instance_config *instance);
int64_t ws_stage_n_blocks(int64_t n_blocks, int64_t n_stages, int64_t stage);

#endif /* WS_PARALLELISM_H */
