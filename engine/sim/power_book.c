#include "sim/power_book.h"

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
        /* the reference keeps idle power apart and books states as what they draw beyond it */
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

static size_t n_machines_of(const ws_scenario *scenario)
{
    size_t n = 0;
    for (size_t i = 0; i < scenario->n_instances; i++) {
        n += has_machine_per_npu(scenario) ? (size_t)scenario->instances[i].n_npu_ids : 1;
    }
    return n;
}

size_t ws_power_book_machine(const ws_power_book *book, const ws_instance_config *c, int64_t offset)
{
    return has_machine_per_npu(book->scenario) ? (size_t)(c->first_npu + offset) : (size_t)c->index;
}

static void init_machines(ws_power_book *book, const ws_instance_config *c)
{
    if (!has_machine_per_npu(book->scenario)) {
        ws_npu_machine_init(&book->machines[c->index], &c->npu_power, (size_t)c->node, (double)c->num_npus);
        return;
    }
    for (int64_t offset = 0; offset < c->num_npus; offset++) { /* shadows stand for no NPU: theirs stay empty */
        const size_t i = ws_power_book_machine(book, c, offset);
        ws_npu_machine_init(&book->machines[i], &c->npu_power, (size_t)c->node, 1.0);
        book->tracks[i].begin_ns = -1;
    }
}

ws_status ws_power_book_init(ws_power_book *book, ws_arena *arena, const ws_scenario *scenario, int64_t interval_ns,
                             bool has_accounts)
{
    *book          = (ws_power_book){.scenario = scenario, .arena = arena};
    const size_t n = scenario->n_nodes;
    if (!scenario->has_power) {
        return WS_OK;
    }
    WS_TRY(ws_ledger_init(&book->ledger, arena, n, interval_ns));
    book->n_machines  = n_machines_of(scenario);
    book->machines    = ws_arena_calloc(arena, book->n_machines, sizeof(*book->machines));
    book->tracks      = ws_arena_calloc(arena, book->n_machines, sizeof(*book->tracks));
    book->hosts       = ws_arena_calloc(arena, n, sizeof(*book->hosts));
    book->accounts    = ws_arena_calloc(arena, scenario->n_instances, sizeof(*book->accounts));
    book->constant_w  = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    book->read_j      = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    if (book->machines == NULL || book->tracks == NULL || book->hosts == NULL || book->accounts == NULL ||
        book->constant_w == NULL || book->read_j == NULL) {
        return WS_ERR_NOMEM;
    }
    book->accounts = has_accounts ? book->accounts : NULL;
    for (size_t i = 0; i < n; i++) {
        node_constants(scenario, i, book->constant_w + i * WS_COMPONENT_COUNT);
        book->hosts[i].busy_w = ws_node_power_cpu_busy_w(&scenario->nodes[i].power);
    }
    for (size_t i = 0; i < scenario->n_instances; i++) {
        init_machines(book, &scenario->instances[i]);
    }
    return WS_OK;
}

/* ---- accounts ---- */

static ws_batch_account *account_of(const ws_power_book *book, const ws_instance_config *c, int64_t batch_id)
{
    return book->accounts != NULL && batch_id >= 0 ? ws_account_of_batch(&book->accounts[c->index], (size_t)batch_id) : NULL;
}

/* What a batch has drawn; NULL if nobody asks. */
static ws_batch_energy *batch_of(const ws_power_book *book, const ws_instance_config *c, int64_t batch_id)
{
    ws_batch_account *account = account_of(book, c, batch_id);
    return account != NULL ? &account->energy : NULL;
}

static ws_status add_chunk(ws_power_book *book, ws_instance_account *instance)
{
    WS_TRY(ws_arena_grow(book->arena, &instance->chunks, &instance->capacity, instance->n_chunks, instance->n_chunks + 1,
                         sizeof(ws_batch_account *)));
    ws_batch_account *chunk = ws_arena_alloc(book->arena, WS_ACCOUNT_CHUNK, sizeof(*chunk));
    if (chunk == NULL) {
        return WS_ERR_NOMEM;
    }
    instance->chunks[instance->n_chunks++] = chunk;
    return WS_OK;
}

/* Open the account of the next batch of an instance. */
static ws_status add_account(ws_power_book *book, ws_instance_account *instance, const ws_batch_account *account)
{
    if (instance->n_batches == instance->n_chunks * WS_ACCOUNT_CHUNK) {
        WS_TRY(add_chunk(book, instance));
    }
    *ws_account_of_batch(instance, instance->n_batches++) = *account;
    return WS_OK;
}

ws_status ws_power_book_open(ws_power_book *book, const ws_instance_config *c, int64_t batch_id,
                             const ws_batch_purpose *purpose, int64_t now_ns)
{
    if (book->accounts == NULL) {
        return WS_OK;
    }
    ws_instance_account   *instance = &book->accounts[c->index];
    const ws_batch_account account  = {
        .energy   = {.begin_ns = now_ns, .end_ns = INT64_MAX, .prefill_share = purpose->prefill_share},
        .n_tokens = purpose->n_tokens,
        .round    = purpose->round};
    WS_ASSERT((size_t)batch_id >= instance->n_batches);
    while (instance->n_batches < (size_t)batch_id) { /* these never got a program (spec Q-17) */
        WS_TRY(add_account(book, instance, &(ws_batch_account){.round = -1}));
    }
    return add_account(book, instance, &account);
}

/* Energy a batch drew beside its NPUs, [begin_ns, end_ns). */
static inline void book_for(ws_power_book *book, const ws_instance_config *c, ws_batch_energy *batch,
                            ws_component component, int64_t begin_ns, int64_t end_ns, double energy_j)
{
    ws_ledger_book(&book->ledger, (size_t)c->node, component, begin_ns, end_ns, energy_j);
    if (batch != NULL) {
        ws_batch_energy_add(batch, book->accounts[c->index].phase_j[component], energy_j);
    }
}

/* ---- physical ---- */

/* Bring the shares of the batches in flight up to now. */
static void share_host(ws_host_clock *host, int64_t now_ns)
{
    if (host->n_in_flight == 1) {
        host->shared_s += (double)(now_ns - host->shared_until_ns) * WS_S_PER_NS;
    } else if (host->n_in_flight > 1) {
        host->shared_s += (double)(now_ns - host->shared_until_ns) * WS_S_PER_NS / (double)host->n_in_flight;
    }
    host->shared_until_ns = now_ns;
}

/* Book the time the host was busy without a break. */
static void flush_host(ws_power_book *book, size_t node)
{
    ws_host_clock *host = &book->hosts[node];
    if (host->busy_since_ns < host->busy_until_ns) {
        ws_ledger_book(&book->ledger, node, WS_CPU, host->busy_since_ns, host->busy_until_ns,
                       host->busy_w * ((double)(host->busy_until_ns - host->busy_since_ns) * WS_S_PER_NS));
    }
    host->busy_since_ns = host->busy_until_ns;
}

void ws_power_book_begin(ws_power_book *book, const ws_instance_config *c, int64_t batch_id, int64_t now_ns)
{
    ws_host_clock    *host    = &book->hosts[c->node];
    ws_batch_account *account = account_of(book, c, batch_id);
    if (account != NULL) {
        share_host(host, now_ns);
        account->host_s = host->shared_s;
    }
    if (host->n_in_flight++ == 0 && host->busy_until_ns != now_ns) {
        flush_host(book, (size_t)c->node);
        host->busy_since_ns = now_ns;
    }
}

void ws_power_book_end(ws_power_book *book, const ws_instance_config *c, int64_t batch_id, int64_t now_ns)
{
    ws_host_clock    *host    = &book->hosts[c->node];
    ws_batch_account *account = account_of(book, c, batch_id);
    if (account != NULL) {
        share_host(host, now_ns);
        account->energy.end_ns = now_ns;
        ws_batch_energy_add(&account->energy, book->accounts[c->index].phase_j[WS_CPU],
                            host->busy_w * (host->shared_s - account->host_s));
    }
    if (--host->n_in_flight == 0) {
        host->busy_until_ns = now_ns;
    }
}

/* Bytes of a program's host, CXL, PIM and link traffic. The reference counts one rank's share of ring traffic and of
 * weights (spec Q-P7, Q-P9); every rank moves them. */
static inline void book_traffic(ws_power_book *book, const ws_instance_config *c, ws_batch_energy *batch,
                                const ws_program_energy *energy, int64_t start_ns, int64_t end_ns)
{
    const ws_node_config *host  = &book->scenario->nodes[c->node];
    const ws_node_power  *power = &host->power;
    const double          tp    = (double)c->tp_size;
    const double          cxl_j = power->cxl_j_per_byte > 0 ? power->cxl_j_per_byte : power->dram_j_per_byte;
    const double          pim_w = host->pim.active_w - host->pim.idle_w;
    book_for(book, c, batch, WS_DRAM, start_ns, end_ns,
             power->dram_j_per_byte * tp * (energy->dram_bytes - energy->cxl_bytes + energy->io_bytes) +
                 power->dram_j_per_byte * energy->kv_dram_bytes);
    if (energy->cxl_bytes + energy->kv_cxl_bytes > 0) {
        book_for(book, c, batch, WS_CXL, start_ns, end_ns, cxl_j * (tp * energy->cxl_bytes + energy->kv_cxl_bytes));
    }
    if (energy->link_bytes > 0) {
        book_for(book, c, batch, WS_LINK, start_ns, end_ns, power->link_j_per_byte * tp * energy->link_bytes);
    }
    if (energy->pim_ns > 0) {
        book_for(book, c, batch, WS_PIM, start_ns, end_ns,
                 power->dram_j_per_byte * energy->pim_bytes + pim_w * energy->pim_ns * WS_S_PER_NS);
    }
}

void ws_power_book_traffic(ws_power_book *book, const ws_instance_config *c, int64_t batch_id,
                           const ws_program_energy *energy, int64_t start_ns, int64_t end_ns)
{
    book_traffic(book, c, batch_of(book, c, batch_id), energy, start_ns, end_ns);
}

void ws_power_book_step(ws_power_book *book, const ws_instance_config *c, int64_t batch_id, const ws_step *step,
                        int64_t start_ns, const ws_program_energy *energy)
{
    const int64_t          end_ns = step->end_end_ns > step->start_end_ns ? step->end_end_ns : step->start_end_ns;
    const ws_kernel_window window = {
        .begin_ns  = step->first_kernel_ns,
        .end_ns    = step->first_kernel_ns + step->compute_ns + step->n_collectives * step->collective_ns,
        .active_ns = step->compute_ns,
        .n_gaps    = step->n_collectives,
        .gap_ns    = step->collective_ns,
        .batch     = batch_of(book, c, batch_id),
        .before    = batch_of(book, c, batch_id - 1),
    };
    ws_npu_machine_run(&book->machines[c->index], &book->ledger, &window);
    book_traffic(book, c, window.batch, energy, start_ns, end_ns);
}

void ws_power_book_npus(ws_power_book *book, const ws_instance_config *c, int64_t batch_id, const ws_lock_npu *npus)
{
    for (int64_t offset = 0; offset < c->num_npus; offset++) {
        const ws_lock_npu *npu = &npus[offset];
        if (npu->active_ns > 0) {
            const ws_npu_work work = {.begin_ns   = npu->first_kernel_ns,
                                      .end_ns     = npu->last_kernel_ns,
                                      .active_ns  = npu->active_ns,
                                      .standby_ns = npu->standby_ns,
                                      .batch      = batch_of(book, c, batch_id),
                                      .before     = batch_of(book, c, batch_id - 1)};
            ws_npu_machine_run_summed(&book->machines[ws_power_book_machine(book, c, offset)], &book->ledger, &work);
        }
    }
}

/* Book the open window of kernels of an NPU. */
static void flush_track(ws_power_book *book, const ws_instance_config *c, size_t machine)
{
    ws_kernel_track *track = &book->tracks[machine];
    if (track->begin_ns < 0) {
        return;
    }
    const ws_kernel_window window = {.begin_ns  = track->begin_ns,
                                     .end_ns    = track->end_ns,
                                     .active_ns = track->end_ns - track->begin_ns,
                                     .batch     = batch_of(book, c, track->batch_id),
                                     .before    = batch_of(book, c, track->batch_id - 1)};
    ws_npu_machine_run(&book->machines[machine], &book->ledger, &window);
    track->begin_ns = -1;
}

void ws_power_book_kernel(ws_power_book *book, const ws_instance_config *c, int64_t npu, int64_t batch_id, bool is_start,
                          int64_t now_ns)
{
    if (!ws_power_book_tracks(book, c)) {
        return;
    }
    const size_t     machine = ws_power_book_machine(book, c, npu - c->first_npu);
    ws_kernel_track *track   = &book->tracks[machine];
    if (!is_start) {
        track->end_ns = now_ns;
    } else if (track->begin_ns < 0 || track->end_ns != now_ns || track->batch_id != batch_id) {
        flush_track(book, c, machine);
        *track = (ws_kernel_track){.begin_ns = now_ns, .batch_id = batch_id};
    }
}

/* ---- reference ---- */

void ws_reference_book_batch(ws_power_book *book, const ws_instance_config *c, int64_t batch_id,
                             const ws_program_energy *energy, int64_t now_ns)
{
    const ws_node_config *host      = &book->scenario->nodes[c->node];
    const ws_node_power  *power     = &host->power;
    const ws_npu_power   *npu       = &c->npu_power;
    ws_batch_energy      *batch     = batch_of(book, c, batch_id);
    const double          compute_s = (double)energy->act_ns * WS_S_PER_NS;
    const double          pim_j     = (host->pim.active_w - host->pim.idle_w) * energy->pim_ns * WS_S_PER_NS;
    const double          active_j  = (npu->active_w - npu->idle_w) * compute_s * (double)c->tp_size;
    book_for(book, c, batch, WS_NPU_ACTIVE, now_ns, now_ns, active_j);
    book_for(book, c, batch, WS_CPU, now_ns, now_ns, book->hosts[c->node].busy_w * compute_s);
    book_for(book, c, batch, WS_LINK, now_ns, now_ns, power->link_j_per_byte * energy->link_bytes);
    book_for(book, c, batch, WS_DRAM, now_ns, now_ns,
             power->dram_j_per_byte * (energy->dram_bytes + energy->pim_bytes) + pim_j);
    if (batch != NULL) {
        batch->active_j += active_j;
    }
    book->machines[c->index].state_s[WS_STATE_ACTIVE] += compute_s * (double)c->tp_size;
}

static void book_standby(ws_power_book *book, const ws_instance_config *c, const ws_reference_standby *standby,
                         int64_t now_ns)
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
        ws_ledger_book(&book->ledger, (size_t)c->node, WS_NPU_STANDBY, now_ns, now_ns, energy_j);
        book->machines[c->index].phase_j[WS_STATE_STANDBY][WS_PHASE_WAIT] += energy_j;
        book->machines[c->index].state_s[WS_STATE_STANDBY] += standby_s * (double)c->num_npus;
    }
}

void ws_reference_book_poll(ws_power_book *book, const ws_instance_config *c, ws_reference_standby *standby,
                            int64_t now_ns)
{
    if (standby->is_waiting) {
        book_standby(book, c, standby, now_ns);
        standby->last_calc_ns = now_ns;
    } else {
        standby->last_end_ns = now_ns;
        standby->is_waiting  = true;
    }
}

ws_status ws_reference_book_read(ws_power_book *book, int64_t now_ns)
{
    const size_t n = book->scenario->n_nodes * WS_COMPONENT_COUNT;
    WS_TRY(ws_arena_grow(book->arena, &book->reading_w, &book->capacity, book->n_readings * n, (book->n_readings + 1) * n,
                         sizeof(double)));
    double      *w        = book->reading_w + book->n_readings++ * n;
    const double length_s = (double)(now_ns - book->read_ns) * WS_S_PER_NS;
    for (size_t i = 0; i < n; i++) {
        if (now_ns == book->read_ns) {
            w[i] = 0.0; /* energy booked since then counts at the next reading */
            continue;
        }
        const double energy_j =
            book->ledger.total_j[i] + book->constant_w[i] * ((double)now_ns * WS_S_PER_NS);
        w[i]            = (energy_j - book->read_j[i]) / length_s;
        book->read_j[i] = energy_j;
    }
    book->read_ns = now_ns;
    return WS_OK;
}

/* ---- the end ---- */

/* NPU-seconds the reference left unbooked are idle ones. */
static void fill_idle_seconds(ws_power_book *book, int64_t end_ns)
{
    for (size_t i = 0; i < book->scenario->n_instances; i++) {
        double      *state_s = book->machines[i].state_s;
        const double all_s   = (double)end_ns * WS_S_PER_NS * (double)book->scenario->instances[i].num_npus;
        const double idle_s  = all_s - state_s[WS_STATE_ACTIVE] - state_s[WS_STATE_STANDBY];
        state_s[WS_STATE_IDLE] = idle_s > 0 ? idle_s : 0;
    }
}

/* The reference draws idle power at all times. */
static void put_idle_energy(ws_power_book *book, int64_t end_ns)
{
    for (size_t i = 0; i < book->scenario->n_instances; i++) {
        const ws_instance_config *c = &book->scenario->instances[i];
        if (ws_power_book_tracks(book, c)) {
            book->machines[i].phase_j[WS_STATE_IDLE][WS_PHASE_WAIT] +=
                c->npu_power.idle_w * (double)c->num_npus * ((double)end_ns * WS_S_PER_NS);
        }
    }
}

/* The last wait of every NPU of an instance. */
static void finish_npus(ws_power_book *book, const ws_instance_config *c, int64_t end_ns)
{
    const int64_t    n_machines = has_machine_per_npu(book->scenario) ? c->num_npus : 1;
    ws_batch_energy *last       = NULL;
    if (book->accounts != NULL) {
        last = batch_of(book, c, (int64_t)book->accounts[c->index].n_batches - 1);
    }
    for (int64_t offset = 0; offset < n_machines; offset++) {
        const size_t machine = ws_power_book_machine(book, c, offset);
        if (has_machine_per_npu(book->scenario)) {
            flush_track(book, c, machine);
        }
        ws_npu_machine_finish(&book->machines[machine], &book->ledger, end_ns, last);
    }
}

void ws_power_book_finish(ws_power_book *book, int64_t end_ns)
{
    const ws_scenario *scenario = book->scenario;
    if (scenario->fidelity == WS_FIDELITY_REFERENCE) {
        fill_idle_seconds(book, end_ns);
        put_idle_energy(book, end_ns);
    }
    for (size_t i = 0; scenario->fidelity == WS_FIDELITY_PHYSICAL && i < scenario->n_instances; i++) {
        if (ws_power_book_tracks(book, &scenario->instances[i])) {
            finish_npus(book, &scenario->instances[i], end_ns);
        }
    }
    for (size_t node = 0; node < scenario->n_nodes; node++) {
        flush_host(book, node);
        for (int k = 0; k < WS_COMPONENT_COUNT; k++) {
            const double w = book->constant_w[node * WS_COMPONENT_COUNT + (size_t)k];
            if (w > 0) {
                ws_ledger_book(&book->ledger, node, (ws_component)k, 0, end_ns, w * (double)end_ns * WS_S_PER_NS);
            }
        }
    }
    ws_ledger_close(&book->ledger, end_ns);
}

void ws_power_book_instance_j(const ws_power_book *book, const ws_instance_config *c, double *phase_j)
{
    const int64_t n_machines = has_machine_per_npu(book->scenario) ? c->num_npus : 1;
    memcpy(phase_j, book->accounts[c->index].phase_j, sizeof(book->accounts[c->index].phase_j));
    for (int64_t offset = 0; offset < n_machines; offset++) {
        const ws_npu_machine *machine = &book->machines[ws_power_book_machine(book, c, offset)];
        for (int state = 0; state < WS_STATE_COUNT; state++) {
            for (int phase = 0; phase < WS_PHASE_COUNT; phase++) {
                phase_j[ws_npu_state_component((ws_npu_state)state) * WS_PHASE_COUNT + phase] +=
                    machine->phase_j[state][phase];
            }
        }
    }
}

double ws_power_book_own_j(const ws_power_book *book, size_t node, ws_component component, int64_t end_ns)
{
    /* the reference keeps idle NPUs among a node's constants */
    return component == WS_NPU_IDLE
               ? 0.0
               : book->constant_w[node * WS_COMPONENT_COUNT + component] * ((double)end_ns * WS_S_PER_NS);
}

void ws_power_book_npu(const ws_power_book *book, const ws_instance_config *c, int64_t offset, double *state_s,
                       double *state_j)
{
    const bool            is_alone = has_machine_per_npu(book->scenario);
    const ws_npu_machine *machine  = &book->machines[ws_power_book_machine(book, c, is_alone ? offset : 0)];
    const double          share    = is_alone ? 1.0 : 1.0 / (double)c->num_npus;
    for (int state = 0; state < WS_STATE_COUNT; state++) {
        const ws_component component = ws_npu_state_component((ws_npu_state)state);
        state_j[state] = 0.0;
        for (int phase = 0; phase < WS_PHASE_COUNT; phase++) { /* the reference books active energy with its batch */
            state_j[state] += share * (machine->phase_j[state][phase] + book->accounts[c->index].phase_j[component][phase]);
        }
        state_s[state] = share * machine->state_s[state];
    }
}
