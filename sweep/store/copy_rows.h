/* copy_rows.h -- copy picked rows, a window at a time and column by column. Internal to the store.
 */
#ifndef SWP_COPY_ROWS_H
#define SWP_COPY_ROWS_H

#include "store/h5_file.h"
#include "store/row_identity.h"
#include "store/row_picks.h"

/** How many rows each axis of a file with all picks of a scan has. */
WS_NODISCARD ws_status swp_copied_lengths(swp_row_picks_scan *scan, ws_error *err,
                                          size_t n_rows_out[SWP_AXIS_COUNT]);

/** Copy all picks of a scan to the beginning of a file, in memory that does not depend on how many there are.
 * @param[in] identity  NULL = rows are who their old files say
 * @return WS_OK; WS_ERR_IO; WS_ERR_ARG if a row does not fit the file's layout; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_copy_rows(swp_row_picks_scan *scan, swp_h5_file *to,
                                     const swp_row_identity *identity, ws_error *err);

#endif /* SWP_COPY_ROWS_H */
