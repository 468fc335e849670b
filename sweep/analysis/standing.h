/* standing.h -- how the points of a selection stand to the spec's SLO and to their boards' memory. */
#ifndef SWP_STANDING_H
#define SWP_STANDING_H

#include <stdio.h>

#include "analysis/selection.h"
#include "result/point_order.h"

typedef struct swp_standing {
    int   *tier; /* [points.n] of result/point_order.h, the SLO ignored if asked to */
    bool   ignores_slo;
    bool   has_slo;    /* some point knows whether it meets one */
    size_t n;          /* points */
    size_t n_met;      /* that meet the SLO */
    size_t n_oversize; /* that assume more memory than there is */
} swp_standing;

/** Release with swp_standing_fini(), also after an error. */
WS_NODISCARD ws_status swp_standing_take(const swp_selection *selection, bool ignore_slo, ws_error *err,
                                         swp_standing *out);
void                   swp_standing_fini(swp_standing *standing);

/** The best tier any of these points has. @param[in] is_known  [points.n] */
int swp_standing_best_tier(const swp_standing *standing, const bool *is_known);

/** Lines for people below a table: how many points meet which SLO, and what that does to their order. Nothing
 * where there is nothing to say.
 * @param[in] is_front  the table is a Pareto front, no ranking */
void swp_standing_say(const swp_standing *standing, const swp_selection *selection, bool is_front, FILE *out);

#endif /* SWP_STANDING_H */
