/* sim/power_book.h -- how the energy of batches gets into the ledger: exactly (physical) or as the reference does it.
 *
 * Physical: NPU state intervals, bytes moved spread over their step, CPU busy while a batch is in flight on its node.
 * Reference: everything of a batch at the moment it starts, standby at polls (spec/serving.md 8). docs/power-model.md
 * has the formulas of both. */
#ifndef WS_POWER_BOOK_H
#define WS_POWER_BOOK_H

#include "power/batch_energy.h"
#include "power/ledger.h"
#include "power/npu_state.h"
#include "sim/lockstep.h"
#include "sim/program.h"
#include "sim/scenario_internal.h"
#include "sim/step.h"

/** Kernels of one NPU as they come, joined where one follows the other without a pause. */
typedef struct ws_kernel_track {
    int64_t begin_ns, end_ns; /* begin < 0: no window open */
    int64_t batch_id;
} ws_kernel_track;

/** What the book keeps of a batch: its energy, and what sharing it among requests needs. */
typedef struct ws_batch_account {
    ws_batch_energy energy;
    double  host_s;   /* of its node's busy time per batch in flight, when it began */
    int64_t n_tokens; /* of requests: without padding, 0 for dummies */
    int64_t round;    /* of its DP group; its id without one */
} ws_batch_account;

enum { WS_ACCOUNT_CHUNK = 512 };

/** One instance: every batch it has run, and where its energy went but for that of its NPUs, which their machines know. */
typedef struct ws_instance_account {
    ws_batch_account **chunks; /* [WS_ACCOUNT_CHUNK] accounts each, by batch id: they never move */
    size_t             n_chunks, capacity;
    size_t             n_batches;
    double            phase_j[WS_COMPONENT_COUNT][WS_PHASE_COUNT];
} ws_instance_account;

static inline ws_batch_account *ws_account_of_batch(const ws_instance_account *instance, size_t batch_id)
{
    return &instance->chunks[batch_id / WS_ACCOUNT_CHUNK][batch_id % WS_ACCOUNT_CHUNK];
}

/** Busy time of a node's host, shared equally by the batches in flight at each moment. */
typedef struct ws_host_clock {
    int32_t n_in_flight;
    double  busy_w;           /* drawn while any is in flight */
    int64_t busy_since_ns, busy_until_ns; /* busy without a break, and not booked yet; equal: nothing to book */
    int64_t shared_until_ns;
    double  shared_s;         /* what a batch in flight all along would have got */
} ws_host_clock;

typedef struct ws_power_book {
    const ws_scenario *scenario;
    ws_arena       *arena;    /* borrowed */
    ws_ledger       ledger;
    ws_npu_machine *machines; /* one per instance in closed form, one per NPU id otherwise */
    size_t          n_machines;
    ws_kernel_track *tracks;  /* [n_machines], physical without closed form */
    ws_host_clock  *hosts;    /* [n_nodes] physical */
    ws_instance_account *accounts; /* [n_instances]; NULL = not wanted: only totals and the series */
    double         *constant_w;  /* [n_nodes][WS_COMPONENT_COUNT] drawn all the time */
    /* readings of the reference's heartbeat */
    double         *read_j;      /* [n_nodes][WS_COMPONENT_COUNT] at the last reading */
    int64_t         read_ns;     /* time of the last reading */
    size_t          n_readings, capacity;
    double         *reading_w;   /* [reading][n_nodes][WS_COMPONENT_COUNT] mean power since the reading before */
} ws_power_book;

/** @param[in] has_accounts  keep instances, phases and batches apart */
WS_NODISCARD ws_status ws_power_book_init(ws_power_book *book, ws_arena *arena, const ws_scenario *scenario,
                                          int64_t interval_ns, bool has_accounts);

/** True if the instance's node tracks power. */
static inline bool ws_power_book_tracks(const ws_power_book *book, const ws_instance_config *instance)
{
    return book->scenario->has_power && book->scenario->nodes[instance->node].power.is_tracked;
}

/** Index of the machine of an NPU, offset from its instance's first; offset 0 in closed form stands for all. */
size_t ws_power_book_machine(const ws_power_book *book, const ws_instance_config *instance, int64_t offset);

/** A batch as it is formed: prefill and decode tokens that its energy is for (those of its whole round in a DP group), and
 * what ws_batch_account keeps. */
typedef struct ws_batch_purpose {
    double  prefill_share;
    int64_t n_tokens, round;
} ws_batch_purpose;

/** Open the account of a batch, of any instance, tracked or not. */
WS_NODISCARD ws_status ws_power_book_open(ws_power_book *book, const ws_instance_config *instance, int64_t batch_id,
                                          const ws_batch_purpose *purpose, int64_t now_ns);

/* ---- physical, tracked instances ---- */

/** A batch begins on the instance: its host is busy while any is in flight. */
void ws_power_book_begin(ws_power_book *book, const ws_instance_config *instance, int64_t batch_id, int64_t now_ns);
void ws_power_book_end(ws_power_book *book, const ws_instance_config *instance, int64_t batch_id, int64_t now_ns);

/** Closed form: everything else of a batch whose NPUs move together. */
void ws_power_book_step(ws_power_book *book, const ws_instance_config *instance, int64_t batch_id, const ws_step *step,
                        int64_t start_ns, const ws_program_energy *energy);

/** Lockstep: what each NPU of the instance did in a batch, [num_npus]. */
void ws_power_book_npus(ws_power_book *book, const ws_instance_config *instance, int64_t batch_id,
                        const ws_lock_npu *npus);

/** Event engine: a kernel of a batch begins or ends on an NPU. Ignored if the instance is not tracked. */
void ws_power_book_kernel(ws_power_book *book, const ws_instance_config *instance, int64_t npu, int64_t batch_id,
                          bool is_start, int64_t now_ns);

/** Lockstep and event engine: the bytes a batch has moved between start_ns and end_ns. */
void ws_power_book_traffic(ws_power_book *book, const ws_instance_config *instance, int64_t batch_id,
                           const ws_program_energy *energy, int64_t start_ns, int64_t end_ns);

/* ---- reference ---- */

/** Standby state of an instance as the reference keeps it (spec/serving.md 0.3 steps 2 and 3, 8.3). */
typedef struct ws_reference_standby {
    bool    is_waiting;
    int64_t last_end_ns, last_calc_ns;
} ws_reference_standby;

/** Everything of a batch, at the moment its program is built. */
void ws_reference_book_batch(ws_power_book *book, const ws_instance_config *instance, int64_t batch_id,
                             const ws_program_energy *energy, int64_t now_ns);

/** A poll of the start NPU, before anything else happens: book standby, or begin to wait. */
void ws_reference_book_poll(ws_power_book *book, const ws_instance_config *instance, ws_reference_standby *standby,
                            int64_t now_ns);

/** A heartbeat's power reading, 0 W if the clock has not moved since the last one (spec/serving.md 8.4). */
WS_NODISCARD ws_status ws_reference_book_read(ws_power_book *book, int64_t now_ns);

/* ---- the end ---- */

/** Book what is drawn all the time and the last wait, and close the series. */
void ws_power_book_finish(ws_power_book *book, int64_t end_ns);

/** Energy of an instance by component and phase; its share of what is the node's own is none.
 * @param[out] phase_j  [WS_COMPONENT_COUNT][WS_PHASE_COUNT] */
void ws_power_book_instance_j(const ws_power_book *book, const ws_instance_config *instance, double *phase_j);

/** Energy of a component that belongs to the node and to no instance: what is drawn all the time. */
double ws_power_book_own_j(const ws_power_book *book, size_t node, ws_component component, int64_t end_ns);

/** States of one NPU of an instance.
 * @param[out] state_s, state_j  [WS_STATE_COUNT] */
void ws_power_book_npu(const ws_power_book *book, const ws_instance_config *instance, int64_t offset, double *state_s,
                       double *state_j);

#endif /* WS_POWER_BOOK_H */
