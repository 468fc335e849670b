/* reader.h -- reading result files: finished ones, live ones (SWMR) and those a killed sweep left behind.
 *
 * A reader sees the rows that were complete when it was opened or last refreshed, in the file's order (by job
 * in a repacked file, by completion in a live one), also older rows of jobs that came again. One thread, see
 * store/live_writer.h. */
#ifndef SWP_READER_H
#define SWP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "result/columns.h"
#include "result/row.h"

typedef struct swp_reader swp_reader; /* opaque */

/** How the file was left. */
typedef enum swp_file_kind {
    SWP_FILE_PLAIN, /**< closed: repacked, a snapshot, or stopped early */
    SWP_FILE_LIVE   /**< being written, or its writer was killed */
} swp_file_kind;

/** Open a result file.
 * @param[out] reader_out  owned by the caller, release with swp_reader_close()
 * @return WS_OK; WS_ERR_IO with path and HDF5's text if it cannot be opened, is no HDF5 file, is damaged, or
 * is not a result file of a schema this program knows; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_reader_open(const char *path, ws_error *err, swp_reader **reader_out);
void                   swp_reader_close(swp_reader **reader);

/** See rows that came since; nothing to do for plain files. */
WS_NODISCARD ws_status swp_reader_refresh(swp_reader *reader, ws_error *err);

const char   *swp_reader_path(const swp_reader *reader);
swp_file_kind swp_reader_kind(const swp_reader *reader);
const swp_layout *
swp_reader_layout(const swp_reader *reader); /**< borrowed; as it was given to swp_store_create() */
const char *swp_reader_attribute(const swp_reader *reader,
                                 const char       *name); /**< of layout->attributes or NULL */
size_t      swp_reader_n_rows(const swp_reader *reader);

/** What a resumed sweep has to know of a row. */
typedef struct swp_row_status {
    int64_t       job;
    swp_job_state state;
    int32_t       attempt;
    char          hash[SWP_HASH_LEN + 1];
} swp_row_status;

/** Read the status of rows [start, start + n). */
WS_NODISCARD ws_status swp_reader_row_status(const swp_reader *reader, size_t start, size_t n, ws_error *err,
                                             swp_row_status *out);

/* ---- columns ---- */

/** The file's columns, borrowed. A file of an older program may lack some: see swp_reader_has(). */
const swp_columns *swp_reader_columns(const swp_reader *reader);
bool               swp_reader_has(const swp_reader *reader, const swp_column *column);

/** Read rows [start, start + n) of a column; job columns reach to n_rows, others to the end of the last job's
 * share.
 * @param[in]  column    of swp_reader_columns()
 * @param[out] rows_out  n * column->row_bytes bytes; filled with "nothing here" if the file lacks the column
 * @return WS_OK; WS_ERR_IO if the file is damaged there */
WS_NODISCARD ws_status swp_reader_read(const swp_reader *reader, const swp_column *column, size_t start,
                                       size_t n, void *rows_out, ws_error *err);

/** Check that rows [start, start + n) of a column can be read, before memory is made for them: what lies
 * behind row_start and row_count is the file's word. */
WS_NODISCARD ws_status swp_reader_check_range(const swp_reader *reader, const swp_column *column,
                                              size_t start, size_t n, ws_error *err);

/** Look at every column: is it there, as long as it must be, and do its checksums agree? Every column that is
 * lost or broken gets a line of its own.
 * @param[in] all  read all rows; otherwise the last one of each column (a live file has no checksums: a file
 * that was cut shows at its end) */
WS_NODISCARD ws_status swp_reader_check(const swp_reader *reader, bool all, ws_error *err);

/** The history attribute, "" if none. */
const char *swp_reader_history(const swp_reader *reader);

#endif /* SWP_READER_H */
