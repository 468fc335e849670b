/* result_table.h -- a result file as a table in memory: one row per job, columns read when asked for by name.
 */
#ifndef SWP_RESULT_TABLE_H
#define SWP_RESULT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "store/reader.h"
#include "store/row_picks.h"

/** One column of all rows. */
typedef struct swp_cells {
    const char       *name;   /**< as asked for or as people know it: the parameter's full name, the metric */
    const char       *unit;   /**< "" if none */
    const swp_column *column; /**< what it was read from */
    size_t            n;
    char             *data;   /**< owned: n rows of column->row_bytes, or of one double if summed */
    bool              summed; /**< an energy component, summed over nodes: data are doubles */
} swp_cells;

typedef struct swp_result_table {
    swp_reader       *reader; /**< owned */
    const swp_reader *source; /**< the same, as the plan wants it */
    swp_row_picks     plan;   /**< the rows: the last one of each job, by job */
    size_t            n;
} swp_result_table;

/** Open a file and find its rows.
 * @param[out] frame_out  release with swp_result_table_close(), also after an error
 * @return WS_OK; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_result_table_open(const char *path, ws_error *err, swp_result_table *frame_out);
void                   swp_result_table_close(swp_result_table *results);

/** Read a column by name: a column of the root (job, state, error ...), a metric, a parameter (full name,
 * short name or p<k>_<name>), a column of /provenance, or an energy component as <component>_j (summed over
 * nodes).
 * @param[out] cells_out  release with swp_cells_fini()
 * @return WS_OK; WS_ERR_INPUT with the nearest name if there is no such column; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_result_table_read(const swp_result_table *results, const char *name, ws_error *err,
                                             swp_cells *cells_out);

/** Read the column itself. */
WS_NODISCARD ws_status swp_result_table_read_column(const swp_result_table *results, const swp_column *column,
                                                    ws_error *err, swp_cells *cells_out);
void                   swp_cells_fini(swp_cells *cells);

/** The column a name means, NULL if none; *component_out is set for <component>_j, else WS_COMPONENT_COUNT.
 */
const swp_column *swp_result_table_find(const swp_result_table *results, const char *name,
                                        ws_component *component_out);

/** The column or <component>_j most similar to a name; NULL if none is. Borrowed. */
const char *swp_result_table_nearest(const swp_result_table *results, const char *name);

/** True if cells are texts or named states; everything else is a number. */
bool swp_cells_is_text(const swp_cells *cells);

/** The number in a row: NaN for texts. States and booleans give their code. */
double swp_cells_number(const swp_cells *cells, size_t row);

/** The text of a row: texts as they are, states by name, numbers with `digits` significant digits (0 = all
 * that count).
 * @param[out] buf  at least SWP_CELL_TEXT bytes
 * @return buf */
#define SWP_CELL_TEXT 512
char *swp_cells_text(const swp_cells *cells, size_t row, int digits, char buf[SWP_CELL_TEXT]);

/** Samples of a job's series (or requests) column; n_out rows, the caller frees. */
WS_NODISCARD ws_status swp_result_table_read_ragged(const swp_result_table *results, size_t row,
                                                    const swp_column *column, ws_error *err,
                                                    double **values_out, size_t *n_out);

#endif /* SWP_RESULT_TABLE_H */
