#include "view/point_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view/span.h"

#define MAX_COLUMNS 256
#define DIGITS 5 /* significant ones, of numbers for people */

static const char *const default_metrics[] = {"total_tok_s", "req_s",       "power_mean_w",
                                              "j_per_token", "ttft_p99_ms", "tpot_p99_ms"};

/* The columns of a printed table. */
typedef struct chosen {
    size_t         n;
    swp_cells      cells[MAX_COLUMNS];
    bool           is_estimate[MAX_COLUMNS]; /* a metric: mean and interval where there are repeats */
    swp_span_order spans[MAX_COLUMNS];       /* of the others, where lines stand for several points */
} chosen;

/* The lines of a printed table. */
typedef struct lines {
    const swp_point_table *wanted;
    size_t                *rows;      /* scratch: first rows of the points of a line */
    int64_t               *jobs;      /* scratch: their jobs */
    bool                   has_equal; /* some line stands for several points */
} lines;

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
    WS_TRY(swp_result_table_read(&selection->results, name, err, &c->cells[c->n]));
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
    const swp_columns *columns  = swp_reader_columns(selection->results.reader);
    const size_t       n_params = swp_reader_layout(selection->results.reader)->n_params;

    for (size_t k = 0; k < n_params && c->n < MAX_COLUMNS; k++) {
        swp_cells *cells = &c->cells[c->n];
        WS_TRY(swp_result_table_read_column(&selection->results, swp_columns_find(columns, SWP_ROLE_PARAM, k),
                                            err, cells));
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

/* Metrics that tell of trouble, and what they are where there is none. */
static const struct {
    const char *name;
    double      usual;
    bool        needs_slo; /* says nothing without one */
} marks[] = {{"slo_met", 1.0, true},
             {"slo_attainment", 1.0, true},
             {"saturated", 0.0, false},
             {"oversize", 0.0, false},
             {"n_rejected", 0.0, false}};

static double mean_of(const lines *l, size_t line, const swp_cells *cells)
{
    return swp_points_estimate(&l->wanted->selection->points, l->wanted->order[line], cells).mean;
}

static bool has_slo(const lines *l, const swp_cells *met)
{
    for (size_t i = 0; i < l->wanted->n; i++) {
        if (!isnan(mean_of(l, i, met))) {
            return true;
        }
    }
    return false;
}

static bool tells(const lines *l, const swp_cells *cells, double usual)
{
    for (size_t i = 0; i < l->wanted->n; i++) {
        const double value = mean_of(l, i, cells);
        if (value < usual || value > usual) {
            return true;
        }
    }
    return false;
}

static ws_status choose_mark(const lines *l, size_t mark, bool slo_is_set, ws_error *err, chosen *c)
{
    const size_t n = c->n;
    ws_component component;
    if (swp_result_table_find(&l->wanted->selection->results, marks[mark].name, &component) == NULL) {
        return WS_OK; /* this program does not know it */
    }
    WS_TRY(choose_default(l->wanted->selection, marks[mark].name, err, c));
    const bool for_people = l->wanted->format == SWP_TABLE_TEXT;
    if (c->n > n && ((marks[mark].needs_slo && !slo_is_set) ||
                     (for_people && !tells(l, &c->cells[n], marks[mark].usual)))) {
        swp_cells_fini(&c->cells[n]);
        c->n = n;
    }
    return WS_OK;
}

static ws_status choose_marks(const lines *l, ws_error *err, chosen *c)
{
    swp_cells met = {.n = 0};
    WS_TRY(swp_result_table_read(&l->wanted->selection->results, "slo_met", err, &met));
    const bool slo_is_set = has_slo(l, &met);
    swp_cells_fini(&met);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        WS_TRY(choose_mark(l, i, slo_is_set, err, c));
    }
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

/* Where lines stand for several points: the order of each parameter's values. */
static ws_status order_values(const lines *l, ws_error *err, chosen *c)
{
    const swp_points *points = &l->wanted->selection->points;
    for (size_t i = 0; i < c->n && l->has_equal; i++) {
        if (!c->is_estimate[i] && c->cells[i].column->role == SWP_ROLE_PARAM &&
            swp_span_order_build(&c->cells[i], points->rows, points->first[points->n], &c->spans[i]) !=
                WS_OK) {
            return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
        }
    }
    return WS_OK;
}

static ws_status choose_all(const lines *l, ws_error *err, chosen *c)
{
    const swp_selection *selection = l->wanted->selection;
    const char *const   *first     = l->wanted->first;
    if (l->wanted->columns != NULL) {
        return choose_listed(selection, l->wanted->columns, err, c);
    }
    WS_TRY(choose(selection, "job", err, c));
    WS_TRY(choose_params(selection, err, c));
    for (size_t i = 0; first[i] != NULL; i++) {
        WS_TRY(choose(selection, first[i], err, c));
    }
    for (size_t i = 0; i < sizeof(default_metrics) / sizeof(default_metrics[0]); i++) {
        WS_TRY(choose_default(selection, default_metrics[i], err, c));
    }
    return choose_marks(l, err, c);
}

static bool shows_equal(const lines *l)
{
    return l->wanted->ties != NULL && (l->has_equal || l->wanted->format != SWP_TABLE_TEXT);
}

static bool shows_jobs(const lines *l)
{
    return l->wanted->ties != NULL && l->wanted->format != SWP_TABLE_TEXT;
}

static void put_headings(const lines *l, const chosen *c, bool separate_ci, swp_table *table)
{
    char name[160];
    for (size_t i = 0; i < c->n; i++) {
        swp_table_heading(table, c->cells[i].name, c->cells[i].unit, !swp_cells_is_text(&c->cells[i]));
        if (separate_ci && c->is_estimate[i]) {
            snprintf(name, sizeof(name), "%s_ci95", c->cells[i].name);
            swp_table_heading(table, name, c->cells[i].unit, true);
        }
    }
    if (shows_equal(l)) {
        swp_table_heading(table, "equal", "", true);
    }
    if (shows_jobs(l)) {
        swp_table_heading(table, "jobs", "", false);
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

/* The points of a line: the first rows of all that it stands for; how many. */
static size_t rows_of_line(const lines *l, size_t line)
{
    const swp_points *points = &l->wanted->selection->points;
    size_t            n = 0, point = l->wanted->order[line];
    do {
        l->rows[n++] = points->rows[points->first[point]];
        point        = l->wanted->ties != NULL ? l->wanted->ties->next[point] : points->n;
    } while (point < points->n);
    return n;
}

static void put_line(const lines *l, size_t line, const chosen *c, const swp_cells *jobs, swp_table *table)
{
    const swp_points *points      = &l->wanted->selection->points;
    const bool        for_people  = table->format == SWP_TABLE_TEXT;
    const bool        separate_ci = points->has_repeats && !for_people;
    const size_t      n           = rows_of_line(l, line);
    char              text[SWP_CELL_TEXT];

    for (size_t i = 0; i < c->n; i++) {
        if (c->is_estimate[i]) {
            put_estimate(swp_points_estimate(points, l->wanted->order[line], &c->cells[i]),
                         points->has_repeats, separate_ci, for_people ? DIGITS : 17, table);
        } else if (for_people && n > 1 && c->spans[i].place != NULL) {
            swp_table_cell(table, swp_span_text(&c->spans[i], l->rows, n, DIGITS, text));
        } else {
            swp_table_cell(table, swp_cells_text(&c->cells[i], l->rows[0], for_people ? DIGITS : 0, text));
        }
    }
    if (shows_equal(l)) {
        snprintf(text, sizeof(text), "%zu", n);
        swp_table_cell(table, text);
    }
    if (shows_jobs(l)) {
        for (size_t i = 0; i < n; i++) {
            l->jobs[i] = (int64_t)swp_cells_number(jobs, l->rows[i]);
        }
        swp_table_list(table, l->jobs, n);
    }
}

static size_t n_headings(const lines *l, const chosen *c, bool separate_ci)
{
    size_t n = c->n + shows_equal(l) + shows_jobs(l);
    for (size_t i = 0; separate_ci && i < c->n; i++) {
        n += c->is_estimate[i];
    }
    return n;
}

static ws_status print_lines(const lines *l, FILE *out, ws_error *err, chosen *c, swp_cells *jobs)
{
    const bool separate_ci = l->wanted->selection->points.has_repeats && l->wanted->format != SWP_TABLE_TEXT;
    swp_table  table;
    WS_TRY(choose_all(l, err, c));
    WS_TRY(order_values(l, err, c));
    WS_TRY(swp_result_table_read(&l->wanted->selection->results, "job", err, jobs));
    swp_table_begin(&table, out, l->wanted->format, n_headings(l, c, separate_ci));
    put_headings(l, c, separate_ci, &table);
    for (size_t i = 0; i < l->wanted->n; i++) {
        put_line(l, i, c, jobs, &table);
    }
    return swp_table_end(&table, err);
}

ws_status swp_point_table_print(const swp_point_table *table, FILE *out, ws_error *err)
{
    const size_t n_points = table->selection->points.n;
    swp_cells    jobs     = {.n = 0};
    chosen      *c        = calloc(1, sizeof(*c));
    lines        l        = {.wanted = table,
                             .rows   = malloc((n_points + 1) * sizeof(l.rows[0])),
                             .jobs   = malloc((n_points + 1) * sizeof(l.jobs[0]))};
    ws_status    status   = WS_OK;
    for (size_t i = 0; i < table->n && table->ties != NULL; i++) {
        l.has_equal = l.has_equal || table->ties->n_equal[table->order[i]] > 1;
    }
    if (c == NULL || l.rows == NULL || l.jobs == NULL) {
        status = ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    } else {
        status = print_lines(&l, out, err, c, &jobs);
    }
    for (size_t i = 0; c != NULL && i < c->n; i++) {
        swp_span_order_fini(&c->spans[i]);
        swp_cells_fini(&c->cells[i]);
    }
    swp_cells_fini(&jobs);
    free(l.rows);
    free(l.jobs);
    free(c);
    return status;
}
