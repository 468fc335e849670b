#include "sim/power_book.h"

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

ws_status ws_power_book_init(ws_power_book *book, ws_arena *arena, const ws_scenario *scenario, int64_t interval_ns)
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
    book->n_in_flight = ws_arena_calloc(arena, n, sizeof(*book->n_in_flight));
    book->busy_since_ns = ws_arena_calloc(arena, n, sizeof(*book->busy_since_ns));
    book->constant_w  = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    book->read_j      = ws_arena_calloc(arena, n * WS_COMPONENT_COUNT, sizeof(double));
    if (book->machines == NULL || book->tracks == NULL || book->n_in_flight == NULL || book->busy_since_ns == NULL || book->constant_w == NULL || book->read_j == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        node_constants(scenario, i, book->constant_w + i * WS_COMPONENT_COUNT);
    }
    for (size_t i = 0; i < scenario->n_instances; i++) {
        init_machines(book, &scenario->instances[i]);
    }
    return WS_OK;
}

/* ---- physical ---- */

void ws_power_book_host(ws_power_book *book, const ws_instance_config *c, bool is_start, int64_t now_ns)
{
    const size_t node = (size_t)c->node;
    if (is_start && book->n_in_flight[node]++ == 0) {
        book->busy_since_ns[node] = now_ns;
    } else if (!is_start && --book->n_in_flight[node] == 0) {
        const int64_t begin_ns = book->busy_since_ns[node];
        const double  busy_w   = ws_node_power_cpu_busy_w(&book->scenario->nodes[node].power);
        ws_ledger_book(&book->ledger, node, WS_CPU, begin_ns, now_ns, busy_w * (double)(now_ns - begin_ns) * WS_S_PER_NS);
    }
}

/* Bytes of a program's host, CXL, PIM and link traffic. The reference counts one rank's share of ring traffic and of
 * weights (spec Q-P7, Q-P9); every rank moves them. */
void ws_power_book_traffic(ws_power_book *book, const ws_instance_config *c, const ws_program_energy *energy,
                           int64_t start_ns, int64_t end_ns)
{
    const size_t           node   = (size_t)c->node;
    const ws_node_config  *host   = &book->scenario->nodes[node];
    const ws_node_power   *power  = &host->power;
    const double           tp     = (double)c->tp_size;
    const double           cxl_j  = power->cxl_j_per_byte > 0 ? power->cxl_j_per_byte : power->dram_j_per_byte;
    ws_ledger             *ledger = &book->ledger;
    const double           pim_w  = host->pim.active_w - host->pim.idle_w;
    ws_ledger_book(ledger, node, WS_DRAM, start_ns, end_ns,
                   power->dram_j_per_byte * tp * (energy->dram_bytes - energy->cxl_bytes + energy->io_bytes));
    if (energy->cxl_bytes > 0) {
        ws_ledger_book(ledger, node, WS_CXL, start_ns, end_ns, cxl_j * tp * energy->cxl_bytes);
    }
    if (energy->link_bytes > 0) {
        ws_ledger_book(ledger, node, WS_LINK, start_ns, end_ns, power->link_j_per_byte * tp * energy->link_bytes);
    }
    if (energy->pim_ns > 0) {
        ws_ledger_book(ledger, node, WS_PIM, start_ns, end_ns,
                       power->dram_j_per_byte * energy->pim_bytes + pim_w * energy->pim_ns * WS_S_PER_NS);
    }
}

void ws_power_book_step(ws_power_book *book, const ws_instance_config *c, const ws_step *step, int64_t start_ns,
                        const ws_program_energy *energy)
{
    const int64_t          end_ns = step->end_end_ns > step->start_end_ns ? step->end_end_ns : step->start_end_ns;
    const ws_kernel_window window = {
        .begin_ns  = step->first_kernel_ns,
        .end_ns    = step->first_kernel_ns + step->compute_ns + step->n_collectives * step->collective_ns,
        .active_ns = step->compute_ns,
        .n_gaps    = step->n_collectives,
        .gap_ns    = step->collective_ns,
    };
    ws_npu_machine_run(&book->machines[c->index], &book->ledger, &window);
    ws_power_book_traffic(book, c, energy, start_ns, end_ns);
}

void ws_power_book_npus(ws_power_book *book, const ws_instance_config *c, const ws_lock_npu *npus)
{
    for (int64_t offset = 0; offset < c->num_npus; offset++) {
        if (npus[offset].active_ns > 0) {
            ws_npu_machine_run_summed(&book->machines[ws_power_book_machine(book, c, offset)], &book->ledger,
                                      npus[offset].first_kernel_ns, npus[offset].last_kernel_ns, npus[offset].active_ns,
                                      npus[offset].standby_ns);
        }
    }
}

static void flush_track(ws_power_book *book, size_t machine)
{
    ws_kernel_track *track = &book->tracks[machine];
    if (track->begin_ns < 0) {
        return;
    }
    const ws_kernel_window window = {
        .begin_ns = track->begin_ns, .end_ns = track->end_ns, .active_ns = track->end_ns - track->begin_ns};
    ws_npu_machine_run(&book->machines[machine], &book->ledger, &window);
    track->begin_ns = -1;
}

void ws_power_book_kernel(ws_power_book *book, const ws_instance_config *c, int64_t npu, bool is_start, int64_t now_ns)
{
    if (!ws_power_book_tracks(book, c)) {
        return;
    }
    const size_t     machine = ws_power_book_machine(book, c, npu - c->first_npu);
    ws_kernel_track *track   = &book->tracks[machine];
    if (!is_start) {
        track->end_ns = now_ns;
    } else if (track->begin_ns < 0 || track->end_ns != now_ns) {
        flush_track(book, machine);
        track->begin_ns = now_ns;
    }
}

/* ---- reference ---- */

static void book_now(ws_power_book *book, size_t node, ws_component component, int64_t now_ns, double energy_j)
{
    ws_ledger_book(&book->ledger, node, component, now_ns, now_ns, energy_j);
}

void ws_reference_book_batch(ws_power_book *book, const ws_instance_config *c, const ws_program_energy *energy,
                             int64_t now_ns)
{
    const size_t          node      = (size_t)c->node;
    const ws_node_config *host      = &book->scenario->nodes[node];
    const ws_node_power  *power     = &host->power;
    const ws_npu_power   *npu       = &c->npu_power;
    const double          compute_s = (double)energy->act_ns * WS_S_PER_NS;
    const double          pim_j     = (host->pim.active_w - host->pim.idle_w) * energy->pim_ns * WS_S_PER_NS;
    book_now(book, node, WS_NPU_ACTIVE, now_ns, (npu->active_w - npu->idle_w) * compute_s * (double)c->tp_size);
    book_now(book, node, WS_CPU, now_ns, ws_node_power_cpu_busy_w(power) * compute_s);
    book_now(book, node, WS_LINK, now_ns, power->link_j_per_byte * energy->link_bytes);
    book_now(book, node, WS_DRAM, now_ns, power->dram_j_per_byte * (energy->dram_bytes + energy->pim_bytes) + pim_j);
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
        book_now(book, (size_t)c->node, WS_NPU_STANDBY, now_ns,
                 (npu->standby_w - npu->idle_w) * standby_s * (double)c->num_npus);
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

void ws_power_book_finish(ws_power_book *book, int64_t end_ns)
{
    const ws_scenario *scenario = book->scenario;
    if (scenario->fidelity == WS_FIDELITY_REFERENCE) {
        fill_idle_seconds(book, end_ns);
    } else {
        for (size_t i = 0; i < book->n_machines; i++) {
            const ws_npu_machine *machine = &book->machines[i];
            if (machine->multiplicity > 0 && scenario->nodes[machine->node].power.is_tracked) {
                if (has_machine_per_npu(scenario)) {
                    flush_track(book, i);
                }
                ws_npu_machine_finish(&book->machines[i], &book->ledger, end_ns);
            }
        }
    }
    for (size_t node = 0; node < scenario->n_nodes; node++) {
        for (int k = 0; k < WS_COMPONENT_COUNT; k++) {
            const double w = book->constant_w[node * WS_COMPONENT_COUNT + (size_t)k];
            if (w > 0) {
                ws_ledger_book(&book->ledger, node, (ws_component)k, 0, end_ns, w * (double)end_ns * WS_S_PER_NS);
            }
        }
    }
    ws_ledger_close(&book->ledger, end_ns);
}
