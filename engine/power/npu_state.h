/* power/npu_state.h -- the three-state machine of one NPU: active while a kernel runs, standby from the end
 * of the last kernel for at most standby_ns, idle after. Integrated exactly from state intervals, booked on
 * the ledger.
 *
 * Every joule goes to a phase as well: what an NPU draws in a batch, waits included, to the batch, the rest
 * to `wait`.
 *
 * A group of n NPUs that do exactly the same (the ranks of a TP group) shares one machine with multiplicity
 * n. */
#ifndef WS_POWER_NPU_STATE_H
#define WS_POWER_NPU_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "power/batch_energy.h"
#include "power/coefficients.h"
#include "power/ledger.h"

typedef struct ws_npu_machine {
    ws_npu_power power;
    size_t       node;                     /* where it books */
    double       multiplicity;             /* NPUs it stands for, >= 0; 0 books nothing */
    double       state_w[WS_STATE_COUNT];  /* of one NPU */
    double       j_per_ns[WS_STATE_COUNT]; /* of all of them */
    int64_t last_kernel_ns; /* end of the last kernel; standby counts from here. INT64_MIN = there was none */
    int64_t booked_ns;      /* everything before is booked */
    double  state_s[WS_STATE_COUNT];                 /* NPU-seconds, multiplicity included */
    double  phase_j[WS_STATE_COUNT][WS_PHASE_COUNT]; /* likewise */
} ws_npu_machine;

/** A window of one step on an NPU: kernels totalling active_ns between the start of the first and the end of
 * the last kernel, with equal gaps (n_gaps of gap_ns each) between them. active_ns + n_gaps * gap_ns ==
 * end_ns - begin_ns. */
typedef struct ws_kernel_window {
    int64_t          begin_ns, end_ns;
    int64_t          active_ns;
    int64_t          n_gaps, gap_ns;
    ws_batch_energy *batch;  /* whose kernels they are; NULL = nobody asks, all counts as waiting */
    ws_batch_energy *before; /* the batch before; NULL = none */
} ws_kernel_window;

/** The same with gaps of any lengths, summed up: standby_ns of standby, and idle what is left. */
typedef struct ws_npu_work {
    int64_t          begin_ns, end_ns;
    int64_t          active_ns, standby_ns;
    ws_batch_energy *batch, *before;
} ws_npu_work;

void ws_npu_machine_init(ws_npu_machine *machine, const ws_npu_power *power, size_t node,
                         double multiplicity);

/** Book the wait since the last kernel (standby, then idle) and the work itself. Works come in time order and
 * do not overlap. Of the wait, what lies in `batch` is the batch's; of what comes before that, what lies in
 * `before` is its. */
void ws_npu_machine_run_summed(ws_npu_machine *machine, ws_ledger *ledger, const ws_npu_work *work);

/** The same for a window of kernels and equal gaps. */
static inline void ws_npu_machine_run(ws_npu_machine *machine, ws_ledger *ledger,
                                      const ws_kernel_window *window)
{
    WS_ASSERT(window->active_ns >= 0 && window->n_gaps >= 0 && window->gap_ns >= 0);
    WS_ASSERT(window->active_ns + window->n_gaps * window->gap_ns == window->end_ns - window->begin_ns);
    const int64_t gap_standby_ns =
        window->gap_ns < machine->power.standby_ns ? window->gap_ns : machine->power.standby_ns;
    const ws_npu_work work = {.begin_ns   = window->begin_ns,
                              .end_ns     = window->end_ns,
                              .active_ns  = window->active_ns,
                              .standby_ns = window->n_gaps * gap_standby_ns,
                              .batch      = window->batch,
                              .before     = window->before};
    ws_npu_machine_run_summed(machine, ledger, &work);
}

/** Book the wait up to the end of the run.
 * @param[in,out] last  the last batch; NULL = none */
void ws_npu_machine_finish(ws_npu_machine *machine, ws_ledger *ledger, int64_t end_ns, ws_batch_energy *last);

#endif /* WS_POWER_NPU_STATE_H */
