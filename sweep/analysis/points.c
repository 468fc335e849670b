#include "analysis/points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result/statistics.h"

static ws_status no_memory(ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    return WS_ERR_NOMEM;
}

/* A row with the columns that tell whether it is the same point as another. */
typedef struct keyed_row {
    size_t           row;
    const swp_cells *params;
    size_t           n_params;
} keyed_row;

static int compare_keys(const keyed_row *x, const keyed_row *y)
{
    for (size_t k = 0; k < x->n_params; k++) {
        const size_t size = x->params[k].column->row_bytes;
        const int order = memcmp(x->params[k].data + x->row * size, y->params[k].data + y->row * size, size);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const keyed_row *x = a, *y = b;
    const int        order = compare_keys(x, y);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

typedef struct group {
    size_t first, n; /* in the sorted rows */
    size_t row;      /* its first row */
} group;

static int by_first_row(const void *a, const void *b)
{
    const group *x = a, *y = b;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Sort rows by key, cut into groups, order groups by their first row. */
static ws_status group_rows(keyed_row *rows, size_t n, swp_points *out)
{
    group *groups = malloc((n + 1) * sizeof(groups[0]));
    if (groups == NULL) {
        return WS_ERR_NOMEM;
    }
    qsort(rows, n, sizeof(rows[0]), by_key);
    size_t n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_keys(&rows[i - 1], &rows[i]) != 0) {
            groups[n_groups++] = (group){i, 0, rows[i].row};
        }
        groups[n_groups - 1].n++;
    }
    qsort(groups, n_groups, sizeof(groups[0]), by_first_row);
    size_t at = 0;
    for (size_t g = 0; g < n_groups; g++) {
        out->first[g] = at;
        for (size_t i = 0; i < groups[g].n; i++) {
            out->rows[at++] = rows[groups[g].first + i].row;
        }
    }
    out->first[n_groups] = at;
    out->n               = n_groups;
    free(groups);
    return WS_OK;
}

/* Every row is a point of its own. */
static void singles(const keyed_row *rows, size_t n, swp_points *out)
{
    for (size_t i = 0; i < n; i++) {
        out->rows[i]  = rows[i].row;
        out->first[i] = i;
    }
    out->first[n] = n;
    out->n        = n;
}

static ws_status read_params(const swp_result_table *results, swp_cells *params, size_t n_params,
                             ws_error *err)
{
    for (size_t k = 0; k < n_params; k++) {
        WS_TRY(swp_result_table_read_column(
            results, swp_columns_find(swp_reader_columns(results->reader), SWP_ROLE_PARAM, k), err,
            &params[k]));
    }
    return WS_OK;
}

/* What points are built from; everything owned. */
typedef struct row_keys {
    swp_cells *params; /* [n_params] read only if there are repeats */
    size_t     n_params;
    keyed_row *rows; /* [results->n] */
    swp_cells  state, repeat;
} row_keys;

static ws_status group_kept(const swp_result_table *results, const bool *keep, row_keys *keys, ws_error *err,
                            swp_points *out)
{
    bool   has_repeats = false;
    size_t n           = 0;
    for (size_t row = 0; row < results->n; row++) {
        if (keep[row] && (int)swp_cells_number(&keys->state, row) == SWP_STATE_DONE) {
            keys->rows[n++] = (keyed_row){row, keys->params, keys->n_params};
            has_repeats     = has_repeats || swp_cells_number(&keys->repeat, row) > 0.0;
        }
    }
    if (!has_repeats) {
        singles(keys->rows, n, out);
        return WS_OK;
    }
    WS_TRY(read_params(results, keys->params, keys->n_params, err));
    if (group_rows(keys->rows, n, out) != WS_OK) {
        return no_memory(err);
    }
    out->has_repeats = out->n < n;
    return WS_OK;
}

static ws_status build(const swp_result_table *results, const bool *keep, row_keys *keys, ws_error *err,
                       swp_points *out)
{
    keys->params = calloc(keys->n_params + 1, sizeof(keys->params[0]));
    keys->rows   = malloc((results->n + 1) * sizeof(keys->rows[0]));
    out->first   = malloc((results->n + 1) * sizeof(out->first[0]));
    out->rows    = malloc((results->n + 1) * sizeof(out->rows[0]));
    if (keys->params == NULL || keys->rows == NULL || out->first == NULL || out->rows == NULL) {
        return no_memory(err);
    }
    WS_TRY(swp_result_table_read(results, "state", err, &keys->state));
    WS_TRY(swp_result_table_read(results, "repeat", err, &keys->repeat));
    return group_kept(results, keep, keys, err, out);
}

static void row_keys_fini(row_keys *keys)
{
    for (size_t k = 0; keys->params != NULL && k < keys->n_params; k++) {
        swp_cells_fini(&keys->params[k]);
    }
    swp_cells_fini(&keys->state);
    swp_cells_fini(&keys->repeat);
    free(keys->params);
    free(keys->rows);
}

ws_status swp_points_build(const swp_result_table *results, const bool *keep, ws_error *err, swp_points *out)
{
    row_keys keys          = {.n_params = swp_reader_layout(results->reader)->n_params};
    *out                   = (swp_points){.n = 0};
    const ws_status status = build(results, keep, &keys, err, out);
    row_keys_fini(&keys);
    if (status != WS_OK) {
        swp_points_fini(out);
    }
    return status;
}

void swp_points_fini(swp_points *points)
{
    free(points->first);
    free(points->rows);
    *points = (swp_points){.n = 0};
}

swp_estimate swp_points_estimate(const swp_points *points, size_t point, const swp_cells *cells)
{
    double sum = 0.0, squares = 0.0;
    size_t n = 0;

    for (size_t i = points->first[point]; i < points->first[point + 1]; i++) {
        const double value = swp_cells_number(cells, points->rows[i]);
        if (!isnan(value)) {
            sum += value;
            n++;
        }
    }
    if (n == 0) {
        return (swp_estimate){NAN, NAN};
    }
    const double mean = sum / (double)n;
    for (size_t i = points->first[point]; i < points->first[point + 1]; i++) {
        const double value = swp_cells_number(cells, points->rows[i]);
        squares += isnan(value) ? 0.0 : (value - mean) * (value - mean);
    }
    const double ci95 =
        n > 1 ? swp_student_t95(n - 1) * sqrt(squares / (double)(n - 1)) / sqrt((double)n) : NAN;
    return (swp_estimate){mean, ci95};
}
