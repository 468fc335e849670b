#include "timing/event_engine.h"

#include <string.h>

#include "scenario/parallelism.h"

/* Arrivals of ring messages are counted per (collective, phase); a neighbour is never this many phases ahead.
 */
enum { RING_SLOTS = 64 };

typedef enum event_kind {
    EVENT_NODE_END,     /* node of the NPU's current graph has finished */
    EVENT_RING_STEP,    /* the NPU sends the next message of its collective, or its phase is over */
    EVENT_RING_MESSAGE, /* a ring message has arrived; node = slot */
    EVENT_MESSAGE       /* a point-to-point message has arrived; node = channel */
} event_kind;

typedef struct event {
    int64_t    time_ns;
    uint64_t   sequence; /* events of one tick run in the order they were put in */
    event_kind kind;
    int32_t    npu, node;
} event;

typedef struct channel {
    int32_t n_arrived;    /* messages nobody has taken */
    int32_t waiting_node; /* RECV node that waits, -1 = none */
} channel;

/* The collective an NPU is in. */
typedef struct ring_state {
    ws_ring_phases phases;
    int            phase;
    int64_t        step;       /* k: messages sent in this phase */
    bool           is_waiting; /* for message k of its neighbour */
    int32_t        node;
    unsigned       dims;
} ring_state;

typedef struct npu_state {
    ws_npu_graph             *graph; /* running, NULL = idle */
    ws_npu_graph             *queue_head, *queue_tail;
    size_t                    n_left; /* nodes of the graph that have not finished */
    int32_t                  *ready;  /* node numbers, ascending, waiting for a slot */
    size_t                    n_ready, ready_capacity;
    bool                      is_computing, is_communicating;
    bool                      in_issue; /* the ready list is being walked */
    ring_state                ring;
    int64_t                   n_collectives; /* entered so far */
    int32_t                   ring_arrivals[RING_SLOTS];
    channel                  *channels;
    const ws_instance_config *instance;
    int32_t next[WS_DIMS_MAX]; /* NPU that gets its ring messages, per dimension; -1 = none */
} npu_state;

struct ws_event_engine {
    ws_arena             *arena;
    const ws_scenario    *scenario;
    ws_event_engine_hooks hooks;
    npu_state            *npus;
    int64_t               n_npus;
    event                *heap;
    size_t                n_events, heap_capacity;
    uint64_t              next_sequence;
    int64_t              *memory_tail_ns; /* [nodes + CXL devices] */
    int64_t              *pim_tail_ns;    /* [PIM queues] */
    size_t                n_pim_queues;
    ws_npu_graph         *free_graphs;
    int64_t               now_ns;
    ws_status             status; /* first failure inside an event */
};

/* ---- rings ---- */

/* The next coordinate of a dimension in the cluster's network. */
static int32_t neighbour_in_cluster(const ws_network *net, int64_t n_npus, int64_t npu, int dim)
{
    int64_t stride = 1;
    for (int k = 0; k < dim; k++) {
        stride *= net->size[k];
    }
    const int64_t at   = npu / stride % net->size[dim];
    const int64_t next = at + 1 < net->size[dim] ? npu + stride : npu - at * stride;
    return next < n_npus ? (int32_t)next : -1;
}

/* The next member of an instance's DP group, around the end. */
static const ws_instance_config *next_member(const ws_scenario *s, const ws_instance_config *c)
{
    size_t i = (size_t)c->index;
    do {
        i = (i + 1) % s->n_instances;
    } while (s->instances[i].dp_group != c->dp_group);
    return &s->instances[i];
}

static void link_npu(const ws_scenario *s, int64_t n_npus, const ws_instance_config *c, int64_t offset,
                     npu_state *npu)
{
    npu->instance = c;
    if (s->fidelity == WS_FIDELITY_REFERENCE) {
        for (int dim = 0; dim < s->network.n_dims; dim++) {
            npu->next[dim] = neighbour_in_cluster(&s->network, n_npus, c->first_npu + offset, dim);
        }
        return;
    }
    const int64_t stage_begin = offset / c->tp_size * c->tp_size;
    const int64_t group_next  = c->dp_group == WS_NO_GROUP ? c->first_npu : next_member(s, c)->first_npu;
    npu->next[WS_DIM_TP]    = (int32_t)(c->first_npu + stage_begin + (offset + 1 - stage_begin) % c->tp_size);
    npu->next[WS_DIM_STAGE] = -1; /* stages have no collectives among them */
    npu->next[WS_DIM_GROUP] = (int32_t)(group_next + offset);
}

/* ---- event queue: a binary heap by (time, sequence) ---- */

static bool is_earlier(const event *a, const event *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->sequence < b->sequence;
}

static void push_event(ws_event_engine *g, int64_t time_ns, event_kind kind, int64_t npu, int32_t node)
{
    const ws_status status =
        ws_arena_grow(g->arena, &g->heap, &g->heap_capacity, g->n_events, g->n_events + 1, sizeof(*g->heap));
    if (status != WS_OK) {
        g->status = status;
        return;
    }
    const event e = {time_ns, g->next_sequence++, kind, (int32_t)npu, node};
    size_t      i = g->n_events++;
    while (i > 0 && is_earlier(&e, &g->heap[(i - 1) / 2])) {
        g->heap[i] = g->heap[(i - 1) / 2];
        i          = (i - 1) / 2;
    }
    g->heap[i] = e;
}

static event pop_event(ws_event_engine *g)
{
    const event first = g->heap[0];
    const event last  = g->heap[--g->n_events];
    size_t      i     = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= g->n_events) {
            break;
        }
        if (child + 1 < g->n_events && is_earlier(&g->heap[child + 1], &g->heap[child])) {
            child++;
        }
        if (!is_earlier(&g->heap[child], &last)) {
            break;
        }
        g->heap[i] = g->heap[child];
        i          = child;
    }
    if (g->n_events > 0) {
        g->heap[i] = last;
    }
    return first;
}

int64_t ws_event_engine_next_ns(const ws_event_engine *g)
{
    return g->n_events > 0 ? g->heap[0].time_ns : INT64_MAX;
}

/* ---- set-up ---- */

static size_t n_host_queues(const ws_scenario *s)
{
    return s->fidelity == WS_FIDELITY_REFERENCE ? s->n_nodes : s->n_instances;
}

static size_t n_memory_queues(const ws_scenario *s)
{
    return n_host_queues(s) + (size_t)s->n_cxl_devices;
}

ws_status ws_event_engine_create(ws_arena *arena, const ws_scenario *scenario, int64_t n_npus,
                                 ws_event_engine_hooks hooks, ws_event_engine **out)
{
    ws_event_engine *g = ws_arena_calloc(arena, 1, sizeof(*g));
    if (g == NULL) {
        return WS_ERR_NOMEM;
    }
    g->arena    = arena;
    g->scenario = scenario;
    g->hooks    = hooks;
    g->n_npus   = n_npus;
    for (size_t i = 0; i < scenario->n_nodes; i++) {
        g->n_pim_queues += (size_t)scenario->nodes[i].n_channels + scenario->n_nodes * i;
    }
    size_t n_channels = WS_CHANNEL_KV;
    for (size_t i = 0; i < scenario->n_instances; i++) {
        const size_t needed = WS_CHANNEL_KV + (size_t)scenario->instances[i].model->n_layers;
        n_channels          = needed > n_channels ? needed : n_channels;
    }
    g->npus           = ws_arena_calloc(arena, (size_t)n_npus, sizeof(*g->npus));
    g->memory_tail_ns = ws_arena_calloc(arena, n_memory_queues(scenario), sizeof(*g->memory_tail_ns));
    g->pim_tail_ns    = ws_arena_calloc(arena, g->n_pim_queues + 1, sizeof(*g->pim_tail_ns));
    channel *channels = ws_arena_calloc(arena, (size_t)n_npus * n_channels, sizeof(*channels));
    if (g->npus == NULL || g->memory_tail_ns == NULL || g->pim_tail_ns == NULL || channels == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < (size_t)n_npus * n_channels; i++) {
        channels[i].waiting_node = -1;
    }
    for (size_t i = 0; i < scenario->n_instances; i++) {
        const ws_instance_config *c = &scenario->instances[i];
        for (int64_t offset = 0; offset < c->n_npu_ids; offset++) {
            npu_state *npu = &g->npus[c->first_npu + offset];
            npu->channels  = channels + (size_t)(c->first_npu + offset) * n_channels;
            link_npu(scenario, n_npus, c, offset, npu);
        }
    }
    *out = g;
    return WS_OK;
}

int32_t ws_event_engine_device(const ws_scenario *s, const ws_instance_config *c, ws_location location)
{
    switch (location.kind) {
    case WS_LOCATION_LOCAL:
        return WS_DEVICE_LOCAL;
    case WS_LOCATION_REMOTE:
        return s->fidelity == WS_FIDELITY_REFERENCE ? location.index : c->index;
    case WS_LOCATION_CXL:
        return (int32_t)n_host_queues(s) + location.index;
    }
    return WS_DEVICE_LOCAL;
}

int32_t ws_event_engine_pim_queue(const ws_scenario *s, const ws_instance_config *c, int32_t index)
{
    if (s->fidelity == WS_FIDELITY_REFERENCE) {
        return (int32_t)s->n_nodes * c->node + index;
    }
    int64_t first = 0;
    for (int32_t node = 0; node < c->node; node++) {
        first += s->nodes[node].n_channels;
    }
    return (int32_t)first + index;
}

/* ---- building ---- */

ws_npu_graph *ws_npu_graph_new(ws_event_engine *g)
{
    ws_npu_graph *graph = g->free_graphs;
    if (graph == NULL) {
        return ws_arena_calloc(g->arena, 1, sizeof(*graph));
    }
    g->free_graphs = graph->next;
    graph->next    = NULL;
    graph->n_nodes = graph->n_edges = 0;
    return graph;
}

int32_t ws_npu_graph_add_node(ws_event_engine *g, ws_npu_graph *graph, ws_graph_node node)
{
    if (ws_arena_grow(g->arena, &graph->nodes, &graph->node_capacity, graph->n_nodes, graph->n_nodes + 1,
                      sizeof(*graph->nodes)) != WS_OK) {
        return -1;
    }
    node.n_parents               = 0;
    graph->nodes[graph->n_nodes] = node;
    return (int32_t)graph->n_nodes++;
}

ws_status ws_npu_graph_add_edge(ws_event_engine *g, ws_npu_graph *graph, int32_t parent, int32_t child)
{
    WS_TRY(ws_arena_grow(g->arena, &graph->edges, &graph->edge_capacity, 2 * graph->n_edges,
                         2 * graph->n_edges + 2, sizeof(*graph->edges)));
    graph->edges[2 * graph->n_edges]     = parent;
    graph->edges[2 * graph->n_edges + 1] = child;
    graph->n_edges++;
    graph->nodes[child].n_parents++;
    return WS_OK;
}

ws_status ws_npu_graph_seal(ws_event_engine *g, ws_npu_graph *graph)
{
    WS_TRY(ws_arena_grow(g->arena, &graph->children, &graph->children_capacity, 0, graph->n_edges + 1,
                         sizeof(*graph->children)));
    for (size_t i = 0; i < graph->n_nodes; i++) {
        graph->nodes[i].n_edges = 0;
    }
    for (size_t i = 0; i < graph->n_edges; i++) {
        graph->nodes[graph->edges[2 * i]].n_edges++;
    }
    int32_t begin = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        graph->nodes[i].first_edge = begin;
        begin += graph->nodes[i].n_edges;
        graph->nodes[i].n_edges = 0;
    }
    for (size_t i = 0; i < graph->n_edges; i++) {
        ws_graph_node *parent                                   = &graph->nodes[graph->edges[2 * i]];
        graph->children[parent->first_edge + parent->n_edges++] = graph->edges[2 * i + 1];
    }
    return WS_OK;
}

/* ---- collectives (docs/model/timing.md 2.5) ---- */

static int32_t ring_slot(int64_t n_collectives, int phase)
{
    return (int32_t)((n_collectives * WS_RING_PHASES_MAX + phase) % RING_SLOTS);
}

static void finish_node(ws_event_engine *g, int64_t npu, int32_t node);

static void begin_phase(ws_event_engine *g, int64_t npu)
{
    ring_state *ring = &g->npus[npu].ring;
    ring->step       = 0;
    ring->is_waiting = false;
    push_event(g, g->now_ns + WS_ENDPOINT_NS, EVENT_RING_STEP, npu, 0);
}

static void begin_collective(ws_event_engine *g, int64_t npu, int32_t number)
{
    npu_state           *n    = &g->npus[npu];
    const ws_graph_node *node = &n->graph->nodes[number];
    n->ring.phases = ws_collective_phases(&n->instance->network, node->collective, node->value, node->dims);
    n->ring.phase  = 0;
    n->ring.node   = number;
    if (n->ring.phases.n_phases > 0) { /* without phases it never ends (docs/model/timing.md 8) */
        begin_phase(g, npu);
    }
}

/* Message k is here: reduce if this step does, then send the next one. */
static void take_ring_message(ws_event_engine *g, int64_t npu)
{
    npu_state           *n         = &g->npus[npu];
    const ws_ring_phase *phase     = &n->ring.phases.phases[n->ring.phase];
    const int64_t        reduce_ns = n->ring.step <= phase->n_reducing ? phase->reduce_ns : 0;
    n->ring.is_waiting             = false;
    push_event(g, g->now_ns + reduce_ns + WS_ENDPOINT_NS, EVENT_RING_STEP, npu, 0);
}

static void end_phase(ws_event_engine *g, int64_t npu)
{
    npu_state *n                                                 = &g->npus[npu];
    n->ring_arrivals[ring_slot(n->n_collectives, n->ring.phase)] = 0;
    n->ring.phase++;
    if (n->ring.phase < n->ring.phases.n_phases) {
        begin_phase(g, npu);
        return;
    }
    n->n_collectives++;
    finish_node(g, npu, n->ring.node);
}

static void run_ring_step(ws_event_engine *g, int64_t npu)
{
    npu_state           *n     = &g->npus[npu];
    const ws_ring_phase *phase = &n->ring.phases.phases[n->ring.phase];
    const int32_t        slot  = ring_slot(n->n_collectives, n->ring.phase);
    if (n->ring.step == phase->n_steps) {
        end_phase(g, npu);
        return;
    }
    n->ring.step++;
    const int32_t neighbour = n->next[phase->dim];
    if (neighbour >= 0) {
        push_event(g, g->now_ns + phase->message_ns, EVENT_RING_MESSAGE, neighbour, slot);
    }
    if (n->ring_arrivals[slot] >= n->ring.step) {
        take_ring_message(g, npu);
    } else {
        n->ring.is_waiting = true;
    }
}

static void arrive_ring_message(ws_event_engine *g, int64_t npu, int32_t slot)
{
    npu_state *n = &g->npus[npu];
    n->ring_arrivals[slot]++;
    if (n->is_communicating && n->ring.is_waiting && slot == ring_slot(n->n_collectives, n->ring.phase) &&
        n->ring_arrivals[slot] >= n->ring.step) {
        take_ring_message(g, npu);
    }
}

/* ---- nodes ---- */

static const ws_memory_timing *memory_of(const ws_event_engine *g, int64_t npu, int32_t device)
{
    const ws_instance_config *c = g->npus[npu].instance;
    if (device == WS_DEVICE_LOCAL) {
        return &c->local;
    }
    return device < (int32_t)n_host_queues(g->scenario) ? &c->remote : &g->scenario->cxl;
}

static int64_t queue_on(int64_t *tail_ns, int64_t now_ns, int64_t duration_ns)
{
    const int64_t begin_ns = *tail_ns > now_ns ? *tail_ns : now_ns;
    *tail_ns               = begin_ns + duration_ns;
    return *tail_ns;
}

static void begin_memory(ws_event_engine *g, int64_t npu, int32_t number, const ws_graph_node *node)
{
    const int64_t duration_ns = ws_memory_ns(memory_of(g, npu, node->device), node->value);
    const int64_t end_ns      = node->device == WS_DEVICE_LOCAL
                                    ? g->now_ns + duration_ns
                                    : queue_on(&g->memory_tail_ns[node->device], g->now_ns, duration_ns);
    push_event(g, end_ns, EVENT_NODE_END, npu, number);
}

static void begin_pim(ws_event_engine *g, int64_t npu, int32_t number, const ws_graph_node *node)
{
    const int64_t duration_ns = node->value + ws_memory_ns(&g->npus[npu].instance->remote, node->bytes);
    push_event(g, queue_on(&g->pim_tail_ns[node->device], g->now_ns, duration_ns), EVENT_NODE_END, npu,
               number);
}

static void begin_send(ws_event_engine *g, int64_t npu, int32_t number, const ws_graph_node *node)
{
    const ws_scenario *s = g->scenario;
    const int64_t      delay_ns =
        s->fidelity == WS_FIDELITY_REFERENCE
                 ? ws_network_between_ns(&s->network, npu, node->device, node->value)
                 : ws_network_message_ns(&g->npus[npu].instance->network, WS_DIM_STAGE, node->value);
    const int64_t end_ns = g->now_ns + delay_ns;
    push_event(g, end_ns, EVENT_NODE_END, npu, number);
    push_event(g, end_ns, EVENT_MESSAGE, node->device, node->channel);
}

static void begin_receive(ws_event_engine *g, int64_t npu, int32_t number, const ws_graph_node *node)
{
    channel *from = &g->npus[npu].channels[node->channel];
    if (from->n_arrived > 0) {
        from->n_arrived--;
        push_event(g, g->now_ns, EVENT_NODE_END, npu, number);
    } else {
        from->waiting_node = number;
    }
}

static void arrive_message(ws_event_engine *g, int64_t npu, int32_t at)
{
    channel *to = &g->npus[npu].channels[at];
    if (to->waiting_node < 0) {
        to->n_arrived++;
        return;
    }
    const int32_t node = to->waiting_node;
    to->waiting_node   = -1;
    finish_node(g, npu, node);
}

static void begin_compute(ws_event_engine *g, int64_t npu, int32_t number, const ws_graph_node *node)
{
    g->npus[npu].is_computing = true;
    if (g->hooks.on_kernel != NULL) {
        g->hooks.on_kernel(g->hooks.ctx, npu, g->npus[npu].graph->batch_id, true, g->now_ns);
    }
    push_event(g, g->now_ns + node->value, EVENT_NODE_END, npu, number);
}

/* Start a ready node if its slot is free. */
static bool try_begin(ws_event_engine *g, int64_t npu, int32_t number)
{
    npu_state           *n    = &g->npus[npu];
    const ws_graph_node *node = &n->graph->nodes[number];
    switch (node->kind) {
    case WS_NODE_COMPUTE:
        if (n->is_computing) {
            return false;
        }
        begin_compute(g, npu, number, node);
        return true;
    case WS_NODE_SEND:
    case WS_NODE_COLLECTIVE:
        if (n->is_communicating) {
            return false;
        }
        n->is_communicating = true;
        if (node->kind == WS_NODE_SEND) {
            begin_send(g, npu, number, node);
        } else {
            begin_collective(g, npu, number);
        }
        return true;
    case WS_NODE_MEMORY:
        begin_memory(g, npu, number, node);
        return true;
    case WS_NODE_PIM:
        begin_pim(g, npu, number, node);
        return true;
    case WS_NODE_RECV:
        begin_receive(g, npu, number, node);
        return true;
    }
    return true;
}

/* Walk the ready nodes in order of their numbers; those that start leave the list. */
static void issue(ws_event_engine *g, int64_t npu)
{
    npu_state *n    = &g->npus[npu];
    size_t     kept = 0;
    for (size_t i = 0; i < n->n_ready; i++) {
        if (!try_begin(g, npu, n->ready[i])) {
            n->ready[kept++] = n->ready[i];
        }
    }
    n->n_ready = kept;
}

static void add_ready(ws_event_engine *g, npu_state *n, int32_t number)
{
    const ws_status status =
        ws_arena_grow(g->arena, &n->ready, &n->ready_capacity, n->n_ready, n->n_ready + 1, sizeof(*n->ready));
    if (status != WS_OK) {
        g->status = status;
        return;
    }
    size_t i = n->n_ready++;
    while (i > 0 && n->ready[i - 1] > number) {
        n->ready[i] = n->ready[i - 1];
        i--;
    }
    n->ready[i] = number;
}

/* ---- graphs ---- */

static void start_graph(ws_event_engine *g, int64_t npu, ws_npu_graph *graph)
{
    npu_state *n = &g->npus[npu];
    n->graph     = graph;
    n->n_left    = graph->n_nodes;
    n->n_ready   = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].n_parents == 0) {
            add_ready(g, n, (int32_t)i);
        }
    }
    issue(g, npu);
}

static void end_graph(ws_event_engine *g, int64_t npu)
{
    npu_state    *n        = &g->npus[npu];
    ws_npu_graph *finished = n->graph;
    finished->next         = g->free_graphs;
    g->free_graphs         = finished;
    n->graph               = NULL;
    g->hooks.on_end(g->hooks.ctx, npu, finished->batch_id, g->now_ns);
    ws_npu_graph *next = n->queue_head;
    if (next != NULL) {
        n->queue_head = next->next;
        next->next    = NULL;
        start_graph(g, npu, next);
    }
}

static void free_slot(ws_event_engine *g, int64_t npu, ws_node_kind kind)
{
    npu_state *n = &g->npus[npu];
    if (kind == WS_NODE_COMPUTE) {
        n->is_computing = false;
        if (g->hooks.on_kernel != NULL) {
            g->hooks.on_kernel(g->hooks.ctx, npu, n->graph->batch_id, false, g->now_ns);
        }
    } else if (kind == WS_NODE_SEND || kind == WS_NODE_COLLECTIVE) {
        n->is_communicating = false;
    }
}

static void finish_node(ws_event_engine *g, int64_t npu, int32_t number)
{
    npu_state *n = &g->npus[npu];
    WS_ASSERT(n->graph != NULL);
    const ws_graph_node *node = &n->graph->nodes[number];
    free_slot(g, npu, node->kind);
    for (int32_t i = 0; i < node->n_edges; i++) {
        const int32_t child = n->graph->children[node->first_edge + i];
        if (--n->graph->nodes[child].n_parents == 0) {
            add_ready(g, n, child);
        }
    }
    issue(g, npu);
    if (--n->n_left == 0) {
        end_graph(g, npu);
    }
}

bool ws_event_engine_is_idle(const ws_event_engine *g, int64_t npu)
{
    return g->npus[npu].graph == NULL;
}

ws_status ws_event_engine_submit(ws_event_engine *g, int64_t npu, ws_npu_graph *graph, int64_t now_ns)
{
    npu_state *n = &g->npus[npu];
    g->now_ns    = now_ns;
    if (n->graph == NULL) {
        start_graph(g, npu, graph);
        return g->status;
    }
    graph->next = NULL;
    if (n->queue_head == NULL) {
        n->queue_head = graph;
    } else {
        n->queue_tail->next = graph;
    }
    n->queue_tail = graph;
    return g->status;
}

ws_status ws_event_engine_run_tick(ws_event_engine *g, int64_t now_ns)
{
    g->now_ns = now_ns;
    while (g->n_events > 0 && g->heap[0].time_ns == now_ns && g->status == WS_OK) {
        const event e = pop_event(g);
        switch (e.kind) {
        case EVENT_NODE_END:
            finish_node(g, e.npu, e.node);
            break;
        case EVENT_RING_STEP:
            run_ring_step(g, e.npu);
            break;
        case EVENT_RING_MESSAGE:
            arrive_ring_message(g, e.npu, e.node);
            break;
        case EVENT_MESSAGE:
            arrive_message(g, e.npu, e.node);
            break;
        }
    }
    return g->status;
}
