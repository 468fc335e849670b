#include "energy/charge.h"

#include "base/minmax.h"
#include "base/units.h"
#include "energy/reference_accounts.h"

/* ---- traffic ---- */

/* Energy of a program's traffic with the memory of its host. */
static inline double dram_energy_j(const ws_instance_account *instance, const ws_batch_work *work)
{
    return instance->all_dram_j_per_byte * (work->dram_bytes - work->cxl_bytes + work->io_bytes) +
           instance->dram_j_per_byte * work->kv_dram_bytes;
}

/* There is traffic besides: seldom in closed form. */
static inline bool has_other_traffic(const ws_batch_work *work)
{
    return work->cxl_bytes + work->kv_cxl_bytes + work->link_bytes + work->pim_ns > 0;
}

/* CXL, link and PIM traffic of a program. */
static WS_HOT void charge_other_traffic(const ws_ledger_page *page, ws_instance_account *instance,
                                        const ws_instance_config *c, ws_batch_energy *batch,
                                        const ws_batch_work *work, int64_t start_ns, int64_t end_ns)
{
    if (work->cxl_bytes + work->kv_cxl_bytes > 0) {
        ws_accounts_charge_for(page, instance, batch, WS_CXL, start_ns, end_ns,
                               instance->cxl_j_per_byte *
                                   ((double)c->tp_size * work->cxl_bytes + work->kv_cxl_bytes));
    }
    if (work->link_bytes > 0) {
        ws_accounts_charge_for(page, instance, batch, WS_LINK, start_ns, end_ns,
                               instance->all_link_j_per_byte * work->link_bytes);
    }
    if (work->pim_ns > 0) {
        ws_accounts_charge_for(page, instance, batch, WS_PIM, start_ns, end_ns,
                               instance->dram_j_per_byte * work->pim_bytes +
                                   instance->pim_w * work->pim_ns * WS_S_PER_NS);
    }
}

/* All traffic of a program. */
static void charge_traffic(const ws_ledger_page *page, ws_instance_account *instance,
                           const ws_instance_config *c, ws_batch_energy *batch, const ws_batch_work *work,
                           int64_t start_ns, int64_t end_ns)
{
    ws_accounts_charge_for(page, instance, batch, WS_DRAM, start_ns, end_ns, dram_energy_j(instance, work));
    if (has_other_traffic(work)) {
        charge_other_traffic(page, instance, c, batch, work, start_ns, end_ns);
    }
}

/* ---- a batch begins ---- */

/* Work of the NPUs of an instance in a step, all of whose gaps end in standby. */
static inline ws_npu_work npu_work_of(const ws_step *step, ws_batch_energy *batch, ws_batch_energy *before)
{
    return (ws_npu_work){
        .begin_ns   = step->first_kernel_ns,
        .end_ns     = step->last_kernel_ns,
        .active_ns  = step->compute_ns,
        .standby_ns = step->last_kernel_ns - step->first_kernel_ns - step->compute_ns,
        .batch      = batch,
        .before     = before,
    };
}

/* Closed form: all of a batch but its host's part.
 * @param[in] batch, before  the batch and the one before; NULL = not kept by batch, or there is none */
static WS_HOT WS_NOINLINE void charge_step(ws_accounts *accounts, const ws_instance_config *c,
                                           ws_batch_energy *batch, ws_batch_energy *before,
                                           const ws_batch_report *report, int64_t start_ns)
{
    const ws_step       *step     = report->step;
    ws_instance_account *instance = &accounts->instances[c->index];
    ws_npu_machine      *machine  = &accounts->machines[c->index];
    const int64_t        end_ns   = ws_step_end_ns(step);
    const ws_ledger_page page =
        ws_ledger_open(&accounts->ledger, instance->source, machine->charged_ns, end_ns);
    ws_npu_work npus = npu_work_of(step, batch, before);
    npus.standby_ns  = step->n_collectives * ws_min_i64(step->collective_ns, c->npu_power.standby_ns);
    ws_npu_machine_run_summed(machine, &page, &npus);
    charge_traffic(&page, instance, c, batch, &report->work, start_ns, end_ns);
}

/* The host's part of a batch begins.
 * @param[in] account  of the batch; NULL = energy is not kept by batch */
static inline void begin_host(ws_accounts *accounts, const ws_instance_account *instance,
                              ws_batch_account *account, int64_t now_ns)
{
    ws_host_clock_begin(instance->host, &accounts->ledger, instance->node, now_ns);
    if (account != NULL) {
        account->host_j = instance->host->shared_j;
    }
}

/* However batches are charged, with and without accounts. */
static WS_HOT WS_NOINLINE ws_status begin_any(ws_accounts *accounts, const ws_instance_config *c,
                                              int64_t batch_id, ws_batch_purpose purpose,
                                              const ws_batch_report *report, int64_t now_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    ws_batch_account    *account  = NULL;
    if (instance->has_accounts) {
        WS_TRY(ws_instance_account_open(instance, (size_t)batch_id, purpose, now_ns));
        account = ws__open_account(instance, (size_t)batch_id);
    }
    if (!instance->is_tracked) {
        return WS_OK;
    }
    if (accounts->charging == WS_CHARGE_AT_ONCE) {
        ws_reference_charge_batch(accounts, c, ws_instance_account_batch(instance, batch_id), &report->work,
                                  now_ns);
        return WS_OK;
    }
    begin_host(accounts, instance, account, now_ns);
    if (accounts->charging == WS_CHARGE_STEPS) {
        charge_step(accounts, c, ws_instance_account_batch(instance, batch_id),
                    ws_instance_account_batch(instance, batch_id - 1), report, now_ns);
    }
    return WS_OK;
}

/* The common case of begin_any(), written for speed: a tracked instance with accounts, in closed form. */
WS_HOT ws_status ws_charge_begin(ws_accounts *accounts, const ws_instance_config *c, int64_t batch_id,
                                 ws_batch_purpose purpose, const ws_batch_report *report, int64_t now_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    if (WS_UNLIKELY(!instance->is_stepped)) {
        return begin_any(accounts, c, batch_id, purpose, report, now_ns);
    }
    WS_TRY(ws_instance_account_open(instance, (size_t)batch_id, purpose, now_ns));
    const ws_batch_work *work    = &report->work;
    const ws_step       *step    = report->step;
    ws_batch_account    *account = ws__open_account(instance, (size_t)batch_id);
    ws_batch_energy *before = &ws__open_account(instance, (size_t)batch_id - 1)->energy; /* empty at first */
    ws_batch_energy  drawn  = {.begin_ns = now_ns, .prefill_share = purpose.prefill_share};
    begin_host(accounts, instance, account, now_ns);
    ws_npu_machine      *machine = &accounts->machines[c->index];
    const int64_t        end_ns  = ws_step_end_ns(step);
    const ws_npu_work    npus    = npu_work_of(step, &drawn, before);
    const ws_ledger_page page =
        ws_ledger_open(&accounts->ledger, instance->source, machine->charged_ns, end_ns);
    if (WS_UNLIKELY(!ws_npu_machine_is_plain(machine, &page, &npus, step->collective_ns))) {
        charge_step(accounts, c, &account->energy, before, report, now_ns);
        return WS_OK;
    }
    const double dram_j   = dram_energy_j(instance, work);
    double       window_j = *ws_ledger_window(&page);
    ws_npu_machine_run_plain(machine, &page, &npus, &window_j);
    ws_ledger_charge_hot(&page, WS_DRAM, now_ns, end_ns, dram_j, &window_j);
    *ws_ledger_window(&page) = window_j;
    ws_batch_energy_add(&drawn, instance->phase_j[WS_DRAM], dram_j);
    account->energy.active_j = drawn.active_j;
    account->energy.energy_j = drawn.energy_j;
    if (has_other_traffic(work)) {
        const ws_ledger_page same = page; /* the other one stays in registers */
        charge_other_traffic(&same, instance, c, &account->energy, work, now_ns, end_ns);
    }
    return WS_OK;
}

/* ---- a batch ends ---- */

/* Lockstep: what each NPU of the instance did in a batch. */
static WS_HOT void charge_npus(ws_accounts *accounts, const ws_instance_config *c, int64_t batch_id,
                               const ws_npu_times *npus)
{
    const ws_instance_account *instance = &accounts->instances[c->index];
    ws_batch_energy           *batch    = ws_instance_account_batch(instance, batch_id);
    ws_batch_energy           *before   = ws_instance_account_batch(instance, batch_id - 1);
    for (int64_t offset = 0; offset < c->num_npus; offset++) {
        const ws_npu_times *npu = &npus[offset];
        if (npu->active_ns > 0) {
            const ws_npu_work    work    = {.begin_ns   = npu->first_kernel_ns,
                                            .end_ns     = npu->last_kernel_ns,
                                            .active_ns  = npu->active_ns,
                                            .standby_ns = npu->standby_ns,
                                            .batch      = batch,
                                            .before     = before};
            ws_npu_machine      *machine = &accounts->machines[ws_accounts_machine(accounts, c, offset)];
            const ws_ledger_page page =
                ws_ledger_open(&accounts->ledger, instance->source, machine->charged_ns, work.end_ns);
            ws_npu_machine_run_summed(machine, &page, &work);
        }
    }
}

WS_HOT void ws_charge_end(ws_accounts *accounts, const ws_instance_config *c, int64_t batch_id,
                          const ws_batch_report *report, int64_t start_ns, int64_t now_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    if (accounts->charging == WS_CHARGE_AT_ONCE) {
        return;
    }
    ws_host_clock_end(instance->host, now_ns);
    if (instance->has_accounts) {
        ws_batch_account *account = ws__open_account(instance, (size_t)batch_id);
        account->energy.end_ns    = now_ns;
        ws_batch_energy_add(&account->energy, instance->phase_j[WS_CPU],
                            instance->host->shared_j - account->host_j);
    }
    if (accounts->charging == WS_CHARGE_STEPS) {
        return;
    }
    if (report->npus != NULL) {
        charge_npus(accounts, c, batch_id, report->npus);
    }
    const ws_ledger_page page = ws_ledger_open(&accounts->ledger, instance->source, start_ns, now_ns);
    charge_traffic(&page, instance, c, ws_instance_account_batch(instance, batch_id), &report->work, start_ns,
                   now_ns);
}

/* ---- kernels ---- */

/* Charge the open window of kernels of an NPU. */
static void flush_track(ws_accounts *accounts, const ws_instance_config *c, size_t machine)
{
    ws_kernel_track *track = &accounts->tracks[machine];
    if (track->begin_ns < 0) {
        return;
    }
    const ws_instance_account *instance = &accounts->instances[c->index];
    const ws_kernel_window     window   = {.begin_ns  = track->begin_ns,
                                           .end_ns    = track->end_ns,
                                           .active_ns = track->end_ns - track->begin_ns,
                                           .batch     = ws_instance_account_batch(instance, track->batch_id),
                                           .before = ws_instance_account_batch(instance, track->batch_id - 1)};
    ws_npu_machine_run(&accounts->machines[machine], &accounts->ledger, &window);
    track->begin_ns = -1;
}

void ws_charge_note_kernel(ws_accounts *accounts, const ws_instance_config *c, int64_t npu, int64_t batch_id,
                           bool is_start, int64_t now_ns)
{
    if (!ws_accounts_tracks(accounts, c)) {
        return;
    }
    const size_t     machine = ws_accounts_machine(accounts, c, npu - c->first_npu);
    ws_kernel_track *track   = &accounts->tracks[machine];
    if (!is_start) {
        track->end_ns = now_ns;
    } else if (track->begin_ns < 0 || track->end_ns != now_ns || track->batch_id != batch_id) {
        flush_track(accounts, c, machine);
        *track = (ws_kernel_track){.begin_ns = now_ns, .batch_id = batch_id};
    }
}

/* ---- the end ---- */

/* The last wait of every NPU of an instance. */
static void finish_npus(ws_accounts *accounts, const ws_instance_config *c, int64_t end_ns)
{
    const int64_t              n_machines = ws_accounts_has_machine_per_npu(accounts) ? c->num_npus : 1;
    const ws_instance_account *instance   = &accounts->instances[c->index];
    ws_batch_energy           *last = ws_instance_account_batch(instance, (int64_t)instance->n_batches - 1);
    for (int64_t offset = 0; offset < n_machines; offset++) {
        const size_t machine = ws_accounts_machine(accounts, c, offset);
        if (ws_accounts_has_machine_per_npu(accounts)) {
            flush_track(accounts, c, machine);
        }
        ws_npu_machine_finish(&accounts->machines[machine], &accounts->ledger, end_ns, last);
    }
}

ws_status ws_charge_finish(ws_accounts *accounts, int64_t end_ns)
{
    const ws_scenario *scenario = accounts->scenario;
    if (scenario->fidelity == WS_FIDELITY_REFERENCE) {
        ws_reference_finish(accounts, end_ns);
    }
    for (size_t i = 0; scenario->fidelity == WS_FIDELITY_PHYSICAL && i < scenario->n_instances; i++) {
        if (ws_accounts_tracks(accounts, &scenario->instances[i])) {
            finish_npus(accounts, &scenario->instances[i], end_ns);
        }
    }
    for (size_t node = 0; node < scenario->n_nodes; node++) {
        ws_host_clock_flush(&accounts->hosts[node], &accounts->ledger, node);
        for (int k = 0; k < WS_COMPONENT_COUNT; k++) {
            const double w = accounts->constant_w[node * WS_COMPONENT_COUNT + (size_t)k];
            if (w > 0) {
                ws_ledger_charge(&accounts->ledger, node, (ws_component)k, 0, end_ns,
                                 w * (double)end_ns * WS_S_PER_NS);
            }
        }
    }
    ws_ledger_close(&accounts->ledger, end_ns);
    for (size_t i = 0; i < scenario->n_instances; i++) {
        WS_TRY(ws_instance_account_settle(&accounts->instances[i], accounts->instances[i].n_batches));
    }
    return accounts->ledger.status;
}
