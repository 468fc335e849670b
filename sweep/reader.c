#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "file_objects.h"
#include "h5util.h"
#include "layout.h"
#include "layout_read.h"
#include "reader_h5.h"

/* A column's dataset, opened when first read. */
typedef struct open_column {
    hid_t   data;   /* -1 = not opened */
    bool    absent; /* the file has no such dataset */
    hsize_t len;    /* rows it had when last looked at */
} open_column;

struct swp_reader {
    char         *path;
    hid_t         file;
    bool          owns_file;
    swp_file_kind kind;
    swp_layout   *layout;
    swp_columns   columns;
    open_column  *open; /* [columns.n] */
    size_t        n_rows;
    char         *history;
};

/* ---- datasets ---- */

static hsize_t current_len(hid_t data)
{
    hsize_t     dims[H5S_MAX_RANK] = {0};
    const hid_t space              = H5Dget_space(data);
    if (space < 0) {
        return 0;
    }
    H5Sget_simple_extent_dims(space, dims, NULL);
    H5Sclose(space);
    return dims[0];
}

static ws_status open_dataset(const swp_reader *reader, size_t index, ws_error *err)
{
    open_column      *open   = &reader->open[index];
    const swp_column *column = &reader->columns.list[index];

    if (open->data >= 0 || open->absent) {
        return WS_OK;
    }
    if ((column->group[0] != '\0' && H5Lexists(reader->file, column->group, H5P_DEFAULT) <= 0) ||
        H5Lexists(reader->file, column->path, H5P_DEFAULT) <= 0) {
        open->absent = true;
        return WS_OK;
    }
    const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    /* Compressed files need the chunk cache, or reading row after row would unpack a chunk each time. For
     * live ones it would keep older bytes, and repacking a file of our own would fill one for every column.
     */
    const bool wants_cache = reader->kind == SWP_FILE_PLAIN && reader->owns_file;
    if (access >= 0 && (wants_cache || H5Pset_chunk_cache(access, 1, 0, 0.75) >= 0)) {
        open->data = H5Dopen2(reader->file, column->path, access);
    }
    if (access >= 0) {
        H5Pclose(access);
    }
    if (open->data < 0) {
        return swp_h5_fail(err, reader->path, "cannot open %s", column->path);
    }
    open->len = current_len(open->data);
    return WS_OK;
}

/* See at least `needed` rows; a live column may have grown since it was opened. */
static ws_status reach(const swp_reader *reader, size_t index, hsize_t needed, ws_error *err)
{
    open_column *open = &reader->open[index];
    if (open->len < needed && reader->kind == SWP_FILE_LIVE) {
        if (H5Drefresh(open->data) < 0) {
            return swp_h5_fail(err, reader->path, "cannot refresh %s", reader->columns.list[index].path);
        }
        open->len = current_len(open->data);
    }
    if (open->len < needed) {
        return swp_h5_fail(err, reader->path, "damaged: %s has %llu rows, %llu are needed",
                           reader->columns.list[index].path, (unsigned long long)open->len,
                           (unsigned long long)needed);
    }
    return WS_OK;
}

static herr_t read_block(hid_t data, const swp_column *column, const swp_layout *layout, size_t start,
                         size_t n, void *rows)
{
    swp_block block;
    herr_t    result = -1;
    if (swp_block_open(data, column, layout, start, n, &block)) {
        result = H5Dread(data, swp_memory_type(column->type), block.memory, block.file, H5P_DEFAULT, rows);
    }
    swp_block_close(&block);
    return result;
}

ws_status swp_reader_read(const swp_reader *reader, const swp_column *column, size_t start, size_t n,
                          void *rows_out, ws_error *err)
{
    const size_t index = (size_t)(column - reader->columns.list);
    WS_ASSERT(index < reader->columns.n);
    WS_TRY(open_dataset(reader, index, err));
    if (reader->open[index].absent) {
        swp_column_fill(column, n, rows_out);
        return WS_OK;
    }
    if (n == 0) {
        return WS_OK;
    }
    WS_TRY(reach(reader, index, start + n, err));
    if (read_block(reader->open[index].data, column, reader->layout, start, n, rows_out) < 0) {
        return swp_h5_fail(err, reader->path, "damaged: cannot read %s", column->path);
    }
    return WS_OK;
}

bool swp_reader_has(const swp_reader *reader, const swp_column *column)
{
    const size_t index = (size_t)(column - reader->columns.list);
    return open_dataset(reader, index, NULL) == WS_OK && !reader->open[index].absent;
}

/* ---- opening ---- */

static ws_status open_file(const char *path, ws_error *err, swp_file_kind *kind_out, hid_t *file_out)
{
    struct stat about;
    if (stat(path, &about) != 0 || access(path, R_OK) != 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    if (!S_ISREG(about.st_mode)) {
        return ws_error_add(err, WS_ERR_IO, "%s: not a regular file", path);
    }
    const hid_t list = swp_h5_file_access(1);
    if (list < 0) {
        return swp_h5_fail(err, path, "cannot open");
    }
    if (H5Fis_hdf5(path) <= 0) {
        H5Pclose(list);
        return swp_h5_fail(err, path, "not an HDF5 file");
    }
    *kind_out = SWP_FILE_PLAIN;
    *file_out = H5Fopen(path, H5F_ACC_RDONLY, list);
    if (*file_out < 0) { /* being written, or left by a killed writer */
        *kind_out = SWP_FILE_LIVE;
        *file_out = H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, list);
    }
    H5Pclose(list);
    return *file_out < 0 ? swp_h5_fail(err, path, "damaged: cannot open") : WS_OK;
}

static ws_status read_n_rows(swp_reader *reader, ws_error *err)
{
    const size_t state = reader->columns.state;
    WS_TRY(open_dataset(reader, state, err));
    open_column *open = &reader->open[state];
    if (open->absent) {
        return swp_h5_fail(err, reader->path, "damaged: /state is missing");
    }
    if (reader->kind == SWP_FILE_LIVE && H5Drefresh(open->data) < 0) {
        return swp_h5_fail(err, reader->path, "damaged: cannot read /state");
    }
    open->len      = current_len(open->data);
    reader->n_rows = (size_t)open->len;
    return WS_OK;
}

static ws_status set_up(swp_reader *reader, ws_error *err)
{
    WS_TRY(swp_layout_read(reader->file, reader->path, err, &reader->layout));
    WS_TRY(swp_columns_build(reader->layout, err, &reader->columns));
    reader->open    = malloc(reader->columns.n * sizeof(reader->open[0]));
    reader->history = swp_h5_get_text(reader->file, "history");
    if (reader->open == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", reader->path);
    }
    for (size_t i = 0; i < reader->columns.n; i++) {
        reader->open[i] = (open_column){.data = -1};
    }
    return read_n_rows(reader, err);
}

static ws_status create(hid_t file, bool owns_file, swp_file_kind kind, const char *path, ws_error *err,
                        swp_reader **reader_out)
{
    swp_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        if (owns_file) {
            H5Fclose(file);
        }
        return ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path);
    }
    reader->file      = file;
    reader->owns_file = owns_file;
    reader->kind      = kind;
    reader->path      = ws_strdup(path);
    ws_status status  = reader->path == NULL ? ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path)
                                             : set_up(reader, err);
    if (status != WS_OK) {
        swp_reader_close(&reader);
        return status;
    }
    *reader_out = reader;
    return WS_OK;
}

ws_status swp_reader_open(const char *path, ws_error *err, swp_reader **reader_out)
{
    swp_file_kind kind = SWP_FILE_PLAIN;
    hid_t         file = -1;

    *reader_out = NULL;
    swp_h5_init();
    WS_TRY(open_file(path, err, &kind, &file));
    return create(file, true, kind, path, err, reader_out);
}

ws_status swp_reader_attach(hid_t file, const char *path, ws_error *err, swp_reader **reader_out)
{
    *reader_out = NULL;
    return create(file, false, SWP_FILE_PLAIN, path, err, reader_out);
}

void swp_reader_close(swp_reader **reader_ref)
{
    swp_reader *reader = *reader_ref;
    if (reader == NULL) {
        return;
    }
    for (size_t i = 0; reader->open != NULL && i < reader->columns.n; i++) {
        if (reader->open[i].data >= 0) {
            H5Dclose(reader->open[i].data);
        }
    }
    if (reader->owns_file) {
        H5Fclose(reader->file);
    }
    H5Eclear2(H5E_DEFAULT);
    swp_columns_fini(&reader->columns);
    swp_layout_free(&reader->layout);
    free(reader->open);
    free(reader->history);
    free(reader->path);
    free(reader);
    *reader_ref = NULL;
}

ws_status swp_reader_refresh(swp_reader *reader, ws_error *err)
{
    return reader->kind == SWP_FILE_LIVE ? read_n_rows(reader, err) : WS_OK;
}

/* ---- looking ---- */

const char *swp_reader_path(const swp_reader *reader)
{
    return reader->path;
}

swp_file_kind swp_reader_kind(const swp_reader *reader)
{
    return reader->kind;
}

const swp_layout *swp_reader_layout(const swp_reader *reader)
{
    return reader->layout;
}

const char *swp_reader_attribute(const swp_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->layout->n_attributes; i++) {
        if (strcmp(reader->layout->attributes[i].name, name) == 0) {
            return reader->layout->attributes[i].text;
        }
    }
    return NULL;
}

size_t swp_reader_n_rows(const swp_reader *reader)
{
    return reader->n_rows;
}

const swp_columns *swp_reader_columns(const swp_reader *reader)
{
    return &reader->columns;
}

const char *swp_reader_history(const swp_reader *reader)
{
    return reader->history == NULL ? "" : reader->history;
}

static ws_status read_role(const swp_reader *reader, swp_role role, size_t start, size_t n, void *out,
                           ws_error *err)
{
    return swp_reader_read(reader, swp_columns_find(&reader->columns, role, 0), start, n, out, err);
}

ws_status swp_reader_row_status(const swp_reader *reader, size_t start, size_t n, ws_error *err,
                                swp_row_status *out)
{
    enum { BLOCK = 1024 }; /* rows at a time, on the stack */
    int64_t job[BLOCK];
    int8_t  state[BLOCK] = {0};
    int32_t attempt[BLOCK];
    char    hash[BLOCK][SWP_HASH_LEN];

    for (size_t done = 0; done < n;) {
        const size_t m = n - done < BLOCK ? n - done : BLOCK;
        WS_TRY(read_role(reader, SWP_ROLE_JOB, start + done, m, job, err));
        WS_TRY(read_role(reader, SWP_ROLE_STATE, start + done, m, state, err));
        WS_TRY(read_role(reader, SWP_ROLE_ATTEMPT, start + done, m, attempt, err));
        WS_TRY(read_role(reader, SWP_ROLE_HASH, start + done, m, hash, err));
        for (size_t i = 0; i < m; i++) {
            swp_row_status *row = &out[done + i];
            if (state[i] < 0 || state[i] >= SWP_STATE_COUNT) {
                return ws_error_add(err, WS_ERR_IO, "%s: damaged: row %zu has state %d", reader->path,
                                    start + done + i, state[i]);
            }
            *row = (swp_row_status){.job = job[i], .state = (swp_job_state)state[i], .attempt = attempt[i]};
            memcpy(row->hash, hash[i], SWP_HASH_LEN);
        }
        done += m;
    }
    return WS_OK;
}
