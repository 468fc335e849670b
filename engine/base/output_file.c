#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/target.h"

enum { BUFFER_BYTES = 64 * 1024, MAX_NAME_TRIES = 1000 };

struct ws_output_file {
    char  *path;   /* what messages call it */
    char  *target; /* path with links resolved, so that the rename keeps a link in place; NULL if written in
                     place */
    char  *temporary; /* where bytes go until commit; NULL if written in place, or once it is gone */
    int    fd;        /* -1 once closed */
    int    error;     /* errno of the first failure; 0 = none */
    FILE  *stream;    /* NULL until asked for */
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

/** Why a file could not be made in the nearest folder above it that exists: errno, or 0. Cuts the path. */
static int folder_obstacle(char *path)
{
    struct stat info;
    size_t      len = parent_length(path, strlen(path));
    path[len]       = '\0';
    while (len > 0 && stat(path, &info) != 0 && errno == ENOENT) {
        len       = parent_length(path, len);
        path[len] = '\0';
    }
    return access(len > 0 ? path : ".", W_OK | X_OK) != 0 ? errno : 0;
}

/** A name that can only be a folder's. */
static bool ends_as_folder(const char *path)
{
    const size_t len = strlen(path);
    return len > 0 && path[len - 1] == '/';
}

ws_status ws_output_path_check(const char *path, ws_error *err)
{
    struct stat info;
    char       *target = NULL;
    if (strcmp(path, "-") == 0) {
        return WS_OK;
    }
    if ((stat(path, &info) == 0 && S_ISDIR(info.st_mode)) || ends_as_folder(path)) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: is a folder, expected the name of a file to write", path);
    }
    WS_TRY(ws_target_resolve(path, err, &target));
    const bool exists =
        stat(path, &info) == 0; /* through links that only the system can follow: /dev/stdout */
    int error = 0;
    if (!exists) {
        error = errno == ENOENT ? 0 : errno;
    } else if (access(path, W_OK) != 0) {
        error = errno;
    }
    if (error == 0 && (!exists || S_ISREG(info.st_mode))) {
        error = folder_obstacle(target);
    }
    free(target);
    return error == 0 ? WS_OK : report(err, path, error);
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

/** Open a fresh file next to the target. Returns 0 or errno. */
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
static int open_any(ws_output_file *file, bool makes_folders)
{
    struct stat info;
    if (strcmp(file->path, "-") == 0) {
        file->fd = dup(STDOUT_FILENO);
        return file->fd >= 0 ? 0 : errno;
    }
    const bool exists = stat(file->path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode)) {
        free(file->target);
        file->target = NULL;
        file->fd     = open(file->path, O_WRONLY | O_CLOEXEC);
        return file->fd >= 0 ? 0 : errno;
    }
    int error = makes_folders ? make_parents(file->target) : 0;
    if (error == 0) {
        error = open_temporary(file);
    }
    if (error == 0) {
        ws_target_keep_mode(file->fd, file->target);
    }
    return error;
}

/** Refuse what is no file to write, and find out what a commit replaces. */
static ws_status find_target(ws_output_file *file, ws_error *err)
{
    struct stat info;
    if (strcmp(file->path, "-") == 0) {
        return WS_OK;
    }
    if ((stat(file->path, &info) == 0 && S_ISDIR(info.st_mode)) || ends_as_folder(file->path)) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: is a folder, expected the name of a file to write",
                            file->path);
    }
    return ws_target_resolve(file->path, err, &file->target);
}

static ws_status open_file(const char *path, bool makes_folders, ws_error *err, ws_output_file **file_out)
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
    file->stream    = NULL;
    file->used      = 0;

    ws_status status = file->path != NULL ? find_target(file, err) : WS_ERR_NOMEM;
    const int error  = status == WS_OK ? open_any(file, makes_folders) : 0;
    if (error != 0) {
        status = report(err, path, error);
    }
    if (status != WS_OK) {
        ws_output_file_destroy(&file);
        return status;
    }
    *file_out = file;
    return WS_OK;
}

ws_status ws_output_file_open(const char *path, ws_error *err, ws_output_file **file_out)
{
    return open_file(path, true, err, file_out);
}

ws_status ws_output_file_open_in_folder(const char *path, ws_error *err, ws_output_file **file_out)
{
    return open_file(path, false, err, file_out);
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
    if (len > 0) { /* data may be NULL otherwise */
        memcpy(file->buffer + file->used, data, len);
    }
    file->used += len;
}

void ws_output_file_puts(ws_output_file *file, const char *text)
{
    ws_output_file_write(file, text, strlen(text));
}

ws_status ws_output_file_flush(ws_output_file *file, ws_error *err)
{
    write_all(file, file->buffer, file->used);
    file->used = 0;
    return file->error == 0 ? WS_OK : report(err, file->path, file->error);
}

FILE *ws_output_file_stream(ws_output_file *file)
{
    if (file->stream == NULL) {
        const int fd = dup(file->fd);
        file->stream = fd < 0 ? NULL : fdopen(fd, "w");
        if (file->stream == NULL && fd >= 0) {
            (void)close(fd);
        }
    }
    return file->stream;
}

static void keep_error(ws_output_file *file, bool is_ok)
{
    if (!is_ok && file->error == 0) {
        file->error = errno;
    }
}

static void close_stream(ws_output_file *file)
{
    if (file->stream != NULL) {
        const bool was_fine = ferror(file->stream) == 0;
        errno               = EIO; /* an error from before, whose reason is gone */
        keep_error(file, fclose(file->stream) == 0 && was_fine);
        file->stream = NULL;
    }
}

/** Returns 0 or errno. */
static int rename_to_target(const ws_output_file *file, bool is_durable)
{
    if (is_durable) {
        return ws_target_rename(file->temporary, file->target);
    }
    return rename(file->temporary, file->target) == 0 ? 0 : errno;
}

ws_status ws_output_file_replace(ws_output_file *file, bool is_durable, ws_error *err)
{
    WS_ASSERT(file->fd >= 0);
    close_stream(file);
    write_all(file, file->buffer, file->used);
    file->used = 0;
    if (file->temporary != NULL && is_durable) {
        keep_error(file, file->error != 0 || fsync(file->fd) == 0);
    }
    keep_error(file, close(file->fd) == 0);
    file->fd = -1;
    if (file->temporary != NULL && file->error == 0) {
        file->error = rename_to_target(file, is_durable);
        if (file->error == 0) {
            free(file->temporary);
            file->temporary = NULL;
        }
    }
    const bool is_unread = file->error == EPIPE; /* `| head`: who left wants no more of it */
    return file->error == 0 || is_unread ? WS_OK : report(err, file->path, file->error);
}

ws_status ws_output_file_commit(ws_output_file *file, ws_error *err)
{
    return ws_output_file_replace(file, true, err);
}

ws_status ws_output_write(const char *path, const void *data, size_t len, ws_error *err)
{
    ws_output_file *file = NULL;
    WS_TRY(ws_output_file_open(path, err, &file));
    ws_output_file_write(file, data, len);
    const ws_status status = ws_output_file_commit(file, err);
    ws_output_file_destroy(&file);
    return status;
}

void ws_output_file_destroy(ws_output_file **file)
{
    if (*file == NULL) {
        return;
    }
    if ((*file)->stream != NULL) {
        (void)fclose((*file)->stream);
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
