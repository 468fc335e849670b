/* Where the programs find their bundled configs and the files users name (wattsim.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wattsim.h"

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
