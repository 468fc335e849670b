#include "timing/lockstep.h"

#include <string.h>

#include "base/minmax.h"
#include "scenario/parallelism.h"
#include "timing/step.h"

enum { BYTES_PER_TOKEN_ID = 4, SEED_OF_EXPERTS = 42 };

ws_status ws_lockstep_space_init(ws_lockstep_space *space, ws_arena *arena, int64_t n_npus)
{
    int64_t *values = ws_arena_calloc(arena, 9 * (size_t)n_npus, sizeof(*values));
    space->counts   = ws_arena_alloc(arena, (size_t)n_npus, sizeof(*space->counts));
    space->chain_ns = values;
    if (values == NULL || space->counts == NULL) {
        return WS_ERR_NOMEM;
    }
    space->slot_ns = values + n_npus;
    space->last_ns = values + 2 * n_npus;
    space->ring_ns = values + 3 * n_npus;
    space->scratch = values + 4 * n_npus;
    space->before  = values + 5 * n_npus;
    space->bytes   = values + 8 * n_npus;
    return WS_OK;
}

ws_status ws_lockstep_batch_init(ws_lockstep_batch *lock, ws_arena *arena, const ws_instance_config *c)
{
    *lock           = (ws_lockstep_batch){0};
    lock->expert_ns = ws_arena_calloc(arena, (size_t)ws_max_i64(c->local_ep, 1), sizeof(*lock->expert_ns));
    lock->npus      = ws_arena_calloc(arena, (size_t)c->num_npus, sizeof(*lock->npus));
    return lock->expert_ns != NULL && lock->npus != NULL ? WS_OK : WS_ERR_NOMEM;
}

/* ---- costing a batch ---- */

typedef struct coster {
    ws_lockstep_batch        *lock;
    ws_op_list_builder       *builder;
    const ws_scenario        *scenario;
    const ws_instance_config *c;
    const ws_batch           *batch;
    int64_t                   group_tokens, n_sequences, attention_ns, n_blocks;
    ws_batch_work            *work;
} coster;

static int64_t layer_ns(const coster *k, ws_layer layer)
{
    switch (ws_layer_category(layer)) {
    case WS_CATEGORY_DENSE:
        return ws_profile_layer_ns(k->c->profile, layer, ws_max_i64(k->batch->n_tokens, 1));
    case WS_CATEGORY_PER_SEQUENCE:
        return ws_profile_layer_ns(k->c->profile, layer, ws_max_i64(k->n_sequences, 1));
    case WS_CATEGORY_ATTENTION:
        return k->attention_ns;
    case WS_CATEGORY_MOE:
        break;
    }
    return 0;
}

static void put(coster *k, ws_lockstep_kind kind, int64_t ns, int64_t bytes)
{
    ws_lockstep_batch *lock = k->lock;
    if (kind == WS_LOCKSTEP_COMPUTE && lock->n_elements > 0 &&
        lock->elements[lock->n_elements - 1].kind == WS_LOCKSTEP_COMPUTE) {
        lock->elements[lock->n_elements - 1].ns += ns; /* ops in a row are one */
        return;
    }
    WS_ASSERT(lock->n_elements < WS_LOCKSTEP_ELEMENTS_MAX);
    lock->elements[lock->n_elements++] = (ws_lockstep_element){kind, ns, bytes};
}

static void put_all_reduce(coster *k)
{
    const double  tp    = (double)k->c->tp_size;
    const int64_t bytes = k->batch->n_tokens * k->c->model->hidden_size * k->c->element_bytes;
    put(k, WS_LOCKSTEP_ALL_REDUCE, 0, bytes);
    k->work->link_bytes += (double)k->n_blocks * 2.0 * (tp - 1.0) * ((double)bytes / tp);
}

static void put_kv_send(coster *k)
{
    const ws_model *m = k->c->model;
    const int64_t   bytes =
        2 * m->n_kv_heads * m->head_dim * k->batch->pd_tokens * k->c->kv_element_bytes / k->c->tp_size;
    if (bytes > 0) {
        put(k, WS_LOCKSTEP_KV_SEND, ws_network_message_ns(&k->c->network, WS_DIM_STAGE, bytes), bytes);
        k->work->link_bytes += (double)k->n_blocks * (double)bytes;
    }
}

static void put_expert_collective(coster *k, ws_lockstep_kind kind, int64_t bytes)
{
    const double ranks = (double)k->c->ep_total;
    put(k, kind, 0, bytes);
    k->work->link_bytes += (double)k->n_blocks * (ranks - 1.0) * ((double)bytes / ranks);
}

static WS_HOT void put_experts(coster *k)
{
    const ws_instance_config *c     = k->c;
    const ws_model           *m     = c->model;
    const int64_t             share = ws_max_i64(k->group_tokens / c->ep_total, 1);
    ws_expert_load           *loads = k->builder->loads[0];
    ws_rng                    rng;
    int64_t                   slowest_ns = 0;
    if (k->scenario->options.expert_routing_policy == WS_EXPERT_RAND) {
        ws_rng_seed(&rng, SEED_OF_EXPERTS);
    }
    const ws_expert_router router = {.policy  = (ws_expert_routing)k->scenario->options.expert_routing_policy,
                                     .model   = m,
                                     .n_ranks = c->ep_total,
                                     .rng     = &rng,
                                     .scratch = k->builder->expert_scratch};
    ws_expert_route(&router, k->batch->n_tokens, loads);
    for (int64_t r = 0; r < ws_max_i64(c->local_ep, 1); r++) {
        const ws_expert_load *load = &loads[r];
        k->lock->expert_ns[r] =
            load->tokens > 0 ? ws_profile_moe_ns(c->profile, load->tokens, ws_max_i64(load->activated, 1))
                             : 0;
        slowest_ns = ws_max_i64(slowest_ns, k->lock->expert_ns[r]);
    }
    if (c->ep_total > 1) {
        put_expert_collective(k, WS_LOCKSTEP_DISPATCH,
                              share * (m->hidden_size + m->n_experts) * c->element_bytes);
    }
    put(k, WS_LOCKSTEP_EXPERTS, 0, 0);
    if (c->ep_total > 1) {
        put_expert_collective(k, WS_LOCKSTEP_COMBINE, k->group_tokens * m->hidden_size * c->element_bytes);
    }
    k->work->act_ns += k->n_blocks * slowest_ns;
}

/* @return compute time of a section outside the blocks */
static int64_t sum_section(coster *k, ws_section section)
{
    const ws_layer_sequence *sequence = &k->c->model->sections[section];
    int64_t                  ns       = 0;
    for (size_t i = 0; i < sequence->n_layers; i++) {
        ns += k->c->cost->has_layer[sequence->layers[i]] ? layer_ns(k, sequence->layers[i]) : 0;
    }
    k->work->act_ns += ns;
    return ns;
}

static WS_HOT void put_section(coster *k, ws_section section)
{
    const ws_layer_sequence *sequence = &k->c->model->sections[section];
    for (size_t i = 0; i < sequence->n_layers; i++) {
        const ws_layer layer = sequence->layers[i];
        if (!k->c->cost->has_layer[layer] || (layer == WS_LAYER_ATTENTION && k->attention_ns == 0)) {
            continue;
        }
        if (layer == WS_LAYER_MOE) {
            put_experts(k);
            continue;
        }
        const int64_t ns = layer_ns(k, layer);
        put(k, WS_LOCKSTEP_COMPUTE, ns, 0);
        k->work->act_ns += k->n_blocks * ns;
        if (layer == WS_LAYER_QKV_PROJ && k->c->role == WS_ROLE_PREFILL) {
            put_kv_send(k);
        }
        if (k->c->tp_size > 1 && (layer == WS_LAYER_O_PROJ || layer == WS_LAYER_DOWN_PROJ)) {
            put_all_reduce(k);
        }
    }
}

/* Loads, stores and messages at the edges of stages, and the traffic that belongs to the batch. */
static void cost_edges(coster *k)
{
    const ws_instance_config *c     = k->c;
    const ws_batch           *batch = k->batch;
    ws_lockstep_batch        *lock  = k->lock;
    const int64_t             input = 2 * batch->n_tokens * c->element_bytes,
                  output            = BYTES_PER_TOKEN_ID * batch->n_tokens;
    const int64_t hidden            = batch->n_tokens * c->model->hidden_size * c->element_bytes;
    const int64_t kv_ns             = batch->load_bytes > 0 ? ws_memory_ns(&c->remote, batch->load_bytes) : 0;
    lock->load_ns                   = kv_ns + ws_memory_ns(&c->remote, input);
    lock->store_ns                  = ws_memory_ns(&c->remote, output);
    lock->stage_ns = lock->output_ns = 0;
    if (c->pp_size > 1) {
        lock->stage_ns = ws_network_message_ns(&c->network, WS_DIM_STAGE, hidden);
        k->work->link_bytes += (double)hidden * (double)(c->pp_size - 1);
    }
    if (c->role == WS_ROLE_PREFILL) {
        const double element = (double)c->element_bytes;
        lock->output_ns      = ws_network_message_ns(&c->network, WS_DIM_STAGE, output);
        k->work->link_bytes += (double)hidden + (double)(k->n_sequences * c->model->hidden_size) * element;
    }
    k->work->io_bytes = (double)(input + output);
    ws_batch_work_add_kv(k->scenario, c, batch, k->work);
}

WS_HOT void ws_lockstep_batch_prepare(ws_lockstep_batch *lock, ws_op_list_builder *builder,
                                      const ws_instance_config *c, const ws_batch *batch,
                                      int64_t group_tokens, ws_batch_report *report)
{
    const ws_attention_query query = ws_batch_attention(batch);
    coster                   k     = {.lock         = lock,
                                      .builder      = builder,
                                      .scenario     = builder->scenario,
                                      .c            = c,
                                      .batch        = batch,
                                      .group_tokens = group_tokens,
                                      .n_sequences  = ws_batch_n_sequences(batch),
                                      .n_blocks     = ws_instance_n_blocks(builder->scenario, c),
                                      .work         = &report->work};
    report->work                   = (ws_batch_work){0};
    lock->n_elements               = 0;
    k.attention_ns =
        query.prefill_tokens > 0 || query.n_decodes > 0 ? ws_profile_attention_ns(c->profile, &query) : 0;
    lock->prologue_ns = sum_section(&k, WS_SECTION_PROLOGUE);
    put_section(&k, WS_SECTION_PRE_ATTN);
    put_section(&k, WS_SECTION_POST_ATTN);
    put_section(&k, c->model->is_moe ? WS_SECTION_MLP_MOE : WS_SECTION_MLP_DENSE);
    lock->head_ns = sum_section(&k, WS_SECTION_HEAD);
    cost_edges(&k);
    report->extrapolates = ws_step_cost_extrapolates(c->cost, batch->n_tokens, k.n_sequences, &query);
}

/* ---- the walk ---- */

typedef struct walk {
    ws_lockstep_space           *space;
    ws_lockstep_instance *const *instances;
    ws_lockstep_batch *const    *locks;
    size_t                       n_members;
    int64_t                      n_ranks; /* NPUs per stage and member: tp */
    int64_t                      n_npus;  /* of all members in a stage; index = member * n_ranks + rank */
    int64_t                      stage;
} walk;

static ws_npu_times *npu_of(const walk *w, int64_t i)
{
    return &w->locks[i / w->n_ranks]->npus[w->stage * w->n_ranks + i % w->n_ranks];
}

/* A kernel on NPU i at its chain time. */
static WS_HOT void run_kernel(walk *w, int64_t i, int64_t ns)
{
    ws_npu_times *npu        = npu_of(w, i);
    const int64_t begin_ns   = w->space->chain_ns[i];
    const int64_t standby_ns = w->instances[i / w->n_ranks]->config->npu_power.standby_ns;
    if (npu->active_ns == 0) {
        npu->first_kernel_ns = begin_ns;
    } else {
        const int64_t gap_ns = begin_ns - w->space->last_ns[i];
        npu->standby_ns += gap_ns < standby_ns ? gap_ns : standby_ns;
    }
    npu->active_ns += ns;
    w->space->chain_ns[i] = w->space->last_ns[i] = npu->last_kernel_ns = begin_ns + ns;
}

/* A collective of all members, or of each by itself; its end times come in ring_ns. */
static WS_HOT void run_collective(walk *w, ws_collective kind, const int64_t *bytes_of_member, unsigned dims)
{
    ws_lockstep_space *s = w->space;
    for (int64_t i = 0; i < w->n_npus; i++) {
        s->ring_ns[i] = ws_max_i64(s->chain_ns[i], s->slot_ns[i]);
    }
    const ws_network *net = &w->instances[0]->config->network;
    if ((dims & 1U << WS_DIM_GROUP) == 0) {
        for (size_t m = 0; m < w->n_members; m++) {
            ws_collective_run(&w->instances[m]->config->network, kind, bytes_of_member[m], dims,
                              s->ring_ns + (int64_t)m * w->n_ranks, s->scratch);
        }
    } else { /* members follow each other in the group dimension, ranks within: exactly the order of the
                coordinates */
        ws_collective_run(net, kind, bytes_of_member[0], dims, s->ring_ns, s->scratch);
    }
    for (int64_t i = 0; i < w->n_npus; i++) {
        s->slot_ns[i] = s->ring_ns[i];
    }
}

static void wait_for_collective(walk *w)
{
    memcpy(w->space->chain_ns, w->space->ring_ns, (size_t)w->n_npus * sizeof(int64_t));
}

/* Experts: the first rank of a member waits for the dispatch, the others do not (docs/model/timing.md 1.5,
 * T-24).
 */
static void run_experts(walk *w, bool has_dispatch)
{
    ws_lockstep_space *s = w->space;
    for (int64_t i = 0; i < w->n_npus; i++) {
        const int64_t rank = i % w->n_ranks, member = i / w->n_ranks;
        const int64_t n_local = ws_max_i64(w->instances[member]->config->local_ep, 1);
        const int64_t ns      = rank < n_local ? w->locks[member]->expert_ns[rank] : 0;
        if (ns == 0) {
            continue;
        }
        if (rank == 0 && has_dispatch) {
            s->chain_ns[i] = ws_max_i64(s->chain_ns[i], s->slot_ns[i]);
        }
        run_kernel(w, i, ns);
    }
}

static void run_element(walk *w, size_t e)
{
    const ws_lockstep_kind    kind  = w->locks[0]->elements[e].kind;
    const ws_instance_config *c     = w->instances[0]->config;
    int64_t                  *bytes = w->space->bytes;
    for (size_t m = 0; m < w->n_members; m++) {
        bytes[m] = w->locks[m]->elements[e].bytes;
    }
    switch (kind) {
    case WS_LOCKSTEP_COMPUTE:
        for (int64_t i = 0; i < w->n_npus; i++) {
            run_kernel(w, i, w->locks[i / w->n_ranks]->elements[e].ns);
        }
        break;
    case WS_LOCKSTEP_KV_SEND:
        for (int64_t i = 0; i < w->n_npus; i++) {
            w->space->slot_ns[i] = ws_max_i64(w->space->chain_ns[i], w->space->slot_ns[i]) +
                                   w->locks[i / w->n_ranks]->elements[e].ns;
        }
        break;
    case WS_LOCKSTEP_ALL_REDUCE:
        run_collective(w, WS_ALL_REDUCE, bytes, c->tp_dims);
        wait_for_collective(w);
        break;
    case WS_LOCKSTEP_DISPATCH:
        run_collective(w, WS_ALL_GATHER, bytes, c->ep_dims);
        break;
    case WS_LOCKSTEP_EXPERTS:
        run_experts(w, e > 0 && w->locks[0]->elements[e - 1].kind == WS_LOCKSTEP_DISPATCH);
        break;
    case WS_LOCKSTEP_COMBINE:
        run_collective(w, WS_REDUCE_SCATTER, bytes, c->ep_dims);
        wait_for_collective(w);
        break;
    }
}

/* Distances that decide what the next block does: between chains, how long slots stay taken, and the wait
 * since the last kernel, which belongs to the next block. */
enum { N_DISTANCES = 3 };

static void distances_of(const ws_lockstep_space *s, int64_t i, int64_t out[N_DISTANCES])
{
    out[0] = s->chain_ns[i] - s->chain_ns[0];
    out[1] = ws_max_i64(s->slot_ns[i] - s->chain_ns[i], 0);
    out[2] = s->chain_ns[i] - s->last_ns[i];
}

static void note_distances(const walk *w)
{
    for (int64_t i = 0; i < w->n_npus; i++) {
        distances_of(w->space, i, w->space->before + N_DISTANCES * i);
    }
}

static bool distances_repeat(const walk *w)
{
    for (int64_t i = 0; i < w->n_npus; i++) {
        int64_t now[N_DISTANCES];
        distances_of(w->space, i, now);
        if (memcmp(now, w->space->before + N_DISTANCES * i, sizeof(now)) != 0) {
            return false;
        }
    }
    return true;
}

/* The remaining blocks all do what the last one did. */
static void skip_blocks(walk *w, int64_t n, int64_t block_ns)
{
    ws_lockstep_space *s = w->space;
    for (int64_t i = 0; i < w->n_npus; i++) {
        ws_npu_times       *npu    = npu_of(w, i);
        const ws_npu_times *before = &s->counts[i];
        s->chain_ns[i] += n * block_ns;
        s->slot_ns[i] += n * block_ns;
        s->last_ns[i] += n * block_ns;
        npu->last_kernel_ns = s->last_ns[i];
        npu->active_ns += n * (npu->active_ns - before->active_ns);
        npu->standby_ns += n * (npu->standby_ns - before->standby_ns);
    }
}

static void run_blocks(walk *w, int64_t n_blocks)
{
    ws_lockstep_space *s = w->space;
    for (int64_t block = 0; block < n_blocks; block++) {
        const int64_t begin_ns = s->chain_ns[0];
        note_distances(w);
        for (int64_t i = 0; i < w->n_npus; i++) {
            s->counts[i] = *npu_of(w, i);
        }
        for (size_t e = 0; e < w->locks[0]->n_elements; e++) {
            run_element(w, e);
        }
        /* the first block's first gap differs from later ones: what lies before it is no block */
        if (block > 0 && distances_repeat(w)) {
            skip_blocks(w, n_blocks - block - 1, s->chain_ns[0] - begin_ns);
            return;
        }
    }
}

/* Place of a rank of the first stage in the order of ties: middle NPUs, start NPU, and the end NPU if it is
 * here. */
static int64_t load_place(const ws_instance_config *c, int64_t rank)
{
    const bool    has_end = c->pp_size == 1 && c->role != WS_ROLE_PREFILL && c->n_npu_ids > 1;
    const int64_t start   = has_end ? c->tp_size - 2 : c->tp_size - 1;
    if (rank == 0) {
        return start;
    }
    return has_end && rank == c->tp_size - 1 ? rank : rank - 1;
}

/* Entry loads of the first stage, each issued when its NPU's last program has ended, pass one after the
 * other. */
static void begin_first_stage(walk *w, int64_t now_ns)
{
    int64_t *load_ns = w->space->ring_ns;
    for (size_t m = 0; m < w->n_members; m++) {
        ws_lockstep_instance     *instance = w->instances[m];
        const ws_instance_config *c        = instance->config;
        int64_t                  *chain_ns = w->space->chain_ns + (int64_t)m * w->n_ranks;
        for (int64_t rank = 0; rank < w->n_ranks; rank++) {
            load_ns[load_place(c, rank)] = ws_max_i64(now_ns, instance->free_ns[rank]);
        }
        instance->tail_ns = ws_queue_transfers(w->n_ranks, w->locks[m]->load_ns, instance->tail_ns, load_ns,
                                               w->space->scratch);
        for (int64_t rank = 0; rank < w->n_ranks; rank++) {
            chain_ns[rank] = load_ns[load_place(c, rank)];
        }
    }
}

/* The hand-off of the stage before, which ends its program, and the wait for it here. */
static void begin_next_stage(walk *w)
{
    ws_lockstep_space *s = w->space;
    for (int64_t i = 0; i < w->n_npus; i++) {
        ws_lockstep_instance *instance = w->instances[i / w->n_ranks];
        const int64_t         here     = w->stage * w->n_ranks + i % w->n_ranks;
        const int64_t         sent_ns =
            ws_max_i64(s->chain_ns[i], s->slot_ns[i]) + w->locks[i / w->n_ranks]->stage_ns;
        instance->free_ns[here - w->n_ranks] = sent_ns;
        s->chain_ns[i]                       = ws_max_i64(instance->free_ns[here], sent_ns);
    }
}

static void end_last_stage(walk *w)
{
    ws_lockstep_space *s = w->space;
    for (size_t m = 0; m < w->n_members; m++) {
        ws_lockstep_instance    *instance = w->instances[m];
        const ws_lockstep_batch *lock     = w->locks[m];
        int64_t                 *chain_ns = s->chain_ns + (int64_t)m * w->n_ranks,
                *slot_ns                  = s->slot_ns + (int64_t)m * w->n_ranks;
        if (instance->config->role == WS_ROLE_PREFILL) {
            for (int64_t rank = 0; rank < w->n_ranks; rank++) {
                chain_ns[rank] = ws_max_i64(chain_ns[rank], slot_ns[rank]) + lock->output_ns;
            }
        } else {
            instance->store_tail_ns =
                ws_queue_transfers(w->n_ranks, lock->store_ns, instance->store_tail_ns, chain_ns, s->scratch);
            if (instance->config->pp_size ==
                1) { /* the next batch loads behind these stores; a pipeline's before them */
                instance->tail_ns = instance->store_tail_ns;
            }
        }
        for (int64_t rank = 0; rank < w->n_ranks; rank++) {
            instance->free_ns[w->stage * w->n_ranks + rank] = chain_ns[rank];
        }
    }
}

static void begin_members(walk *w)
{
    for (size_t m = 0; m < w->n_members; m++) {
        memset(w->locks[m]->npus, 0, (size_t)w->instances[m]->config->num_npus * sizeof(ws_npu_times));
    }
}

static void run_on_all(walk *w, bool is_head)
{
    for (int64_t i = 0; i < w->n_npus; i++) {
        const ws_lockstep_batch *lock = w->locks[i / w->n_ranks];
        run_kernel(w, i, is_head ? lock->head_ns : lock->prologue_ns);
    }
}

WS_HOT void ws_lockstep_walk(ws_lockstep_space *space, ws_lockstep_instance *const *instances,
                             ws_lockstep_batch *const *locks, size_t n_members, int64_t now_ns)
{
    const ws_instance_config *c        = instances[0]->config;
    walk                      w        = {.space     = space,
                                          .instances = instances,
                                          .locks     = locks,
                                          .n_members = n_members,
                                          .n_ranks   = c->tp_size,
                                          .n_npus    = (int64_t)n_members * c->tp_size};
    const int64_t             n_blocks = c->model->n_layers, n_stages = c->pp_size;
    begin_members(&w);
    begin_first_stage(&w, now_ns);
    for (w.stage = 0; w.stage < n_stages; w.stage++) {
        if (w.stage > 0) {
            begin_next_stage(&w);
        }
        memset(space->slot_ns, 0, (size_t)w.n_npus * sizeof(*space->slot_ns));
        if (w.stage == 0) {
            run_on_all(&w, false);
        }
        run_blocks(&w, ws_stage_n_blocks(n_blocks, n_stages, w.stage));
    }
    w.stage = n_stages - 1;
    run_on_all(&w, true);
    end_last_stage(&w);
    for (size_t m = 0; m < n_members; m++) {
        locks[m]->start_end_ns = instances[m]->free_ns[0];
        locks[m]->end_end_ns   = instances[m]->free_ns[c->num_npus - 1];
    }
}
