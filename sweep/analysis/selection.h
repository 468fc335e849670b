/* selection.h -- the points of a file that pass a filter, with estimates and ties of their metrics. */
#ifndef SWP_SELECTION_H
#define SWP_SELECTION_H

#include <stdbool.h>

#include "analysis/points.h"
#include "analysis/result_table.h"
#include "analysis/ties.h"

typedef struct swp_selection {
    swp_result_table results;
    swp_points       points;
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

/** "decode_tok_s" -> true if larger is better; "-name" and "+name" say it themselves.
 * @param[out] name_out  without the sign */
bool swp_objective_is_larger_better(const char *text, const char **name_out);

#endif /* SWP_SELECTION_H */
