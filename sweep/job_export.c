#include "job_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "dataset_workload.h"
#include "job_build.h"

#define MAX_DATA_DIRS 16

/* The sweep, set up again from what the file says. */
typedef struct rebuilt {
    ws_json_doc *doc; /* of /spec_json */
    ws_files    *files;
    swp_spec    *spec;
    swp_builder *builder;
    uint32_t    *value_index; /* of the job */
    char         bundled_dir[4096];
} rebuilt;

static void rebuilt_fini(rebuilt *r)
{
    free(r->value_index);
    swp_builder_destroy(&r->builder);
    swp_spec_destroy(&r->spec);
    ws_files_destroy(&r->files);
    ws_json_doc_destroy(&r->doc);
}

/* ---- setting up ---- */

static ws_status plant(rebuilt *r, const char *path, ws_json contents)
{
    char *text = ws_json_print(contents, true);
    if (text == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = ws_files_put(r->files, path, text, strlen(text));
    free(text);
    return status;
}

/* Let the builder find what the sweep found: cluster config and generator spec as they were then; a dataset
 * is only named, not read. */
static ws_status plant_files(rebuilt *r, ws_json root)
{
    const ws_json spec    = ws_json_member(root, "spec");
    const char   *cluster = ws_json_string(ws_json_member(root, "cluster_path"));
    const char   *dataset = ws_json_string(ws_json_member(root, "dataset_path"));
    /* a name of its own: the sweep may have found it anywhere */
    const char *workload = ws_json_string(ws_json_member(ws_json_member(spec, "workload"), "path"));

    if (cluster != NULL && ws_json_kind_of(ws_json_member(spec, "cluster")) != WS_JSON_OBJECT) {
        WS_TRY(plant(r, cluster, ws_json_member(root, "cluster")));
    }
    if (workload != NULL) {
        WS_TRY(plant(r, workload, ws_json_member(root, "workload")));
    }
    return dataset == NULL ? WS_OK : ws_files_put(r->files, dataset, "", 0);
}

static ws_status parse_spec(rebuilt *r, ws_json root, ws_error *err)
{
    const char   *path = ws_json_string(ws_json_member(root, "spec_path"));
    const ws_json spec = ws_json_member(root, "spec");
    if (path == NULL || ws_json_kind_of(spec) != WS_JSON_OBJECT) {
        return ws_json_problem(root, err, "no spec of a sweep: the file was not written by `wattsweep run`");
    }
    char *text = ws_json_print(spec, true);
    if (text == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = swp_spec_parse(path, text, strlen(text), err, &r->spec);
    free(text);
    return status;
}

static ws_status create_builder(rebuilt *r, ws_json root, ws_error *err)
{
    const char *dirs[MAX_DATA_DIRS];
    size_t      n_dirs = 0;
    for (ws_json dir = ws_json_first(ws_json_member(root, "data_dirs"));
         ws_json_string(dir) != NULL && n_dirs < MAX_DATA_DIRS; dir = ws_json_next(dir)) {
        dirs[n_dirs++] = ws_json_string(dir);
    }
    const bool               has_bundle = ws_bundled_dir(r->bundled_dir, sizeof(r->bundled_dir));
    const swp_builder_config config     = {.spec_path   = ws_json_string(ws_json_member(root, "spec_path")),
                                           .data_dirs   = dirs,
                                           .n_data_dirs = n_dirs,
                                           .bundled_dir = has_bundle ? r->bundled_dir : NULL};
    return swp_builder_create(r->spec, &config, r->files, err, &r->builder);
}

static ws_status rebuild(rebuilt *r, const char *spec_json, const char *name, int64_t job, ws_error *err)
{
    char *doc_name = ws_asprintf("%s:/spec_json", name);
    if (doc_name == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status parsed = ws_json_doc_parse(doc_name, spec_json, strlen(spec_json), err, &r->doc);
    free(doc_name);
    WS_TRY(parsed);
    const ws_json root = ws_json_doc_root(r->doc);
    WS_TRY(ws_files_create(&r->files));
    WS_TRY(parse_spec(r, root, err));
    WS_TRY(plant_files(r, root));
    WS_TRY(create_builder(r, root, err));
    r->value_index = calloc(r->spec->n_params + 1, sizeof(r->value_index[0]));
    if (r->value_index == NULL) {
        return WS_ERR_NOMEM;
    }
    swp_space_point(swp_builder_space(r->builder), (uint64_t)job, r->value_index);
    return WS_OK;
}

/* ---- writing ---- */

static ws_status write_text(const char *dir, const char *name, const char *text, ws_error *err)
{
    char *path = ws_asprintf("%s/%s", dir, name);
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    bool  ok   = file != NULL && fputs(text, file) >= 0;
    if (file != NULL && fclose(file) != 0) {
        ok = false;
    }
    if (!ok && path != NULL) {
        ws_error_add(err, WS_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    free(path);
    return ok ? WS_OK : path == NULL ? WS_ERR_NOMEM : WS_ERR_IO;
}

static ws_status write_json(const char *dir, const char *name, const ws_json_doc *doc, ws_error *err)
{
    char *text = ws_json_print(ws_json_doc_root(doc), true);
    if (text == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = write_text(dir, name, text, err);
    free(text);
    return status;
}

static void put_option(ws_strbuf *out, const ws_option *option, const char *text)
{
    char flag[64];
    ws_option_flag(option, flag);
    if (option->type == WS_OPTION_BOOL) {
        ws_strbuf_printf(out, "--%s%s\n", strcmp(text, "true") == 0 ? "" : "no-", flag);
    } else {
        ws_strbuf_printf(out, "--%s=%s\n", flag, text);
    }
}

/* All of them: a later version may have other defaults. */
static void put_options(ws_strbuf *out, const ws_options *options)
{
    size_t           n     = 0;
    const ws_option *table = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        char value[64];
        put_option(out, &table[i], ws_option_get_text(options, &table[i], value));
    }
}

/* A path of the sweep, absolute if it still leads somewhere. */
static void put_path(ws_strbuf *out, const char *before, ws_json root, const char *path)
{
    const char *folder = ws_json_string(ws_json_member(root, "cwd"));
    char *joined = path[0] == '/' || folder == NULL ? ws_strdup(path) : ws_asprintf("%s/%s", folder, path);
    if (joined == NULL) {
        out->failed = true;
        return;
    }
    ws_strbuf_printf(out, "%s%s\n", before, access(joined, R_OK) == 0 ? joined : path);
    free(joined);
}

static void put_slo(ws_strbuf *out, const ws_slo *slo)
{
    if (ws_slo_is_set(slo)) {
        ws_strbuf_puts(out, "--slo=");
        ws_slo_put_text(slo, out);
        ws_strbuf_puts(out, "\n");
    }
}

/* Where the dataset was found, unless the dataset itself is swept. */
static void put_dataset(ws_strbuf *out, ws_json root, ws_json workload)
{
    const char *dataset = ws_json_string(ws_json_member(workload, "dataset"));
    const char *named   = ws_json_string(ws_json_member(ws_json_member(root, "workload"), "dataset"));
    const char *found   = ws_json_string(ws_json_member(root, "dataset_path"));
    const bool  usual   = dataset != NULL && found != NULL && named != NULL && strcmp(named, dataset) == 0;
    if (dataset != NULL) {
        put_path(out, "--dataset=", root, usual ? found : dataset);
    }
}

static ws_status write_args(const rebuilt *r, int64_t job, ws_json workload, const char *dir, ws_error *err)
{
    const ws_json root = ws_json_doc_root(r->doc);
    ws_strbuf     text = WS_STRBUF_INIT;
    ws_options    options;

    WS_TRY(swp_build_options(r->builder, (uint64_t)job, r->value_index, err, &options));
    if (swp_is_dataset(workload)) {
        WS_TRY(swp_dataset_options(workload, &options, err));
    }
    ws_strbuf_printf(&text, "# job %lld; wattsim --from FOLDER runs it again\n", (long long)job);
    put_dataset(&text, root, workload);
    for (ws_json dir_of = ws_json_first(ws_json_member(root, "data_dirs")); ws_json_string(dir_of) != NULL;
         dir_of         = ws_json_next(dir_of)) {
        put_path(&text, "--data-dir=", root, ws_json_string(dir_of));
    }
    put_options(&text, &options);
    put_slo(&text, &r->spec->slo);
    const ws_status status =
        text.failed ? WS_ERR_NOMEM : write_text(dir, "args.txt", ws_strbuf_text(&text), err);
    ws_strbuf_fini(&text);
    return status;
}

static ws_status write_inputs(ws_json root, const char *dir, ws_error *err)
{
    ws_strbuf text = WS_STRBUF_INIT;
    for (ws_json input                                   = ws_json_first(ws_json_member(root, "inputs"));
         ws_json_kind_of(input) == WS_JSON_OBJECT; input = ws_json_next(input)) {
        const char *path   = ws_json_string(ws_json_member(input, "path"));
        const char *sha256 = ws_json_string(ws_json_member(input, "sha256"));
        if (path != NULL && sha256 != NULL) {
            ws_strbuf_printf(&text, "%s  ", sha256);
            put_path(&text, "", root, path);
        }
    }
    const ws_status status =
        text.failed ? WS_ERR_NOMEM : write_text(dir, "inputs.sha256", ws_strbuf_text(&text), err);
    ws_strbuf_fini(&text);
    return status;
}

/* A generator's spec is a file of its own; an older one of another job must not stay. */
static ws_status write_workload(const ws_json_doc *workload, const char *dir, ws_error *err)
{
    if (workload != NULL && !swp_is_dataset(ws_json_doc_root(workload))) {
        return write_json(dir, "workload.json", workload, err);
    }
    char     *path   = ws_asprintf("%s/workload.json", dir);
    ws_status status = path == NULL ? WS_ERR_NOMEM : WS_OK;
    if (path != NULL && unlink(path) != 0 && errno != ENOENT) {
        status = ws_error_add(err, WS_ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
    }
    free(path);
    return status;
}

static ws_status export_rebuilt(rebuilt *r, int64_t job, const char *dir, ws_error *err)
{
    ws_json_doc *cluster = NULL, *workload = NULL;
    ws_status    status = swp_build_cluster(r->builder, r->value_index, err, &cluster);

    if (status == WS_OK) {
        status = swp_build_workload(r->builder, r->value_index, err, &workload);
    }
    if (status == WS_OK && mkdir(dir, 0777) != 0 && errno != EEXIST) {
        status = ws_error_add(err, WS_ERR_IO, "%s: cannot create: %s", dir, strerror(errno));
    }
    if (status == WS_OK) {
        status = write_json(dir, "cluster.json", cluster, err);
    }
    if (status == WS_OK) {
        status = write_inputs(ws_json_doc_root(r->doc), dir, err);
    }
    if (status == WS_OK) {
        status = write_workload(workload, dir, err);
    }
    if (status == WS_OK) {
        status = write_args(r, job, workload == NULL ? WS_JSON_NONE : ws_json_doc_root(workload), dir, err);
    }
    ws_json_doc_destroy(&workload);
    ws_json_doc_destroy(&cluster);
    return status;
}

ws_status swp_job_export(const char *spec_json, const char *name, int64_t job, const char *dir, ws_error *err)
{
    rebuilt   r      = {.doc = NULL};
    ws_status status = rebuild(&r, spec_json, name, job, err);
    if (status == WS_OK) {
        status = export_rebuilt(&r, job, dir, err);
    }
    rebuilt_fini(&r);
    return status;
}
