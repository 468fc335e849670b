#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/strbuf.h"

/* Whoever asks holds a shared lock for microseconds; longer than this, even on a busy machine, nobody does.
 */
enum { ASKER_TRIES = 1000, ASKER_PAUSE_NS = 1000000 };

struct swp_lock {
    int  fd;
    char path[]; /* of the lock file */
};

/* Another holder may have removed the file between our open and our lock; then we hold a lock nobody else
 * sees. */
static bool is_current(int fd, const char *path)
{
    struct stat open_file, named_file;
    return fstat(fd, &open_file) == 0 && stat(path, &named_file) == 0 &&
           open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

/* Take the exclusive lock; a writer is a refusal at once, those who only ask (swp_lock_is_held()) are waited
 * for. False with errno set. */
static bool lock_exclusive(int fd)
{
    const struct timespec pause = {.tv_nsec = ASKER_PAUSE_NS};
    for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries == ASKER_TRIES || flock(fd, LOCK_SH | LOCK_NB) != 0) {
            return false;
        }
        flock(fd, LOCK_UN);
        nanosleep(&pause, NULL);
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

/* Open the lock file; *was_made_out: it was not there. -1 after an error. */
static int open_lock_file(const char *path, bool *was_made_out)
{
    int fd        = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *was_made_out = fd >= 0;
    if (fd < 0 && errno == EEXIST) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    }
    return fd;
}

static ws_status lock_file(const char *path, bool needs_locks, ws_error *err, int *fd_out)
{
    for (;;) {
        bool      was_made = false;
        const int fd       = open_lock_file(path, &was_made);
        if (fd < 0) {
            return ws_error_add(err, WS_ERR_IO, "%s: cannot create: %s", path, strerror(errno));
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

ws_status swp_lock_acquire(const char *path, bool needs_locks, ws_error *err, swp_lock **lock_out)
{
    const size_t len  = strlen(path) + sizeof(".lock");
    swp_lock    *lock = malloc(sizeof(*lock) + len);

    *lock_out = NULL;
    if (lock == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path);
    }
    snprintf(lock->path, len, "%s.lock", path);
    const ws_status status = lock_file(lock->path, needs_locks, err, &lock->fd);
    if (status != WS_OK) {
        free(lock);
        return status;
    }
    *lock_out = lock;
    return WS_OK;
}

bool swp_lock_is_held(const char *path)
{
    char     *lock_path = ws_asprintf("%s.lock", path);
    bool      held      = false;
    const int fd        = lock_path == NULL ? -1 : open(lock_path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        held = flock(fd, LOCK_SH | LOCK_NB) != 0 &&
               errno == EWOULDBLOCK; /* shared: askers do not disturb each other */
        close(fd);
    }
    free(lock_path);
    return held;
}

void swp_lock_release(swp_lock **lock)
{
    if (*lock == NULL) {
        return;
    }
    unlink((*lock)->path); /* while still locked: see is_current() */
    close((*lock)->fd);
    free(*lock);
    *lock = NULL;
}
