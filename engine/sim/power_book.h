/* sim/power_book.h -- how the energy of batches gets into the ledger: exactly (physical) or as the reference does it.
 *
 * Physical: NPU state intervals, bytes moved spread over their step, CPU busy while a batch is in flight on its node.
 * Reference: everything of a batch at the moment it starts, standby at polls (spec/serving.md 8). docs/power-model.md
 * has the formulas of both. */
#ifndef WS_POWER_BOOK_H
#define WS_POWER_BOOK_H

#include "power/ledger.h"
#include "power/npu_state.h"
#include "sim/lockstep.h"
#include "sim/program.h"
#include "sim/scenario_internal.h"
#include "sim/step.h"

/** Kernels of one NPU as they come, joined where one follows the other without a pause. */
typedef struct ws_kernel_track {
    int64_t begin_ns, end_ns; /* begin < 0: no window open */
} ws_kernel_track;

typedef struct ws_power_book {
    const ws_scenario *scenario;
    ws_arena       *arena;    /* borrowed */
    ws_ledger       ledger;
    ws_npu_machine *machines; /* one per instance in closed form, one per NPU id otherwise */
    size_t          n_machines;
    ws_kernel_track *tracks;  /* [n_machines], physical without closed form */
    int64_t        *busy_since_ns; /* [n_nodes] when the first of the batches now in flight began, physical */
    int32_t        *n_in_flight;   /* [n_nodes] batches in flight, physical */
    double         *constant_w;  /* [n_nodes][WS_COMPONENT_COUNT] drawn all the time */
    /* readings of the reference's heartbeat */
    double         *read_j;      /* [n_nodes][WS_COMPONENT_COUNT] at the last reading */
    int64_t         read_ns;     /* time of the last reading */
    size_t          n_readings, capacity;
    double         *reading_w;   /* [reading][n_nodes][WS_COMPONENT_COUNT] mean power since the reading before */
} ws_power_book;

WS_NODISCARD ws_status ws_power_book_init(ws_power_book *book, ws_arena *arena, const ws_scenario *scenario,
                                          int64_t interval_ns);

/** True if the instance's node tracks power. */
static inline bool ws_power_book_tracks(const ws_power_book *book, const ws_instance_config *instance)
{
    return book->scenario->has_power && book->scenario->nodes[instance->node].power.is_tracked;
}

/** Index of the machine of an NPU, offset from its instance's first; offset 0 in closed form stands for all. */
size_t ws_power_book_machine(const ws_power_book *book, const ws_instance_config *instance, int64_t offset);

/* ---- physical ---- */

/** A batch begins or ends on the instance: its host is busy while any is in flight. */
void ws_power_book_host(ws_power_book *book, const ws_instance_config *instance, bool is_start, int64_t now_ns);

/** Closed form: everything else of a batch whose NPUs move together. */
void ws_power_book_step(ws_power_book *book, const ws_instance_config *instance, const ws_step *step, int64_t start_ns,
                        const ws_program_energy *energy);

/** Lockstep: what each NPU of the instance did in a batch, [num_npus]. */
void ws_power_book_npus(ws_power_book *book, const ws_instance_config *instance, const ws_lock_npu *npus);

/** Event engine: a kernel begins or ends on an NPU. */
void ws_power_book_kernel(ws_power_book *book, const ws_instance_config *instance, int64_t npu, bool is_start,
                          int64_t now_ns);

/** Lockstep and event engine: the bytes a batch has moved between start_ns and end_ns. */
void ws_power_book_traffic(ws_power_book *book, const ws_instance_config *instance, const ws_program_energy *energy,
                           int64_t start_ns, int64_t end_ns);

/* ---- reference ---- */

/** Standby state of an instance as the reference keeps it (spec/serving.md 0.3 steps 2 and 3, 8.3). */
typedef struct ws_reference_standby {
    bool    is_waiting;
    int64_t last_end_ns, last_calc_ns;
} ws_reference_standby;

/** Everything of a batch, at the moment its program is built. */
void ws_reference_book_batch(ws_power_book *book, const ws_instance_config *instance, const ws_program_energy *energy,
                             int64_t now_ns);

/** A poll of the start NPU, before anything else happens: book standby, or begin to wait. */
void ws_reference_book_poll(ws_power_book *book, const ws_instance_config *instance, ws_reference_standby *standby,
                            int64_t now_ns);

/** A heartbeat's power reading, 0 W if the clock has not moved since the last one (spec/serving.md 8.4). */
WS_NODISCARD ws_status ws_reference_book_read(ws_power_book *book, int64_t now_ns);

/* ---- the end ---- */

/** Book what is drawn all the time and the last wait, and close the series. */
void ws_power_book_finish(ws_power_book *book, int64_t end_ns);

#endif /* WS_POWER_BOOK_H */
