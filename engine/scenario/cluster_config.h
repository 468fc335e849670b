/* scenario/cluster_config.h -- the cluster JSON as typed structs: keys, types and ranges checked, nothing
 * resolved yet. Source of the keys: docs/model/serving.md 1.1 to 1.3. Arrays come from the given arena;
 * strings are borrowed from the document. */
#ifndef WS_CLUSTER_CONFIG_H
#define WS_CLUSTER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/status.h"

typedef struct ws_memory_config {
    double      size_gib, bw_gbps; /* npu_mem: 0 = not given */
    double      latency_ns;
    double      utilization; /* npu_mem.mem_util; 0 = not given */
    int64_t     n_devices;   /* cxl_mem only */
    const char *pim_config;  /* cpu_mem only; NULL = none */
    bool        is_present;
} ws_memory_config;

typedef struct ws_instance_entry {
    ws_json          json;
    const char      *model_name, *hardware;
    ws_memory_config npu_mem;
    const char      *pd_type;                             /* "prefill", "decode" or NULL */
    int64_t          num_npus, tp_size, pp_size, ep_size; /* 0 = not given */
    const char      *dp_group;                            /* NULL = none */
    double           power_cap_w;                         /* per NPU; 0 = not given */
    ws_json          placement;
    ws_json         *overrides; /* one per entry of ws_option_table(), absent unless given */
} ws_instance_entry;

typedef struct ws_node_entry {
    ws_json            json;
    ws_memory_config   cpu_mem;
    ws_json            power; /* absent = not tracked */
    size_t             n_instances;
    ws_instance_entry *instances;
} ws_node_entry;

typedef struct ws_cluster_config {
    size_t           n_nodes, n_instances;
    ws_node_entry   *nodes;
    ws_json          link_bw, link_latency; /* number or array, checked against the topology later */
    ws_memory_config cxl_mem;
} ws_cluster_config;

/** Read a cluster config.
 * @param[in] cli_offloading  attention offloading is on by option; with it, or with an instance that turns it
 * on, cpu_mem needs only mem_size and pim_config
 * @return WS_OK; WS_ERR_INPUT with every problem in err; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_cluster_config_read(ws_json root, ws_arena *arena, bool cli_offloading,
                                              ws_error *err, ws_cluster_config *out);

#endif /* WS_CLUSTER_CONFIG_H */
