/* Where the programs find their bundled configs and the files users name (paths.h). */
#include "scenario/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_CAP = 4096 };

/** Write folder/rest; false if it does not fit. */
static bool join(char *buf, size_t cap, const char *folder, const char *rest)
{
    const int len = snprintf(buf, cap, "%s/%s", folder, rest);
    return len > 0 && (size_t)len < cap;
}

/** The folder the program's file lies in; false where /proc does not tell. */
static bool program_folder(char *buf, size_t cap)
{
    const ssize_t len = readlink("/proc/self/exe", buf, cap - 1);
    if (len <= 0 || (size_t)len >= cap - 1) {
        return false;
    }
    buf[len]    = '\0';
    char *slash = strrchr(buf, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

bool ws_bundled_dir(char *buf, size_t cap)
{
    /* Installed layout (bin beside share) and build tree (build/<preset>/bin, also build/<preset>/tests).
     * Installed first: whatever else is called configs, three folders above some bin, is none of ours. */
    static const char *const layouts[] = {"../share/wattsweep/configs", "../../../configs"};
    const char              *from_env  = getenv("WATTSWEEP_CONFIGS");
    if (from_env != NULL && *from_env != '\0') {
        const int len = snprintf(buf, cap, "%s", from_env);
        return len > 0 && (size_t)len < cap && ws_is_folder(buf);
    }
    char program[PATH_CAP], candidate[PATH_CAP + 64], resolved[PATH_CAP];
    if (program_folder(program, sizeof(program))) {
        for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
            if (join(candidate, sizeof(candidate), program, layouts[i]) && ws_is_folder(candidate) &&
                realpath(candidate, resolved) != NULL) {
                const int len = snprintf(buf, cap, "%s", resolved);
                return len > 0 && (size_t)len < cap;
            }
        }
    }
    return join(buf, cap, WATTSWEEP_SOURCE_DIR, "configs") && ws_is_folder(buf);
}

/* The folder the bundled configs folder lies in, where an installed copy also has workloads; "" if there is
 * none. */
static void bundled_parent(char *buf, size_t cap)
{
    char *slash                    = ws_bundled_dir(buf, cap) ? strrchr(buf, '/') : NULL;
    *(slash != NULL ? slash : buf) = '\0';
}

ws_status ws_find_input(ws_files *files, const char *what, const char *path, ws_error *err, char *buf,
                        size_t cap)
{
    char              parent[PATH_CAP];
    const char *const dirs[] = {parent};
    bundled_parent(parent, sizeof(parent));
    const size_t n_dirs = parent[0] != '\0' ? 1 : 0;
    if (ws_is_folder(path)) {
        (void)snprintf(buf, cap, "%s", path);
        return WS_OK;
    }
    if (ws_find_file(files, path, dirs, n_dirs, buf, cap)) {
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

bool ws_find_file(ws_files *files, const char *path, const char *const *dirs, size_t n_dirs, char *buf,
                  size_t cap)
{
    const int len = snprintf(buf, cap, "%s", path);
    if (len > 0 && (size_t)len < cap && ws_files_has(files, buf)) {
        return true;
    }
    for (size_t i = 0; path[0] != '/' && i < n_dirs; i++) {
        if (join(buf, cap, dirs[i], path) && ws_files_has(files, buf)) {
            return true;
        }
    }
    return false;
}
