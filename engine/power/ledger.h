/* power/ledger.h -- the one book of energy of a run: totals per node and component, and the power series.
 *
 * Every joule is booked once, as a span: energy spread evenly over [begin_ns, end_ns). The ledger adds it to
 * its (node, component) total, to the intervals of the series it overlaps, and to the instantaneous power of
 * every tick inside it. So for each node and component: total = sum over intervals of power x length, to
 * rounding.
 *
 * Interval i is [i * interval_ns, (i+1) * interval_ns). Tick i is its end, and tick power is the power drawn
 * just before the tick: a span reaches tick t if begin_ns < t <= end_ns. So power that holds to the end of
 * the run is seen by the last tick, and a kernel starting exactly at a tick belongs wholly to the next
 * interval. The last interval may be partial; its tick is then the end of the run.
 *
 * Spans may be booked in any order. Memory comes from the run's arena and grows by doubling. */
#ifndef WS_POWER_LEDGER_H
#define WS_POWER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "power/components.h"
#include "power/grid_cell.h"
#include "power/window_meter.h"

enum { WS_LEDGER_TAIL_SPANS = 4 };

/** The spans that end last on a node: they give the tick power at the end of the run, known only when
 * closing. Most are overtaken before anybody asks for their power, so the last few are kept as they came. */
typedef struct ws_ledger_tail {
    int64_t  end_ns;  /* latest end of a span so far */
    double   power_w; /* of the spans that end there, but those below */
    uint32_t n;
    int64_t begin_ns[WS_LEDGER_TAIL_SPANS + 1]; /* the last place is for spans that end earlier: never read */
    double  energy_j[WS_LEDGER_TAIL_SPANS + 1];
} ws_ledger_tail;

typedef struct ws_ledger {
    ws_arena       *arena; /* borrowed */
    size_t          n_nodes;
    double         *total_j;              /* [n_nodes][WS_COMPONENT_COUNT] */
    ws_ledger_tail *tail;                 /* [n_nodes] */
    size_t          n_bins, bin_capacity; /* intervals touched so far */
    double         *bin_j;                /* [bin][n_nodes][WS_COMPONENT_COUNT] */
    double         *tick_w;               /* [bin][n_nodes] power at the end of the interval */
    ws_window_meter windows; /* all nodes together; measures nothing unless the owner initialises it */
    /* the interval and window booked last, which the next span is likely in too */
    ws_grid_cell hot_bin;                  /* the interval */
    double      *hot_bin_j;                /* its [n_nodes][WS_COMPONENT_COUNT] in bin_j */
    int64_t      hot_begin_ns, hot_end_ns; /* what it has in common with the window */
    ws_status    status; /* first failure of a booking (out of memory); checked at the end */
} ws_ledger;

/** Start an empty book.
 * @param[in] arena        borrowed; the ledger's memory goes with its reset
 * @param[in] n_nodes      >= 1
 * @param[in] interval_ns  >= 1
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_ledger_init(ws_ledger *ledger, ws_arena *arena, size_t n_nodes,
                                      int64_t interval_ns);

bool ws__ledger_book_elsewhere(ws_ledger *ledger, size_t cell, int64_t begin_ns, int64_t end_ns,
                               double energy_j);
void ws__ledger_fold_tail(ws_ledger_tail *tail);

/* Where several instances take turns, which span ends last cannot be guessed: choosing a place for it, if
 * only the one that nobody reads, takes less time than a wrong guess. */
static inline void ws__ledger_add_tail(ws_ledger_tail *tail, int64_t begin_ns, int64_t end_ns,
                                       double energy_j)
{
    const bool is_later = end_ns > tail->end_ns, is_last = end_ns >= tail->end_ns;
    if (WS_UNLIKELY(tail->n == WS_LEDGER_TAIL_SPANS) && is_last && !is_later) {
        ws__ledger_fold_tail(tail);
    }
    const uint32_t n      = is_later ? 0 : tail->n;
    const uint32_t place  = is_last ? n : WS_LEDGER_TAIL_SPANS;
    tail->begin_ns[place] = begin_ns;
    tail->energy_j[place] = energy_j;
    tail->n               = is_last ? n + 1 : tail->n;
    tail->power_w         = is_later ? 0.0 : tail->power_w;
    tail->end_ns          = is_later ? end_ns : tail->end_ns;
}

/** Book energy spread evenly over [begin_ns, end_ns), 0 <= begin_ns <= end_ns. An empty span books it at that
 * instant, in the interval that begins there or is under way, without instantaneous power. Negative energy is
 * allowed only for corrections that leave totals >= 0. Failures are kept in ledger->status; later bookings
 * are then ignored. */
static inline void ws_ledger_book(ws_ledger *ledger, size_t node, ws_component component, int64_t begin_ns,
                                  int64_t end_ns, double energy_j)
{
    WS_ASSERT(begin_ns <= end_ns);
    const size_t cell = node * WS_COMPONENT_COUNT + component;
    if (WS_LIKELY(begin_ns >= ledger->hot_begin_ns && end_ns < ledger->hot_end_ns)) {
        ledger->hot_bin_j[cell] += energy_j;
        *ledger->windows.hot_j += energy_j;
    } else if (!ws__ledger_book_elsewhere(ledger, cell, begin_ns, end_ns, energy_j)) {
        return;
    }
    ledger->total_j[cell] += energy_j;
    ws__ledger_add_tail(&ledger->tail[node], begin_ns, end_ns, energy_j);
}

/** Make the series cover exactly [0, end_ns), the last interval possibly partial. No span may reach beyond
 * end_ns; energy booked at the instant end_ns counts into the last interval. At least one interval remains.
 */
void ws_ledger_close(ws_ledger *ledger, int64_t end_ns);

double ws_ledger_total_j(const ws_ledger *ledger, size_t node, ws_component component);
double ws_ledger_node_j(const ws_ledger *ledger, size_t node);

#endif /* WS_POWER_LEDGER_H */
