#include "store/copy_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/gather.h"
#include "store/row_cells.h"

#define BLOCK_BYTES ((size_t)16 << 20) /* of a column, gathered at once */

/* Where the samples (or requests) of each job of a window lie in the sources and in the new file. */
typedef struct ragged {
    int64_t *start; /* [plan->n] in the source */
    int64_t *count; /* [plan->n] */
    size_t  *to;    /* [plan->n + 1] in the new file, counted from `base` */
    size_t   base;  /* rows of the windows before */
} ragged;

typedef struct copier {
    const swp_row_picks *plan;     /* the window */
    size_t               job_base; /* rows of the windows before */
    swp_h5_file         *to;
    ragged               ragged[SWP_AXIS_COUNT];
    char                *block;
    size_t               block_bytes;
    swp_span            *spans;                /* [plan->n] of the block being gathered */
    size_t               job_first, job_count; /* spans hold these rows of the window, if job_count > 0 */
    swp_row_identity     identity;
    ws_error            *err;
} copier;

static ws_status no_memory(ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    return WS_ERR_NOMEM;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- ragged axes ---- */

/* Forget the window; its rows count as windows before. */
static void ragged_leave(ragged *r, size_t n_picks)
{
    const size_t base = r->to != NULL ? r->base + r->to[n_picks] : r->base;
    free(r->start);
    free(r->count);
    free(r->to);
    *r = (ragged){.base = base};
}

/* Spans of rows [first, first + n) of the window. Gathering sorts them, which is the dear part, so columns
 * share them. */
static void fill_job_spans(const swp_row_picks *plan, size_t first, size_t n, swp_span *spans)
{
    for (size_t i = 0; i < n; i++) {
        const swp_pick *pick = &plan->picks[first + i];
        spans[i]             = (swp_span){pick->source, pick->row, 1, i};
    }
}

/* One int64 column of the first source that has it describes the form; all sources are gathered by its path.
 * spans: of the whole window. */
static ws_status gather_int64(const swp_row_picks *plan, const char *path, swp_span *spans, int64_t *out,
                              ws_error *err)
{
    swp_column column = {.type = SWP_TYPE_I64, .inner_count = 1, .row_bytes = sizeof(int64_t)};
    snprintf(column.path, sizeof(column.path), "%s", path);
    return swp_gather(plan->sources, spans, plan->n, &column, out, err);
}

/* The samples (or requests) of a job are there, so that adding up counts ends in a sane length. */
static ws_status check_share(const swp_reader *reader, swp_row_axis axis, int64_t start, int64_t count,
                             ws_error *err)
{
    const swp_columns *columns = swp_reader_columns(reader);
    const swp_column  *column =
        swp_columns_find(columns, axis == SWP_AXIS_SAMPLE ? SWP_ROLE_SERIES : SWP_ROLE_REQUEST, 0);
    return column == NULL ? WS_OK : swp_reader_check_range(reader, column, (size_t)start, (size_t)count, err);
}

static ws_status ragged_load(const swp_row_picks *plan, swp_row_axis axis, swp_span *spans, ws_error *err,
                             ragged *r)
{
    const bool samples = axis == SWP_AXIS_SAMPLE;
    r->start           = calloc(plan->n + 1, sizeof(r->start[0]));
    r->count           = calloc(plan->n + 1, sizeof(r->count[0]));
    r->to              = calloc(plan->n + 1, sizeof(r->to[0]));
    if (r->start == NULL || r->count == NULL || r->to == NULL) {
        return no_memory(err);
    }
    WS_TRY(
        gather_int64(plan, samples ? "/timeseries/row_start" : "/requests/row_start", spans, r->start, err));
    WS_TRY(
        gather_int64(plan, samples ? "/timeseries/row_count" : "/requests/row_count", spans, r->count, err));
    r->to[0] = 0;
    for (size_t i = 0; i < plan->n; i++) {
        if (r->start[i] < 0 || r->count[i] < 0) {
            return ws_error_add(err, WS_ERR_IO, "%s: damaged: negative row_start or row_count",
                                swp_reader_path(plan->sources[plan->picks[i].source]));
        }
        WS_TRY(check_share(plan->sources[plan->picks[i].source], axis, r->start[i], r->count[i], err));
        r->to[i + 1] = r->to[i] + (size_t)r->count[i];
    }
    return WS_OK;
}

/* Add a window to the lengths. */
static ws_status add_lengths(const swp_row_picks *plan, ws_error *err, size_t n_rows[SWP_AXIS_COUNT])
{
    swp_span *spans  = malloc((plan->n + 1) * sizeof(spans[0]));
    ws_status status = spans == NULL ? no_memory(err) : WS_OK;
    n_rows[SWP_AXIS_JOB] += plan->n;
    if (status == WS_OK) {
        fill_job_spans(plan, 0, plan->n, spans);
    }
    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT && status == WS_OK; axis++) {
        ragged r = {.base = n_rows[axis]};
        status   = ragged_load(plan, (swp_row_axis)axis, spans, err, &r);
        ragged_leave(&r, status == WS_OK ? plan->n : 0);
        n_rows[axis] = r.base;
    }
    free(spans);
    return status;
}

ws_status swp_copied_lengths(swp_row_picks_scan *scan, ws_error *err, size_t n_rows_out[SWP_AXIS_COUNT])
{
    swp_row_picks plan = {.n = 1};
    memset(n_rows_out, 0, SWP_AXIS_COUNT * sizeof(n_rows_out[0]));
    swp_row_picks_scan_rewind(scan);
    while (plan.n > 0) {
        WS_TRY(swp_row_picks_scan_next(scan, err, &plan));
        WS_TRY(add_lengths(&plan, err, n_rows_out));
    }
    return WS_OK;
}

/* ---- blocks ---- */

static ws_status reserve_block(copier *c, size_t n_bytes)
{
    if (n_bytes <= c->block_bytes) {
        return WS_OK;
    }
    free(c->block);
    c->block       = malloc(n_bytes);
    c->block_bytes = c->block != NULL ? n_bytes : 0;
    return c->block != NULL ? WS_OK : no_memory(c->err);
}

/* Rows that a block of a column (or of the widest of several) has. */
static size_t rows_of_block(size_t row_bytes)
{
    return row_bytes < BLOCK_BYTES ? BLOCK_BYTES / row_bytes : 1;
}

/* ---- job columns ---- */

static ws_status fill_job_block(copier *c, const swp_column *column, size_t first, size_t n)
{
    int64_t *values = (int64_t *)(void *)c->block;
    if (column->role == SWP_ROLE_JOB) {
        for (size_t i = 0; i < n; i++) {
            values[i] = c->plan->picks[first + i].job;
        }
        return WS_OK;
    }
    if (column->role == SWP_ROLE_HASH && c->identity.hash_of != NULL) {
        for (size_t i = 0; i < n; i++) {
            char hash[SWP_HASH_LEN + 1];
            WS_TRY(c->identity.hash_of(c->identity.ctx, c->plan->picks[first + i].job, hash));
            memcpy(c->block + i * column->row_bytes, hash, SWP_HASH_LEN);
        }
        return WS_OK;
    }
    if (column->role == SWP_ROLE_SAMPLE_START || column->role == SWP_ROLE_REQUEST_START) {
        const ragged *r =
            &c->ragged[column->role == SWP_ROLE_SAMPLE_START ? SWP_AXIS_SAMPLE : SWP_AXIS_REQUEST];
        for (size_t i = 0; i < n; i++) {
            values[i] = (int64_t)(r->base + r->to[first + i]);
        }
        return WS_OK;
    }
    if (c->job_count != n || c->job_first != first) {
        fill_job_spans(c->plan, first, n, c->spans);
        c->job_first = first;
        c->job_count = n;
    }
    return swp_gather(c->plan->sources, c->spans, n, column, c->block, c->err);
}

static ws_status copy_job_column(copier *c, size_t index)
{
    const swp_column *column = &c->to->columns.list[index];
    const size_t      rows   = rows_of_block(column->row_bytes);
    WS_TRY(reserve_block(c, min_size(rows, c->plan->n) * column->row_bytes));
    for (size_t first = 0; first < c->plan->n; first += rows) {
        const size_t n = min_size(rows, c->plan->n - first);
        WS_TRY(fill_job_block(c, column, first, n));
        WS_TRY(swp_h5_file_write(c->to, index, c->job_base + first, n, c->block, c->err));
    }
    return WS_OK;
}

/* ---- samples and requests ---- */

/* Index of the pick that sample (or request) number `at` of the window belongs to. */
static size_t pick_at(const ragged *r, size_t n, size_t at)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (r->to[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Spans of samples (or requests) [first, first + n) of the window. @return how many */
static size_t fill_ragged_spans(copier *c, const ragged *r, size_t first, size_t n)
{
    size_t n_spans = 0;
    c->job_count   = 0;
    for (size_t i = pick_at(r, c->plan->n, first); i < c->plan->n && r->to[i] < first + n; i++) {
        const size_t from = r->to[i] > first ? r->to[i] : first;
        const size_t end  = min_size(r->to[i + 1], first + n);
        if (end > from) {
            c->spans[n_spans++] = (swp_span){
                c->plan->picks[i].source, (size_t)r->start[i] + (from - r->to[i]), end - from, from - first};
        }
    }
    return n_spans;
}

static size_t widest_row_bytes(const swp_columns *columns, swp_row_axis axis)
{
    size_t widest = 0;
    for (size_t i = 0; i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        widest = column->axis == axis && column->row_bytes > widest ? column->row_bytes : widest;
    }
    return widest;
}

/* All columns of an axis, block by block, so that they share the spans of a block. */
static ws_status copy_ragged(copier *c, swp_row_axis axis)
{
    const swp_columns *columns = &c->to->columns;
    const ragged      *r       = &c->ragged[axis];
    const size_t       widest  = widest_row_bytes(columns, axis);

    if (widest == 0) {
        return WS_OK; /* the new file has no such axis */
    }
    const size_t rows = rows_of_block(widest), n = r->to[c->plan->n];
    WS_TRY(reserve_block(c, min_size(rows, n) * widest));
    for (size_t first = 0; first < n; first += rows) {
        const size_t count   = min_size(rows, n - first);
        const size_t n_spans = fill_ragged_spans(c, r, first, count);
        for (size_t i = 0; i < columns->n; i++) {
            if (columns->list[i].axis == axis) {
                WS_TRY(swp_gather(c->plan->sources, c->spans, n_spans, &columns->list[i], c->block, c->err));
                WS_TRY(swp_h5_file_write(c->to, i, r->base + first, count, c->block, c->err));
            }
        }
    }
    return WS_OK;
}

/* ---- parameters by callback ---- */

static ws_status copy_params(copier *c)
{
    const swp_layout *layout = c->to->layout;
    enum { ROWS = 1024 };
    swp_value *values = calloc(layout->n_params + 1, sizeof(values[0]));
    char     **blocks = calloc(layout->n_params + 1, sizeof(blocks[0]));
    ws_status  status = values == NULL || blocks == NULL ? no_memory(c->err) : WS_OK;

    for (size_t k = 0; k < layout->n_params && status == WS_OK; k++) {
        blocks[k] = malloc(ROWS * swp_columns_find(&c->to->columns, SWP_ROLE_PARAM, k)->row_bytes);
        status    = blocks[k] == NULL ? no_memory(c->err) : WS_OK;
    }
    for (size_t first = 0; first < c->plan->n && status == WS_OK; first += ROWS) {
        const size_t n = min_size(ROWS, c->plan->n - first);
        for (size_t i = 0; i < n && status == WS_OK; i++) {
            status = c->identity.params_of(c->identity.ctx, c->plan->picks[first + i].job, values);
            for (size_t k = 0; k < layout->n_params && status == WS_OK; k++) {
                const swp_column *column = swp_columns_find(&c->to->columns, SWP_ROLE_PARAM, k);
                swp_row_put_value(column, layout->params[k].kind, &values[k],
                                  blocks[k] + i * column->row_bytes);
            }
        }
        for (size_t k = 0; k < layout->n_params && status == WS_OK; k++) {
            const swp_column *column = swp_columns_find(&c->to->columns, SWP_ROLE_PARAM, k);
            status = swp_h5_file_write(c->to, (size_t)(column - c->to->columns.list), c->job_base + first, n,
                                       blocks[k], c->err);
        }
    }
    for (size_t k = 0; blocks != NULL && k < layout->n_params; k++) {
        free(blocks[k]);
    }
    free(blocks);
    free(values);
    return status;
}

/* ---- the whole ---- */

static ws_status load_window(copier *c)
{
    free(c->spans);
    c->spans = malloc((c->plan->n + 1) * sizeof(c->spans[0]));
    if (c->spans == NULL) {
        return no_memory(c->err);
    }
    fill_job_spans(c->plan, 0, c->plan->n, c->spans);
    c->job_first = 0;
    c->job_count = c->plan->n;
    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        ragged *r = &c->ragged[axis];
        WS_TRY(ragged_load(c->plan, (swp_row_axis)axis, c->spans, c->err, r));
        if (c->to->live) {
            WS_TRY(swp_h5_file_grow_axis(c->to, (swp_row_axis)axis, r->base + r->to[c->plan->n], c->err));
        }
    }
    return WS_OK;
}

static ws_status copy_window(copier *c)
{
    WS_TRY(load_window(c));
    for (size_t i = 0; i < c->to->columns.n; i++) {
        const swp_column *column = &c->to->columns.list[i];
        if (column->axis == SWP_AXIS_JOB &&
            (column->role != SWP_ROLE_PARAM || c->identity.params_of == NULL)) {
            WS_TRY(copy_job_column(c, i));
        }
    }
    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        WS_TRY(copy_ragged(c, (swp_row_axis)axis));
    }
    return c->identity.params_of != NULL ? copy_params(c) : WS_OK;
}

static ws_status copy_all(copier *c, swp_row_picks_scan *scan, swp_row_picks *window)
{
    swp_row_picks_scan_rewind(scan);
    do {
        WS_TRY(swp_row_picks_scan_next(scan, c->err, window));
        WS_TRY(copy_window(c));
        c->job_base += window->n;
        for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
            ragged_leave(&c->ragged[axis], window->n);
        }
    } while (window->n > 0);
    return WS_OK;
}

ws_status swp_copy_rows(swp_row_picks_scan *scan, swp_h5_file *to, const swp_row_identity *identity,
                        ws_error *err)
{
    swp_row_picks window = {.n = 0};
    copier        c      = {.plan = &window, .to = to, .err = err};
    if (identity != NULL) {
        c.identity = *identity;
    }
    const ws_status status = copy_all(&c, scan, &window);

    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        ragged_leave(&c.ragged[axis], 0);
    }
    free(c.spans);
    free(c.block);
    return status;
}
