/* energy/accounts.h -- how the energy of batches gets into the ledger: exactly (physical) or as the reference
 * does it.
 *
 * Physical: NPU state intervals, bytes moved spread over their step, CPU busy while a batch is in flight on
 * its node. Reference: everything of a batch at the moment it starts, standby at polls (docs/model/serving.md
 * 8). docs/power-model.md has the formulas of both. */
#ifndef WS_ACCOUNTS_H
#define WS_ACCOUNTS_H

#include "power/batch_energy.h"
#include "power/ledger.h"
#include "power/npu_state.h"
#include "timing/lockstep.h"
#include "timing/op_list.h"
#include "scenario/scenario_internal.h"
#include "timing/step.h"

/** Kernels of one NPU as they come, joined where one follows the other without a pause. */
typedef struct ws_kernel_track {
    int64_t begin_ns, end_ns; /* begin < 0: no window open */
    int64_t batch_id;
} ws_kernel_track;

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

/** Busy time of a node's host, shared equally by the batches in flight at each moment. */
typedef struct ws_host_clock {
    WS_ON_CACHE_LINE int32_t n_in_flight;
    double                   busy_w; /* drawn while any is in flight */
    int64_t                  busy_since_ns,
        busy_until_ns;     /* busy without a break, and not charged yet; equal: nothing to charge */
    const double *share_w; /* [batches in flight] of each, of busy_w: none of it at [0] */
    int64_t       shared_until_ns;
    double        shared_j; /* what a batch in flight all along would have drawn */
} ws_host_clock;

/** One instance: what its bytes cost, every batch it has run, and where its energy went but for that of its
 * NPUs, which their machines know. */
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
} ws_instance_account;

/** Add what a token cost in one more batch, which drew this for all of its n_tokens; nothing if it had none.
 */
static inline void ws_batch_cost_add(ws_batch_cost *spent, double active_j, double energy_j, double n_tokens)
{
    const double per_token = n_tokens > 0 ? 1.0 / n_tokens : 0.0;
    spent->active_j += active_j * per_token;
    spent->energy_j += energy_j * per_token;
}

/** The record of a settled batch; all of them are after ws_accounts_finish(). */
static inline ws_batch_cost *ws_cost_of_batch(const ws_instance_account *instance, size_t batch_id)
{
    return &instance->costs[batch_id / WS_COST_CHUNK][batch_id % WS_COST_CHUNK];
}

typedef struct ws_accounts {
    const ws_scenario   *scenario;
    ws_arena            *arena; /* borrowed */
    ws_ledger            ledger;
    ws_npu_machine      *machines; /* one per instance in closed form, one per NPU id otherwise */
    size_t               n_machines;
    ws_kernel_track     *tracks;     /* [n_machines], physical without closed form */
    ws_host_clock       *hosts;      /* [n_nodes] physical */
    ws_instance_account *instances;  /* [n_instances]; NULL = no node has a power block */
    double              *constant_w; /* [n_nodes][WS_COMPONENT_COUNT] drawn all the time */
    /* readings of the reference's heartbeat */
    double *read_j;  /* [n_nodes][WS_COMPONENT_COUNT] at the last reading */
    int64_t read_ns; /* time of the last reading */
    size_t  n_readings, capacity;
    double *reading_w; /* [reading][n_nodes][WS_COMPONENT_COUNT] mean power since the reading before */
} ws_accounts;

/** @param[in] has_accounts  keep instances, phases and batches apart, not only totals and the series */
WS_NODISCARD ws_status ws_accounts_init(ws_accounts *accounts, ws_arena *arena, const ws_scenario *scenario,
                                        int64_t interval_ns, bool has_accounts);

/** True if the instance's node tracks power. */
static inline bool ws_accounts_tracks(const ws_accounts *accounts, const ws_instance_config *instance)
{
    return accounts->instances != NULL && accounts->instances[instance->index].is_tracked;
}

/** Index of the machine of an NPU, offset from its instance's first; offset 0 in closed form stands for all.
 */
size_t ws_accounts_machine(const ws_accounts *accounts, const ws_instance_config *instance, int64_t offset);

/** A batch is formed and begins, on any instance, tracked or not: open its account and charge what is known
 * of it. Reference: everything, at this moment. Closed form: everything but its end. Else only that its host
 * is busy from now on.
 * @param[in] step  closed form: its times; unused otherwise
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_accounts_begin(ws_accounts *accounts, const ws_instance_config *instance,
                                         int64_t batch_id, ws_batch_purpose purpose, const ws_step *step,
                                         const ws_batch_work *energy, int64_t now_ns);

/* ---- physical, tracked instances ---- */

/** A batch ends: its host is no longer busy with it. */
void ws_accounts_end(ws_accounts *accounts, const ws_instance_config *instance, int64_t batch_id,
                     int64_t now_ns);

/** Lockstep: what each NPU of the instance did in a batch, [num_npus]. */
void ws_accounts_charge_npus(ws_accounts *accounts, const ws_instance_config *instance, int64_t batch_id,
                             const ws_lockstep_npu *npus);

/** Event engine: a kernel of a batch begins or ends on an NPU. Ignored if the instance is not tracked. */
void ws_accounts_note_kernel(ws_accounts *accounts, const ws_instance_config *instance, int64_t npu,
                             int64_t batch_id, bool is_start, int64_t now_ns);

/** Lockstep and event engine: the bytes a batch has moved between start_ns and end_ns. */
void ws_accounts_charge_traffic(ws_accounts *accounts, const ws_instance_config *instance, int64_t batch_id,
                                const ws_batch_work *energy, int64_t start_ns, int64_t end_ns);

/* ---- reference ---- */

/** Standby state of an instance as the reference keeps it (docs/model/serving.md 0.3 steps 2 and 3, 8.3). */
typedef struct ws_reference_standby {
    bool    is_waiting;
    int64_t last_end_ns, last_calc_ns;
} ws_reference_standby;

/** A poll of the start NPU, before anything else happens: charge standby, or begin to wait. */
void ws_reference_charge_poll(ws_accounts *accounts, const ws_instance_config *instance,
                              ws_reference_standby *standby, int64_t now_ns);

/** A heartbeat's power reading, 0 W if the clock has not moved since the last one
 * (docs/model/serving.md 8.4). */
WS_NODISCARD ws_status ws_reference_read_power(ws_accounts *accounts, int64_t now_ns);

/* ---- the end ---- */

/** Charge what is drawn all the time and the last wait, and close the series and all accounts.
 * @return WS_OK; WS_ERR_NOMEM, also for a charge that failed */
WS_NODISCARD ws_status ws_accounts_finish(ws_accounts *accounts, int64_t end_ns);

/** Energy of an instance by component and phase; its share of what is the node's own is none.
 * @param[out] phase_j  [WS_COMPONENT_COUNT][WS_PHASE_COUNT] */
void ws_accounts_instance_j(const ws_accounts *accounts, const ws_instance_config *instance, double *phase_j);

/** Energy of a component that belongs to the node and to no instance: what is drawn all the time. */
double ws_accounts_own_j(const ws_accounts *accounts, size_t node, ws_component component, int64_t end_ns);

/** States of one NPU of an instance.
 * @param[out] state_s, state_j  [WS_STATE_COUNT] */
void ws_accounts_npu_states(const ws_accounts *accounts, const ws_instance_config *instance, int64_t offset,
                            double *state_s, double *state_j);

#endif /* WS_ACCOUNTS_H */
