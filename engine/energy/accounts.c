#include "energy/accounts.h"

#include <string.h>

#include "base/units.h"

/* Power drawn by every component of a node from start to end of the run. */
static void node_constants(const ws_scenario *scenario, size_t node, double *w)
{
    const ws_node_power *p = &scenario->nodes[node].power;
    for (int k = 0; k < WS_COMPONENT_COUNT; k++) {
        w[k] = 0.0;
    }
    if (!p->is_tracked) {
        return;
    }
    w[WS_BASE]    = p->base_w;
    w[WS_NIC]     = p->nic_w;
    w[WS_STORAGE] = p->storage_w;
    w[WS_LINK]    = p->link_idle_w;
    w[WS_DRAM]    = p->dram_idle_w;
    w[WS_CXL]     = p->cxl_idle_w;
    w[WS_CPU]     = ws_node_power_cpu_rest_w(p);
    if (scenario->fidelity == WS_FIDELITY_REFERENCE) {
        /* the reference keeps idle power apart and charges states as what they draw beyond it */
        for (size_t i = 0; i < scenario->n_instances; i++) {
            const ws_instance_config *c = &scenario->instances[i];
            w[WS_NPU_IDLE] += c->node == (int32_t)node ? c->npu_power.idle_w * (double)c->num_npus : 0.0;
        }
    }
}

ws_charging ws_charging_of(const ws_scenario *scenario)
{
    static const ws_charging of_step_model[] = {[WS_STEP_CLOSED]   = WS_CHARGE_STEPS,
                                                [WS_STEP_LOCKSTEP] = WS_CHARGE_NPUS,
                                                [WS_STEP_EVENTS]   = WS_CHARGE_KERNELS};
    return scenario->fidelity == WS_FIDELITY_REFERENCE ? WS_CHARGE_AT_ONCE
                                                       : of_step_model[scenario->step_model];
}

bool ws_accounts_has_machine_per_npu(const ws_accounts *accounts)
{
    return accounts->charging == WS_CHARGE_NPUS || accounts->charging == WS_CHARGE_KERNELS;
}

static size_t n_machines_of(const ws_accounts *accounts)
{
    const ws_scenario *scenario = accounts->scenario;
    size_t             n        = 0;
    for (size_t i = 0; i < scenario->n_instances; i++) {
        n += ws_accounts_has_machine_per_npu(accounts) ? (size_t)scenario->instances[i].n_npu_ids : 1;
    }
    return n;
}

size_t ws_accounts_machine(const ws_accounts *accounts, const ws_instance_config *c, int64_t offset)
{
    return ws_accounts_has_machine_per_npu(accounts) ? (size_t)(c->first_npu + offset) : (size_t)c->index;
}

static void init_machines(ws_accounts *accounts, const ws_instance_config *c)
{
    const size_t source = accounts->instances[c->index].source;
    if (!ws_accounts_has_machine_per_npu(accounts)) {
        ws_npu_machine_init(&accounts->machines[c->index], &c->npu_power, source, (double)c->num_npus);
        return;
    }
    for (int64_t offset = 0; offset < c->num_npus;
         offset++) { /* shadows stand for no NPU: theirs stay empty */
        const size_t i = ws_accounts_machine(accounts, c, offset);
        ws_npu_machine_init(&accounts->machines[i], &c->npu_power, source, 1.0);
        accounts->tracks[i].begin_ns = -1;
    }
}

/* Batches that energy may still be charged to when another one begins, at most. */
static size_t n_kept_open(const ws_accounts *accounts, const ws_instance_config *c)
{
    if (accounts->charging == WS_CHARGE_KERNELS) {
        return SIZE_MAX; /* a kernel is charged when the next one of its NPU begins, however much later */
    }
    return ws_scheduler_n_slots(c->pp_size) +
           1; /* in flight, and the one before: the wait behind it is charged late */
}

/* Bytes of a program are those of one rank where every rank moves the same: the reference counts one rank's
 * share of ring traffic and of weights (docs/model/serving.md Q-P7, Q-P9). */
static ws_status init_instance(ws_accounts *accounts, const ws_instance_config *c, bool has_accounts)
{
    const ws_node_config *host    = &accounts->scenario->nodes[c->node];
    const ws_node_power  *power   = &host->power;
    const double          tp      = (double)c->tp_size;
    accounts->instances[c->index] = (ws_instance_account){
        .node                = (size_t)c->node,
        .is_tracked          = power->is_tracked,
        .has_accounts        = has_accounts,
        .is_stepped          = power->is_tracked && has_accounts && accounts->charging == WS_CHARGE_STEPS,
        .host                = &accounts->hosts[c->node],
        .dram_j_per_byte     = power->dram_j_per_byte,
        .cxl_j_per_byte      = power->cxl_j_per_byte > 0 ? power->cxl_j_per_byte : power->dram_j_per_byte,
        .all_dram_j_per_byte = power->dram_j_per_byte * tp,
        .all_link_j_per_byte = power->link_j_per_byte * tp,
        .pim_w               = host->pim.active_w - host->pim.idle_w,
        .n_kept_open         = n_kept_open(accounts, c),
        .pools_rounds        = c->dp_group != WS_NO_GROUP,
        .period              = (size_t)c->pp_size,
    };
    ws_instance_account *instance = &accounts->instances[c->index];
    WS_TRY(ws_ledger_add_source(&accounts->ledger, instance->node, &instance->source));
    return ws_instance_account_init(instance, accounts->arena, accounts->charging == WS_CHARGE_KERNELS);
}

/* Shares of up to as many batches as the instances of a node may have in flight. */
static ws_status init_host(ws_accounts *accounts, size_t node)
{
    const ws_scenario *s      = accounts->scenario;
    const double       busy_w = ws_node_power_cpu_busy_w(&s->nodes[node].power);
    size_t             n_max  = 0;
    for (size_t i = 0; i < s->n_instances; i++) {
        n_max += s->instances[i].node == (int32_t)node ? ws_scheduler_n_slots(s->instances[i].pp_size) : 0;
    }
    double *share_w = ws_arena_calloc(accounts->arena, n_max + 1, sizeof(*share_w));
    if (share_w == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_host_clock_init(&accounts->hosts[node], busy_w, share_w, n_max);
    return WS_OK;
}

ws_status ws_accounts_init(ws_accounts *accounts, ws_arena *arena, const ws_scenario *scenario,
                           int64_t interval_ns, bool has_accounts)
{
    *accounts = (ws_accounts){.scenario = scenario, .arena = arena, .charging = ws_charging_of(scenario)};
    const size_t n = scenario->n_nodes;
    if (!scenario->has_power) {
        return WS_OK;
    }
    WS_TRY(ws_ledger_init(&accounts->ledger, arena, n, interval_ns));
    accounts->n_machines      = n_machines_of(accounts);
    accounts->machines        = ws_arena_calloc(arena, accounts->n_machines, sizeof(*accounts->machines));
    accounts->tracks          = ws_arena_calloc(arena, accounts->n_machines, sizeof(*accounts->tracks));
    accounts->hosts           = ws_arena_calloc(arena, n, sizeof(*accounts->hosts));
    accounts->instances       = ws_arena_calloc(arena, scenario->n_instances, sizeof(*accounts->instances));
    accounts->constant_w      = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    accounts->readings.read_j = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    if (accounts->machines == NULL || accounts->tracks == NULL || accounts->hosts == NULL ||
        accounts->instances == NULL || accounts->constant_w == NULL || accounts->readings.read_j == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        node_constants(scenario, i, accounts->constant_w + i * WS_COMPONENT_COUNT);
        WS_TRY(init_host(accounts, i));
    }
    for (size_t i = 0; i < scenario->n_instances; i++) {
        WS_TRY(init_instance(accounts, &scenario->instances[i], has_accounts));
        init_machines(accounts, &scenario->instances[i]);
    }
    return WS_OK;
}

/* ---- what has been charged ---- */

void ws_accounts_instance_j(const ws_accounts *accounts, const ws_instance_config *c, double *phase_j)
{
    const int64_t n_machines = ws_accounts_has_machine_per_npu(accounts) ? c->num_npus : 1;
    memcpy(phase_j, accounts->instances[c->index].phase_j, sizeof(accounts->instances[c->index].phase_j));
    for (int64_t offset = 0; offset < n_machines; offset++) {
        const ws_npu_machine *machine = &accounts->machines[ws_accounts_machine(accounts, c, offset)];
        for (int state = 0; state < WS_STATE_COUNT; state++) {
            for (int phase = 0; phase < WS_PHASE_COUNT; phase++) {
                phase_j[ws_npu_state_component((ws_npu_state)state) * WS_PHASE_COUNT + phase] +=
                    machine->phase_j[state][phase];
            }
        }
    }
}

double ws_accounts_own_j(const ws_accounts *accounts, size_t node, ws_component component, int64_t end_ns)
{
    /* the reference keeps idle NPUs among a node's constants */
    return component == WS_NPU_IDLE
               ? 0.0
               : accounts->constant_w[node * WS_COMPONENT_COUNT + component] * ((double)end_ns * WS_S_PER_NS);
}

void ws_accounts_npu_states(const ws_accounts *accounts, const ws_instance_config *c, int64_t offset,
                            double *state_s, double *state_j)
{
    const bool            is_alone = ws_accounts_has_machine_per_npu(accounts);
    const ws_npu_machine *machine =
        &accounts->machines[ws_accounts_machine(accounts, c, is_alone ? offset : 0)];
    const double share = is_alone ? 1.0 : 1.0 / (double)c->num_npus;
    for (int state = 0; state < WS_STATE_COUNT; state++) {
        const ws_component component = ws_npu_state_component((ws_npu_state)state);
        state_j[state]               = 0.0;
        for (int phase = 0; phase < WS_PHASE_COUNT;
             phase++) { /* the reference charges active energy with its batch */
            state_j[state] += share * (machine->phase_j[state][phase] +
                                       accounts->instances[c->index].phase_j[component][phase]);
        }
        state_s[state] = share * machine->state_s[state];
    }
}
