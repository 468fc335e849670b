#include "store/h5_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "result/layout.h"
#include "store/h5_objects.h"
#include "store/h5_util.h"

/* Sane sizes: a row of more is not written by us, and would be read into memory. */
#define MOST_NODES 100000
#define MOST_TEXT_LEN 65536

/* ---- attributes ---- */

typedef struct attribute_list {
    swp_layout *layout;
    bool        failed; /* out of memory or unreadable */
} attribute_list;

static bool is_own(const char *name)
{
    for (size_t i = 0; swp_h5_own_attributes[i] != NULL; i++) {
        if (strcmp(name, swp_h5_own_attributes[i]) == 0) {
            return true;
        }
    }
    return name[0] == '_'; /* netCDF's bookkeeping */
}

static herr_t add_attribute(hid_t root, const char *name, const H5A_info_t *info, void *data)
{
    attribute_list *list = data;
    (void)info;
    if (is_own(name)) {
        return 0;
    }
    char *text = swp_h5_get_text(root, name);
    if (text == NULL) {
        return 0; /* no text: not one of ours */
    }
    const size_t        n = list->layout->n_attributes;
    swp_text_attribute *grown =
        realloc((swp_text_attribute *)list->layout->attributes, (n + 1) * sizeof(grown[0]));
    char *copy = ws_strdup(name);
    if (grown != NULL) {
        list->layout->attributes = grown;
    }
    if (grown == NULL || copy == NULL) {
        list->failed = true;
        free(text);
        free(copy);
        return -1;
    }
    grown[n]                   = (swp_text_attribute){.name = copy, .text = text};
    list->layout->n_attributes = n + 1;
    return 0;
}

/* ---- parameters ---- */

/* False if HDF5 fails, or it is no kind of parameter. */
static bool find_kind(hid_t data, swp_param_kind *kind_out)
{
    const hid_t type = H5Dget_type(data);
    if (type < 0) {
        return false;
    }
    const H5T_class_t class_id = H5Tget_class(type);
    const size_t      size     = H5Tget_size(type); /* 0 if it fails */
    H5Tclose(type);
    if (class_id == H5T_STRING) {
        *kind_out = SWP_PARAM_TEXT;
    } else if (class_id == H5T_INTEGER) {
        *kind_out = size == 1 ? SWP_PARAM_BOOL : SWP_PARAM_INT;
    } else {
        *kind_out = SWP_PARAM_DOUBLE;
    }
    return class_id != H5T_NO_CLASS && size > 0;
}

static hsize_t axis_len(hid_t data, int axis)
{
    hsize_t     dims[H5S_MAX_RANK] = {0};
    const hid_t space              = H5Dget_space(data);
    if (space < 0) {
        return 0;
    }
    const int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    H5Sclose(space);
    return axis < rank ? dims[axis] : 0;
}

static bool read_param(hid_t group, const char *column, size_t k, swp_param *param)
{
    char        prefix[32];
    const int   n    = snprintf(prefix, sizeof(prefix), "p%zu_", k);
    const hid_t data = swp_h5_open_dataset(group, column, H5P_DEFAULT);

    if (data < 0) {
        return false;
    }
    const bool has_kind = find_kind(data, &param->kind);
    param->text_len     = param->kind == SWP_PARAM_TEXT ? (size_t)axis_len(data, 1) : 0;
    param->name         = strncmp(column, prefix, (size_t)n) == 0 ? ws_strdup(column + n) : NULL;
    param->long_name    = swp_h5_get_text(data, "long_name");
    param->unit         = swp_h5_get_text(data, "units");
    if (param->unit == NULL) {
        param->unit = ws_strdup("1");
    }
    H5Dclose(data);
    return has_kind && param->text_len <= MOST_TEXT_LEN && param->name != NULL && param->long_name != NULL &&
           param->unit != NULL;
}

typedef struct param_name {
    size_t k; /* wanted */
    char   name[80];
} param_name;

static herr_t find_param(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    param_name *wanted = data;
    char        prefix[32];
    const int   n = snprintf(prefix, sizeof(prefix), "p%zu_", wanted->k);
    (void)group;
    (void)info;
    if (strncmp(name, prefix, (size_t)n) != 0 || strlen(name) >= sizeof(wanted->name)) {
        return 0;
    }
    if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, "_len") == 0) {
        char text_column[80]; /* p0_x_len may be the length axis of p0_x, made right after it */
        snprintf(text_column, sizeof(text_column), "%.*s", (int)strlen(name) - 4, name);
        if (H5Lexists(group, text_column, H5P_DEFAULT) > 0) {
            return 0;
        }
    }
    snprintf(wanted->name, sizeof(wanted->name), "%s", name);
    return 1;
}

static bool read_params(hid_t file, swp_layout *layout)
{
    bool ok = true;
    if (!swp_h5_has(file, "params")) {
        return true;
    }
    const hid_t group = H5Gopen2(file, "params", H5P_DEFAULT);
    if (group < 0) {
        return false;
    }
    for (size_t k = 0; ok; k++) {
        param_name wanted = {.k = k};
        hsize_t    next   = 0;
        if (H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, &next, find_param, &wanted) <= 0) {
            break;
        }
        swp_param *grown = realloc((swp_param *)layout->params, (k + 1) * sizeof(grown[0]));
        if (grown == NULL) {
            ok = false;
            break;
        }
        grown[k]         = (swp_param){.name = NULL};
        layout->params   = grown;
        layout->n_params = k + 1;
        ok               = read_param(group, wanted.name, k, &grown[k]);
    }
    H5Gclose(group);
    return ok;
}

/* ---- the whole ---- */

static size_t read_max_nodes(hid_t file)
{
    const hid_t data =
        swp_h5_has(file, "energy") ? swp_h5_open_dataset(file, "energy/component_j", H5P_DEFAULT) : -1;
    if (data < 0) {
        return 0;
    }
    const hsize_t n = axis_len(data, 1);
    H5Dclose(data);
    return n <= MOST_NODES ? (size_t)n : 0;
}

static ws_status check_schema(hid_t file, const char *path, ws_error *err)
{
    int64_t    version = -1;
    char      *program = swp_h5_get_text(file, "program");
    const bool ours    = program != NULL && strcmp(program, "wattsweep") == 0 &&
                      swp_h5_get_int(file, "schema_version", &version) >= 0;
    free(program);
    if (!ours) {
        return swp_h5_fail(err, path, "HDF5, but not a result file of wattsweep (no schema_version)");
    }
    if (version < 1 || version > SWP_SCHEMA_VERSION) {
        return swp_h5_fail(err, path, "schema version %lld, this program knows 1 to %d", (long long)version,
                           SWP_SCHEMA_VERSION);
    }
    return WS_OK;
}

static ws_status read_all(hid_t file, const char *path, ws_error *err, swp_layout *layout)
{
    attribute_list list = {layout, false};
    hsize_t        next = 0;

    layout->title       = swp_h5_get_text(file, "title");
    layout->spec_sha256 = swp_h5_get_text(file, "spec_sha256");
    layout->spec_json   = swp_h5_get_text_dataset(file, "spec_json");
    layout->max_nodes   = read_max_nodes(file);
    if (layout->title == NULL || layout->spec_sha256 == NULL || layout->spec_json == NULL ||
        layout->max_nodes == 0 || swp_h5_get_int(file, "n_jobs", &layout->n_jobs) < 0 ||
        swp_h5_get_int(file, "n_jobs_all", &layout->n_jobs_all) < 0 || layout->n_jobs < 0 ||
        layout->n_jobs_all < 0) {
        return swp_h5_fail(err, path, "damaged: the sweep's description cannot be read");
    }
    layout->has_series   = swp_h5_has(file, "timeseries");
    layout->has_requests = swp_h5_has(file, "requests");
    if (!read_params(file, layout)) {
        return swp_h5_fail(err, path, "damaged: /params cannot be read");
    }
    if (H5Aiterate2(file, H5_INDEX_CRT_ORDER, H5_ITER_INC, &next, add_attribute, &list) < 0 || list.failed) {
        return swp_h5_fail(err, path, "damaged: the attributes cannot be read");
    }
    return WS_OK;
}

ws_status swp_h5_layout_read(hid_t file, const char *path, ws_error *err, swp_layout **layout_out)
{
    *layout_out = NULL;
    WS_TRY(check_schema(file, path, err));
    swp_layout *layout = calloc(1, sizeof(*layout));
    if (layout == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path);
    }
    const ws_status status = read_all(file, path, err, layout);
    if (status != WS_OK) {
        swp_layout_free(&layout);
        return status;
    }
    *layout_out = layout;
    return WS_OK;
}
