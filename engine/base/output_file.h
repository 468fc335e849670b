/* base/output_file.h -- a result file that is either whole or not there.
 *
 * Writing goes to a temporary name next to the target; ws_output_file_commit() flushes, syncs and renames it.
 * A file destroyed without commit leaves nothing behind. Missing parent folders are created. The name "-" is
 * standard output, and what exists but is no regular file (a pipe, /dev/null) is written in place. Links are
 * followed and mode and owner kept, with the rules of base/target.h. Errors are
 * kept and reported by commit, so that a long sequence of writes needs one check. One owner, no locking. */
#ifndef WS_OUTPUT_FILE_H
#define WS_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/status.h"

typedef struct ws_output_file ws_output_file; /* opaque */

/** Tell whether a file could be written, without creating anything: the target is no folder, and the nearest
 * parent folder that exists can be written to.
 * @return WS_OK; WS_ERR_INPUT if it is empty or a folder; WS_ERR_IO with the system's text */
WS_NODISCARD ws_status ws_output_path_check(const char *path, ws_error *err);

/** Open a file for writing.
 * @param[in]  path      copied; "-" = standard output
 * @param[out] file_out  owned by the caller, release with ws_output_file_destroy()
 * @return WS_OK; WS_ERR_INPUT if it is empty or a folder; WS_ERR_IO with the system's text; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_output_file_open(const char *path, ws_error *err, ws_output_file **file_out);

/** The same, except that the folder must be there: none is made.
 * @return as ws_output_file_open() */
WS_NODISCARD ws_status ws_output_file_open_in_folder(const char *path, ws_error *err,
                                                     ws_output_file **file_out);

/** Append bytes. */
void ws_output_file_write(ws_output_file *file, const void *data, size_t len);
void ws_output_file_puts(ws_output_file *file, const char *text);

/** Write what is still held back, so that a full disk shows before anything is replaced.
 * @return WS_OK; WS_ERR_IO with the system's text of the first failure */
WS_NODISCARD ws_status ws_output_file_flush(ws_output_file *file, ws_error *err);

/** The same file as a stream, for what prints to one; not to be mixed with the two above. Borrowed, closed by
 * commit or destroy. NULL if it cannot be had (errno). */
FILE *ws_output_file_stream(ws_output_file *file);

/** Make the file appear under its name. Nothing can be written afterwards.
 * @return WS_OK; WS_ERR_IO with the system's text of the first failure: then the target is as it was before
 */
WS_NODISCARD ws_status ws_output_file_commit(ws_output_file *file, ws_error *err);

/** The same; is_durable false: without waiting for the disk, for a file that soon has a successor. */
WS_NODISCARD ws_status ws_output_file_replace(ws_output_file *file, bool is_durable, ws_error *err);

/** Open, write, commit: a whole file at once. @return as open and commit */
WS_NODISCARD ws_status ws_output_write(const char *path, const void *data, size_t len, ws_error *err);

/** Release *file and set it to NULL, removing what was not committed; NULL *file is allowed. */
void ws_output_file_destroy(ws_output_file **file);

#endif /* WS_OUTPUT_FILE_H */
