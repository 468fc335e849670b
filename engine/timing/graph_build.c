#include "timing/graph_build.h"

enum { NO_NODE = -1 };

/* The walk along the ops of one NPU (docs/model/timing.md 1.4). */
typedef struct walk {
    ws_event_engine          *engine;
    ws_npu_graph             *out;
    ws_graph_lists           *lists;
    ws_arena                 *arena;
    const ws_scenario        *scenario;
    const ws_instance_config *c;
    const ws_op_list         *p;
    int64_t                   n_per_stage; /* G */
    int64_t                   stage, offset, npu;
    bool                      is_first; /* no compute yet */
    int32_t                   prev, comp, coll, dispatch;
    int8_t                    held_tag;
    int32_t                   chain[3]; /* newest op or collective by tag: its sub-batch goes on from there */
    bool                      in_experts;
    int32_t                   n_kv_sends; /* KV sends so far */
    ws_status                 status;
} walk;

static int32_t add_node(walk *w, ws_graph_node node)
{
    if (w->status != WS_OK) {
        return 0;
    }
    const int32_t number = ws_npu_graph_add_node(w->engine, w->out, node);
    if (number < 0) {
        w->status = WS_ERR_NOMEM;
        return 0;
    }
    return number;
}

static void add_edge(walk *w, int32_t parent, int32_t child)
{
    if (w->status == WS_OK && parent != NO_NODE) {
        w->status = ws_npu_graph_add_edge(w->engine, w->out, parent, child);
    }
}

static void push(walk *w, int32_t **list, size_t *n, size_t *capacity, int32_t node)
{
    if (w->status == WS_OK) {
        w->status = ws_arena_grow(w->arena, list, capacity, *n, *n + 1, sizeof(**list));
    }
    if (w->status == WS_OK) {
        (*list)[(*n)++] = node;
    }
}

static void add_edges(walk *w, const int32_t *parents, size_t n, int32_t child)
{
    for (size_t i = 0; i < n; i++) {
        add_edge(w, parents[i], child);
    }
}

/* ---- entry and exit (1.3, 1.8) ---- */

static int32_t add_memory(walk *w, ws_location where, int64_t bytes)
{
    return add_node(w, (ws_graph_node){.kind   = WS_NODE_MEMORY,
                                       .device = ws_event_engine_device(w->scenario, w->c, where),
                                       .value  = bytes});
}

static void add_entry(walk *w, int32_t node)
{
    push(w, &w->lists->entry, &w->lists->n_entry, &w->lists->entry_capacity, node);
}

static void build_entry(walk *w)
{
    const ws_location host = {WS_LOCATION_REMOTE, w->c->node};
    if (w->p->load_bytes > 0) {
        add_entry(w, add_memory(w, w->p->load_from, w->p->load_bytes));
    }
    if (w->stage == 0) {
        add_entry(w, add_memory(w, host, w->p->input_bytes));
    } else {
        add_entry(w, add_node(w, (ws_graph_node){.kind = WS_NODE_RECV, .channel = WS_CHANNEL_STAGE}));
    }
}

static void build_exit(walk *w)
{
    const ws_op      *last  = &w->p->ops[w->p->stage_begin[w->stage + 1] - 1];
    const int32_t     after = last->has_collective && w->n_per_stage > 1 ? w->coll : w->comp;
    const ws_location host  = {WS_LOCATION_REMOTE, w->c->node};
    int32_t           node;
    if (w->stage + 1 < w->c->pp_size) {
        node = add_node(w, (ws_graph_node){.kind    = WS_NODE_SEND,
                                           .device  = (int32_t)(w->npu + w->n_per_stage),
                                           .channel = WS_CHANNEL_STAGE,
                                           .value   = w->p->hidden_bytes});
    } else if (w->c->role == WS_ROLE_PREFILL) {
        node = add_node(w, (ws_graph_node){.kind    = WS_NODE_SEND,
                                           .device  = (int32_t)(w->npu + w->c->num_npus),
                                           .channel = WS_CHANNEL_OUTPUT,
                                           .value   = w->p->output_bytes});
    } else {
        node = add_memory(w, host, w->p->output_bytes);
    }
    add_edge(w, after, node);
}

/* ---- ops (1.4) ---- */

static int32_t build_weight_load(walk *w, const ws_op *op)
{
    const bool is_off = op->weights.kind != WS_LOCATION_LOCAL || w->c->options.enable_local_offloading;
    if (op->weight_bytes <= 0 || !is_off) {
        return NO_NODE;
    }
    const int32_t load = add_memory(w, op->weights, op->weight_bytes);
    if (w->in_experts) {
        add_edge(w, w->comp, load);
    }
    return load;
}

/* PIM work a compute op waits for (1.7). */
static void add_pim_parents(walk *w, const ws_op *op, int32_t compute)
{
    ws_graph_lists *l = w->lists;
    if (l->n_open == 0) {
        return;
    }
    if (op->tag == 0) {
        add_edges(w, l->open, l->n_open, compute);
        l->n_open = 0;
    } else if (op->tag != w->held_tag) {
        add_edges(w, l->held, l->n_held, compute);
        l->n_held = 0;
        for (size_t i = 0; i < l->n_open; i++) {
            push(w, &l->held, &l->n_held, &l->held_capacity, l->open[i]);
        }
        l->n_open   = 0;
        w->held_tag = op->tag;
    }
}

static int32_t add_collective(walk *w, const ws_op *op, int32_t parent)
{
    const int32_t node = add_node(w, (ws_graph_node){.kind       = WS_NODE_COLLECTIVE,
                                                     .collective = op->collective,
                                                     .value      = op->collective_bytes,
                                                     .dims       = op->collective_dims});
    add_edge(w, parent, node);
    return node;
}

/* Behind PIM work of another sub-batch or its own, a op waits for its weights and for what its sub-batch did
 * last. */
static void continue_sub_batch(walk *w, const ws_op *op, int32_t load, int32_t compute)
{
    const int32_t last = w->chain[op->tag];
    add_edge(w, load, compute);
    if (last != NO_NODE) {
        add_edge(w, last, compute);
    } else {
        add_edges(w, w->lists->entry, w->lists->n_entry, compute);
    }
}

static void build_compute(walk *w, const ws_op *op)
{
    const int32_t load    = build_weight_load(w, op);
    const int32_t compute = add_node(w, (ws_graph_node){.kind = WS_NODE_COMPUTE, .value = op->ns});
    if (w->lists->n_pim_parents > 0) {
        w->lists->n_pim_parents = 0;
        /* The first compute behind PIM work waits for neither ops nor weights (docs/model/timing.md T-33).
         * With experts, ranks would then enter collectives in different orders and wait for each other
         * forever; physical fidelity keeps the links there. */
        if (w->scenario->fidelity == WS_FIDELITY_PHYSICAL && w->c->model->is_moe) {
            continue_sub_batch(w, op, load, compute);
        }
    } else {
        add_edge(w, load, compute);
        if (w->is_first) {
            add_edges(w, w->lists->entry, w->lists->n_entry, compute);
            w->is_first = false;
        } else {
            add_edge(w, w->prev, compute);
        }
    }
    add_pim_parents(w, op, compute);
    w->prev = w->comp = compute;
    if (op->kv_send_bytes > 0) {
        const int32_t send = add_node(w, (ws_graph_node){.kind    = WS_NODE_SEND,
                                                         .device  = (int32_t)(w->npu + w->c->num_npus),
                                                         .channel = WS_CHANNEL_KV + w->n_kv_sends++,
                                                         .value   = op->kv_send_bytes});
        add_edge(w, compute, send);
    }
    if (op->has_collective && w->n_per_stage > 1) {
        w->prev = w->coll = add_collective(w, op, compute);
    }
    w->chain[op->tag] = w->prev;
}

/* ---- marks (1.5, 1.6) ---- */

static bool is_mark(const ws_op *op)
{
    return op->kind != WS_OP_COMPUTE && op->kind != WS_OP_PIM_WORK;
}

static size_t skip_to_mark(const walk *w, size_t i)
{
    do {
        i++;
    } while (!is_mark(&w->p->ops[i]));
    return i;
}

/* @return the index of the next op to look at */
static size_t build_expert_mark(walk *w, size_t i)
{
    const ws_op *mark = &w->p->ops[i];
    if (mark->index == 0) {
        w->dispatch   = NO_NODE;
        w->in_experts = true;
        if (mark->has_collective && mark->collective_bytes > 0) {
            w->dispatch = add_collective(w, mark, w->comp);
        }
    }
    if (mark->index % w->n_per_stage != w->offset) {
        return skip_to_mark(w, i);
    }
    w->prev = mark->index == 0 && w->dispatch != NO_NODE ? w->dispatch : w->comp;
    return i + 1;
}

static void build_expert_end(walk *w, const ws_op *mark)
{
    w->in_experts = false;
    w->prev       = w->comp;
    if (mark->has_collective && mark->collective_bytes > 0) {
        w->prev = w->coll = add_collective(w, mark, w->comp);
    }
    w->chain[mark->tag] = w->prev;
}

static size_t build_pim_mark(walk *w, size_t i)
{
    ws_graph_lists *l    = w->lists;
    const ws_op    *mark = &w->p->ops[i];
    if (mark->index == 0) {
        l->n_pim_parents = 0;
        if (w->is_first) {
            for (size_t k = 0; k < l->n_entry; k++) {
                push(w, &l->pim_parents, &l->n_pim_parents, &l->pim_parents_capacity, l->entry[k]);
            }
            w->is_first = false;
        } else {
            push(w, &l->pim_parents, &l->n_pim_parents, &l->pim_parents_capacity, w->prev);
        }
    }
    return mark->index % w->n_per_stage != w->offset ? skip_to_mark(w, i) : i + 1;
}

static void build_pim_work(walk *w, const ws_op *op)
{
    ws_graph_lists *l      = w->lists;
    const int32_t   device = ws_event_engine_pim_queue(w->scenario, w->c, op->index);
    const int32_t   node   = add_node(
            w, (ws_graph_node){.kind = WS_NODE_PIM, .device = device, .value = op->ns, .bytes = op->pim_bytes});
    add_edges(w, l->pim_parents, l->n_pim_parents, node);
    push(w, &l->open, &l->n_open, &l->open_capacity, node);
}

static void build_ops(walk *w)
{
    size_t i = w->p->stage_begin[w->stage];
    while (i < w->p->stage_begin[w->stage + 1] && w->status == WS_OK) {
        const ws_op *op = &w->p->ops[i];
        switch (op->kind) {
        case WS_OP_COMPUTE:
            build_compute(w, op);
            i++;
            break;
        case WS_OP_EXPERT:
            i = build_expert_mark(w, i);
            break;
        case WS_OP_EXPERT_END:
            build_expert_end(w, op);
            i++;
            break;
        case WS_OP_PIM:
            i = build_pim_mark(w, i);
            break;
        case WS_OP_PIM_WORK:
            build_pim_work(w, op);
            i++;
            break;
        case WS_OP_PIM_END:
            i++;
            break;
        }
    }
}

/* ---- shadows (1.9) ---- */

static void build_shadow(walk *w)
{
    int32_t n_kv_sends = 0;
    for (size_t i = w->p->stage_begin[w->stage]; i < w->p->stage_begin[w->stage + 1]; i++) {
        if (w->p->ops[i].kv_send_bytes > 0) {
            (void)add_node(w, (ws_graph_node){.kind = WS_NODE_RECV, .channel = WS_CHANNEL_KV + n_kv_sends++});
        }
    }
    if (w->stage + 1 == w->c->pp_size) {
        (void)add_node(w, (ws_graph_node){.kind = WS_NODE_RECV, .channel = WS_CHANNEL_OUTPUT});
    }
}

ws_status ws_graph_build(ws_graph_builder *builder, const ws_instance_config *c, const ws_op_list *p,
                         int64_t batch_id, int64_t offset, ws_npu_graph **out)
{
    ws_graph_lists *lists     = &builder->lists;
    const bool      is_shadow = offset >= c->num_npus;
    const int64_t   local     = is_shadow ? offset - c->num_npus : offset;
    walk            w         = {.engine      = builder->engine,
                                 .out         = ws_npu_graph_new(builder->engine),
                                 .lists       = lists,
                                 .arena       = builder->arena,
                                 .scenario    = builder->scenario,
                                 .c           = c,
                                 .p           = p,
                                 .n_per_stage = c->tp_size,
                                 .stage       = local / c->tp_size,
                                 .offset      = local % c->tp_size,
                                 .npu         = c->first_npu + local,
                                 .is_first    = true,
                                 .prev        = NO_NODE,
                                 .comp        = NO_NODE,
                                 .coll        = NO_NODE,
                                 .dispatch    = NO_NODE,
                                 .held_tag    = 1,
                                 .chain       = {NO_NODE, NO_NODE, NO_NODE}};
    if (w.out == NULL) {
        return WS_ERR_NOMEM;
    }
    w.out->batch_id = batch_id;
    lists->n_entry = lists->n_pim_parents = lists->n_open = lists->n_held = 0;
    if (is_shadow) {
        build_shadow(&w);
    } else {
        build_entry(&w);
        build_ops(&w);
        build_exit(&w);
    }
    WS_TRY(w.status);
    *out = w.out;
    return ws_npu_graph_seal(builder->engine, w.out);
}
