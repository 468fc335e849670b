/* power/ledger.h -- the one book of energy of a run: totals per node and component, and the power series.
 *
 * Every joule is booked once, as a span: energy spread evenly over [begin_ns, end_ns). The ledger adds it to its
 * (node, component) total, to the intervals of the series it overlaps, and to the instantaneous power of every tick
 * inside it. So for each node and component: total = sum over intervals of power x length, to rounding.
 *
 * Intervals are (i * interval_ns, (i+1) * interval_ns]; tick i is the end of interval i. Spans may be booked in any
 * order. Memory comes from the run's arena and grows by doubling. */
#ifndef WS_POWER_LEDGER_H
#define WS_POWER_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "power/components.h"

typedef struct ws_ledger {
    ws_arena *arena; /* borrowed */
    size_t    n_nodes;
    int64_t   interval_ns;
    double   *total_j;            /* [n_nodes][WS_COMPONENT_COUNT] */
    size_t    n_bins, bin_capacity; /* intervals touched so far */
    double   *bin_j;              /* [bin][n_nodes][WS_COMPONENT_COUNT] */
    double   *tick_w;             /* [bin][n_nodes] power at the end of the interval */
    ws_status status;             /* first failure of a booking (out of memory); checked at the end */
} ws_ledger;

/** Start an empty book. interval_ns >= 1. The ledger's memory goes with the arena's reset. */
WS_NODISCARD ws_status ws_ledger_init(ws_ledger *ledger, ws_arena *arena, size_t n_nodes,
                                      int64_t interval_ns);

/** Book energy spread evenly over [begin_ns, end_ns); an empty span (begin == end) books it at that instant, with no
 * instantaneous power. Negative energy is allowed only for corrections that leave totals >= 0.
 * Failures are kept in ledger->status. */
void ws_ledger_book(ws_ledger *ledger, size_t node, ws_component component, int64_t begin_ns,
                    int64_t end_ns, double energy_j);

/** Extend the series so that it covers [0, end_ns); the last interval may be partial. */
void ws_ledger_close(ws_ledger *ledger, int64_t end_ns);

double ws_ledger_total_j(const ws_ledger *ledger, size_t node, ws_component component);
double ws_ledger_node_j(const ws_ledger *ledger, size_t node);

#endif /* WS_POWER_LEDGER_H */
