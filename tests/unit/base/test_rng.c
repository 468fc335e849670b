/* The stream of seed 42 is the published one, word for word; the distributions have their moments. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"

static void test_seed_42_words(void **state)
{
    (void)state;
    static const uint32_t expected[] = {2746317213U, 478163327U, 107420369U, 3184935163U};
    ws_rng                rng;
    ws_rng_seed(&rng, 42);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ws_rng_u32(&rng), expected[i]);
    }
}

static void test_seed_42_below_2(void **state)
{
    (void)state;
    static const uint32_t expected[] = {0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    ws_rng                rng;
    ws_rng_seed(&rng, 42);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(ws_rng_below(&rng, 2), expected[i]);
    }
}

/* Python's random.seed(s) uses the same key for s < 2^32 and low word first above. The words are the
 * 1st, the 1000th (past the first refill) of each stream. */
static void test_against_python(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        uint32_t first, thousandth;
    } cases[] = {
        {0ULL, 3626764237U, 2971151651U},
        {1ULL, 577090037U, 1877627338U},
        {42ULL, 2746317213U, 4212168831U},
        {4294967295ULL, 2728839433U, 3614058829U},
        {4294967296ULL, 485306839U, 6718883U},
        {123456789012345678ULL, 1860431118U, 632543167U},
        {18446744073709551615ULL, 93740670U, 3545973770U},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        ws_rng rng;
        ws_rng_seed(&rng, cases[c].seed);
        assert_int_equal(ws_rng_u32(&rng), cases[c].first);
        for (int i = 2; i < 1000; i++) {
            ws_rng_u32(&rng);
        }
        assert_int_equal(ws_rng_u32(&rng), cases[c].thousandth);
    }
}

/* CPython: random.seed(42); random.random() = 0.6394267984578837, 0.025010755222666936 */
static void test_uniform_of_seed_42(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 42);
    assert_true(ws_rng_uniform(&rng) == 0.6394267984578837);
    assert_true(ws_rng_uniform(&rng) == 0.025010755222666936);
}

static void test_below_covers_its_range_evenly(void **state)
{
    (void)state;
    enum { N_VALUES = 7, N_DRAWS = 70000 };
    int    tally[N_VALUES] = {0};
    ws_rng rng;
    ws_rng_seed(&rng, 3);
    for (int i = 0; i < N_DRAWS; i++) {
        tally[ws_rng_below(&rng, N_VALUES)]++;
    }
    for (int v = 0; v < N_VALUES; v++) {
        assert_in_range(tally[v], 9500, 10500); /* 10000 expected, deviation 93 */
    }
    assert_int_equal(ws_rng_below(&rng, 1), 0);
}

typedef double (*draw_fn)(ws_rng *rng);

static double draw_exponential(ws_rng *rng)
{
    return ws_rng_exponential(rng, 3.0);
}

static double draw_gamma(ws_rng *rng)
{
    return ws_rng_gamma(rng, 2.5, 2.0);
}

static double draw_small_gamma(ws_rng *rng)
{
    return ws_rng_gamma(rng, 0.5, 2.0);
}

/* Mean and variance of 200000 draws; the bounds are about 5 deviations of the estimates. */
static void check_moments(draw_fn draw, double mean, double variance)
{
    enum { N_DRAWS = 200000 };
    ws_rng rng;
    ws_rng_seed(&rng, 11);
    double sum = 0.0, sum_squares = 0.0;
    for (int i = 0; i < N_DRAWS; i++) {
        const double x = draw(&rng);
        sum += x;
        sum_squares += (x - mean) * (x - mean);
    }
    const double mean_bound = 5.0 * sqrt(variance / N_DRAWS);
    if (fabs(sum / N_DRAWS - mean) > mean_bound) {
        fail_msg("mean %g, expected %g +- %g", sum / N_DRAWS, mean, mean_bound);
    }
    if (fabs(sum_squares / N_DRAWS / variance - 1.0) > 0.05) {
        fail_msg("variance %g, expected %g", sum_squares / N_DRAWS, variance);
    }
}

static void test_moments(void **state)
{
    (void)state;
    check_moments(ws_rng_uniform, 0.5, 1.0 / 12.0);
    check_moments(draw_exponential, 3.0, 9.0);
    check_moments(ws_rng_normal, 0.0, 1.0);
    check_moments(draw_gamma, 5.0, 10.0);      /* shape k, scale s: mean k s, variance k s^2 */
    check_moments(draw_small_gamma, 1.0, 2.0); /* shape below 1 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_42_words),
        cmocka_unit_test(test_seed_42_below_2),
        cmocka_unit_test(test_against_python),
        cmocka_unit_test(test_uniform_of_seed_42),
        cmocka_unit_test(test_below_covers_its_range_evenly),
        cmocka_unit_test(test_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
