#include "power/window_meter.h"

#include <stdbool.h>
#include <string.h>

#include "base/units.h"

void ws_window_meter_init(ws_window_meter *meter, ws_arena *arena, int64_t window_ns)
{
    WS_ASSERT(window_ns >= 1);
    *meter = (ws_window_meter){.arena = arena, .hot = {.length_ns = window_ns}};
}

/** Make windows [0, n) exist, and one behind them for a change at the end. */
static inline ws_status cover(ws_window_meter *meter, size_t n)
{
    if (WS_LIKELY(n <= meter->n_windows)) {
        return WS_OK;
    }
    const size_t n_old = meter->windows == NULL ? 0 : meter->n_windows + 1;
    WS_TRY(ws_arena_grow(meter->arena, &meter->windows, &meter->capacity, n_old, n + 1,
                         sizeof(*meter->windows)));
    memset(meter->windows + n_old, 0, (n + 1 - n_old) * sizeof(*meter->windows));
    meter->n_windows = n;
    return WS_OK;
}

/** Make all of time hot, for what is added to no window. */
static void measure_nothing(ws_window_meter *meter)
{
    meter->hot.begin_ns = 0;
    meter->hot.end_ns   = WS_NS_MAX;
    meter->hot_j        = &meter->unmeasured_j;
}

/** Charge a span over the windows first < last; last is the hot one. */
static inline void charge_across(ws_window_meter *meter, int64_t first, int64_t last, int64_t begin_ns,
                                 int64_t end_ns, double energy_j)
{
    const double power_w = energy_j / ((double)(end_ns - begin_ns) * WS_S_PER_NS);
    ws_window   *windows = meter->windows;
    windows[first].energy_j +=
        power_w * ((double)((first + 1) * meter->hot.length_ns - begin_ns) * WS_S_PER_NS);
    windows[last].energy_j += power_w * ((double)(end_ns - meter->hot.begin_ns) * WS_S_PER_NS);
    if (last - first > 1) { /* it covers some whole */
        windows[first + 1].change_w += power_w;
        windows[last].change_w -= power_w;
    }
}

/** Make a window the hot one. False if out of memory: nothing is measured from then on. */
static bool heat(ws_window_meter *meter, int64_t window)
{
    if (meter->status == WS_OK) {
        meter->status = cover(meter, (size_t)window + 1);
    }
    if (meter->status != WS_OK) {
        measure_nothing(meter);
        return false;
    }
    ws_grid_cell_hold(&meter->hot, window);
    meter->hot_j = &meter->windows[window].energy_j;
    return true;
}

WS_HOT void ws_window_meter_charge(ws_window_meter *meter, int64_t begin_ns, int64_t end_ns, double energy_j)
{
    if (WS_UNLIKELY(meter->hot.length_ns == 0)) {
        measure_nothing(meter);
        return;
    }
    const int64_t first = ws_grid_cell_of(&meter->hot, begin_ns);
    const int64_t last  = begin_ns < end_ns ? ws_grid_cell_of(&meter->hot, end_ns - 1) : first;
    if ((last != meter->hot.index || meter->hot.end_ns == 0) && !heat(meter, last)) {
        return;
    }
    if (first == last) {
        *meter->hot_j += energy_j;
    } else {
        charge_across(meter, first, last, begin_ns, end_ns, energy_j);
    }
}

/** Mean power of windows [first, first + n), cut at end_ns. covering_w goes on from call to call. */
static double mean_w(const ws_window_meter *meter, size_t first, size_t n, int64_t length_ns,
                     double *covering_w)
{
    double energy_j = 0.0;
    for (size_t i = first; i < first + n; i++) {
        *covering_w += meter->windows[i].change_w;
        energy_j += meter->windows[i].energy_j + *covering_w * ((double)meter->hot.length_ns * WS_S_PER_NS);
    }
    const double power_w = length_ns > 0 ? energy_j / ((double)length_ns * WS_S_PER_NS) : 0.0;
    return power_w > 0.0 ? power_w : 0.0; /* changes that cancel can leave a rounding below nothing */
}

ws_status ws_window_meter_read(ws_window_meter *meter, int64_t end_ns, int64_t join, double **power_w_out,
                               size_t *n_out)
{
    WS_ASSERT(join >= 1 && meter->hot.length_ns >= 1);
    WS_TRY(meter->status);
    const size_t n_whole    = (size_t)(end_ns / meter->hot.length_ns / join);
    double      *power_w    = ws_arena_alloc(meter->arena, n_whole + 1, sizeof(*power_w));
    double       covering_w = 0.0;
    WS_TRY(cover(meter, n_whole * (size_t)join));
    if (power_w == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n_whole; i++) {
        power_w[i] = mean_w(meter, i * (size_t)join, (size_t)join, join * meter->hot.length_ns, &covering_w);
    }
    if (n_whole == 0) { /* energy charged at the very end may have begun one more window */
        power_w[0] = mean_w(meter, 0, meter->n_windows, end_ns, &covering_w);
    }
    *power_w_out = power_w;
    *n_out       = n_whole > 0 ? n_whole : 1;
    return WS_OK;
}
