#include "copy_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gather.h"
#include "row.h"

#define BLOCK_BYTES ((size_t)16 << 20) /* written at once; a multiple of the final file's chunks */

/* Where the samples (or requests) of each job of a window lie in the sources and in the new file. */
typedef struct ragged {
    int64_t *start; /* [plan->n] in the source */
    int64_t *count; /* [plan->n] */
    size_t  *to;    /* [plan->n + 1] in the new file, counted from `base` */
    size_t   base;  /* rows of the windows before */
} ragged;

typedef struct copier {
    const swp_plan *plan;     /* the window */
    size_t          job_base; /* rows of the windows before */
    swp_file       *to;
    ragged          ragged[SWP_AXIS_COUNT];
    char           *block;
    size_t          block_bytes;
    swp_span       *spans;                /* [plan->n] */
    size_t          job_first, job_count; /* spans hold these rows, sorted already, if job_count > 0 */
    swp_params_fn   params_of;
    void           *ctx;
    ws_error       *err;
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

/* One int64 column of the first source that has it describes the form; all sources are gathered by its path.
 */
static ws_status gather_int64(const swp_plan *plan, const char *path, int64_t *out, ws_error *err)
{
    swp_column column = {.type = SWP_TYPE_I64, .inner_count = 1, .row_bytes = sizeof(int64_t)};
    swp_span  *spans  = malloc((plan->n + 1) * sizeof(spans[0]));

    if (spans == NULL) {
        return no_memory(err);
    }
    snprintf(column.path, sizeof(column.path), "%s", path);
    for (size_t i = 0; i < plan->n; i++) {
        spans[i] = (swp_span){plan->picks[i].source, plan->picks[i].row, 1, i};
    }
    const ws_status status = swp_gather(plan->sources, spans, plan->n, &column, out, err);
    free(spans);
    return status;
}

static ws_status ragged_load(const swp_plan *plan, swp_row_axis axis, ws_error *err, ragged *r)
{
    const bool samples = axis == SWP_AXIS_SAMPLE;
    r->start           = calloc(plan->n + 1, sizeof(r->start[0]));
    r->count           = calloc(plan->n + 1, sizeof(r->count[0]));
    r->to              = calloc(plan->n + 1, sizeof(r->to[0]));
    if (r->start == NULL || r->count == NULL || r->to == NULL) {
        return no_memory(err);
    }
    WS_TRY(gather_int64(plan, samples ? "/timeseries/row_start" : "/requests/row_start", r->start, err));
    WS_TRY(gather_int64(plan, samples ? "/timeseries/row_count" : "/requests/row_count", r->count, err));
    r->to[0] = 0;
    for (size_t i = 0; i < plan->n; i++) {
        if (r->start[i] < 0 || r->count[i] < 0) {
            return ws_error_add(err, WS_ERR_IO, "%s: damaged: negative row_start or row_count",
                                swp_reader_path(plan->sources[plan->picks[i].source]));
        }
        r->to[i + 1] = r->to[i] + (size_t)r->count[i];
    }
    return WS_OK;
}

/* Add a window to the lengths. */
static ws_status add_lengths(const swp_plan *plan, ws_error *err, size_t n_rows[SWP_AXIS_COUNT])
{
    n_rows[SWP_AXIS_JOB] += plan->n;
    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        ragged          r      = {.base = n_rows[axis]};
        const ws_status status = ragged_load(plan, (swp_row_axis)axis, err, &r);
        ragged_leave(&r, status == WS_OK ? plan->n : 0);
        n_rows[axis] = r.base;
        WS_TRY(status);
    }
    return WS_OK;
}

ws_status swp_copied_lengths(swp_plan_scan *scan, ws_error *err, size_t n_rows_out[SWP_AXIS_COUNT])
{
    swp_plan plan = {.n = 1};
    memset(n_rows_out, 0, SWP_AXIS_COUNT * sizeof(n_rows_out[0]));
    swp_plan_scan_rewind(scan);
    while (plan.n > 0) {
        WS_TRY(swp_plan_scan_next(scan, err, &plan));
        WS_TRY(add_lengths(&plan, err, n_rows_out));
    }
    return WS_OK;
}

/* ---- one column ---- */

static ws_status fill_job_block(copier *c, const swp_column *column, size_t first, size_t n)
{
    int64_t *values = (int64_t *)(void *)c->block;
    if (column->role == SWP_ROLE_JOB) {
        for (size_t i = 0; i < n; i++) {
            values[i] = c->plan->picks[first + i].job;
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
    if (c->job_count != n ||
        c->job_first != first) { /* most columns share their blocks, sorting is the dear part */
        for (size_t i = 0; i < n; i++) {
            const swp_pick *pick = &c->plan->picks[first + i];
            c->spans[i]          = (swp_span){pick->source, pick->row, 1, i};
        }
        c->job_first = first;
        c->job_count = n;
    }
    return swp_gather(c->plan->sources, c->spans, n, column, c->block, c->err);
}

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

static ws_status fill_ragged_block(copier *c, const swp_column *column, size_t first, size_t n)
{
    const ragged *r       = &c->ragged[column->axis];
    size_t        n_spans = 0;

    c->job_count = 0;
    for (size_t i = pick_at(r, c->plan->n, first); i < c->plan->n && r->to[i] < first + n; i++) {
        const size_t from = r->to[i] > first ? r->to[i] : first;
        const size_t end  = min_size(r->to[i + 1], first + n);
        if (end > from) {
            c->spans[n_spans++] = (swp_span){
                c->plan->picks[i].source, (size_t)r->start[i] + (from - r->to[i]), end - from, from - first};
        }
    }
    return swp_gather(c->plan->sources, c->spans, n_spans, column, c->block, c->err);
}

static ws_status copy_column(copier *c, size_t index)
{
    const swp_column *column = &c->to->columns.list[index];
    WS_ASSERT(column->axis == SWP_AXIS_JOB || c->ragged[column->axis].to != NULL);
    const bool   is_job = column->axis == SWP_AXIS_JOB;
    const size_t base   = is_job ? c->job_base : c->ragged[column->axis].base;
    const size_t n      = is_job ? c->plan->n : c->ragged[column->axis].to[c->plan->n];
    size_t       rows   = BLOCK_BYTES / column->row_bytes;

    rows = rows > 0 ? rows : 1;
    if (rows * column->row_bytes > c->block_bytes) {
        free(c->block);
        c->block_bytes = rows * column->row_bytes;
        c->block       = malloc(c->block_bytes);
        if (c->block == NULL) {
            c->block_bytes = 0;
            return no_memory(c->err);
        }
    }
    for (size_t first = 0; first < n; first += rows) {
        const size_t count = min_size(rows, n - first);
        WS_TRY(is_job ? fill_job_block(c, column, first, count) : fill_ragged_block(c, column, first, count));
        WS_TRY(swp_file_write(c->to, index, base + first, count, c->block, c->err));
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
            status = c->params_of(c->ctx, c->plan->picks[first + i].job, values);
            for (size_t k = 0; k < layout->n_params && status == WS_OK; k++) {
                const swp_column *column = swp_columns_find(&c->to->columns, SWP_ROLE_PARAM, k);
                swp_row_put_value(column, layout->params[k].kind, &values[k],
                                  blocks[k] + i * column->row_bytes);
            }
        }
        for (size_t k = 0; k < layout->n_params && status == WS_OK; k++) {
            const swp_column *column = swp_columns_find(&c->to->columns, SWP_ROLE_PARAM, k);
            status = swp_file_write(c->to, (size_t)(column - c->to->columns.list), c->job_base + first, n,
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

static ws_status copy_window(copier *c)
{
    free(c->spans);
    c->spans = malloc((c->plan->n + 1) * sizeof(c->spans[0]));
    if (c->spans == NULL) {
        return no_memory(c->err);
    }
    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        ragged *r = &c->ragged[axis];
        WS_TRY(ragged_load(c->plan, (swp_row_axis)axis, c->err, r));
        if (c->to->live) {
            WS_TRY(swp_file_grow_axis(c->to, (swp_row_axis)axis, r->base + r->to[c->plan->n], c->err));
        }
    }
    c->job_count = 0;
    for (size_t i = 0; i < c->to->columns.n; i++) {
        if (c->to->columns.list[i].role != SWP_ROLE_PARAM || c->params_of == NULL) {
            WS_TRY(copy_column(c, i));
        }
    }
    return c->params_of != NULL ? copy_params(c) : WS_OK;
}

static ws_status copy_all(copier *c, swp_plan_scan *scan, swp_plan *window)
{
    swp_plan_scan_rewind(scan);
    do {
        WS_TRY(swp_plan_scan_next(scan, c->err, window));
        WS_TRY(copy_window(c));
        c->job_base += window->n;
        for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
            ragged_leave(&c->ragged[axis], window->n);
        }
    } while (window->n > 0);
    return WS_OK;
}

ws_status swp_copy_rows(swp_plan_scan *scan, swp_file *to, swp_params_fn params_of, void *ctx, ws_error *err)
{
    swp_plan        window = {.n = 0};
    copier          c      = {.plan = &window, .to = to, .params_of = params_of, .ctx = ctx, .err = err};
    const ws_status status = copy_all(&c, scan, &window);

    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        ragged_leave(&c.ragged[axis], 0);
    }
    free(c.spans);
    free(c.block);
    return status;
}
