/* Invariants: active + standby + idle seconds = NPUs x duration, whatever the windows; standby lasts at most
 * standby_ns after the end of a kernel; state energies are state seconds times state power; every joule has a
 * phase, that of the batch it is drawn for, or waiting. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/units.h"
#include "power/npu_state.h"

/* Powers that are powers of ten, so that an energy shows its states; standby 100 ns. */
static const ws_npu_power POWER = {.idle_w = 1, .standby_w = 10, .active_w = 100, .standby_ns = 100};

typedef struct fixture {
    ws_arena       arena;
    ws_ledger      ledger;
    ws_npu_machine machine;
} fixture;

static void start(fixture *f, double multiplicity)
{
    ws_arena_init(&f->arena, 0);
    assert_int_equal(ws_ledger_init(&f->ledger, &f->arena, 1, 64), WS_OK);
    ws_npu_machine_init(&f->machine, &POWER, 0, multiplicity);
}

static void run_kernel(fixture *f, int64_t begin_ns, int64_t end_ns)
{
    const ws_kernel_window window = {.begin_ns = begin_ns, .end_ns = end_ns, .active_ns = end_ns - begin_ns};
    ws_npu_machine_run(&f->machine, &f->ledger, &window);
}

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-12 * fabs(expected))) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

/** End the run and compare with NPU-nanoseconds worked by hand. */
static void finish(fixture *f, int64_t end_ns, int64_t active_ns, int64_t standby_ns, int64_t idle_ns)
{
    ws_npu_machine_finish(&f->machine, &f->ledger, end_ns, NULL);
    ws_ledger_close(&f->ledger, end_ns);
    assert_int_equal(active_ns + standby_ns + idle_ns, end_ns * (int64_t)f->machine.multiplicity);
    assert_near(f->machine.state_s[WS_STATE_ACTIVE], (double)active_ns * 1e-9);
    assert_near(f->machine.state_s[WS_STATE_STANDBY], (double)standby_ns * 1e-9);
    assert_near(f->machine.state_s[WS_STATE_IDLE], (double)idle_ns * 1e-9);
    assert_near(ws_ledger_total_j(&f->ledger, 0, WS_NPU_ACTIVE), (double)active_ns * 100e-9);
    assert_near(ws_ledger_total_j(&f->ledger, 0, WS_NPU_STANDBY), (double)standby_ns * 10e-9);
    assert_near(ws_ledger_total_j(&f->ledger, 0, WS_NPU_IDLE), (double)idle_ns * 1e-9);
    ws_arena_fini(&f->arena);
}

static void without_a_kernel_all_is_idle(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1);
    finish(&f, 1000, 0, 0, 1000);
}

/* Idle before the first kernel: there is nothing to stand by for. [0,50) idle, [50,80) active, [80,180)
 * standby, idle. */
static void one_kernel(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1);
    run_kernel(&f, 50, 80);
    finish(&f, 1000, 30, 100, 870);
}

/* Kernels [0,10) and [10+d,20+d), end at the end of the second one. */
static void two_kernels(int64_t distance_ns, int64_t standby_ns, int64_t idle_ns)
{
    fixture f;
    start(&f, 1);
    run_kernel(&f, 0, 10);
    run_kernel(&f, 10 + distance_ns, 20 + distance_ns);
    finish(&f, 20 + distance_ns, 20, standby_ns, idle_ns);
}

static void kernels_closer_than_standby_never_idle(void **state)
{
    (void)state;
    two_kernels(0, 0, 0);
    two_kernels(1, 1, 0);
    two_kernels(99, 99, 0);
}

static void kernels_exactly_standby_apart_never_idle(void **state)
{
    (void)state;
    two_kernels(100, 100, 0);
}

static void kernels_further_apart_idle_for_the_rest(void **state)
{
    (void)state;
    two_kernels(101, 100, 1);
    two_kernels(5000, 100, 4900);
}

/* 4 gaps of 30 ns (standby throughout), 60 ns of kernels. */
static void short_gaps_inside_a_step_are_standby(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1);
    const ws_kernel_window window = {
        .begin_ns = 20, .end_ns = 200, .active_ns = 60, .n_gaps = 4, .gap_ns = 30};
    ws_npu_machine_run(&f.machine, &f.ledger, &window);
    finish(&f, 200, 60, 120, 20);
}

/* 2 gaps of 250 ns: each 100 ns of standby, then 150 ns idle; after the step 40 ns of standby. */
static void long_gaps_inside_a_step_turn_idle(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1);
    const ws_kernel_window window = {
        .begin_ns = 0, .end_ns = 560, .active_ns = 60, .n_gaps = 2, .gap_ns = 250};
    ws_npu_machine_run(&f.machine, &f.ledger, &window);
    finish(&f, 600, 60, 200 + 40, 300);
}

/* The same as one_kernel for 4 NPUs that do the same: everything times 4. */
static void a_group_counts_every_npu(void **state)
{
    (void)state;
    fixture f;
    start(&f, 4);
    run_kernel(&f, 50, 80);
    finish(&f, 1000, 120, 400, 3480);
}

static void a_machine_for_no_npu_charges_nothing(void **state)
{
    (void)state;
    fixture f;
    start(&f, 0);
    run_kernel(&f, 50, 80);
    finish(&f, 1000, 0, 0, 0);
}

/* The wait is charged when it happens: standby in [80,180), so the interval [128,192) of 64 ns has 52 ns of
 * it. */
static void states_are_charged_where_they_happen(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1);
    run_kernel(&f, 50, 80);
    ws_npu_machine_finish(&f.machine, &f.ledger, 256, NULL);
    ws_ledger_close(&f.ledger, 256);
    const double *bin_j = f.ledger.bin_j + 2 * WS_COMPONENT_COUNT;
    assert_near(bin_j[WS_NPU_STANDBY], 52 * 10e-9);
    assert_near(bin_j[WS_NPU_IDLE], 12 * 1e-9);
    assert_near(f.ledger.tick_w[1], 10); /* at 128 */
    assert_near(f.ledger.tick_w[2], 1);  /* at 192 */
    ws_arena_fini(&f.arena);
}

/* standby_ns so long that its end is beyond the clock: never idle again after the first kernel. */
static void endless_standby_does_not_overflow(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1);
    f.machine.standby_ns = INT64_MAX;
    run_kernel(&f, 5, 10);
    finish(&f, 10000, 5, 9990, 5);
}

/* ---- phases ---- */

static void assert_phases(const fixture *f, ws_npu_state state, double prefill_nj, double decode_nj,
                          double wait_nj)
{
    assert_near(f->machine.phase_j[state][WS_PHASE_PREFILL], prefill_nj * 1e-9);
    assert_near(f->machine.phase_j[state][WS_PHASE_DECODE], decode_nj * 1e-9);
    assert_near(f->machine.phase_j[state][WS_PHASE_WAIT], wait_nj * 1e-9);
}

/* A batch in [40,200), a quarter of it prefill; its kernels run in [50,80). The NPU idles in [0,50), 10 ns of
 * that for the batch; stands by in [80,180), all for the batch; idles in [180,1000), 20 ns for it, 800 for
 * nobody. */
static void what_lies_in_a_batch_is_its_own(void **state)
{
    (void)state;
    fixture         f;
    ws_batch_energy batch = {.begin_ns = 40, .end_ns = 200, .prefill_share = 0.25};
    start(&f, 1);
    const ws_kernel_window window = {.begin_ns = 50, .end_ns = 80, .active_ns = 30, .batch = &batch};
    ws_npu_machine_run(&f.machine, &f.ledger, &window);
    ws_npu_machine_finish(&f.machine, &f.ledger, 1000, &batch);
    assert_phases(&f, WS_STATE_ACTIVE, 0.25 * 3000, 0.75 * 3000, 0);
    assert_phases(&f, WS_STATE_STANDBY, 0.25 * 1000, 0.75 * 1000, 0);
    assert_phases(&f, WS_STATE_IDLE, 0.25 * 30, 0.75 * 30, 40 + 800);
    assert_near(batch.active_j, 3000e-9);
    assert_near(batch.energy_j, (3000 + 1000 + 30) * 1e-9);
    ws_arena_fini(&f.arena);
}

/* Prefill in [0,100) with kernels in [0,50), decode in [70,300) with kernels in [250,300), so that both are
 * in flight in [70,100), as in a pipeline. Standby [50,150): 20 ns are the first one's, what both are in is
 * the later one's, 80 ns; idle [150,250) is the later one's. */
static void a_wait_in_two_batches_is_for_the_later_one(void **state)
{
    (void)state;
    fixture         f;
    ws_batch_energy first  = {.begin_ns = 0, .end_ns = 100, .prefill_share = 1};
    ws_batch_energy second = {.begin_ns = 70, .end_ns = 300, .prefill_share = 0};
    start(&f, 1);
    const ws_kernel_window windows[] = {
        {.begin_ns = 0, .end_ns = 50, .active_ns = 50, .batch = &first},
        {.begin_ns = 250, .end_ns = 300, .active_ns = 50, .batch = &second, .before = &first}};
    ws_npu_machine_run(&f.machine, &f.ledger, &windows[0]);
    ws_npu_machine_run(&f.machine, &f.ledger, &windows[1]);
    ws_npu_machine_finish(&f.machine, &f.ledger, 300, &second);
    assert_phases(&f, WS_STATE_ACTIVE, 5000, 5000, 0);
    assert_phases(&f, WS_STATE_STANDBY, 200, 800, 0);
    assert_phases(&f, WS_STATE_IDLE, 0, 100, 0);
    assert_near(first.energy_j, 5200e-9);
    assert_near(second.energy_j, 5900e-9);
    ws_arena_fini(&f.arena);
}

/* Batches [0,100) and [160,260), kernels [0,60) and [180,260): of standby [60,160) 40 ns are the first one's
 * and 60 nobody's; idle [160,180) is the second one's. */
static void a_wait_between_batches_is_nobodys(void **state)
{
    (void)state;
    fixture         f;
    ws_batch_energy first  = {.begin_ns = 0, .end_ns = 100, .prefill_share = 1};
    ws_batch_energy second = {.begin_ns = 160, .end_ns = 260, .prefill_share = 0};
    start(&f, 1);
    const ws_kernel_window windows[] = {
        {.begin_ns = 0, .end_ns = 60, .active_ns = 60, .batch = &first},
        {.begin_ns = 180, .end_ns = 260, .active_ns = 80, .batch = &second, .before = &first}};
    ws_npu_machine_run(&f.machine, &f.ledger, &windows[0]);
    ws_npu_machine_run(&f.machine, &f.ledger, &windows[1]);
    ws_npu_machine_finish(&f.machine, &f.ledger, 260, &second);
    assert_phases(&f, WS_STATE_STANDBY, 400, 0, 600);
    assert_phases(&f, WS_STATE_IDLE, 0, 20, 0);
    ws_arena_fini(&f.arena);
}

/* 2 gaps of 250 ns in a step: 200 ns of standby, 300 idle, as much the batch's as its kernels. 4 NPUs:
 * everything times 4. */
static void gaps_inside_a_step_are_the_batchs(void **state)
{
    (void)state;
    fixture         f;
    ws_batch_energy batch = {.begin_ns = 0, .end_ns = 560, .prefill_share = 0.5};
    start(&f, 4);
    const ws_kernel_window window = {
        .begin_ns = 0, .end_ns = 560, .active_ns = 60, .n_gaps = 2, .gap_ns = 250, .batch = &batch};
    ws_npu_machine_run(&f.machine, &f.ledger, &window);
    ws_npu_machine_finish(&f.machine, &f.ledger, 560, &batch);
    assert_phases(&f, WS_STATE_ACTIVE, 12000, 12000, 0);
    assert_phases(&f, WS_STATE_STANDBY, 4000, 4000, 0);
    assert_phases(&f, WS_STATE_IDLE, 600, 600, 0);
    assert_near(batch.active_j, 24000e-9);
    assert_near(batch.energy_j, 33200e-9);
    ws_arena_fini(&f.arena);
}

/* Kernels that belong to no batch: all of it is waiting. */
static void without_a_batch_all_is_waiting(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1);
    run_kernel(&f, 50, 80);
    ws_npu_machine_finish(&f.machine, &f.ledger, 1000, NULL);
    assert_phases(&f, WS_STATE_ACTIVE, 0, 0, 3000);
    assert_phases(&f, WS_STATE_STANDBY, 0, 0, 1000);
    assert_phases(&f, WS_STATE_IDLE, 0, 0, 870);
    ws_arena_fini(&f.arena);
}

static void random_windows_account_for_every_second(void **state)
{
    (void)state;
    fixture f;
    start(&f, 3);
    ws_rng rng;
    ws_rng_seed(&rng, 11);
    int64_t clock_ns = 0;
    for (int i = 0; i < 20000; i++) {
        ws_kernel_window window = {.begin_ns  = clock_ns + ws_rng_below(&rng, 250),
                                   .active_ns = ws_rng_below(&rng, 500),
                                   .n_gaps    = ws_rng_below(&rng, 5),
                                   .gap_ns    = ws_rng_below(&rng, 200)};
        window.end_ns           = window.begin_ns + window.active_ns + window.n_gaps * window.gap_ns;
        ws_npu_machine_run(&f.machine, &f.ledger, &window);
        clock_ns = window.end_ns;
    }
    ws_npu_machine_finish(&f.machine, &f.ledger, clock_ns + 77, NULL);
    ws_ledger_close(&f.ledger, clock_ns + 77);
    const double *s     = f.machine.state_s;
    const double  sum_s = s[WS_STATE_ACTIVE] + s[WS_STATE_STANDBY] + s[WS_STATE_IDLE];
    assert_true(fabs(sum_s - 3.0 * (double)(clock_ns + 77) * 1e-9) <= 1e-11 * sum_s);
    const double energy_j = 100 * s[WS_STATE_ACTIVE] + 10 * s[WS_STATE_STANDBY] + s[WS_STATE_IDLE];
    assert_true(fabs(ws_ledger_node_j(&f.ledger, 0) - energy_j) <= 1e-11 * energy_j);
    ws_arena_fini(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_kernel_all_is_idle),
        cmocka_unit_test(one_kernel),
        cmocka_unit_test(kernels_closer_than_standby_never_idle),
        cmocka_unit_test(kernels_exactly_standby_apart_never_idle),
        cmocka_unit_test(kernels_further_apart_idle_for_the_rest),
        cmocka_unit_test(short_gaps_inside_a_step_are_standby),
        cmocka_unit_test(long_gaps_inside_a_step_turn_idle),
        cmocka_unit_test(a_group_counts_every_npu),
        cmocka_unit_test(a_machine_for_no_npu_charges_nothing),
        cmocka_unit_test(states_are_charged_where_they_happen),
        cmocka_unit_test(endless_standby_does_not_overflow),
        cmocka_unit_test(what_lies_in_a_batch_is_its_own),
        cmocka_unit_test(a_wait_in_two_batches_is_for_the_later_one),
        cmocka_unit_test(a_wait_between_batches_is_nobodys),
        cmocka_unit_test(gaps_inside_a_step_are_the_batchs),
        cmocka_unit_test(without_a_batch_all_is_waiting),
        cmocka_unit_test(random_windows_account_for_every_second),
    };
    return cmocka_run_group_tests_name("power.npu_state", tests, NULL, NULL);
}
