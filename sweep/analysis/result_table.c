#include "analysis/result_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest_name.h"
#include "base/units.h"
#include "store/gather.h"

ws_status swp_result_table_open(const char *path, ws_error *err, swp_result_table *frame_out)
{
    *frame_out = (swp_result_table){.n = 0};
    WS_TRY(swp_reader_open(path, err, &frame_out->reader));
    frame_out->source = frame_out->reader;
    WS_TRY(swp_row_picks_build(&frame_out->source, 1, NULL, err, &frame_out->plan));
    frame_out->n = frame_out->plan.n;
    return WS_OK;
}

void swp_result_table_close(swp_result_table *results)
{
    swp_row_picks_fini(&results->plan);
    swp_reader_close(&results->reader);
    *results = (swp_result_table){.n = 0};
}

/* ---- names ---- */

static const swp_param *param_of(const swp_result_table *results, const swp_column *column)
{
    return &swp_reader_layout(results->reader)->params[column->index];
}

static bool is_named(const swp_result_table *results, const swp_column *column, const char *name)
{
    if (column->axis != SWP_AXIS_JOB || strcmp(column->group, "energy") == 0 ||
        strcmp(column->group, "timeseries") == 0 || strcmp(column->group, "requests") == 0) {
        return false;
    }
    return strcmp(column->name, name) == 0 ||
           (column->role == SWP_ROLE_PARAM && (strcmp(param_of(results, column)->long_name, name) == 0 ||
                                               strcmp(param_of(results, column)->name, name) == 0));
}

static const char *const component_columns[] = {
#define COMPONENT_COLUMN(id, name) name "_j",
    WS_COMPONENT_LIST(COMPONENT_COLUMN)
#undef COMPONENT_COLUMN
};

static ws_component component_named(const char *name)
{
    int c = 0;
    while (c < WS_COMPONENT_COUNT && strcmp(component_columns[c], name) != 0) {
        c++;
    }
    return (ws_component)c;
}

const swp_column *swp_result_table_find(const swp_result_table *results, const char *name,
                                        ws_component *component_out)
{
    const swp_columns *columns = swp_reader_columns(results->reader);

    *component_out = WS_COMPONENT_COUNT;
    for (size_t i = 0; i < columns->n; i++) {
        if (is_named(results, &columns->list[i], name)) {
            return &columns->list[i];
        }
    }
    *component_out = component_named(name);
    return *component_out < WS_COMPONENT_COUNT ? swp_columns_find(columns, SWP_ROLE_COMPONENT_J, 0) : NULL;
}

const char *swp_result_table_nearest(const swp_result_table *results, const char *name)
{
    const swp_columns *columns = swp_reader_columns(results->reader);
    const char       **known   = malloc((columns->n + WS_COMPONENT_COUNT) * sizeof(known[0]));
    size_t             n       = 0;

    for (size_t i = 0; known != NULL && i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        if (is_named(results, column, column->name)) {
            known[n++] = column->role == SWP_ROLE_PARAM ? param_of(results, column)->long_name : column->name;
        }
    }
    for (int c = 0; known != NULL && c < WS_COMPONENT_COUNT; c++) {
        known[n++] = component_columns[c];
    }
    const char *nearest = known == NULL ? NULL : ws_nearest_name(name, known, n);
    free(known);
    return nearest;
}

static ws_status unknown(const swp_result_table *results, const char *name, ws_error *err)
{
    const char *nearest = swp_result_table_nearest(results, name);
    if (nearest == NULL) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: no column \"%s\"", swp_reader_path(results->reader),
                            name);
    }
    return ws_error_add(err, WS_ERR_INPUT, "%s: no column \"%s\"; did you mean \"%s\"?",
                        swp_reader_path(results->reader), name, nearest);
}

/* ---- reading ---- */

ws_status swp_result_table_read_column(const swp_result_table *results, const swp_column *column,
                                       ws_error *err, swp_cells *cells_out)
{
    swp_span *spans = malloc((results->n + 1) * sizeof(spans[0]));

    *cells_out      = (swp_cells){.column = column, .n = results->n};
    cells_out->name = column->role == SWP_ROLE_PARAM ? param_of(results, column)->long_name : column->name;
    cells_out->unit = column->unit;
    cells_out->data = malloc((results->n + 1) * column->row_bytes);
    if (spans == NULL || cells_out->data == NULL) {
        free(spans);
        swp_cells_fini(cells_out);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < results->n; i++) {
        spans[i] = (swp_span){0, results->plan.picks[i].row, 1, i};
    }
    const ws_status status = swp_gather(&results->source, spans, results->n, column, cells_out->data, err);
    free(spans);
    if (status != WS_OK) {
        swp_cells_fini(cells_out);
    }
    return status;
}

/* Energy of one component over all nodes: NaN only if no node has any. */
static ws_status sum_component(swp_cells *cells, ws_component component, ws_error *err)
{
    const size_t width = cells->column->inner_count;
    double      *sums  = malloc((cells->n + 1) * sizeof(sums[0]));
    if (sums == NULL) {
        swp_cells_fini(cells);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    for (size_t row = 0; row < cells->n; row++) {
        const double *joules = (const double *)(const void *)cells->data + row * width;
        sums[row]            = NAN;
        for (size_t i = (size_t)component; i < width; i += WS_COMPONENT_COUNT) {
            if (!isnan(joules[i])) {
                sums[row] = isnan(sums[row]) ? joules[i] : sums[row] + joules[i];
            }
        }
    }
    free(cells->data);
    cells->data   = (char *)sums;
    cells->summed = true;
    return WS_OK;
}

ws_status swp_result_table_read(const swp_result_table *results, const char *name, ws_error *err,
                                swp_cells *cells_out)
{
    ws_component      component;
    const swp_column *column = swp_result_table_find(results, name, &component);

    *cells_out = (swp_cells){.n = 0};
    if (column == NULL) {
        return unknown(results, name, err);
    }
    WS_TRY(swp_result_table_read_column(results, column, err, cells_out));
    if (component < WS_COMPONENT_COUNT) {
        WS_TRY(sum_component(cells_out, component, err));
        cells_out->name = component_columns[component];
    }
    return WS_OK;
}

void swp_cells_fini(swp_cells *cells)
{
    free(cells->data);
    *cells = (swp_cells){.n = 0};
}

ws_status swp_result_table_read_ragged(const swp_result_table *results, size_t row, const swp_column *column,
                                       ws_error *err, double **values_out, size_t *n_out)
{
    const swp_columns *columns = swp_reader_columns(results->reader);
    const swp_column  *starts  = swp_columns_find(columns, SWP_ROLE_SAMPLE_START, 0);
    const swp_column  *counts  = swp_columns_find(columns, SWP_ROLE_SAMPLE_COUNT, 0);
    const size_t       at      = results->plan.picks[row].row;
    int64_t            start = 0, count = 0;

    *values_out = NULL;
    *n_out      = 0;
    WS_TRY(swp_reader_read(results->reader, starts, at, 1, &start, err));
    WS_TRY(swp_reader_read(results->reader, counts, at, 1, &count, err));
    if (start < 0 || count < 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: damaged: negative row_start or row_count",
                            swp_reader_path(results->reader));
    }
    WS_TRY(swp_reader_check_range(results->reader, column, (size_t)start, (size_t)count, err));
    double *values = malloc(((size_t)count + 1) * column->row_bytes);
    if (values == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    const ws_status status =
        swp_reader_read(results->reader, column, (size_t)start, (size_t)count, values, err);
    if (status != WS_OK) {
        free(values);
        return status;
    }
    *values_out = values;
    *n_out      = (size_t)count;
    return WS_OK;
}

/* ---- cells ---- */

bool swp_cells_is_text(const swp_cells *cells)
{
    return !cells->summed && (cells->column->type == SWP_TYPE_CHAR ||
                              (cells->column->n_flags > 0 && cells->column->role != SWP_ROLE_PARAM));
}

static int64_t integer_at(const swp_cells *cells, size_t row)
{
    const char *cell = cells->data + row * cells->column->row_bytes;
    int8_t      i8;
    int32_t     i32;
    int64_t     i64;
    switch (cells->column->type) {
    case SWP_TYPE_I8:
        memcpy(&i8, cell, sizeof(i8));
        return i8;
    case SWP_TYPE_I32:
        memcpy(&i32, cell, sizeof(i32));
        return i32;
    default:
        memcpy(&i64, cell, sizeof(i64));
        return i64;
    }
}

static bool is_missing(const swp_cells *cells, size_t row)
{
    return !cells->summed && swp_column_may_lack(cells->column) && integer_at(cells, row) < 0;
}

double swp_cells_number(const swp_cells *cells, size_t row)
{
    double number;
    if (cells->summed) {
        memcpy(&number, cells->data + row * sizeof(number), sizeof(number));
        return number;
    }
    if (cells->column->type == SWP_TYPE_CHAR) {
        return NAN;
    }
    if (cells->column->type == SWP_TYPE_F64) {
        memcpy(&number, cells->data + row * cells->column->row_bytes, sizeof(number));
        return number;
    }
    return is_missing(cells, row) ? NAN : (double)integer_at(cells, row);
}

/* The k-th of blank-separated words. */
static void put_word(const char *words, int64_t k, char *buf, size_t cap)
{
    for (; k > 0 && *words != '\0'; words++) {
        k -= *words == ' ';
    }
    snprintf(buf, cap, "%.*s", (int)strcspn(words, " "), words);
}

char *swp_cells_text(const swp_cells *cells, size_t row, int digits, char buf[SWP_CELL_TEXT])
{
    const swp_column *column = cells->column;
    if (!cells->summed && column->type == SWP_TYPE_CHAR) {
        snprintf(buf, SWP_CELL_TEXT, "%.*s", (int)column->row_bytes, cells->data + row * column->row_bytes);
        return buf;
    }
    if (!cells->summed && column->n_flags > 0) {
        put_word(column->flag_meanings, integer_at(cells, row) - column->flag_first, buf, SWP_CELL_TEXT);
        return buf;
    }
    if (!cells->summed && column->type != SWP_TYPE_F64) {
        buf[0] = '\0';
        if (!is_missing(cells, row)) {
            snprintf(buf, SWP_CELL_TEXT, "%" PRId64, integer_at(cells, row));
        }
        return buf;
    }
    const double number = swp_cells_number(cells, row);
    if (isnan(number)) {
        buf[0] = '\0';
    } else if (digits > 0) {
        snprintf(buf, SWP_CELL_TEXT, "%.*g", digits, number);
    } else {
        ws_double_repr(number, buf);
    }
    return buf;
}
