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
    const int error = ws_target_rename(from, to);
    if (error != 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot rename to %s: %s", from, to, strerror(error));
    }
    return WS_OK;
}

static char *history_of(const swp_rewrite_request *request)
{
    const char *before = request->n_sources > 0 ? swp_reader_history(request->sources[0]) : "";
    return swp_history_line(before, request->what);
}

/* A new file at its temporary name, from there to its own. */
typedef struct rewriting {
    const swp_rewrite_request *request;
    char                      *target; /* the name of a file, not of a link to one */
    char                      *tmp_path, *history;
    swp_row_picks_scan        *scan;
} rewriting;

static void rewriting_fini(rewriting *r)
{
    swp_row_picks_scan_destroy(&r->scan);
    free(r->history);
    free(r->tmp_path);
    free(r->target);
}

static ws_status fill_file(const rewriting *r, const swp_h5_file_options *options, ws_error *err)
{
    swp_h5_file *file = NULL;
    WS_TRY(swp_h5_file_make(r->tmp_path, r->request->layout, options, err, &file));
    const ws_status status = swp_copy_rows(r->scan, file, NULL, err);
    if (status != WS_OK) {
        swp_h5_file_abandon(&file);
        return status;
    }
    return swp_h5_file_close(&file, true, err);
}

static ws_status write_and_name(const rewriting *r, ws_error *err)
{
    swp_h5_file_options options = {.live = false, .n_threads = r->request->n_threads, .history = r->history};
    WS_TRY(swp_copied_lengths(r->scan, err, options.n_rows));
    WS_TRY(swp_make_temporary(r->tmp_path, r->target, err));
    ws_status status = fill_file(r, &options, err);
    if (status == WS_OK) {
        status = swp_rename(r->tmp_path, r->target, err);
    }
    if (status != WS_OK) {
        unlink(r->tmp_path);
    }
    return status;
}

static ws_status prepare(rewriting *r, ws_error *err)
{
    const swp_rewrite_request *request = r->request;
    WS_TRY(ws_target_resolve(request->path, err, &r->target));
    r->tmp_path = ws_asprintf("%s.tmp", r->target);
    r->history  = history_of(request);
    if (r->tmp_path == NULL || r->history == NULL) {
        return no_memory(err);
    }
    if (!request->replace && access(r->target, F_OK) == 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: exists already", r->target);
    }
    return swp_row_picks_scan_create(request->sources, request->n_sources, NULL, SWP_WINDOW_ROWS, err,
                                     &r->scan);
}

ws_status swp_rewrite(const swp_rewrite_request *request, ws_error *err)
{
    rewriting r      = {.request = request};
    ws_status status = prepare(&r, err);
    if (status == WS_OK) {
        status = write_and_name(&r, err);
    }
    rewriting_fini(&r);
    return status;
}
