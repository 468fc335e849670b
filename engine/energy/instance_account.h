/* energy/instance_account.h -- one instance's account: a line for each batch that energy may still be charged
 * to, and of all others what a token has cost in them. Arena memory. */
#ifndef WS_INSTANCE_ACCOUNT_H
#define WS_INSTANCE_ACCOUNT_H

#include "base/arena.h"
#include "energy/host_clock.h"
#include "power/batch_energy.h"
#include "power/components.h"

/** What sharing a batch's energy among requests needs of it. */
typedef struct ws_batch_purpose {
    double  prefill_share; /* of the tokens its energy is for, those of its whole round in a DP group */
    int32_t n_tokens;      /* of requests: without padding, 0 for dummies */
    int32_t round; /* of its DP group; its id without one; -1 = it never got a program (docs/model/serving.md
 */
} ws_batch_purpose;

/** A batch that energy may still be charged to. */
typedef struct ws_batch_account {
    ws_batch_energy  energy;
    double           host_j; /* shared_j of its node's host when it began */
    ws_batch_purpose purpose;
} ws_batch_account;

/** What is left of batches when nothing more can be charged to them, as little as possible, since a run has
 * many: what one token cost in every `period`-th batch up to one, summed up, where as many batches as an
 * instance's period may be in flight: requests mostly have a token in each batch, or in every `period`-th.
 * In a DP group until its rounds are pooled (sim/energy_result.h): what the batch drew. */
typedef struct ws_batch_cost {
    double active_j, energy_j;
} ws_batch_cost;

/** A batch in a round of its DP group. */
typedef struct ws_round_part {
    int32_t n_tokens, round; /* as in ws_batch_purpose */
} ws_round_part;

enum { WS_COST_CHUNK = 512 };

/** One instance: what its bytes cost, every batch it has run, and where its energy went except for that of
 * its NPUs, which their machines know. */
typedef struct ws_instance_account {
    /* what every step needs: one cache line */
    WS_ON_CACHE_LINE size_t source; /* of the ledger, as which it charges */
    ws_host_clock          *host;   /* of its node */
    ws_batch_account
        *open; /* [open_mask + 1], a power of two: batches [n_settled, n_batches), by batch id modulo that */
    size_t   n_settled, n_batches;
    uint32_t open_mask;
    bool     is_tracked;          /* its node has a power block */
    bool     has_accounts;        /* batches and phases are kept apart */
    bool     is_stepped;          /* both, and steps are charged as they begin */
    bool     pools_rounds;        /* it is in a DP group */
    double   dram_j_per_byte;     /* of one rank */
    double   all_dram_j_per_byte; /* of a byte that every rank of the TP group moves */
    /* the rest */
    size_t node;
    double cxl_j_per_byte, all_link_j_per_byte; /* of one rank, of every rank */
    double pim_w;                               /* drawn beyond the idle DIMM while PIM units compute */
    size_t n_kept_open;    /* batches, at most, that energy may still be charged to when another one begins */
    size_t period;         /* batches it may have in flight: its pipeline stages */
    ws_batch_cost  *spent; /* [batch id modulo period] the last of costs, without a DP group */
    double          phase_j[WS_COMPONENT_COUNT][WS_PHASE_COUNT]; /* CPU and DRAM on one cache line */
    ws_batch_cost  *next_cost, *costs_end;                       /* in the last chunk */
    ws_batch_cost **costs; /* the others, by batch id: chunks of [WS_COST_CHUNK], which are never copied */
    size_t          n_chunks, chunks_capacity;
    ws_round_part  *parts; /* by batch id; only in a DP group */
    size_t          parts_capacity;
    ws_arena       *arena; /* borrowed */
} ws_instance_account;

/** Add what a token cost in one more batch, which drew this for all of its n_tokens; nothing if it had none.
 */
static inline void ws_batch_cost_add(ws_batch_cost *spent, double active_j, double energy_j, double n_tokens)
{
    const double per_token = n_tokens > 0 ? 1.0 / n_tokens : 0.0;
    spent->active_j += active_j * per_token;
    spent->energy_j += energy_j * per_token;
}

/** The record of a settled batch; all of them are after ws_instance_account_settle(). */
static inline ws_batch_cost *ws_cost_of_batch(const ws_instance_account *instance, size_t batch_id)
{
    return &instance->costs[batch_id / WS_COST_CHUNK][batch_id % WS_COST_CHUNK];
}

/** Room for the batches that energy may still be charged to. The rest of the account is filled in,
 * has_accounts or not.
 * @param[in] grows  there may be any number of them */
WS_NODISCARD ws_status ws_instance_account_init(ws_instance_account *instance, ws_arena *arena, bool grows);

/** Keep of all batches before this one only what they have cost: nothing more is charged to them. */
WS_NODISCARD ws_status ws_instance_account_settle(ws_instance_account *instance, size_t batch_id);

static inline ws_batch_account *ws__open_account(const ws_instance_account *instance, size_t batch_id)
{
    return &instance->open[batch_id & instance->open_mask];
}

/** What a batch that is not settled has drawn, J; NULL if energy is not kept by batch. */
static inline ws_batch_energy *ws_instance_account_batch(const ws_instance_account *instance,
                                                         int64_t                    batch_id)
{
    if (!instance->has_accounts || batch_id < 0) {
        return NULL;
    }
    WS_ASSERT((size_t)batch_id - instance->n_settled < instance->n_batches - instance->n_settled);
    return &ws__open_account(instance, (size_t)batch_id)->energy;
}

/** Make room for the next batch: settle all that may be, or grow. */
WS_NODISCARD ws_status ws__instance_account_make_room(ws_instance_account *instance);

/** Open the account of the next batch. */
static inline ws_status ws__instance_account_open_next(ws_instance_account *instance,
                                                       ws_batch_purpose purpose, int64_t now_ns)
{
    if (WS_UNLIKELY(instance->n_batches - instance->n_settled > instance->open_mask)) {
        WS_TRY(ws__instance_account_make_room(instance));
    }
    *ws__open_account(instance, instance->n_batches++) = (ws_batch_account){
        .energy  = {.begin_ns = now_ns, .end_ns = INT64_MAX, .prefill_share = purpose.prefill_share},
        .purpose = purpose};
    return WS_OK;
}

/** Open accounts up to that of batch_id, which is the next one except where batches before it never got a
 * program. */
WS_NODISCARD ws_status ws__instance_account_open_skipped(ws_instance_account *instance, size_t batch_id);

/** Open the account of a batch that begins now. */
static inline ws_status ws_instance_account_open(ws_instance_account *instance, size_t batch_id,
                                                 ws_batch_purpose purpose, int64_t now_ns)
{
    if (WS_UNLIKELY(instance->n_batches != batch_id)) {
        WS_TRY(ws__instance_account_open_skipped(instance, batch_id));
    }
    return ws__instance_account_open_next(instance, purpose, now_ns);
}

#endif /* WS_INSTANCE_ACCOUNT_H */
