#include "store/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/target.h"
#include "store/copy_rows.h"
#include "store/h5_file.h"

static ws_status no_memory(ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    return WS_ERR_NOMEM;
}

static void sync_folder(const char *path)
{
    char       *folder = ws_strdup(path);
    char       *slash  = folder == NULL ? NULL : strrchr(folder, '/');
    const char *name   = ".";
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
        name                           = folder;
    }
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd); /* not every file system can; the rename itself has happened */
        close(fd);
    }
    free(folder);
}

/* HDF5's own signature; result files have no user block, so it is at the beginning. */
static bool begins_as_hdf5(const char *path)
{
    static const char signature[8] = "\211HDF\r\n\032\n";
    char              found[sizeof(signature)];
    FILE             *file = fopen(path, "rb");
    const size_t      n    = file == NULL ? 0 : fread(found, 1, sizeof(found), file);
    if (file != NULL) {
        fclose(file);
    }
    return n == sizeof(signature) && memcmp(found, signature, sizeof(signature)) == 0;
}

ws_status swp_check_replaceable(const char *path, ws_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return WS_OK; /* nothing there, or whoever writes says why it cannot */
    }
    if (S_ISDIR(info.st_mode)) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: is a folder, expected the name of a result file", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return ws_error_add(err, WS_ERR_IO, "%s: not a regular file, expected a result file to replace",
                            path);
    }
    if (info.st_size > 0 && !begins_as_hdf5(path)) {
        return ws_error_add(err, WS_ERR_IO, "%s: not an HDF5 file, expected a result file to replace", path);
    }
    return WS_OK;
}

void swp_say_replaced(const char *path)
{
    char note[WS_TARGET_NOTE_BYTES];
    if (ws_target_note(path, note)) {
        fprintf(stderr, "wattsweep: note: %s\n", note);
    }
}

ws_status swp_make_temporary(const char *tmp_path, const char *path, ws_error *err)
{
    int fd = -1;
    WS_TRY(ws_target_make(tmp_path, path, err, &fd));
    close(fd); /* HDF5 opens files by name */
    return WS_OK;
}

ws_status swp_rename(const char *from, const char *to, ws_error *err)
{
    if (rename(from, to) != 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot rename to %s: %s", from, to, strerror(errno));
    }
    sync_folder(to);
    return WS_OK;
}

static char *history_of(const swp_reader *const *sources, size_t n_sources, const char *what)
{
    return swp_history_line(n_sources > 0 ? swp_reader_history(sources[0]) : "", what);
}

static ws_status write_final(swp_row_picks_scan *scan, const swp_layout *layout, size_t n_threads,
                             const char *tmp_path, const char *path, const char *history, ws_error *err)
{
    swp_file_options options = {.live = false, .n_threads = n_threads, .history = history};
    swp_file        *file    = NULL;

    WS_TRY(swp_copied_lengths(scan, err, options.n_rows));
    WS_TRY(swp_make_temporary(tmp_path, path, err));
    WS_TRY(swp_file_make(tmp_path, layout, &options, err, &file));
    ws_status status = swp_copy_rows(scan, file, NULL, NULL, NULL, err);
    if (status != WS_OK) {
        swp_file_abandon(&file);
    } else {
        status = swp_file_close(&file, true, err);
    }
    if (status != WS_OK) {
        unlink(tmp_path);
    }
    return status;
}

/* The same, for the name of a file and not of a link to one. */
static ws_status rewrite_target(const swp_reader *const *sources, size_t n_sources, const swp_layout *layout,
                                size_t n_threads, const char *target, const char *what, bool replace,
                                ws_error *err)
{
    swp_row_picks_scan *scan     = NULL;
    char               *tmp_path = ws_asprintf("%s.tmp", target);
    char               *history  = history_of(sources, n_sources, what);
    ws_status           status   = tmp_path == NULL || history == NULL ? no_memory(err) : WS_OK;

    if (status == WS_OK && !replace && access(target, F_OK) == 0) {
        status = ws_error_add(err, WS_ERR_IO, "%s: exists already", target);
    }
    if (status == WS_OK) {
        status = swp_row_picks_scan_create(sources, n_sources, NULL, SWP_WINDOW_ROWS, err, &scan);
    }
    if (status == WS_OK) {
        status = write_final(scan, layout, n_threads, tmp_path, target, history, err);
    }
    if (status == WS_OK) {
        status = swp_rename(tmp_path, target, err);
        if (status != WS_OK) {
            unlink(tmp_path);
        }
    }
    swp_row_picks_scan_destroy(&scan);
    free(history);
    free(tmp_path);
    return status;
}

ws_status swp_rewrite(const swp_reader *const *sources, size_t n_sources, const swp_layout *layout,
                      size_t n_threads, const char *path, const char *what, bool replace, ws_error *err)
{
    char *target = NULL;
    WS_TRY(ws_target_resolve(path, err, &target));
    const ws_status status =
        rewrite_target(sources, n_sources, layout, n_threads, target, what, replace, err);
    free(target);
    return status;
}
