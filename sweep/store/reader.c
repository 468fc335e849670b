#include "store/reader.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "result/layout.h"
#include "store/file_guard.h"
#include "store/h5_layout.h"
#include "store/h5_column.h"
#include "store/h5_util.h"
#include "store/reader_h5.h"

#ifndef HSIZE_UNDEF /* not in HDF5 1.10 */
#define HSIZE_UNDEF ((hsize_t)-1)
#endif

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
    int64_t       file_bytes; /* when it was opened; of a file of our own, INT64_MAX: nothing is doubted */
    char         *history;
};

/* ---- guard ---- */

static void guard_begin(const swp_reader *reader)
{
    if (reader->owns_file) {
        swp_guard_begin(reader->path);
    }
}

static void guard_end(const swp_reader *reader)
{
    if (reader->owns_file) {
        swp_guard_end();
    }
}

/* ---- datasets ---- */

/* Rows that a dataset has now; false if HDF5 fails. */
static bool find_len(hid_t data, hsize_t *len_out)
{
    hsize_t     dims[H5S_MAX_RANK] = {0};
    const hid_t space              = H5Dget_space(data);
    if (space < 0) {
        return false;
    }
    const bool is_found = H5Sget_simple_extent_dims(space, dims, NULL) >= 0;
    H5Sclose(space);
    *len_out = dims[0];
    return is_found;
}

static bool is_there(const swp_reader *reader, const swp_column *column)
{
    return (column->group[0] == '\0' || swp_h5_has(reader->file, column->group)) &&
           swp_h5_has(reader->file, column->path);
}

/* Numbers convert to each other, texts are rows of characters. */
static bool has_type(hid_t data, const swp_column *column)
{
    const hid_t type = H5Dget_type(data);
    if (type < 0) {
        return false;
    }
    const H5T_class_t class_id = H5Tget_class(type);
    const size_t      size     = H5Tget_size(type);
    const bool        fits     = column->type == SWP_TYPE_CHAR
                                     ? class_id == H5T_STRING && size == 1
                                     : (class_id == H5T_INTEGER || class_id == H5T_FLOAT) && size <= sizeof(double);
    H5Tclose(type);
    return fits;
}

/* The axes behind the growing one are as long as the layout says. */
static bool has_shape(hid_t data, const swp_column *column, const swp_layout *layout)
{
    hsize_t     dims[H5S_MAX_RANK] = {0}, expected[SWP_MAX_RANK];
    const int   expected_rank      = swp_h5_column_dims(column, layout, 0, expected);
    const hid_t space              = H5Dget_space(data);
    const int   rank               = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);
    if (space >= 0) {
        H5Sclose(space);
    }
    bool fits = rank == expected_rank;
    for (int d = 1; fits && d < rank; d++) {
        fits = dims[d] == expected[d];
    }
    return fits;
}

/* Whether a file of so many bytes can hold n rows of row_bytes: its numbers are stored, and deflate makes at
 * most 1032 bytes of one. So what is read stays in proportion to the file. */
static bool can_hold(const swp_reader *reader, hsize_t n, size_t row_bytes)
{
    return (double)n * (double)row_bytes <= 1032.0 * (double)reader->file_bytes;
}

/* Without a message of its own: the caller adds one. */
static hid_t open_by_path(const swp_reader *reader, const char *path)
{
    hid_t       data   = -1;
    const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    /* Compressed files need the chunk cache, or reading row after row would unpack a chunk each time. For
     * live ones it would keep older bytes, and repacking a file of our own would fill one for every column.
     */
    const bool wants_cache = reader->kind == SWP_FILE_PLAIN && reader->owns_file;
    if (access >= 0 && (wants_cache || H5Pset_chunk_cache(access, 1, 0, 0.75) >= 0)) {
        data = swp_h5_open_dataset(reader->file, path, access);
    }
    if (access >= 0) {
        H5Pclose(access);
    }
    return data;
}

static ws_status open_column_data(const swp_reader *reader, size_t index, ws_error *err)
{
    open_column      *open   = &reader->open[index];
    const swp_column *column = &reader->columns.list[index];

    if (!is_there(reader, column)) {
        open->absent = true;
        return WS_OK;
    }
    open->data = open_by_path(reader, column->path);
    if (open->data < 0) {
        return swp_h5_fail(err, reader->path, "damaged: cannot open %s", column->path);
    }
    if (!find_len(open->data, &open->len) || !has_type(open->data, column) ||
        !has_shape(open->data, column, reader->layout) ||
        (column->type != SWP_TYPE_CHAR && !can_hold(reader, open->len, column->row_bytes))) {
        H5Dclose(open->data);
        open->data = -1;
        return swp_h5_fail(err, reader->path, "damaged: %s is of another type or extent", column->path);
    }
    return WS_OK;
}

static ws_status open_dataset(const swp_reader *reader, size_t index, ws_error *err)
{
    const open_column *open = &reader->open[index];
    if (open->data >= 0 || open->absent) {
        return WS_OK;
    }
    guard_begin(reader);
    const ws_status status = open_column_data(reader, index, err);
    guard_end(reader);
    return status;
}

/* See at least `needed` rows; a live column may have grown since it was opened. */
static ws_status reach(const swp_reader *reader, size_t index, hsize_t needed, ws_error *err)
{
    open_column *open = &reader->open[index];
    if (open->len < needed && reader->kind == SWP_FILE_LIVE) {
        guard_begin(reader);
        const bool is_fresh = H5Drefresh(open->data) >= 0 && find_len(open->data, &open->len);
        guard_end(reader);
        if (!is_fresh) {
            return swp_h5_fail(err, reader->path, "cannot refresh %s", reader->columns.list[index].path);
        }
    }
    if (open->len < needed) {
        return swp_h5_fail(err, reader->path, "damaged: %s has %llu rows, %llu are needed",
                           reader->columns.list[index].path, (unsigned long long)open->len,
                           (unsigned long long)needed);
    }
    return WS_OK;
}

/* Counts were doubles in files of schema version 1, NaN where there was none. */
static bool holds_counts_as_doubles(hid_t data, const swp_column *column)
{
    const hid_t type = swp_column_may_lack(column) ? H5Dget_type(data) : -1;
    if (type < 0) {
        return false;
    }
    const bool is_float = H5Tget_class(type) == H5T_FLOAT;
    H5Tclose(type);
    return is_float;
}

static void make_counts(size_t n, void *rows)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        char  *cell = (char *)rows + i * sizeof(value);
        memcpy(&value, cell, sizeof(value));
        const int64_t count = value >= 0.0 && value < 0x1p63 ? llround(value) : -1;
        memcpy(cell, &count, sizeof(count));
    }
}

static herr_t read_block(hid_t data, const swp_column *column, const swp_layout *layout, size_t start,
                         size_t n, void *rows)
{
    swp_h5_block block;
    herr_t       result = -1;
    const bool   is_old = holds_counts_as_doubles(data, column);
    if (swp_h5_block_open(data, column, layout, start, n, &block)) {
        const hid_t type = is_old ? H5T_NATIVE_DOUBLE : swp_h5_memory_type(column->type);
        result           = H5Dread(data, type, block.memory, block.file, H5P_DEFAULT, rows);
    }
    swp_h5_block_close(&block);
    if (result >= 0 && is_old) {
        make_counts(n, rows);
    }
    return result;
}

ws_status swp_reader_check_range(const swp_reader *reader, const swp_column *column, size_t start, size_t n,
                                 ws_error *err)
{
    const size_t index = (size_t)(column - reader->columns.list);
    WS_ASSERT(index < reader->columns.n);
    if (n > SIZE_MAX - start || !can_hold(reader, n, column->row_bytes)) {
        return ws_error_add(err, WS_ERR_IO, "%s: damaged: %zu rows of %s are said to follow", reader->path, n,
                            column->path);
    }
    WS_TRY(open_dataset(reader, index, err));
    return reader->open[index].absent || n == 0 ? WS_OK : reach(reader, index, (hsize_t)start + n, err);
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
    WS_TRY(reach(reader, index, (hsize_t)start + n, err));
    guard_begin(reader);
    const herr_t result = read_block(reader->open[index].data, column, reader->layout, start, n, rows_out);
    guard_end(reader);
    if (result < 0) {
        return swp_h5_fail(err, reader->path, "damaged: cannot read %s", column->path);
    }
    return WS_OK;
}

/* ---- checking ---- */

#define CHECK_BYTES ((size_t)4 << 20) /* read at once */

/* Read rows [start, end) and forget them: HDF5 compares the checksums. */
static ws_status read_through(const swp_reader *reader, size_t index, size_t start, size_t end, ws_error *err)
{
    const swp_column *column = &reader->columns.list[index];
    const size_t      rows   = column->row_bytes < CHECK_BYTES ? CHECK_BYTES / column->row_bytes : 1;
    void             *block  = malloc(rows * column->row_bytes);
    ws_status         status = WS_OK;
    if (block == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", reader->path);
    }
    for (size_t at = start; at < end && status == WS_OK; at += rows) {
        status = swp_reader_read(reader, column, at, end - at < rows ? end - at : rows, block, err);
    }
    free(block);
    return status;
}

/* Rows the column must have: of jobs, those the file has; samples and requests are as many in every column.
 */
static ws_status check_column(const swp_reader *reader, size_t index, hsize_t len[SWP_AXIS_COUNT], bool all,
                              ws_error *err)
{
    const swp_column *column = &reader->columns.list[index];
    WS_TRY(open_dataset(reader, index, err));
    const open_column *open = &reader->open[index];
    if (open->absent) {
        return WS_OK; /* check_columns() knows which may be */
    }
    if (len[column->axis] == HSIZE_UNDEF) {
        len[column->axis] = open->len;
    }
    WS_TRY(reach(reader, index, len[column->axis], err));
    if (reader->kind == SWP_FILE_PLAIN && open->len != len[column->axis]) {
        return ws_error_add(err, WS_ERR_IO, "%s: damaged: %s has %llu rows, expected %llu", reader->path,
                            column->path, (unsigned long long)open->len,
                            (unsigned long long)len[column->axis]);
    }
    const size_t n = (size_t)len[column->axis];
    if (n == 0) {
        return WS_OK;
    }
    return read_through(reader, index, all ? 0 : n - 1, n, err);
}

ws_status swp_reader_check(const swp_reader *reader, bool all, ws_error *err)
{
    hsize_t len[SWP_AXIS_COUNT] = {
        [SWP_AXIS_JOB] = reader->n_rows, [SWP_AXIS_SAMPLE] = HSIZE_UNDEF, [SWP_AXIS_REQUEST] = HSIZE_UNDEF};
    ws_status status = WS_OK;
    for (size_t i = 0; i < reader->columns.n; i++) {
        status = ws_status_worse(status, check_column(reader, i, len, all, err));
    }
    return status;
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
    if ((reader->kind == SWP_FILE_LIVE && H5Drefresh(open->data) < 0) || !find_len(open->data, &open->len)) {
        return swp_h5_fail(err, reader->path, "damaged: cannot read /state");
    }
    reader->n_rows = (size_t)open->len;
    return WS_OK;
}

/* A file says how many columns it was given, so that one that is lost is not taken for one that its program
 * did not know yet. Files of before say nothing. */
static ws_status check_columns(const swp_reader *reader, ws_error *err)
{
    ws_strbuf absent    = WS_STRBUF_INIT;
    int64_t   n_made    = 0;
    size_t    n_there   = 0;
    size_t    row_bytes = 0; /* of the numbers of a job */

    for (size_t i = 0; i < reader->columns.n; i++) {
        const swp_column *column = &reader->columns.list[i];
        if (!is_there(reader, column)) {
            ws_strbuf_printf(&absent, "%s%s", absent.len > 0 ? ", " : "", column->path);
            continue;
        }
        n_there++;
        row_bytes += column->axis == SWP_AXIS_JOB && column->type != SWP_TYPE_CHAR ? column->row_bytes : 0;
    }
    ws_status status = WS_OK;
    if (swp_h5_get_int(reader->file, "n_columns", &n_made) >= 0 && (int64_t)n_there < n_made) {
        status = ws_error_add(err, WS_ERR_IO, "%s: damaged: columns are lost, %zu of %lld are there; not: %s",
                              reader->path, n_there, (long long)n_made, ws_strbuf_text(&absent));
    } else if (!can_hold(reader, reader->n_rows, row_bytes)) {
        status = ws_error_add(err, WS_ERR_IO, "%s: damaged: says it has %zu rows, too many for %lld bytes",
                              reader->path, reader->n_rows, (long long)reader->file_bytes);
    }
    ws_strbuf_fini(&absent);
    return status;
}

/* A layout no writer makes is damage, not a slip of the caller. */
static ws_status build_columns(swp_reader *reader, ws_error *err)
{
    const ws_status status = swp_columns_build(reader->layout, err, &reader->columns);
    return status == WS_ERR_ARG
               ? ws_error_add(err, WS_ERR_IO, "%s: damaged: no result file has such columns", reader->path)
               : status;
}

static ws_status set_up(swp_reader *reader, ws_error *err)
{
    guard_begin(reader);
    const ws_status status = swp_h5_layout_read(reader->file, reader->path, err, &reader->layout);
    guard_end(reader);
    WS_TRY(status);
    WS_TRY(build_columns(reader, err));
    reader->open = malloc(reader->columns.n * sizeof(reader->open[0]));
    guard_begin(reader);
    reader->history = swp_h5_get_text(reader->file, "history");
    guard_end(reader);
    if (reader->open == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", reader->path);
    }
    for (size_t i = 0; i < reader->columns.n; i++) {
        reader->open[i] = (open_column){.data = -1};
    }
    WS_TRY(read_n_rows(reader, err));
    return reader->owns_file ? check_columns(reader, err) : WS_OK;
}

static int64_t size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (int64_t)about.st_size : 0;
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
    reader->file       = file;
    reader->owns_file  = owns_file;
    reader->kind       = kind;
    reader->file_bytes = owns_file ? size_of(path) : INT64_MAX;
    reader->path       = ws_strdup(path);
    if (owns_file) {
        swp_guard_on();
    }
    ws_status status = WS_OK;
    if (reader->path == NULL) {
        status = ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path);
    } else {
        status = set_up(reader, err);
    }
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
    swp_guard_on();
    swp_guard_begin(path);
    ws_status status = open_file(path, err, &kind, &file);
    swp_guard_end();
    if (status == WS_OK) {
        status = create(file, true, kind, path, err, reader_out);
    }
    swp_guard_off();
    return status;
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
    guard_begin(reader);
    if (reader->owns_file) {
        H5Fclose(reader->file);
    }
    guard_end(reader);
    if (reader->owns_file) {
        swp_guard_off();
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
