#include "timing/op_list.h"

#include <stdlib.h>
#include <string.h>

#include "scenario/parallelism.h"
#include "timing/step.h"

enum { BYTES_PER_TOKEN_ID = 4, SEED_OF_EXPERTS = 42 };

/* One group of requests and what its ops depend on; the whole batch, or one of two sub-batches. */
typedef struct group {
    const ws_batch_entry *entries;
    size_t                n_entries;
    int8_t                tag;
    int64_t               n_tokens;    /* T */
    int64_t               n_sequences; /* S */
    ws_attention_query    attention;
    int64_t               attention_ns; /* 0 = no NPU attention op */
    int64_t               pd_tokens;
    const ws_pim_spread  *pim;       /* with attention offloading: where its decodes run */
    int64_t               pim_split; /* entries of a request */
} group;

typedef struct writer {
    ws_op_list_builder       *b;
    const ws_scenario        *scenario;
    const ws_instance_config *c;
    ws_op_list               *p;
    int64_t                   group_tokens;  /* Tc */
    ws_rng                    rng;           /* of RAND expert routing */
    bool                      replays;       /* experts are routed once and repeated in every block */
    bool                      has_routed[2]; /* by sub-batch */
    ws_status                 status;
} writer;

ws_status ws_op_list_builder_init(ws_op_list_builder *b, ws_arena *arena, const ws_scenario *s)
{
    size_t  scratch = 1;
    int64_t ranks   = 1;
    for (size_t i = 0; i < s->n_instances; i++) {
        const ws_instance_config *c   = &s->instances[i];
        const size_t              len = ws_expert_scratch_len(c->model);
        scratch                       = len > scratch ? len : scratch;
        ranks                         = c->ep_total > ranks ? c->ep_total : ranks;
    }
    *b                  = (ws_op_list_builder){.arena = arena, .scenario = s};
    b->expert_scratch   = ws_arena_alloc(arena, scratch, sizeof(*b->expert_scratch));
    b->loads[0]         = ws_arena_alloc(arena, (size_t)ranks, sizeof(**b->loads));
    b->loads[1]         = ws_arena_alloc(arena, (size_t)ranks, sizeof(**b->loads));
    const bool complete = b->expert_scratch != NULL && b->loads[0] != NULL && b->loads[1] != NULL;
    return complete ? WS_OK : WS_ERR_NOMEM;
}

/* Work space for sorting, kept between batches; valid until the next call. */
static void *sort_space(ws_op_list_builder *b, size_t bytes)
{
    const ws_status status = ws_arena_grow(b->arena, &b->sort_space, &b->sort_capacity, 0, bytes + 1, 1);
    return status == WS_OK ? b->sort_space : NULL;
}

/* ---- ops ---- */

static ws_op *put_op(writer *w, ws_op_kind kind, int8_t tag)
{
    static const ws_op blank = {.weights = {WS_LOCATION_LOCAL, 0}};
    ws_op_list        *p     = w->p;
    if (w->status == WS_OK) {
        w->status =
            ws_arena_grow(w->b->arena, &p->ops, &p->capacity, p->n_ops, p->n_ops + 1, sizeof(*p->ops));
    }
    if (w->status != WS_OK) {
        p->n_ops = p->n_ops > 0 ? p->n_ops - 1 : 0; /* overwrite: the build has failed anyway */
        if (p->capacity == 0) {
            return NULL;
        }
    }
    ws_op *op = &p->ops[p->n_ops++];
    *op       = blank;
    op->kind  = kind;
    op->tag   = tag;
    return op;
}

static int64_t layer_ns(const writer *w, ws_layer layer, const group *g)
{
    switch (ws_layer_category(layer)) {
    case WS_CATEGORY_DENSE:
        return ws_profile_layer_ns(w->c->profile, layer, g->n_tokens > 1 ? g->n_tokens : 1);
    case WS_CATEGORY_PER_SEQUENCE:
        return ws_profile_layer_ns(w->c->profile, layer, g->n_sequences > 1 ? g->n_sequences : 1);
    case WS_CATEGORY_ATTENTION:
        return g->attention_ns;
    case WS_CATEGORY_MOE:
        break;
    }
    WS_ASSERT(false && "expert ops have their own writer");
    return 0;
}

static void count_weight_bytes(writer *w, ws_location where, double bytes)
{
    if (where.kind == WS_LOCATION_CXL) {
        w->p->work.cxl_bytes += bytes;
    }
    if (where.kind != WS_LOCATION_LOCAL) {
        w->p->work.dram_bytes += bytes;
    }
}

static void add_all_reduce(writer *w, ws_op *op, const group *g)
{
    const double tp      = (double)w->c->tp_size;
    op->has_collective   = true;
    op->collective       = WS_ALL_REDUCE;
    op->collective_bytes = g->n_tokens * w->c->model->hidden_size * w->c->element_bytes;
    op->collective_dims  = w->c->tp_dims;
    w->p->work.link_bytes += 2.0 * (tp - 1.0) * ((double)op->collective_bytes / tp);
}

static void add_kv_send(writer *w, ws_op *op, const group *g)
{
    const ws_model *m  = w->c->model;
    const int64_t   tp = w->c->tp_size;
    op->kv_send_bytes =
        2 * m->n_kv_heads * m->head_dim * g->pd_tokens * w->c->kv_element_bytes / (tp > 1 ? tp : 1);
    w->p->work.link_bytes += (double)op->kv_send_bytes;
}

/* A layer of prologue, block or head that runs on every NPU of its stage. */
static void put_layer(writer *w, ws_layer layer, int64_t block, const group *g)
{
    const ws_instance_config *c  = w->c;
    const int64_t             ns = layer_ns(w, layer, g);
    ws_op                    *op = put_op(w, WS_OP_COMPUTE, g->tag);
    if (op == NULL) {
        return;
    }
    op->layer   = layer;
    op->ns      = ns;
    op->weights = ws_placement_weights(&c->placement, block, layer);
    op->weight_bytes =
        ws_model_layer_bytes(c->model, layer, g->n_tokens, 0, c->tp_size, c->element_bytes).weight;
    w->p->work.act_ns += ns;
    /* the prologue's off-NPU weights are charged unsharded (docs/model/serving.md Q-P9) */
    const bool unsharded = layer == WS_LAYER_EMBEDDING;
    count_weight_bytes(
        w, op->weights,
        (double)(unsharded ? ws_model_layer_bytes(c->model, layer, g->n_tokens, 0, 1, c->element_bytes).weight
                           : op->weight_bytes));
    if (c->tp_size > 1 && (layer == WS_LAYER_O_PROJ || layer == WS_LAYER_DOWN_PROJ)) {
        add_all_reduce(w, op, g);
    }
    if (layer == WS_LAYER_QKV_PROJ && c->role == WS_ROLE_PREFILL && g->pd_tokens > 0) {
        add_kv_send(w, op, g);
    }
}

/* ---- experts ---- */

/* What each EP rank gets of the group's tokens. */
static const ws_expert_load *route_experts(writer *w, const group *g)
{
    const int       k     = g->tag == 2 ? 1 : 0;
    ws_expert_load *loads = w->b->loads[k];
    if (!w->has_routed[k] || !w->replays) {
        const ws_expert_router router = {.policy =
                                             (ws_expert_routing)w->scenario->options.expert_routing_policy,
                                         .model   = w->c->model,
                                         .n_ranks = w->c->ep_total,
                                         .rng     = &w->rng,
                                         .scratch = w->b->expert_scratch};
        ws_expert_route(&router, g->n_tokens, loads);
        w->has_routed[k] = true;
    }
    return loads;
}

static void put_expert_collective(writer *w, ws_op *mark, ws_collective kind, int64_t bytes)
{
    const double ranks = (double)w->c->ep_total;
    if (w->c->ep_total <= 1) {
        return;
    }
    mark->has_collective   = true;
    mark->collective       = kind;
    mark->collective_bytes = bytes;
    mark->collective_dims  = w->c->ep_dims;
    w->p->work.link_bytes += (ranks - 1.0) * ((double)bytes / ranks);
}

static void put_expert_rank(writer *w, const ws_expert_load *load, int64_t block, const group *g,
                            int64_t *slowest_ns)
{
    const ws_instance_config *c = w->c;
    if (load->tokens <= 0) {
        return;
    }
    ws_op *op = put_op(w, WS_OP_COMPUTE, g->tag);
    if (op == NULL) {
        return;
    }
    op->layer   = WS_LAYER_MOE;
    op->ns      = ws_profile_moe_ns(c->profile, load->tokens, load->activated > 1 ? load->activated : 1);
    op->weights = ws_placement_weights(&c->placement, block, WS_LAYER_MOE);
    op->weight_bytes =
        ws_model_layer_bytes(c->model, WS_LAYER_MOE, load->tokens, 0, c->ep_total, c->element_bytes).weight;
    count_weight_bytes(w, op->weights, (double)op->weight_bytes);
    *slowest_ns = op->ns > *slowest_ns ? op->ns : *slowest_ns;
}

static void put_experts(writer *w, int64_t block, const group *g)
{
    const ws_instance_config *c          = w->c;
    const ws_model           *m          = c->model;
    const int64_t             n_local    = c->local_ep > 1 ? c->local_ep : 1;
    const int64_t             share      = w->group_tokens / c->ep_total;
    const ws_expert_load     *loads      = route_experts(w, g);
    int64_t                   slowest_ns = 0;
    for (int64_t rank = 0; rank < n_local; rank++) {
        ws_op *mark = put_op(w, WS_OP_EXPERT, g->tag);
        if (mark == NULL) {
            return;
        }
        mark->index = (int32_t)rank;
        if (rank == 0) {
            put_expert_collective(w, mark, WS_ALL_GATHER,
                                  (share > 1 ? share : 1) * (m->hidden_size + m->n_experts) *
                                      c->element_bytes);
        }
        put_expert_rank(w, &loads[rank], block, g, &slowest_ns);
    }
    ws_op *end = put_op(w, WS_OP_EXPERT_END, g->tag);
    if (end != NULL) {
        put_expert_collective(w, end, WS_REDUCE_SCATTER, w->group_tokens * m->hidden_size * c->element_bytes);
    }
    w->p->work.act_ns += slowest_ns;
}

/* ---- PIM attention ---- */

static int compare_longest_first(const void *a, const void *b)
{
    const ws_batch_entry *x = a, *y = b;
    if (x->request->input != y->request->input) {
        return x->request->input > y->request->input ? -1 : 1;
    }
    return (x->computed > y->computed) -
           (x->computed < y->computed); /* computed holds the place in the batch */
}

/* Spread the group's decoding requests over the channels of their node, longest first. */
static void spread_over_channels(writer *w, group *g)
{
    const ws_node_config *node   = &w->scenario->nodes[w->c->node];
    ws_op_list_builder   *b      = w->b;
    ws_pim_spread        *spread = &b->pim[g->tag == 2 ? 1 : 0];
    ws_batch_entry       *sorted = sort_space(b, g->n_entries * (sizeof(*sorted) + sizeof(ws_pim_item)));
    if (sorted == NULL) {
        w->status = WS_ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < g->n_entries; i++) {
        sorted[i] = (ws_batch_entry){.request = g->entries[i].request, .computed = (int32_t)i};
    }
    qsort(sorted, g->n_entries, sizeof(*sorted), compare_longest_first);
    ws_pim_item *items   = (ws_pim_item *)(sorted + g->n_entries);
    size_t       n_items = 0;
    g->pim               = spread;
    g->pim_split         = ws_pim_split(&node->pim, w->c->model, node->cpu_mem_gib);
    for (size_t i = 0; i < g->n_entries; i++) {
        const ws_request *request = sorted[i].request;
        if (!request->is_initial) {
            items[n_items++] = (ws_pim_item){
                request->input, ws_pim_entry_ns(&node->pim, w->c->model, g->pim_split, request->input)};
        }
    }
    w->status = ws_pim_spread_place(spread, b->arena, items, n_items, g->pim_split, node->n_channels);
}

/* Bytes that one entry moves. */
static int64_t pim_entry_bytes(const ws_instance_config *c, int64_t split)
{
    WS_ASSERT(split >= 1 && c->tp_size >= 1);
    const ws_model *m     = c->model;
    const int64_t   heads = m->n_heads / c->tp_size, kv_heads = m->n_kv_heads / c->tp_size;
    const int64_t   output = heads * m->head_dim * c->element_bytes;
    const int64_t   input  = output + 2 * kv_heads * m->head_dim * c->element_bytes;
    return input / split + output / split;
}

static void put_pim(writer *w, const group *g)
{
    const int64_t        bytes  = pim_entry_bytes(w->c, g->pim_split);
    const ws_pim_spread *spread = g->pim;
    for (int64_t channel = 0; channel < spread->n_channels; channel++) {
        ws_op *mark = put_op(w, WS_OP_PIM, g->tag);
        if (mark == NULL) {
            return;
        }
        mark->index = (int32_t)channel;
        for (size_t i = spread->begin[channel]; i < spread->begin[channel + 1]; i++) {
            ws_op *op = put_op(w, WS_OP_PIM_WORK, g->tag);
            if (op == NULL) {
                return;
            }
            op->index     = (int32_t)channel;
            op->ns        = spread->entry_ns[i];
            op->pim_bytes = bytes;
            w->p->work.pim_ns += (double)op->ns;
            w->p->work.pim_bytes += (double)bytes;
        }
    }
    (void)put_op(w, WS_OP_PIM_END, g->tag);
}

/* ---- sections ---- */

static void put_section(writer *w, ws_section section, int64_t block, const group *g)
{
    const ws_layer_sequence *sequence = &w->c->model->sections[section];
    for (size_t i = 0; i < sequence->n_layers; i++) {
        const ws_layer layer = sequence->layers[i];
        if (!w->c->cost->has_layer[layer]) {
            continue;
        }
        if (layer == WS_LAYER_ATTENTION) {
            if (w->c->options.enable_attn_offloading) {
                put_pim(w, g);
            }
            if (g->attention_ns == 0) {
                continue;
            }
        }
        if (layer == WS_LAYER_MOE) {
            put_experts(w, block, g);
        } else {
            put_layer(w, layer, block, g);
        }
    }
}

static void put_rest_of_block(writer *w, int64_t block, const group *g)
{
    put_section(w, WS_SECTION_POST_ATTN, block, g);
    put_section(w, w->c->model->is_moe ? WS_SECTION_MLP_MOE : WS_SECTION_MLP_DENSE, block, g);
}

static void put_ordinary(writer *w, const group *g)
{
    const int64_t n_blocks = ws_instance_n_blocks(w->scenario, w->c), n_stages = w->c->pp_size;
    int64_t       block = 0;
    put_section(w, WS_SECTION_PROLOGUE, WS_NO_BLOCK_INDEX, g);
    w->p->stage_begin[0] = 0;
    for (int64_t stage = 0; stage < n_stages; stage++) {
        if (stage > 0) {
            w->p->stage_begin[stage] = w->p->n_ops;
        }
        for (int64_t i = ws_stage_n_blocks(n_blocks, n_stages, stage); i > 0; i--, block++) {
            put_section(w, WS_SECTION_PRE_ATTN, block, g);
            put_rest_of_block(w, block, g);
        }
    }
    put_section(w, WS_SECTION_HEAD, WS_NO_BLOCK_INDEX, g);
    w->p->stage_begin[n_stages] = w->p->n_ops;
}

static void put_interleaved(writer *w, const group *first, const group *second)
{
    const int64_t n_blocks = ws_instance_n_blocks(w->scenario, w->c);
    const group  *both[2]  = {first, second};
    for (int k = 0; k < 2; k++) {
        put_section(w, WS_SECTION_PROLOGUE, WS_NO_BLOCK_INDEX, both[k]);
        put_section(w, WS_SECTION_PRE_ATTN, 0, both[k]);
    }
    for (int64_t block = 0; block < n_blocks - 1; block++) {
        for (int k = 0; k < 2; k++) {
            put_rest_of_block(w, block, both[k]);
            put_section(w, WS_SECTION_PRE_ATTN, block + 1, both[k]);
        }
    }
    for (int k = 0; k < 2; k++) {
        put_rest_of_block(w, n_blocks - 1, both[k]);
        put_section(w, WS_SECTION_HEAD, WS_NO_BLOCK_INDEX, both[k]);
    }
    w->p->stage_begin[0] = 0;
    w->p->stage_begin[1] = w->p->n_ops;
}

/* ---- groups ---- */

static void time_attention(writer *w, group *g)
{
    const ws_attention_query *q = &g->attention;
    if (w->c->options.enable_attn_offloading) { /* decodes are PIM work */
        g->attention.n_decodes = g->attention.kv_mean = g->attention.kv_max = g->attention.kv_min = 0;
    }
    g->attention_ns =
        q->prefill_tokens > 0 || q->n_decodes > 0 ? ws_profile_attention_ns(w->c->profile, q) : 0;
}

static group whole_batch(writer *w, const ws_batch *batch)
{
    group g = {.entries     = batch->entries,
               .n_entries   = batch->n_entries,
               .n_tokens    = batch->n_tokens,
               .n_sequences = ws_batch_n_sequences(batch),
               .attention   = ws_batch_attention(batch),
               .pd_tokens   = batch->pd_tokens};
    time_attention(w, &g);
    return g;
}

/* A sub-batch rebuilt by the rule of docs/model/serving.md 4.5. */
static group sub_batch(writer *w, const ws_batch_entry *entries, size_t n, int8_t tag)
{
    ws_batch counted = {.kv_min = INT64_MAX, .n_entries = n};
    for (size_t i = 0; i < n; i++) {
        const int64_t tokens = entries[i].n_tokens, kv = entries[i].computed;
        counted.n_tokens += tokens;
        if (tokens > 1) {
            counted.n_prefills++;
            counted.prefill_tokens += tokens;
            counted.prefill_kv += kv;
        } else {
            counted.n_decodes++;
            counted.n_kv_entries++;
            counted.kv_sum += kv;
            counted.kv_max = kv > counted.kv_max ? kv : counted.kv_max;
            counted.kv_min = kv < counted.kv_min ? kv : counted.kv_min;
        }
    }
    counted.kv_min = counted.n_decodes > 0 ? counted.kv_min : 0;
    group g        = whole_batch(w, &counted);
    g.entries      = entries;
    g.tag          = tag;
    return g;
}

typedef struct placed_entry {
    ws_batch_entry entry;
    size_t         place;
} placed_entry;

static int compare_most_tokens(const void *a, const void *b)
{
    const placed_entry *x = a, *y = b;
    if (x->entry.n_tokens != y->entry.n_tokens) {
        return x->entry.n_tokens > y->entry.n_tokens ? -1 : 1;
    }
    return (x->place > y->place) - (x->place < y->place);
}

static int compare_arrival(const void *a, const void *b)
{
    const placed_entry *x = a, *y = b;
    if (x->entry.request->arrival_ns != y->entry.request->arrival_ns) {
        return x->entry.request->arrival_ns < y->entry.request->arrival_ns ? -1 : 1;
    }
    return (x->place > y->place) - (x->place < y->place);
}

/* Split a batch in two by tokens (docs/model/serving.md 6.8). n_out[k] entries land in builder->entries[k].
 */
static ws_status split_batch(ws_op_list_builder *b, const ws_batch *batch, size_t n_out[2])
{
    const size_t  n      = batch->n_entries;
    placed_entry *sorted = sort_space(b, 3 * n * sizeof(*sorted));
    if (sorted == NULL) {
        return WS_ERR_NOMEM;
    }
    placed_entry *groups[2] = {sorted + n, sorted + 2 * n};
    int64_t       load[2]   = {0, 0};
    n_out[0] = n_out[1] = 0;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = (placed_entry){batch->entries[i], i};
    }
    qsort(sorted, n, sizeof(*sorted), compare_most_tokens);
    for (size_t i = 0; i < n; i++) {
        const int k = load[0] <= load[1] ? 0 : 1;
        load[k] += sorted[i].entry.n_tokens;
        groups[k][n_out[k]]       = sorted[i];
        groups[k][n_out[k]].place = n_out[k];
        n_out[k]++;
    }
    for (int k = 0; k < 2; k++) {
        qsort(groups[k], n_out[k], sizeof(**groups), compare_arrival);
        WS_TRY(ws_arena_grow(b->arena, &b->entries[k], &b->entry_capacity[k], 0, n_out[k] + 1,
                             sizeof(**b->entries)));
        for (size_t i = 0; i < n_out[k]; i++) {
            b->entries[k][i] = groups[k][i].entry;
        }
    }
    return WS_OK;
}

/* ---- the whole ---- */

/* The reference charges recalls alone, always as memory of the host. A block that is kept on the NPU goes
 * nowhere. */
WS_HOT void ws_batch_work_add_kv(const ws_scenario *scenario, const ws_instance_config *c,
                                 const ws_batch *batch, ws_batch_work *work)
{
    const double moved = (double)(batch->load_bytes + batch->store_bytes);
    if (scenario->fidelity == WS_FIDELITY_REFERENCE) {
        work->dram_bytes += (double)batch->load_bytes;
    } else if (c->placement.kv_evict.kind == WS_LOCATION_CXL) {
        work->kv_cxl_bytes += moved;
    } else if (c->placement.kv_evict.kind == WS_LOCATION_REMOTE) {
        work->kv_dram_bytes += moved;
    }
}

/* Traffic that belongs to the batch rather than to a op. */
static void count_batch_traffic(writer *w, const ws_batch *batch, const group *first)
{
    const ws_instance_config *c      = w->c;
    ws_batch_work            *work   = &w->p->work;
    const double              hidden = (double)(first->n_tokens * c->model->hidden_size);
    if (c->pp_size > 1) {
        /* the reference forgets the element size here (docs/model/serving.md Q-P6) */
        const double element =
            w->scenario->fidelity == WS_FIDELITY_REFERENCE ? 1.0 : (double)c->element_bytes;
        work->link_bytes += hidden * element * (double)(c->pp_size - 1);
    }
    if (c->role == WS_ROLE_PREFILL) {
        const double element = (double)c->element_bytes;
        work->link_bytes += hidden * element + (double)(first->n_sequences * c->model->hidden_size) * element;
    }
    ws_batch_work_add_kv(w->scenario, c, batch, work);
    work->io_bytes = (double)(w->p->input_bytes + w->p->output_bytes);
}

static void reset_program(ws_op_list *p, const ws_instance_config *c, const ws_batch *batch)
{
    p->n_ops        = 0;
    p->work         = (ws_batch_work){0};
    p->load_bytes   = batch->load_bytes;
    p->load_from    = c->placement.kv_evict;
    p->input_bytes  = 2 * batch->n_tokens * c->element_bytes;
    p->output_bytes = BYTES_PER_TOKEN_ID * batch->n_tokens;
    p->hidden_bytes = batch->n_tokens * c->model->hidden_size * c->element_bytes;
}

ws_status ws_op_list_build(ws_op_list_builder *b, const ws_instance_config *c, const ws_batch *batch,
                           int64_t group_tokens, ws_op_list *p)
{
    writer w  = {.b = b, .scenario = b->scenario, .c = c, .p = p, .group_tokens = group_tokens};
    w.replays = c->placement.blocks == NULL;
    ws_rng_seed(&w.rng, SEED_OF_EXPERTS);
    WS_TRY(ws_arena_grow(b->arena, &p->stage_begin, &p->stage_capacity, 0, (size_t)c->pp_size + 1,
                         sizeof(*p->stage_begin))); /* the instance before may have had fewer stages */
    reset_program(p, c, batch);
    size_t n[2] = {0, 0};
    if (c->options.enable_sub_batch_interleaving && batch->n_entries > 1) {
        WS_TRY(split_batch(b, batch, n));
    }
    group first;
    if (n[0] > 0 && n[1] > 0) {
        first        = sub_batch(&w, b->entries[0], n[0], 1);
        group second = sub_batch(&w, b->entries[1], n[1], 2);
        spread_over_channels(&w, &first); /* interleaving needs offloading */
        spread_over_channels(&w, &second);
        WS_TRY(w.status);
        put_interleaved(&w, &first, &second);
        p->input_bytes  = 2 * first.n_tokens * c->element_bytes;
        p->output_bytes = BYTES_PER_TOKEN_ID * second.n_tokens;
    } else {
        first = whole_batch(&w, batch);
        if (c->options.enable_attn_offloading) {
            spread_over_channels(&w, &first);
            WS_TRY(w.status);
        }
        put_ordinary(&w, &first);
    }
    const ws_attention_query query = ws_batch_attention(batch);
    p->extrapolates = ws_step_cost_extrapolates(c->cost, batch->n_tokens, first.n_sequences, &query);
    count_batch_traffic(&w, batch, &first);
    return w.status;
}
