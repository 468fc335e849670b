/* result/quantile.h -- quantiles of plain numbers, by selection: linear in their count. */
#ifndef WS_QUANTILE_H
#define WS_QUANTILE_H

#include <stddef.h>

/** Quantile `share` (0 to 1) of n >= 1 values: linear interpolation between order statistics at share * (n -
 * 1), as for latencies (result/percentiles.h).
 * @param[in,out] values  finite; in another order afterwards */
double ws_quantile(double *values, size_t n, double share);

/** The largest of n >= 1 values. */
double ws_largest(const double *values, size_t n);

#endif /* WS_QUANTILE_H */
