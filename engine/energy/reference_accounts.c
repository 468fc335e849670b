#include "energy/reference_accounts.h"

#include "base/units.h"

/* ---- batches ---- */

WS_NOINLINE void ws_reference_charge_batch(ws_accounts *accounts, const ws_instance_config *c,
                                           ws_batch_energy *batch, const ws_batch_work *work, int64_t now_ns)
{
    ws_instance_account *instance  = &accounts->instances[c->index];
    const ws_node_power *power     = &accounts->scenario->nodes[c->node].power;
    const ws_npu_power  *npu       = &c->npu_power;
    const double         compute_s = (double)work->act_ns * WS_S_PER_NS;
    const double         pim_j     = instance->pim_w * work->pim_ns * WS_S_PER_NS;
    const double         active_j  = (npu->active_w - npu->idle_w) * compute_s * (double)c->tp_size;
    const ws_ledger_page at        = ws_ledger_open(&accounts->ledger, instance->source, now_ns, now_ns),
                         *page     = &at;
    ws_accounts_charge_for(page, instance, batch, WS_NPU_ACTIVE, now_ns, now_ns, active_j);
    ws_accounts_charge_for(page, instance, batch, WS_CPU, now_ns, now_ns, instance->host->busy_w * compute_s);
    ws_accounts_charge_for(page, instance, batch, WS_LINK, now_ns, now_ns,
                           power->link_j_per_byte * work->link_bytes);
    ws_accounts_charge_for(page, instance, batch, WS_DRAM, now_ns, now_ns,
                           power->dram_j_per_byte * (work->dram_bytes + work->pim_bytes) + pim_j);
    if (batch != NULL) {
        batch->active_j += active_j;
    }
    accounts->machines[c->index].state_s[WS_STATE_ACTIVE] += compute_s * (double)c->tp_size;
}

/* ---- waits and readings ---- */

static void charge_standby(ws_accounts *accounts, const ws_instance_config *c,
                           const ws_reference_standby *standby, int64_t now_ns)
{
    const ws_npu_power *npu        = &c->npu_power;
    const int64_t       since_end  = now_ns - standby->last_end_ns;
    const int64_t       since_calc = now_ns - standby->last_calc_ns;
    const double        window_s   = (double)npu->standby_ns * WS_S_PER_NS;
    double              wait_s = (double)since_end * WS_S_PER_NS, left_s = window_s;
    if (since_end > since_calc) {
        wait_s = (double)since_calc * WS_S_PER_NS;
        left_s = window_s - (double)since_end * WS_S_PER_NS;
        left_s = left_s > 0 ? left_s : 0;
    }
    const double standby_s = wait_s < left_s ? wait_s : left_s;
    if (standby_s > 0) {
        const double energy_j = (npu->standby_w - npu->idle_w) * standby_s * (double)c->num_npus;
        ws_ledger_charge(&accounts->ledger, (size_t)c->node, WS_NPU_STANDBY, now_ns, now_ns, energy_j);
        accounts->machines[c->index].phase_j[WS_STATE_STANDBY][WS_PHASE_WAIT] += energy_j;
        accounts->machines[c->index].state_s[WS_STATE_STANDBY] += standby_s * (double)c->num_npus;
    }
}

void ws_reference_charge_poll(ws_accounts *accounts, const ws_instance_config *c,
                              ws_reference_standby *standby, int64_t now_ns)
{
    if (standby->is_waiting) {
        charge_standby(accounts, c, standby, now_ns);
        standby->last_calc_ns = now_ns;
    } else {
        standby->last_end_ns = now_ns;
        standby->is_waiting  = true;
    }
}

ws_status ws_reference_read_power(ws_accounts *accounts, int64_t now_ns)
{
    ws_power_readings *readings = &accounts->readings;
    const size_t       n        = accounts->scenario->n_nodes * WS_COMPONENT_COUNT;
    WS_TRY(ws_arena_grow(accounts->arena, &readings->power_w, &readings->capacity, readings->n * n,
                         (readings->n + 1) * n, sizeof(double)));
    double      *w        = readings->power_w + readings->n++ * n;
    const double length_s = (double)(now_ns - readings->read_ns) * WS_S_PER_NS;
    for (size_t i = 0; i < n; i++) {
        if (now_ns == readings->read_ns) {
            w[i] = 0.0; /* energy charged since then counts at the next reading */
            continue;
        }
        const double energy_j =
            accounts->ledger.total_j[i] + accounts->constant_w[i] * ((double)now_ns * WS_S_PER_NS);
        w[i]                = (energy_j - readings->read_j[i]) / length_s;
        readings->read_j[i] = energy_j;
    }
    readings->read_ns = now_ns;
    return WS_OK;
}

/* ---- the end ---- */

/* NPU-seconds the reference left uncharged are idle ones. */
static void fill_idle_seconds(ws_accounts *accounts, int64_t end_ns)
{
    for (size_t i = 0; i < accounts->scenario->n_instances; i++) {
        double      *state_s = accounts->machines[i].state_s;
        const double all_s = (double)end_ns * WS_S_PER_NS * (double)accounts->scenario->instances[i].num_npus;
        const double idle_s    = all_s - state_s[WS_STATE_ACTIVE] - state_s[WS_STATE_STANDBY];
        state_s[WS_STATE_IDLE] = idle_s > 0 ? idle_s : 0;
    }
}

/* The reference draws idle power at all times. */
static void put_idle_energy(ws_accounts *accounts, int64_t end_ns)
{
    for (size_t i = 0; i < accounts->scenario->n_instances; i++) {
        const ws_instance_config *c = &accounts->scenario->instances[i];
        if (ws_accounts_tracks(accounts, c)) {
            accounts->machines[i].phase_j[WS_STATE_IDLE][WS_PHASE_WAIT] +=
                c->npu_power.idle_w * (double)c->num_npus * ((double)end_ns * WS_S_PER_NS);
        }
    }
}

void ws_reference_finish(ws_accounts *accounts, int64_t end_ns)
{
    fill_idle_seconds(accounts, end_ns);
    put_idle_energy(accounts, end_ns);
}
