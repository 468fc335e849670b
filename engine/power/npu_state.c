#include "power/npu_state.h"

#include "base/units.h"

void ws_npu_machine_init(ws_npu_machine *machine, const ws_npu_power *power, size_t node, double multiplicity)
{
    WS_ASSERT(multiplicity >= 0.0 && power->standby_ns >= 0);
    *machine = (ws_npu_machine){
        .power = *power, .node = node, .multiplicity = multiplicity, .last_kernel_ns = INT64_MIN};
}

/** Book time_ns of one state, spread evenly over [begin_ns, end_ns). */
static void book_state(ws_npu_machine *machine, ws_ledger *ledger, ws_npu_state state, int64_t begin_ns,
                       int64_t end_ns, int64_t time_ns)
{
    if (time_ns == 0 || machine->multiplicity == 0.0) {
        return;
    }
    const double       power_w[]   = {[WS_STATE_ACTIVE]  = machine->power.active_w,
                                      [WS_STATE_STANDBY] = machine->power.standby_w,
                                      [WS_STATE_IDLE]    = machine->power.idle_w};
    const ws_component component[] = {[WS_STATE_ACTIVE]  = WS_NPU_ACTIVE,
                                      [WS_STATE_STANDBY] = WS_NPU_STANDBY,
                                      [WS_STATE_IDLE]    = WS_NPU_IDLE};
    const double       npu_s       = machine->multiplicity * ((double)time_ns * WS_S_PER_NS);
    machine->state_s[state] += npu_s;
    ws_ledger_book(ledger, machine->node, component[state], begin_ns, end_ns, power_w[state] * npu_s);
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
static void book_wait(ws_npu_machine *machine, ws_ledger *ledger, int64_t end_ns)
{
    const int64_t begin_ns = machine->booked_ns;
    WS_ASSERT(begin_ns <= end_ns);
    int64_t turn_ns = standby_until_ns(machine);
    turn_ns         = turn_ns < begin_ns ? begin_ns : turn_ns > end_ns ? end_ns : turn_ns;
    book_state(machine, ledger, WS_STATE_STANDBY, begin_ns, turn_ns, turn_ns - begin_ns);
    book_state(machine, ledger, WS_STATE_IDLE, turn_ns, end_ns, end_ns - turn_ns);
    machine->booked_ns = end_ns;
}

void ws_npu_machine_run_summed(ws_npu_machine *machine, ws_ledger *ledger, int64_t begin_ns, int64_t end_ns,
                               int64_t active_ns, int64_t standby_ns)
{
    const int64_t idle_ns = end_ns - begin_ns - active_ns - standby_ns;
    WS_ASSERT(active_ns >= 0 && standby_ns >= 0 && idle_ns >= 0);
    book_wait(machine, ledger, begin_ns);
    book_state(machine, ledger, WS_STATE_ACTIVE, begin_ns, end_ns, active_ns);
    book_state(machine, ledger, WS_STATE_STANDBY, begin_ns, end_ns, standby_ns);
    book_state(machine, ledger, WS_STATE_IDLE, begin_ns, end_ns, idle_ns);
    machine->booked_ns      = end_ns;
    machine->last_kernel_ns = end_ns;
}

void ws_npu_machine_run(ws_npu_machine *machine, ws_ledger *ledger, const ws_kernel_window *window)
{
    WS_ASSERT(window->active_ns >= 0 && window->n_gaps >= 0 && window->gap_ns >= 0);
    WS_ASSERT(window->active_ns + window->n_gaps * window->gap_ns == window->end_ns - window->begin_ns);
    const int64_t gap_standby_ns =
        window->gap_ns < machine->power.standby_ns ? window->gap_ns : machine->power.standby_ns;
    ws_npu_machine_run_summed(machine, ledger, window->begin_ns, window->end_ns, window->active_ns,
                              window->n_gaps * gap_standby_ns);
}

void ws_npu_machine_finish(ws_npu_machine *machine, ws_ledger *ledger, int64_t end_ns)
{
    book_wait(machine, ledger, end_ns);
}
