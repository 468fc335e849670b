/* power/window_meter.h -- mean power over fixed windows, of everything together: what a fuse or a rack's
 * meter would see.
 *
 * Window i is [i * window_ns, (i+1) * window_ns). Energy comes as spans, in any order; a span inside one
 * window is an addition, and a span over thousands of windows costs no more than one over two. Memory comes
 * from the run's arena. */
#ifndef WS_WINDOW_METER_H
#define WS_WINDOW_METER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "power/grid_cell.h"

typedef struct ws_window {
    double energy_j; /* of spans that begin or end inside, without covering it */
    double change_w; /* of the power of spans that cover windows whole, from the window before to this one */
} ws_window;

typedef struct ws_window_meter {
    ws_arena    *arena;   /* borrowed */
    ws_grid_cell hot;     /* the window charged last; length_ns 0 = measures nothing */
    double      *hot_j;   /* energy of the hot window: a span inside it may be added here as well */
    ws_window   *windows; /* [n_windows], and one more for the change behind the last */
    size_t       n_windows, capacity;
    double       unmeasured_j; /* what is added to no window */
    ws_status    status;       /* first failure of a charge (out of memory); checked at the end */
} ws_window_meter;

/** @param[in] arena      borrowed; the meter's memory goes with its reset
 * @param[in] window_ns  >= 1 */
void ws_window_meter_init(ws_window_meter *meter, ws_arena *arena, int64_t window_ns);

/** Add energy spread evenly over [begin_ns, end_ns), 0 <= begin_ns <= end_ns, and make the window in which
 * the span ends the hot one. An empty span counts into the window that begins there or is under way. A meter
 * that was never initialised ignores it: all of time is hot then, and hot_j no window's. */
void ws_window_meter_charge(ws_window_meter *meter, int64_t begin_ns, int64_t end_ns, double energy_j);

/** Mean power of every whole window before end_ns; a run shorter than one window is its only one. Energy
 * behind the last whole window is in none. For the end of the run; may be called again with another `join`.
 * @param[in]  join         this many windows count as one, >= 1
 * @param[out] power_w_out  [n_out], arena memory
 * @return WS_OK; WS_ERR_NOMEM, also for a charge that failed */
WS_NODISCARD ws_status ws_window_meter_read(ws_window_meter *meter, int64_t end_ns, int64_t join,
                                            double **power_w_out, size_t *n_out);

#endif /* WS_WINDOW_METER_H */
