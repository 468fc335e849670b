#include "store/h5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/version.h"
#include "result/layout.h"
#include "store/h5_column.h"
#include "store/h5_objects.h"
#include "store/h5_util.h"

/* Live chunks: big enough to make a write cheap, small enough that a sweep of a few rows stays small. */
#define LIVE_ROWS_MIN 64
#define LIVE_ROWS_MAX 8192
#define LIVE_SAMPLES 16384
#define LIVE_BUFFER_BYTES ((size_t)64 << 20) /* of all columns of an axis together */

static size_t live_rows(const swp_columns *columns, swp_row_axis axis, int64_t n_jobs)
{
    size_t rows = LIVE_SAMPLES;
    if (axis == SWP_AXIS_JOB) {
        for (rows = LIVE_ROWS_MIN; rows < LIVE_ROWS_MAX && (int64_t)rows < n_jobs; rows *= 2) {
        }
    }
    while (rows > 1 && rows * columns->row_bytes[axis] > LIVE_BUFFER_BYTES) {
        rows /= 2;
    }
    return rows;
}

static ws_status no_memory(const char *path, ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path);
    return WS_ERR_NOMEM;
}

static ws_status alloc_file(const char *path, const swp_layout *layout, const swp_h5_file_options *options,
                            ws_error *err, swp_h5_file **file_out)
{
    swp_h5_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        return no_memory(path, err);
    }
    *file_out  = file;
    file->id   = -1;
    file->live = options->live;
    for (int axis = 0; axis < SWP_AXIS_COUNT; axis++) {
        file->dimensions[axis] = -1;
    }
    file->path = ws_strdup(path);
    if (file->path == NULL || swp_layout_copy(layout, &file->layout) != WS_OK) {
        return no_memory(path, err);
    }
    WS_TRY(swp_columns_build(file->layout, err, &file->columns));
    file->datasets = malloc(file->columns.n * sizeof(file->datasets[0]));
    if (file->datasets == NULL) {
        return no_memory(path, err);
    }
    for (size_t i = 0; i < file->columns.n; i++) {
        file->datasets[i] = -1;
    }
    for (int axis = 0; axis < SWP_AXIS_COUNT; axis++) {
        file->chunk_rows[axis] = live_rows(&file->columns, (swp_row_axis)axis, layout->n_jobs);
    }
    return WS_OK;
}

static ws_status create_h5(swp_h5_file *file, ws_error *err)
{
    const hid_t access   = swp_h5_file_access(file->live);
    const hid_t creation = swp_h5_file_creation(file->live);
    ws_status   status   = WS_OK;

    if (access >= 0 && creation >= 0) {
        file->id = H5Fcreate(file->path, H5F_ACC_TRUNC, creation, access);
    }
    if (file->id < 0) {
        status = swp_h5_fail(err, file->path, "cannot create the file");
    }
    if (access >= 0) {
        H5Pclose(access);
    }
    if (creation >= 0) {
        H5Pclose(creation);
    }
    return status;
}

static ws_status make_objects(swp_h5_file *file, const swp_h5_file_options *options, ws_error *err)
{
    swp_h5_objects objects = {.id      = file->id,
                              .path    = file->path,
                              .layout  = file->layout,
                              .columns = &file->columns,
                              .live    = file->live,
                              .history = options->history};
    memcpy(objects.n_rows, options->n_rows, sizeof(objects.n_rows));
    memcpy(objects.chunk_rows, file->chunk_rows, sizeof(objects.chunk_rows));
    return swp_h5_make_objects(&objects, err, file->datasets, file->dimensions);
}

static ws_status create_chunker(swp_h5_file *file, const swp_h5_file_options *options, ws_error *err)
{
    swp_chunker_config config = {.path      = file->path,
                                 .columns   = &file->columns,
                                 .datasets  = file->datasets,
                                 .n_threads = options->n_threads};
    memcpy(config.n_rows, options->n_rows, sizeof(config.n_rows));
    return swp_chunker_create(&config, err, &file->chunker);
}

static void free_memory(swp_h5_file **file)
{
    swp_chunker_destroy(&(*file)->chunker);
    free((*file)->path);
    free((*file)->datasets);
    swp_columns_fini(&(*file)->columns);
    swp_layout_free(&(*file)->layout);
    free(*file);
    *file = NULL;
}

ws_status swp_h5_file_make(const char *path, const swp_layout *layout, const swp_h5_file_options *options,
                           ws_error *err, swp_h5_file **file_out)
{
    swp_h5_file *file = NULL;

    *file_out = NULL;
    swp_h5_init();
    ws_status status = alloc_file(path, layout, options, err, &file);
    if (status == WS_OK) {
        status = create_h5(file, err);
        if (status == WS_OK) {
            status = make_objects(file, options, err);
        }
        if (status == WS_OK && !file->live) {
            status = create_chunker(file, options, err);
        }
        if (status != WS_OK) {
            unlink(path);
        }
    }
    if (status != WS_OK) {
        if (file != NULL) {
            swp_h5_file_abandon(&file);
        }
        return status;
    }
    *file_out = file;
    return WS_OK;
}

/* ---- columns ---- */

static herr_t write_block(hid_t data, const swp_column *column, const swp_layout *layout, size_t start,
                          size_t n, const void *rows)
{
    swp_h5_block block;
    herr_t       result = -1;
    if (swp_h5_block_open(data, column, layout, start, n, &block)) {
        result =
            H5Dwrite(data, swp_h5_memory_type(column->type), block.memory, block.file, H5P_DEFAULT, rows);
    }
    swp_h5_block_close(&block);
    return result;
}

ws_status swp_h5_file_write(swp_h5_file *file, size_t index, size_t start, size_t n, const void *rows,
                            ws_error *err)
{
    const swp_column *column = &file->columns.list[index];
    const hid_t       data   = file->datasets[index];
    hsize_t           dims[SWP_MAX_RANK];

    if (!file->live) {
        return swp_chunker_append(file->chunker, index, start, n, rows, err);
    }
    swp_h5_column_dims(column, file->layout, start + n, dims);
    if (H5Dset_extent(data, dims) < 0) {
        return swp_h5_fail(err, file->path, "cannot extend %s", column->path);
    }
    /* Blank text is the fill value: not writing it keeps live files small, error texts are rare. */
    if (n == 0 || (column->type == SWP_TYPE_CHAR && swp_h5_is_blank(rows, n * column->row_bytes))) {
        return WS_OK;
    }
    if (write_block(data, column, file->layout, start, n, rows) < 0) {
        return swp_h5_fail(err, file->path, "cannot write %s", column->path);
    }
    return WS_OK;
}

ws_status swp_h5_file_grow_axis(swp_h5_file *file, swp_row_axis axis, size_t n, ws_error *err)
{
    const hsize_t len = n;
    if (file->dimensions[axis] >= 0 && H5Dset_extent(file->dimensions[axis], &len) < 0) {
        return swp_h5_fail(err, file->path, "cannot extend an axis");
    }
    return WS_OK;
}

ws_status swp_h5_file_check_size(swp_h5_file *file, ws_error *err)
{
    struct stat about;
    void       *handle = NULL;

    if (H5Fget_vfd_handle(file->id, H5P_DEFAULT, &handle) < 0 || handle == NULL) {
        return swp_h5_fail(err, file->path, "cannot find the open file");
    }
    if (fstat(*(const int *)handle, &about) != 0) { /* the default driver's handle is a file descriptor */
        return ws_error_add(err, WS_ERR_IO, "%s: cannot look at the open file: %s", file->path,
                            strerror(errno));
    }
    if ((int64_t)about.st_size < file->size_bytes) {
        return ws_error_add(err, WS_ERR_IO, "%s: was cut to %lld of %lld bytes while it was being written",
                            file->path, (long long)about.st_size, (long long)file->size_bytes);
    }
    file->size_bytes = (int64_t)about.st_size;
    return WS_OK;
}

void swp_h5_file_set_path(swp_h5_file *file, const char *path)
{
    char *copy = ws_strdup(path);
    if (copy != NULL) {
        free(file->path);
        file->path = copy;
    }
}

/* ---- closing ---- */

static ws_status sync_path(const char *path, ws_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        ws_error_add(err, WS_ERR_IO, "%s: cannot sync: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return WS_ERR_IO;
    }
    close(fd);
    return WS_OK;
}

ws_status swp_h5_file_close(swp_h5_file **file_ref, bool sync, ws_error *err)
{
    swp_h5_file *file   = *file_ref;
    herr_t       result = 0;
    ws_status    status = file->live ? WS_OK : swp_chunker_drain(file->chunker, err);

    if (status != WS_OK) {
        swp_h5_file_abandon(file_ref);
        return status;
    }
    for (size_t i = 0; i < file->columns.n; i++) {
        result |= H5Dclose(file->datasets[i]);
    }
    for (int axis = 0; axis < SWP_AXIS_COUNT; axis++) {
        if (file->dimensions[axis] >= 0) {
            result |= H5Dclose(file->dimensions[axis]);
        }
    }
    result |= H5Fclose(file->id);
    status = result < 0 ? swp_h5_fail(err, file->path, "cannot close the file") : WS_OK;
    if (status == WS_OK && sync) {
        status = sync_path(file->path, err);
    }
    free_memory(file_ref);
    return status;
}

void swp_h5_file_abandon(swp_h5_file **file)
{
    if (*file != NULL) {
        free_memory(file);
    }
}

char *swp_history_line(const char *before, const char *what)
{
    char         stamp[32];
    struct tm    utc;
    const time_t now = time(NULL);

    gmtime_r(&now, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (before == NULL || before[0] == '\0') {
        return ws_asprintf("%s wattsweep %s: %s", stamp, ws_version(), what);
    }
    return ws_asprintf("%s\n%s wattsweep %s: %s", before, stamp, ws_version(), what);
}
