#include "power/ledger.h"

#include <string.h>

#include "base/units.h"

static size_t bin_doubles(const ws_ledger *ledger)
{
    return ledger->n_nodes * WS_COMPONENT_COUNT;
}

ws_status ws_ledger_init(ws_ledger *ledger, ws_arena *arena, size_t n_nodes, int64_t interval_ns)
{
    WS_ASSERT(n_nodes >= 1 && interval_ns >= 1);
    *ledger         = (ws_ledger){.arena = arena, .n_nodes = n_nodes, .hot_bin = {.length_ns = interval_ns}};
    ledger->total_j = ws_arena_calloc(arena, n_nodes, WS_COMPONENT_COUNT * sizeof(double));
    if (ledger->total_j == NULL) {
        ledger->status = WS_ERR_NOMEM;
    }
    for (size_t node = 0; node < n_nodes && ledger->status == WS_OK; node++) {
        size_t source  = 0;
        ledger->status = ws_ledger_add_source(ledger, node, &source);
        WS_ASSERT(ledger->status != WS_OK || source == node);
    }
    return ledger->status;
}

ws_status ws_ledger_add_source(ws_ledger *ledger, size_t node, size_t *source_out)
{
    WS_ASSERT(node < ledger->n_nodes);
    WS_TRY(ws_arena_grow(ledger->arena, &ledger->sources, &ledger->sources_capacity, ledger->n_sources,
                         ledger->n_sources + 1, sizeof(*ledger->sources)));
    *source_out                  = ledger->n_sources++;
    ledger->sources[*source_out] = (ws_ledger_source){.node = node};
    return WS_OK;
}

/** Make bins [0, n_bins) exist, new ones empty. */
static ws_status cover(ws_ledger *ledger, size_t n_bins)
{
    if (n_bins <= ledger->n_bins) {
        return WS_OK;
    }
    const size_t bin_bytes     = bin_doubles(ledger) * sizeof(double);
    const size_t node_bytes    = ledger->n_nodes * sizeof(double);
    size_t       bin_capacity  = ledger->bin_capacity; /* both arrays grow in the same steps */
    size_t       tick_capacity = ledger->bin_capacity;
    WS_TRY(ws_arena_grow(ledger->arena, &ledger->bin_j, &bin_capacity, ledger->n_bins, n_bins, bin_bytes));
    WS_TRY(ws_arena_grow(ledger->arena, &ledger->tick_w, &tick_capacity, ledger->n_bins, n_bins, node_bytes));
    const size_t n_new = n_bins - ledger->n_bins;
    memset(ledger->bin_j + ledger->n_bins * bin_doubles(ledger), 0, n_new * bin_bytes);
    memset(ledger->tick_w + ledger->n_bins * ledger->n_nodes, 0, n_new * node_bytes);
    ledger->n_bins       = n_bins;
    ledger->bin_capacity = bin_capacity < tick_capacity ? bin_capacity : tick_capacity;
    return WS_OK;
}

/** Make the interval with this number the one charged last. False if out of memory. */
static bool heat(ws_ledger *ledger, int64_t bin)
{
    if (ledger->status == WS_OK) {
        ledger->status = cover(ledger, (size_t)bin + 1);
    }
    if (ledger->status != WS_OK) {
        ws_grid_cell_drop(&ledger->hot_bin); /* every later span comes here again */
        return false;
    }
    ws_grid_cell_hold(&ledger->hot_bin, bin);
    ledger->hot_bin_j = ledger->bin_j + (size_t)bin * bin_doubles(ledger);
    return true;
}

static double mean_w(int64_t begin_ns, int64_t end_ns, double energy_j)
{
    return begin_ns < end_ns ? energy_j / ((double)(end_ns - begin_ns) * WS_S_PER_NS) : 0.0;
}

/** Power of the spans that end last. */
static double tail_w(const ws_ledger_source *source)
{
    double power_w = source->power_w;
    for (size_t i = 0; i < source->n; i++) {
        power_w += mean_w(source->last[i].begin_ns, source->end_ns, source->last[i].energy_j);
    }
    return power_w;
}

void ws__ledger_fold_tail(ws_ledger_source *source)
{
    source->power_w = tail_w(source);
    source->n       = 0;
}

/** Charge a span that covers intervals first < last, interval by interval. */
static void charge_across(ws_ledger *ledger, size_t cell, int64_t first, int64_t last, int64_t begin_ns,
                          int64_t end_ns, double power_w)
{
    const size_t node    = cell / WS_COMPONENT_COUNT;
    int64_t      from_ns = begin_ns;
    for (int64_t bin = first; bin < last; bin++) {
        const int64_t tick_ns = (bin + 1) * ledger->hot_bin.length_ns;
        ledger->bin_j[(size_t)bin * bin_doubles(ledger) + cell] +=
            power_w * ((double)(tick_ns - from_ns) * WS_S_PER_NS);
        ledger->tick_w[(size_t)bin * ledger->n_nodes + node] += power_w;
        from_ns = tick_ns;
    }
    ledger->hot_bin_j[cell] += power_w * ((double)(end_ns - from_ns) * WS_S_PER_NS);
}

/** Charge a span that is not inside the interval charged last, and make the one it ends in that. */
static void charge_other_bin(ws_ledger *ledger, size_t cell, int64_t begin_ns, int64_t end_ns,
                             double energy_j)
{
    const double  power_w = mean_w(begin_ns, end_ns, energy_j);
    const int64_t first   = ws_grid_cell_of(&ledger->hot_bin, begin_ns);
    const int64_t last    = begin_ns < end_ns ? ws_grid_cell_of(&ledger->hot_bin, end_ns - 1) : first;
    if (!heat(ledger, last)) {
        return;
    }
    if (first == last) {
        ledger->hot_bin_j[cell] += energy_j;
    } else {
        charge_across(ledger, cell, first, last, begin_ns, end_ns, power_w);
    }
    if (end_ns == ledger->hot_bin.end_ns) {
        ledger->tick_w[(size_t)last * ledger->n_nodes + cell / WS_COMPONENT_COUNT] += power_w;
    }
}

/** Charge a span of a page not all of which is hot; the span may be. */
WS_HOT void ws__ledger_charge_elsewhere(const ws_ledger_page *page, ws_component component, int64_t begin_ns,
                                        int64_t end_ns, double energy_j)
{
    ws_ledger   *ledger = page->ledger;
    const size_t cell   = page->source->node * WS_COMPONENT_COUNT + component;
    WS_ASSERT(begin_ns >= 0 && begin_ns <= end_ns);
    if (begin_ns >= ledger->hot_begin_ns && end_ns < ledger->hot_end_ns) {
        ledger->hot_bin_j[cell] += energy_j;
        *ledger->windows.hot_j += energy_j;
    } else {
        if (begin_ns >= ledger->hot_bin.begin_ns && end_ns < ledger->hot_bin.end_ns) {
            ledger->hot_bin_j[cell] += energy_j;
        } else {
            charge_other_bin(ledger, cell, begin_ns, end_ns, energy_j);
        }
        ws_window_meter_charge(&ledger->windows, begin_ns, end_ns, energy_j);
        const ws_grid_cell *bin = &ledger->hot_bin, *window = &ledger->windows.hot;
        ledger->hot_begin_ns = window->begin_ns > bin->begin_ns ? window->begin_ns : bin->begin_ns;
        ledger->hot_end_ns   = window->end_ns < bin->end_ns ? window->end_ns : bin->end_ns;
    }
    if (ledger->status == WS_OK) {
        page->total_j[component] += energy_j;
        if (end_ns == page->last_ns) {
            ws__ledger_note_end(page->source, begin_ns, energy_j);
        }
    }
}

/** Energy charged at the very end of the run may have opened an interval beyond it: move it into the one
 * before. */
static void fold_last_bins(ws_ledger *ledger, size_t n_bins)
{
    const size_t stride = bin_doubles(ledger);
    double      *kept_j = ledger->bin_j + (n_bins - 1) * stride;
    for (size_t bin = n_bins; bin < ledger->n_bins; bin++) {
        for (size_t cell = 0; cell < stride; cell++) {
            kept_j[cell] += ledger->bin_j[bin * stride + cell];
        }
    }
    ledger->n_bins     = n_bins;
    ledger->hot_end_ns = 0;
    ws_grid_cell_drop(&ledger->hot_bin);
}

void ws_ledger_close(ws_ledger *ledger, int64_t end_ns)
{
    const int64_t last = end_ns > 0 ? (end_ns - 1) / ledger->hot_bin.length_ns : 0;
    if (!heat(ledger, last)) {
        return;
    }
    fold_last_bins(ledger, (size_t)last + 1);
    double *last_tick_w = ledger->tick_w + (size_t)last * ledger->n_nodes;
    memset(last_tick_w, 0, ledger->n_nodes * sizeof(*last_tick_w));
    for (size_t i = 0; i < ledger->n_sources; i++) {
        const ws_ledger_source *source = &ledger->sources[i];
        WS_ASSERT(source->end_ns <= end_ns);
        last_tick_w[source->node] += source->end_ns == end_ns ? tail_w(source) : 0.0;
    }
}

double ws_ledger_total_j(const ws_ledger *ledger, size_t node, ws_component component)
{
    WS_ASSERT(node < ledger->n_nodes);
    return ledger->total_j[node * WS_COMPONENT_COUNT + component];
}

double ws_ledger_node_j(const ws_ledger *ledger, size_t node)
{
    double energy_j = 0.0;
    for (ws_component component = 0; component < WS_COMPONENT_COUNT; component++) {
        energy_j += ws_ledger_total_j(ledger, node, component);
    }
    return energy_j;
}
