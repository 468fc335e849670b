/* table.h -- tables on stdout: aligned text for people, TSV, CSV and JSON for programs.
 *
 * Cells are shown as base/printable.h does; a text in CSV or TSV that a spreadsheet would take for a formula
 * gets an apostrophe in front. */
#ifndef SWP_TABLE_H
#define SWP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/strbuf.h"

typedef enum swp_table_format {
    SWP_TABLE_TEXT,
    SWP_TABLE_TSV,
    SWP_TABLE_CSV,
    SWP_TABLE_JSON
} swp_table_format;

/** "text", "tsv", "csv", "json", NULL: the choices of an option that is a swp_table_format. */
extern const char *const swp_table_formats[];

/** A table being written. Text tables are gathered and aligned at the end, the others are written row by row.
 */
typedef struct swp_table {
    FILE            *out; /* borrowed */
    swp_table_format format;
    size_t           n_columns, at, n_rows;
    char           **cells; /* text: all cells, headings first */
    size_t           n_cells, capacity;
    char           **names;   /* owned: headings */
    bool            *numeric; /* columns aligned to the right */
    ws_strbuf        line;
    bool             failed; /* out of memory, or an output error */
} swp_table;

/** Begin. @param[in] out  borrowed; table->failed tells of errors at the end */
void swp_table_begin(swp_table *table, FILE *out, swp_table_format format, size_t n_columns);
/** One heading after the other, before the first cell; unit may be "". */
void swp_table_heading(swp_table *table, const char *name, const char *unit, bool is_number);
/** One cell after the other, n_columns to a row; "" is nothing (null in JSON). */
void swp_table_cell(swp_table *table, const char *text);
/** A cell of whole numbers: an array in JSON, else separated by blanks. */
void swp_table_list(swp_table *table, const int64_t *values, size_t n);
/** Finish and release. @return WS_OK; WS_ERR_IO or WS_ERR_NOMEM with a message */
WS_NODISCARD ws_status swp_table_end(swp_table *table, ws_error *err);

#endif /* SWP_TABLE_H */
