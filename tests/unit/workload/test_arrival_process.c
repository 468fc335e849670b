/* Invariants: times never descend, mean rates are those of the spec, and the shape is the one named: evenly,
 * bursty, silent while off, in pulses, along a ramp. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workload/arrival_process.h"

enum { N_ARRIVALS = 40000 };

static double s_times[N_ARRIVALS]; /* of the process under test */

static void run(ws_arrival_process process)
{
    ws_rng rng;
    ws_rng_seed(&rng, 11);
    double last_s = 0.0;
    for (int i = 0; i < N_ARRIVALS; i++) {
        s_times[i] = ws_arrival_process_next_s(&process, &rng);
        assert_true(s_times[i] >= last_s);
        last_s = s_times[i];
    }
}

static void assert_about(double got, double expected, double relative)
{
    if (!(fabs(got - expected) <= relative * fabs(expected))) {
        fail_msg("got %g, expected %g within %g", got, expected, relative);
    }
}

static double mean_rate(void)
{
    return N_ARRIVALS / s_times[N_ARRIVALS - 1];
}

/* Coefficient of variation of the gaps. */
static double gap_cv(void)
{
    double sum = 0.0, squares = 0.0;
    for (int i = 1; i < N_ARRIVALS; i++) {
        const double gap = s_times[i] - s_times[i - 1];
        sum += gap;
        squares += gap * gap;
    }
    const double mean = sum / (N_ARRIVALS - 1);
    return sqrt(squares / (N_ARRIVALS - 1) - mean * mean) / mean;
}

static double count_before(double time_s)
{
    int n = 0;
    while (n < N_ARRIVALS && s_times[n] < time_s) {
        n++;
    }
    return n;
}

static void constant_is_a_clock(void **state)
{
    (void)state;
    run((ws_arrival_process){.kind = WS_ARRIVAL_CONSTANT, .rate = 4.0});
    for (int i = 0; i < 10; i++) {
        assert_true(s_times[i] == 0.25 * i);
    }
}

static void poisson_and_gamma_have_rate_and_variation(void **state)
{
    (void)state;
    run((ws_arrival_process){.kind = WS_ARRIVAL_POISSON, .rate = 8.0});
    assert_about(mean_rate(), 8.0, 0.02);
    assert_about(gap_cv(), 1.0, 0.03);
    run((ws_arrival_process){.kind = WS_ARRIVAL_GAMMA, .rate = 8.0, .cv = 3.0});
    assert_about(mean_rate(), 8.0, 0.06);
    assert_about(gap_cv(), 3.0, 0.08);
    run((ws_arrival_process){.kind = WS_ARRIVAL_GAMMA, .rate = 8.0, .cv = 0.2});
    assert_about(mean_rate(), 8.0, 0.01);
    assert_about(gap_cv(), 0.2, 0.03);
}

/* On for 2 s, off for 3 s: no arrival has a time of 2..5 modulo 5, and the mean rate is 10 * 2/5. */
static void nothing_arrives_while_off(void **state)
{
    (void)state;
    run((ws_arrival_process){.kind = WS_ARRIVAL_ONOFF, .rate = 10.0, .on_s = 2.0, .off_s = 3.0});
    for (int i = 0; i < N_ARRIVALS; i++) {
        assert_true(fmod(s_times[i], 5.0) <= 2.0 + 1e-6);
    }
    assert_about(mean_rate(), 4.0, 0.03);
}

static void random_phases_keep_the_mean_rate(void **state)
{
    (void)state;
    run((ws_arrival_process){.kind              = WS_ARRIVAL_ONOFF,
                             .rate              = 10.0,
                             .rate_off          = 2.0,
                             .on_s              = 2.0,
                             .off_s             = 3.0,
                             .has_random_phases = true});
    assert_about(mean_rate(), (10.0 * 2.0 + 2.0 * 3.0) / 5.0, 0.05);
    assert_true(gap_cv() > 1.2); /* burstier than Poisson */
}

/* Three requests every 60 s, evenly over 6 s. */
static void pulses_by_hand(void **state)
{
    (void)state;
    run((ws_arrival_process){.kind = WS_ARRIVAL_PULSE, .pulse_size = 3, .period_s = 60.0, .spread_s = 6.0});
    const double expected[] = {0.0, 2.0, 4.0, 60.0, 62.0, 64.0, 120.0};
    for (int i = 0; i < 7; i++) {
        assert_true(s_times[i] == expected[i]);
    }
    run((ws_arrival_process){.kind = WS_ARRIVAL_PULSE, .pulse_size = 2, .period_s = 1.0});
    assert_true(s_times[0] == 0.0 && s_times[1] == 0.0 && s_times[2] == 1.0);
}

/* From 2/s to 22/s in 1000 s: 12,000 arrivals by then, a quarter of the way 250 * (2 + 7) / 2 = 1125, later
 * 22/s. */
static void a_ramp_integrates_its_rate(void **state)
{
    (void)state;
    run((ws_arrival_process){.kind = WS_ARRIVAL_RAMP, .rate = 2.0, .rate_end = 22.0, .ramp_s = 1000.0});
    assert_about(count_before(250.0), 1125.0, 0.1);
    assert_about(count_before(1000.0), 12000.0, 0.03);
    assert_about(count_before(1500.0) - count_before(1000.0), 11000.0, 0.03);
    run((ws_arrival_process){.kind = WS_ARRIVAL_RAMP, .rate = 22.0, .rate_end = 2.0, .ramp_s = 1000.0});
    assert_about(count_before(1000.0), 12000.0, 0.03);
    run((ws_arrival_process){.kind = WS_ARRIVAL_RAMP, .rate = 0.0, .rate_end = 20.0, .ramp_s = 1000.0});
    assert_about(count_before(500.0), 2500.0, 0.08);
}

/* An on phase of 1 ns vanishes next to an off phase of 9e6 s: the process gives up far behind any usable
 * time.
 * */
static void vanishing_phases_end(void **state)
{
    (void)state;
    ws_arrival_process process = {
        .kind = WS_ARRIVAL_ONOFF, .rate = 1e7, .on_s = 1e-9, .off_s = 9e6, .rate_off = 0.0};
    ws_rng rng;
    ws_rng_seed(&rng, 3);
    double last_s = 0.0;
    for (int i = 0; i < 1000; i++) {
        last_s = ws_arrival_process_next_s(&process, &rng);
    }
    assert_true(last_s >= 1e8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_is_a_clock),
        cmocka_unit_test(poisson_and_gamma_have_rate_and_variation),
        cmocka_unit_test(nothing_arrives_while_off),
        cmocka_unit_test(random_phases_keep_the_mean_rate),
        cmocka_unit_test(pulses_by_hand),
        cmocka_unit_test(a_ramp_integrates_its_rate),
        cmocka_unit_test(vanishing_phases_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
