/* Invariants: nothing observed, nothing expected; an expected time is the mean of the logarithms plus what a
 * value added to it, shrunk while few observations back it; on a grid where each parameter has its own
 * effect, the expected times come in the order of the true ones. By hand in the comments. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "job/cost_model.h"
#include "spec/spec_parse.h"

static swp_spec *parse(const char *parameters)
{
    char      text[512];
    ws_error  err  = WS_ERROR_INIT;
    swp_spec *spec = NULL;
    snprintf(text, sizeof text, "{\"cluster\": \"c\", \"parameters\": {%s}}", parameters);
    if (swp_spec_parse("spec.json", text, strlen(text), &err, &spec) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return spec;
}

static void expect(const swp_cost *cost, const uint32_t *point, double expected_s)
{
    const double found_s = swp_cost_predict(cost, point);
    if (!(fabs(found_s - expected_s) <= 1e-12 * expected_s)) {
        fail_msg("expected %.15g s, found %.15g s", expected_s, found_s);
    }
}

/* Logs 1 and 3 at the values 0 and 1: mean 2. Each value has one observation, one away from the mean, which
 * counts 1 / (1 + 2): log 2 -+ 1/3. Then 3 again at value 1: mean 7/3; value 0 (1 - 7/3) / 3 = -4/9, value 1
 * (6 - 14/3) / 4 = 1/3. */
static void test_one_parameter_by_hand(void **state)
{
    (void)state;
    const uint32_t zero = 0, one = 1, two = 2;
    swp_spec      *spec = parse("\"max_num_seqs\": [1, 2, 3]");
    swp_cost      *cost = NULL;
    assert_int_equal(swp_cost_create(spec, &cost), WS_OK);
    assert_true(swp_cost_predict(cost, &zero) == 0.0);
    assert_int_equal(swp_cost_n_observed(cost), 0);
    swp_cost_observe(cost, &zero, exp(1.0));
    expect(cost, &zero, exp(1.0));
    expect(cost, &one, exp(1.0)); /* nothing known but the mean */
    swp_cost_observe(cost, &one, exp(3.0));
    expect(cost, &zero, exp(2.0 - 1.0 / 3.0));
    expect(cost, &one, exp(2.0 + 1.0 / 3.0));
    expect(cost, &two, exp(2.0));
    swp_cost_observe(cost, &one, exp(3.0));
    expect(cost, &zero, exp(7.0 / 3.0 - 4.0 / 9.0));
    expect(cost, &one, exp(7.0 / 3.0 + 1.0 / 3.0));
    assert_int_equal(swp_cost_n_observed(cost), 3);
    swp_cost_destroy(&cost);
    assert_null(cost);
    swp_cost_destroy(&cost);
    swp_spec_destroy(&spec);
}

static void test_no_time_is_ignored(void **state)
{
    (void)state;
    const double   none[] = {0.0, -1.0, NAN, INFINITY, -INFINITY};
    const uint32_t zero   = 0;
    swp_spec      *spec   = parse("\"max_num_seqs\": [1]");
    swp_cost      *cost   = NULL;
    assert_int_equal(swp_cost_create(spec, &cost), WS_OK);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        swp_cost_observe(cost, &zero, none[i]);
        assert_int_equal(swp_cost_n_observed(cost), 0);
    }
    swp_cost_observe(cost, &zero, 0.25);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        swp_cost_observe(cost, &zero, none[i]);
        expect(cost, &zero, 0.25);
    }
    assert_int_equal(swp_cost_n_observed(cost), 1);
    swp_cost_destroy(&cost);
    swp_spec_destroy(&spec);
}

/* The mean of all is all there is to know. */
static void test_nothing_varies(void **state)
{
    (void)state;
    const uint32_t none = 0;
    swp_spec      *spec = parse("");
    swp_cost      *cost = NULL;
    assert_int_equal(swp_cost_create(spec, &cost), WS_OK);
    swp_cost_observe(cost, &none, 1.0);
    swp_cost_observe(cost, &none, 4.0);
    expect(cost, &none, 2.0);
    swp_cost_destroy(&cost);
    swp_spec_destroy(&spec);
}

/* 5 x 5 points of time 1.3^a * 2^(4 - b): after all were seen, and after the diagonals alone. */
static void test_order_of_a_grid(void **state)
{
    (void)state;
    enum { N = 5 };
    swp_spec *spec = parse("\"max_num_seqs\": [1, 2, 3, 4, 5], \"/link_bw\": [1, 2, 3, 4, 5]");
    for (int n_seen = N; n_seen >= 2; n_seen -= 3) {
        swp_cost *cost = NULL;
        assert_int_equal(swp_cost_create(spec, &cost), WS_OK);
        for (uint32_t a = 0; a < N; a++) {
            for (uint32_t k = 0; k < (uint32_t)n_seen; k++) { /* each value equally often */
                const uint32_t point[] = {a, (a + k) % N};
                swp_cost_observe(cost, point, pow(1.3, a) * pow(2.0, 4.0 - point[1]));
            }
        }
        for (uint32_t a = 0; a < N; a++) {
            for (uint32_t b = 0; b < N; b++) {
                const uint32_t here[] = {a, b}, more[] = {a + 1, b}, less[] = {a, b + 1};
                assert_true(a + 1 == N || n_seen < N ||
                            swp_cost_predict(cost, more) > swp_cost_predict(cost, here));
                assert_true(b + 1 == N || swp_cost_predict(cost, less) < swp_cost_predict(cost, here));
            }
        }
        swp_cost_destroy(&cost);
    }
    swp_spec_destroy(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_parameter_by_hand),
        cmocka_unit_test(test_no_time_is_ignored),
        cmocka_unit_test(test_nothing_varies),
        cmocka_unit_test(test_order_of_a_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
