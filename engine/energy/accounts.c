#include "energy/accounts.h"

#include <string.h>

#include "base/minmax.h"
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

/* In closed form and in the reference's accounting the NPUs of an instance are one machine. */
static bool has_machine_per_npu(const ws_scenario *scenario)
{
    return scenario->step_model != WS_STEP_CLOSED && scenario->fidelity == WS_FIDELITY_PHYSICAL;
}

/* Kernels are charged one by one, from events. */
static bool has_kernel_events(const ws_scenario *scenario)
{
    return scenario->step_model == WS_STEP_EVENTS && scenario->fidelity == WS_FIDELITY_PHYSICAL;
}

static size_t n_machines_of(const ws_scenario *scenario)
{
    size_t n = 0;
    for (size_t i = 0; i < scenario->n_instances; i++) {
        n += has_machine_per_npu(scenario) ? (size_t)scenario->instances[i].n_npu_ids : 1;
    }
    return n;
}

size_t ws_accounts_machine(const ws_accounts *accounts, const ws_instance_config *c, int64_t offset)
{
    return has_machine_per_npu(accounts->scenario) ? (size_t)(c->first_npu + offset) : (size_t)c->index;
}

static void init_machines(ws_accounts *accounts, const ws_instance_config *c)
{
    const size_t source = accounts->instances[c->index].source;
    if (!has_machine_per_npu(accounts->scenario)) {
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
static size_t n_kept_open(const ws_scenario *scenario, const ws_instance_config *c)
{
    if (has_kernel_events(scenario)) {
        return SIZE_MAX; /* a kernel is charged when the next one of its NPU begins, however much later */
    }
    return ws_scheduler_n_slots(c->pp_size) +
           1; /* in flight, and the one before: the wait behind it is charged late */
}

/* Bytes of a program are those of one rank where every rank moves the same: the reference counts one rank's
 * share of ring traffic and of weights (docs/model/serving.md Q-P7, Q-P9). */
static ws_status init_instance(ws_accounts *accounts, const ws_instance_config *c, bool has_accounts)
{
    enum { N_OPEN_MIN = 16 };
    size_t                n_open  = N_OPEN_MIN; /* a power of two, more than are kept open unless all are */
    const ws_node_config *host    = &accounts->scenario->nodes[c->node];
    const ws_node_power  *power   = &host->power;
    const double          tp      = (double)c->tp_size;
    accounts->instances[c->index] = (ws_instance_account){
        .node         = (size_t)c->node,
        .is_tracked   = power->is_tracked,
        .has_accounts = has_accounts,
        .is_stepped   = power->is_tracked && has_accounts &&
                      accounts->scenario->fidelity == WS_FIDELITY_PHYSICAL &&
                      accounts->scenario->step_model == WS_STEP_CLOSED,
        .host                = &accounts->hosts[c->node],
        .dram_j_per_byte     = power->dram_j_per_byte,
        .cxl_j_per_byte      = power->cxl_j_per_byte > 0 ? power->cxl_j_per_byte : power->dram_j_per_byte,
        .all_dram_j_per_byte = power->dram_j_per_byte * tp,
        .all_link_j_per_byte = power->link_j_per_byte * tp,
        .pim_w               = host->pim.active_w - host->pim.idle_w,
        .n_kept_open         = n_kept_open(accounts->scenario, c),
        .pools_rounds        = c->dp_group != WS_NO_GROUP,
        .period              = (size_t)c->pp_size,
    };
    ws_instance_account *instance = &accounts->instances[c->index];
    while (!has_kernel_events(accounts->scenario) && n_open <= instance->n_kept_open) {
        n_open *= 2;
    }
    WS_TRY(ws_ledger_add_source(&accounts->ledger, instance->node, &instance->source));
    instance->open_mask = (uint32_t)n_open - 1;
    instance->open      = ws_arena_calloc(accounts->arena, n_open, sizeof(*instance->open));
    instance->spent     = ws_arena_calloc(accounts->arena, instance->period, sizeof(*instance->spent));
    return instance->open != NULL && instance->spent != NULL ? WS_OK : WS_ERR_NOMEM;
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
    for (size_t n = 1; n <= n_max; n++) {
        share_w[n] = busy_w / (double)n;
    }
    accounts->hosts[node] = (ws_host_clock){.busy_w = busy_w, .share_w = share_w};
    return WS_OK;
}

ws_status ws_accounts_init(ws_accounts *accounts, ws_arena *arena, const ws_scenario *scenario,
                           int64_t interval_ns, bool has_accounts)
{
    *accounts      = (ws_accounts){.scenario = scenario, .arena = arena};
    const size_t n = scenario->n_nodes;
    if (!scenario->has_power) {
        return WS_OK;
    }
    WS_TRY(ws_ledger_init(&accounts->ledger, arena, n, interval_ns));
    accounts->n_machines = n_machines_of(scenario);
    accounts->machines   = ws_arena_calloc(arena, accounts->n_machines, sizeof(*accounts->machines));
    accounts->tracks     = ws_arena_calloc(arena, accounts->n_machines, sizeof(*accounts->tracks));
    accounts->hosts      = ws_arena_calloc(arena, n, sizeof(*accounts->hosts));
    accounts->instances  = ws_arena_calloc(arena, scenario->n_instances, sizeof(*accounts->instances));
    accounts->constant_w = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    accounts->read_j     = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    if (accounts->machines == NULL || accounts->tracks == NULL || accounts->hosts == NULL ||
        accounts->instances == NULL || accounts->constant_w == NULL || accounts->read_j == NULL) {
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

/* ---- accounts ---- */

static inline ws_batch_account *open_account(const ws_instance_account *instance, size_t batch_id)
{
    return &instance->open[batch_id & instance->open_mask];
}

/* What a batch that is not settled has drawn; NULL if nobody asks. */
static inline ws_batch_energy *batch_of(const ws_instance_account *instance, int64_t batch_id)
{
    if (!instance->has_accounts || batch_id < 0) {
        return NULL;
    }
    WS_ASSERT((size_t)batch_id - instance->n_settled < instance->n_batches - instance->n_settled);
    return &open_account(instance, (size_t)batch_id)->energy;
}

static ws_status add_chunk(ws_accounts *accounts, ws_instance_account *instance)
{
    WS_TRY(ws_arena_grow(accounts->arena, &instance->costs, &instance->chunks_capacity, instance->n_chunks,
                         instance->n_chunks + 1, sizeof(*instance->costs)));
    if (instance->pools_rounds) {
        const size_t n_parts = instance->n_chunks * WS_COST_CHUNK;
        WS_TRY(ws_arena_grow(accounts->arena, &instance->parts, &instance->parts_capacity, n_parts,
                             n_parts + WS_COST_CHUNK, sizeof(*instance->parts)));
    }
    ws_batch_cost *chunk = ws_arena_alloc(accounts->arena, WS_COST_CHUNK, sizeof(*chunk));
    if (chunk == NULL) {
        return WS_ERR_NOMEM;
    }
    instance->costs[instance->n_chunks++] = instance->next_cost = chunk;
    instance->costs_end                                         = chunk + WS_COST_CHUNK;
    return WS_OK;
}

/* Keep of the n oldest open batches only what a token cost in them. */
static void settle_costs(ws_instance_account *instance, size_t n)
{
    const size_t period = instance->period, first = instance->n_settled;
    for (size_t k = 0; k < period && k < n; k++) {
        ws_batch_cost *spent = &instance->spent[(first + k) % period];
        ws_batch_cost  sum   = *spent;
        for (size_t i = k; i < n; i += period) {
            const ws_batch_account *account = open_account(instance, first + i);
            ws_batch_cost_add(&sum, account->energy.active_j, account->energy.energy_j,
                              account->purpose.n_tokens);
            instance->next_cost[i] = sum;
        }
        *spent = sum;
    }
}

/* In a DP group, until its rounds are pooled: what they drew. */
static void settle_parts(ws_instance_account *instance, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t            batch_id = instance->n_settled + i;
        const ws_batch_account *account  = open_account(instance, batch_id);
        instance->next_cost[i]    = (ws_batch_cost){account->energy.active_j, account->energy.energy_j};
        instance->parts[batch_id] = (ws_round_part){account->purpose.n_tokens, account->purpose.round};
    }
}

/* Keep of all batches before this one only what they have cost: nothing more is charged to them. */
static WS_HOT ws_status settle(ws_accounts *accounts, ws_instance_account *instance, size_t batch_id)
{
    while (instance->n_settled < batch_id) {
        if (instance->next_cost == instance->costs_end) {
            WS_TRY(add_chunk(accounts, instance));
        }
        const size_t n_open = batch_id - instance->n_settled;
        const size_t n_room = (size_t)(instance->costs_end - instance->next_cost);
        const size_t n      = n_open < n_room ? n_open : n_room;
        if (instance->pools_rounds) {
            settle_parts(instance, n);
        } else {
            settle_costs(instance, n);
        }
        instance->n_settled += n;
        instance->next_cost += n;
    }
    return WS_OK;
}

/* Room for open accounts, twice as many as before. */
static ws_status grow_open(ws_accounts *accounts, ws_instance_account *instance)
{
    const ws_instance_account old      = *instance;
    const size_t              capacity = 2 * ((size_t)old.open_mask + 1);
    instance->open                     = ws_arena_alloc(accounts->arena, capacity, sizeof(*instance->open));
    if (instance->open == NULL) {
        return WS_ERR_NOMEM;
    }
    instance->open_mask = (uint32_t)(capacity - 1);
    for (size_t batch_id = old.n_settled; batch_id < old.n_batches; batch_id++) {
        *open_account(instance, batch_id) = *open_account(&old, batch_id);
    }
    return WS_OK;
}

/* Make room for the next batch: settle all that may be, or grow. Several at once, because their new place is
 * cold: one in every batch would have every batch wait for memory. */
static WS_HOT WS_NOINLINE ws_status make_room(ws_accounts *accounts, ws_instance_account *instance)
{
    if (instance->n_batches > instance->n_kept_open) {
        WS_TRY(settle(accounts, instance, instance->n_batches - instance->n_kept_open));
    }
    return instance->n_batches - instance->n_settled > instance->open_mask ? grow_open(accounts, instance)
                                                                           : WS_OK;
}

/* Open the account of the next batch of an instance. */
static inline ws_status open_next(ws_accounts *accounts, ws_instance_account *instance,
                                  ws_batch_purpose purpose, int64_t now_ns)
{
    if (WS_UNLIKELY(instance->n_batches - instance->n_settled > instance->open_mask)) {
        WS_TRY(make_room(accounts, instance));
    }
    *open_account(instance, instance->n_batches++) = (ws_batch_account){
        .energy  = {.begin_ns = now_ns, .end_ns = INT64_MAX, .prefill_share = purpose.prefill_share},
        .purpose = purpose};
    return WS_OK;
}

/* Open accounts up to that of batch_id, which is the next one but where batches before it never got a
 * program. */
static WS_NOINLINE ws_status open_skipped(ws_accounts *accounts, ws_instance_account *instance,
                                          size_t batch_id)
{
    WS_ASSERT(batch_id > instance->n_batches);
    while (instance->n_batches < batch_id) {
        WS_TRY(open_next(accounts, instance, (ws_batch_purpose){.round = -1}, 0));
    }
    return WS_OK;
}

static inline ws_status open_batch(ws_accounts *accounts, ws_instance_account *instance, size_t batch_id,
                                   ws_batch_purpose purpose, int64_t now_ns)
{
    if (WS_UNLIKELY(instance->n_batches != batch_id)) {
        WS_TRY(open_skipped(accounts, instance, batch_id));
    }
    return open_next(accounts, instance, purpose, now_ns);
}

/* Energy a batch drew beside its NPUs, [begin_ns, end_ns). */
static inline void charge_for(const ws_ledger_page *page, ws_instance_account *instance,
                              ws_batch_energy *batch, ws_component component, int64_t begin_ns,
                              int64_t end_ns, double energy_j)
{
    ws_ledger_charge_on(page, component, begin_ns, end_ns, energy_j);
    if (batch != NULL) {
        ws_batch_energy_add(batch, instance->phase_j[component], energy_j);
    }
}

/* ---- physical ---- */

/* Bring what batches in flight have drawn up to now. */
static inline void share_host(ws_host_clock *host, int64_t now_ns)
{
    const double time_s = (double)(now_ns - host->shared_until_ns) * WS_S_PER_NS;
    host->shared_j += time_s * host->share_w[host->n_in_flight];
    host->shared_until_ns = now_ns;
}

/* Charge the time the host was busy without a break. */
static void flush_host(ws_accounts *accounts, size_t node)
{
    ws_host_clock *host = &accounts->hosts[node];
    if (host->busy_since_ns < host->busy_until_ns) {
        ws_ledger_charge(&accounts->ledger, node, WS_CPU, host->busy_since_ns, host->busy_until_ns,
                         host->busy_w * ((double)(host->busy_until_ns - host->busy_since_ns) * WS_S_PER_NS));
    }
    host->busy_since_ns = host->busy_until_ns;
}

/* @param[in] account  of the batch that begins; NULL = nobody asks */
static inline void begin_batch(ws_accounts *accounts, const ws_instance_account *instance,
                               ws_batch_account *account, int64_t now_ns)
{
    ws_host_clock *host = instance->host;
    if (host->shared_until_ns != now_ns) { /* mostly, a batch begins where another one has ended */
        share_host(host, now_ns);
    }
    if (account != NULL) {
        account->host_j = host->shared_j;
    }
    if (host->n_in_flight++ == 0 && host->busy_until_ns != now_ns) {
        flush_host(accounts, instance->node);
        host->busy_since_ns = now_ns;
    }
}

WS_HOT void ws_accounts_end(ws_accounts *accounts, const ws_instance_config *c, int64_t batch_id,
                            int64_t now_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    ws_host_clock       *host     = instance->host;
    share_host(host, now_ns);
    if (instance->has_accounts) {
        ws_batch_account *account = open_account(instance, (size_t)batch_id);
        account->energy.end_ns    = now_ns;
        ws_batch_energy_add(&account->energy, instance->phase_j[WS_CPU], host->shared_j - account->host_j);
    }
    if (--host->n_in_flight == 0) {
        host->busy_until_ns = now_ns;
    }
}

/* Energy of a program's traffic with the memory of its host. */
static inline double dram_energy_j(const ws_instance_account *instance, const ws_batch_work *energy)
{
    return instance->all_dram_j_per_byte * (energy->dram_bytes - energy->cxl_bytes + energy->io_bytes) +
           instance->dram_j_per_byte * energy->kv_dram_bytes;
}

/* There is traffic besides: seldom in closed form. */
static inline bool has_other_traffic(const ws_batch_work *energy)
{
    return energy->cxl_bytes + energy->kv_cxl_bytes + energy->link_bytes + energy->pim_ns > 0;
}

/* CXL, link and PIM traffic of a program. */
static WS_HOT void charge_other_traffic(const ws_ledger_page *page, ws_instance_account *instance,
                                        const ws_instance_config *c, ws_batch_energy *batch,
                                        const ws_batch_work *energy, int64_t start_ns, int64_t end_ns)
{
    if (energy->cxl_bytes + energy->kv_cxl_bytes > 0) {
        charge_for(page, instance, batch, WS_CXL, start_ns, end_ns,
                   instance->cxl_j_per_byte *
                       ((double)c->tp_size * energy->cxl_bytes + energy->kv_cxl_bytes));
    }
    if (energy->link_bytes > 0) {
        charge_for(page, instance, batch, WS_LINK, start_ns, end_ns,
                   instance->all_link_j_per_byte * energy->link_bytes);
    }
    if (energy->pim_ns > 0) {
        charge_for(page, instance, batch, WS_PIM, start_ns, end_ns,
                   instance->dram_j_per_byte * energy->pim_bytes +
                       instance->pim_w * energy->pim_ns * WS_S_PER_NS);
    }
}

/* All traffic of a program. */
static void charge_traffic(const ws_ledger_page *page, ws_instance_account *instance,
                           const ws_instance_config *c, ws_batch_energy *batch, const ws_batch_work *energy,
                           int64_t start_ns, int64_t end_ns)
{
    charge_for(page, instance, batch, WS_DRAM, start_ns, end_ns, dram_energy_j(instance, energy));
    if (has_other_traffic(energy)) {
        charge_other_traffic(page, instance, c, batch, energy, start_ns, end_ns);
    }
}

WS_HOT void ws_accounts_charge_traffic(ws_accounts *accounts, const ws_instance_config *c, int64_t batch_id,
                                       const ws_batch_work *energy, int64_t start_ns, int64_t end_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    const ws_ledger_page page     = ws_ledger_open(&accounts->ledger, instance->source, start_ns, end_ns);
    charge_traffic(&page, instance, c, batch_of(instance, batch_id), energy, start_ns, end_ns);
}

/* Work of the NPUs of an instance in a step, all of whose gaps end in standby. */
static inline ws_npu_work work_of(const ws_step *step, ws_batch_energy *batch, ws_batch_energy *before)
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
 * @param[in] batch, before  the batch and the one before; NULL = nobody asks, or none */
static WS_HOT WS_NOINLINE void charge_step(ws_accounts *accounts, const ws_instance_config *c,
                                           ws_batch_energy *batch, ws_batch_energy *before,
                                           const ws_step *step, const ws_batch_work *energy, int64_t start_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    ws_npu_machine      *machine  = &accounts->machines[c->index];
    const int64_t        end_ns   = ws_step_end_ns(step);
    const ws_ledger_page page =
        ws_ledger_open(&accounts->ledger, instance->source, machine->charged_ns, end_ns);
    ws_npu_work work = work_of(step, batch, before);
    work.standby_ns  = step->n_collectives * ws_min_i64(step->collective_ns, c->npu_power.standby_ns);
    ws_npu_machine_run_summed(machine, &page, &work);
    charge_traffic(&page, instance, c, batch, energy, start_ns, end_ns);
}

/* The reference: everything of a batch at once. */
static WS_NOINLINE void charge_at_once(ws_accounts *accounts, ws_instance_account *instance,
                                       const ws_instance_config *c, ws_batch_energy *batch,
                                       const ws_batch_work *energy, int64_t now_ns)
{
    const ws_node_power *power     = &accounts->scenario->nodes[c->node].power;
    const ws_npu_power  *npu       = &c->npu_power;
    const double         compute_s = (double)energy->act_ns * WS_S_PER_NS;
    const double         pim_j     = instance->pim_w * energy->pim_ns * WS_S_PER_NS;
    const double         active_j  = (npu->active_w - npu->idle_w) * compute_s * (double)c->tp_size;
    const ws_ledger_page at        = ws_ledger_open(&accounts->ledger, instance->source, now_ns, now_ns),
                         *page     = &at;
    charge_for(page, instance, batch, WS_NPU_ACTIVE, now_ns, now_ns, active_j);
    charge_for(page, instance, batch, WS_CPU, now_ns, now_ns, instance->host->busy_w * compute_s);
    charge_for(page, instance, batch, WS_LINK, now_ns, now_ns, power->link_j_per_byte * energy->link_bytes);
    charge_for(page, instance, batch, WS_DRAM, now_ns, now_ns,
               power->dram_j_per_byte * (energy->dram_bytes + energy->pim_bytes) + pim_j);
    if (batch != NULL) {
        batch->active_j += active_j;
    }
    accounts->machines[c->index].state_s[WS_STATE_ACTIVE] += compute_s * (double)c->tp_size;
}

/* Any fidelity and step model, with and without accounts. */
static WS_HOT WS_NOINLINE ws_status form_any(ws_accounts *accounts, const ws_instance_config *c,
                                             int64_t batch_id, ws_batch_purpose purpose, const ws_step *step,
                                             const ws_batch_work *energy, int64_t now_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    ws_batch_account    *account  = NULL;
    if (instance->has_accounts) {
        WS_TRY(open_batch(accounts, instance, (size_t)batch_id, purpose, now_ns));
        account = open_account(instance, (size_t)batch_id);
    }
    if (!instance->is_tracked) {
        return WS_OK;
    }
    if (accounts->scenario->fidelity == WS_FIDELITY_REFERENCE) {
        charge_at_once(accounts, instance, c, batch_of(instance, batch_id), energy, now_ns);
        return WS_OK;
    }
    begin_batch(accounts, instance, account, now_ns);
    if (accounts->scenario->step_model == WS_STEP_CLOSED) {
        charge_step(accounts, c, batch_of(instance, batch_id), batch_of(instance, batch_id - 1), step, energy,
                    now_ns);
    }
    return WS_OK;
}

/* The common case of form_any(), written for speed: a tracked instance with accounts, in closed form. */
WS_HOT ws_status ws_accounts_begin(ws_accounts *accounts, const ws_instance_config *c, int64_t batch_id,
                                   ws_batch_purpose purpose, const ws_step *step, const ws_batch_work *energy,
                                   int64_t now_ns)
{
    ws_instance_account *instance = &accounts->instances[c->index];
    if (WS_UNLIKELY(!instance->is_stepped)) {
        return form_any(accounts, c, batch_id, purpose, step, energy, now_ns);
    }
    WS_TRY(open_batch(accounts, instance, (size_t)batch_id, purpose, now_ns));
    ws_batch_account *account = open_account(instance, (size_t)batch_id);
    ws_batch_energy  *before  = &open_account(instance, (size_t)batch_id - 1)->energy; /* empty at first */
    ws_batch_energy   drawn   = {.begin_ns = now_ns, .prefill_share = purpose.prefill_share};
    begin_batch(accounts, instance, account, now_ns);
    ws_npu_machine      *machine = &accounts->machines[c->index];
    const int64_t        end_ns  = ws_step_end_ns(step);
    const ws_npu_work    work    = work_of(step, &drawn, before);
    const ws_ledger_page page =
        ws_ledger_open(&accounts->ledger, instance->source, machine->charged_ns, end_ns);
    if (WS_UNLIKELY(!ws_npu_machine_is_plain(machine, &page, &work, step->collective_ns))) {
        charge_step(accounts, c, &account->energy, before, step, energy, now_ns);
        return WS_OK;
    }
    const double dram_j   = dram_energy_j(instance, energy);
    double       window_j = *ws_ledger_window(&page);
    ws_npu_machine_run_plain(machine, &page, &work, &window_j);
    ws_ledger_charge_hot(&page, WS_DRAM, now_ns, end_ns, dram_j, &window_j);
    *ws_ledger_window(&page) = window_j;
    ws_batch_energy_add(&drawn, instance->phase_j[WS_DRAM], dram_j);
    account->energy.active_j = drawn.active_j;
    account->energy.energy_j = drawn.energy_j;
    if (has_other_traffic(energy)) {
        const ws_ledger_page same = page; /* the other one stays in registers */
        charge_other_traffic(&same, instance, c, &account->energy, energy, now_ns, end_ns);
    }
    return WS_OK;
}

WS_HOT void ws_accounts_charge_npus(ws_accounts *accounts, const ws_instance_config *c, int64_t batch_id,
                                    const ws_lockstep_npu *npus)
{
    const ws_instance_account *instance = &accounts->instances[c->index];
    ws_batch_energy *batch = batch_of(instance, batch_id), *before = batch_of(instance, batch_id - 1);
    for (int64_t offset = 0; offset < c->num_npus; offset++) {
        const ws_lockstep_npu *npu = &npus[offset];
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
                                           .batch     = batch_of(instance, track->batch_id),
                                           .before    = batch_of(instance, track->batch_id - 1)};
    ws_npu_machine_run(&accounts->machines[machine], &accounts->ledger, &window);
    track->begin_ns = -1;
}

void ws_accounts_note_kernel(ws_accounts *accounts, const ws_instance_config *c, int64_t npu,
                             int64_t batch_id, bool is_start, int64_t now_ns)
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

/* ---- reference ---- */

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
    const size_t n = accounts->scenario->n_nodes * WS_COMPONENT_COUNT;
    WS_TRY(ws_arena_grow(accounts->arena, &accounts->reading_w, &accounts->capacity, accounts->n_readings * n,
                         (accounts->n_readings + 1) * n, sizeof(double)));
    double      *w        = accounts->reading_w + accounts->n_readings++ * n;
    const double length_s = (double)(now_ns - accounts->read_ns) * WS_S_PER_NS;
    for (size_t i = 0; i < n; i++) {
        if (now_ns == accounts->read_ns) {
            w[i] = 0.0; /* energy charged since then counts at the next reading */
            continue;
        }
        const double energy_j =
            accounts->ledger.total_j[i] + accounts->constant_w[i] * ((double)now_ns * WS_S_PER_NS);
        w[i]                = (energy_j - accounts->read_j[i]) / length_s;
        accounts->read_j[i] = energy_j;
    }
    accounts->read_ns = now_ns;
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

/* The last wait of every NPU of an instance. */
static void finish_npus(ws_accounts *accounts, const ws_instance_config *c, int64_t end_ns)
{
    const int64_t              n_machines = has_machine_per_npu(accounts->scenario) ? c->num_npus : 1;
    const ws_instance_account *instance   = &accounts->instances[c->index];
    ws_batch_energy           *last       = batch_of(instance, (int64_t)instance->n_batches - 1);
    for (int64_t offset = 0; offset < n_machines; offset++) {
        const size_t machine = ws_accounts_machine(accounts, c, offset);
        if (has_machine_per_npu(accounts->scenario)) {
            flush_track(accounts, c, machine);
        }
        ws_npu_machine_finish(&accounts->machines[machine], &accounts->ledger, end_ns, last);
    }
}

ws_status ws_accounts_finish(ws_accounts *accounts, int64_t end_ns)
{
    const ws_scenario *scenario = accounts->scenario;
    if (scenario->fidelity == WS_FIDELITY_REFERENCE) {
        fill_idle_seconds(accounts, end_ns);
        put_idle_energy(accounts, end_ns);
    }
    for (size_t i = 0; scenario->fidelity == WS_FIDELITY_PHYSICAL && i < scenario->n_instances; i++) {
        if (ws_accounts_tracks(accounts, &scenario->instances[i])) {
            finish_npus(accounts, &scenario->instances[i], end_ns);
        }
    }
    for (size_t node = 0; node < scenario->n_nodes; node++) {
        flush_host(accounts, node);
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
        WS_TRY(settle(accounts, &accounts->instances[i], accounts->instances[i].n_batches));
    }
    return accounts->ledger.status;
}

void ws_accounts_instance_j(const ws_accounts *accounts, const ws_instance_config *c, double *phase_j)
{
    const int64_t n_machines = has_machine_per_npu(accounts->scenario) ? c->num_npus : 1;
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
    const bool            is_alone = has_machine_per_npu(accounts->scenario);
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
