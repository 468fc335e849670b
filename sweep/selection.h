/* selection.h -- what `top` and `pareto` share: the points of a file that pass a filter, and printing some of
 * them. */
#ifndef SWP_SELECTION_H
#define SWP_SELECTION_H

#include <stdio.h>

#include "frame.h"
#include "points.h"
#include "table.h"
#include "ties.h"

typedef struct swp_selection {
    swp_frame  frame;
    swp_points points;
} swp_selection;

/** @param[in] where  NULL = all done rows. Release with swp_selection_close(), also after an error. */
WS_NODISCARD ws_status swp_selection_open(const char *path, const char *where, ws_error *err,
                                          swp_selection *out);
void                   swp_selection_close(swp_selection *selection);

/** One estimate per point of a numeric column; the caller frees.
 * @return WS_OK; WS_ERR_INPUT if there is no such column or it is text; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_selection_estimates(const swp_selection *selection, const char *name,
                                               ws_error *err, swp_estimate **out);

/** Points whose metrics are all equal, repeats averaged.
 * @param[out] ties_out  release with swp_ties_fini(), also after an error */
WS_NODISCARD ws_status swp_selection_ties(const swp_selection *selection, ws_error *err, swp_ties *ties_out);

/** Print points in the given order to `out`: job, parameters that vary, then metrics, those about the SLO,
 * queues and memory for people only where a shown point has something to tell.
 * @param[in] order    [n] indices of points
 * @param[in] ties     NULL, or what points stand for: a line says its parameters as "16..256" for people, and
 * ends with `equal`, the number of points, and for programs with `jobs`, which
 * @param[in] columns  comma-separated names instead of the default ones; NULL = default
 * @param[in] first    names shown before the default metrics, NULL-terminated */
WS_NODISCARD ws_status swp_selection_print(const swp_selection *selection, const size_t *order, size_t n,
                                           const swp_ties *ties, const char *const *first,
                                           const char *columns, swp_table_format format, FILE *out,
                                           ws_error *err);

/** "decode_tok_s" -> true if larger is better; "-name" and "+name" say it themselves.
 * @param[out] name_out  without the sign */
bool swp_objective_is_larger_better(const char *text, const char **name_out);

#endif /* SWP_SELECTION_H */
