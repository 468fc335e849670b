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
        const size_t          node    = run->power.ledger.sources[machine->source].node;
        for (size_t k = 0; k < WS_STATE_COUNT; k++) {
            state_s[node * WS_STATE_COUNT + k] += tracked[node] ? machine->state_s[k] : NAN;
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
        own_j[i]          = tracked[node] ? ws_accounts_own_j(&run->power, node,
                                                              (ws_component)(i % WS_COMPONENT_COUNT), run->now_ns)
                                          : NAN;
        for (int phase = 0; phase < WS_PHASE_COUNT; phase++) {
            node_j[i * WS_PHASE_COUNT + (size_t)phase] = tracked[node] ? 0.0 : NAN;
        }
        node_j[i * WS_PHASE_COUNT + WS_PHASE_WAIT] = own_j[i]; /* drawn whatever runs */
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        const ws_instance_config *c    = &s->instances[i];
        double                   *cell = phase_j + i * N_CELLS;
        node_of[i]                     = c->node;
        ws_accounts_instance_j(&run->power, c, cell);
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
            ws_accounts_npu_states(&run->power, &s->instances[i], offset, state_s + row * WS_STATE_COUNT,
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

/** What tokens cost in the batches of an instance. */
typedef struct token_cost {
    const ws_instance_account *account;
    bool                       is_measured; /* some of it may have drawn tracked energy */
} token_cost;

/** The batches that make one round of a DP group. */
typedef struct round_pool {
    ws_batch_cost drawn;
    double        n_tokens;
} round_pool;

static size_t most_batches(const ws_run *run, int32_t group)
{
    size_t most = 0;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const size_t n = run->power.instances[i].n_batches;
        most           = run->scenario->instances[i].dp_group == group && n > most ? n : most;
    }
    return most;
}

/* Add the batches of a member to the rounds they are in. */
static void pool_member(const ws_instance_account *account, round_pool *pools)
{
    for (size_t b = 0; b < account->n_batches; b++) {
        const ws_round_part part = account->parts[b];
        if (part.round >= 0) {
            const ws_batch_cost *batch = ws_cost_of_batch(account, b);
            round_pool          *pool  = &pools[part.round];
            pool->drawn.active_j += batch->active_j;
            pool->drawn.energy_j += batch->energy_j;
            pool->n_tokens += (double)part.n_tokens;
        }
    }
}

/* Put what a token cost in the place of what the batches drew. */
static void cost_member(ws_instance_account *account, const round_pool *pools)
{
    for (size_t b = 0; b < account->n_batches; b++) {
        ws_batch_cost spent = b >= account->period ? *ws_cost_of_batch(account, b - account->period)
                                                   : (ws_batch_cost){0.0, 0.0};
        if (account->parts[b].round >= 0) {
            const round_pool *pool = &pools[account->parts[b].round];
            ws_batch_cost_add(&spent, pool->drawn.active_j, pool->drawn.energy_j, pool->n_tokens);
        }
        *ws_cost_of_batch(account, b) = spent;
    }
}

/* Padding and dummies of a DP group are there for all of it: its members share the cost of every round. */
static ws_status cost_group(ws_run *run, int32_t group, token_cost *costs)
{
    const ws_scenario *s           = run->scenario;
    round_pool        *pools       = ws_arena_calloc(&run->arena, most_batches(run, group), sizeof(*pools));
    bool               is_measured = false;
    if (pools == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        if (s->instances[i].dp_group == group) {
            pool_member(costs[i].account, pools);
            is_measured = is_measured || costs[i].is_measured;
        }
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        if (s->instances[i].dp_group == group) {
            cost_member(&run->power.instances[i], pools);
            costs[i].is_measured = is_measured;
        }
    }
    return WS_OK;
}

/** What a request has drawn so far. */
typedef struct request_share {
    ws_batch_cost drawn;
    bool          is_measured;
} request_share;

/* Add n_tokens in each of count batches, one period from the next. */
static inline void add_periodic(ws_batch_cost *drawn, const ws_instance_account *account, size_t first,
                                size_t count, double n_tokens)
{
    const ws_batch_cost *to   = ws_cost_of_batch(account, first + (count - 1) * account->period);
    const ws_batch_cost  from = first >= account->period ? *ws_cost_of_batch(account, first - account->period)
                                                         : (ws_batch_cost){0.0, 0.0};
    drawn->active_j += n_tokens * (to->active_j - from.active_j);
    drawn->energy_j += n_tokens * (to->energy_j - from.energy_j);
}

/* n_tokens in each of count batches from first on. */
static void add_run(request_share *share, const token_cost *cost, int64_t first, int32_t count,
                    int32_t stride, int32_t n_tokens)
{
    const size_t period = cost->account->period, n = (size_t)count, step = (size_t)stride;
    /* parts that are periodic each: one, or those of batches that follow each other, or every single batch */
    size_t n_parts = n;
    if (step == period) {
        n_parts = 1;
    } else if (step == 1 && period < n) {
        n_parts = period;
    }
    share->is_measured = share->is_measured || (count > 0 && cost->is_measured);
    for (size_t k = 0; k < n_parts && k < n; k++) {
        add_periodic(&share->drawn, cost->account, (size_t)first + k * step, (n - k + n_parts - 1) / n_parts,
                     (double)n_tokens);
    }
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
        costs[i] = (token_cost){.account     = &run->power.instances[i],
                                .is_measured = ws_accounts_tracks(&run->power, &s->instances[i])};
    }
    for (size_t group = 0; group < s->n_groups; group++) {
        WS_TRY(cost_group(run, (int32_t)group, costs));
    }
    for (size_t i = 0; i < run->result.n_requests; i++) {
        share_request(costs, &run->requests[records[i].itl_handle], &records[i]);
    }
    return WS_OK;
}
