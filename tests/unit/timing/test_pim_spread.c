/* Invariant: entries go one after another to the channel with the least length, the lowest of equals; a
 * linear search over all channels for each of them says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "timing/pim_spread.h"

enum { MAX_ITEMS = 40, MAX_CHANNELS = 37, MAX_SPLIT = 9, N_ROUNDS = 500 };

/* Three channels, every request split in two. 5 goes to channels 0 and 1, 3 to 2 and, with loads 5 5 3, to 2
 * again, 1 to 0 (the lowest of 5 5 6) and, with 6 5 6, to 1. */
static void each_entry_goes_to_the_least_loaded(void **state)
{
    (void)state;
    static const ws_pim_item items[]    = {{5, 50}, {3, 30}, {1, 10}};
    static const size_t      begin[]    = {0, 2, 4, 6};
    static const int64_t     entry_ns[] = {50, 10, 50, 10, 30, 30};
    ws_arena                 arena;
    ws_pim_spread            spread = {0};
    ws_arena_init(&arena, 1 << 24);
    assert_int_equal(ws_pim_spread_place(&spread, &arena, items, 3, 2, 3), WS_OK);
    assert_memory_equal(spread.begin, begin, sizeof(begin));
    assert_memory_equal(spread.entry_ns, entry_ns, sizeof(entry_ns));
    ws_arena_fini(&arena);
}

/* Entries of a channel in order of placement, found by looking at every channel for each. */
static size_t search(const ws_pim_item *items, size_t n_items, int64_t split, size_t n_channels,
                     size_t channel, int64_t *entry_ns)
{
    int64_t load[MAX_CHANNELS] = {0};
    size_t  n                  = 0;
    for (size_t i = 0; i < n_items * (size_t)split; i++) {
        const ws_pim_item *item = &items[i / (size_t)split];
        size_t             best = 0;
        for (size_t c = 1; c < n_channels; c++) {
            best = load[c] < load[best] ? c : best;
        }
        load[best] += item->length;
        if (best == channel) {
            entry_ns[n++] = item->ns;
        }
    }
    return n;
}

static void a_linear_search_agrees(void **state)
{
    (void)state;
    ws_arena      arena;
    ws_pim_spread spread = {0}; /* one for all rounds: sizes go up and down */
    ws_rng        rng;
    ws_rng_seed(&rng, 7);
    ws_arena_init(&arena, 1 << 24);
    for (int round = 0; round < N_ROUNDS; round++) {
        ws_pim_item   items[MAX_ITEMS];
        const size_t  n_items    = (size_t)ws_rng_below(&rng, MAX_ITEMS + 1);
        const size_t  n_channels = 1 + (size_t)ws_rng_below(&rng, MAX_CHANNELS);
        const int64_t split      = 1 + (int64_t)ws_rng_below(&rng, MAX_SPLIT);
        for (size_t i = 0; i < n_items; i++) { /* short lengths, so that many are equal; a few are 0 */
            items[i] = (ws_pim_item){(int64_t)ws_rng_below(&rng, 6), (int64_t)ws_rng_below(&rng, 1000000)};
        }
        assert_int_equal(ws_pim_spread_place(&spread, &arena, items, n_items, split, (int64_t)n_channels),
                         WS_OK);
        assert_int_equal(spread.begin[n_channels], n_items * (size_t)split);
        for (size_t c = 0; c < n_channels; c++) {
            int64_t      expected[MAX_ITEMS * MAX_SPLIT];
            const size_t n = search(items, n_items, split, n_channels, c, expected);
            assert_int_equal(spread.begin[c + 1] - spread.begin[c], n);
            assert_memory_equal(spread.entry_ns + spread.begin[c], expected, n * sizeof(*expected));
        }
    }
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_entry_goes_to_the_least_loaded),
        cmocka_unit_test(a_linear_search_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
