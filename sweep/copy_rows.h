/* copy_rows.h -- copy the rows of a plan, column by column, in blocks of bounded size. Internal to the store.
 */
#ifndef SWP_COPY_ROWS_H
#define SWP_COPY_ROWS_H

#include "file.h"
#include "plan.h"

/** How many rows each axis of the plan's file has. */
WS_NODISCARD ws_status swp_plan_lengths(const swp_plan *plan, ws_error *err,
                                        size_t n_rows_out[SWP_AXIS_COUNT]);

/** Copy all rows of a plan to the beginning of a file.
 * @param[in] params_of  gives parameters by job; NULL = copy the source's columns
 * @return WS_OK; WS_ERR_IO; WS_ERR_ARG if a row does not fit the file's layout; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_copy_rows(const swp_plan *plan, swp_file *to, swp_params_fn params_of, void *ctx,
                                     ws_error *err);

#endif /* SWP_COPY_ROWS_H */
