/* point_table.h -- points of a selection as a table: job, parameters that vary, then metrics. */
#ifndef SWP_POINT_TABLE_H
#define SWP_POINT_TABLE_H

#include <stdio.h>

#include "analysis/selection.h"
#include "view/table.h"

/** What to print; everything is borrowed. */
typedef struct swp_point_table {
    const swp_selection *selection;
    const size_t        *order; /**< [n] indices of points */
    size_t               n;
    const swp_ties    *ties;  /**< NULL, or what points stand for: a line says its parameters as "16..256" for
                                 people, and ends with `equal`, the number of points, and for programs with
                                 `jobs`, which */
    const char *const *first; /**< names shown before the default metrics, NULL-terminated */
    const char        *columns; /**< comma-separated names instead of the default ones; NULL = default */
    swp_table_format   format;
} swp_point_table;

/** Print a table. The metrics about the SLO, queues and memory are shown to people only where a shown point
 * has something to tell.
 * @return WS_OK; WS_ERR_INPUT if there is no such column; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_point_table_print(const swp_point_table *table, FILE *out, ws_error *err);

#endif /* SWP_POINT_TABLE_H */
