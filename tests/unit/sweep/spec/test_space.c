/* Every job number has one assignment, every point of the grid is met exactly once, random sampling never
 * repeats a point, and nothing depends on order or history of the calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "spec/space.h"
#include "spec/spec_parse.h"

static swp_spec *parse(const char *text)
{
    ws_error  err  = WS_ERROR_INIT;
    swp_spec *spec = NULL;
    if (swp_spec_parse("spec.json", text, strlen(text), &err, &spec) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return spec;
}

#define GRID                                                                                                 \
    "\"parameters\": {\"tp_size\": [1, 2], \"zip\": {\"/a\": [7, 8, 9], \"/b\": [1, 1, 2]}, \"/c\": [5, 6]}"

/* 2 x 3 x 2 points, the last axis fastest, zipped parameters together. */
static void test_grid_counts_like_an_odometer(void **state)
{
    (void)state;
    swp_spec *spec = parse("{\"cluster\": \"c\", " GRID ", \"repeats\": 2}");
    swp_space space;
    assert_int_equal(swp_space_init(&space, spec, NULL), WS_OK);
    assert_int_equal(space.n_points, 12);
    assert_int_equal(space.n_jobs, 24);
    for (uint64_t job = 24; job-- > 0;) {
        uint32_t v[4];
        swp_space_point(&space, job, v);
        const uint64_t point = job / 2;
        assert_int_equal(v[0], point / 6);
        assert_int_equal(v[1], point / 2 % 3);
        assert_int_equal(v[2], v[1]);
        assert_int_equal(v[3], point % 2);
        assert_int_equal(swp_space_repeat(&space, job), job % 2);
    }
    swp_spec_destroy(&spec);
}

static void check_random(size_t n_values, unsigned n)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"cluster\": \"c\", \"parameters\": {\"/a\": {\"range\": [1, %zu, 1]}, \"/b\": [1, 2, 3]},"
             "\"sampling\": {\"method\": \"random\", \"n\": %u, \"seed\": 5}}",
             n_values, n);
    swp_spec *spec = parse(text);
    swp_space space;
    assert_int_equal(swp_space_init(&space, spec, NULL), WS_OK);
    assert_int_equal(space.n_jobs, n);
    char *seen = calloc(n_values * 3, 1);
    for (uint64_t job = 0; job < n; job++) {
        uint32_t v[2];
        swp_space_point(&space, job, v);
        assert_true(v[0] < n_values && v[1] < 3);
        assert_int_equal(seen[v[0] * 3 + v[1]], 0);
        seen[v[0] * 3 + v[1]] = 1;
    }
    free(seen);
    swp_spec_destroy(&spec);
}

static void test_random_points_differ(void **state)
{
    (void)state;
    check_random(1, 3);
    check_random(7, 21); /* all of the grid: a permutation */
    check_random(1000, 3000);
    check_random(50000, 1000);
}

static void test_random_needs_a_grid_as_large(void **state)
{
    (void)state;
    ws_error  err = WS_ERROR_INIT;
    swp_spec *spec =
        parse("{\"cluster\": \"c\", " GRID ", \"sampling\": {\"method\": \"random\", \"n\": 13}}");
    swp_space space;
    assert_int_equal(swp_space_init(&space, spec, &err), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "at most 12"));
    ws_error_clear(&err);
    swp_spec_destroy(&spec);
}

static void test_zip_and_empty(void **state)
{
    (void)state;
    swp_spec *zip = parse("{\"cluster\": \"c\", \"parameters\": {\"/a\": [1, 2, 2], \"/b\": [4, 5, 6]},"
                          "\"sampling\": {\"method\": \"zip\"}}");
    swp_spec *one = parse("{\"cluster\": \"c\"}");
    swp_space space;
    assert_int_equal(swp_space_init(&space, zip, NULL), WS_OK);
    assert_int_equal(space.n_jobs, 3);
    assert_int_equal(swp_space_init(&space, one, NULL), WS_OK);
    assert_int_equal(space.n_jobs, 1);
    swp_spec_destroy(&zip);
    swp_spec_destroy(&one);
}

static bool is_tp(const swp_parameter *param)
{
    return param->target == SWP_TARGET_TP_SIZE;
}

static void test_key_sees_only_what_matters(void **state)
{
    (void)state;
    swp_spec *spec = parse("{\"cluster\": \"c\", " GRID "}");
    swp_space space;
    assert_int_equal(swp_space_init(&space, spec, NULL), WS_OK);
    for (uint64_t job = 0; job < space.n_jobs; job++) {
        uint32_t v[4];
        swp_space_point(&space, job, v);
        assert_int_equal(swp_space_key(&space, v, is_tp), v[0]);
    }
    swp_spec_destroy(&spec);
}

/* Repeat 0 is the spec's own seed; the others differ from it and from each other. */
static void test_seeds(void **state)
{
    (void)state;
    assert_int_equal(swp_repeat_seed(42, 0), 42);
    for (uint32_t a = 0; a < 100; a++) {
        assert_true(swp_repeat_seed(42, a) >= 0 && swp_repeat_seed(42, a) < (int64_t)1 << 53);
        for (uint32_t b = 0; b < a; b++) {
            assert_true(swp_repeat_seed(42, a) != swp_repeat_seed(42, b));
        }
    }
}

/* The seeds of repeats are written into result files and make them repeatable: they are SplitMix64's outputs,
 * the upper 53 bits. Source: Vigna's public test values of that generator for 1234567. */
static void test_seeds_are_those_of_splitmix64(void **state)
{
    static const uint64_t outputs[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u};
    (void)state;
    for (uint32_t k = 0; k < sizeof outputs / sizeof outputs[0]; k++) {
        assert_int_equal(swp_repeat_seed(1234567, k + 1), outputs[k] >> 11);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid_counts_like_an_odometer),  cmocka_unit_test(test_random_points_differ),
        cmocka_unit_test(test_random_needs_a_grid_as_large),  cmocka_unit_test(test_zip_and_empty),
        cmocka_unit_test(test_key_sees_only_what_matters),    cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_seeds_are_those_of_splitmix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
