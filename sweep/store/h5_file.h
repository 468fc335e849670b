/* h5_file.h -- an HDF5 file being written: all objects of a layout made at once, then columns written by
 * blocks of rows.
 *
 * Two styles. Live: growing axes, no compression, the SWMR format. Final: axes of known length, compressed,
 * the widest readable format. Internal to the store. */
#ifndef SWP_H5_FILE_H
#define SWP_H5_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <hdf5.h>

#include "base/error.h"
#include "result/columns.h"
#include "result/layout.h"
#include "store/chunker.h"

typedef struct swp_h5_file {
    char        *path; /* owned; what messages call it */
    hid_t        id;
    bool         live;
    swp_layout  *layout; /* owned */
    swp_columns  columns;
    hid_t       *datasets;                   /* [columns.n] */
    hid_t        dimensions[SWP_AXIS_COUNT]; /* bare scales of sample and request, else -1 */
    size_t       chunk_rows[SWP_AXIS_COUNT]; /* live: rows worth gathering before a write */
    swp_chunker *chunker;                    /* final: cuts, packs and writes the rows; owned */
    int64_t      size_bytes;                 /* after our last write; less than that means others cut it */
} swp_h5_file;

typedef struct swp_h5_file_options {
    bool        live;
    size_t      n_rows[SWP_AXIS_COUNT]; /* final: length of each axis */
    size_t      n_threads;              /* final: that compress, 0 = 1 (store/packer.h) */
    const char *history;                /* text of the attribute */
} swp_h5_file_options;

/** Make a file at `path`, replacing any there, with every object and attribute.
 * @param[out] file_out  owned, release with swp_h5_file_close() or swp_h5_file_abandon()
 * @return WS_OK; WS_ERR_IO (nothing is left at path); WS_ERR_ARG; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_h5_file_make(const char *path, const swp_layout *layout,
                                        const swp_h5_file_options *options, ws_error *err,
                                        swp_h5_file **file_out);

/** Write rows [start, start + n) of a column, which come in this order; live files grow as needed. n may be 0
 * (then the axis only grows). Rows of final files may wait in memory until swp_h5_file_close(). */
WS_NODISCARD ws_status swp_h5_file_write(swp_h5_file *file, size_t column, size_t start, size_t n,
                                         const void *rows, ws_error *err);

/** Live: make the bare dimension of an axis as long as its columns. */
WS_NODISCARD ws_status swp_h5_file_grow_axis(swp_h5_file *file, swp_row_axis axis, size_t n, ws_error *err);

/** Check that nobody has cut off what was written, and remember the size for the next time.
 * @return WS_OK; WS_ERR_IO if the file is shorter than it was */
WS_NODISCARD ws_status swp_h5_file_check_size(swp_h5_file *file, ws_error *err);

/** Tell it that its file was renamed, for messages. Keeps the old name if out of memory. */
void swp_h5_file_set_path(swp_h5_file *file, const char *path);

/** Close everything; with `sync`, contents are on the disk when it returns. */
WS_NODISCARD ws_status swp_h5_file_close(swp_h5_file **file, bool sync, ws_error *err);

/** Give up on a file that cannot be written any more: frees our memory but leaves HDF5's handles alone, since
 * closing them would try the failed writes again. The process is about to end anyway. */
void swp_h5_file_abandon(swp_h5_file **file);

/** "2026-01-31T12:00:00Z wattsweep 0.1.0: <what>", caller frees; NULL if out of memory. */
char *swp_history_line(const char *before, const char *what);

#endif /* SWP_H5_FILE_H */
