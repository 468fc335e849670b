/* power/npu_state.h -- the three-state machine of one NPU: active while a kernel runs, standby from the end
 * of the last kernel for at most standby_ns, idle after. Integrated exactly from state intervals, charged to
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

#include "base/minmax.h"
#include "base/units.h"
#include "power/batch_energy.h"
#include "power/coefficients.h"
#include "power/ledger.h"

typedef struct ws_npu_machine {
    /* what every work needs: one cache line */
    WS_ON_CACHE_LINE double multiplicity; /* NPUs it stands for, >= 0; 0 charges nothing */
    int64_t                 standby_ns;   /* how long standby lasts after a kernel */
    int64_t standby_end_ns;          /* when standby after the last kernel runs out; 0 = there was none */
    int64_t charged_ns;              /* everything before is charged */
    double  state_w[WS_STATE_COUNT]; /* of one NPU */
    size_t  source;                  /* of the ledger, as which it charges */
    double  state_s[WS_STATE_COUNT]; /* NPU-seconds, multiplicity included */
    double  phase_j[WS_STATE_COUNT][WS_PHASE_COUNT]; /* likewise */
    double  j_per_ns[WS_STATE_COUNT];                /* of all of them */
} ws_npu_machine;

/** A window of one step on an NPU: kernels totalling active_ns between the start of the first and the end of
 * the last kernel, with equal gaps (n_gaps of gap_ns each) between them. active_ns + n_gaps * gap_ns ==
 * end_ns - begin_ns. */
typedef struct ws_kernel_window {
    int64_t          begin_ns, end_ns;
    int64_t          active_ns;
    int64_t          n_gaps, gap_ns;
    ws_batch_energy *batch;  /* whose kernels they are; NULL = none's, all counts as waiting */
    ws_batch_energy *before; /* the batch before; NULL = none */
} ws_kernel_window;

/** The same with gaps of any lengths, summed up: standby_ns of standby, and idle what is left. */
typedef struct ws_npu_work {
    int64_t          begin_ns, end_ns;
    int64_t          active_ns, standby_ns;
    ws_batch_energy *batch, *before;
} ws_npu_work;

void ws_npu_machine_init(ws_npu_machine *machine, const ws_npu_power *power, size_t source,
                         double multiplicity);

/** Count time of one state.
 * @return its energy */
static WS_ALWAYS_INLINE double ws__npu_machine_count(ws_npu_machine *machine, ws_npu_state state,
                                                     int64_t time_ns)
{
    const double npu_s = machine->multiplicity * ((double)time_ns * WS_S_PER_NS);
    machine->state_s[state] += npu_s;
    return machine->state_w[state] * npu_s;
}

/** Charge time_ns of one state inside a batch, spread evenly over [begin_ns, end_ns); batch NULL = nobody
 * asks.
 */
static WS_ALWAYS_INLINE void ws__npu_machine_charge_inside(ws_npu_machine       *machine,
                                                           const ws_ledger_page *page, ws_npu_state state,
                                                           int64_t begin_ns, int64_t end_ns, int64_t time_ns,
                                                           ws_batch_energy *batch)
{
    const double energy_j = ws__npu_machine_count(machine, state, time_ns);
    ws_ledger_charge_on(page, ws_npu_state_component(state), begin_ns, end_ns, energy_j);
    if (batch == NULL) {
        machine->phase_j[state][WS_PHASE_WAIT] += energy_j;
        return;
    }
    ws_batch_energy_add(batch, machine->phase_j[state], energy_j);
    if (state == WS_STATE_ACTIVE) {
        batch->active_j += energy_j;
    }
}

/** To the phases, energy of a wait [begin_ns, end_ns) in one state: what lies in the batch that follows is
 * drawn for it, of what comes before that, what lies in the batch before for that one. Without branches: they
 * could not be guessed, and would make others harder to guess. */
static WS_ALWAYS_INLINE void ws__npu_machine_share_wait(ws_npu_machine *machine, ws_npu_state state,
                                                        int64_t begin_ns, int64_t end_ns,
                                                        ws_batch_energy *before, ws_batch_energy *batch)
{
    const double  j_per_ns = machine->j_per_ns[state];
    double       *phase_j  = machine->phase_j[state];
    const int64_t batch_ns = end_ns - ws_max_i64(batch->begin_ns, begin_ns);
    const int64_t own_ns   = ws_max_i64(batch_ns, 0);
    const int64_t before_ns =
        ws_min_i64(before->end_ns, end_ns - own_ns) - ws_max_i64(before->begin_ns, begin_ns);
    const int64_t prior_ns = ws_max_i64(before_ns, 0);
    ws_batch_energy_add(batch, phase_j, j_per_ns * (double)own_ns);
    ws_batch_energy_add(before, phase_j, j_per_ns * (double)prior_ns);
    phase_j[WS_PHASE_WAIT] += j_per_ns * (double)(end_ns - begin_ns - own_ns - prior_ns);
}

void ws__npu_machine_charge_wait(ws_npu_machine *machine, const ws_ledger_page *page, int64_t end_ns,
                                 ws_batch_energy *before, ws_batch_energy *batch);
void ws__npu_machine_charge_gaps(ws_npu_machine *machine, const ws_ledger_page *page, int64_t begin_ns,
                                 int64_t end_ns, int64_t standby_ns, int64_t idle_ns, ws_batch_energy *batch);

/** The last kernel so far ends at end_ns >= 0. */
static inline void ws__npu_machine_end(ws_npu_machine *machine, int64_t end_ns)
{
    const uint64_t standby_end_ns = (uint64_t)end_ns + (uint64_t)machine->standby_ns;
    machine->charged_ns           = end_ns;
    machine->standby_end_ns       = standby_end_ns < WS_NS_MAX ? (int64_t)standby_end_ns : WS_NS_MAX;
}

/** Charge the wait since the last kernel (standby, then idle) and the work itself. Works come in time order
 * and do not overlap. Of the wait, what lies in `batch` is the batch's; of what comes before that, what lies
 * in `before` is its.
 * @param[in] page  of the machine's source, from its charged_ns to the end of the work or later */
static inline void ws_npu_machine_run_summed(ws_npu_machine *machine, const ws_ledger_page *page,
                                             const ws_npu_work *work)
{
    const int64_t wait_ns = work->begin_ns - machine->charged_ns;
    WS_ASSERT((work->active_ns | work->standby_ns | wait_ns) >= 0); /* none is negative */
    if (machine->multiplicity > 0.0) {
        if (wait_ns > 0) {
            ws__npu_machine_charge_wait(machine, page, work->begin_ns, work->before, work->batch);
        }
        ws__npu_machine_charge_inside(machine, page, WS_STATE_ACTIVE, work->begin_ns, work->end_ns,
                                      work->active_ns, work->batch);
        const int64_t gaps_ns = work->end_ns - work->begin_ns - work->active_ns;
        if (gaps_ns > 0) {
            ws__npu_machine_charge_gaps(machine, page, work->begin_ns, work->end_ns, work->standby_ns,
                                        gaps_ns - work->standby_ns, work->batch);
        }
    }
    ws__npu_machine_end(machine, work->end_ns);
}

/** True if a work is as most are, for ws_npu_machine_run_plain(): all of the page is hot, neither the wait
 * before it nor a gap outlasts standby.
 * @param[in] gap_ns  of the longest gap */
static inline bool ws_npu_machine_is_plain(const ws_npu_machine *machine, const ws_ledger_page *page,
                                           const ws_npu_work *work, int64_t gap_ns)
{
    const bool is_hot = page->bin_j != NULL, waits_in_standby = work->begin_ns <= machine->standby_end_ns,
               has_no_idle = gap_ns <= machine->standby_ns;
    return is_hot & waits_in_standby & has_no_idle;
}

/** Charge a plain work; neither of its batches is NULL.
 * @param[in,out] window_j  as for ws_ledger_charge_hot() */
static WS_ALWAYS_INLINE void ws_npu_machine_run_plain(ws_npu_machine *machine, const ws_ledger_page *page,
                                                      const ws_npu_work *work, double *window_j)
{
    const int64_t wait_ns = work->begin_ns - machine->charged_ns;
    WS_ASSERT((work->active_ns | work->standby_ns | wait_ns) >= 0); /* none is negative */
    if (wait_ns > 0) {
        ws_ledger_charge_hot(page, WS_NPU_STANDBY, machine->charged_ns, work->begin_ns,
                             ws__npu_machine_count(machine, WS_STATE_STANDBY, wait_ns), window_j);
        ws__npu_machine_share_wait(machine, WS_STATE_STANDBY, machine->charged_ns, work->begin_ns,
                                   work->before, work->batch);
    }
    const double active_j = ws__npu_machine_count(machine, WS_STATE_ACTIVE, work->active_ns);
    ws_ledger_charge_hot(page, WS_NPU_ACTIVE, work->begin_ns, work->end_ns, active_j, window_j);
    ws_batch_energy_add(work->batch, machine->phase_j[WS_STATE_ACTIVE], active_j);
    work->batch->active_j += active_j;
    if (work->standby_ns > 0) {
        const double gaps_j = ws__npu_machine_count(machine, WS_STATE_STANDBY, work->standby_ns);
        ws_ledger_charge_hot(page, WS_NPU_STANDBY, work->begin_ns, work->end_ns, gaps_j, window_j);
        ws_batch_energy_add(work->batch, machine->phase_j[WS_STATE_STANDBY], gaps_j);
    }
    ws__npu_machine_end(machine, work->end_ns);
}

/** The same for a window of kernels and equal gaps. */
static inline void ws_npu_machine_run(ws_npu_machine *machine, ws_ledger *ledger,
                                      const ws_kernel_window *window)
{
    WS_ASSERT(window->active_ns >= 0 && window->n_gaps >= 0 && window->gap_ns >= 0);
    WS_ASSERT(window->active_ns + window->n_gaps * window->gap_ns == window->end_ns - window->begin_ns);
    const int64_t gap_standby_ns =
        window->gap_ns < machine->standby_ns ? window->gap_ns : machine->standby_ns;
    const ws_npu_work    work = {.begin_ns   = window->begin_ns,
                                 .end_ns     = window->end_ns,
                                 .active_ns  = window->active_ns,
                                 .standby_ns = window->n_gaps * gap_standby_ns,
                                 .batch      = window->batch,
                                 .before     = window->before};
    const ws_ledger_page page = ws_ledger_open(ledger, machine->source, machine->charged_ns, work.end_ns);
    ws_npu_machine_run_summed(machine, &page, &work);
}

/** Charge the wait up to the end of the run.
 * @param[in,out] last  the last batch; NULL = none */
void ws_npu_machine_finish(ws_npu_machine *machine, ws_ledger *ledger, int64_t end_ns, ws_batch_energy *last);

#endif /* WS_POWER_NPU_STATE_H */
