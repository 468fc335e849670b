/* Invariant: wherever the held cell is, a moment's cell is its time divided by the length; and a held cell is
 * where its number says, cut at the end of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "power/grid_cell.h"

static void assert_cell_of(const ws_grid_cell *cell, int64_t time_ns)
{
    if (time_ns >= 0) {
        assert_int_equal(ws_grid_cell_of(cell, time_ns), time_ns / cell->length_ns);
        assert_int_equal(ws_grid_cell_has(cell, time_ns),
                         cell->end_ns > 0 && time_ns / cell->length_ns == cell->index && time_ns < WS_NS_MAX);
    }
}

/* Near every boundary up to three cells away, where the short ways end. */
static void assert_cells_around(const ws_grid_cell *cell)
{
    for (int64_t k = -3; k <= 3; k++) {
        for (int64_t nudge_ns = -1; nudge_ns <= 1; nudge_ns++) {
            assert_cell_of(cell, (cell->index + k) * cell->length_ns + nudge_ns);
        }
    }
}

static void any_moment_is_found_from_any_cell(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 5);
    for (int trial = 0; trial < 2000; trial++) {
        ws_grid_cell cell = {.length_ns = 1 + (int64_t)ws_rng_below(&rng, 1000)};
        assert_cell_of(&cell, (int64_t)ws_rng_below(&rng, 100000)); /* none held */
        ws_grid_cell_hold(&cell, (int64_t)ws_rng_below(&rng, 50));
        assert_int_equal(cell.begin_ns, cell.index * cell.length_ns);
        assert_int_equal(cell.end_ns, cell.begin_ns + cell.length_ns);
        assert_cells_around(&cell);
        assert_cell_of(&cell, (int64_t)ws_rng_below(&rng, 100000));
        ws_grid_cell_drop(&cell);
        assert_false(ws_grid_cell_has(&cell, 0));
        assert_cell_of(&cell, (int64_t)ws_rng_below(&rng, 100000));
    }
}

/* Cells of a third of all time and a bit: the third one is cut. */
static void the_last_cell_is_cut(void **state)
{
    (void)state;
    ws_grid_cell cell = {.length_ns = WS_NS_MAX / 3 + 7};
    ws_grid_cell_hold(&cell, 2);
    assert_int_equal(cell.end_ns, WS_NS_MAX);
    assert_true(ws_grid_cell_has(&cell, WS_NS_MAX - 1));
    assert_int_equal(ws_grid_cell_of(&cell, WS_NS_MAX), 2);
    assert_int_equal(ws_grid_cell_of(&cell, cell.begin_ns - 1), 1);
    assert_int_equal(ws_grid_cell_of(&cell, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_moment_is_found_from_any_cell),
        cmocka_unit_test(the_last_cell_is_cut),
    };
    return cmocka_run_group_tests_name("power.grid_cell", tests, NULL, NULL);
}
