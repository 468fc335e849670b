#include "output/power_summary.h"

#include <inttypes.h>
#include <math.h>

enum { MAX_ROWS = 9, BOX_COLUMNS = 38, TITLE_DASHES = 7 };

/* ---- rounding rows together ---- */

/** Round values, in units, to integers that add up to the rounded sum: each is floored, and the units left go
 * to the largest remainders (equal ones: the first). */
static void round_together(const double *values, size_t n, double unit, int64_t *rounded_out)
{
    double  remainder[MAX_ROWS];
    double  sum  = 0.0;
    int64_t left = 0;
    for (size_t i = 0; i < n; i++) {
        rounded_out[i] = (int64_t)floor(values[i] / unit);
        remainder[i]   = values[i] / unit - (double)rounded_out[i];
        sum += values[i] / unit;
        left -= rounded_out[i];
    }
    for (left += llround(sum); left > 0; left--) {
        size_t largest = 0;
        for (size_t i = 1; i < n; i++) {
            largest = remainder[i] > remainder[largest] ? i : largest;
        }
        rounded_out[largest]++;
        remainder[largest] = -1.0;
    }
}

/* ---- rows ---- */

typedef struct summary_row {
    const char *label;
    double      energy_j;
} summary_row;

static size_t collect_rows(const ws_result *result, const double *j, summary_row rows[MAX_ROWS])
{
    size_t n  = 0;
    rows[n++] = (summary_row){"NPU active", j[WS_NPU_ACTIVE]};
    rows[n++] = (summary_row){"NPU standby", j[WS_NPU_STANDBY]};
    rows[n++] = (summary_row){"NPU idle", j[WS_NPU_IDLE]};
    rows[n++] = (summary_row){"CPU", j[WS_CPU]};
    rows[n++] = (summary_row){"DRAM", j[WS_DRAM]};
    if (result->has_cxl) {
        rows[n++] = (summary_row){"CXL", j[WS_CXL]};
    }
    if (result->has_pim) {
        rows[n++] = (summary_row){"PIM", j[WS_PIM]};
    }
    rows[n++] = (summary_row){"Link", j[WS_LINK]};
    rows[n++] = (summary_row){"Base + NIC + storage", j[WS_BASE] + j[WS_NIC] + j[WS_STORAGE]};
    return n;
}

/** Decimals that leave at least three digits of the total. */
static int decimals_of(double total_j)
{
    if (total_j >= 1000.0) {
        return 0;
    }
    return total_j >= 10.0 ? 1 : 3;
}

/** What rows are rounded to: the last decimal, or more where a double does not tell single joules apart. */
static double unit_of(double total_j, int decimals)
{
    return total_j < 1e15 ? pow(10.0, -decimals) : pow(10.0, floor(log10(total_j)) - 14.0);
}

/** "12,453" or "0.352". */
static void format_quantity(double value, int decimals, char out[48])
{
    char      digits[32];
    const int len     = snprintf(digits, sizeof(digits), "%.*f", decimals, value);
    const int n_whole = len - (decimals > 0 ? decimals + 1 : 0);
    size_t    n       = 0;
    for (int i = 0; i < len && n + 2 < 48; i++) {
        if (i > 0 && i < n_whole && (n_whole - i) % 3 == 0) {
            out[n++] = ',';
        }
        out[n++] = digits[i];
    }
    out[n] = '\0';
}

static void print_dashes(int n, FILE *stream)
{
    while (n-- > 0) {
        (void)fputs("\u2500", stream);
    }
}

static void print_title(size_t node, FILE *stream)
{
    char      title[64];
    const int len = snprintf(title, sizeof(title), " Power summary (node %zu) ", node);
    print_dashes(TITLE_DASHES, stream);
    (void)fputs(title, stream);
    print_dashes(BOX_COLUMNS - TITLE_DASHES - len, stream);
    (void)fputc('\n', stream);
}

static void print_rows(const summary_row *rows, size_t n, FILE *stream)
{
    double  energies[MAX_ROWS], total_j = 0.0;
    int64_t units[MAX_ROWS], percents[MAX_ROWS], total_units = 0;
    char    quantity[48], share[16];
    for (size_t i = 0; i < n; i++) {
        energies[i] = rows[i].energy_j;
        total_j += energies[i];
    }
    const int    decimals = decimals_of(total_j);
    const double unit_j   = unit_of(total_j, decimals);
    round_together(energies, n, unit_j, units);
    round_together(energies, n, total_j > 0.0 ? total_j / 100.0 : 1.0, percents);
    for (size_t i = 0; i < n; i++) {
        format_quantity((double)units[i] * unit_j, decimals, quantity);
        (void)snprintf(share, sizeof(share), "(%" PRId64 "%%)", percents[i]);
        (void)fprintf(stream, "%-20s : %8s J %5s\n", rows[i].label, quantity, share);
        total_units += units[i];
    }
    print_dashes(BOX_COLUMNS, stream);
    format_quantity((double)total_units * unit_j, decimals, quantity);
    (void)fprintf(stream, "\n%-20s : %8s J\n", "Total energy", quantity);
}

/* ---- reading ---- */

static void add_finding(ws_strbuf *out, const char *text, double share)
{
    ws_strbuf_printf(out, "%s%s (%.1f%%)", out->len > 0 ? "; " : "", text, 100.0 * share);
}

void ws_power_reading(const double *component_j, ws_strbuf *out)
{
    double total_j = 0.0;
    for (int component = 0; component < WS_COMPONENT_COUNT; component++) {
        total_j += component_j[component];
    }
    if (total_j <= 0.0) {
        ws_strbuf_puts(out, "no energy was drawn");
        return;
    }
    const double active  = component_j[WS_NPU_ACTIVE] / total_j;
    const double standby = component_j[WS_NPU_STANDBY] / total_j;
    const double idle    = component_j[WS_NPU_IDLE] / total_j;
    const double link    = component_j[WS_LINK] / total_j;
    const double rest    = 1.0 - active - standby - idle - link;
    ws_strbuf    line    = WS_STRBUF_INIT;
    if (active >= WS_READING_ACTIVE_SHARE) {
        add_finding(&line, "NPU active dominates: compute-bound", active);
    }
    if (link >= WS_READING_LINK_SHARE) {
        add_finding(&line, "links are prominent: ALLREDUCE-bound, try a smaller tp_size", link);
    }
    if (idle > standby && idle >= WS_READING_IDLE_SHARE) {
        add_finding(&line, "NPU idle exceeds standby: not saturated, fewer NPUs would do", idle);
    }
    if (rest >= WS_READING_PLATFORM_SHARE) {
        add_finding(&line, "the host dominates: share it between more NPUs", rest);
    }
    if (line.len == 0 && standby > active) {
        add_finding(&line,
                    "NPU standby exceeds active: NPUs wait for requests, collectives, stages or memory",
                    standby);
    } else if (line.len == 0) {
        add_finding(&line, "no part dominates, NPU active is the largest state", active);
    }
    ws_strbuf_puts(out, ws_strbuf_text(&line));
    out->failed = out->failed || line.failed;
    ws_strbuf_fini(&line);
}

/* ---- printing ---- */

static double print_node(const ws_result *result, size_t node, FILE *stream)
{
    const double *component_j = result->component_j + node * WS_COMPONENT_COUNT;
    summary_row   rows[MAX_ROWS];
    const size_t  n       = collect_rows(result, component_j, rows);
    ws_strbuf     reading = WS_STRBUF_INIT;
    double        total_j = 0.0;
    print_title(node, stream);
    print_rows(rows, n, stream);
    ws_power_reading(component_j, &reading);
    (void)fprintf(stream, "Reading: %s\n", ws_strbuf_text(&reading));
    ws_strbuf_fini(&reading);
    for (size_t i = 0; i < n; i++) {
        total_j += rows[i].energy_j;
    }
    return total_j;
}

void ws_power_summary_print(const ws_result *result, FILE *stream)
{
    size_t n_tracked = 0;
    double total_j   = 0.0;
    for (size_t node = 0; result->has_power && node < result->n_nodes; node++) {
        if (result->node_tracked[node]) {
            total_j += print_node(result, node, stream);
            n_tracked++;
        } else {
            print_title(node, stream);
            (void)fprintf(stream, "%-20s : %8s J\n", "Total energy", "-");
        }
    }
    if (n_tracked > 1) {
        char quantity[48];
        format_quantity(total_j, decimals_of(total_j), quantity);
        (void)fprintf(stream, "%-20s : %8s J  (%zu nodes)\n", "All nodes", quantity, n_tracked);
    }
}
