#define _GNU_SOURCE /* F_OFD_SETLK: Linux */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/target.h"

/* Whoever asks holds a shared lock for microseconds; longer than this, even on a busy machine, nobody does.
 */
enum { ASKER_TRIES = 1000, ASKER_PAUSE_NS = 1000000 };

struct swp_lock {
    int  fd;
    int  file_fd; /* of the result file, where it has other names; else -1 */
    char path[];  /* of the lock file */
};

/* Another holder may have removed the file between our open and our lock; then we hold a lock nobody else
 * sees. */
static bool is_current(int fd, const char *path)
{
    struct stat open_file, named_file;
    return fstat(fd, &open_file) == 0 && lstat(path, &named_file) == 0 &&
           open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

/* Take the exclusive lock; a writer is a refusal at once, those who only ask (swp_lock_is_held()) are waited
 * for. False with errno set. */
static bool lock_exclusive(int fd)
{
    for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries == ASKER_TRIES || flock(fd, LOCK_SH | LOCK_NB) != 0) {
            return false;
        }
        flock(fd, LOCK_UN);
        ws_sleep_ns(ASKER_PAUSE_NS);
    }
    return true;
}

static ws_status refuse(int fd, const char *path, ws_error *err)
{
    char          holder[256];
    const int     reason = errno;
    const ssize_t n      = pread(fd, holder, sizeof(holder) - 1, 0);

    holder[n > 0 ? n : 0]         = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    if (reason == EWOULDBLOCK) {
        return ws_error_add(err, WS_ERR_IO, "%s: another sweep is writing this file (%s)", path,
                            holder[0] != '\0' ? holder : "holder unknown");
    }
    return ws_error_add(err, WS_ERR_IO,
                        "%s: cannot lock: %s (a file system without locks? --no-live does without)", path,
                        strerror(reason));
}

/* Without locks the file itself is one: whoever made it holds it, until it is removed. */
static ws_status lock_by_existence(int fd, const char *path, bool was_made, ws_error *err)
{
    char          holder[256];
    const ssize_t n = was_made ? 0 : pread(fd, holder, sizeof(holder) - 1, 0);
    if (was_made) {
        return WS_OK;
    }
    holder[n > 0 ? n : 0]         = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    return ws_error_add(
        err, WS_ERR_IO,
        "%s: another sweep is writing this file (%s), or was killed: then remove the lock file", path,
        holder[0] != '\0' ? holder : "holder unknown");
}

static bool has_no_locks(int reason)
{
    return reason == ENOLCK || reason == ENOSYS || reason == EOPNOTSUPP;
}

/* Say who holds it, for the message of the one who is refused; failing to is no reason to stop. */
static void sign(int fd)
{
    char host[128] = "";
    char line[192];

    gethostname(host, sizeof(host) - 1);
    const int n = snprintf(line, sizeof(line), "pid %ld on %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, line, (size_t)n, 0) < 0) {
        errno = 0;
    }
}

/* Is the file, which was there before, one that sign() wrote? Nothing else is locked, and then overwritten.
 */
static bool is_lock_file(int fd)
{
    char        begin[4] = "";
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink > 1) {
        return false;
    }
    const ssize_t n = pread(fd, begin, sizeof(begin), 0);
    return n == 0 || (n == sizeof(begin) && memcmp(begin, "pid ", sizeof(begin)) == 0);
}

/* Open the lock file, which is never a link: whoever may write to the folder could have put one there, to any
 * file of ours. *was_made_out: it was not there. -1 if it went away meanwhile. */
static ws_status open_lock_file(const char *path, ws_error *err, bool *was_made_out, int *fd_out)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int       fd    = open(path, flags | O_CREAT | O_EXCL, 0666);
    *was_made_out   = fd >= 0;
    if (fd < 0 && errno == EEXIST) {
        fd = open(path, flags);
        if (fd < 0 && errno == ENOENT) {
            *fd_out = -1;
            return WS_OK;
        }
        if ((fd < 0 && (errno == ELOOP || errno == EISDIR)) || (fd >= 0 && !is_lock_file(fd))) {
            if (fd >= 0) {
                close(fd);
            }
            return ws_error_add(err, WS_ERR_IO,
                                "%s: is no lock file of a sweep (a link, or something else): left as it is; "
                                "remove it, or write elsewhere",
                                path);
        }
    }
    *fd_out = fd;
    if (fd >= 0) {
        return WS_OK;
    }
    const int  problem  = errno;
    const bool is_there = problem == EACCES && access(path, F_OK) == 0;
    return ws_error_add(err, WS_ERR_IO, "%s: cannot %s: %s", path, is_there ? "open" : "create",
                        strerror(problem));
}

static ws_status lock_file(const char *path, bool needs_locks, ws_error *err, int *fd_out)
{
    for (;;) {
        bool was_made = false;
        int  fd       = -1;
        WS_TRY(open_lock_file(path, err, &was_made, &fd));
        if (fd < 0) {
            continue;
        }
        ws_status  status   = WS_OK;
        const bool failed   = !lock_exclusive(fd);
        const bool no_locks = failed && has_no_locks(errno);
        if (no_locks && !needs_locks) {
            status = lock_by_existence(fd, path, was_made, err);
        } else if (failed) {
            status = refuse(fd, path, err);
            if (no_locks && was_made) {
                unlink(path);
            }
        }
        if (status == WS_OK && is_current(fd, path)) {
            sign(fd);
            *fd_out = fd;
            return WS_OK;
        }
        close(fd);
        WS_TRY(status);
    }
}

/* ---- one file under several names ---- */

static ws_status refuse_name(const char *target, ws_error *err)
{
    return ws_error_add(err, WS_ERR_IO,
                        "%s: another sweep is writing this file under another name (hard link)", target);
}

/* Has a sweep locked this file, whose other name it has replaced since? */
static bool is_locked_elsewhere(const char *target)
{
    struct flock asked  = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    const int    fd     = open(target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const bool   locked = fd >= 0 && fcntl(fd, F_OFD_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
    if (fd >= 0) {
        close(fd);
    }
    return locked;
}

/* A file of several hard links has as many lock files: then it is locked itself as well, as long as the sweep
 * runs, so that its names are one. The lock belongs to the open file and is none that HDF5 asks for. */
static ws_status lock_names(const char *target, bool needs_locks, ws_error *err, int *fd_out)
{
    struct stat  info;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (lstat(target, &info) != 0 || !S_ISREG(info.st_mode)) {
        return WS_OK;
    }
    if (info.st_nlink < 2) {
        return is_locked_elsewhere(target) ? refuse_name(target, err) : WS_OK;
    }
    const int fd = open(target, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot open: %s", target, strerror(errno));
    }
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0) {
        *fd_out = fd;
        return WS_OK;
    }
    const int reason = errno;
    close(fd);
    if (reason == EAGAIN || reason == EACCES) {
        return refuse_name(target, err);
    }
    return needs_locks
               ? ws_error_add(err, WS_ERR_IO, "%s: has other names (hard links), and cannot be locked: %s",
                              target, strerror(reason))
               : WS_OK;
}

/* ---- the lock ---- */

static ws_status acquire(const char *target, bool needs_locks, ws_error *err, swp_lock **lock_out)
{
    const size_t len  = strlen(target) + sizeof(".lock");
    swp_lock    *lock = malloc(sizeof(*lock) + len);
    if (lock == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", target);
    }
    lock->file_fd = -1;
    snprintf(lock->path, len, "%s.lock", target);
    ws_status status = lock_file(lock->path, needs_locks, err, &lock->fd);
    if (status != WS_OK) {
        free(lock);
        return status;
    }
    status = lock_names(target, needs_locks, err, &lock->file_fd);
    if (status != WS_OK) {
        swp_lock_release(&lock);
        return status;
    }
    *lock_out = lock;
    return WS_OK;
}

ws_status swp_lock_acquire(const char *path, bool needs_locks, ws_error *err, swp_lock **lock_out)
{
    char *target = NULL;
    *lock_out    = NULL;
    WS_TRY(ws_target_resolve(path, err, &target));
    const ws_status status = acquire(target, needs_locks, err, lock_out);
    free(target);
    return status;
}

bool swp_lock_is_held(const char *path)
{
    char *target    = NULL;
    bool  held      = false;
    char *lock_path = ws_target_resolve(path, NULL, &target) == WS_OK ? ws_asprintf("%s.lock", target) : NULL;
    const int fd = lock_path == NULL ? -1 : open(lock_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        held = flock(fd, LOCK_SH | LOCK_NB) != 0 &&
               errno == EWOULDBLOCK; /* shared: askers do not disturb each other */
        close(fd);
    }
    free(lock_path);
    free(target);
    return held;
}

void swp_lock_release(swp_lock **lock)
{
    if (*lock == NULL) {
        return;
    }
    unlink((*lock)->path); /* while still locked: see is_current() */
    close((*lock)->fd);
    if ((*lock)->file_fd >= 0) {
        close((*lock)->file_fd);
    }
    free(*lock);
    *lock = NULL;
}
