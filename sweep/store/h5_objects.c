#include "store/h5_objects.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/version.h"
#include "store/h5_column.h"
#include "store/h5_util.h"
#include "store/packer.h"
#include "engine.h"

const char *const swp_h5_own_attributes[] = {"title",           "Conventions", "schema_version", "program",
                                             "program_version", "git_commit",  "spec_sha256",    "n_jobs",
                                             "n_jobs_all",      "n_columns",   "history",        NULL};

/* Handles while objects are made. */
typedef struct maker {
    const swp_h5_objects *o;
    hid_t                *datasets;   /* [columns->n] */
    hid_t                *dimensions; /* [SWP_AXIS_COUNT] */
    ws_error             *err;
    hid_t                 job_scale; /* `job` of the group at work, borrowed from datasets */
} maker;

static ws_status fail(maker *m, const char *what)
{
    return swp_h5_fail(m->err, m->o->path, "cannot make %s", what);
}

/* ---- datasets ---- */

static size_t chunk_rows(const swp_h5_objects *o, const swp_column *column)
{
    if (!o->live) {
        return swp_h5_final_chunk_rows(column, o->n_rows[column->axis]);
    }
    if (column->role == SWP_ROLE_STATE) {
        return swp_h5_live_state_chunk_rows(o->chunk_rows[SWP_AXIS_JOB], o->layout->n_jobs);
    }
    return swp_h5_live_chunk_rows(column, o->chunk_rows[column->axis]);
}

static herr_t set_storage(hid_t list, const maker *m, const swp_column *column, int rank, const hsize_t *dims)
{
    const bool live                = m->o->live;
    hsize_t    chunk[SWP_MAX_RANK] = {chunk_rows(m->o, column)};

    if (!live && m->o->n_rows[column->axis] == 0) {
        return 0; /* an axis of fixed length 0 cannot have chunks */
    }
    for (int d = 1; d < rank; d++) {
        chunk[d] = dims[d];
    }
    if (H5Pset_chunk(list, rank, chunk) < 0) {
        return -1;
    }
    if (live) {
        /* Rows beyond the axis are never seen; texts alone rely on the fill value (see swp_h5_file_write). */
        return column->type == SWP_TYPE_CHAR ? 0 : H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    }
    if (swp_h5_is_shuffled(column) && H5Pset_shuffle(list) < 0) {
        return -1;
    }
    /* last, so over what lies in the file (store/packer.c) */
    return H5Pset_deflate(list, SWP_DEFLATE_LEVEL) < 0 ? -1 : H5Pset_fletcher32(list);
}

static herr_t set_fill(hid_t list, const swp_column *column)
{
    const double  nan_value = NAN;
    const int64_t missing   = -1;
    if (swp_column_may_lack(column)) {
        return H5Pset_fill_value(list, H5T_NATIVE_INT64, &missing);
    }
    return column->type == SWP_TYPE_F64 ? H5Pset_fill_value(list, H5T_NATIVE_DOUBLE, &nan_value) : 0;
}

static hid_t create_dataset(const maker *m, const swp_column *column, hid_t group)
{
    hsize_t   dims[SWP_MAX_RANK], max_dims[SWP_MAX_RANK];
    const int rank =
        swp_h5_column_dims(column, m->o->layout, m->o->live ? 0 : m->o->n_rows[column->axis], dims);
    const hid_t list   = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    hid_t       data   = -1;

    memcpy(max_dims, dims, sizeof(dims));
    if (m->o->live) {
        max_dims[0] = H5S_UNLIMITED;
    }
    const hid_t space = H5Screate_simple(rank, dims, max_dims);
    if (list >= 0 && access >= 0 && space >= 0 && set_storage(list, m, column, rank, dims) >= 0 &&
        set_fill(list, column) >= 0 &&
        H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0 &&
        H5Pset_chunk_cache(access, 1, 0, 0.75) >= 0) { /* none: what is written goes straight to the file */
        data =
            H5Dcreate2(group, column->name, swp_h5_file_type(column->type), space, H5P_DEFAULT, list, access);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    if (access >= 0) {
        H5Pclose(access);
    }
    if (list >= 0) {
        H5Pclose(list);
    }
    return data;
}

static herr_t put_flags(hid_t data, const swp_column *column)
{
    int8_t values[16];
    WS_ASSERT(column->n_flags <= sizeof(values));
    for (size_t i = 0; i < column->n_flags; i++) {
        values[i] = (int8_t)(column->flag_first + (int)i);
    }
    return swp_h5_put_i8s(data, "flag_values", values, column->n_flags) < 0
               ? -1
               : swp_h5_put_text(data, "flag_meanings", column->flag_meanings);
}

static herr_t put_attributes(hid_t data, const swp_column *column)
{
    herr_t result = swp_h5_put_text(data, "long_name", column->long_name);
    if (result >= 0 && column->unit[0] != '\0') {
        result = swp_h5_put_text(data, "units", column->unit);
    }
    if (result >= 0 && column->type == SWP_TYPE_F64) {
        result = swp_h5_put_double(data, "_FillValue", NAN);
    }
    if (result >= 0 && swp_column_may_lack(column)) {
        result = swp_h5_put_int(data, "_FillValue", -1);
    }
    if (result >= 0 && column->type == SWP_TYPE_CHAR) {
        result = swp_h5_put_text(data, "_Encoding", "utf-8");
    }
    if (result >= 0 && column->n_flags > 0) {
        result = put_flags(data, column);
    }
    if (result >= 0 && (column->role == SWP_ROLE_SAMPLE_COUNT || column->role == SWP_ROLE_REQUEST_COUNT)) {
        result = swp_h5_put_text(data, "sample_dimension",
                                 column->role == SWP_ROLE_SAMPLE_COUNT ? "sample" : "request");
    }
    return result;
}

/* ---- scales ---- */

/* A coordinate variable of names, as long as its axis. */
static hid_t make_name_axis(hid_t group, const char *name, const char *long_name, const char *const *names,
                            hsize_t n)
{
    hid_t       data  = -1;
    const hid_t type  = swp_h5_text_type();
    const hid_t space = H5Screate_simple(1, &n, NULL);
    const hid_t list  = H5Pcreate(H5P_DATASET_CREATE);

    if (type >= 0 && space >= 0 && list >= 0 &&
        H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0) {
        data = H5Dcreate2(group, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    }
    if (data >= 0 && (H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, names) < 0 ||
                      H5DSset_scale(data, name) < 0 || swp_h5_put_text(data, "long_name", long_name) < 0)) {
        H5Dclose(data);
        data = -1;
    }
    if (list >= 0) {
        H5Pclose(list);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    return data;
}

static hid_t make_node_axis(hid_t group, size_t n_nodes)
{
    const hsize_t n      = n_nodes;
    hid_t         data   = -1;
    int32_t      *number = malloc(n_nodes * sizeof(number[0]));
    const hid_t   space  = H5Screate_simple(1, &n, NULL);
    const hid_t   list   = H5Pcreate(H5P_DATASET_CREATE);

    for (size_t i = 0; number != NULL && i < n_nodes; i++) {
        number[i] = (int32_t)i;
    }
    if (number != NULL && space >= 0 && list >= 0 &&
        H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0) {
        data = H5Dcreate2(group, "node", H5T_STD_I32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    }
    if (data >= 0 && (H5Dwrite(data, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, number) < 0 ||
                      H5DSset_scale(data, "node") < 0 ||
                      swp_h5_put_text(data, "long_name", "node of the cluster config") < 0)) {
        H5Dclose(data);
        data = -1;
    }
    if (list >= 0) {
        H5Pclose(list);
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    free(number);
    return data;
}

static hid_t make_component_axis(hid_t group)
{
    const char *names[WS_COMPONENT_COUNT];
    for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
        names[c] = ws_component_name((ws_component)c);
    }
    return make_name_axis(group, "component", "what energy is charged to", names, WS_COMPONENT_COUNT);
}

static hid_t make_state_axis(hid_t group)
{
    const char *names[WS_STATE_COUNT];
    for (int s = 0; s < WS_STATE_COUNT; s++) {
        names[s] = ws_npu_state_name((ws_npu_state)s);
    }
    return make_name_axis(group, "npu_state", "power state of an NPU", names, WS_STATE_COUNT);
}

static hid_t make_phase_axis(hid_t group)
{
    const char *names[WS_PHASE_COUNT];
    for (int p = 0; p < WS_PHASE_COUNT; p++) {
        names[p] = ws_phase_name((ws_phase)p);
    }
    return make_name_axis(group, "phase", "what energy is drawn for", names, WS_PHASE_COUNT);
}

/* The scale `name` of a group: the one there, or made now. @return open dataset */
static hid_t inner_scale(const maker *m, hid_t group, const char *name, const swp_column *column)
{
    if (H5Lexists(group, name, H5P_DEFAULT) > 0) {
        return H5Dopen2(group, name, H5P_DEFAULT);
    }
    if (strcmp(name, "node") == 0) {
        return make_node_axis(group, m->o->layout->max_nodes);
    }
    if (strcmp(name, "component") == 0) {
        return make_component_axis(group);
    }
    if (strcmp(name, "npu_state") == 0) {
        return make_state_axis(group);
    }
    if (strcmp(name, "phase") == 0) {
        return make_phase_axis(group);
    }
    return swp_h5_make_dimension(group, name, column->inner_count, column->inner_count);
}

static herr_t attach_inner(const maker *m, hid_t group, hid_t data, const swp_column *column, unsigned axis,
                           const char *name)
{
    const hid_t scale = inner_scale(m, group, name, column);
    if (scale < 0) {
        return -1;
    }
    const herr_t result = H5DSattach_scale(data, scale, axis);
    H5Dclose(scale);
    return result;
}

/* Names of the axes behind the growing one, NULL after the last. */
static const char *const inner_axes[][SWP_MAX_RANK] = {
    [SWP_INNER_NODE]           = {"node"},
    [SWP_INNER_COMPONENT]      = {"component"},
    [SWP_INNER_NODE_COMPONENT] = {"node", "component"},
    [SWP_INNER_NODE_PHASE]     = {"node", "component", "phase"},
    [SWP_INNER_NODE_STATE]     = {"node", "npu_state"},
};

static herr_t attach_scales(const maker *m, hid_t group, hid_t data, const swp_column *column)
{
    const hid_t growing = column->axis == SWP_AXIS_JOB ? m->job_scale : m->dimensions[column->axis];
    char        text_axis[80];

    if (column->role == SWP_ROLE_JOB) {
        return H5DSset_scale(data, "job");
    }
    if (H5DSattach_scale(data, growing, 0) < 0) {
        return -1;
    }
    if (column->inner == SWP_INNER_TEXT) {
        snprintf(text_axis, sizeof(text_axis), "%s_len", column->name);
        return attach_inner(m, group, data, column, 1, text_axis);
    }
    herr_t result = 0;
    for (unsigned a = 0; result >= 0 && inner_axes[column->inner][a] != NULL; a++) {
        result = attach_inner(m, group, data, column, 1 + a, inner_axes[column->inner][a]);
    }
    return result;
}

/* ---- the whole ---- */

static ws_status make_axes(maker *m, hid_t group, const char *name)
{
    const swp_row_axis axis = strcmp(name, "timeseries") == 0 ? SWP_AXIS_SAMPLE : SWP_AXIS_REQUEST;
    if (strcmp(name, "timeseries") != 0 && strcmp(name, "requests") != 0) {
        return WS_OK;
    }
    const hsize_t len   = m->o->live ? 0 : m->o->n_rows[axis];
    m->dimensions[axis] = swp_h5_make_dimension(group, axis == SWP_AXIS_SAMPLE ? "sample" : "request", len,
                                                m->o->live ? H5S_UNLIMITED : len);
    return m->dimensions[axis] < 0 ? fail(m, name) : WS_OK;
}

/* Open the group of a column, made on its first column; columns of a group stand together in the table. */
static ws_status open_group(maker *m, const char *name, hid_t *group_out)
{
    if (name[0] == '\0') {
        *group_out = H5Gopen2(m->o->id, "/", H5P_DEFAULT);
        return *group_out < 0 ? fail(m, "/") : WS_OK;
    }
    if (H5Lexists(m->o->id, name, H5P_DEFAULT) > 0) {
        *group_out = H5Gopen2(m->o->id, name, H5P_DEFAULT);
        return *group_out < 0 ? fail(m, name) : WS_OK;
    }
    const hid_t list = swp_h5_group_creation();
    *group_out       = list < 0 ? -1 : H5Gcreate2(m->o->id, name, H5P_DEFAULT, list, H5P_DEFAULT);
    if (list >= 0) {
        H5Pclose(list);
    }
    if (*group_out < 0) {
        return fail(m, name);
    }
    return make_axes(m, *group_out, name);
}

static ws_status make_column(maker *m, size_t index)
{
    const swp_column *column = &m->o->columns->list[index];
    hid_t             group  = -1;
    ws_status         status = open_group(m, column->group, &group);

    if (status == WS_OK) {
        const hid_t data   = create_dataset(m, column, group);
        m->datasets[index] = data;
        if (data < 0 || put_attributes(data, column) < 0 || attach_scales(m, group, data, column) < 0) {
            status = fail(m, column->path);
        }
        if (column->role == SWP_ROLE_JOB) {
            m->job_scale = data;
        }
    }
    if (group >= 0) {
        H5Gclose(group);
    }
    return status;
}

static ws_status put_root(maker *m)
{
    const swp_layout *layout = m->o->layout;
    const hid_t       id     = m->o->id;

    if (swp_h5_put_text(id, "title", layout->title) < 0 ||
        swp_h5_put_text(id, "Conventions", "CF-1.10") < 0 ||
        swp_h5_put_int(id, "schema_version", SWP_SCHEMA_VERSION) < 0 ||
        swp_h5_put_text(id, "program", "wattsweep") < 0 ||
        swp_h5_put_text(id, "program_version", ws_version()) < 0 ||
        swp_h5_put_text(id, "git_commit", ws_git_commit()) < 0 ||
        swp_h5_put_text(id, "spec_sha256", layout->spec_sha256) < 0 ||
        swp_h5_put_int(id, "n_jobs", layout->n_jobs) < 0 ||
        swp_h5_put_int(id, "n_jobs_all", layout->n_jobs_all) < 0 ||
        swp_h5_put_int(id, "n_columns", (int64_t)m->o->columns->n) < 0 ||
        swp_h5_put_text(id, "history", m->o->history) < 0) {
        return fail(m, "the attributes");
    }
    for (size_t i = 0; i < layout->n_attributes; i++) {
        if (swp_h5_put_text(id, layout->attributes[i].name, layout->attributes[i].text) < 0) {
            return fail(m, layout->attributes[i].name);
        }
    }
    if (swp_h5_put_text_dataset(id, "spec_json", layout->spec_json,
                                "the sweep's spec with resolved inputs, JSON") < 0) {
        return fail(m, "/spec_json");
    }
    return WS_OK;
}

ws_status swp_h5_make_objects(const swp_h5_objects *objects, ws_error *err, hid_t *datasets_out,
                              hid_t dimensions_out[SWP_AXIS_COUNT])
{
    maker m = {objects, datasets_out, dimensions_out, err, -1};
    WS_TRY(put_root(&m));
    for (size_t i = 0; i < objects->columns->n; i++) {
        WS_TRY(make_column(&m, i));
    }
    return WS_OK;
}
