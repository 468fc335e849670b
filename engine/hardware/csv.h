/* hardware/csv.h -- comma-separated tables with a header line, read in place; private to engine/hardware.
 *
 * Columns are found by name, extra ones are ignored, quotes are not supported (no profile has them). Every
 * message names the file, the line and the column. The bytes are borrowed and not changed. */
#ifndef WS_CSV_H
#define WS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/status.h"

enum { WS__CSV_COLUMNS_MAX = 16 };

typedef struct ws__csv_field {
    const char *text; /* not NUL-terminated */
    size_t      len;
} ws__csv_field;

typedef struct ws__csv {
    const char   *path; /* for messages */
    const char   *cursor, *end;
    size_t        line; /* of the row last read, from 1 */
    size_t        n_columns;
    ws__csv_field names[WS__CSV_COLUMNS_MAX];
    ws__csv_field row[WS__CSV_COLUMNS_MAX];
    ws_error     *err;
} ws__csv;

/** Begin a table and read its header.
 * @param[in] path  borrowed for as long as csv is used
 * @return WS_OK; WS_ERR_INPUT if there is no header or it has too many columns */
WS_NODISCARD ws_status ws__csv_open(ws__csv *csv, const char *path, ws_bytes bytes, ws_error *err);

/** Index of a column, or -1 if the table does not have it. */
int ws__csv_column(const ws__csv *csv, const char *name);
/** Index of a column that must be there. @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws__csv_require(const ws__csv *csv, const char *name, int *column_out);

/** Read the next row, skipping blank lines.
 * @param[out] has_row_out  false at the end
 * @return WS_OK; WS_ERR_INPUT if the row has another number of fields than the header */
WS_NODISCARD ws_status ws__csv_next(ws__csv *csv, bool *has_row_out);

/** The field of the current row as a number inside [min, max]. @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws__csv_int(const ws__csv *csv, int column, int64_t min, int64_t max, int64_t *out);
WS_NODISCARD ws_status ws__csv_double(const ws__csv *csv, int column, double min, double max, double *out);

/** Add `file: line N: column: expected <expected>, found "..."`. @return WS_ERR_INPUT */
ws_status ws__csv_expected(const ws__csv *csv, int column, const char *expected);

/** The whole text as a decimal number, rounded to the nearest double, independent of the locale.
 * @return false if it is none or not finite */
bool ws__parse_decimal(const char *text, size_t len, double *out);

#endif /* WS_CSV_H */
