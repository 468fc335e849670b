/* row_cells.h -- from a job's row to the cells of the columns. Internal to the store. */
#ifndef SWP_ROW_CELLS_H
#define SWP_ROW_CELLS_H

#include <stddef.h>

#include "result/columns.h"
#include "result/row.h"

/** Check that a row fits a layout. @return WS_OK; WS_ERR_ARG with the reason */
WS_NODISCARD ws_status swp_row_check(const swp_row *row, const swp_layout *layout, ws_error *err);

/** Write the cell of a job column.
 * @param[in]  start  first sample (or request) of this row, for row_start columns
 * @param[out] cell   column->row_bytes bytes */
void swp_row_put_job(const swp_column *column, const swp_layout *layout, const swp_row *row,
                     const size_t start[SWP_AXIS_COUNT], void *cell);

/** Write n cells of a sample or request column, from sample (or request) `first` of the row on. */
void swp_row_put_ragged(const swp_column *column, const swp_row *row, size_t first, size_t n, void *cells);

/** Write a parameter's cell. */
void swp_row_put_value(const swp_column *column, swp_param_kind kind, const swp_value *value, void *cell);

/** Write text into a field of `len` bytes, padded with NUL: bytes that are not UTF-8 become '?', text too
 * long ends in
 * "..." on a whole character. */
void swp_row_put_text(const char *text, char *field, size_t len);

#endif /* SWP_ROW_CELLS_H */
