#include "job/builder.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "job/dataset_workload.h"
#include "job/builder_internal.h"

/* ---- finding files ---- */

static ws_status add_dir(swp_builder *b, const char *dir, size_t len)
{
    if (b->n_dirs == SWP_BUILDER_MAX_DIRS) {
        return WS_ERR_ARG;
    }
    b->dirs[b->n_dirs] = ws_asprintf("%.*s", (int)len, dir);
    return b->dirs[b->n_dirs++] == NULL ? WS_ERR_NOMEM : WS_OK;
}

static size_t parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

/* Beside the spec, the current folder, the data folders, the bundled configs and the folder they lie in. */
static ws_status list_dirs(swp_builder *b, const swp_builder_config *config)
{
    if (strchr(config->spec_path, '/') != NULL) {
        WS_TRY(add_dir(b, config->spec_path, parent_len(config->spec_path)));
    }
    WS_TRY(add_dir(b, ".", 1));
    for (size_t i = 0; i < config->n_data_dirs; i++) {
        WS_TRY(add_dir(b, config->data_dirs[i], strlen(config->data_dirs[i])));
    }
    if (config->bundled_dir != NULL) {
        WS_TRY(add_dir(b, config->bundled_dir, strlen(config->bundled_dir)));
        WS_TRY(add_dir(b, config->bundled_dir, parent_len(config->bundled_dir)));
    }
    return WS_OK;
}

static bool find_file(const swp_builder *b, const char *path, char *found, size_t cap)
{
    const ws_data_dirs data = {b->files, (const char *const *)b->dirs, b->n_dirs};
    return ws_files_find(&data, path, found, cap);
}

ws_status swp__builder_find(swp_builder *b, ws_json place, const char *what, char *found, size_t cap,
                            ws_error *err)
{
    const char *path = ws_json_string(place);
    if (path == NULL) {
        return ws_json_expected(place, err, what);
    }
    if (!find_file(b, path, found, cap)) {
        const char *obstacle = ws_files_obstacle(b->files, path);
        if (obstacle != NULL) {
            return ws_json_problem(place, err, "%s %s cannot be read: %s", what, path, obstacle);
        }
        return ws_json_problem(
            place, err,
            "%s not found: %s (looked next to the spec, in the current folder and in the data "
            "folders)",
            what, path);
    }
    return WS_OK;
}

/* Without the schema's path: a job is the same with and without it. */
static ws_status read_doc(swp_builder *b, const char *path, ws_error *err, ws_json_doc **out)
{
    ws_bytes bytes;
    WS_TRY(ws_files_read(b->files, path, err, &bytes));
    WS_TRY(ws_json_doc_parse(path, bytes.data, bytes.len, err, out));
    ws_json_remove(*out, "/$schema");
    return WS_OK;
}

/* ---- what the spec names ---- */

static ws_status load_cluster(swp_builder *b, ws_error *err)
{
    const ws_json place = b->spec->cluster;
    if (ws_json_kind_of(place) == WS_JSON_OBJECT) {
        char *name      = ws_asprintf("%s (cluster)", ws_json_doc_name(b->spec->doc));
        b->cluster_path = name;
        return name == NULL ? WS_ERR_NOMEM : ws_json_doc_copy(place, name, &b->cluster);
    }
    char found[PATH_MAX];
    WS_TRY(swp__builder_find(b, place, "cluster config", found, sizeof found, err));
    b->cluster_path = ws_strdup(found);
    return b->cluster_path == NULL ? WS_ERR_NOMEM : read_doc(b, found, err, &b->cluster);
}

static ws_status load_dataset(swp_builder *b, ws_json dataset, ws_error *err)
{
    char found[PATH_MAX];
    WS_TRY(swp__builder_find(b, dataset, "dataset", found, sizeof found, err));
    ws_bytes bytes;
    WS_TRY(ws_files_read(b->files, found, err, &bytes));
    ws_sha256_hex(bytes.data, bytes.len, b->dataset_sha256);
    b->dataset_path = ws_strdup(found);
    return b->dataset_path == NULL ? WS_ERR_NOMEM : WS_OK;
}

static ws_status load_workload(swp_builder *b, ws_error *err)
{
    const ws_json place = b->spec->workload;
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    const ws_json dataset = ws_json_member(place, "dataset");
    const ws_json path    = ws_json_member(place, "path");
    if (ws_json_kind_of(path) != WS_JSON_ABSENT && ws_json_size(place) == 1) {
        char found[PATH_MAX];
        WS_TRY(swp__builder_find(b, path, "workload generator spec", found, sizeof found, err));
        return read_doc(b, found, err, &b->workload);
    }
    if (ws_json_kind_of(dataset) != WS_JSON_ABSENT) {
        b->has_dataset          = true;
        ws_options      unused  = ws_options_default();
        const ws_status options = swp_dataset_options(place, &unused, err);
        const ws_status loaded  = load_dataset(b, dataset, err); /* both say what is wrong */
        WS_TRY(options);
        WS_TRY(loaded);
    }
    char *name = ws_asprintf("%s (workload)", ws_json_doc_name(b->spec->doc));
    if (name == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = ws_json_doc_copy(place, name, &b->workload);
    free(name);
    return status;
}

/* A parameter must have something to change. */
static ws_status check_targets(const swp_builder *b, ws_error *err)
{
    ws_status status      = WS_OK;
    bool      has_patches = false;
    if (b->has_dataset && b->workload != NULL) {
        status = swp_dataset_check(ws_json_doc_root(b->workload),
                                   ws_json_member(ws_json_doc_root(b->spec->doc), "options"), b->spec->params,
                                   b->spec->n_params, ws_json_doc_name(b->spec->doc), err);
    }
    for (size_t i = 0; i < b->spec->n_params; i++) {
        has_patches = has_patches || b->spec->params[i].target == SWP_TARGET_PATCH;
    }
    for (size_t i = 0; i < b->spec->n_params; i++) {
        const swp_parameter *param = &b->spec->params[i];
        if (param->target == SWP_TARGET_WORKLOAD && b->workload == NULL) {
            status = ws_error_add(err, WS_ERR_INPUT, "%s: /parameters: %s needs a workload in the spec",
                                  ws_json_doc_name(b->spec->doc), param->name);
        }
        if (param->target == SWP_TARGET_POINTER && !has_patches && b->cluster != NULL) {
            char parent[512];
            snprintf(parent, sizeof parent, "%.*s", (int)parent_len(param->name), param->name);
            if (ws_json_kind_of(ws_json_resolve(ws_json_doc_root(b->cluster), parent)) == WS_JSON_ABSENT) {
                status = ws_error_add(err, WS_ERR_INPUT, "%s: /parameters: %s leads nowhere in %s",
                                      ws_json_doc_name(b->spec->doc), param->name, b->cluster_path);
            }
        }
    }
    return status;
}

static ws_status load(swp_builder *b, const swp_builder_config *config, ws_error *err)
{
    WS_TRY(list_dirs(b, config));
    WS_TRY(
        ws_inputs_create(b->files, config->data_dirs, config->n_data_dirs, config->bundled_dir, &b->inputs));
    WS_TRY(swp_digests_create(b->files, config->data_dirs, config->n_data_dirs, config->bundled_dir,
                              &b->digests));
    const ws_status parts[] = {swp_space_init(&b->space, b->spec, err), load_cluster(b, err),
                               load_workload(b, err), check_targets(b, err)};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        WS_TRY(parts[i]);
    }
    return WS_OK;
}

ws_status swp_builder_create(const swp_spec *spec, const swp_builder_config *config, ws_files *files,
                             ws_error *err, swp_builder **builder_out)
{
    *builder_out   = NULL;
    swp_builder *b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return WS_ERR_NOMEM;
    }
    b->spec                = spec;
    b->files               = files;
    const ws_status status = load(b, config, err);
    if (status != WS_OK) {
        swp_builder_destroy(&b);
        return status;
    }
    *builder_out = b;
    return WS_OK;
}

ws_status swp_builder_check_files(ws_json_doc *spec_doc, const swp_builder_config *config, ws_files *files,
                                  ws_error *err)
{
    const ws_json  root = ws_json_doc_root(spec_doc);
    const swp_spec spec = {.doc      = spec_doc,
                           .cluster  = ws_json_member(root, "cluster"),
                           .workload = ws_json_member(root, "workload")};
    swp_builder   *b    = calloc(1, sizeof(*b));
    if (b == NULL) {
        return WS_ERR_NOMEM;
    }
    b->spec          = &spec;
    b->files         = files;
    ws_status status = list_dirs(b, config);
    if (status == WS_OK && ws_json_kind_of(spec.cluster) == WS_JSON_STRING) {
        status = load_cluster(b, err);
    }
    if (status != WS_ERR_NOMEM && ws_json_kind_of(spec.workload) == WS_JSON_OBJECT) {
        status = ws_status_worse(status, load_workload(b, err));
    }
    swp_builder_destroy(&b);
    return status;
}

void swp_builder_destroy(swp_builder **builder)
{
    swp_builder *b = *builder;
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->n_datasheets; i++) {
        ws_json_doc_destroy(&b->datasheets[i].doc);
    }
    ws_json_doc_destroy(&b->workload);
    ws_json_doc_destroy(&b->cluster);
    swp_digests_destroy(&b->digests);
    ws_inputs_destroy(&b->inputs);
    for (size_t i = 0; i < b->n_dirs; i++) {
        free(b->dirs[i]);
    }
    free(b->cluster_path);
    free(b->dataset_path);
    free(b);
    *builder = NULL;
}

ws_status swp_builder_share(const swp_builder *b)
{
    return ws_inputs_share(b->inputs);
}

const swp_spec *swp_builder_spec(const swp_builder *builder)
{
    return builder->spec;
}

const swp_space *swp_builder_space(const swp_builder *builder)
{
    return &builder->space;
}

const char *swp_builder_cluster_path(const swp_builder *builder)
{
    return builder->cluster_path;
}

const char *swp_builder_dataset_path(const swp_builder *builder)
{
    return builder->dataset_path;
}

ws_json swp_builder_cluster(const swp_builder *builder)
{
    return ws_json_doc_root(builder->cluster);
}

ws_json swp_builder_workload(const swp_builder *builder)
{
    return builder->workload == NULL ? WS_JSON_NONE : ws_json_doc_root(builder->workload);
}

/* ---- datasheets ---- */

static ws_json_doc *load_datasheet(swp_builder *b, const char *hardware)
{
    char relative[128], found[PATH_MAX];
    if (strchr(hardware, '/') != NULL) {
        return NULL;
    }
    snprintf(relative, sizeof relative, "hardware/%s.json", hardware);
    ws_json_doc *doc = NULL;
    if (!find_file(b, relative, found, sizeof found) || read_doc(b, found, NULL, &doc) != WS_OK) {
        return NULL; /* the simulator reports what is wrong with it */
    }
    return doc;
}

ws_json swp__builder_datasheet(void *ctx, const char *hardware)
{
    swp_builder *b = ctx;
    size_t       i = 0;
    while (i < b->n_datasheets && strcmp(b->datasheets[i].hardware, hardware) != 0) {
        i++;
    }
    if (i == b->n_datasheets) {
        if (i == SWP_BUILDER_MAX_HARDWARE || strlen(hardware) >= sizeof b->datasheets[i].hardware) {
            return WS_JSON_NONE;
        }
        snprintf(b->datasheets[i].hardware, sizeof b->datasheets[i].hardware, "%s", hardware);
        b->datasheets[i].doc = load_datasheet(b, hardware);
        b->n_datasheets++;
    }
    const ws_json_doc *doc = b->datasheets[i].doc;
    return doc == NULL ? WS_JSON_NONE : ws_json_doc_root(doc);
}

void swp_builder_params(const swp_builder *b, const uint32_t *value_index, swp_value *params_out)
{
    for (size_t i = 0; i < b->spec->n_params; i++) {
        const swp_choice *choice = &b->spec->params[i].values[value_index[i]];
        params_out[i]            = (swp_value){.number = choice->number, .text = choice->label};
        if (b->spec->params[i].kind == SWP_PARAM_INT || b->spec->params[i].kind == SWP_PARAM_BOOL) {
            params_out[i].integer = (int64_t)choice->number;
        }
    }
}
