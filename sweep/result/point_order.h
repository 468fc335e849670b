/* point_order.h -- which of two points is better: the one rule behind `top`, `pareto` and "best so far".
 *
 * Points that meet the spec's SLO come before those that miss it; among these, points whose memory their
 * board has before those that need more (oversize); then the objective decides. scripts/sweep_file.py has the
 * same rule. */
#ifndef SWP_POINT_ORDER_H
#define SWP_POINT_ORDER_H

#include <stdbool.h>
#include <stddef.h>

/** What puts a point behind others, whatever its objective; a tier is a sum of these, 0 is the best. */
enum { SWP_TIER_OVERSIZE = 1, SWP_TIER_MISSES_SLO = 2, SWP_TIER_COUNT = 4 };

/** @param[in] slo_met   mean over repeats: all have to meet it; NaN = there is no SLO
 * @param[in] oversize  mean over repeats; NaN = not known, counts as 0 */
int swp_point_tier(double slo_met, double oversize, bool ignore_slo);

/** The tier of one run. @param[in] metrics  [WS_METRIC_COUNT] */
int swp_point_tier_of_run(const double *metrics, bool ignore_slo);

typedef struct swp_ranked {
    int    tier;
    double cost; /* smaller is better; not NaN */
    size_t index;
} swp_ranked;

/** For qsort: the better first; of equals the one of the smaller index. */
int swp_point_compare(const void *a, const void *b);

#endif /* SWP_POINT_ORDER_H */
