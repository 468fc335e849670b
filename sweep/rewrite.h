/* rewrite.h -- copy rows of result files into a new one: repack, recover, snapshot, merge and resume are this
 * one thing. Internal to the store. */
#ifndef SWP_REWRITE_H
#define SWP_REWRITE_H

#include "file.h"
#include "plan.h"

/** How many rows each axis of the plan's file has. */
WS_NODISCARD ws_status swp_plan_lengths(const swp_plan *plan, ws_error *err,
                                        size_t n_rows_out[SWP_AXIS_COUNT]);

/** Copy all rows of a plan to the beginning of a file.
 * @param[in] params_of  gives parameters by job; NULL = copy the source's columns */
WS_NODISCARD ws_status swp_copy_rows(const swp_plan *plan, swp_file *to, swp_params_fn params_of, void *ctx,
                                     ws_error *err);

/** Write a finished file with one row per job: made at `<path>.tmp`, synced, renamed to path.
 * @param[in] layout  of the new file
 * @param[in] what    line for the history attribute
 * @param[in] replace false: an existing path is an error
 * @return WS_OK; WS_ERR_IO (path as it was, nothing left beside it) */
WS_NODISCARD ws_status swp_rewrite(const swp_reader *const *sources, size_t n_sources,
                                   const swp_layout *layout, const char *path, const char *what, bool replace,
                                   ws_error *err);

/** rename() and sync of the folder. */
WS_NODISCARD ws_status swp_rename(const char *from, const char *to, ws_error *err);

#endif /* SWP_REWRITE_H */
