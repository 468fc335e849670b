/* energy/accounts.h -- what a run has drawn and for what: the ledger, the states of every NPU, an account for
 * each instance. energy/charge.h charges to them, exactly (physical) or as the reference does it
 * (energy/reference_accounts.h); docs/power-model.md has the formulas of both. */
#ifndef WS_ACCOUNTS_H
#define WS_ACCOUNTS_H

#include "energy/instance_account.h"
#include "power/ledger.h"
#include "power/npu_state.h"
#include "scenario/scenario_internal.h"

/** Kernels of one NPU as they come, joined where one follows the other without a pause. */
typedef struct ws_kernel_track {
    int64_t begin_ns, end_ns; /* begin < 0: no window open */
    int64_t batch_id;
} ws_kernel_track;

/** When a batch is charged for, by what is known of it when. */
typedef enum ws_charging {
    WS_CHARGE_AT_ONCE, /* the reference: everything at the moment it begins */
    WS_CHARGE_STEPS,   /* all but its host's part as it begins: its times are known then, alike on all NPUs */
    WS_CHARGE_NPUS,    /* as it ends: what each NPU did, and its traffic */
    WS_CHARGE_KERNELS  /* each kernel as it ends, its traffic with the batch */
} ws_charging;

ws_charging ws_charging_of(const ws_scenario *scenario);

/** What the reference's heartbeats have read. */
typedef struct ws_power_readings {
    double *read_j;  /* [n_nodes][WS_COMPONENT_COUNT] at the last reading */
    int64_t read_ns; /* time of the last reading */
    size_t  n, capacity;
    double *power_w; /* [reading][n_nodes][WS_COMPONENT_COUNT] mean power since the reading before */
} ws_power_readings;

typedef struct ws_accounts {
    const ws_scenario   *scenario;
    ws_charging          charging;
    ws_arena            *arena; /* borrowed */
    ws_ledger            ledger;
    ws_npu_machine      *machines; /* one per instance in closed form, one per NPU id otherwise */
    size_t               n_machines;
    ws_kernel_track     *tracks;     /* [n_machines], physical without closed form */
    ws_host_clock       *hosts;      /* [n_nodes] physical */
    ws_instance_account *instances;  /* [n_instances]; NULL = no node has a power block */
    double              *constant_w; /* [n_nodes][WS_COMPONENT_COUNT] drawn all the time */
    ws_power_readings    readings;   /* reference */
} ws_accounts;

/** @param[in] has_accounts  keep instances, phases and batches apart, not only totals and the series */
WS_NODISCARD ws_status ws_accounts_init(ws_accounts *accounts, ws_arena *arena, const ws_scenario *scenario,
                                        int64_t interval_ns, bool has_accounts);

/** True if the instance's node tracks power. */
static inline bool ws_accounts_tracks(const ws_accounts *accounts, const ws_instance_config *instance)
{
    return accounts->instances != NULL && accounts->instances[instance->index].is_tracked;
}

/** False where all NPUs of an instance are charged alike: they are one machine then. */
bool ws_accounts_has_machine_per_npu(const ws_accounts *accounts);

/** Index of the machine of an NPU, offset from its instance's first; offset 0 in closed form stands for all.
 */
size_t ws_accounts_machine(const ws_accounts *accounts, const ws_instance_config *instance, int64_t offset);

/** Add the energy that everything but a batch's NPUs drew in [begin_ns, end_ns); batch NULL = energy is not
 * kept by batch. */
static inline void ws_accounts_charge_for(const ws_ledger_page *page, ws_instance_account *instance,
                                          ws_batch_energy *batch, ws_component component, int64_t begin_ns,
                                          int64_t end_ns, double energy_j)
{
    ws_ledger_charge_on(page, component, begin_ns, end_ns, energy_j);
    if (batch != NULL) {
        ws_batch_energy_add(batch, instance->phase_j[component], energy_j);
    }
}

/* ---- what has been charged, once all is ---- */

/** Energy of an instance by component and phase; its share of what is the node's own is none.
 * @param[out] phase_j  [WS_COMPONENT_COUNT][WS_PHASE_COUNT] */
void ws_accounts_instance_j(const ws_accounts *accounts, const ws_instance_config *instance, double *phase_j);

/** Energy of a component that belongs to the node and to no instance: what is drawn all the time. */
double ws_accounts_own_j(const ws_accounts *accounts, size_t node, ws_component component, int64_t end_ns);

/** States of one NPU of an instance.
 * @param[out] state_s, state_j  [WS_STATE_COUNT] */
void ws_accounts_npu_states(const ws_accounts *accounts, const ws_instance_config *instance, int64_t offset,
                            double *state_s, double *state_j);

#endif /* WS_ACCOUNTS_H */
