#include "result/columns.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "result/row.h"

static const char job_state_meanings[] = "pending running done failed infeasible timed_out interrupted";

/* Members of swp_request in file order. */
static const struct {
    const char *name, *unit, *long_name;
    swp_type    type;
} request_fields[] = {
#define FILE_TYPE(type) _Generic((type)0, int64_t : SWP_TYPE_I64, double : SWP_TYPE_F64)
#define REQUEST_FIELD(type, name, unit, long_name) {#name, unit, long_name, FILE_TYPE(type)},
    SWP_REQUEST_LIST(REQUEST_FIELD)
#undef REQUEST_FIELD
#undef FILE_TYPE
};
#define N_REQUEST_FIELDS (sizeof(request_fields) / sizeof(request_fields[0]))
_Static_assert(sizeof(swp_request) == N_REQUEST_FIELDS * sizeof(int64_t) && sizeof(double) == sizeof(int64_t),
               "one field of swp_request per column");

size_t swp_type_size(swp_type type)
{
    switch (type) {
    case SWP_TYPE_I8:
    case SWP_TYPE_CHAR:
        return 1;
    case SWP_TYPE_I32:
        return 4;
    case SWP_TYPE_I64:
    case SWP_TYPE_F64:
        return 8;
    }
    return 0;
}

/* ---- building ---- */

typedef struct builder {
    const swp_layout *layout;
    swp_columns      *columns;
    size_t            capacity;
    size_t            n_job_axes;
} builder;

static size_t inner_count(const swp_layout *layout, swp_inner inner, size_t text_len)
{
    switch (inner) {
    case SWP_INNER_NONE:
        return 1;
    case SWP_INNER_TEXT:
        return text_len;
    case SWP_INNER_NODE:
        return layout->max_nodes;
    case SWP_INNER_COMPONENT:
        return WS_COMPONENT_COUNT;
    case SWP_INNER_NODE_COMPONENT:
        return layout->max_nodes * WS_COMPONENT_COUNT;
    case SWP_INNER_NODE_PHASE:
        return layout->max_nodes * WS_COMPONENT_COUNT * WS_PHASE_COUNT;
    case SWP_INNER_NODE_STATE:
        return layout->max_nodes * WS_STATE_COUNT;
    }
    return 0;
}

/* The capacity is counted beforehand, so adding cannot fail. */
static swp_column *add(builder *b, swp_role role, size_t index, const char *group, const char *name,
                       swp_type type, const char *unit, const char *long_name)
{
    WS_ASSERT(b->columns->n < b->capacity);
    swp_column *column = &b->columns->list[b->columns->n++];
    *column            = (swp_column){.role      = role,
                                      .index     = index,
                                      .group     = group,
                                      .type      = type,
                                      .axis      = SWP_AXIS_JOB,
                                      .inner     = SWP_INNER_NONE,
                                      .unit      = unit,
                                      .long_name = long_name};
    snprintf(column->name, sizeof(column->name), "%s", name);
    snprintf(column->path, sizeof(column->path), "%s%s/%s", group[0] == '\0' ? "" : "/", group, column->name);
    return column;
}

static void add_text(builder *b, swp_role role, size_t index, const char *group, const char *name,
                     const char *long_name, size_t text_len)
{
    swp_column *column  = add(b, role, index, group, name, SWP_TYPE_CHAR, "", long_name);
    column->inner       = SWP_INNER_TEXT;
    column->inner_count = text_len;
}

static void set_flags(swp_column *column, const char *meanings, int8_t first, size_t n)
{
    column->unit          = "";
    column->flag_meanings = meanings;
    column->flag_first    = first;
    column->n_flags       = n;
}

/* The coordinate of the job axis, first in each group: xarray and others open a group without the root. */
static void add_job_axis(builder *b, const char *group)
{
    add(b, SWP_ROLE_JOB, b->n_job_axes++, group, "job", SWP_TYPE_I64, "1",
        "job: index in the expanded space");
}

static void add_job_columns(builder *b)
{
    add_job_axis(b, "");
    add_text(b, SWP_ROLE_HASH, 0, "", "job_hash", "content hash of the job", SWP_HASH_LEN);
    set_flags(add(b, SWP_ROLE_STATE, 0, "", "state", SWP_TYPE_I8, "", "state of the job"), job_state_meanings,
              0, SWP_STATE_COUNT);
    add_text(b, SWP_ROLE_ERROR, 0, "", "error", "why the job is not done", SWP_ERROR_LEN);
    add(b, SWP_ROLE_ATTEMPT, 0, "", "attempt", SWP_TYPE_I32, "1", "attempts made, the first is 1");
    add(b, SWP_ROLE_SEED, 0, "", "seed", SWP_TYPE_I64, "1", "random seed of the simulation");
    add(b, SWP_ROLE_REPEAT, 0, "", "repeat", SWP_TYPE_I32, "1", "repetition of the same point, from 0");
}

static bool is_plain_name(const char *name)
{
    if (name == NULL || name[0] == '\0' || strlen(name) > 40) {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_') {
            return false;
        }
    }
    return true;
}

static ws_status add_param(builder *b, size_t k, ws_error *err)
{
    static const swp_type types[] = {SWP_TYPE_F64, SWP_TYPE_I64, SWP_TYPE_I8, SWP_TYPE_CHAR};
    const swp_param      *param   = &b->layout->params[k];
    char                  name[64];

    if (!is_plain_name(param->name) || param->long_name == NULL || param->kind > SWP_PARAM_TEXT) {
        return ws_error_add(err, WS_ERR_ARG, "parameter %zu: \"%s\" is no name for a column", k,
                            param->name == NULL ? "" : param->name);
    }
    snprintf(name, sizeof(name), "p%zu_%s", k, param->name);
    if (param->kind == SWP_PARAM_TEXT) {
        add_text(b, SWP_ROLE_PARAM, k, "params", name, param->long_name,
                 param->text_len > 0 ? param->text_len : 1);
        return WS_OK;
    }
    swp_column *column =
        add(b, SWP_ROLE_PARAM, k, "params", name, types[param->kind],
            param->unit == NULL || param->unit[0] == '\0' ? "1" : param->unit, param->long_name);
    if (param->kind == SWP_PARAM_BOOL) {
        set_flags(column, "false true", 0, 2);
    }
    return WS_OK;
}

static void add_results(builder *b)
{
    add_job_axis(b, "metrics");
    for (size_t m = 0; m < WS_METRIC_COUNT; m++) {
        add(b, SWP_ROLE_METRIC, m, "metrics", ws_metric_name((ws_metric)m),
            ws_metric_is_count((ws_metric)m) ? SWP_TYPE_I64 : SWP_TYPE_F64, ws_metric_unit((ws_metric)m),
            ws_metric_description((ws_metric)m));
    }
    add_job_axis(b, "energy");
    add(b, SWP_ROLE_COMPONENT_J, 0, "energy", "component_j", SWP_TYPE_F64, "J",
        "energy by node and component")
        ->inner = SWP_INNER_NODE_COMPONENT;
    add(b, SWP_ROLE_PHASE_J, 0, "energy", "phase_j", SWP_TYPE_F64, "J",
        "energy by node, component and phase of serving")
        ->inner = SWP_INNER_NODE_PHASE;
    add(b, SWP_ROLE_NPU_STATE_S, 0, "energy", "npu_state_s", SWP_TYPE_F64, "s",
        "NPU-seconds by node and state")
        ->inner = SWP_INNER_NODE_STATE;
}

static void add_series(builder *b)
{
    static const char group[] = "timeseries";
    add_job_axis(b, group);
    add(b, SWP_ROLE_SAMPLE_START, 0, group, "row_start", SWP_TYPE_I64, "1", "first sample of the job");
    add(b, SWP_ROLE_SAMPLE_COUNT, 0, group, "row_count", SWP_TYPE_I64, "1", "samples of the job");
    for (size_t s = 0; s < WS_SERIES_COUNT; s++) {
        add(b, SWP_ROLE_SERIES, s, group, ws_series_name((ws_series_column)s), SWP_TYPE_F64,
            ws_series_unit((ws_series_column)s), ws_series_description((ws_series_column)s))
            ->axis = SWP_AXIS_SAMPLE;
    }
    swp_column *node      = add(b, SWP_ROLE_NODE_POWER, 0, group, "node_power_w", SWP_TYPE_F64, "W",
                                "mean power over the interval by node");
    node->axis            = SWP_AXIS_SAMPLE;
    node->inner           = SWP_INNER_NODE;
    swp_column *component = add(b, SWP_ROLE_COMPONENT_POWER, 0, group, "component_power_w", SWP_TYPE_F64, "W",
                                "mean power over the interval by component, all tracked nodes");
    component->axis       = SWP_AXIS_SAMPLE;
    component->inner      = SWP_INNER_COMPONENT;
}

static void add_requests(builder *b)
{
    static const char group[] = "requests";
    add_job_axis(b, group);
    add(b, SWP_ROLE_REQUEST_START, 0, group, "row_start", SWP_TYPE_I64, "1", "first request of the job");
    add(b, SWP_ROLE_REQUEST_COUNT, 0, group, "row_count", SWP_TYPE_I64, "1", "requests of the job");
    for (size_t f = 0; f < N_REQUEST_FIELDS; f++) {
        add(b, SWP_ROLE_REQUEST, f, group, request_fields[f].name, request_fields[f].type,
            request_fields[f].unit, request_fields[f].long_name)
            ->axis = SWP_AXIS_REQUEST;
    }
}

static void add_provenance(builder *b)
{
    static const char group[] = "provenance";
    add_job_axis(b, group);
    add(b, SWP_ROLE_RANK, 0, group, "rank", SWP_TYPE_I32, "1", "MPI rank that ran the job, -1 if none did");
    add_text(b, SWP_ROLE_HOST, 0, group, "host", "host that ran the job", SWP_HOST_LEN);
    add(b, SWP_ROLE_WALL_S, 0, group, "wall_s", SWP_TYPE_F64, "s", "wall time of the simulation");
    set_flags(add(b, SWP_ROLE_PROFILE_KIND, 0, group, "profile_kind", SWP_TYPE_I8, "",
                  "least certain source of latency data used"),
              "unknown bundle compact roofline", -1, 4);
}

static void complete(builder *b)
{
    swp_columns *columns = b->columns;
    for (size_t i = 0; i < columns->n; i++) {
        swp_column *column = &columns->list[i];
        if (column->inner != SWP_INNER_TEXT) {
            column->inner_count = inner_count(b->layout, column->inner, 0);
        }
        column->row_bytes = column->inner_count * swp_type_size(column->type);
        columns->row_bytes[column->axis] += column->row_bytes;
        if (column->role == SWP_ROLE_STATE) {
            columns->state = i;
        }
    }
}

ws_status swp_columns_build(const swp_layout *layout, ws_error *err, swp_columns *out)
{
    *out            = (swp_columns){.n = 0};
    const size_t n  = 40 + layout->n_params + WS_METRIC_COUNT + WS_SERIES_COUNT + N_REQUEST_FIELDS;
    builder      b  = {.layout = layout, .columns = out, .capacity = n};
    ws_status    st = WS_OK;

    if (layout->max_nodes < 1) {
        return ws_error_add(err, WS_ERR_ARG, "a result file needs at least one node");
    }
    out->list = calloc(n, sizeof(out->list[0]));
    if (out->list == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    add_job_columns(&b);
    add_job_axis(&b, "params");
    for (size_t k = 0; k < layout->n_params && st == WS_OK; k++) {
        st = add_param(&b, k, err);
    }
    if (st != WS_OK) {
        swp_columns_fini(out);
        return st;
    }
    add_results(&b);
    if (layout->has_series) {
        add_series(&b);
    }
    if (layout->has_requests) {
        add_requests(&b);
    }
    add_provenance(&b);
    complete(&b);
    return WS_OK;
}

void swp_columns_fini(swp_columns *columns)
{
    free(columns->list);
    *columns = (swp_columns){.n = 0};
}

/* ---- looking ---- */

const swp_column *swp_columns_find(const swp_columns *columns, swp_role role, size_t index)
{
    for (size_t i = 0; i < columns->n; i++) {
        if (columns->list[i].role == role && columns->list[i].index == index) {
            return &columns->list[i];
        }
    }
    return NULL;
}

const swp_column *swp_columns_by_path(const swp_columns *columns, const char *path)
{
    for (size_t i = 0; i < columns->n; i++) {
        if (strcmp(columns->list[i].path, path) == 0) {
            return &columns->list[i];
        }
    }
    return NULL;
}

bool swp_column_may_lack(const swp_column *column)
{
    return column->role == SWP_ROLE_METRIC && column->type == SWP_TYPE_I64;
}

/* ---- rows ---- */

static void fill_elements(const swp_column *column, size_t n, void *elements)
{
    if (column->type == SWP_TYPE_F64) {
        double *values = elements;
        for (size_t i = 0; i < n; i++) {
            values[i] = NAN;
        }
    } else if (column->role == SWP_ROLE_RANK || column->role == SWP_ROLE_PROFILE_KIND ||
               swp_column_may_lack(column)) {
        memset(elements, 0xff, n * swp_type_size(column->type)); /* -1 in any width */
    } else {
        memset(elements, 0, n * swp_type_size(column->type));
    }
}

void swp_column_fill(const swp_column *column, size_t n, void *rows)
{
    fill_elements(column, n * column->inner_count, rows);
}

static bool is_all_nan(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            return false;
        }
    }
    return true;
}

ws_status swp_column_convert(const swp_column *from, const void *from_row, const swp_column *to, void *to_row)
{
    if (from->type != to->type || from->inner != to->inner) {
        return WS_ERR_ARG;
    }
    if (from->row_bytes <= to->row_bytes) { /* texts and node axes both grow at their end */
        const size_t size = swp_type_size(to->type);
        memcpy(to_row, from_row, from->row_bytes);
        fill_elements(to, to->inner_count - from->inner_count, (char *)to_row + from->inner_count * size);
        return WS_OK;
    }
    if (to->type == SWP_TYPE_F64 &&
        !is_all_nan((const double *)from_row + to->inner_count, from->inner_count - to->inner_count)) {
        return WS_ERR_ARG;
    }
    memcpy(to_row, from_row, to->row_bytes);
    return WS_OK;
}
