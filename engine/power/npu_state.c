#include "power/npu_state.h"

#include "base/units.h"

void ws_npu_machine_init(ws_npu_machine *machine, const ws_npu_power *power, size_t source,
                         double multiplicity)
{
    WS_ASSERT(multiplicity >= 0.0 && power->standby_ns >= 0);
    *machine = (ws_npu_machine){.standby_ns   = power->standby_ns,
                                .source       = source,
                                .multiplicity = multiplicity,
                                .state_w      = {[WS_STATE_ACTIVE]  = power->active_w,
                                                 [WS_STATE_STANDBY] = power->standby_w,
                                                 [WS_STATE_IDLE]    = power->idle_w}};
    for (int state = 0; state < WS_STATE_COUNT; state++) {
        machine->j_per_ns[state] = machine->state_w[state] * multiplicity * WS_S_PER_NS;
    }
}

/** Charge a wait [begin_ns, end_ns) in one state; batches may be NULL. */
static void charge_wait_in(ws_npu_machine *machine, const ws_ledger_page *page, ws_npu_state state,
                           int64_t begin_ns, int64_t end_ns, ws_batch_energy *before, ws_batch_energy *batch)
{
    ws_batch_energy never = {.begin_ns = INT64_MAX}, gone = {0}; /* nothing of the wait lies in either */
    ws_ledger_charge_on(page, ws_npu_state_component(state), begin_ns, end_ns,
                        ws__npu_machine_count(machine, state, end_ns - begin_ns));
    ws__npu_machine_share_wait(machine, state, begin_ns, end_ns, before != NULL ? before : &gone,
                               batch != NULL ? batch : &never);
}

/** Charge the time without kernels up to end_ns: standby while it lasts, then idle. */
WS_HOT void ws__npu_machine_charge_wait(ws_npu_machine *machine, const ws_ledger_page *page, int64_t end_ns,
                                        ws_batch_energy *before, ws_batch_energy *batch)
{
    const int64_t begin_ns = machine->charged_ns;
    WS_ASSERT(begin_ns <= end_ns);
    const int64_t turn_ns = ws_min_i64(ws_max_i64(machine->standby_end_ns, begin_ns), end_ns);
    if (begin_ns < turn_ns) {
        charge_wait_in(machine, page, WS_STATE_STANDBY, begin_ns, turn_ns, before, batch);
    }
    if (turn_ns < end_ns) {
        charge_wait_in(machine, page, WS_STATE_IDLE, turn_ns, end_ns, before, batch);
    }
}

/** Charge the gaps between kernels in [begin_ns, end_ns). */
WS_HOT void ws__npu_machine_charge_gaps(ws_npu_machine *machine, const ws_ledger_page *page, int64_t begin_ns,
                                        int64_t end_ns, int64_t standby_ns, int64_t idle_ns,
                                        ws_batch_energy *batch)
{
    WS_ASSERT(standby_ns >= 0 && idle_ns >= 0);
    if (standby_ns > 0) {
        ws__npu_machine_charge_inside(machine, page, WS_STATE_STANDBY, begin_ns, end_ns, standby_ns, batch);
    }
    if (idle_ns > 0) {
        ws__npu_machine_charge_inside(machine, page, WS_STATE_IDLE, begin_ns, end_ns, idle_ns, batch);
    }
}

void ws_npu_machine_finish(ws_npu_machine *machine, ws_ledger *ledger, int64_t end_ns, ws_batch_energy *last)
{
    if (machine->multiplicity > 0.0) {
        const ws_ledger_page page = ws_ledger_open(ledger, machine->source, machine->charged_ns, end_ns);
        ws__npu_machine_charge_wait(machine, &page, end_ns, last, NULL);
    }
    machine->charged_ns = end_ns;
}
