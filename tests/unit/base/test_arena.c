/* Pieces never overlap, are aligned to 64 bytes and stay until the reset; a warm arena reserves nothing more;
 * the limit holds. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"

enum { N_PIECES = 400 };

static size_t piece_size(ws_rng *rng)
{
    return ws_rng_below(rng, 20) == 0 ? 1 + ws_rng_below(rng, 300000) : ws_rng_below(rng, 500);
}

static void fill_arena(ws_arena *arena, uint64_t seed)
{
    unsigned char *pieces[N_PIECES];
    size_t         sizes[N_PIECES];
    ws_rng         rng;
    ws_rng_seed(&rng, seed);
    for (size_t i = 0; i < N_PIECES; i++) {
        sizes[i]  = piece_size(&rng);
        pieces[i] = ws_arena_alloc(arena, sizes[i], 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 64, 0);
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < N_PIECES; i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(pieces[i][k], i % 251);
        }
    }
}

static void test_pieces_do_not_overlap(void **state)
{
    (void)state;
    ws_arena arena;
    ws_arena_init(&arena, 0);
    fill_arena(&arena, 1);
    ws_arena_fini(&arena);
}

static void test_warm_arena_reserves_nothing(void **state)
{
    (void)state;
    ws_arena arena;
    ws_arena_init(&arena, 0);
    fill_arena(&arena, 1);
    const size_t reserved_bytes = arena.reserved_bytes;
    for (int round = 0; round < 3; round++) {
        ws_arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
        fill_arena(&arena, 1);
        assert_int_equal(arena.reserved_bytes, reserved_bytes);
    }
    ws_arena_fini(&arena);
    assert_int_equal(arena.reserved_bytes, 0);
}

static void test_limit_holds_and_is_usable(void **state)
{
    (void)state;
    const size_t limit_bytes = 300 * 1024;
    ws_arena     arena;
    ws_arena_init(&arena, limit_bytes);
    size_t got_bytes = 0;
    while (ws_arena_alloc(&arena, 1, 1024) != NULL) {
        got_bytes += 1024;
        assert_true(arena.used_bytes <= limit_bytes);
        assert_int_equal(arena.refused_bytes, 0);
    }
    assert_int_equal(got_bytes, limit_bytes);
    assert_int_equal(arena.refused_bytes, limit_bytes + 1024);
    /* tails of a few chunks, and a head for each: under the sanitizers every piece is a chunk */
    assert_true(arena.reserved_bytes <= limit_bytes + 4096 + 64 * (limit_bytes / 1024));
    assert_null(ws_arena_alloc(&arena, limit_bytes, 1));
    ws_arena_fini(&arena);
}

/* Pieces of growing size until the limit refuses one. */
static size_t n_pieces_within_limit(ws_arena *arena)
{
    size_t n = 0;
    while (ws_arena_alloc(arena, 1000 + n * 100, 1) != NULL) {
        n++;
    }
    return n;
}

/* What fits a budget must not depend on what ran before in the same process, or a job would fail on one rank
 * and not on another. */
static void test_limit_does_not_depend_on_history(void **state)
{
    (void)state;
    const size_t limit_bytes = (size_t)20 << 20;
    ws_arena     fresh;
    ws_arena_init(&fresh, limit_bytes);
    const size_t n_fresh = n_pieces_within_limit(&fresh);
    ws_arena_fini(&fresh);
    for (uint64_t seed = 1; seed < 20; seed++) {
        ws_arena used;
        ws_arena_init(&used, seed % 2 == 0 ? limit_bytes : 0);
        fill_arena(&used, seed);
        used.limit_bytes = limit_bytes;
        ws_arena_reset(&used);
        assert_int_equal(n_pieces_within_limit(&used), n_fresh);
        assert_true(used.reserved_bytes < 2 * limit_bytes);
        ws_arena_fini(&used);
    }
}

static void test_zero_bytes_and_overflow(void **state)
{
    (void)state;
    ws_arena arena;
    ws_arena_init(&arena, 0);
    void *a = ws_arena_alloc(&arena, 0, 8);
    void *b = ws_arena_alloc(&arena, 8, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    assert_null(ws_arena_alloc(&arena, SIZE_MAX / 2, 4));
    assert_null(ws_arena_calloc(&arena, SIZE_MAX, SIZE_MAX));
    ws_arena_fini(&arena);
}

static void test_calloc_clears_used_memory(void **state)
{
    (void)state;
    ws_arena arena;
    ws_arena_init(&arena, 0);
    memset(ws_arena_alloc(&arena, 1000, 1), 0xff, 1000);
    ws_arena_reset(&arena);
    const unsigned char *zeros = ws_arena_calloc(&arena, 100, 10);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(zeros[i], 0);
    }
    ws_arena_fini(&arena);
}

static void test_grow_keeps_elements(void **state)
{
    (void)state;
    ws_arena arena;
    ws_arena_init(&arena, 0);
    int   *array    = NULL;
    size_t capacity = 0;
    size_t n_grown  = 0;
    for (size_t n = 0; n < 5000; n++) {
        const size_t before = capacity;
        assert_int_equal(ws_arena_grow(&arena, &array, &capacity, n, n + 1, sizeof(*array)), WS_OK);
        n_grown += capacity != before;
        array[n] = (int)n;
    }
    for (size_t n = 0; n < 5000; n++) {
        assert_int_equal(array[n], n);
    }
    assert_true(n_grown <= 10); /* 16 doubled 9 times is 8192 */
    ws_arena_fini(&arena);
}

static void test_grow_failure_changes_nothing(void **state)
{
    (void)state;
    ws_arena arena;
    ws_arena_init(&arena, 100 * 1024);
    char  *array    = NULL;
    size_t capacity = 0;
    assert_int_equal(ws_arena_grow(&arena, &array, &capacity, 0, 10, 1), WS_OK);
    char *const  array_before    = array;
    const size_t capacity_before = capacity;
    assert_int_equal(ws_arena_grow(&arena, &array, &capacity, 10, 1000000, 1), WS_ERR_NOMEM);
    assert_ptr_equal(array, array_before);
    assert_int_equal(capacity, capacity_before);
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_do_not_overlap),
        cmocka_unit_test(test_warm_arena_reserves_nothing),
        cmocka_unit_test(test_limit_holds_and_is_usable),
        cmocka_unit_test(test_limit_does_not_depend_on_history),
        cmocka_unit_test(test_zero_bytes_and_overflow),
        cmocka_unit_test(test_calloc_clears_used_memory),
        cmocka_unit_test(test_grow_keeps_elements),
        cmocka_unit_test(test_grow_failure_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
