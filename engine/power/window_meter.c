#include "power/window_meter.h"

#include <stdbool.h>
#include <string.h>

#include "base/units.h"

void ws_window_meter_init(ws_window_meter *meter, ws_arena *arena, int64_t window_ns)
{
    WS_ASSERT(window_ns >= 1);
    *meter = (ws_window_meter){.arena = arena, .window_ns = window_ns};
}

/** Make windows [0, n) exist, and one behind them for a change at the end. */
static ws_status cover(ws_window_meter *meter, size_t n)
{
    if (n <= meter->n_windows) {
        return WS_OK;
    }
    const size_t n_old = meter->windows == NULL ? 0 : meter->n_windows + 1;
    WS_TRY(ws_arena_grow(meter->arena, &meter->windows, &meter->capacity, n_old, n + 1,
                         sizeof(*meter->windows)));
    memset(meter->windows + n_old, 0, (n + 1 - n_old) * sizeof(*meter->windows));
    meter->n_windows = n;
    return WS_OK;
}

/** Length of the part of window i that [begin_ns, end_ns) covers. */
static double covered_s(const ws_window_meter *meter, int64_t i, int64_t begin_ns, int64_t end_ns)
{
    const int64_t from_ns = i * meter->window_ns,
                  to_ns   = end_ns - from_ns < meter->window_ns ? end_ns : from_ns + meter->window_ns;
    return (double)(to_ns - (begin_ns > from_ns ? begin_ns : from_ns)) * WS_S_PER_NS;
}

/** Number of the window a moment lies in: mostly the one booked last or its neighbour. */
static int64_t window_of(const ws_window_meter *meter, int64_t time_ns)
{
    if (time_ns >= meter->hot_begin_ns && time_ns < meter->hot_end_ns) {
        return meter->hot;
    }
    if (time_ns >= meter->hot_end_ns && time_ns - meter->hot_end_ns < meter->window_ns &&
        meter->hot_end_ns > 0) {
        return meter->hot + 1;
    }
    return time_ns / meter->window_ns;
}

static void heat(ws_window_meter *meter, int64_t window)
{
    meter->hot          = window;
    meter->hot_begin_ns = window * meter->window_ns;
    meter->hot_end_ns   = meter->window_ns <= WS_NS_MAX - meter->hot_begin_ns
                              ? meter->hot_begin_ns + meter->window_ns
                              : WS_NS_MAX;
}

/** Book a span over the windows first < last. */
static void book_across(ws_window_meter *meter, int64_t first, int64_t last, int64_t begin_ns, int64_t end_ns,
                        double energy_j)
{
    const double power_w = energy_j / ((double)(end_ns - begin_ns) * WS_S_PER_NS);
    meter->windows[first].energy_j += power_w * covered_s(meter, first, begin_ns, end_ns);
    meter->windows[last].energy_j += power_w * covered_s(meter, last, begin_ns, end_ns);
    meter->windows[first + 1].change_w += power_w;
    meter->windows[last].change_w -= power_w;
}

ws_window_span ws_window_meter_book(ws_window_meter *meter, int64_t begin_ns, int64_t end_ns, double energy_j)
{
    if (meter->window_ns == 0 || meter->status != WS_OK) {
        return (ws_window_span){0, WS_NS_MAX, &meter->unmeasured_j};
    }
    const int64_t first = window_of(meter, begin_ns);
    const int64_t last  = begin_ns < end_ns ? window_of(meter, end_ns - 1) : first;
    meter->status       = cover(meter, (size_t)last + 1);
    if (meter->status != WS_OK) {
        return (ws_window_span){0, WS_NS_MAX, &meter->unmeasured_j};
    }
    heat(meter, last);
    if (first == last) {
        meter->windows[last].energy_j += energy_j;
    } else {
        book_across(meter, first, last, begin_ns, end_ns, energy_j);
    }
    return (ws_window_span){meter->hot_begin_ns, meter->hot_end_ns, &meter->windows[last].energy_j};
}

/** Mean power of windows [first, first + n), cut at end_ns. covering_w goes on from call to call. */
static double mean_w(const ws_window_meter *meter, size_t first, size_t n, int64_t length_ns,
                     double *covering_w)
{
    double energy_j = 0.0;
    for (size_t i = first; i < first + n; i++) {
        *covering_w += meter->windows[i].change_w;
        energy_j += meter->windows[i].energy_j + *covering_w * ((double)meter->window_ns * WS_S_PER_NS);
    }
    const double power_w = length_ns > 0 ? energy_j / ((double)length_ns * WS_S_PER_NS) : 0.0;
    return power_w > 0.0 ? power_w : 0.0; /* changes that cancel can leave a rounding below nothing */
}

ws_status ws_window_meter_read(ws_window_meter *meter, int64_t end_ns, int64_t join, double **power_w_out,
                               size_t *n_out)
{
    WS_ASSERT(join >= 1 && meter->window_ns >= 1);
    WS_TRY(meter->status);
    const size_t n_whole    = (size_t)(end_ns / meter->window_ns / join);
    double      *power_w    = ws_arena_alloc(meter->arena, n_whole + 1, sizeof(*power_w));
    double       covering_w = 0.0;
    WS_TRY(cover(meter, n_whole * (size_t)join));
    if (power_w == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n_whole; i++) {
        power_w[i] = mean_w(meter, i * (size_t)join, (size_t)join, join * meter->window_ns, &covering_w);
    }
    if (n_whole == 0) { /* energy booked at the very end may have begun one more window */
        power_w[0] = mean_w(meter, 0, meter->n_windows, end_ns, &covering_w);
    }
    *power_w_out = power_w;
    *n_out       = n_whole > 0 ? n_whole : 1;
    return WS_OK;
}
