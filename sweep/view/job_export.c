#include "view/job_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/output_file.h"
#include "base/strbuf.h"
#include "base/target.h"
#include "job/job.h"
#include "job/dataset_workload.h"
#include "spec/spec_parse.h"

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

/* ---- what the job read ---- */

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

/* Does a file that was read now go by the name or path an input had then? Data folders may lie elsewhere. */
static bool is_input(ws_json input, const char *path)
{
    const char  *was    = ws_json_string(ws_json_member(input, "path"));
    const char  *name   = ws_json_string(ws_json_member(input, "name"));
    const size_t suffix = name != NULL ? strlen(name) : 0, len = strlen(path);
    return (was != NULL && strcmp(was, path) == 0) ||
           (suffix > 0 && strchr(name, '/') != NULL && len > suffix && path[len - suffix - 1] == '/' &&
            strcmp(path + len - suffix, name) == 0);
}

static void add_if_changed(ws_json root, const char *path, ws_bytes bytes, ws_strbuf *changed)
{
    char hex[65];
    for (ws_json input                                   = ws_json_first(ws_json_member(root, "inputs"));
         ws_json_kind_of(input) == WS_JSON_OBJECT; input = ws_json_next(input)) {
        const char *sha256 = ws_json_string(ws_json_member(input, "sha256"));
        if (sha256 != NULL && is_input(input, path)) {
            ws_sha256_hex(bytes.data, bytes.len, hex);
            if (strcmp(hex, sha256) != 0) {
                ws_strbuf_printf(changed, "%s%s", changed->len > 0 ? ", " : "", path);
            }
            return;
        }
    }
}

/* The dataset is only planted for the builder: compare the file itself. */
static void add_dataset_if_changed(ws_json root, ws_strbuf *changed)
{
    const char *dataset = ws_json_string(ws_json_member(root, "dataset_path"));
    ws_files   *files   = NULL;
    ws_strbuf   path    = WS_STRBUF_INIT;
    ws_bytes    bytes;
    if (dataset != NULL && ws_files_create(&files) == WS_OK) {
        put_path(&path, "", root, dataset);
        if (path.len > 1 && !path.failed) {
            path.data[path.len - 1] = '\0'; /* its newline */
            if (ws_files_read(files, path.data, NULL, &bytes) == WS_OK) {
                add_if_changed(root, dataset, bytes, changed);
            }
        }
    }
    ws_strbuf_fini(&path);
    ws_files_destroy(&files);
}

/* Refuse an export whose rerun would not be the row: a file the job reads has other contents than then. */
static ws_status check_inputs(rebuilt *r, const char *name, int64_t job, ws_error *err)
{
    const ws_json root    = ws_json_doc_root(r->doc);
    const char   *cluster = ws_json_string(ws_json_member(root, "cluster_path"));
    const char   *workload =
        ws_json_string(ws_json_member(ws_json_member(ws_json_member(root, "spec"), "workload"), "path"));
    ws_scenario    *scenario = NULL;
    ws_strbuf       changed  = WS_STRBUF_INIT;
    const char     *path     = NULL;
    ws_bytes        bytes;
    swp_job         built = swp_job_of(r->builder, (uint64_t)job, r->value_index);
    const ws_status tried = swp_job_scenario(&built, NULL, &scenario);
    swp_job_fini(&built);
    if (tried == WS_ERR_NOMEM) {
        return WS_ERR_NOMEM; /* whatever else is wrong was the job's result */
    }
    ws_scenario_destroy(&scenario);
    for (size_t i = 0; ws_files_at(r->files, i, &path, &bytes); i++) {
        const bool is_planted = bytes.len == 0 || (cluster != NULL && strcmp(path, cluster) == 0) ||
                                (workload != NULL && strcmp(path, workload) == 0);
        if (!is_planted) {
            add_if_changed(root, path, bytes, &changed);
        }
    }
    add_dataset_if_changed(root, &changed);
    ws_status status = changed.failed ? WS_ERR_NOMEM : WS_OK;
    if (status == WS_OK && changed.len > 0) {
        status = ws_error_add(
            err, WS_ERR_INPUT,
            "%s: job %lld read other contents of %s than there are now, so its export would not give "
            "the row again",
            name, (long long)job, ws_strbuf_text(&changed));
    }
    ws_strbuf_fini(&changed);
    return status;
}

/* ---- writing ---- */

/* Names in the folder, in the order in which they appear: `wattsim --from` needs args.txt, which is last. */
enum { CLUSTER_FILE, INPUTS_FILE, WORKLOAD_FILE, ARGS_FILE, N_FILES };
static const char *const file_names[N_FILES] = {"cluster.json", "inputs.sha256", "workload.json", "args.txt"};

/* Their contents, all made before the first is written; NULL = the job has no such file. */
typedef struct folder_texts {
    char *text[N_FILES]; /* owned */
} folder_texts;

/* A buffer's text, which is not needed any more. */
static ws_status take_text(ws_strbuf *from, char **text_out)
{
    *text_out = from->failed ? NULL : ws_strdup(ws_strbuf_text(from));
    ws_strbuf_fini(from);
    return *text_out == NULL ? WS_ERR_NOMEM : WS_OK;
}

static ws_status make_json(ws_json place, char **text_out)
{
    *text_out = ws_json_print(place, true);
    return *text_out == NULL ? WS_ERR_NOMEM : WS_OK;
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

static ws_status make_args(const rebuilt *r, swp_job *job, ws_json workload, ws_error *err, char **text_out)
{
    const ws_json     root = ws_json_doc_root(r->doc);
    ws_strbuf         text = WS_STRBUF_INIT;
    const ws_options *built;

    WS_TRY(swp_job_options(job, err, &built));
    ws_options options = *built;
    if (swp_is_dataset(workload)) {
        WS_TRY(swp_dataset_options(workload, &options, err));
    }
    ws_strbuf_printf(&text, "# job %lld; wattsim --from FOLDER runs it again\n", (long long)job->number);
    put_dataset(&text, root, workload);
    for (ws_json dir_of = ws_json_first(ws_json_member(root, "data_dirs")); ws_json_string(dir_of) != NULL;
         dir_of         = ws_json_next(dir_of)) {
        put_path(&text, "--data-dir=", root, ws_json_string(dir_of));
    }
    put_options(&text, &options);
    put_slo(&text, &r->spec->slo);
    return take_text(&text, text_out);
}

static ws_status make_inputs(ws_json root, char **text_out)
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
    return take_text(&text, text_out);
}

static ws_status make_texts(const rebuilt *r, swp_job *job, ws_error *err, folder_texts *texts)
{
    ws_json cluster, workload;
    WS_TRY(swp_job_cluster(job, err, &cluster));
    WS_TRY(swp_job_workload(job, err, &workload));
    WS_TRY(make_json(cluster, &texts->text[CLUSTER_FILE]));
    WS_TRY(make_inputs(ws_json_doc_root(r->doc), &texts->text[INPUTS_FILE]));
    if (ws_json_kind_of(workload) != WS_JSON_ABSENT && !swp_is_dataset(workload)) {
        WS_TRY(make_json(workload, &texts->text[WORKLOAD_FILE]));
    }
    return make_args(r, job, workload, err, &texts->text[ARGS_FILE]);
}

/* ---- the folder: all of it, or what it was before ---- */

typedef struct folder_files {
    char           *path[N_FILES];
    ws_output_file *file[N_FILES]; /* NULL where the job has no such file */
} folder_files;

static void folder_files_fini(folder_files *f)
{
    for (int i = 0; i < N_FILES; i++) {
        ws_output_file_destroy(&f->file[i]);
        free(f->path[i]);
    }
}

/* Write every file next to its name. A link there is not followed: no export makes one. */
static ws_status write_beside(const folder_texts *texts, const char *dir, ws_error *err, folder_files *f)
{
    for (int i = 0; i < N_FILES; i++) {
        struct stat entry;
        f->path[i] = ws_asprintf("%s/%s", dir, file_names[i]);
        if (f->path[i] == NULL) {
            return WS_ERR_NOMEM;
        }
        if (lstat(f->path[i], &entry) == 0 && !S_ISREG(entry.st_mode)) {
            return ws_error_add(err, WS_ERR_IO, "%s: is %s, expected a file of an earlier export, or nothing",
                                f->path[i], S_ISLNK(entry.st_mode) ? "a link" : "no regular file");
        }
        if (texts->text[i] != NULL) {
            WS_TRY(ws_output_file_open_in_folder(f->path[i], err, &f->file[i]));
            ws_output_file_puts(f->file[i], texts->text[i]);
            WS_TRY(ws_output_file_flush(f->file[i], err));
        }
    }
    return WS_OK;
}

static ws_status remove_file(const char *path, ws_error *err)
{
    return unlink(path) == 0 || errno == ENOENT
               ? WS_OK
               : ws_error_add(err, WS_ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
}

/* Let them appear. Without args.txt, which goes first and comes last, the folder stands for no job: never
 * half for one job and half for another. */
static ws_status put_in_place(folder_files *f, ws_error *err)
{
    WS_TRY(remove_file(f->path[ARGS_FILE], err));
    for (int i = 0; i < N_FILES; i++) {
        WS_TRY(f->file[i] == NULL ? remove_file(f->path[i], err) : ws_output_file_commit(f->file[i], err));
    }
    return WS_OK;
}

static ws_status write_folder(const folder_texts *texts, const char *dir, ws_error *err)
{
    folder_files f = {.path = {NULL}};
    WS_TRY(ws_target_check_folder(dir, err));
    const bool is_new = mkdir(dir, 0777) == 0;
    if (!is_new && errno != EEXIST) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot create: %s", dir, strerror(errno));
    }
    ws_status status = write_beside(texts, dir, err, &f);
    if (status == WS_OK) {
        status = put_in_place(&f, err);
    }
    for (int i = 0; i < N_FILES && status != WS_OK && is_new && f.path[i] != NULL; i++) {
        unlink(f.path[i]);
    }
    folder_files_fini(&f);
    if (status != WS_OK && is_new) {
        rmdir(dir);
    }
    return status;
}

ws_status swp_job_export(const char *spec_json, const char *name, int64_t job, const char *dir, ws_error *err)
{
    rebuilt      r      = {.doc = NULL};
    folder_texts texts  = {.text = {NULL}};
    ws_status    status = rebuild(&r, spec_json, name, job, err);
    if (status == WS_OK) {
        status = check_inputs(&r, name, job, err);
    }
    if (status == WS_OK) {
        swp_job built = swp_job_of(r.builder, (uint64_t)job, r.value_index);
        status        = make_texts(&r, &built, err, &texts);
        swp_job_fini(&built);
    }
    if (status == WS_OK) {
        status = write_folder(&texts, dir, err);
    }
    for (int i = 0; i < N_FILES; i++) {
        free(texts.text[i]);
    }
    rebuilt_fini(&r);
    return status;
}
