/* power/ledger.h -- the one record of a run's energy: totals per node and component, and the power series.
 *
 * Every joule is charged once, as a span: energy spread evenly over [begin_ns, end_ns). The ledger adds it to
 * its (node, component) total, to the intervals of the series it overlaps, and to the instantaneous power of
 * every tick inside it. So for each node and component: total = sum over intervals of power x length, to
 * rounding.
 *
 * Interval i is [i * interval_ns, (i+1) * interval_ns). Tick i is its end, and tick power is the power drawn
 * just before the tick: a span reaches tick t if begin_ns < t <= end_ns. So power that holds to the end of
 * the run is seen by the last tick, and a kernel starting exactly at a tick belongs wholly to the next
 * interval. The last interval may be partial; its tick is then the end of the run.
 *
 * Spans may be charged in any order. Memory comes from the run's arena and grows by doubling. */
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

/** Who charges: a node, or one of several on it, each of which charges in nearly the order of time. Its spans
 * that end last give the tick power at the end of the run, known only when closing. Most are overtaken before
 * anybody asks for their power, so the last few are kept as they came. */
typedef struct ws_ledger_source {
    WS_ON_CACHE_LINE size_t node;
    int64_t                 end_ns;  /* latest end of a span so far */
    double                  power_w; /* of the spans that end there, but those below */
    size_t                  n;
    struct {
        int64_t begin_ns;
        double  energy_j;
    } last[WS_LEDGER_TAIL_SPANS];
} ws_ledger_source;

typedef struct ws_ledger {
    ws_arena         *arena; /* borrowed */
    size_t            n_nodes;
    double           *total_j; /* [n_nodes][WS_COMPONENT_COUNT] */
    ws_ledger_source *sources; /* [n_sources]: the nodes, then those added */
    size_t            n_sources, sources_capacity;
    size_t            n_bins, bin_capacity; /* intervals touched so far */
    double           *bin_j;                /* [bin][n_nodes][WS_COMPONENT_COUNT] */
    double           *tick_w;               /* [bin][n_nodes] power at the end of the interval */
    ws_window_meter   windows; /* all nodes together; measures nothing unless the owner initialises it */
    /* the interval and window charged last, which the next span is likely in too */
    ws_grid_cell hot_bin;                  /* the interval */
    double      *hot_bin_j;                /* its [n_nodes][WS_COMPONENT_COUNT] in bin_j */
    int64_t      hot_begin_ns, hot_end_ns; /* what it has in common with the window */
    ws_status    status;                   /* first failure of a charge (out of memory); checked at the end */
} ws_ledger;

/** Start an empty ledger.
 * @param[in] arena        borrowed; the ledger's memory goes with its reset
 * @param[in] n_nodes      >= 1
 * @param[in] interval_ns  >= 1
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_ledger_init(ws_ledger *ledger, ws_arena *arena, size_t n_nodes,
                                      int64_t interval_ns);

/** Add one that charges on a node, before anything is charged.
 * @param[out] source_out  its number; those of the nodes are 0 to n_nodes - 1
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_ledger_add_source(ws_ledger *ledger, size_t node, size_t *source_out);

void ws__ledger_fold_tail(ws_ledger_source *source);

/** Keep a span that ends last so far. */
static inline void ws__ledger_note_end(ws_ledger_source *source, int64_t begin_ns, double energy_j)
{
    if (WS_UNLIKELY(source->n == WS_LEDGER_TAIL_SPANS)) {
        ws__ledger_fold_tail(source);
    }
    source->last[source->n].begin_ns = begin_ns;
    source->last[source->n].energy_j = energy_j;
    source->n++;
}

/** A stretch of time of one source, for several spans: what they have in common is looked up once. */
typedef struct ws_ledger_page {
    ws_ledger        *ledger;
    ws_ledger_source *source;
    int64_t           last_ns; /* spans that end here are among the last of the source; -1 = none is */
    double *bin_j, *total_j;   /* [WS_COMPONENT_COUNT] of its node; bin_j NULL = not all of it is hot */
} ws_ledger_page;

void ws__ledger_charge_elsewhere(const ws_ledger_page *page, ws_component component, int64_t begin_ns,
                                 int64_t end_ns, double energy_j);

/** Open the page of spans within [begin_ns, end_ns], at least one of which ends at end_ns: those that end
 * earlier are not the last ones of the source. Nothing else may be charged until the last of them is. */
static inline ws_ledger_page ws_ledger_open(ws_ledger *ledger, size_t source, int64_t begin_ns,
                                            int64_t end_ns)
{
    ws_ledger_source *from   = &ledger->sources[source];
    const size_t      cell   = from->node * WS_COMPONENT_COUNT;
    const bool        is_hot = begin_ns >= ledger->hot_begin_ns && end_ns < ledger->hot_end_ns;
    if (end_ns > from->end_ns) {
        from->end_ns  = end_ns;
        from->power_w = 0.0;
        from->n       = 0;
    }
    return (ws_ledger_page){.ledger  = ledger,
                            .source  = from,
                            .last_ns = end_ns == from->end_ns ? end_ns : -1,
                            .bin_j   = is_hot ? ledger->hot_bin_j + cell : NULL,
                            .total_j = ledger->total_j + cell};
}

/** Charge energy of a span on a page all of which is hot, but on its window: the caller sums that up in
 * *window_j, from and to *ws_ledger_window(). */
static inline void ws_ledger_charge_hot(const ws_ledger_page *page, ws_component component, int64_t begin_ns,
                                        int64_t end_ns, double energy_j, double *window_j)
{
    page->bin_j[component] += energy_j;
    page->total_j[component] += energy_j;
    *window_j += energy_j;
    if (end_ns == page->last_ns) {
        ws__ledger_note_end(page->source, begin_ns, energy_j);
    }
}

/** Energy of the window that is hot. */
static inline double *ws_ledger_window(const ws_ledger_page *page)
{
    return page->ledger->windows.hot_j;
}

/** Charge energy spread evenly over [begin_ns, end_ns), 0 <= begin_ns <= end_ns, within the page. An empty
 * span charges it at that instant, in the interval that begins there or is under way, without instantaneous
 * power. Negative energy is allowed only for corrections that leave totals >= 0. Failures are kept in
 * ledger->status; later charges are then ignored. */
static inline void ws_ledger_charge_on(const ws_ledger_page *page, ws_component component, int64_t begin_ns,
                                       int64_t end_ns, double energy_j)
{
    if (WS_LIKELY(page->bin_j != NULL)) {
        ws_ledger_charge_hot(page, component, begin_ns, end_ns, energy_j, ws_ledger_window(page));
    } else {
        ws__ledger_charge_elsewhere(page, component, begin_ns, end_ns, energy_j);
    }
}

/** Charge a span that comes alone. */
static inline void ws_ledger_charge(ws_ledger *ledger, size_t source, ws_component component,
                                    int64_t begin_ns, int64_t end_ns, double energy_j)
{
    const ws_ledger_page page = ws_ledger_open(ledger, source, begin_ns, end_ns);
    ws_ledger_charge_on(&page, component, begin_ns, end_ns, energy_j);
}

/** Make the series cover exactly [0, end_ns), the last interval possibly partial. No span may reach beyond
 * end_ns; energy charged at the instant end_ns counts into the last interval. At least one interval remains.
 */
void ws_ledger_close(ws_ledger *ledger, int64_t end_ns);

double ws_ledger_total_j(const ws_ledger *ledger, size_t node, ws_component component);
double ws_ledger_node_j(const ws_ledger *ledger, size_t node);

#endif /* WS_POWER_LEDGER_H */
