#include "selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "where.h"

#define MAX_COLUMNS 256
#define DIGITS 5 /* significant ones, of numbers for people */

static const char *const default_metrics[] = {"total_tok_s", "req_s",       "power_mean_w",
                                              "j_per_token", "ttft_p99_ms", "tpot_p99_ms"};

ws_status swp_selection_open(const char *path, const char *where, ws_error *err, swp_selection *out)
{
    bool *keep = NULL;

    *out = (swp_selection){.points = {.n = 0}};
    WS_TRY(swp_frame_open(path, err, &out->frame));
    WS_TRY(swp_where(&out->frame, where, err, &keep));
    const ws_status status = swp_points_build(&out->frame, keep, err, &out->points);
    free(keep);
    return status;
}

void swp_selection_close(swp_selection *selection)
{
    swp_points_fini(&selection->points);
    swp_frame_close(&selection->frame);
}

ws_status swp_selection_estimates(const swp_selection *selection, const char *name, ws_error *err,
                                  swp_estimate **out)
{
    swp_cells cells;

    *out = NULL;
    WS_TRY(swp_frame_read(&selection->frame, name, err, &cells));
    if (swp_cells_is_text(&cells)) {
        swp_cells_fini(&cells);
        return ws_error_add(err, WS_ERR_INPUT, "%s: \"%s\" is text, expected a number",
                            swp_reader_path(selection->frame.reader), name);
    }
    swp_estimate *estimates = malloc((selection->points.n + 1) * sizeof(estimates[0]));
    for (size_t i = 0; estimates != NULL && i < selection->points.n; i++) {
        estimates[i] = swp_points_estimate(&selection->points, i, &cells);
    }
    swp_cells_fini(&cells);
    *out = estimates;
    return estimates == NULL ? ws_error_add(err, WS_ERR_NOMEM, "out of memory") : WS_OK;
}

bool swp_objective_is_larger_better(const char *text, const char **name_out)
{
    *name_out = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    if (text[0] == '-' || text[0] == '+') {
        return text[0] == '+';
    }
    const ws_metric metric = ws_metric_from_name(text);
    return metric < WS_METRIC_COUNT && !ws_metric_is_cost(metric);
}

/* ---- printing ---- */

/* The columns of a printed table. */
typedef struct chosen {
    size_t    n;
    swp_cells cells[MAX_COLUMNS];
    bool      is_estimate[MAX_COLUMNS]; /* a metric: mean and interval where there are repeats */
} chosen;

static ws_status choose(const swp_selection *selection, const char *name, ws_error *err, chosen *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->cells[i].name, name) == 0) {
            return WS_OK;
        }
    }
    if (c->n == MAX_COLUMNS) {
        return ws_error_add(err, WS_ERR_INPUT, "more than %d columns", MAX_COLUMNS);
    }
    WS_TRY(swp_frame_read(&selection->frame, name, err, &c->cells[c->n]));
    const swp_cells *cells = &c->cells[c->n];
    c->is_estimate[c->n++] = cells->summed || cells->column->role == SWP_ROLE_METRIC;
    return WS_OK;
}

static bool varies(const swp_cells *cells)
{
    const size_t size = cells->column->row_bytes;
    for (size_t row = 1; row < cells->n; row++) {
        if (memcmp(cells->data, cells->data + row * size, size) != 0) {
            return true;
        }
    }
    return cells->n < 2;
}

static ws_status choose_params(const swp_selection *selection, ws_error *err, chosen *c)
{
    const swp_columns *columns  = swp_reader_columns(selection->frame.reader);
    const size_t       n_params = swp_reader_layout(selection->frame.reader)->n_params;

    for (size_t k = 0; k < n_params && c->n < MAX_COLUMNS; k++) {
        swp_cells *cells = &c->cells[c->n];
        WS_TRY(swp_frame_read_column(&selection->frame, swp_columns_find(columns, SWP_ROLE_PARAM, k), err,
                                     cells));
        if (varies(cells)) {
            c->is_estimate[c->n++] = false;
        } else {
            swp_cells_fini(cells);
        }
    }
    return WS_OK;
}

/* A default metric is left out where it says nothing: energy without power tracking. */
static ws_status choose_default(const swp_selection *selection, const char *name, ws_error *err, chosen *c)
{
    const size_t n = c->n;
    WS_TRY(choose(selection, name, err, c));
    if (c->n == n) {
        return WS_OK;
    }
    const swp_cells *cells = &c->cells[n];
    for (size_t row = 0; row < cells->n; row++) {
        if (!isnan(swp_cells_number(cells, row))) {
            return WS_OK;
        }
    }
    swp_cells_fini(&c->cells[n]);
    c->n = n;
    return WS_OK;
}

static ws_status choose_listed(const swp_selection *selection, const char *list, ws_error *err, chosen *c)
{
    do {
        char         name[128];
        const size_t len = strcspn(list, ",");
        if (len == 0 || len >= sizeof(name)) {
            return ws_error_add(err, WS_ERR_INPUT, "--columns: expected names separated by commas");
        }
        memcpy(name, list, len);
        name[len] = '\0';
        WS_TRY(choose(selection, name, err, c));
        list += len + (list[len] == ',');
    } while (*list != '\0');
    return WS_OK;
}

static ws_status choose_all(const swp_selection *selection, const char *const *first, const char *columns,
                            ws_error *err, chosen *c)
{
    if (columns != NULL) {
        return choose_listed(selection, columns, err, c);
    }
    WS_TRY(choose(selection, "job", err, c));
    WS_TRY(choose_params(selection, err, c));
    for (size_t i = 0; first[i] != NULL; i++) {
        WS_TRY(choose(selection, first[i], err, c));
    }
    for (size_t i = 0; i < sizeof(default_metrics) / sizeof(default_metrics[0]); i++) {
        WS_TRY(choose_default(selection, default_metrics[i], err, c));
    }
    return WS_OK;
}

static void put_headings(const chosen *c, bool separate_ci, swp_table *table)
{
    char name[160];
    for (size_t i = 0; i < c->n; i++) {
        swp_table_heading(table, c->cells[i].name, c->cells[i].unit, !swp_cells_is_text(&c->cells[i]));
        if (separate_ci && c->is_estimate[i]) {
            snprintf(name, sizeof(name), "%s_ci95", c->cells[i].name);
            swp_table_heading(table, name, c->cells[i].unit, true);
        }
    }
}

static void put_estimate(swp_estimate e, bool with_ci, bool separate_ci, int digits, swp_table *table)
{
    char text[96] = "", ci[40] = "", mean[40] = "";
    if (!isnan(e.mean)) {
        snprintf(mean, sizeof(mean), "%.*g", digits, e.mean);
    }
    if (!isnan(e.ci95)) {
        snprintf(ci, sizeof(ci), "%.*g", separate_ci ? digits : 2, e.ci95);
    }
    const bool joined = with_ci && !separate_ci && ci[0] != '\0';
    snprintf(text, sizeof(text), "%s%s%s", mean, joined ? " ±" : "", joined ? ci : "");
    swp_table_cell(table, text);
    if (separate_ci) {
        swp_table_cell(table, ci);
    }
}

static void put_point(const swp_selection *selection, size_t point, const chosen *c, swp_table *table)
{
    const swp_points *points      = &selection->points;
    const bool        for_people  = table->format == SWP_TABLE_TEXT;
    const bool        separate_ci = points->has_repeats && !for_people;
    char              text[SWP_CELL_TEXT];

    for (size_t i = 0; i < c->n; i++) {
        if (c->is_estimate[i]) {
            put_estimate(swp_points_estimate(points, point, &c->cells[i]), points->has_repeats, separate_ci,
                         for_people ? DIGITS : 17, table);
        } else {
            swp_table_cell(table, swp_cells_text(&c->cells[i], points->rows[points->first[point]],
                                                 for_people ? DIGITS : 0, text));
        }
    }
}

static size_t n_headings(const chosen *c, bool separate_ci)
{
    size_t n = c->n;
    for (size_t i = 0; separate_ci && i < c->n; i++) {
        n += c->is_estimate[i];
    }
    return n;
}

ws_status swp_selection_print(const swp_selection *selection, const size_t *order, size_t n,
                              const char *const *first, const char *columns, swp_table_format format,
                              FILE *out, ws_error *err)
{
    chosen *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    ws_status status = choose_all(selection, first, columns, err, c);
    if (status == WS_OK) {
        const bool separate_ci = selection->points.has_repeats && format != SWP_TABLE_TEXT;
        swp_table  table;
        swp_table_begin(&table, out, format, n_headings(c, separate_ci));
        put_headings(c, separate_ci, &table);
        for (size_t i = 0; i < n; i++) {
            put_point(selection, order[i], c, &table);
        }
        status = swp_table_end(&table, err);
    }
    for (size_t i = 0; i < c->n; i++) {
        swp_cells_fini(&c->cells[i]);
    }
    free(c);
    return status;
}
