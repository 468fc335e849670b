#include "model/model_files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/hf_config.h"

enum { NAME_MAX_LEN = 512 };

static ws_status parse(ws_files *files, const char *path, ws_error *err, ws_json_doc **out)
{
    ws_bytes bytes;
    WS_TRY(ws_files_read(files, path, err, &bytes));
    return ws_json_doc_parse(path, bytes.data, bytes.len, err, out);
}

/* The config at out->path, and what lies next to it. */
static ws_status open_config(ws_files *files, ws_error *err, ws_model_files *out)
{
    char        beside[4096 + 32];
    const char *slash  = strrchr(out->path, '/');
    const int   folder = slash != NULL ? (int)(slash + 1 - out->path) : 0;
    (void)snprintf(beside, sizeof(beside), "%.*shf_quant_config.json", folder, out->path);
    WS_TRY(parse(files, out->path, err, &out->config));
    return ws_files_has(files, beside) ? parse(files, beside, err, &out->quant) : WS_OK;
}

/* ---- names ---- */

static bool find_bundled(const ws_data_dirs *data, const char *name, char path[4096])
{
    for (size_t i = 0; i < data->n_dirs; i++) {
        const int len = snprintf(path, 4096, "%s/model/%s.json", data->dirs[i], name);
        if (len > 0 && len < 4096 && ws_files_has(data->files, path)) {
            return true;
        }
    }
    return false;
}

/* The length of a name without what a variant adds at its end; len itself if it adds nothing. */
static size_t without_suffix(const char *name, size_t len)
{
    static const char *const suffixes[] = {"-Instruct", "-it", "-Chat",      "-Thinking", "-hf",
                                           "-Base",     "-pt", "-Reasoning", "-Preview"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        const size_t n = strlen(suffixes[i]);
        if (len > n && strncasecmp(name + len - n, suffixes[i], n) == 0) {
            return len - n;
        }
    }
    if (len > 5 && name[len - 5] == '-') { /* a month: "-2507" */
        for (size_t i = len - 4; i < len; i++) {
            if (!isdigit((unsigned char)name[i])) {
                return len;
            }
        }
        return len - 5;
    }
    return len;
}

/* A name without all that variants add. */
static size_t base_length(const char *name)
{
    size_t len = strlen(name), shorter = without_suffix(name, len);
    while (shorter < len) {
        len     = shorter;
        shorter = without_suffix(name, len);
    }
    return len;
}

/* A file whose name has the same base: "Qwen3-30B-A3B-Instruct-2507.json" for "Qwen3-30B-A3B". */
static bool find_sibling(ws_files *files, const char *dir, const char *name, char path[4096])
{
    char         folder[4096];
    const char  *slash = strrchr(name, '/');
    const char  *leaf  = slash != NULL ? slash + 1 : name;
    const size_t base  = base_length(leaf);
    (void)snprintf(folder, sizeof(folder), "%.3000s/model/%.*s", dir, slash != NULL ? (int)(slash - name) : 0,
                   name);
    for (const char *entry = ws_files_list(files, folder); *entry != '\0';) {
        const size_t len = strcspn(entry, "\n");
        char         stem[NAME_MAX_LEN];
        if (len > 5 && len < sizeof(stem) && strncmp(entry + len - 5, ".json", 5) == 0) {
            (void)snprintf(stem, sizeof(stem), "%.*s", (int)(len - 5), entry);
            if (base_length(stem) == base && strncasecmp(stem, leaf, base) == 0) {
                (void)snprintf(path, 4096, "%.3500s/%s.json", folder, stem);
                return true;
            }
        }
        entry += len + (entry[len] == '\n');
    }
    return false;
}

static bool find_name(const ws_data_dirs *data, const char *name, char path[4096])
{
    char   shorter[NAME_MAX_LEN];
    size_t len = strlen(name);
    if (len >= sizeof(shorter)) {
        return false;
    }
    memcpy(shorter, name, len + 1);
    for (;;) {
        if (find_bundled(data, shorter, path)) {
            return true;
        }
        const size_t next = without_suffix(shorter, len);
        if (next == len) {
            break;
        }
        len          = next;
        shorter[len] = '\0';
    }
    for (size_t i = 0; i < data->n_dirs; i++) {
        if (find_sibling(data->files, data->dirs[i], name, path)) {
            return true;
        }
    }
    return false;
}

/* A folder that holds a config.json, or the file itself. Looked for in this order: asking for a file, the
 * cache knows what is not there. */
static bool find_path(ws_files *files, const char *name, char path[4096])
{
    static const char *const below[] = {"/config.json", ""};
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        const int len = snprintf(path, 4096, "%s%s", name, below[i]);
        if (len > 0 && len < 4096 && ws_files_has(files, path)) {
            return true;
        }
    }
    return false;
}

bool ws_model_files_find(const ws_data_dirs *data, const char *name, char path[4096])
{
    return find_name(data, name, path) || find_path(data->files, name, path);
}

ws_status ws_model_files_open(const ws_data_dirs *data, const char *name, ws_error *err, ws_model_files *out)
{
    *out = (ws_model_files){.config = NULL};
    return ws_model_files_find(data, name, out->path) ? open_config(data->files, err, out) : WS_OK;
}

void ws_model_files_fini(ws_model_files *model)
{
    ws_json_doc_destroy(&model->config);
    ws_json_doc_destroy(&model->quant);
}

ws_status ws_model_files_read(const ws_model_files *model, bool approximate, ws_error *err, ws_strbuf *notes,
                              ws_architecture *out)
{
    const ws_json quant = model->quant != NULL ? ws_json_doc_root(model->quant) : WS_JSON_NONE;
    return ws_hf_config_read(ws_json_doc_root(model->config), quant, approximate, err, notes, out);
}
