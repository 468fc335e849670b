/* Invariants: results are tied if and only if all their values are equal, NaN and NaN included, -0 and 0 too;
 * groups are chains from their first result, in order. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/ties.h"

enum { N = 7, WIDTH = 3 };

static void test_groups(void **state)
{
    (void)state;
    static const double values[N][WIDTH] = {
        {1, 2, 3}, {1, 3, 2}, {1, 2, 3}, {NAN, 0, 1}, {NAN, -0.0, 1}, {1, 2, 3}, {1, 2, 3.0000000000000004}};
    static const size_t leaders[N] = {0, 1, 0, 3, 3, 0, 6}, next[N] = {2, N, 5, 4, N, N, N},
                        n_equal[N] = {3, 1, 0, 2, 0, 0, 1};
    swp_ties ties;
    assert_int_equal(swp_ties_init(&ties, N), WS_OK);
    for (size_t column = 0; column < WIDTH; column++) {
        for (size_t i = 0; i < N; i++) {
            swp_ties_add(&ties, i, values[i][column]);
        }
    }
    assert_int_equal(swp_ties_find(&ties), WS_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(ties.leader[i], leaders[i]);
        assert_int_equal(ties.next[i], next[i]);
        assert_int_equal(ties.n_equal[i], n_equal[i]);
    }
    swp_ties_fini(&ties);
}

/* Whole numbers in random order: as many groups as different pairs. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 20000, RANGE = 50 };
    static int seen[RANGE][RANGE];
    swp_ties   ties;
    size_t     n_pairs = 0, n_leaders = 0;
    assert_int_equal(swp_ties_init(&ties, MANY), WS_OK);
    uint32_t random = 1;
    for (size_t i = 0; i < MANY; i++) {
        random         = random * 1664525u + 1013904223u;
        const size_t a = random >> 8 & 0xffff, b = random >> 16;
        n_pairs += seen[a % RANGE][b % RANGE]++ == 0;
        swp_ties_add(&ties, i, (double)(a % RANGE));
        swp_ties_add(&ties, i, (double)(b % RANGE));
    }
    assert_int_equal(swp_ties_find(&ties), WS_OK);
    for (size_t i = 0; i < MANY; i++) {
        n_leaders += ties.leader[i] == i;
    }
    assert_int_equal(n_leaders, n_pairs);
    swp_ties_fini(&ties);
}

static void test_of_nothing(void **state)
{
    (void)state;
    swp_ties ties;
    assert_int_equal(swp_ties_init(&ties, 0), WS_OK);
    assert_int_equal(swp_ties_find(&ties), WS_OK);
    swp_ties_fini(&ties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_of_nothing),
    };
    return cmocka_run_group_tests_name("sweep.ties", tests, NULL, NULL);
}
