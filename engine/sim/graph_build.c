#include "sim/graph_build.h"

enum { NO_NODE = -1 };

/* The walk along the rows of one NPU; names as in spec/timing.md 1.4. */
typedef struct walk {
    ws_graph                 *graph;
    ws_graph_program         *out;
    ws_graph_lists           *lists;
    ws_arena                 *arena;
    const ws_scenario        *scenario;
    const ws_instance_config *c;
    const ws_program         *p;
    int64_t                   n_per_stage; /* G */
    int64_t                   stage, offset, npu;
    bool                      is_first; /* no compute yet */
    int32_t                   prev, comp, coll, dispatch;
    int8_t                    held_tag;
    int32_t   chain[3]; /* newest row or collective by tag: its sub-batch goes on from there */
    bool      in_experts;
    int32_t   kv_row; /* KV sends so far */
    ws_status status;
} walk;

static int32_t add_node(walk *w, ws_graph_node node)
{
    if (w->status != WS_OK) {
        return 0;
    }
    const int32_t number = ws_graph_add_node(w->graph, w->out, node);
    if (number < 0) {
        w->status = WS_ERR_NOMEM;
        return 0;
    }
    return number;
}

static void add_edge(walk *w, int32_t parent, int32_t child)
{
    if (w->status == WS_OK && parent != NO_NODE) {
        w->status = ws_graph_add_edge(w->graph, w->out, parent, child);
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
                                       .device = ws_graph_device(w->scenario, w->c, where),
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
    const ws_row     *last  = &w->p->rows[w->p->stage_begin[w->stage + 1] - 1];
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

/* ---- rows (1.4) ---- */

static int32_t build_weight_load(walk *w, const ws_row *row)
{
    const bool is_off = row->weights.kind != WS_LOCATION_LOCAL || w->c->options.enable_local_offloading;
    if (row->weight_bytes <= 0 || !is_off) {
        return NO_NODE;
    }
    const int32_t load = add_memory(w, row->weights, row->weight_bytes);
    if (w->in_experts) {
        add_edge(w, w->comp, load);
    }
    return load;
}

/* PIM work a compute row waits for (1.7). */
static void add_pim_parents(walk *w, const ws_row *row, int32_t compute)
{
    ws_graph_lists *l = w->lists;
    if (l->n_open == 0) {
        return;
    }
    if (row->tag == 0) {
        add_edges(w, l->open, l->n_open, compute);
        l->n_open = 0;
    } else if (row->tag != w->held_tag) {
        add_edges(w, l->held, l->n_held, compute);
        l->n_held = 0;
        for (size_t i = 0; i < l->n_open; i++) {
            push(w, &l->held, &l->n_held, &l->held_capacity, l->open[i]);
        }
        l->n_open   = 0;
        w->held_tag = row->tag;
    }
}

static int32_t add_collective(walk *w, const ws_row *row, int32_t parent)
{
    const int32_t node = add_node(w, (ws_graph_node){.kind       = WS_NODE_COLLECTIVE,
                                                     .collective = row->collective,
                                                     .value      = row->collective_bytes,
                                                     .dims       = row->collective_dims});
    add_edge(w, parent, node);
    return node;
}

/* Behind PIM work of another sub-batch or its own, a row waits for its weights and for what its sub-batch did
 * last. */
static void continue_sub_batch(walk *w, const ws_row *row, int32_t load, int32_t compute)
{
    const int32_t last = w->chain[row->tag];
    add_edge(w, load, compute);
    if (last != NO_NODE) {
        add_edge(w, last, compute);
    } else {
        add_edges(w, w->lists->entry, w->lists->n_entry, compute);
    }
}

static void build_compute(walk *w, const ws_row *row)
{
    const int32_t load    = build_weight_load(w, row);
    const int32_t compute = add_node(w, (ws_graph_node){.kind = WS_NODE_COMPUTE, .value = row->ns});
    if (w->lists->n_pim_parents > 0) {
        w->lists->n_pim_parents = 0;
        /* The first compute behind PIM work waits for neither rows nor weights (T-33). With experts, ranks
         * would then enter collectives in different orders and wait for each other for ever; physical
         * fidelity keeps the links there. */
        if (w->scenario->fidelity == WS_FIDELITY_PHYSICAL && w->c->model->is_moe) {
            continue_sub_batch(w, row, load, compute);
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
    add_pim_parents(w, row, compute);
    w->prev = w->comp = compute;
    if (row->kv_send_bytes > 0) {
        const int32_t send = add_node(w, (ws_graph_node){.kind    = WS_NODE_SEND,
                                                         .device  = (int32_t)(w->npu + w->c->num_npus),
                                                         .channel = WS_CHANNEL_KV + w->kv_row++,
                                                         .value   = row->kv_send_bytes});
        add_edge(w, compute, send);
    }
    if (row->has_collective && w->n_per_stage > 1) {
        w->prev = w->coll = add_collective(w, row, compute);
    }
    w->chain[row->tag] = w->prev;
}

/* ---- marks (1.5, 1.6) ---- */

static bool is_mark(const ws_row *row)
{
    return row->kind != WS_ROW_COMPUTE && row->kind != WS_ROW_PIM_WORK;
}

static size_t skip_to_mark(const walk *w, size_t i)
{
    do {
        i++;
    } while (!is_mark(&w->p->rows[i]));
    return i;
}

/* @return the index of the next row to look at */
static size_t build_expert_mark(walk *w, size_t i)
{
    const ws_row *mark = &w->p->rows[i];
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

static void build_expert_end(walk *w, const ws_row *mark)
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
    const ws_row   *mark = &w->p->rows[i];
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

static void build_pim_work(walk *w, const ws_row *row)
{
    ws_graph_lists *l      = w->lists;
    const int32_t   device = ws_graph_pim_queue(w->scenario, w->c, row->index);
    const int32_t   node   = add_node(
            w, (ws_graph_node){.kind = WS_NODE_PIM, .device = device, .value = row->ns, .bytes = row->pim_bytes});
    add_edges(w, l->pim_parents, l->n_pim_parents, node);
    push(w, &l->open, &l->n_open, &l->open_capacity, node);
}

static void build_rows(walk *w)
{
    size_t i = w->p->stage_begin[w->stage];
    while (i < w->p->stage_begin[w->stage + 1] && w->status == WS_OK) {
        const ws_row *row = &w->p->rows[i];
        switch (row->kind) {
        case WS_ROW_COMPUTE:
            build_compute(w, row);
            i++;
            break;
        case WS_ROW_EXPERT:
            i = build_expert_mark(w, i);
            break;
        case WS_ROW_EXPERT_END:
            build_expert_end(w, row);
            i++;
            break;
        case WS_ROW_PIM:
            i = build_pim_mark(w, i);
            break;
        case WS_ROW_PIM_WORK:
            build_pim_work(w, row);
            i++;
            break;
        case WS_ROW_PIM_END:
            i++;
            break;
        }
    }
}

/* ---- shadows (1.9) ---- */

static void build_shadow(walk *w)
{
    int32_t kv_row = 0;
    for (size_t i = w->p->stage_begin[w->stage]; i < w->p->stage_begin[w->stage + 1]; i++) {
        if (w->p->rows[i].kv_send_bytes > 0) {
            (void)add_node(w, (ws_graph_node){.kind = WS_NODE_RECV, .channel = WS_CHANNEL_KV + kv_row++});
        }
    }
    if (w->stage + 1 == w->c->pp_size) {
        (void)add_node(w, (ws_graph_node){.kind = WS_NODE_RECV, .channel = WS_CHANNEL_OUTPUT});
    }
}

ws_status ws_graph_build(ws_graph *graph, ws_graph_lists *lists, ws_arena *arena, const ws_scenario *scenario,
                         const ws_instance_config *c, const ws_program *p, int64_t batch_id, int64_t offset,
                         ws_graph_program **out)
{
    const bool    is_shadow = offset >= c->num_npus;
    const int64_t local     = is_shadow ? offset - c->num_npus : offset;
    walk          w         = {.graph       = graph,
                               .out         = ws_graph_program_new(graph),
                               .lists       = lists,
                               .arena       = arena,
                               .scenario    = scenario,
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
        build_rows(&w);
        build_exit(&w);
    }
    WS_TRY(w.status);
    *out = w.out;
    return ws_graph_program_seal(graph, w.out);
}
