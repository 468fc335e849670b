#include "result/point_order.h"

#include "engine.h"

int swp_point_tier(double slo_met, double oversize, bool ignore_slo)
{
    int tier = 0;
    if (slo_met < 1.0 && !ignore_slo) {
        tier += SWP_TIER_MISSES_SLO;
    }
    if (oversize > 0.0) {
        tier += SWP_TIER_OVERSIZE;
    }
    return tier;
}

int swp_point_tier_of_run(const double *metrics, bool ignore_slo)
{
    return swp_point_tier(metrics[WS_METRIC_SLO_MET], metrics[WS_METRIC_OVERSIZE], ignore_slo);
}

int swp_point_compare(const void *a, const void *b)
{
    const swp_ranked *x = a, *y = b;
    if (x->tier != y->tier) {
        return x->tier < y->tier ? -1 : 1;
    }
    if (x->cost < y->cost || x->cost > y->cost) {
        return x->cost < y->cost ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}
