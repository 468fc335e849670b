/* assign.h -- putting a point's values into a cluster config: patches first, then known names, then pointers.
 *
 * Known names reach every instance of every node. Where a value takes the place of something a file says in
 * another way (num_npus next to tp_size, an instance's own max_num_seqs), that goes. */
#ifndef SWP_ASSIGN_H
#define SWP_ASSIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/spec.h"

/** What a cluster config amounts to, for constraints and the file's layout. NaN where the config does not
 * say. */
typedef struct swp_cluster_facts {
    double num_nodes, num_instances, num_npus;
    double tp_size, pp_size, ep_size; /**< the largest of all instances */
    double npu_mem_gb;                /**< per NPU, the smallest of all instances, 10^9 bytes */
} swp_cluster_facts;

/** The data sheet of a hardware tag: its power where a config has none, its memory; absent if there is none.
 * Borrowed. */
typedef ws_json (*swp_datasheet_fn)(void *ctx, const char *hardware);

/** Apply a point to a cluster config.
 * @param[in,out] cluster      a document of this point's own
 * @param[in]     value_index  [n_params]
 * @return WS_OK; WS_ERR_INPUT with file, JSON Pointer and parameter; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_assign_cluster(const swp_spec *spec, const uint32_t *value_index,
                                          swp_datasheet_fn datasheet, void *ctx, ws_json_doc *cluster,
                                          ws_error *err);

/** Apply a point to the options of a job. */
WS_NODISCARD ws_status swp_assign_options(const swp_spec *spec, const uint32_t *value_index,
                                          ws_options *options, ws_error *err);

/** Apply a point to a workload (generator spec, or dataset: job/dataset_workload.h). */
WS_NODISCARD ws_status swp_assign_workload(const swp_spec *spec, const uint32_t *value_index,
                                           ws_json_doc *workload, ws_error *err);

/** True if a parameter changes the cluster config (options too: they replace an instance's own). */
bool swp_assign_touches_cluster(const swp_parameter *param);

/** @param[in] datasheet  for the memory of NPUs of which the config does not say it */
swp_cluster_facts swp_cluster_facts_of(ws_json cluster, swp_datasheet_fn datasheet, void *ctx);

#endif /* SWP_ASSIGN_H */
