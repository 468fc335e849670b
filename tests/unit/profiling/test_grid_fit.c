/* Invariant: a function that is multilinear between some of the points' coordinates is found again, and the
 * fit never uses more values than allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <cmocka.h>

#include "profiling/grid_fit.h"

/* A line with one bend: two segments need three keys, all among the data. */
static void a_bent_line_needs_three_keys(void **state)
{
    (void)state;
    ws__grid_point points[41];
    for (int i = 0; i <= 40; i++) {
        points[i] = (ws__grid_point){.weight = 1.0, .x = {i}, .y = i <= 8 ? 100.0 : 100.0 + 5.0 * (i - 8)};
    }
    ws__grid grid;
    assert_int_equal(ws__grid_fit(points, 41, 1, (ws__grid_goal){1e-6, 20}, &grid), WS_OK);
    assert_int_equal(grid.n_keys[0], 3);
    assert_true(grid.keys[0][1] == 8.0);
    const double below[4] = {-5.0}, inside[4] = {20.5}, above[4] = {60.0};
    assert_true(fabs(ws__grid_at(&grid, below) - 100.0) < 1e-3);
    assert_true(fabs(ws__grid_at(&grid, inside) - 162.5) < 1e-3);
    assert_true(fabs(ws__grid_at(&grid, above) - 360.0) < 1e-2); /* extended linearly */
    ws__grid_fini(&grid);
}

/* 5 + 2 a b + c over a full 4-D lattice: 16 corners say it all. */
static void a_multilinear_function_is_found_again(void **state)
{
    (void)state;
    enum { N = 4 * 4 * 4 * 4 };
    ws__grid_point points[N];
    for (int i = 0; i < N; i++) {
        const double a = i % 4, b = i / 4 % 4, c = i / 16 % 4, d = i / 64 % 4;
        points[i] = (ws__grid_point){.weight = 1.0, .x = {a, b, c, d}, .y = 5.0 + 2.0 * a * b + c};
    }
    ws__grid grid;
    assert_int_equal(ws__grid_fit(points, N, 4, (ws__grid_goal){1e-6, 200}, &grid), WS_OK);
    assert_int_equal(ws__grid_n_values(&grid), 16);
    for (int i = 0; i < N; i++) {
        assert_true(fabs(ws__grid_at(&grid, points[i].x) / points[i].y - 1.0) < 1e-5);
    }
    ws__grid_fini(&grid);
}

static void the_number_of_values_is_bounded_and_errors_fall(void **state)
{
    (void)state;
    ws__grid_point points[200];
    double         last = INFINITY;
    for (int i = 0; i < 200; i++) {
        points[i] =
            (ws__grid_point){.weight = 1.0, .x = {i + 1}, .y = 50.0 + sqrt(i) * (1.0 + 0.05 * (i % 3))};
    }
    for (size_t n_max = 2; n_max <= 16; n_max *= 2) {
        ws__grid grid;
        double   sum = 0.0;
        assert_int_equal(ws__grid_fit(points, 200, 1, (ws__grid_goal){0.0, n_max}, &grid), WS_ERR_ARG);
        assert_int_equal(ws__grid_fit(points, 180, 1, (ws__grid_goal){0.0, n_max}, &grid), WS_OK);
        assert_true(ws__grid_n_values(&grid) <= n_max);
        for (int i = 0; i < 180; i++) {
            sum += pow(ws__grid_at(&grid, points[i].x) / points[i].y - 1.0, 2);
        }
        assert_true(sum < last);
        last = sum;
        ws__grid_fini(&grid);
    }
}

/* One value cannot fit 100 and 200 both; it goes to the one that counts more. */
static void heavy_points_are_fitted_best(void **state)
{
    (void)state;
    const ws__grid_point points[]              = {{.x = {5}, .y = 100.0, .weight = 1e6},
                                                  {.x = {5}, .y = 200.0, .weight = 1.0}};
    const double         at[WS__GRID_AXES_MAX] = {5};
    ws__grid             grid;
    assert_int_equal(ws__grid_fit(points, 2, 1, (ws__grid_goal){0.0, 1}, &grid), WS_OK);
    assert_true(fabs(ws__grid_at(&grid, at) - 100.0) < 0.1);
    ws__grid_fini(&grid);
}

static void one_point_is_a_constant(void **state)
{
    (void)state;
    const ws__grid_point point                  = {.weight = 1.0, .x = {7, 3}, .y = 42.0};
    const double         far[WS__GRID_AXES_MAX] = {100, 0};
    ws__grid             grid;
    assert_int_equal(ws__grid_fit(&point, 1, 2, (ws__grid_goal){0.01, 10}, &grid), WS_OK);
    assert_int_equal(ws__grid_n_values(&grid), 1);
    assert_true(fabs(ws__grid_at(&grid, far) - 42.0) < 1e-9);
    ws__grid_fini(&grid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bent_line_needs_three_keys),
        cmocka_unit_test(a_multilinear_function_is_found_again),
        cmocka_unit_test(the_number_of_values_is_bounded_and_errors_fall),
        cmocka_unit_test(heavy_points_are_fitted_best),
        cmocka_unit_test(one_point_is_a_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
