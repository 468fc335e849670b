/* rewrite.h -- write a finished file from the rows of others: repack, recover, snapshot and merge are this
 * one thing. */
#ifndef SWP_REWRITE_H
#define SWP_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "store/reader.h"

/** Which rows, and what becomes of them; all borrowed. */
typedef struct swp_rewrite_request {
    const swp_reader *const *sources; /**< [n_sources] */
    size_t                   n_sources;
    const swp_layout        *layout; /**< of the new file */
    size_t      n_threads; /**< that compress (store/packer.h); the file is the same for any number */
    const char *path;
    const char *what;    /**< line for the history attribute */
    bool        replace; /**< false: an existing path is an error */
} swp_rewrite_request;

/** Write a finished file with one row per job: made at `<path>.tmp`, synced, renamed to path, whose mode and
 * owner it keeps. Links are followed (base/target.h).
 * @return WS_OK; WS_ERR_IO (path as it was, nothing left next to it); WS_ERR_ARG; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_rewrite(const swp_rewrite_request *request, ws_error *err);

/** May what is at a path be replaced by a result file? Only by nothing, an empty file or an HDF5 file: never
 * a spec or a device named by mistake.
 * @return WS_OK, also if nothing is there; WS_ERR_INPUT if it is a folder; WS_ERR_IO */
WS_NODISCARD ws_status swp_check_replaceable(const char *path, ws_error *err);

/** Say on stderr what of a file is lost when it is replaced: its other names, its owner. */
void swp_say_replaced(const char *path);

/** Make the empty file that HDF5 then opens by name and that becomes `path`: a new one, never what somebody
 * put there. @return WS_OK; WS_ERR_IO */
WS_NODISCARD ws_status swp_make_temporary(const char *tmp_path, const char *path, ws_error *err);

/** rename() and sync of the folder. */
WS_NODISCARD ws_status swp_rename(const char *from, const char *to, ws_error *err);

#endif /* SWP_REWRITE_H */
