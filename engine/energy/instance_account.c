#include "energy/instance_account.h"

ws_status ws_instance_account_init(ws_instance_account *instance, ws_arena *arena, bool grows)
{
    enum { N_OPEN_MIN = 16 };
    size_t n_open = N_OPEN_MIN; /* a power of two, more than are kept open unless all are */
    while (!grows && n_open <= instance->n_kept_open) {
        n_open *= 2;
    }
    instance->arena     = arena;
    instance->open_mask = (uint32_t)n_open - 1;
    instance->open      = ws_arena_calloc(arena, n_open, sizeof(*instance->open));
    instance->spent     = ws_arena_calloc(arena, instance->period, sizeof(*instance->spent));
    return instance->open != NULL && instance->spent != NULL ? WS_OK : WS_ERR_NOMEM;
}

static ws_status add_chunk(ws_instance_account *instance)
{
    WS_TRY(ws_arena_grow(instance->arena, &instance->costs, &instance->chunks_capacity, instance->n_chunks,
                         instance->n_chunks + 1, sizeof(*instance->costs)));
    if (instance->pools_rounds) {
        const size_t n_parts = instance->n_chunks * WS_COST_CHUNK;
        WS_TRY(ws_arena_grow(instance->arena, &instance->parts, &instance->parts_capacity, n_parts,
                             n_parts + WS_COST_CHUNK, sizeof(*instance->parts)));
    }
    ws_batch_cost *chunk = ws_arena_alloc(instance->arena, WS_COST_CHUNK, sizeof(*chunk));
    if (chunk == NULL) {
        return WS_ERR_NOMEM;
    }
    instance->costs[instance->n_chunks++] = instance->next_cost = chunk;
    instance->costs_end                                         = chunk + WS_COST_CHUNK;
    return WS_OK;
}

/* Keep of the n oldest open batches only what a token cost in them. */
static void settle_costs(ws_instance_account *instance, size_t n)
{
    const size_t period = instance->period, first = instance->n_settled;
    for (size_t k = 0; k < period && k < n; k++) {
        ws_batch_cost *spent = &instance->spent[(first + k) % period];
        ws_batch_cost  sum   = *spent;
        for (size_t i = k; i < n; i += period) {
            const ws_batch_account *account = ws__open_account(instance, first + i);
            ws_batch_cost_add(&sum, account->energy.active_j, account->energy.energy_j,
                              account->purpose.n_tokens);
            instance->next_cost[i] = sum;
        }
        *spent = sum;
    }
}

/* In a DP group, until its rounds are pooled: what they drew. */
static void settle_parts(ws_instance_account *instance, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t            batch_id = instance->n_settled + i;
        const ws_batch_account *account  = ws__open_account(instance, batch_id);
        instance->next_cost[i]    = (ws_batch_cost){account->energy.active_j, account->energy.energy_j};
        instance->parts[batch_id] = (ws_round_part){account->purpose.n_tokens, account->purpose.round};
    }
}

WS_HOT ws_status ws_instance_account_settle(ws_instance_account *instance, size_t batch_id)
{
    while (instance->n_settled < batch_id) {
        if (instance->next_cost == instance->costs_end) {
            WS_TRY(add_chunk(instance));
        }
        const size_t n_open = batch_id - instance->n_settled;
        const size_t n_room = (size_t)(instance->costs_end - instance->next_cost);
        const size_t n      = n_open < n_room ? n_open : n_room;
        if (instance->pools_rounds) {
            settle_parts(instance, n);
        } else {
            settle_costs(instance, n);
        }
        instance->n_settled += n;
        instance->next_cost += n;
    }
    return WS_OK;
}

/* Room for open accounts, twice as many as before. */
static ws_status grow_open(ws_instance_account *instance)
{
    const ws_instance_account old      = *instance;
    const size_t              capacity = 2 * ((size_t)old.open_mask + 1);
    instance->open                     = ws_arena_alloc(instance->arena, capacity, sizeof(*instance->open));
    if (instance->open == NULL) {
        return WS_ERR_NOMEM;
    }
    instance->open_mask = (uint32_t)(capacity - 1);
    for (size_t batch_id = old.n_settled; batch_id < old.n_batches; batch_id++) {
        *ws__open_account(instance, batch_id) = *ws__open_account(&old, batch_id);
    }
    return WS_OK;
}

/* Several at once, because their new place is
 * cold: one in every batch would have every batch wait for memory. */
WS_HOT WS_NOINLINE ws_status ws__instance_account_make_room(ws_instance_account *instance)
{
    if (instance->n_batches > instance->n_kept_open) {
        WS_TRY(ws_instance_account_settle(instance, instance->n_batches - instance->n_kept_open));
    }
    return instance->n_batches - instance->n_settled > instance->open_mask ? grow_open(instance) : WS_OK;
}

WS_NOINLINE ws_status ws__instance_account_open_skipped(ws_instance_account *instance, size_t batch_id)
{
    WS_ASSERT(batch_id > instance->n_batches);
    while (instance->n_batches < batch_id) {
        WS_TRY(ws__instance_account_open_next(instance, (ws_batch_purpose){.round = -1}, 0));
    }
    return WS_OK;
}
