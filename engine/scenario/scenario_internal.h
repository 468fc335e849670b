/* scenario/scenario_internal.h -- the inside of a scenario: everything a run reads, resolved and immutable.
 * For engine/ only; others use scenario.h. */
#ifndef WS_SCENARIO_INTERNAL_H
#define WS_SCENARIO_INTERNAL_H

#include "base/arena.h"
#include "hardware/board_memory.h"
#include "hardware/network.h"
#include "hardware/pim.h"
#include "hardware/profile_source.h"
#include "power/coefficients.h"
#include "serving/kv_cache.h"
#include "serving/prefix_index.h"
#include "serving/scheduler.h"
#include "workload/workload.h"
#include "scenario/cluster_config.h"
#include "scenario/placement.h"
#include "hardware/step_cost.h"
#include "result/slo.h"
#include "scenario/options.h"
#include "wattsim/scenario.h"

enum { WS_NO_GROUP = -1, WS_NO_TIER = -1, WS_NO_NODE = -1 };

/** Timing of a memory: m(bytes) = latency + bytes // bandwidth, both truncated (docs/model/timing.md 2.2). */
typedef struct ws_memory_timing {
    int64_t latency_ns, bytes_per_ns;
} ws_memory_timing;

static inline int64_t ws_memory_ns(const ws_memory_timing *memory, int64_t bytes)
{
    return memory->latency_ns + bytes / memory->bytes_per_ns;
}

typedef struct ws_instance_config {
    int32_t             index, node;
    ws_role             role;
    const char         *hardware; /* tag; scenario's arena */
    const ws_model     *model;    /* as its ranks hold it (ws_model_on_ranks); borrowed from the inputs */
    ws_dtype            dtype;
    const ws_profile   *profile; /* likewise */
    const ws_step_cost *cost;    /* likewise; held if clock < 1 */
    ws_options          options; /* with the instance's overrides */
    int64_t             num_npus, tp_size, pp_size, ep_total, local_ep;
    int32_t             dp_group;  /* or WS_NO_GROUP */
    int64_t             first_npu; /* id of the start NPU */
    int64_t             n_npu_ids; /* num_npus; twice that for a prefill instance */
    int64_t             element_bytes, kv_element_bytes;
    int64_t             npu_mem_bytes;
    double              npu_mem_gib, mem_gbps; /* of one NPU, as the config or the data sheet says */
    ws_board_memory     board;                 /* what the data sheet says */
    bool                is_oversize;           /* the config says more memory than the board has */
    int64_t             weight_bytes, kv_bytes_per_token;             /* of the NPU that has the most */
    int64_t             weight_total_bytes, kv_total_bytes_per_token; /* of all its NPUs */
    int64_t             n_blocks;                                     /* KV blocks */
    int64_t             max_model_len;                                /* INT32_MAX: no limit */
    int64_t             max_prompt_tokens, max_total_tokens;          /* of requests it can serve at all */
    int64_t             token_budget;                                 /* capped by the model's positions */
    ws_prefix_view      prefixes;  /* n_prefixes = 0: no token ids or no prefix caching */
    ws_npu_power        npu_power; /* valid if its node is tracked; under a power cap, what is left by it */
    double              clock;     /* share of the full core clock that a power cap leaves; 1 without one */
    ws_placement        placement;
    ws_network          network; /* as its collectives see it, see ws_topology_localize() */
    unsigned tp_dims, ep_dims;   /* dimensions of its collectives, a bit each (docs/model/serving.md 1.6) */
    int64_t  npu_mem_gbps;       /* truncated */
    ws_memory_timing remote;     /* host memory: its own node's; the first node's in the reference */
    ws_memory_timing local; /* NPU memory: its own; that of the last node's first instance in the reference */
    int32_t          tier;  /* second KV tier it uses, index into tiers, or WS_NO_TIER */
} ws_instance_config;

/** A second KV tier: a chunk pool, private or shared (docs/model/serving.md 5.6). */
typedef struct ws_tier_config {
    int64_t n_chunks, chunk_bytes;
    int32_t chunk_tokens, block_size;
    int32_t node; /* whose CPU memory it is; WS_NO_NODE = CXL */
} ws_tier_config;

typedef struct ws_node_config {
    double        cpu_mem_gib;
    ws_pim        pim;        /* with attention offloading */
    int64_t       n_channels; /* PIM channels; 0 without offloading */
    ws_node_power power;
    int64_t       n_npus;
} ws_node_config;

/** How batches are timed; all three agree where they apply. */
typedef enum ws_step_model {
    WS_STEP_CLOSED,   /* one formula a batch: dense models, one stage, no groups (timing/step.h) */
    WS_STEP_LOCKSTEP, /* block by block: parallelism of any kind (timing/lockstep.h); physical fidelity */
    WS_STEP_EVENTS    /* event by event: everything (timing/event_engine.h) */
} ws_step_model;

struct ws_scenario {
    ws_arena            arena;  /* owns all arrays and strings below */
    ws_inputs          *inputs; /* borrowed, or owned; the workload is held in it */
    ws_options          options;
    ws_slo              slo;
    ws_fidelity         fidelity;
    int64_t             power_interval_ns, log_interval_ns;
    size_t              n_nodes, n_instances;
    ws_node_config     *nodes;
    ws_instance_config *instances;
    bool                owns_inputs;
    bool                has_power;
    bool                has_cxl, has_pim;
    int64_t             n_npus;  /* over all instances */
    ws_network          network; /* of the cluster, as the reference builds it (docs/model/serving.md 1.6) */
    ws_memory_timing    cxl;     /* one CXL device */
    int64_t             n_cxl_devices;
    double              cxl_mem_gib;      /* of the pool, as a second KV tier */
    double              cxl_weight_bytes; /* of all instances */
    size_t              n_groups;         /* DP groups */
    size_t              n_tiers;
    ws_tier_config     *tiers;
    ws_step_model       step_model;   /* how batches are timed, see timing/executor.h */
    const ws_workload  *workload;     /* borrowed from the inputs */
    ws_profile_kind     profile_kind; /* least certain one used */
    ws_strbuf           notes;
};

#endif /* WS_SCENARIO_INTERNAL_H */
