/* Invariants: a window's power is the energy of its share of every span, whatever the order of charges; only
 * whole windows count, except for a run shorter than one; joining windows is the mean of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/units.h"
#include "power/window_meter.h"

typedef struct fixture {
    ws_arena        arena;
    ws_window_meter meter;
    double         *power_w;
    size_t          n;
} fixture;

static void start(fixture *f, int64_t window_ns)
{
    ws_arena_init(&f->arena, 0);
    ws_window_meter_init(&f->meter, &f->arena, window_ns);
}

static void read_windows(fixture *f, int64_t end_ns, int64_t join)
{
    assert_int_equal(ws_window_meter_read(&f->meter, end_ns, join, &f->power_w, &f->n), WS_OK);
}

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

/* Windows of 1 s; 100 W over [0.5 s, 3.25 s) and 40 W over [1 s, 2 s): 50, 140, 100 W, and the rest of the
 * run, 0.75 s, is in no window. Joined by three: (50 + 140 + 100) / 3. */
static void spans_are_spread_by_time(void **state)
{
    (void)state;
    fixture f;
    start(&f, WS_NS_PER_S);
    ws_window_meter_charge(&f.meter, WS_NS_PER_S / 2, 13 * WS_NS_PER_S / 4, 275.0);
    ws_window_meter_charge(&f.meter, WS_NS_PER_S, 2 * WS_NS_PER_S, 40.0);
    read_windows(&f, 15 * WS_NS_PER_S / 4, 1);
    assert_int_equal(f.n, 3);
    assert_near(f.power_w[0], 50.0, 1e-12);
    assert_near(f.power_w[1], 140.0, 1e-12);
    assert_near(f.power_w[2], 100.0, 1e-12);
    read_windows(&f, 15 * WS_NS_PER_S / 4, 3);
    assert_int_equal(f.n, 1);
    assert_near(f.power_w[0], 290.0 / 3.0, 1e-12);
    ws_arena_fini(&f.arena);
}

/* 12 J in a run of 30 ms: 400 W, in windows of 100 ms, of 10 ms joined by ten, and whatever is charged at the
 * end itself. */
static void a_short_run_is_its_only_window(void **state)
{
    (void)state;
    for (int fine = 0; fine < 2; fine++) {
        fixture f;
        start(&f, fine ? 10000000 : 100000000);
        ws_window_meter_charge(&f.meter, 0, 30000000, 9.0);
        ws_window_meter_charge(&f.meter, 5000000, 5000000, 1.0);
        ws_window_meter_charge(&f.meter, 30000000, 30000000, 2.0);
        read_windows(&f, 30000000, fine ? 10 : 1);
        assert_int_equal(f.n, 1);
        assert_near(f.power_w[0], 400.0, 1e-10);
        ws_arena_fini(&f.arena);
    }
}

static void a_run_without_charges_draws_nothing(void **state)
{
    (void)state;
    fixture f;
    start(&f, 10);
    read_windows(&f, 0, 1);
    assert_int_equal(f.n, 1);
    assert_near(f.power_w[0], 0.0, 0.0);
    read_windows(&f, 35, 1);
    assert_int_equal(f.n, 3);
    assert_near(f.power_w[2], 0.0, 0.0);
    ws_arena_fini(&f.arena);
}

static void without_initialisation_nothing_is_measured(void **state)
{
    (void)state;
    ws_window_meter meter;
    memset(&meter, 0, sizeof(meter));
    ws_window_meter_charge(&meter, 0, 1000, 1.0);
    assert_int_equal(meter.n_windows, 0);
    assert_int_equal(meter.status, WS_OK);
}

enum { N_SPANS = 3000, WINDOW_NS = 1000, END_NS = 60500, N_WINDOWS = 60 };

/* Short, long and empty spans in no order, some of them on the edges of windows, against sums from the
 * definition. */
static void random_spans_agree_with_the_definition(void **state)
{
    (void)state;
    fixture f;
    ws_rng  rng;
    double  expected_j[N_WINDOWS + 1] = {0.0};
    start(&f, WINDOW_NS);
    ws_rng_seed(&rng, 11);
    for (size_t i = 0; i < N_SPANS; i++) {
        int64_t begin_ns = ws_rng_below(&rng, END_NS),
                end_ns   = begin_ns + ws_rng_below(&rng, i % 7 == 0 ? 30000 : 300);
        begin_ns -= i % 5 == 0 ? begin_ns % WINDOW_NS : 0;
        end_ns -= i % 3 == 0 && end_ns - end_ns % WINDOW_NS >= begin_ns ? end_ns % WINDOW_NS : 0;
        end_ns                = end_ns > END_NS ? END_NS : end_ns;
        const double energy_j = 100.0 * ws_rng_uniform(&rng);
        ws_window_meter_charge(&f.meter, begin_ns, end_ns, energy_j);
        for (int64_t k = 0; k <= N_WINDOWS; k++) {
            const int64_t from_ns = k * WINDOW_NS > begin_ns ? k * WINDOW_NS : begin_ns;
            const int64_t to_ns   = (k + 1) * WINDOW_NS < end_ns ? (k + 1) * WINDOW_NS : end_ns;
            if (begin_ns == end_ns) {
                expected_j[k] += begin_ns / WINDOW_NS == k ? energy_j : 0.0;
            } else if (from_ns < to_ns) {
                expected_j[k] += energy_j * (double)(to_ns - from_ns) / (double)(end_ns - begin_ns);
            }
        }
    }
    read_windows(&f, END_NS, 1);
    assert_int_equal(f.n, N_WINDOWS);
    for (size_t k = 0; k < N_WINDOWS; k++) {
        const double expected_w = expected_j[k] / (WINDOW_NS * WS_S_PER_NS);
        assert_near(f.power_w[k], expected_w, 1e-10 * expected_w);
    }
    read_windows(&f, END_NS, 10);
    assert_int_equal(f.n, N_WINDOWS / 10);
    for (size_t k = 0; k < N_WINDOWS / 10; k++) {
        double ten_j = 0.0;
        for (size_t i = 0; i < 10; i++) {
            ten_j += expected_j[10 * k + i];
        }
        assert_near(f.power_w[k], ten_j / (10 * WINDOW_NS * WS_S_PER_NS), 1e-10 * f.power_w[k]);
    }
    ws_arena_fini(&f.arena);
}

static void running_out_of_memory_is_remembered(void **state)
{
    (void)state;
    fixture f;
    ws_arena_init(&f.arena, 1 << 20);
    ws_window_meter_init(&f.meter, &f.arena, 1);
    ws_window_meter_charge(&f.meter, 0, 10, 1.0);
    assert_int_equal(f.meter.status, WS_OK);
    ws_window_meter_charge(&f.meter, 10, 1000000000, 1.0);
    assert_int_equal(f.meter.status, WS_ERR_NOMEM);
    ws_window_meter_charge(&f.meter, 0, 5, 1.0);
    assert_int_equal(ws_window_meter_read(&f.meter, 20, 1, &f.power_w, &f.n), WS_ERR_NOMEM);
    ws_arena_fini(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_spread_by_time),
        cmocka_unit_test(a_short_run_is_its_only_window),
        cmocka_unit_test(a_run_without_charges_draws_nothing),
        cmocka_unit_test(without_initialisation_nothing_is_measured),
        cmocka_unit_test(random_spans_agree_with_the_definition),
        cmocka_unit_test(running_out_of_memory_is_remembered),
    };
    return cmocka_run_group_tests_name("power.window_meter", tests, NULL, NULL);
}
