/* power/grid_cell.h -- one cell of time cut into equal ones, and which cell a moment lies in.
 *
 * Cell i is [i * length_ns, (i+1) * length_ns), cut at WS_NS_MAX. Spans are charged in nearly the order of
 * time, so the cell wanted next is mostly the one held or a neighbour, and a division takes longer than to
 * look there. */
#ifndef WS_POWER_GRID_CELL_H
#define WS_POWER_GRID_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

typedef struct ws_grid_cell {
    int64_t length_ns;
    int64_t index, begin_ns, end_ns; /* end_ns 0: no cell is held */
} ws_grid_cell;

static inline bool ws_grid_cell_has(const ws_grid_cell *cell, int64_t time_ns)
{
    return time_ns >= cell->begin_ns && time_ns < cell->end_ns;
}

/** Number of the cell a moment lies in, time_ns >= 0. */
static inline int64_t ws_grid_cell_of(const ws_grid_cell *cell, int64_t time_ns)
{
    if (ws_grid_cell_has(cell, time_ns)) {
        return cell->index;
    }
    if (time_ns < cell->begin_ns && cell->begin_ns - time_ns <= cell->length_ns) {
        return cell->index - 1;
    }
    if (time_ns >= cell->end_ns && time_ns - cell->end_ns < cell->length_ns && cell->end_ns > 0 &&
        cell->end_ns < WS_NS_MAX) {
        return cell->index + 1;
    }
    return time_ns / cell->length_ns;
}

/** Hold the cell with this number, index * length_ns <= WS_NS_MAX. */
static inline void ws_grid_cell_hold(ws_grid_cell *cell, int64_t index)
{
    cell->index    = index;
    cell->begin_ns = index * cell->length_ns;
    cell->end_ns =
        cell->length_ns <= WS_NS_MAX - cell->begin_ns ? cell->begin_ns + cell->length_ns : WS_NS_MAX;
}

/** Hold none. */
static inline void ws_grid_cell_drop(ws_grid_cell *cell)
{
    cell->begin_ns = cell->end_ns = 0;
}

#endif /* WS_POWER_GRID_CELL_H */
