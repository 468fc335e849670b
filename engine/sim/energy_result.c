#include "sim/energy_result.h"

#include <math.h>

#include "base/units.h"
#include "serving/token_runs.h"

enum { N_CELLS = WS_COMPONENT_COUNT * WS_PHASE_COUNT };

/* ---- by node ---- */

static ws_status put_nodes(ws_run *run, const bool *tracked)
{
    const size_t n           = run->scenario->n_nodes;
    double      *component_j = ws_arena_alloc(&run->arena, n * WS_COMPONENT_COUNT, sizeof(*component_j));
    double      *state_s     = ws_arena_calloc(&run->arena, n * WS_STATE_COUNT, sizeof(*state_s));
    if (component_j == NULL || state_s == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t node = 0; node < n; node++) {
        for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
            component_j[node * WS_COMPONENT_COUNT + k] =
                tracked[node] ? ws_ledger_total_j(&run->power.ledger, node, (ws_component)k) : NAN;
        }
    }
    for (size_t i = 0; i < run->power.n_machines; i++) {
        const ws_npu_machine *machine = &run->power.machines[i];
        for (size_t k = 0; k < WS_STATE_COUNT; k++) {
            state_s[machine->node * WS_STATE_COUNT + k] += tracked[machine->node] ? machine->state_s[k] : NAN;
        }
    }
    run->result.component_j = component_j;
    run->result.npu_state_s = state_s;
    return WS_OK;
}

/* ---- by instance and phase ---- */

static ws_status put_instances(ws_run *run, const bool *tracked)
{
    const ws_scenario *s       = run->scenario;
    int32_t           *node_of = ws_arena_alloc(&run->arena, s->n_instances, sizeof(*node_of));
    double            *phase_j = ws_arena_alloc(&run->arena, s->n_instances * N_CELLS, sizeof(*phase_j));
    double            *own_j   = ws_arena_alloc(&run->arena, s->n_nodes * WS_COMPONENT_COUNT, sizeof(*own_j));
    double            *node_j  = ws_arena_calloc(&run->arena, s->n_nodes * N_CELLS, sizeof(*node_j));
    if (node_of == NULL || phase_j == NULL || own_j == NULL || node_j == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_nodes * WS_COMPONENT_COUNT; i++) {
        const size_t node = i / WS_COMPONENT_COUNT;
        own_j[i]          = tracked[node] ? ws_power_book_own_j(&run->power, node,
                                                                (ws_component)(i % WS_COMPONENT_COUNT), run->now_ns)
                                          : NAN;
        for (int phase = 0; phase < WS_PHASE_COUNT;
             phase++) { /* the node's own energy is drawn whatever runs */
            node_j[i * WS_PHASE_COUNT + (size_t)phase] = !tracked[node]           ? NAN
                                                         : phase == WS_PHASE_WAIT ? own_j[i]
                                                                                  : 0.0;
        }
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        const ws_instance_config *c    = &s->instances[i];
        double                   *cell = phase_j + i * N_CELLS;
        node_of[i]                     = c->node;
        ws_power_book_instance_j(&run->power, c, cell);
        for (size_t k = 0; k < N_CELLS; k++) {
            cell[k] = tracked[c->node] ? cell[k] : NAN;
            node_j[(size_t)c->node * N_CELLS + k] += cell[k];
        }
    }
    run->result.instance_node    = node_of;
    run->result.instance_phase_j = phase_j;
    run->result.node_own_j       = own_j;
    run->result.node_phase_j     = node_j;
    return WS_OK;
}

/* ---- by NPU ---- */

static ws_status put_npus(ws_run *run, const bool *tracked)
{
    const ws_scenario *s        = run->scenario;
    int32_t           *instance = ws_arena_alloc(&run->arena, (size_t)s->n_npus, sizeof(*instance));
    double *state_s = ws_arena_alloc(&run->arena, (size_t)s->n_npus * WS_STATE_COUNT, sizeof(*state_s));
    double *state_j = ws_arena_alloc(&run->arena, (size_t)s->n_npus * WS_STATE_COUNT, sizeof(*state_j));
    size_t  row     = 0;
    if (instance == NULL || state_s == NULL || state_j == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        for (int64_t offset = 0; offset < s->instances[i].num_npus; offset++, row++) {
            instance[row] = (int32_t)i;
            ws_power_book_npu(&run->power, &s->instances[i], offset, state_s + row * WS_STATE_COUNT,
                              state_j + row * WS_STATE_COUNT);
            for (size_t k = row * WS_STATE_COUNT;
                 !tracked[s->instances[i].node] && k < (row + 1) * WS_STATE_COUNT; k++) {
                state_s[k] = state_j[k] = NAN;
            }
        }
    }
    WS_ASSERT(row == (size_t)s->n_npus);
    run->result.n_npus       = row;
    run->result.npu_instance = instance;
    run->result.each_npu_s   = state_s;
    run->result.each_npu_j   = state_j;
    return WS_OK;
}

ws_status ws_energy_result_fill(ws_run *run)
{
    const ws_scenario *s       = run->scenario;
    bool              *tracked = ws_arena_calloc(&run->arena, s->n_nodes, sizeof(*tracked));
    if (tracked == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t node = 0; node < s->n_nodes; node++) {
        tracked[node] = s->has_power && s->nodes[node].power.is_tracked;
    }
    run->result.node_tracked = tracked;
    run->result.n_instances  = s->n_instances;
    if (!s->has_power) {
        return WS_OK;
    }
    WS_TRY(put_nodes(run, tracked));
    WS_TRY(put_instances(run, tracked));
    return put_npus(run, tracked);
}

/* ---- by request ---- */

typedef struct energy_pair {
    double active_j, energy_j;
} energy_pair;

/** What a token costs in each batch of an instance, summed up. */
typedef struct token_cost {
    energy_pair *before;      /* [batches + 1] of all earlier batches together */
    bool         is_measured; /* some of it may have drawn tracked energy */
} token_cost;

/** The batches that make one round: those of a DP group, or one. */
typedef struct round_pool {
    energy_pair drawn;
    double      n_tokens;
} round_pool;

static bool shares_rounds(const ws_instance_config *a, const ws_instance_config *b)
{
    return a->dp_group == b->dp_group;
}

/* Pool the batches of all instances that share rounds with c: padding and dummies are there for the whole
 * group. */
static ws_status pool_rounds(ws_run *run, const ws_instance_config *c, round_pool **pools_out,
                             bool *is_measured_out)
{
    const ws_scenario *s        = run->scenario;
    size_t             n_rounds = 0;
    for (size_t i = 0; i < s->n_instances; i++) {
        if (shares_rounds(c, &s->instances[i])) {
            const size_t n   = run->power.instances[i].n_batches;
            n_rounds         = n > n_rounds ? n : n_rounds;
            *is_measured_out = *is_measured_out || ws_power_book_tracks(&run->power, &s->instances[i]);
        }
    }
    round_pool *pools = ws_arena_calloc(&run->arena, n_rounds, sizeof(*pools));
    if (pools == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        const ws_instance_book *book = &run->power.instances[i];
        for (size_t b = 0; shares_rounds(c, &s->instances[i]) && b < book->n_batches; b++) {
            const ws_batch_cost *batch = ws_cost_of_batch(book, b);
            if (batch->round >= 0) {
                round_pool *pool = &pools[batch->round];
                pool->drawn.active_j += batch->active_j;
                pool->drawn.energy_j += batch->energy_j;
                pool->n_tokens += (double)batch->n_tokens;
            }
        }
    }
    *pools_out = pools;
    return WS_OK;
}

/* What the tokens of a batch have to carry where it shares no round. */
static inline round_pool pool_of(const ws_batch_cost *batch)
{
    return (round_pool){{batch->active_j, batch->energy_j}, (double)batch->n_tokens};
}

static ws_status cost_tokens(ws_run *run, const ws_instance_config *c, token_cost *out)
{
    const ws_instance_book *book  = &run->power.instances[c->index];
    round_pool             *pools = NULL; /* needed only where batches share a round */
    energy_pair             sum   = {0.0, 0.0};
    out->is_measured              = ws_power_book_tracks(&run->power, c);
    if (c->dp_group != WS_NO_GROUP) {
        WS_TRY(pool_rounds(run, c, &pools, &out->is_measured));
    }
    out->before = ws_arena_alloc(&run->arena, book->n_batches + 1, sizeof(*out->before));
    if (out->before == NULL) {
        return WS_ERR_NOMEM;
    }
    out->before[0] = sum;
    for (size_t b = 0; b < book->n_batches; b++) {
        const ws_batch_cost *batch = ws_cost_of_batch(book, b);
        const round_pool     pool = pools != NULL && batch->round >= 0 ? pools[batch->round] : pool_of(batch);
        const double         per_token = pool.n_tokens > 0 ? 1.0 / pool.n_tokens : 0.0;
        sum.active_j += pool.drawn.active_j * per_token;
        sum.energy_j += pool.drawn.energy_j * per_token;
        out->before[b + 1] = sum;
    }
    return WS_OK;
}

/** What a request has drawn so far. */
typedef struct request_share {
    energy_pair drawn;
    bool        is_measured;
} request_share;

static energy_pair plus_batches(energy_pair sum, const token_cost *cost, int64_t first, int64_t behind,
                                double n_tokens)
{
    sum.active_j += n_tokens * (cost->before[behind].active_j - cost->before[first].active_j);
    sum.energy_j += n_tokens * (cost->before[behind].energy_j - cost->before[first].energy_j);
    return sum;
}

/* n_tokens in each of count batches from first on. */
static void add_run(request_share *share, const token_cost *cost, int64_t first, int32_t count,
                    int32_t stride, int32_t n_tokens)
{
    energy_pair sum    = share->drawn;
    share->is_measured = share->is_measured || (count > 0 && cost->is_measured);
    if (stride == 1) {
        share->drawn = plus_batches(sum, cost, first, first + count, (double)n_tokens);
        return;
    }
    for (int64_t k = 0, b = first; k < count; k++, b += stride) {
        sum = plus_batches(sum, cost, b, b + 1, (double)n_tokens);
    }
    share->drawn = sum;
}

static void share_request(const token_cost *costs, const ws_request *request, ws_request_record *record)
{
    request_share      share  = {{0.0, 0.0}, false};
    const token_cost  *tokens = &costs[request->instance]; /* that brought its tokens but the first */
    const ws_token_run open   = ws_token_runs_open(request);
    for (const ws_work_run *run = request->works; run != NULL; run = run->next) {
        add_run(&share, &costs[run->instance], run->first_batch, run->count, run->stride, run->n_tokens);
    }
    for (const ws_token_run *run = request->runs; run != NULL; run = run->next) {
        add_run(&share, tokens, run->first_batch, run->count, run->stride, 1);
    }
    add_run(&share, tokens, open.first_batch, open.count, open.stride, 1);
    record->active_j = share.is_measured ? share.drawn.active_j : NAN;
    record->energy_j = share.is_measured ? share.drawn.energy_j : NAN;
}

ws_status ws_energy_result_share(ws_run *run, ws_request_record *records)
{
    const ws_scenario *s     = run->scenario;
    token_cost        *costs = ws_arena_calloc(&run->arena, s->n_instances, sizeof(*costs));
    if (costs == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        WS_TRY(cost_tokens(run, &s->instances[i], &costs[i]));
    }
    for (size_t i = 0; i < run->result.n_requests; i++) {
        share_request(costs, &run->requests[records[i].itl_handle], &records[i]);
    }
    return WS_OK;
}
