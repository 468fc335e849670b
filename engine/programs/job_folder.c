#include "programs/job_folder.h"

#include <stdlib.h>
#include <string.h>

#include "programs/wattsim_cli.h"

enum { SHA256_LEN = 64 };

static const char FROM[] = "--from";

/** The folder named at argv[at]: `--from DIR` or `--from=DIR`. False if this word is no --from.
 * @param[out] n_words_out  how many words it takes
 * @param[out] dir_out      NULL if the folder is missing */
static bool match_from(int argc, const char *const *argv, int at, int *n_words_out, const char **dir_out)
{
    const size_t len = sizeof(FROM) - 1;
    if (strncmp(argv[at], FROM, len) != 0 || (argv[at][len] != '\0' && argv[at][len] != '=')) {
        return false;
    }
    const bool is_split = argv[at][len] == '\0';
    const bool has_next = at + 1 < argc && strncmp(argv[at + 1], "--", 2) != 0;
    *n_words_out        = is_split && has_next ? 2 : 1;
    *dir_out            = NULL;
    if (!is_split) {
        *dir_out = argv[at] + len + 1;
    } else if (has_next) {
        *dir_out = argv[at + 1];
    }
    if (*dir_out != NULL && **dir_out == '\0') {
        *dir_out = NULL;
    }
    return true;
}

/** The folder of a line, NULL if it names none. */
static ws_status find_from(int argc, const char *const *argv, ws_error *err, const char **dir_out)
{
    int         n_words = 0;
    const char *dir     = NULL;
    *dir_out            = NULL;
    for (int i = 1; i < argc; i++) {
        if (!match_from(argc, argv, i, &n_words, &dir)) {
            continue;
        }
        if (dir == NULL) {
            return ws_error_add(err, WS_ERR_INPUT, "--from: expected a folder behind it");
        }
        if (*dir_out != NULL) {
            return ws_error_add(err, WS_ERR_INPUT, "--from: expected one folder, found '%s' and '%s'",
                                *dir_out, dir);
        }
        *dir_out = dir;
        i += n_words - 1;
    }
    return WS_OK;
}

static ws_status read_text(ws_files *files, const char *dir, ws_error *err, ws_job_args *out)
{
    ws_bytes bytes;
    char    *path = ws_asprintf("%s/args.txt", dir);
    if (path == NULL) {
        return WS_ERR_NOMEM;
    }
    if (!ws_files_has(files, path)) {
        const ws_status status = ws_error_add(err, WS_ERR_INPUT,
                                              "--from: %s: no such file; expected a folder that `wattsweep "
                                              "show FILE --job N --export DIR` wrote",
                                              path);
        free(path);
        return status;
    }
    const ws_status status = ws_files_read(files, path, err, &bytes);
    free(path);
    WS_TRY(status);
    if (strlen(bytes.data) != bytes.len) {
        return ws_error_add(err, WS_ERR_INPUT, "%s/args.txt: expected text, found a NUL byte", dir);
    }
    out->text = malloc(bytes.len + 1);
    if (out->text == NULL) {
        return WS_ERR_NOMEM;
    }
    memcpy(out->text, bytes.data, bytes.len + 1);
    return WS_OK;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

/** Is the line one of the options that an export writes? Nothing else is obeyed: a folder that was edited, or
 * comes from somebody else, says what to simulate, not which files to write. */
static bool is_of_an_export(const char *line)
{
    static const char *const flags[] = {"dataset", "data-dir", "slo"};
    char                     name[64];
    const size_t             len = strcspn(line + 2, "=");
    if (len >= sizeof(name)) {
        return false;
    }
    memcpy(name, line + 2, len);
    name[len] = '\0';
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(name, flags[i]) == 0) {
            return line[2 + len] == '=';
        }
    }
    const bool       is_negated = strncmp(name, "no-", 3) == 0 && ws_option_find(name) == NULL;
    const ws_option *option     = ws_option_find(is_negated ? name + 3 : name);
    return option != NULL && (option->type == WS_OPTION_BOOL || line[2 + len] == '=');
}

/** One line, numbered from 1: kept if it is an option that means something. */
static ws_status take_line(const char *dir, size_t number, const char *line, ws_error *err, ws_job_args *out)
{
    if (line[0] == '#' || line[0] == '\0') {
        return WS_OK;
    }
    if (line[0] != '-' || line[1] != '-' || !is_of_an_export(line)) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "%s/args.txt:%zu: expected an option of wattsim that `show --export` writes, "
                            "--NAME=VALUE, found '%.80s'",
                            dir, number, line);
    }
    const char *const words[] = {"wattsim", line};
    ws_wattsim_args   ignored;
    ws_error          problem = WS_ERROR_INIT;
    ws_status         status  = ws_wattsim_args_parse(2, words, &problem, &ignored);
    if (status == WS_OK) {
        ws_wattsim_args_fini(&ignored);
        out->argv[out->argc++] = line;
    } else if (status != WS_ERR_NOMEM) {
        status = ws_error_add(err, status, "%s/args.txt:%zu: %s", dir, number, ws_error_text(&problem));
    }
    ws_error_clear(&problem);
    return status;
}

/** Cut the text at its line ends and keep the options; every line that is none is reported. */
static ws_status take_lines(const char *dir, ws_error *err, ws_job_args *out)
{
    size_t    number = 0;
    ws_status status = WS_OK;
    for (char *line = out->text; line != NULL && status != WS_ERR_NOMEM;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        const ws_status taken = take_line(dir, ++number, line, err, out);
        if (status == WS_OK || taken == WS_ERR_NOMEM) {
            status = taken;
        }
        line = end == NULL ? NULL : end + 1;
    }
    return status;
}

static ws_status put_folder(ws_files *files, const char *dir, ws_error *err, ws_job_args *out)
{
    char *workload = ws_asprintf("%s/workload.json", dir);
    out->cluster   = ws_asprintf("--cluster-config=%s/cluster.json", dir);
    if (workload != NULL && ws_files_has(files, workload)) {
        out->workload = ws_asprintf("--workload=%s", workload);
    }
    const bool is_whole =
        workload != NULL && out->cluster != NULL && (out->workload != NULL || !ws_files_has(files, workload));
    free(workload);
    if (!is_whole) {
        return WS_ERR_NOMEM;
    }
    out->argv[out->argc++] = out->cluster;
    if (out->workload != NULL) {
        out->argv[out->argc++] = out->workload;
    }
    return take_lines(dir, err, out);
}

ws_status ws_job_args_expand(ws_files *files, int argc, const char *const *argv, ws_error *err,
                             ws_job_args *out)
{
    const char *dir = NULL;
    *out            = (ws_job_args){.argc = 0};
    WS_TRY(find_from(argc, argv, err, &dir));
    if (dir != NULL) {
        WS_TRY(read_text(files, dir, err, out));
    }
    out->dir             = dir;
    const size_t n_lines = dir == NULL ? 0 : count_lines(out->text);
    out->argv            = calloc((size_t)argc + n_lines + 3, sizeof(*out->argv));
    if (out->argv == NULL) {
        return WS_ERR_NOMEM;
    }
    out->argv[out->argc++] = argv[0];
    if (dir != NULL) {
        WS_TRY(put_folder(files, dir, err, out));
    }
    for (int i = 1; i < argc; i++) {
        int         n_words = 1;
        const char *ignored;
        if (match_from(argc, argv, i, &n_words, &ignored)) {
            i += n_words - 1;
        } else {
            out->argv[out->argc++] = argv[i];
        }
    }
    return WS_OK;
}

/** Note a file that was read under this path and has another hash. */
static void compare_file(const ws_files *files, const char *sha256, const char *path, size_t path_len,
                         ws_strbuf *notes)
{
    const char *read_path;
    ws_bytes    bytes;
    for (size_t i = 0; ws_files_at(files, i, &read_path, &bytes); i++) {
        if (strlen(read_path) == path_len && memcmp(read_path, path, path_len) == 0) {
            char found[SHA256_LEN + 1];
            ws_sha256_hex(bytes.data, bytes.len, found);
            if (memcmp(found, sha256, SHA256_LEN) != 0) {
                ws_strbuf_printf(notes, "%s: not as in the sweep (other contents): results may differ\n",
                                 read_path);
            }
            return;
        }
    }
}

ws_status ws_job_args_check_inputs(ws_files *files, const ws_job_args *args, ws_error *err, ws_strbuf *notes)
{
    ws_bytes list;
    char    *path = args->dir == NULL ? NULL : ws_asprintf("%s/inputs.sha256", args->dir);
    if (path == NULL || !ws_files_has(files, path)) {
        const bool is_fine = path != NULL || args->dir == NULL;
        free(path);
        return is_fine ? WS_OK : WS_ERR_NOMEM;
    }
    const ws_status status = ws_files_read(files, path, err, &list);
    free(path);
    WS_TRY(status);
    for (const char *line = list.data; *line != '\0';) { /* 64 digits, two blanks, the path */
        const size_t len = strcspn(line, "\n");
        if (len > SHA256_LEN + 2) {
            compare_file(files, line, line + SHA256_LEN + 2, len - SHA256_LEN - 2, notes);
        }
        line += len + (line[len] == '\n');
    }
    return notes->failed ? WS_ERR_NOMEM : WS_OK;
}

void ws_job_args_fini(ws_job_args *args)
{
    free(args->argv);
    free(args->text);
    free(args->cluster);
    free(args->workload);
    *args = (ws_job_args){.argc = 0};
}
