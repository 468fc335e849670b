#include "power/npu_state.h"

#include "base/units.h"

void ws_npu_machine_init(ws_npu_machine *machine, const ws_npu_power *power, size_t node, double multiplicity)
{
    WS_ASSERT(multiplicity >= 0.0 && power->standby_ns >= 0);
    *machine = (ws_npu_machine){.power          = *power,
                                .node           = node,
                                .multiplicity   = multiplicity,
                                .state_w        = {[WS_STATE_ACTIVE]  = power->active_w,
                                                   [WS_STATE_STANDBY] = power->standby_w,
                                                   [WS_STATE_IDLE]    = power->idle_w},
                                .last_kernel_ns = INT64_MIN};
    for (int state = 0; state < WS_STATE_COUNT; state++) {
        machine->j_per_ns[state] = machine->state_w[state] * multiplicity * WS_S_PER_NS;
    }
}

/** Book time_ns of one state, spread evenly over [begin_ns, end_ns).
 * @return its energy, for the phases */
static inline double book_state(ws_npu_machine *machine, ws_ledger *ledger, ws_npu_state state,
                                int64_t begin_ns, int64_t end_ns, int64_t time_ns)
{
    const double npu_s    = machine->multiplicity * ((double)time_ns * WS_S_PER_NS);
    const double energy_j = machine->state_w[state] * npu_s;
    machine->state_s[state] += npu_s;
    ws_ledger_book(ledger, machine->node, ws_npu_state_component(state), begin_ns, end_ns, energy_j);
    return energy_j;
}

/** Book time_ns of one state inside a batch. */
static inline void book_inside(ws_npu_machine *machine, ws_ledger *ledger, ws_npu_state state,
                               const ws_npu_work *work, int64_t time_ns)
{
    const double energy_j = book_state(machine, ledger, state, work->begin_ns, work->end_ns, time_ns);
    if (work->batch == NULL) {
        machine->phase_j[state][WS_PHASE_WAIT] += energy_j;
        return;
    }
    ws_batch_energy_add(work->batch, machine->phase_j[state], energy_j);
    if (state == WS_STATE_ACTIVE) {
        work->batch->active_j += energy_j;
    }
}

/** Book a wait [begin_ns, end_ns) in one state: what lies in the batch that follows is drawn for it, of what
 * comes before that, what lies in the batch before for that one. */
static inline void book_wait_state(ws_npu_machine *machine, ws_ledger *ledger, ws_npu_state state,
                                   int64_t begin_ns, int64_t end_ns, ws_batch_energy *before,
                                   ws_batch_energy *batch)
{
    const double j_per_ns = machine->j_per_ns[state];
    double      *phase_j  = machine->phase_j[state];
    int64_t      rest_ns  = end_ns - begin_ns;
    (void)book_state(machine, ledger, state, begin_ns, end_ns, rest_ns);
    if (batch != NULL && batch->begin_ns < end_ns) {
        const int64_t from_ns = batch->begin_ns > begin_ns ? batch->begin_ns : begin_ns;
        ws_batch_energy_add(batch, phase_j, j_per_ns * (double)(end_ns - from_ns));
        rest_ns -= end_ns - from_ns;
        end_ns = from_ns;
    }
    if (before != NULL) {
        const int64_t from_ns = before->begin_ns > begin_ns ? before->begin_ns : begin_ns;
        const int64_t to_ns   = before->end_ns < end_ns ? before->end_ns : end_ns;
        if (from_ns < to_ns) {
            ws_batch_energy_add(before, phase_j, j_per_ns * (double)(to_ns - from_ns));
            rest_ns -= to_ns - from_ns;
        }
    }
    if (rest_ns > 0) {
        phase_j[WS_PHASE_WAIT] += j_per_ns * (double)rest_ns;
    }
}

/** When standby that began with the end of the last kernel runs out; the start of the run if there was no
 * kernel. */
static int64_t standby_until_ns(const ws_npu_machine *machine)
{
    if (machine->last_kernel_ns == INT64_MIN) {
        return 0;
    }
    return machine->last_kernel_ns <= WS_NS_MAX - machine->power.standby_ns
               ? machine->last_kernel_ns + machine->power.standby_ns
               : WS_NS_MAX;
}

/** Book the time without kernels up to end_ns: standby while it lasts, then idle. */
static inline void book_wait(ws_npu_machine *machine, ws_ledger *ledger, int64_t end_ns,
                             ws_batch_energy *before, ws_batch_energy *batch)
{
    const int64_t begin_ns = machine->booked_ns;
    WS_ASSERT(begin_ns <= end_ns);
    int64_t turn_ns = standby_until_ns(machine);
    turn_ns         = turn_ns < begin_ns ? begin_ns : turn_ns > end_ns ? end_ns : turn_ns;
    if (begin_ns < turn_ns) {
        book_wait_state(machine, ledger, WS_STATE_STANDBY, begin_ns, turn_ns, before, batch);
    }
    if (turn_ns < end_ns) {
        book_wait_state(machine, ledger, WS_STATE_IDLE, turn_ns, end_ns, before, batch);
    }
}

void ws_npu_machine_run_summed(ws_npu_machine *machine, ws_ledger *ledger, const ws_npu_work *work)
{
    const int64_t idle_ns = work->end_ns - work->begin_ns - work->active_ns - work->standby_ns;
    WS_ASSERT((work->active_ns | work->standby_ns | idle_ns) >= 0); /* none is negative */
    if (machine->multiplicity > 0.0) {
        book_wait(machine, ledger, work->begin_ns, work->before, work->batch);
        if (work->active_ns > 0) {
            book_inside(machine, ledger, WS_STATE_ACTIVE, work, work->active_ns);
        }
        if (work->standby_ns > 0) {
            book_inside(machine, ledger, WS_STATE_STANDBY, work, work->standby_ns);
        }
        if (idle_ns > 0) {
            book_inside(machine, ledger, WS_STATE_IDLE, work, idle_ns);
        }
    }
    machine->booked_ns      = work->end_ns;
    machine->last_kernel_ns = work->end_ns;
}

void ws_npu_machine_finish(ws_npu_machine *machine, ws_ledger *ledger, int64_t end_ns, ws_batch_energy *last)
{
    if (machine->multiplicity > 0.0) {
        book_wait(machine, ledger, end_ns, last, NULL);
    }
    machine->booked_ns = end_ns;
}
