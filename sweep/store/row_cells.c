#include "store/row_cells.h"

#include <math.h>
#include <string.h>

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

ws_status swp_row_check(const swp_row *row, const swp_layout *layout, ws_error *err)
{
    if (row->job < 0 || row->state <= SWP_STATE_RUNNING || row->state >= SWP_STATE_COUNT) {
        return ws_error_add(err, WS_ERR_ARG, "job %lld: state %d cannot be a row's", (long long)row->job,
                            (int)row->state);
    }
    if (row->hash == NULL || strlen(row->hash) != SWP_HASH_LEN) {
        return ws_error_add(err, WS_ERR_ARG, "job %lld: expected a hash of %d digits", (long long)row->job,
                            SWP_HASH_LEN);
    }
    if (row->n_nodes > layout->max_nodes) {
        return ws_error_add(err, WS_ERR_ARG, "job %lld: %zu nodes, the file has room for %zu",
                            (long long)row->job, row->n_nodes, layout->max_nodes);
    }
    if (layout->n_params > 0 && row->params == NULL) {
        return ws_error_add(err, WS_ERR_ARG, "job %lld: parameters are missing", (long long)row->job);
    }
    return WS_OK;
}

/* ---- texts ---- */

/* Bytes that a UTF-8 character beginning like this has, 0 if none does. */
static size_t utf8_announced(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first >= 0xf5) {
        return 0;
    }
    if (first < 0xe0) {
        return 2;
    }
    return first < 0xf0 ? 3 : 4;
}

/* Bytes of the UTF-8 character at text, 0 if it is none. */
static size_t utf8_len(const unsigned char *text)
{
    const size_t n = utf8_announced(text[0]);
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool overlong_or_surrogate =
        (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90);
    return n > 1 && overlong_or_surrogate ? 0 : n;
}

void swp_row_put_text(const char *text, char *field, size_t len)
{
    static const char    mark[] = "...";
    const unsigned char *from   = (const unsigned char *)(text == NULL ? "" : text);
    size_t               at     = 0;
    size_t               cut = 0; /* where a mark may go: the last whole character that leaves room for it */

    while (*from != '\0') {
        const size_t n    = utf8_len(from);
        const size_t step = n > 0 ? n : 1;
        if (at + step > len) {
            const size_t room = min_size(sizeof(mark) - 1, len - cut);
            memcpy(field + cut, mark, room);
            at = cut + room;
            break;
        }
        if (n > 0) {
            memcpy(field + at, from, n);
        } else {
            field[at] = '?';
        }
        at += step;
        from += step;
        if (at + sizeof(mark) - 1 <= len) {
            cut = at;
        }
    }
    memset(field + at, 0, len - at);
}

/* ---- cells of a job ---- */

static void put_i64(void *cell, int64_t value)
{
    memcpy(cell, &value, sizeof(value));
}

static void put_i32(void *cell, int32_t value)
{
    memcpy(cell, &value, sizeof(value));
}

static void put_i8(void *cell, int value)
{
    const int8_t byte = (int8_t)value;
    memcpy(cell, &byte, sizeof(byte));
}

/* The first n_nodes of a per-node array; the rest of the axis is NaN. */
static void put_nodes(const swp_column *column, const double *values, size_t n, void *cell)
{
    double      *out  = cell;
    const size_t have = values == NULL ? 0 : min_size(n, column->inner_count);
    if (have > 0) {
        memcpy(out, values, have * sizeof(values[0]));
    }
    for (size_t i = have; i < column->inner_count; i++) {
        out[i] = NAN;
    }
}

static void put_metric(const swp_column *column, double value, void *cell)
{
    if (swp_column_may_lack(column)) {
        put_i64(cell, isnan(value) ? -1 : llround(value));
    } else {
        memcpy(cell, &value, sizeof(value));
    }
}

void swp_row_put_value(const swp_column *column, swp_param_kind kind, const swp_value *value, void *cell)
{
    switch (kind) {
    case SWP_PARAM_DOUBLE:
        memcpy(cell, &value->number, sizeof(value->number));
        return;
    case SWP_PARAM_INT:
        put_i64(cell, value->integer);
        return;
    case SWP_PARAM_BOOL:
        put_i8(cell, value->integer != 0);
        return;
    case SWP_PARAM_TEXT:
        swp_row_put_text(value->text, cell, column->row_bytes);
        return;
    }
}

static void put_identity(const swp_column *column, const swp_row *row, void *cell)
{
    switch (column->role) {
    case SWP_ROLE_JOB:
        put_i64(cell, row->job);
        return;
    case SWP_ROLE_HASH:
        memcpy(cell, row->hash, SWP_HASH_LEN);
        return;
    case SWP_ROLE_STATE:
        put_i8(cell, (int)row->state);
        return;
    case SWP_ROLE_ERROR:
        swp_row_put_text(row->error, cell, column->row_bytes);
        return;
    case SWP_ROLE_ATTEMPT:
        put_i32(cell, row->attempt);
        return;
    case SWP_ROLE_SEED:
        put_i64(cell, row->seed);
        return;
    case SWP_ROLE_REPEAT:
        put_i32(cell, row->repeat);
        return;
    default:
        WS_ASSERT(!"a role of the job's identity");
    }
}

static void put_provenance(const swp_column *column, const swp_row *row, void *cell)
{
    switch (column->role) {
    case SWP_ROLE_RANK:
        put_i32(cell, row->rank);
        return;
    case SWP_ROLE_HOST:
        swp_row_put_text(row->host, cell, column->row_bytes);
        return;
    case SWP_ROLE_WALL_S:
        memcpy(cell, &row->wall_s, sizeof(row->wall_s));
        return;
    case SWP_ROLE_PROFILE_KIND:
        put_i8(cell, row->profile_kind);
        return;
    default:
        WS_ASSERT(!"a role of the provenance");
    }
}

void swp_row_put_job(const swp_column *column, const swp_layout *layout, const swp_row *row,
                     const size_t start[SWP_AXIS_COUNT], void *cell)
{
    switch (column->role) {
    case SWP_ROLE_PARAM:
        swp_row_put_value(column, layout->params[column->index].kind, &row->params[column->index], cell);
        return;
    case SWP_ROLE_METRIC:
        put_metric(column, row->metrics == NULL ? NAN : row->metrics[column->index], cell);
        return;
    case SWP_ROLE_COMPONENT_J:
        put_nodes(column, row->component_j, row->n_nodes * WS_COMPONENT_COUNT, cell);
        return;
    case SWP_ROLE_PHASE_J:
        put_nodes(column, row->phase_j, row->n_nodes * WS_COMPONENT_COUNT * WS_PHASE_COUNT, cell);
        return;
    case SWP_ROLE_NPU_STATE_S:
        put_nodes(column, row->npu_state_s, row->n_nodes * WS_STATE_COUNT, cell);
        return;
    case SWP_ROLE_SAMPLE_START:
        put_i64(cell, (int64_t)start[SWP_AXIS_SAMPLE]);
        return;
    case SWP_ROLE_SAMPLE_COUNT:
        put_i64(cell, (int64_t)row->n_samples);
        return;
    case SWP_ROLE_REQUEST_START:
        put_i64(cell, (int64_t)start[SWP_AXIS_REQUEST]);
        return;
    case SWP_ROLE_REQUEST_COUNT:
        put_i64(cell, (int64_t)row->n_requests);
        return;
    case SWP_ROLE_RANK:
    case SWP_ROLE_HOST:
    case SWP_ROLE_WALL_S:
    case SWP_ROLE_PROFILE_KIND:
        put_provenance(column, row, cell);
        return;
    default:
        put_identity(column, row, cell);
    }
}

/* ---- samples and requests ---- */

static void put_matrix(const swp_column *column, const double *values, size_t width, size_t first, size_t n,
                       void *cells)
{
    double *out = cells;
    swp_column_fill(column, n, cells);
    for (size_t i = 0; values != NULL && i < n; i++) {
        memcpy(out + i * column->inner_count, values + (first + i) * width,
               min_size(width, column->inner_count) * sizeof(values[0]));
    }
}

void swp_row_put_ragged(const swp_column *column, const swp_row *row, size_t first, size_t n, void *cells)
{
    switch (column->role) {
    case SWP_ROLE_SERIES:
        put_matrix(column, row->series[column->index], 1, first, n, cells);
        return;
    case SWP_ROLE_NODE_POWER:
        put_matrix(column, row->node_power_w, row->n_nodes, first, n, cells);
        return;
    case SWP_ROLE_COMPONENT_POWER:
        put_matrix(column, row->component_power_w, WS_COMPONENT_COUNT, first, n, cells);
        return;
    case SWP_ROLE_REQUEST:
        for (size_t i = 0; i < n;
             i++) { /* the columns are the members, in order (result/columns.c asserts it) */
            memcpy((char *)cells + i * sizeof(int64_t),
                   (const int64_t *)&row->requests[first + i] + column->index, sizeof(int64_t));
        }
        return;
    default:
        WS_ASSERT(!"a role of a ragged axis");
    }
}
