#include "job/input_digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum { PATH_CAP = 4096 };

/* The hash of all files behind a key: "model NAME", "profile HARDWARE MODEL", "pim NAME", "file PATH". */
typedef struct memo {
    struct memo *next;
    char        *key; /* owned */
    char         sha256[65];
} memo;

struct swp_digests {
    ws_files *files;
    char    **dirs; /* owned, in search order */
    size_t    n_dirs;
    memo     *memos;
};

/* Lines "NAME SHA256" of the files found, sorted before they are hashed: their order says nothing. */
typedef struct line_list {
    char **lines; /* owned */
    size_t n, capacity;
    bool   failed;
} line_list;

static void line_list_fini(line_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->lines[i]);
    }
    free(list->lines);
}

static void add_line(line_list *list, const char *name, const char *sha256)
{
    if (list->n == list->capacity) {
        const size_t wider = list->capacity * 2 + 16;
        char       **grown = realloc(list->lines, wider * sizeof(*grown));
        if (grown == NULL) {
            list->failed = true;
            return;
        }
        list->lines    = grown;
        list->capacity = wider;
    }
    char *line = ws_asprintf("%s %s\n", name, sha256);
    if (line == NULL) {
        list->failed = true;
        return;
    }
    list->lines[list->n++] = line;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- creating ---- */

ws_status swp_digests_create(ws_files *files, const char *const *data_dirs, size_t n_data_dirs,
                             const char *bundled_dir, swp_digests **out)
{
    *out           = NULL;
    swp_digests *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return WS_ERR_NOMEM;
    }
    d->files      = files;
    d->dirs       = calloc(n_data_dirs + 1, sizeof(*d->dirs));
    bool complete = d->dirs != NULL;
    for (size_t i = 0; complete && i <= n_data_dirs; i++) {
        const char *dir = i < n_data_dirs ? data_dirs[i] : bundled_dir;
        if (dir != NULL) {
            d->dirs[d->n_dirs] = ws_strdup(dir);
            complete           = d->dirs[d->n_dirs++] != NULL;
        }
    }
    if (!complete) {
        swp_digests_destroy(&d);
        return WS_ERR_NOMEM;
    }
    *out = d;
    return WS_OK;
}

void swp_digests_destroy(swp_digests **digests)
{
    swp_digests *d = *digests;
    if (d == NULL) {
        return;
    }
    while (d->memos != NULL) {
        memo *m  = d->memos;
        d->memos = m->next;
        free(m->key);
        free(m);
    }
    for (size_t i = 0; d->dirs != NULL && i < d->n_dirs; i++) {
        free(d->dirs[i]);
    }
    free(d->dirs);
    free(d);
    *digests = NULL;
}

/* ---- files ---- */

static bool join(char path[PATH_CAP], const char *dir, const char *relative)
{
    const int n = snprintf(path, PATH_CAP, "%s/%s", dir, relative);
    return n > 0 && n < PATH_CAP;
}

/* A file, under the name that its line gets, read if it is there. */
static bool add_path(swp_digests *d, const char *path, const char *name, line_list *list, ws_bytes *bytes_out)
{
    char sha256[65];
    if (!ws_files_has(d->files, path) || ws_files_read(d->files, path, NULL, bytes_out) != WS_OK) {
        return false;
    }
    ws_sha256_hex(bytes_out->data, bytes_out->len, sha256);
    add_line(list, name, sha256);
    return true;
}

static ws_data_dirs data_of(const swp_digests *d)
{
    return (ws_data_dirs){d->files, (const char *const *)d->dirs, d->n_dirs};
}

/* A file of the data folders, the first that has it, read if it is there. */
static bool add_file(swp_digests *d, const char *relative, line_list *list, ws_bytes *bytes_out)
{
    char               path[PATH_CAP];
    const ws_data_dirs data = data_of(d);
    return ws_files_find(&data, relative, path, sizeof path) && add_path(d, path, relative, list, bytes_out);
}

/* All files of a folder in every data folder, and below it down to `depth` folders; some may come twice. */
static void add_folder(swp_digests *d, const char *relative, int depth, line_list *list)
{
    char     folder[PATH_CAP], below[PATH_CAP];
    ws_bytes bytes;
    for (size_t i = 0; i < d->n_dirs; i++) {
        const char *name = join(folder, d->dirs[i], relative) ? ws_files_list(d->files, folder) : "";
        while (*name != '\0') {
            const int len = (int)strcspn(name, "\n");
            const int n   = snprintf(below, sizeof(below), "%s/%.*s", relative, len, name);
            if (n > 0 && (size_t)n < sizeof(below) && name[0] != '.' && !add_file(d, below, list, &bytes) &&
                depth > 0) {
                add_folder(d, below, depth - 1, list);
            }
            name += len + (name[len] == '\n');
        }
    }
}

/* The hash of the lines, each once. */
static ws_status hash_lines(line_list *list, char sha256_out[65])
{
    ws_strbuf text = WS_STRBUF_INIT;
    if (list->n > 0) {
        qsort(list->lines, list->n, sizeof(list->lines[0]), compare_lines);
    }
    for (size_t i = 0; i < list->n; i++) {
        if (i == 0 || strcmp(list->lines[i], list->lines[i - 1]) != 0) {
            ws_strbuf_puts(&text, list->lines[i]);
        }
    }
    const bool failed = list->failed || text.failed;
    if (!failed) {
        ws_sha256_hex(ws_strbuf_text(&text), text.len, sha256_out);
    }
    ws_strbuf_fini(&text);
    return failed ? WS_ERR_NOMEM : WS_OK;
}

/* ---- what a name stands for ---- */

/* A model's config, what says beside it how its weights are stored, and the architecture it names. */
static void list_model(swp_digests *d, const char *model, const char *unused, line_list *list)
{
    char               path[PATH_CAP], beside[PATH_CAP + 32], relative[PATH_CAP];
    ws_bytes           bytes;
    ws_json_doc       *shape = NULL;
    const ws_data_dirs data  = data_of(d);
    (void)unused;
    snprintf(relative, sizeof(relative), "model/%.4000s.json", model);
    if (!ws_find_model(&data, model, path, sizeof(path)) || !add_path(d, path, relative, list, &bytes) ||
        ws_json_doc_parse(path, bytes.data, bytes.len, NULL, &shape) != WS_OK) {
        return;
    }
    const char *slash = strrchr(path, '/');
    snprintf(beside, sizeof(beside), "%.*shf_quant_config.json", slash != NULL ? (int)(slash + 1 - path) : 0,
             path);
    (void)add_path(d, beside, "quantization", list, &bytes);
    const char *type = ws_json_string(ws_json_member(ws_json_doc_root(shape), "model_type"));
    if (type != NULL) {
        snprintf(relative, sizeof(relative), "model/arch/%s.json", type);
        (void)add_file(d, relative, list, &bytes);
    }
    ws_json_doc_destroy(&shape);
}

/* A data sheet, and what was measured of a model: measured files lie in folders of the model's name. */
static void list_profiles(swp_digests *d, const char *hardware, const char *model, line_list *list)
{
    char     relative[PATH_CAP];
    ws_bytes bytes;
    snprintf(relative, sizeof(relative), "hardware/%s.json", hardware);
    (void)add_file(d, relative, list, &bytes);
    if (model[0] != '\0') {
        snprintf(relative, sizeof(relative), "hardware/%s/%s", hardware, model);
        add_folder(d, relative, 0, list);
        snprintf(relative, sizeof(relative), "profiles/%s/%s", hardware, model);
        add_folder(d, relative, 2, list);
    }
}

static void list_pim(swp_digests *d, const char *stem, const char *unused, line_list *list)
{
    char     relative[PATH_CAP];
    ws_bytes bytes;
    (void)unused;
    snprintf(relative, sizeof(relative), "pim/%s.ini", stem);
    (void)add_file(d, relative, list, &bytes);
}

/* A file by its path, as the simulator opens it: only its contents count. */
static void list_path(swp_digests *d, const char *path, const char *unused, line_list *list)
{
    ws_bytes bytes;
    char     sha256[65];
    (void)unused;
    if (ws_files_has(d->files, path) && ws_files_read(d->files, path, NULL, &bytes) == WS_OK) {
        ws_sha256_hex(bytes.data, bytes.len, sha256);
        add_line(list, "file", sha256);
    }
}

typedef void (*lister)(swp_digests *d, const char *name, const char *more, line_list *list);

/* Append the line of a name, looked up once. */
static ws_status put(swp_digests *d, lister lister_of_kind, const char *kind, const char *name,
                     const char *more, ws_strbuf *out)
{
    char *key = ws_asprintf("%s %s %s", kind, name, more);
    if (key == NULL) {
        return WS_ERR_NOMEM;
    }
    memo *m = d->memos;
    while (m != NULL && strcmp(m->key, key) != 0) {
        m = m->next;
    }
    ws_status status = WS_OK;
    if (m != NULL) {
        free(key);
    } else {
        line_list list = {0};
        m              = calloc(1, sizeof(*m));
        if (m == NULL) {
            free(key);
            return WS_ERR_NOMEM;
        }
        lister_of_kind(d, name, more, &list);
        status = hash_lines(&list, m->sha256);
        line_list_fini(&list);
        if (status != WS_OK) { /* forgotten, not kept half */
            free(key);
            free(m);
            return status;
        }
        m->key   = key;
        m->next  = d->memos;
        d->memos = m;
    }
    ws_strbuf_printf(out, "%s %s\n", kind, m->sha256);
    return WS_OK;
}

/* Whatever object names hardware, a model or a PIM config, wherever the cluster config has it. */
ws_status swp_digest_cluster(swp_digests *d, ws_json cluster, ws_strbuf *out)
{
    const char *hardware = ws_json_string(ws_json_member(cluster, "hardware"));
    const char *model    = ws_json_string(ws_json_member(cluster, "model_name"));
    const char *pim      = ws_json_string(ws_json_member(cluster, "pim_config"));
    if (model != NULL) {
        WS_TRY(put(d, list_model, "model", model, "", out));
    }
    if (hardware != NULL) {
        WS_TRY(put(d, list_profiles, "profile", hardware, model != NULL ? model : "", out));
    }
    if (pim != NULL) {
        WS_TRY(put(d, list_pim, "pim", pim, "", out));
    }
    for (ws_json item = ws_json_first(cluster); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        if (ws_json_kind_of(item) == WS_JSON_OBJECT || ws_json_kind_of(item) == WS_JSON_ARRAY) {
            WS_TRY(swp_digest_cluster(d, item, out));
        }
    }
    return out->failed ? WS_ERR_NOMEM : WS_OK;
}

ws_status swp_digest_workload(swp_digests *d, ws_json workload, ws_strbuf *out)
{
    const char *file = ws_json_string(ws_json_member(workload, "file"));
    if (file != NULL) {
        WS_TRY(put(d, list_path, "file", file, "", out));
    }
    for (ws_json item = ws_json_first(workload); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        if (ws_json_kind_of(item) == WS_JSON_OBJECT || ws_json_kind_of(item) == WS_JSON_ARRAY) {
            WS_TRY(swp_digest_workload(d, item, out));
        }
    }
    return out->failed ? WS_ERR_NOMEM : WS_OK;
}

/* ---- comparing ---- */

/* Files of programs before names were written have only a path. */
static const char *name_of(ws_json input)
{
    const char *name = ws_json_string(ws_json_member(input, "name"));
    return name != NULL ? name : ws_json_string(ws_json_member(input, "path"));
}

static bool is_named(ws_json input, const char *name, const char *path)
{
    const char *own = name_of(input);
    return own != NULL && (strcmp(own, name) == 0 || (path != NULL && strcmp(own, path) == 0));
}

static void compare_inputs(ws_json before, ws_json after, ws_strbuf *out)
{
    for (ws_json now = ws_json_first(after); ws_json_kind_of(now) == WS_JSON_OBJECT;
         now         = ws_json_next(now)) {
        const char *name = name_of(now), *sha256 = ws_json_string(ws_json_member(now, "sha256"));
        const char *path = ws_json_string(ws_json_member(now, "path"));
        if (name == NULL || sha256 == NULL || strcmp(name, "spec") == 0) {
            continue;
        }
        for (ws_json was = ws_json_first(before); ws_json_kind_of(was) == WS_JSON_OBJECT;
             was         = ws_json_next(was)) {
            const char *old_sha256 = ws_json_string(ws_json_member(was, "sha256"));
            if (is_named(was, name, path) && old_sha256 != NULL && strcmp(old_sha256, sha256) != 0) {
                ws_strbuf_printf(out, "%s%s", out->len > 0 ? ", " : "", path != NULL ? path : name);
            }
        }
    }
}

ws_status swp_changed_inputs(const char *old_spec_json, const char *new_spec_json, ws_strbuf *out)
{
    ws_json_doc *before = NULL, *after = NULL;
    ws_status status = ws_json_doc_parse("/spec_json", old_spec_json, strlen(old_spec_json), NULL, &before);
    if (status == WS_OK) {
        status = ws_json_doc_parse("/spec_json", new_spec_json, strlen(new_spec_json), NULL, &after);
    }
    if (status == WS_OK) {
        compare_inputs(ws_json_member(ws_json_doc_root(before), "inputs"),
                       ws_json_member(ws_json_doc_root(after), "inputs"), out);
    }
    ws_json_doc_destroy(&before);
    ws_json_doc_destroy(&after);
    return status == WS_OK && out->failed ? WS_ERR_NOMEM : status;
}
