/* Invariants: a host is busy while any batch is in flight on its node, and the batches in flight share that
 * time equally at every moment; every joule of a batch is in its account, in its instance's phases and in the
 * ledger; what is drawn all the time belongs to no instance; accounts that keep batches together have the
 * same totals; the common case of a step charges what the general one does; and the reference's readings and
 * waits follow docs/model/serving.md 8. By hand: base 60 W, host 50 W busy beyond its rest, NPU 20/80/200 W.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "energy/charge.h"
#include "energy/reference_accounts.h"

enum { MS = 1000000, N_INSTANCES = 2 };

/* Nobody tells these accounts of kernels: the NPUs of an instance are idle, and in its last batch that is
 * drawn for it. */
#define NPUS_IDLE_W (2 * 20.0)

/* Two instances of two NPUs each on one node. */
typedef struct site {
    ws_scenario        scenario;
    ws_node_config     node;
    ws_instance_config instances[N_INSTANCES];
    ws_arena           arena;
    ws_accounts        accounts;
} site;

static void site_init_every(site *s, ws_fidelity fidelity, ws_step_model step_model, bool has_accounts,
                            int64_t interval_ns)
{
    *s      = (site){.scenario = {.fidelity    = fidelity,
                                  .n_nodes     = 1,
                                  .n_instances = N_INSTANCES,
                                  .has_power   = true,
                                  .step_model  = step_model,
                                  .n_npus      = 4}};
    s->node = (ws_node_config){.power = {.is_tracked      = true,
                                         .base_w          = 60,
                                         .cpu_idle_w      = 40,
                                         .cpu_active_w    = 120,
                                         .cpu_util        = 0.1,
                                         .dram_j_per_byte = 0.5,
                                         .link_j_per_byte = 0.25}};
    for (int i = 0; i < N_INSTANCES; i++) {
        s->instances[i] = (ws_instance_config){
            .index     = i,
            .num_npus  = 2,
            .n_npu_ids = 2,
            .first_npu = 2 * i,
            .tp_size   = 2,
            .pp_size   = 1,
            .dp_group  = WS_NO_GROUP,
            .npu_power = {.idle_w = 20, .standby_w = 80, .active_w = 200, .standby_ns = 30 * MS}};
    }
    s->scenario.nodes     = &s->node;
    s->scenario.instances = s->instances;
    ws_arena_init(&s->arena, 0);
    assert_int_equal(ws_accounts_init(&s->accounts, &s->arena, &s->scenario, interval_ns, has_accounts),
                     WS_OK);
}

static void site_init(site *s, ws_fidelity fidelity, ws_step_model step_model, bool has_accounts)
{
    site_init_every(s, fidelity, step_model, has_accounts, 10 * MS);
}

static void site_fini(site *s)
{
    ws_arena_fini(&s->arena);
}

static void expect_j(const char *what, double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * fmax(1.0, fabs(expected)))) {
        fail_msg("%s: expected %.15g J, found %.15g J", what, expected, found);
    }
}

/* Form a batch of ten tokens. */
static void form_timed(site *s, int instance, int64_t batch, double prefill_share, const ws_step *step,
                       const ws_batch_work *energy, int64_t now_ns)
{
    const ws_batch_report  report  = {.work = *energy, .step = step};
    const ws_batch_purpose purpose = {
        .prefill_share = prefill_share, .n_tokens = 10, .round = (int32_t)batch};
    assert_int_equal(ws_charge_begin(&s->accounts, &s->instances[instance], batch, purpose, &report, now_ns),
                     WS_OK);
}

/* The same in lockstep, where nothing but the host's work is known of it at first. */
static void form(site *s, int instance, int64_t batch, double prefill_share, int64_t now_ns)
{
    form_timed(s, instance, batch, prefill_share, NULL, &(ws_batch_work){0}, now_ns);
}

static void end(site *s, int instance, int64_t batch, int64_t now_ns)
{
    const ws_batch_report report = {.work = {.act_ns = 0}};
    ws_charge_end(&s->accounts, &s->instances[instance], batch, &report, now_ns, now_ns);
}

static void finish(site *s, int64_t end_ns)
{
    assert_int_equal(ws_charge_finish(&s->accounts, end_ns), WS_OK);
}

/* What a token of a batch has cost, once the accounts are finished. */
static ws_batch_cost token_cost_of(const site *s, int instance, size_t batch)
{
    const ws_instance_account *account = &s->accounts.instances[instance];
    ws_batch_cost              cost    = *ws_cost_of_batch(account, batch);
    if (batch >= account->period) {
        cost.active_j -= ws_cost_of_batch(account, batch - account->period)->active_j;
        cost.energy_j -= ws_cost_of_batch(account, batch - account->period)->energy_j;
    }
    return cost;
}

/* What a batch of ten tokens has cost. */
static double cost_j(const site *s, int instance, size_t batch)
{
    return 10 * token_cost_of(s, instance, batch).energy_j;
}

/* Batches A [0, 40), B [10, 30), C [60, 70) and D [70, 80) ms: 60 ms busy; A alone for 20 ms and half of the
 * 20 ms besides B: 30 ms, B 10 ms. busy_w is what the host draws beyond its rest. */
static void batches_share_their_host(void **state)
{
    (void)state;
    for (int accounts = 0; accounts < 2; accounts++) {
        site s;
        site_init(&s, WS_FIDELITY_PHYSICAL, WS_STEP_LOCKSTEP, accounts == 1);
        const double busy_w = ws_node_power_cpu_busy_w(&s.node.power);
        form(&s, 0, 0, 1.0, 0);
        form(&s, 1, 0, 0.25, 10 * MS);
        end(&s, 1, 0, 30 * MS);
        end(&s, 0, 0, 40 * MS);
        for (int k = 0; k < 2; k++) {
            form(&s, k, 1, 0.0, (60 + 10 * k) * MS);
            end(&s, k, 1, (70 + 10 * k) * MS);
        }
        finish(&s, 100 * MS);
        if (accounts == 1) {
            expect_j("A", cost_j(&s, 0, 0), busy_w * 0.030);
            expect_j("B", cost_j(&s, 1, 0), busy_w * 0.010);
            expect_j("C", cost_j(&s, 0, 1), (busy_w + NPUS_IDLE_W) * 0.010);
            expect_j("B's prefill", s.accounts.instances[1].phase_j[WS_CPU][WS_PHASE_PREFILL],
                     busy_w * 0.0025);
            expect_j("B's and D's decode", s.accounts.instances[1].phase_j[WS_CPU][WS_PHASE_DECODE],
                     busy_w * 0.0175);
        }
        expect_j("host", ws_ledger_total_j(&s.accounts.ledger, 0, WS_CPU),
                 busy_w * 0.060 + ws_node_power_cpu_rest_w(&s.node.power) * 0.1);
        expect_j("base", ws_ledger_total_j(&s.accounts.ledger, 0, WS_BASE), 6.0);
        site_fini(&s);
    }
}

/* More batches than a chunk of costs holds; every seventh number is left out and belongs to no round. Batch
 * b lasts b ns, all of them busy time of its host that it shares with nobody. */
static void skipped_batches_cost_nothing(void **state)
{
    (void)state;
    site s;
    site_init(&s, WS_FIDELITY_PHYSICAL, WS_STEP_LOCKSTEP, true);
    const double busy_w = ws_node_power_cpu_busy_w(&s.node.power);
    int64_t      now_ns = 0;
    for (int64_t batch = 0; batch < 3 * WS_COST_CHUNK; batch++) {
        if (batch % 7 != 3) {
            form(&s, 0, batch, 0.5, now_ns);
            now_ns += batch;
            end(&s, 0, batch, now_ns);
        }
    }
    finish(&s, now_ns);
    assert_int_equal(s.accounts.instances[0].n_batches, 3 * WS_COST_CHUNK);
    assert_int_equal(s.accounts.instances[1].n_batches, 0);
    for (int64_t batch = 0; batch < 3 * WS_COST_CHUNK; batch++) {
        const bool   has_formed = batch % 7 != 3;
        const double power_w    = busy_w + (batch == 3 * WS_COST_CHUNK - 1 ? NPUS_IDLE_W : 0.0);
        expect_j("batch", cost_j(&s, 0, (size_t)batch), has_formed ? power_w * (double)batch * 1e-9 : 0.0);
    }
    site_fini(&s);
}

/* Host memory 100 + 20 of input and output, 40 of them CXL's (which costs what DRAM does: the node has no
 * price for it), on both ranks; 30 and 50 bytes of KV once; 60 over the link on both. */
static void moved_bytes_are_charged_by_where_they_lie(void **state)
{
    (void)state;
    site s;
    site_init(&s, WS_FIDELITY_PHYSICAL, WS_STEP_LOCKSTEP, true);
    const ws_batch_report moved = {.work = {.dram_bytes    = 100,
                                            .cxl_bytes     = 40,
                                            .io_bytes      = 20,
                                            .link_bytes    = 60,
                                            .kv_dram_bytes = 30,
                                            .kv_cxl_bytes  = 50}};
    form(&s, 1, 0, 0.5, 5 * MS);
    ws_charge_end(&s.accounts, &s.instances[1], 0, &moved, 5 * MS, 15 * MS);
    const double dram_j = 0.5 * (2 * (100 - 40 + 20) + 30), cxl_j = 0.5 * (2 * 40 + 50),
                 link_j = 0.25 * 2 * 60, host_j = ws_node_power_cpu_busy_w(&s.node.power) * 0.010;
    expect_j("dram", ws_ledger_total_j(&s.accounts.ledger, 0, WS_DRAM), dram_j);
    expect_j("cxl", ws_ledger_total_j(&s.accounts.ledger, 0, WS_CXL), cxl_j);
    expect_j("link", ws_ledger_total_j(&s.accounts.ledger, 0, WS_LINK), link_j);
    finish(&s, 20 * MS);
    expect_j("batch", cost_j(&s, 1, 0), dram_j + cxl_j + link_j + host_j + NPUS_IDLE_W * 0.010);
    double phase_j[WS_COMPONENT_COUNT * WS_PHASE_COUNT];
    ws_accounts_instance_j(&s.accounts, &s.instances[1], phase_j);
    expect_j("dram, prefill", phase_j[WS_DRAM * WS_PHASE_COUNT + WS_PHASE_PREFILL], dram_j / 2);
    expect_j("link, decode", phase_j[WS_LINK * WS_PHASE_COUNT + WS_PHASE_DECODE], link_j / 2);
    /* [5, 10) and [10, 15) ms: half in each of the first two intervals */
    expect_j("first interval", s.accounts.ledger.bin_j[WS_LINK], link_j / 2);
    expect_j("second interval", s.accounts.ledger.bin_j[WS_COMPONENT_COUNT + WS_LINK], link_j / 2);
    site_fini(&s);
}

/* Two NPUs: kernels [10, 20) ms with two gaps of 2 ms, so active for 6 ms; then standby to 50, idle to 100.
 */
static void a_step_moves_the_npus_together(void **state)
{
    (void)state;
    site s;
    site_init(&s, WS_FIDELITY_PHYSICAL, WS_STEP_CLOSED, true);
    const ws_step step = {.first_kernel_ns = 10 * MS,
                          .last_kernel_ns  = 20 * MS,
                          .compute_ns      = 6 * MS,
                          .n_collectives   = 2,
                          .collective_ns   = 2 * MS,
                          .start_end_ns    = 20 * MS,
                          .end_end_ns      = 20 * MS};
    form_timed(&s, 0, 0, 1.0, &step, &(ws_batch_work){0}, 10 * MS);
    end(&s, 0, 0, 20 * MS);
    finish(&s, 100 * MS);
    double state_s[WS_STATE_COUNT], state_j[WS_STATE_COUNT];
    for (int64_t offset = 0; offset < 2; offset++) {
        ws_accounts_npu_states(&s.accounts, &s.instances[0], offset, state_s, state_j);
        expect_j("active s", state_s[WS_STATE_ACTIVE], 0.006);
        expect_j("standby s", state_s[WS_STATE_STANDBY], 0.004 + 0.030);
        expect_j("idle s", state_s[WS_STATE_IDLE], 0.010 + 0.050);
        expect_j("active", state_j[WS_STATE_ACTIVE], 200 * 0.006);
        expect_j("standby", state_j[WS_STATE_STANDBY], 80 * 0.034);
        expect_j("idle", state_j[WS_STATE_IDLE], 20 * 0.060);
        ws_accounts_npu_states(&s.accounts, &s.instances[1], offset, state_s, state_j); /* never ran */
        expect_j("idle s", state_s[WS_STATE_IDLE], 0.1);
    }
    expect_j("NPUs", ws_ledger_total_j(&s.accounts.ledger, 0, WS_NPU_ACTIVE), 2 * 200 * 0.006);
    expect_j("batch's active", 10 * token_cost_of(&s, 0, 0).active_j, 2 * 200 * 0.006);
    site_fini(&s);
}

/* ---- the common case of a step against the general one ---- */

/* A step of one of many kinds: with or without a wait before it, gaps shorter and longer than standby, stores
 * behind it, traffic on the link. */
static ws_step random_step(ws_rng *rng, int64_t now_ns, ws_batch_work *energy_out)
{
    ws_step step = {.first_kernel_ns = now_ns + (ws_rng_below(rng, 3) > 0 ? ws_rng_below(rng, MS) : 0),
                    .compute_ns      = 1 + ws_rng_below(rng, 12 * MS)};
    if (ws_rng_below(rng, 2) == 0) {
        step.n_collectives = 1 + ws_rng_below(rng, 3);
        step.collective_ns = ws_rng_below(rng, ws_rng_below(rng, 8) == 0 ? 60 * MS : MS);
    }
    step.last_kernel_ns = step.first_kernel_ns + step.compute_ns + step.n_collectives * step.collective_ns;
    step.start_end_ns   = step.last_kernel_ns + (ws_rng_below(rng, 3) > 0 ? ws_rng_below(rng, MS) : 0);
    step.end_end_ns     = step.start_end_ns + (ws_rng_below(rng, 3) == 0 ? ws_rng_below(rng, MS) : 0);
    *energy_out         = (ws_batch_work){.dram_bytes = ws_rng_below(rng, 1000),
                                          .io_bytes   = ws_rng_below(rng, 10),
                                          .link_bytes = ws_rng_below(rng, 2) * ws_rng_below(rng, 500)};
    return step;
}

static void expect_same(const char *what, const double *found, const double *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        expect_j(what, found[i], expected[i]);
    }
}

static void expect_same_accounts(site *found, site *expected, int64_t end_ns)
{
    ws_ledger *a = &found->accounts.ledger, *b = &expected->accounts.ledger;
    assert_int_equal(a->n_bins, b->n_bins);
    expect_same("totals", a->total_j, b->total_j, WS_COMPONENT_COUNT);
    expect_same("intervals", a->bin_j, b->bin_j, a->n_bins * WS_COMPONENT_COUNT);
    expect_same("ticks", a->tick_w, b->tick_w, a->n_bins);
    double *windows[2];
    size_t  n[2];
    assert_int_equal(ws_window_meter_read(&a->windows, end_ns, 1, &windows[0], &n[0]), WS_OK);
    assert_int_equal(ws_window_meter_read(&b->windows, end_ns, 1, &windows[1], &n[1]), WS_OK);
    assert_int_equal(n[0], n[1]);
    expect_same("windows", windows[0], windows[1], n[0]);
    for (int i = 0; i < N_INSTANCES; i++) {
        const ws_npu_machine *machine[] = {&found->accounts.machines[i], &expected->accounts.machines[i]};
        const ws_instance_account *account[] = {&found->accounts.instances[i],
                                                &expected->accounts.instances[i]};
        expect_same("states", machine[0]->state_s, machine[1]->state_s, WS_STATE_COUNT);
        expect_same("NPU phases", machine[0]->phase_j[0], machine[1]->phase_j[0],
                    WS_STATE_COUNT * WS_PHASE_COUNT);
        expect_same("phases", account[0]->phase_j[0], account[1]->phase_j[0],
                    WS_COMPONENT_COUNT * WS_PHASE_COUNT);
        assert_int_equal(account[0]->n_batches, account[1]->n_batches);
        for (size_t batch = 0; batch < account[0]->n_batches; batch++) {
            expect_j("active", ws_cost_of_batch(account[0], batch)->active_j,
                     ws_cost_of_batch(account[1], batch)->active_j);
            expect_j("cost", ws_cost_of_batch(account[0], batch)->energy_j,
                     ws_cost_of_batch(account[1], batch)->energy_j);
        }
    }
}

/* Two instances take turns on one node, in accounts that know the common case and in some that do not. */
static void the_common_case_charges_what_the_general_one_does(void **state)
{
    (void)state;
    site sites[2];
    for (int k = 0; k < 2; k++) {
        site_init_every(&sites[k], WS_FIDELITY_PHYSICAL, WS_STEP_CLOSED, true, 500 * MS);
        ws_window_meter_init(&sites[k].accounts.ledger.windows, &sites[k].arena, 200 * MS);
        for (int i = 0; i < N_INSTANCES; i++) {
            assert_true(sites[k].accounts.instances[i].is_stepped);
            sites[k].accounts.instances[i].is_stepped = k == 0;
        }
    }
    ws_rng rng;
    ws_rng_seed(&rng, 5);
    int64_t next_ns[N_INSTANCES] = {0}, n_formed[N_INSTANCES] = {0}, end_ns = 0;
    bool    is_running[N_INSTANCES] = {false};
    for (int event = 0; event < 20000 || is_running[0] || is_running[1]; event++) {
        if (event >= 20000) { /* only ends are left */
            next_ns[0] = is_running[0] ? next_ns[0] : INT64_MAX;
            next_ns[1] = is_running[1] ? next_ns[1] : INT64_MAX;
        }
        const int     i      = next_ns[1] < next_ns[0] ? 1 : 0;
        const int64_t now_ns = next_ns[i];
        if (is_running[i]) {
            end(&sites[0], i, n_formed[i] - 1, now_ns);
            end(&sites[1], i, n_formed[i] - 1, now_ns);
            next_ns[i] += ws_rng_below(&rng, 4) > 0 ? 0 : ws_rng_below(&rng, 80 * MS);
            end_ns = now_ns > end_ns ? now_ns : end_ns;
        } else {
            ws_batch_work energy;
            const ws_step step  = random_step(&rng, now_ns, &energy);
            const double  share = 0.25 * ws_rng_below(&rng, 5);
            form_timed(&sites[0], i, n_formed[i], share, &step, &energy, now_ns);
            form_timed(&sites[1], i, n_formed[i]++, share, &step, &energy, now_ns);
            next_ns[i] = ws_step_end_ns(&step);
        }
        is_running[i] = !is_running[i];
    }
    finish(&sites[0], end_ns);
    finish(&sites[1], end_ns);
    expect_same_accounts(&sites[0], &sites[1], end_ns);
    site_fini(&sites[0]);
    site_fini(&sites[1]);
}

/* Of what the node draws all the time, none belongs to an instance but the NPUs' own. */
static void constants_belong_to_the_node(void **state)
{
    (void)state;
    site s;
    site_init(&s, WS_FIDELITY_PHYSICAL, WS_STEP_CLOSED, true);
    finish(&s, 1000 * MS);
    double sum_j = 0.0;
    for (int k = 0; k < WS_COMPONENT_COUNT; k++) {
        const double own_j      = ws_accounts_own_j(&s.accounts, 0, (ws_component)k, 1000 * MS);
        double       instance_j = 0.0;
        for (int i = 0; i < N_INSTANCES; i++) {
            double phase_j[WS_COMPONENT_COUNT * WS_PHASE_COUNT];
            ws_accounts_instance_j(&s.accounts, &s.instances[i], phase_j);
            for (int phase = 0; phase < WS_PHASE_COUNT; phase++) {
                instance_j += phase_j[k * WS_PHASE_COUNT + phase];
            }
        }
        expect_j(ws_component_name((ws_component)k), own_j + instance_j,
                 ws_ledger_total_j(&s.accounts.ledger, 0, (ws_component)k));
        sum_j += own_j + instance_j;
    }
    expect_j("node", sum_j, 60 + ws_node_power_cpu_rest_w(&s.node.power) + 4 * 20);
    site_fini(&s);
}

/* ---- reference ---- */

/* A batch at 10 ms with 6 ms of compute: what two NPUs draw beyond idle, at once. Then the poll at 20 ms
 * begins a wait that later polls charge up to the 30 ms of standby: 25 ms at 45 ms, the last 5 at 60, nothing
 * at 90. */
static void the_reference_charges_at_moments(void **state)
{
    (void)state;
    site s;
    site_init(&s, WS_FIDELITY_REFERENCE, WS_STEP_CLOSED, true);
    const ws_batch_work  energy  = {.act_ns = 6 * MS, .dram_bytes = 10, .link_bytes = 20, .io_bytes = 1000};
    ws_reference_standby standby = {0};
    form_timed(&s, 0, 0, 1.0, NULL, &energy, 10 * MS);
    expect_j("active", ws_ledger_total_j(&s.accounts.ledger, 0, WS_NPU_ACTIVE), 180 * 0.006 * 2);
    expect_j("dram", ws_ledger_total_j(&s.accounts.ledger, 0, WS_DRAM),
             5.0); /* no energy for input and output */
    expect_j("link", ws_ledger_total_j(&s.accounts.ledger, 0, WS_LINK), 5.0);
    static const struct {
        int64_t poll_ms;
        double  standby_ms;
    } polls[] = {{20, 0}, {45, 25}, {48, 27}, {90, 27}};
    for (int i = 0; i < 4; i++) {
        ws_reference_charge_poll(&s.accounts, &s.instances[0], &standby, polls[i].poll_ms * MS);
        expect_j("standby", ws_ledger_total_j(&s.accounts.ledger, 0, WS_NPU_STANDBY),
                 60 * 2 * polls[i].standby_ms * 1e-3);
    }
    finish(&s, 100 * MS);
    expect_j("idle", ws_ledger_total_j(&s.accounts.ledger, 0, WS_NPU_IDLE),
             4 * 20 * 0.1); /* of all, all the time */
    double state_s[WS_STATE_COUNT], state_j[WS_STATE_COUNT];
    ws_accounts_npu_states(&s.accounts, &s.instances[0], 1, state_s, state_j);
    expect_j("active s", state_s[WS_STATE_ACTIVE], 0.006);
    expect_j("standby s", state_s[WS_STATE_STANDBY], 0.027);
    expect_j("idle s", state_s[WS_STATE_IDLE], 0.067);
    site_fini(&s);
}

/* Mean power since the reading before; none if the clock has not moved, and what was charged meanwhile is not
 * lost. */
static void readings_are_means_since_the_last(void **state)
{
    (void)state;
    site s;
    site_init(&s, WS_FIDELITY_REFERENCE, WS_STEP_CLOSED, true);
    ws_ledger_charge(&s.accounts.ledger, 0, WS_LINK, 0, 0, 3.0);
    assert_int_equal(ws_reference_read_power(&s.accounts, 100 * MS), WS_OK);
    ws_ledger_charge(&s.accounts.ledger, 0, WS_LINK, 100 * MS, 100 * MS, 5.0);
    assert_int_equal(ws_reference_read_power(&s.accounts, 100 * MS), WS_OK);
    assert_int_equal(ws_reference_read_power(&s.accounts, 200 * MS), WS_OK);
    assert_int_equal(ws_reference_read_power(&s.accounts, 300 * MS), WS_OK);
    static const double link_w[] = {30, 0, 50, 0}, base_w[] = {60, 0, 60, 60};
    assert_int_equal(s.accounts.readings.n, 4);
    for (int i = 0; i < 4; i++) {
        expect_j("link", s.accounts.readings.power_w[i * WS_COMPONENT_COUNT + WS_LINK], link_w[i]);
        expect_j("base", s.accounts.readings.power_w[i * WS_COMPONENT_COUNT + WS_BASE], base_w[i]);
    }
    site_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_share_their_host),
        cmocka_unit_test(skipped_batches_cost_nothing),
        cmocka_unit_test(moved_bytes_are_charged_by_where_they_lie),
        cmocka_unit_test(a_step_moves_the_npus_together),
        cmocka_unit_test(the_common_case_charges_what_the_general_one_does),
        cmocka_unit_test(constants_belong_to_the_node),
        cmocka_unit_test(the_reference_charges_at_moments),
        cmocka_unit_test(readings_are_means_since_the_last),
    };
    return cmocka_run_group_tests_name("energy.accounts", tests, NULL, NULL);
}
