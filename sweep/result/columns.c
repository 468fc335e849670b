#include "result/columns.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "result/row.h"

/* Names of the states, each after a blank. */
#define STATE_MEANING(id, name) " " name
static const char job_state_meanings[] = SWP_STATE_LIST(STATE_MEANING);
#undef STATE_MEANING

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

/* Add a column of this form under a name. The capacity is counted beforehand, so adding cannot fail. */
static void add(builder *b, const char *group, const char *name, swp_column form)
{
    WS_ASSERT(b->columns->n < b->capacity);
    swp_column *column = &b->columns->list[b->columns->n++];
    *column            = form;
    column->group      = group;
    column->unit       = form.unit == NULL ? "" : form.unit;
    snprintf(column->name, sizeof(column->name), "%s", name);
    snprintf(column->path, sizeof(column->path), "%s%s/%s", group[0] == '\0' ? "" : "/", group, column->name);
}

/* The coordinate of the job axis, first in each group: xarray and others open a group without the root. */
static void add_job_axis(builder *b, const char *group)
{
    const swp_column form = {.role      = SWP_ROLE_JOB,
                             .index     = b->n_job_axes++,
                             .type      = SWP_TYPE_I64,
                             .unit      = "1",
                             .long_name = "job: index in the expanded space"};
    add(b, group, "job", form);
}

/* Columns that every file of a kind has, by the group they are in. */
/* clang-format off */
static const swp_column job_columns[] = {
    {.role = SWP_ROLE_HASH, .name = "job_hash", .type = SWP_TYPE_CHAR, .inner = SWP_INNER_TEXT,
     .inner_count = SWP_HASH_LEN, .long_name = "content hash of the job"},
    {.role = SWP_ROLE_STATE, .name = "state", .type = SWP_TYPE_I8, .long_name = "state of the job",
     .flag_meanings = job_state_meanings + 1, .n_flags = SWP_STATE_COUNT},
    {.role = SWP_ROLE_ERROR, .name = "error", .type = SWP_TYPE_CHAR, .inner = SWP_INNER_TEXT,
     .inner_count = SWP_ERROR_LEN, .long_name = "why the job is not done"},
    {.role = SWP_ROLE_ATTEMPT, .name = "attempt", .type = SWP_TYPE_I32, .unit = "1",
     .long_name = "attempts made, the first is 1"},
    {.role = SWP_ROLE_SEED, .name = "seed", .type = SWP_TYPE_I64, .unit = "1",
     .long_name = "random seed of the simulation"},
    {.role = SWP_ROLE_REPEAT, .name = "repeat", .type = SWP_TYPE_I32, .unit = "1",
     .long_name = "repetition of the same point, from 0"},
};
static const swp_column energy_columns[] = {
    {.role = SWP_ROLE_COMPONENT_J, .name = "component_j", .type = SWP_TYPE_F64, .unit = "J",
     .inner = SWP_INNER_NODE_COMPONENT, .long_name = "energy by node and component"},
    {.role = SWP_ROLE_PHASE_J, .name = "phase_j", .type = SWP_TYPE_F64, .unit = "J",
     .inner = SWP_INNER_NODE_PHASE, .long_name = "energy by node, component and phase of serving"},
    {.role = SWP_ROLE_NPU_STATE_S, .name = "npu_state_s", .type = SWP_TYPE_F64, .unit = "s",
     .inner = SWP_INNER_NODE_STATE, .long_name = "NPU-seconds by node and state"},
};
static const swp_column sample_ranges[] = {
    {.role = SWP_ROLE_SAMPLE_START, .name = "row_start", .type = SWP_TYPE_I64, .unit = "1",
     .long_name = "first sample of the job"},
    {.role = SWP_ROLE_SAMPLE_COUNT, .name = "row_count", .type = SWP_TYPE_I64, .unit = "1",
     .long_name = "samples of the job"},
};
static const swp_column power_columns[] = {
    {.role = SWP_ROLE_NODE_POWER, .name = "node_power_w", .type = SWP_TYPE_F64, .unit = "W",
     .axis = SWP_AXIS_SAMPLE, .inner = SWP_INNER_NODE, .long_name = "mean power over the interval by node"},
    {.role = SWP_ROLE_COMPONENT_POWER, .name = "component_power_w", .type = SWP_TYPE_F64, .unit = "W",
     .axis = SWP_AXIS_SAMPLE, .inner = SWP_INNER_COMPONENT,
     .long_name = "mean power over the interval by component, all tracked nodes"},
};
static const swp_column request_ranges[] = {
    {.role = SWP_ROLE_REQUEST_START, .name = "row_start", .type = SWP_TYPE_I64, .unit = "1",
     .long_name = "first request of the job"},
    {.role = SWP_ROLE_REQUEST_COUNT, .name = "row_count", .type = SWP_TYPE_I64, .unit = "1",
     .long_name = "requests of the job"},
};
static const swp_column provenance_columns[] = {
    {.role = SWP_ROLE_RANK, .name = "rank", .type = SWP_TYPE_I32, .unit = "1",
     .long_name = "MPI rank that ran the job, -1 if none did"},
    {.role = SWP_ROLE_HOST, .name = "host", .type = SWP_TYPE_CHAR, .inner = SWP_INNER_TEXT,
     .inner_count = SWP_HOST_LEN, .long_name = "host that ran the job"},
    {.role = SWP_ROLE_WALL_S, .name = "wall_s", .type = SWP_TYPE_F64, .unit = "s",
     .long_name = "wall time of the simulation"},
    {.role = SWP_ROLE_PROFILE_KIND, .name = "profile_kind", .type = SWP_TYPE_I8,
     .long_name = "least certain source of latency data used",
     .flag_meanings = "unknown bundle compact roofline", .flag_first = -1, .n_flags = 4},
};
/* clang-format on */
#define N_COLUMNS(table) (sizeof(table) / sizeof((table)[0]))
enum {
    N_GROUPS = 6, /* with a job axis of their own, besides the root */
    N_FIXED  = N_COLUMNS(job_columns) + N_COLUMNS(energy_columns) + N_COLUMNS(sample_ranges) +
              N_COLUMNS(power_columns) + N_COLUMNS(request_ranges) + N_COLUMNS(provenance_columns)
};
#define ADD_TABLE(b, group, table) add_table(b, group, table, N_COLUMNS(table))

static void add_table(builder *b, const char *group, const swp_column *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add(b, group, table[i].name, table[i]);
    }
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

/* What a parameter's column is, by its kind. */
static swp_column form_of_param(const swp_param *param, size_t k)
{
    const char *unit = param->unit == NULL || param->unit[0] == '\0' ? "1" : param->unit;
    swp_column  form = {.role = SWP_ROLE_PARAM, .index = k, .long_name = param->long_name};
    switch (param->kind) {
    case SWP_PARAM_DOUBLE:
        form.type = SWP_TYPE_F64;
        form.unit = unit;
        break;
    case SWP_PARAM_INT:
        form.type = SWP_TYPE_I64;
        form.unit = unit;
        break;
    case SWP_PARAM_BOOL:
        form.type          = SWP_TYPE_I8;
        form.flag_meanings = "false true";
        form.n_flags       = 2;
        break;
    case SWP_PARAM_TEXT:
        form.type        = SWP_TYPE_CHAR;
        form.inner       = SWP_INNER_TEXT;
        form.inner_count = param->text_len > 0 ? param->text_len : 1;
        break;
    }
    return form;
}

static ws_status add_param(builder *b, size_t k, ws_error *err)
{
    const swp_param *param = &b->layout->params[k];
    char             name[64];

    if (!is_plain_name(param->name) || param->long_name == NULL || param->kind > SWP_PARAM_TEXT) {
        return ws_error_add(err, WS_ERR_ARG, "parameter %zu: \"%s\" is no name for a column", k,
                            param->name == NULL ? "" : param->name);
    }
    snprintf(name, sizeof(name), "p%zu_%s", k, param->name);
    add(b, "params", name, form_of_param(param, k));
    return WS_OK;
}

static void add_results(builder *b)
{
    add_job_axis(b, "metrics");
    for (size_t m = 0; m < WS_METRIC_COUNT; m++) {
        const ws_metric  metric = (ws_metric)m;
        const swp_column form   = {.role      = SWP_ROLE_METRIC,
                                   .index     = m,
                                   .type      = ws_metric_is_count(metric) ? SWP_TYPE_I64 : SWP_TYPE_F64,
                                   .unit      = ws_metric_unit(metric),
                                   .long_name = ws_metric_description(metric)};
        add(b, "metrics", ws_metric_name(metric), form);
    }
    add_job_axis(b, "energy");
    ADD_TABLE(b, "energy", energy_columns);
}

static void add_series(builder *b)
{
    static const char group[] = "timeseries";
    add_job_axis(b, group);
    ADD_TABLE(b, group, sample_ranges);
    for (size_t s = 0; s < WS_SERIES_COUNT; s++) {
        const ws_series_column series = (ws_series_column)s;
        const swp_column       form   = {.role      = SWP_ROLE_SERIES,
                                         .index     = s,
                                         .type      = SWP_TYPE_F64,
                                         .axis      = SWP_AXIS_SAMPLE,
                                         .unit      = ws_series_unit(series),
                                         .long_name = ws_series_description(series)};
        add(b, group, ws_series_name(series), form);
    }
    ADD_TABLE(b, group, power_columns);
}

static void add_requests(builder *b)
{
    static const char group[] = "requests";
    add_job_axis(b, group);
    ADD_TABLE(b, group, request_ranges);
    for (size_t f = 0; f < N_REQUEST_FIELDS; f++) {
        const swp_column form = {.role      = SWP_ROLE_REQUEST,
                                 .index     = f,
                                 .type      = request_fields[f].type,
                                 .axis      = SWP_AXIS_REQUEST,
                                 .unit      = request_fields[f].unit,
                                 .long_name = request_fields[f].long_name};
        add(b, group, request_fields[f].name, form);
    }
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
    *out = (swp_columns){.n = 0};
    const size_t n =
        1 + N_GROUPS + N_FIXED + layout->n_params + WS_METRIC_COUNT + WS_SERIES_COUNT + N_REQUEST_FIELDS;
    builder   b  = {.layout = layout, .columns = out, .capacity = n};
    ws_status st = WS_OK;

    if (layout->max_nodes < 1) {
        return ws_error_add(err, WS_ERR_ARG, "a result file needs at least one node");
    }
    out->list = calloc(n, sizeof(out->list[0]));
    if (out->list == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    add_job_axis(&b, "");
    ADD_TABLE(&b, "", job_columns);
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
    add_job_axis(&b, "provenance");
    ADD_TABLE(&b, "provenance", provenance_columns);
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
