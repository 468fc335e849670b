#include "output/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"

enum { BUFFER_BYTES = 64 * 1024, MAX_NAME_TRIES = 1000 };

struct ws_output_file {
    char *path;   /* what messages call it */
    char *target; /* path with links resolved, so that the rename keeps a link in place; NULL if written in
                     place */
    char  *temporary; /* where bytes go until commit; NULL if written in place, or once it is gone */
    int    fd;        /* -1 once closed */
    int    error;     /* errno of the first failure; 0 = none */
    size_t used;
    char   buffer[BUFFER_BYTES];
};

static ws_status report(ws_error *err, const char *path, int error)
{
    return ws_error_add(err, WS_ERR_IO, "%s: cannot write: %s", path, strerror(error));
}

/* ---- folders ---- */

/** Length of the path of the folder a path lies in; 0 if that is the current folder. */
static size_t parent_length(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    return len;
}

ws_status ws_output_path_check(const char *path, ws_error *err)
{
    struct stat info;
    if (strcmp(path, "-") == 0) {
        return WS_OK;
    }
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode) || access(path, W_OK) != 0) {
            return report(err, path, S_ISDIR(info.st_mode) ? EISDIR : errno);
        }
    } else if (errno != ENOENT) {
        return report(err, path, errno);
    }
    size_t len    = parent_length(path, strlen(path));
    char  *folder = ws_strdup(path);
    if (folder == NULL) {
        return WS_ERR_NOMEM;
    }
    folder[len] = '\0';
    while (len > 0 && stat(folder, &info) != 0 && errno == ENOENT) {
        len         = parent_length(folder, len);
        folder[len] = '\0';
    }
    const int failed = access(len > 0 ? folder : ".", W_OK | X_OK) != 0 ? errno : 0;
    free(folder);
    return failed == 0 ? WS_OK : report(err, path, failed);
}

/** Create every missing folder above a file. Returns 0 or errno. */
static int make_parents(const char *path)
{
    char *folder = ws_strdup(path);
    if (folder == NULL) {
        return ENOMEM;
    }
    int error = 0;
    for (char *slash = strchr(folder + 1, '/'); slash != NULL && error == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
            error = errno;
        }
        *slash = '/';
    }
    free(folder);
    return error;
}

/* ---- opening ---- */

/** Open a fresh file beside the target. Returns 0 or errno. */
static int open_temporary(ws_output_file *file)
{
    for (int i = 0; i < MAX_NAME_TRIES; i++) {
        file->temporary = ws_asprintf("%s.tmp.%ld.%d", file->target, (long)getpid(), i);
        if (file->temporary == NULL) {
            return ENOMEM;
        }
        file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd >= 0) {
            return 0;
        }
        const int error = errno;
        free(file->temporary);
        file->temporary = NULL;
        if (error != EEXIST) {
            return error;
        }
    }
    return EEXIST;
}

/** Decide where bytes go, and open it. Returns 0 or errno. */
static int open_any(ws_output_file *file)
{
    struct stat info;
    if (strcmp(file->path, "-") == 0) {
        file->fd = dup(STDOUT_FILENO);
        return file->fd >= 0 ? 0 : errno;
    }
    const bool exists = stat(file->path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode)) {
        return EISDIR;
    }
    if (exists && !S_ISREG(info.st_mode)) {
        file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
        return file->fd >= 0 ? 0 : errno;
    }
    const int error = make_parents(file->path);
    if (error != 0) {
        return error;
    }
    file->target = exists ? realpath(file->path, NULL) : ws_strdup(file->path);
    return file->target != NULL ? open_temporary(file) : errno;
}

ws_status ws_output_file_open(const char *path, ws_error *err, ws_output_file **file_out)
{
    *file_out            = NULL;
    ws_output_file *file = malloc(sizeof(*file));
    if (file == NULL) {
        return WS_ERR_NOMEM;
    }
    file->path      = ws_strdup(path);
    file->target    = NULL;
    file->temporary = NULL;
    file->fd        = -1;
    file->error     = 0;
    file->used      = 0;
    const int error = file->path != NULL ? open_any(file) : ENOMEM;
    if (error != 0) {
        ws_output_file_destroy(&file);
        return report(err, path, error);
    }
    *file_out = file;
    return WS_OK;
}

/* ---- writing ---- */

static void write_all(ws_output_file *file, const char *data, size_t len)
{
    while (len > 0 && file->error == 0) {
        const ssize_t n_written = write(file->fd, data, len);
        if (n_written >= 0) {
            data += n_written;
            len -= (size_t)n_written;
        } else if (errno != EINTR) {
            file->error = errno;
        }
    }
}

void ws_output_file_write(ws_output_file *file, const void *data, size_t len)
{
    if (len > BUFFER_BYTES - file->used) {
        write_all(file, file->buffer, file->used);
        file->used = 0;
        if (len >= BUFFER_BYTES) {
            write_all(file, data, len);
            return;
        }
    }
    memcpy(file->buffer + file->used, data, len);
    file->used += len;
}

void ws_output_file_puts(ws_output_file *file, const char *text)
{
    ws_output_file_write(file, text, strlen(text));
}

static void keep_error(ws_output_file *file, bool is_ok)
{
    if (!is_ok && file->error == 0) {
        file->error = errno;
    }
}

ws_status ws_output_file_commit(ws_output_file *file, ws_error *err)
{
    WS_ASSERT(file->fd >= 0);
    write_all(file, file->buffer, file->used);
    file->used = 0;
    if (file->temporary != NULL) {
        keep_error(file, file->error != 0 || fsync(file->fd) == 0);
    }
    keep_error(file, close(file->fd) == 0);
    file->fd = -1;
    if (file->temporary != NULL && file->error == 0) {
        keep_error(file, rename(file->temporary, file->target) == 0);
        if (file->error == 0) {
            free(file->temporary);
            file->temporary = NULL;
        }
    }
    return file->error == 0 ? WS_OK : report(err, file->path, file->error);
}

void ws_output_file_destroy(ws_output_file **file)
{
    if (*file == NULL) {
        return;
    }
    if ((*file)->fd >= 0) {
        (void)close((*file)->fd); /* nothing committed: there is no data to lose */
    }
    if ((*file)->temporary != NULL) {
        (void)unlink((*file)->temporary);
    }
    free((*file)->temporary);
    free((*file)->target);
    free((*file)->path);
    free(*file);
    *file = NULL;
}
