#include "job_export.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/strbuf.h"
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

/* Let the builder find what the sweep found: the cluster config as it was then; a dataset is only named, not
 * read. */
static ws_status plant_files(rebuilt *r, ws_json root)
{
    const char *cluster = ws_json_string(ws_json_member(root, "cluster_path"));
    const char *dataset = ws_json_string(ws_json_member(root, "dataset_path"));
    const bool  inline_cluster =
        ws_json_kind_of(ws_json_member(ws_json_member(root, "spec"), "cluster")) == WS_JSON_OBJECT;

    if (cluster != NULL && !inline_cluster) {
        char *text = ws_json_print(ws_json_member(root, "cluster"), true);
        if (text == NULL) {
            return WS_ERR_NOMEM;
        }
        const ws_status status = ws_files_put(r->files, cluster, text, strlen(text));
        free(text);
        WS_TRY(status);
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

static void put_dashed(ws_strbuf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        ws_strbuf_append(out, *name == '_' ? "-" : name, 1);
    }
}

static void put_option(ws_strbuf *out, const ws_option *option, const char *text)
{
    if (option->type == WS_OPTION_BOOL) {
        ws_strbuf_puts(out, strcmp(text, "true") == 0 ? "--" : "--no-");
        put_dashed(out, option->name);
        ws_strbuf_puts(out, "\n");
        return;
    }
    ws_strbuf_puts(out, "--");
    put_dashed(out, option->name);
    ws_strbuf_printf(out, "=%s\n", text);
}

static void put_options(ws_strbuf *out, const ws_options *options)
{
    const ws_options defaults = ws_options_default();
    size_t           n        = 0;
    const ws_option *table    = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        char value[64], usual[64];
        ws_option_get_text(options, &table[i], value);
        ws_option_get_text(&defaults, &table[i], usual);
        if (strcmp(value, usual) != 0) {
            put_option(out, &table[i], value);
        }
    }
}

static void put_slo(ws_strbuf *out, const ws_slo *slo)
{
    const struct {
        const char *name;
        double      bound_ms;
    } bounds[]         = {{"ttft_ms", slo->ttft_ms},
                          {"tpot_ms", slo->tpot_ms},
                          {"itl_ms", slo->itl_ms},
                          {"latency_ms", slo->latency_ms},
                          {"queue_ms", slo->queue_ms}};
    const char *before = "--slo=";
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (isfinite(bounds[i].bound_ms)) {
            ws_strbuf_printf(out, "%s%s=%.17g", before, bounds[i].name, bounds[i].bound_ms);
            before = ",";
        }
    }
    ws_strbuf_puts(out, before[0] == ',' ? "\n" : "");
}

static ws_status write_args(const rebuilt *r, int64_t job, ws_json workload, const char *dir, ws_error *err)
{
    const ws_json root    = ws_json_doc_root(r->doc);
    const char   *dataset = ws_json_string(ws_json_member(workload, "dataset"));
    const ws_json limit   = ws_json_member(workload, "num_reqs");
    ws_strbuf     text    = WS_STRBUF_INIT;
    ws_options    options;

    WS_TRY(swp_build_options(r->builder, (uint64_t)job, r->value_index, err, &options));
    if (ws_json_kind_of(limit) != WS_JSON_ABSENT) {
        WS_TRY(ws_json_read_int(limit, 0, INT64_MAX, err, &options.num_reqs));
    }
    ws_strbuf_printf(&text, "--cluster-config=%s/cluster.json\n", dir);
    if (dataset != NULL) { /* where it was found, unless the dataset itself is swept */
        const char *named = ws_json_string(ws_json_member(ws_json_member(root, "workload"), "dataset"));
        const char *found = ws_json_string(ws_json_member(root, "dataset_path"));
        const bool  usual = found != NULL && named != NULL && strcmp(named, dataset) == 0;
        ws_strbuf_printf(&text, "--dataset=%s\n", usual ? found : dataset);
    }
    for (ws_json d = ws_json_first(ws_json_member(root, "data_dirs")); ws_json_string(d) != NULL;
         d         = ws_json_next(d)) {
        ws_strbuf_printf(&text, "--data-dir=%s\n", ws_json_string(d));
    }
    put_options(&text, &options);
    put_slo(&text, &r->spec->slo);
    const ws_status status =
        text.failed ? WS_ERR_NOMEM : write_text(dir, "args.txt", ws_strbuf_text(&text), err);
    ws_strbuf_fini(&text);
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
    if (status == WS_OK && workload != NULL) {
        status = write_json(dir, "workload.json", workload, err);
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
