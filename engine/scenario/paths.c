/* Where the programs find their bundled configs and the files users name (paths.h). */
#define _GNU_SOURCE /* dladdr() */
#include "scenario/paths.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model_files.h"

enum { PATH_CAP = 4096 };

/** Write folder/rest; false if it does not fit. */
static bool join(char *buf, size_t cap, const char *folder, const char *rest)
{
    const int len = snprintf(buf, cap, "%s/%s", folder, rest);
    return len > 0 && (size_t)len < cap;
}

/** Cut a path down to its folder; false if it has none. */
static bool cut_to_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

/** The program's file; false where /proc does not say. */
static bool program_path(char buf[PATH_CAP])
{
    const ssize_t len = readlink("/proc/self/exe", buf, PATH_CAP - 1);
    if (len <= 0 || len >= PATH_CAP - 1) {
        return false;
    }
    buf[len] = '\0';
    return true;
}

/** The shared library this code lies in; false if it is part of the program. */
static bool library_path(char buf[PATH_CAP])
{
    static const char here = 0;
    char              program[PATH_CAP];
    Dl_info           info;
    return dladdr(&here, &info) != 0 && realpath(info.dli_fname, buf) != NULL &&
           !(program_path(program) && strcmp(program, buf) == 0);
}

/** The first of some folders that is there, named from another; false if none is. */
static bool find_folder(const char *from, const char *const *layouts, size_t n_layouts, char *buf, size_t cap)
{
    char candidate[PATH_CAP + 64], resolved[PATH_CAP];
    for (size_t i = 0; i < n_layouts; i++) {
        if (join(candidate, sizeof(candidate), from, layouts[i]) && ws_is_folder(candidate) &&
            realpath(candidate, resolved) != NULL) {
            const int len = snprintf(buf, cap, "%s", resolved);
            return len > 0 && (size_t)len < cap;
        }
    }
    return false;
}

bool ws_bundled_dir(char *buf, size_t cap)
{
    /* Installed layout (bin next to share) and build tree (build/<preset>/bin, also build/<preset>/tests).
     * Installed first: whatever else is called configs, three folders above some bin, is none of ours. A
     * library lies in lib or lib/<architecture>. */
    static const char *const of_program[] = {"../share/wattsweep/configs", "../../../configs"};
    static const char *const of_library[] = {"../share/wattsweep/configs", "../../share/wattsweep/configs"};
    char                     path[PATH_CAP];
    const char              *from_env = getenv("WATTSWEEP_CONFIGS");
    if (from_env != NULL && *from_env != '\0') {
        const int len = snprintf(buf, cap, "%s", from_env);
        return len > 0 && (size_t)len < cap && ws_is_folder(buf);
    }
    if ((program_path(path) && cut_to_folder(path) && find_folder(path, of_program, 2, buf, cap)) ||
        (library_path(path) && cut_to_folder(path) && find_folder(path, of_library, 2, buf, cap))) {
        return true;
    }
    return join(buf, cap, WATTSWEEP_SOURCE_DIR, "configs") && ws_is_folder(buf);
}

ws_status ws_find_input(ws_files *files, const char *what, const char *path, ws_error *err, char *buf,
                        size_t cap)
{
    char                  bundled[PATH_CAP];
    const bool            has_bundled = ws_bundled_dir(bundled, sizeof(bundled));
    const ws_input_places places      = {files, has_bundled ? bundled : NULL};
    return ws_find_input_beside(&places, what, path, err, buf, cap);
}

ws_status ws_find_input_beside(const ws_input_places *places, const char *what, const char *path,
                               ws_error *err, char *buf, size_t cap)
{
    ws_files         *files = places->files;
    char              parent[PATH_CAP];
    const char *const dirs[] = {parent};
    (void)snprintf(parent, sizeof(parent), "%s", places->bundled_dir != NULL ? places->bundled_dir : "");
    const size_t n_dirs = cut_to_folder(parent) && parent[0] != '\0' ? 1 : 0;
    if (ws_is_folder(path)) {
        (void)snprintf(buf, cap, "%s", path);
        return WS_OK;
    }
    const ws_data_dirs data = {files, dirs, n_dirs};
    if (ws_find_file(&data, path, buf, cap)) {
        return WS_OK;
    }
    const char *obstacle = ws_files_obstacle(files, path);
    if (obstacle != NULL) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: %s: cannot be read: %s", what, path, obstacle);
    }
    if (n_dirs > 0 && path[0] != '/' && join(buf, cap, parent, path) && ws_is_folder(buf)) {
        return WS_OK;
    }
    return n_dirs > 0
               ? ws_error_add(err, WS_ERR_INPUT, "%s: %s: no such file, here or in %s", what, path, parent)
               : ws_error_add(err, WS_ERR_INPUT, "%s: %s: no such file", what, path);
}

bool ws_find_file(const ws_data_dirs *data, const char *path, char *buf, size_t cap)
{
    static const char *const here[]   = {"."};
    const ws_data_dirs       as_given = {data->files, here, 1};
    return ws_files_find(&as_given, path, buf, cap) || ws_files_find(data, path, buf, cap);
}

bool ws_find_model(const ws_data_dirs *data, const char *name, char *buf, size_t cap)
{
    char path[PATH_CAP];
    if (!ws_model_files_find(data, name, path) || strlen(path) >= cap) {
        return false;
    }
    memcpy(buf, path, strlen(path) + 1);
    return true;
}
