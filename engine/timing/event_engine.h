/* timing/event_engine.h -- the event engine below the batches: every NPU runs a graph of compute, memory,
 * message and collective nodes; resources queue, everything else overlaps (docs/model/timing.md 1 to 3).
 *
 * Exact for every feature, a few tens of ns per event. Steps with a closed form do not come here
 * (timing/executor.h). Arena memory; graphs are recycled. */
#ifndef WS_EVENT_ENGINE_H
#define WS_EVENT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "scenario/scenario_internal.h"

typedef enum ws_node_kind {
    WS_NODE_COMPUTE,   /* value = ns; one at a time per NPU */
    WS_NODE_MEMORY,    /* value = bytes, device = queue */
    WS_NODE_PIM,       /* value = ns, bytes next to it, device = PIM queue */
    WS_NODE_SEND,      /* value = bytes, device = peer NPU, channel; one of SEND, COLLECTIVE at a time */
    WS_NODE_RECV,      /* channel */
    WS_NODE_COLLECTIVE /* value = bytes, kind, dims */
} ws_node_kind;

typedef struct ws_graph_node {
    ws_node_kind  kind;
    int32_t       n_parents;           /* that have not finished */
    int32_t       first_edge, n_edges; /* children, in ws_npu_graph.children */
    int32_t       device;              /* memory queue, PIM queue or peer NPU */
    int32_t       channel;             /* of messages: purpose, WS_CHANNEL_* */
    ws_collective collective;
    unsigned      dims;
    int64_t       value, bytes;
} ws_graph_node;

/** Purposes of messages; KV of row l is WS_CHANNEL_KV + l. */
enum { WS_CHANNEL_STAGE, WS_CHANNEL_OUTPUT, WS_CHANNEL_KV };

/** Memory queues: LOCAL is no queue; then host memory, one queue per node under reference fidelity and one
 * per instance under physical; then one per CXL device. */
enum { WS_DEVICE_LOCAL = -1 };

/** The graph of one batch on one NPU. */
typedef struct ws_npu_graph {
    ws_graph_node       *nodes;
    size_t               n_nodes, node_capacity;
    int32_t             *edges; /* (parent, child) pairs while building */
    size_t               n_edges, edge_capacity;
    int32_t             *children; /* sorted by parent when sealed */
    size_t               children_capacity;
    int64_t              batch_id;
    struct ws_npu_graph *next; /* in a queue or the free list */
} ws_npu_graph;

typedef struct ws_event_engine ws_event_engine;

/** Told when a graph ends: the NPU is free in this tick. */
typedef void (*ws_event_engine_end_fn)(void *ctx, int64_t npu, int64_t batch_id, int64_t now_ns);
/** Told when an NPU's first kernel after a pause begins (is_start) or its compute slot becomes free. */
typedef void (*ws_event_engine_kernel_fn)(void *ctx, int64_t npu, int64_t batch_id, bool is_start,
                                          int64_t now_ns);

typedef struct ws_event_engine_hooks {
    void                     *ctx;
    ws_event_engine_end_fn    on_end;
    ws_event_engine_kernel_fn on_kernel; /* NULL = not wanted */
} ws_event_engine_hooks;

/** @param[in] n_npus  ids in use, shadows included */
WS_NODISCARD ws_status ws_event_engine_create(ws_arena *arena, const ws_scenario *scenario, int64_t n_npus,
                                              ws_event_engine_hooks hooks, ws_event_engine **out);

/* ---- building a graph ---- */

/** An empty graph, recycled if possible; NULL if out of memory. */
ws_npu_graph *ws_npu_graph_new(ws_event_engine *engine);
/** Append a node; its number is its issue priority. @return the number, or -1 if out of memory */
int32_t ws_npu_graph_add_node(ws_event_engine *engine, ws_npu_graph *graph, ws_graph_node node);
/** `child` waits for `parent`. @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_npu_graph_add_edge(ws_event_engine *engine, ws_npu_graph *graph, int32_t parent,
                                             int32_t child);
/** No more nodes or edges. */
WS_NODISCARD ws_status ws_npu_graph_seal(ws_event_engine *engine, ws_npu_graph *graph);

/* ---- running ---- */

bool ws_event_engine_is_idle(const ws_event_engine *engine, int64_t npu);

/** Give a graph to an NPU: an idle one starts it now, a busy one queues it. Takes the graph over. */
WS_NODISCARD ws_status ws_event_engine_submit(ws_event_engine *engine, int64_t npu, ws_npu_graph *graph,
                                              int64_t now_ns);

/** Time of the earliest event, INT64_MAX if there is none. */
int64_t ws_event_engine_next_ns(const ws_event_engine *engine);

/** Run every event of this tick, including those it adds to itself. */
WS_NODISCARD ws_status ws_event_engine_run_tick(ws_event_engine *engine, int64_t now_ns);

/** Memory queue of a location, as an instance uses it. */
int32_t ws_event_engine_device(const ws_scenario *scenario, const ws_instance_config *instance,
                               ws_location location);

/** PIM queue of channel `index` of the instance's node. In the reference the numbers of different nodes
 * collide (docs/model/timing.md T-36); under physical fidelity every channel has a queue of its own. */
int32_t ws_event_engine_pim_queue(const ws_scenario *scenario, const ws_instance_config *instance,
                                  int32_t index);

#endif /* WS_EVENT_ENGINE_H */
