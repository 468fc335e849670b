#include "base/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"

enum { MAX_LINKS = 40 }; /* as Linux: MAXSYMLINKS */

static ws_status no_memory(ws_error *err)
{
    return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
}

/* ---- folders ---- */

/** The folder a path lies in, "." for a bare name; the caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char       *copy  = ws_strdup(slash == NULL ? "." : path);
    if (copy != NULL && slash != NULL) {
        copy[slash == path ? 1 : slash - path] = '\0';
    }
    return copy;
}

/** Did somebody else put an entry into a folder that everybody may put things into? */
static bool is_strangers(const char *path, const struct stat *entry)
{
    struct stat info;
    char       *folder    = folder_of(path);
    const bool  is_known  = folder != NULL && stat(folder, &info) == 0;
    const bool  is_shared = is_known && (info.st_mode & S_ISVTX) != 0 && (info.st_mode & S_IWOTH) != 0;
    free(folder);
    return is_shared && entry->st_uid != geteuid() && entry->st_uid != info.st_uid;
}

static ws_status refuse_strangers(const char *path, const struct stat *entry, ws_error *err)
{
    return ws_error_add(
        err, WS_ERR_IO,
        "%s: %s of user %lu in a folder everybody can write to: neither followed nor replaced; "
        "expected another name",
        path, S_ISLNK(entry->st_mode) ? "a link" : "a file", (unsigned long)entry->st_uid);
}

/* ---- following links ---- */

/** Where a link leads to; the caller frees it. NULL with errno set. */
static char *read_link(const char *path)
{
    char          to[PATH_MAX];
    const ssize_t len = readlink(path, to, sizeof(to) - 1);
    if (len < 0 || (size_t)len == sizeof(to) - 1) {
        errno = len < 0 ? errno : ENAMETOOLONG;
        return NULL;
    }
    to[len] = '\0';
    if (to[0] == '/' || strchr(path, '/') == NULL) {
        return ws_strdup(to);
    }
    return ws_asprintf("%.*s%s", (int)(strrchr(path, '/') + 1 - path), path, to);
}

ws_status ws_target_resolve(const char *path, ws_error *err, char **target_out)
{
    *target_out = NULL;
    if (path[0] == '\0') {
        return ws_error_add(err, WS_ERR_INPUT, "expected the name of a file to write, found \"\"");
    }
    char *at = ws_strdup(path);
    for (int n_links = 0; at != NULL; n_links++) {
        struct stat entry;
        if (lstat(at, &entry) != 0) { /* not there, or whoever writes says why it cannot be */
            *target_out = at;
            return WS_OK;
        }
        ws_status status = WS_OK;
        if (!S_ISDIR(entry.st_mode) && is_strangers(at, &entry)) {
            status = refuse_strangers(at, &entry, err);
        } else if (!S_ISLNK(entry.st_mode)) {
            *target_out = at;
            return WS_OK;
        } else if (n_links == MAX_LINKS) {
            status = ws_error_add(err, WS_ERR_IO, "%s: cannot write: %s", path, strerror(ELOOP));
        }
        char *next = status == WS_OK ? read_link(at) : NULL;
        free(at);
        WS_TRY(status);
        at = next;
    }
    return no_memory(err);
}

ws_status ws_target_check_folder(const char *path, ws_error *err)
{
    struct stat entry;
    char       *target = NULL;
    if (path[0] == '\0') {
        return ws_error_add(err, WS_ERR_INPUT, "expected the name of a folder, found \"\"");
    }
    WS_TRY(ws_target_resolve(path, err, &target));
    ws_status status = WS_OK;
    if (lstat(target, &entry) == 0 && !S_ISDIR(entry.st_mode)) {
        status = ws_error_add(err, WS_ERR_INPUT, "%s: is no folder, expected the name of one", path);
    } else if (lstat(target, &entry) == 0 && is_strangers(target, &entry)) {
        status = refuse_strangers(target, &entry, err);
    }
    free(target);
    return status;
}

/* ---- making a successor ---- */

static void sync_folder(const char *path)
{
    char     *folder = folder_of(path);
    const int fd     = folder == NULL ? -1 : open(folder, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd); /* not every file system can; the rename itself has happened */
        close(fd);
    }
    free(folder);
}

int ws_target_rename(const char *temporary, const char *target)
{
    if (rename(temporary, target) != 0) {
        return errno;
    }
    sync_folder(target);
    return 0;
}

void ws_target_keep_mode(int fd, const char *target)
{
    struct stat from, to;
    if (stat(target, &from) != 0 || !S_ISREG(from.st_mode) || fstat(fd, &to) != 0) {
        return;
    }
    mode_t mode = from.st_mode & 0777;
    if ((from.st_uid != to.st_uid || from.st_gid != to.st_gid) && fchown(fd, from.st_uid, from.st_gid) != 0 &&
        from.st_gid != to.st_gid && fchown(fd, (uid_t)-1, from.st_gid) != 0) {
        mode = (mode & ~(mode_t)S_IRWXG) | (mode & S_IRWXO) << 3;
    }
    (void)!fchmod(fd, mode); /* a file system without modes: nothing to keep */
}

/** Remove what an own process that was killed left under a temporary name. */
static ws_status remove_left_over(const char *temporary, ws_error *err)
{
    struct stat entry;
    if (lstat(temporary, &entry) != 0) {
        return WS_OK; /* gone by itself */
    }
    if (is_strangers(temporary, &entry)) {
        return refuse_strangers(temporary, &entry, err);
    }
    if (!S_ISREG(entry.st_mode) || entry.st_nlink > 1) {
        return ws_error_add(err, WS_ERR_IO,
                            "%s: is %s, expected nothing there or the left-over of a killed sweep; remove it",
                            temporary,
                            S_ISLNK(entry.st_mode)   ? "a link"
                            : S_ISREG(entry.st_mode) ? "another name of some file"
                                                     : "no regular file");
    }
    return unlink(temporary) == 0 || errno == ENOENT
               ? WS_OK
               : ws_error_add(err, WS_ERR_IO, "%s: cannot remove: %s", temporary, strerror(errno));
}

ws_status ws_target_make(const char *temporary, const char *target, ws_error *err, int *fd_out)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int       fd    = open(temporary, flags, 0666);
    if (fd < 0 && errno == EEXIST) {
        WS_TRY(remove_left_over(temporary, err));
        fd = open(temporary, flags, 0666);
    }
    if (fd < 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot create: %s", temporary, strerror(errno));
    }
    if (target != NULL) {
        ws_target_keep_mode(fd, target);
    }
    *fd_out = fd;
    return WS_OK;
}

/* ---- what is lost ---- */

bool ws_target_note(const char *path, char note[WS_TARGET_NOTE_BYTES])
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    const bool has_names = info.st_nlink > 1;
    const bool is_lost   = info.st_uid != geteuid() && geteuid() != 0;
    if (has_names) {
        snprintf(
            note, WS_TARGET_NOTE_BYTES,
            "%s: has %lu names (hard links); the file that replaces it has this one, the others keep the "
            "earlier contents",
            path, (unsigned long)info.st_nlink);
    } else if (is_lost) {
        snprintf(note, WS_TARGET_NOTE_BYTES, "%s: belongs to user %lu; the file that replaces it is yours",
                 path, (unsigned long)info.st_uid);
    }
    return has_names || is_lost;
}
