/* Invariants: times become whole ns, at least one; points and alphas are kept as added, sorting orders them
 * by key and keeps the first of equal ones; arrays grow without losing what they hold, up to what 32-bit
 * offsets reach. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "hardware/profile_table.h"

/* Nearest, halves to even: 0.5 ns is 0 and 1.5 ns is 2, then at least 1. */
static void times_are_whole_ns(void **state)
{
    (void)state;
    static const struct {
        double time_us, ns;
    } rows[] = {{1.0, 1000},        {0.0014, 1},   {0.0016, 2},   {0.0015, 2}, {0.0025, 2},
                {0.0005, 1},        {0.0, 1},      {-5.0, 1},     {NAN, 1},    {1e9, 1e12},
                {12.345678, 12346}, {0.000999, 1}, {0.0034999, 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const double ns = ws__table_ns(rows[i].time_us);
        if (ns != rows[i].ns) {
            fail_msg("%.17g us: expected %g ns, found %.17g", rows[i].time_us, rows[i].ns, ns);
        }
    }
}

/* Where each kind of point puts its keys, in sorting order. */
static void keys_are_in_sorting_order(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_SAMPLER, 7, 100), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 1, 2, 3, 4, 200), WS_OK);
    assert_int_equal(ws__draft_add_moe(&draft, 11, 22, 300), WS_OK);
    assert_memory_equal(draft.layers.data[0].key, ((const int64_t[]){WS_LAYER_SAMPLER, 7, 0, 0}), 32);
    assert_memory_equal(draft.attention.data[0].key, ((const int64_t[]){1, 3, 2, 4}), 32);
    assert_memory_equal(draft.moe.data[0].key, ((const int64_t[]){22, 11, 0, 0}), 32);
    assert_true(draft.layers.data[0].ns == 100 && draft.attention.data[0].ns == 200 &&
                draft.moe.data[0].ns == 300);
    ws__profile_draft_fini(&draft);
    assert_true(draft.layers.data == NULL && draft.layers.n == 0 && draft.moe.capacity == 0);
    ws__profile_draft_fini(&draft);
}

static void alphas_are_kept_as_added(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    for (uint32_t i = 0; i < 1000; i++) {
        const ws__alpha alpha = {
            .prefill_tokens = i % 3, .label = {i % 5, 1, 2, 3}, .seq = 77, .alpha = (double)i / 8};
        assert_int_equal(ws__draft_add_alpha(&draft, &alpha), WS_OK);
    }
    assert_int_equal(draft.n_alphas, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        const ws__alpha *a = &draft.alphas[i];
        assert_true(a->prefill_tokens == i % 3 && a->label[0] == i % 5 && a->label[3] == 3);
        assert_true(a->alpha == (double)i / 8 &&
                    a->seq == i); /* the order of adding is the draft's to tell */
    }
    ws__profile_draft_fini(&draft);
}

static int compare_keys(const int64_t *a, const int64_t *b)
{
    for (int i = 0; i < 4; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Many equal keys: the value of each is that which was added first, found by walking over all that were
 * added. */
static void sorting_keeps_the_first_of_equal_keys(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 1);
    for (int round = 0; round < 200; round++) {
        ws__points   points  = {NULL, 0, 0};
        const size_t n_added = 1 + ws_rng_below(&rng, 200);
        int64_t      added[200][4];
        for (size_t i = 0; i < n_added; i++) {
            for (int k = 0; k < 4; k++) {
                added[i][k] = (int64_t)ws_rng_below(&rng, 4) - 1;
            }
            assert_int_equal(ws__points_add(&points, added[i], (double)(i + 1)), WS_OK);
        }
        ws__points_sort(&points);
        ws__points_sort(&points); /* sorted already: the same */
        for (size_t p = 0; p < points.n; p++) {
            assert_true(p == 0 || compare_keys(points.data[p - 1].key, points.data[p].key) < 0);
            size_t first = 0;
            while (compare_keys(added[first], points.data[p].key) != 0) {
                first++;
                assert_true(first < n_added);
            }
            assert_true(points.data[p].ns == (double)(first + 1));
        }
        for (size_t i = 0; i < n_added; i++) {
            size_t at = 0;
            while (at < points.n && compare_keys(points.data[at].key, added[i]) != 0) {
                at++;
            }
            assert_true(at < points.n);
        }
        free(points.data);
    }
    ws__points none = {NULL, 0, 0};
    ws__points_sort(&none);
    assert_int_equal(none.n, 0);
}

static void pools_double_and_end_at_32_bits(void **state)
{
    (void)state;
    uint32_t *data     = NULL;
    size_t    capacity = 0, n_grown = 0;
    for (uint32_t n = 0; n < 5000; n++) {
        const size_t before = capacity;
        void        *place  = data;
        assert_int_equal(ws__pool_reserve(&place, &capacity, n, 1, sizeof(data[0])), WS_OK);
        data    = place;
        data[n] = n;
        n_grown += capacity != before;
        assert_true(capacity > n && (capacity == before || capacity >= 2 * before));
    }
    for (uint32_t n = 0; n < 5000; n++) {
        assert_int_equal(data[n], n);
    }
    assert_true(n_grown <= 14); /* 2^13 = 8192 */
    void        *place     = data;
    const size_t before    = capacity;
    const size_t over[][2] = {
        {UINT32_MAX / 2, 1}, {5000, UINT32_MAX / 2}, {0, SIZE_MAX}, {SIZE_MAX, 1}, {UINT32_MAX, 1}};
    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
        assert_int_equal(ws__pool_reserve(&place, &capacity, over[i][0], over[i][1], sizeof(data[0])),
                         WS_ERR_NOMEM);
        assert_true(place == data && capacity == before);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_whole_ns),
        cmocka_unit_test(keys_are_in_sorting_order),
        cmocka_unit_test(alphas_are_kept_as_added),
        cmocka_unit_test(sorting_keeps_the_first_of_equal_keys),
        cmocka_unit_test(pools_double_and_end_at_32_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
