#include "store/live_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "result/layout.h"
#include "store/copy_rows.h"
#include "store/h5_file.h"
#include "store/h5_column.h"
#include "store/h5_util.h"
#include "store/reader_h5.h"
#include "store/rewrite.h"
#include "store/row_cells.h"

#define FLUSH_INTERVAL_S 2.0

struct swp_store {
    char        *path;      /* FILE */
    char        *work_path; /* FILE.tmp until begin, or the scratch file of no_live */
    bool         no_live;
    double       flush_interval_s;
    size_t       n_threads;
    swp_h5_file *file; /* NULL once finished */
    size_t       n_columns;
    char       **gathered; /* [n_columns] chunk_rows cells each */
    size_t       n_gathered[SWP_AXIS_COUNT];
    size_t       n_written[SWP_AXIS_COUNT];
    bool         begun, finished;
    bool         broken;      /* a write failed: nothing more is written */
    double       waits_since; /* when the oldest gathered row came */
};

/* ---- creating ---- */

static ws_status no_memory(const char *path, ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path);
    return WS_ERR_NOMEM;
}

static ws_status name_work_file(swp_store *store, const swp_store_config *config, ws_error *err)
{
    if (!config->no_live) {
        store->work_path = ws_asprintf("%s.tmp", config->path);
        return store->work_path == NULL ? no_memory(config->path, err) : WS_OK;
    }
    const char *folder = config->scratch_dir != NULL ? config->scratch_dir : getenv("TMPDIR");
    store->work_path =
        ws_asprintf("%s/wattsweep-XXXXXX", folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    if (store->work_path == NULL) {
        return no_memory(config->path, err);
    }
    const int fd = mkstemp(store->work_path);
    if (fd < 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot create: %s", store->work_path, strerror(errno));
    }
    close(fd);
    return WS_OK;
}

static ws_status alloc_gathered(swp_store *store, ws_error *err)
{
    const swp_columns *columns = &store->file->columns;
    store->n_columns           = columns->n;
    store->gathered            = calloc(columns->n, sizeof(store->gathered[0]));
    if (store->gathered == NULL) {
        return no_memory(store->path, err);
    }
    for (size_t i = 0; i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        store->gathered[i]       = malloc(store->file->chunk_rows[column->axis] * column->row_bytes);
        if (store->gathered[i] == NULL) {
            return no_memory(store->path, err);
        }
    }
    return WS_OK;
}

static ws_status make_file(swp_store *store, const swp_store_config *config, const swp_layout *layout,
                           ws_error *err)
{
    char *history = swp_history_line(config->history_before,
                                     config->history_what != NULL ? config->history_what : "created");
    if (history == NULL) {
        return no_memory(store->path, err);
    }
    const swp_h5_file_options options = {.live = true, .history = history};
    ws_status status = store->no_live ? WS_OK : swp_make_temporary(store->work_path, store->path, err);
    if (status == WS_OK) {
        status = swp_h5_file_make(store->work_path, layout, &options, err, &store->file);
    } else {
        free(store->work_path); /* not ours to remove */
        store->work_path = NULL;
    }
    free(history);
    return status;
}

ws_status swp_store_create(const swp_store_config *config, const swp_layout *layout, ws_error *err,
                           swp_store **store_out)
{
    *store_out = NULL;
    if (!config->overwrite && access(config->path, F_OK) == 0) {
        return ws_error_add(err, WS_ERR_IO, "%s: exists already", config->path);
    }
    swp_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return no_memory(config->path, err);
    }
    store->no_live          = config->no_live;
    store->flush_interval_s = config->flush_interval_s > 0.0 ? config->flush_interval_s : FLUSH_INTERVAL_S;
    store->n_threads        = config->n_threads;
    store->path             = ws_strdup(config->path);
    ws_status status =
        store->path == NULL ? no_memory(config->path, err) : name_work_file(store, config, err);
    if (status == WS_OK) {
        status = make_file(store, config, layout, err);
    }
    if (status == WS_OK) {
        status = alloc_gathered(store, err);
    }
    if (status != WS_OK) {
        swp_store_destroy(&store);
        return status;
    }
    *store_out = store;
    return WS_OK;
}

ws_status swp_store_carry(swp_store *store, const swp_reader *old, const int64_t *job_of_row,
                          const swp_row_identity *identity, ws_error *err)
{
    swp_row_picks_scan *scan = NULL;

    WS_ASSERT(!store->begun && store->n_written[SWP_AXIS_JOB] == 0);
    ws_status status = swp_row_picks_scan_create(&old, 1, &job_of_row, SWP_WINDOW_ROWS, err, &scan);
    if (status == WS_OK) {
        status = swp_copied_lengths(scan, err, store->n_written);
    }
    if (status == WS_OK) {
        status        = swp_copy_rows(scan, store->file, identity, err);
        store->broken = status == WS_ERR_IO;
    }
    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        if (store->file->dimensions[axis] < 0) {
            store->n_written[axis] = 0; /* the older file had more to tell than the new layout has room for */
        }
    }
    swp_row_picks_scan_destroy(&scan);
    return status;
}

ws_status swp_store_begin(swp_store *store, ws_error *err)
{
    WS_ASSERT(!store->begun);
    if (H5Fflush(store->file->id, H5F_SCOPE_LOCAL) < 0 || H5Fstart_swmr_write(store->file->id) < 0) {
        store->broken = true;
        return swp_h5_fail(err, store->work_path, "cannot start live writing");
    }
    WS_TRY(swp_h5_file_check_size(store->file, err)); /* the size it must not fall below from now on */
    if (!store->no_live) {
        WS_TRY(swp_rename(store->work_path, store->path, err));
        swp_h5_file_set_path(store->file, store->path);
    }
    store->begun = true;
    return WS_OK;
}

/* ---- writing ---- */

static ws_status refuse_broken(const swp_store *store, ws_error *err)
{
    return ws_error_add(err, WS_ERR_IO, "%s: writing failed before", store->path);
}

/* Append the gathered rows of an axis to its columns, except /state. */
static ws_status write_axis(swp_store *store, swp_row_axis axis, ws_error *err)
{
    swp_h5_file *file  = store->file;
    const size_t start = store->n_written[axis], n = store->n_gathered[axis];

    if (n == 0) {
        return WS_OK;
    }
    WS_TRY(swp_h5_file_check_size(file, err));
    for (size_t i = 0; i < file->columns.n; i++) {
        if (file->columns.list[i].axis == axis && i != file->columns.state) {
            WS_TRY(swp_h5_file_write(file, i, start, n, store->gathered[i], err));
        }
    }
    WS_TRY(swp_h5_file_grow_axis(file, axis, start + n, err));
    WS_TRY(swp_h5_file_check_size(file, err));
    store->n_written[axis] += n;
    store->n_gathered[axis] = 0;
    return WS_OK;
}

/* A job's state may reach the file only after everything else about it: it says the row is complete. */
static ws_status write_all(swp_store *store, ws_error *err)
{
    swp_h5_file *file  = store->file;
    const size_t state = file->columns.state;
    const size_t start = store->n_written[SWP_AXIS_JOB], n = store->n_gathered[SWP_AXIS_JOB];

    WS_TRY(write_axis(store, SWP_AXIS_SAMPLE, err));
    WS_TRY(write_axis(store, SWP_AXIS_REQUEST, err));
    WS_TRY(write_axis(store, SWP_AXIS_JOB, err));
    if (H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0) {
        return swp_h5_fail(err, store->path, "cannot flush");
    }
    WS_TRY(swp_h5_file_write(file, state, start, n, store->gathered[state], err));
    if (H5Dflush(file->datasets[state]) < 0) {
        return swp_h5_fail(err, store->path, "cannot flush /state");
    }
    /* A new chunk of /state lies at the end of the file: the superblock must know that end, or h5clear cuts
     * it off. */
    const size_t chunk_rows =
        swp_h5_live_state_chunk_rows(file->chunk_rows[SWP_AXIS_JOB], file->layout->n_jobs);
    if ((start + n - 1) / chunk_rows != start / chunk_rows || start % chunk_rows == 0) {
        if (H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0) {
            return swp_h5_fail(err, store->path, "cannot flush");
        }
    }
    return swp_h5_file_check_size(file, err);
}

ws_status swp_store_flush(swp_store *store, ws_error *err)
{
    if (store->broken) {
        return refuse_broken(store, err);
    }
    if (store->n_gathered[SWP_AXIS_JOB] == 0) {
        return WS_OK;
    }
    const ws_status status = write_all(store, err);
    store->broken          = status != WS_OK;
    return status;
}

void swp_store_enter_thread(void)
{
    swp_h5_init();
}

ws_status swp_store_poll(swp_store *store, ws_error *err)
{
    if (!store->broken && store->n_gathered[SWP_AXIS_JOB] > 0 &&
        ws_wall_s() - store->waits_since < store->flush_interval_s) {
        return WS_OK;
    }
    return swp_store_flush(store, err);
}

/* Gather n samples (or requests) of a row, writing whenever the buffers are full. */
static ws_status gather_ragged(swp_store *store, swp_row_axis axis, const swp_row *row, size_t n,
                               ws_error *err)
{
    const swp_columns *columns  = &store->file->columns;
    const size_t       capacity = store->file->chunk_rows[axis];

    for (size_t first = 0; first < n;) {
        const size_t at    = store->n_gathered[axis];
        const size_t count = n - first < capacity - at ? n - first : capacity - at;
        for (size_t i = 0; i < columns->n; i++) {
            if (columns->list[i].axis == axis) {
                swp_row_put_ragged(&columns->list[i], row, first, count,
                                   store->gathered[i] + at * columns->list[i].row_bytes);
            }
        }
        store->n_gathered[axis] += count;
        first += count;
        if (store->n_gathered[axis] == capacity) {
            WS_TRY(write_axis(store, axis, err));
        }
    }
    return WS_OK;
}

static ws_status gather_row(swp_store *store, const swp_row *row, ws_error *err)
{
    const swp_columns *columns               = &store->file->columns;
    size_t             start[SWP_AXIS_COUNT] = {0};

    for (int axis = SWP_AXIS_SAMPLE; axis < SWP_AXIS_COUNT; axis++) {
        start[axis] = store->n_written[axis] + store->n_gathered[axis];
    }
    if (store->file->layout->has_series) {
        WS_TRY(gather_ragged(store, SWP_AXIS_SAMPLE, row, row->n_samples, err));
    }
    if (store->file->layout->has_requests) {
        WS_TRY(gather_ragged(store, SWP_AXIS_REQUEST, row, row->n_requests, err));
    }
    const size_t at = store->n_gathered[SWP_AXIS_JOB]++;
    for (size_t i = 0; i < columns->n; i++) {
        if (columns->list[i].axis == SWP_AXIS_JOB) {
            swp_row_put_job(&columns->list[i], store->file->layout, row, start,
                            store->gathered[i] + at * columns->list[i].row_bytes);
        }
    }
    return WS_OK;
}

ws_status swp_store_write_row(swp_store *store, const swp_row *row, ws_error *err)
{
    WS_ASSERT(store->begun && !store->finished);
    if (store->broken) {
        return refuse_broken(store, err);
    }
    WS_TRY(swp_row_check(row, store->file->layout, err));
    if (store->n_gathered[SWP_AXIS_JOB] == 0) {
        store->waits_since = ws_wall_s();
    }
    if (gather_row(store, row, err) != WS_OK) {
        store->broken = true;
        return WS_ERR_IO;
    }
    if (store->n_gathered[SWP_AXIS_JOB] == store->file->chunk_rows[SWP_AXIS_JOB]) {
        return swp_store_flush(store, err);
    }
    return swp_store_poll(store, err);
}

/* ---- the end ---- */

static bool has_name(const swp_store *store)
{
    return access(store->path, F_OK) == 0;
}

/* Rewrite from the open file, which works even when its name was deleted meanwhile. */
static ws_status repack(swp_store *store, ws_error *err)
{
    swp_reader *reader = NULL;
    WS_TRY(swp_reader_attach(store->file->id, store->no_live ? store->work_path : store->path, err, &reader));
    const swp_reader         *source  = reader;
    const swp_rewrite_request request = {.sources   = &source,
                                         .n_sources = 1,
                                         .layout    = swp_reader_layout(reader),
                                         .n_threads = store->n_threads,
                                         .path      = store->path,
                                         .what      = "repacked",
                                         .replace   = true};
    const ws_status           status  = swp_rewrite(&request, err);
    swp_reader_close(&reader);
    return status;
}

ws_status swp_store_finish(swp_store *store, swp_finish how, ws_error *err)
{
    WS_ASSERT(store->begun && !store->finished);
    WS_TRY(swp_store_flush(store, err));
    WS_TRY(swp_h5_file_check_size(store->file, err));
    ws_status status = WS_OK;
    if (how == SWP_FINISH_REPACK || store->no_live || !has_name(store)) {
        status = repack(store, err);
    }
    store->finished        = true;
    const ws_status closed = swp_h5_file_close(&store->file, false, err);
    if (store->no_live && status == WS_OK) {
        unlink(store->work_path);
    }
    return ws_status_worse(status, closed);
}

const char *swp_store_scratch_path(const swp_store *store)
{
    return store->no_live ? store->work_path : NULL;
}

void swp_store_destroy(swp_store **store_ref)
{
    swp_store *store = *store_ref;
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; store->gathered != NULL && i < store->n_columns; i++) {
        free(store->gathered[i]);
    }
    if (store->file != NULL) {
        swp_h5_file_abandon(&store->file);
    }
    if (!store->begun && store->work_path != NULL) {
        unlink(store->work_path);
    }
    free(store->gathered);
    free(store->work_path);
    free(store->path);
    free(store);
    *store_ref = NULL;
}

char *swp_store_library(char buf[32])
{
    unsigned major = 0, minor = 0, release = 0;
    swp_h5_init();                              /* this may be the library's first call */
    H5get_libversion(&major, &minor, &release); /* cannot fail once the library is there */
    snprintf(buf, 32, "HDF5 %u.%u.%u", major, minor, release);
    return buf;
}
