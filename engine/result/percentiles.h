/* result/percentiles.h -- mean and percentiles of latencies given as values with counts. */
#ifndef WS_PERCENTILES_H
#define WS_PERCENTILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/** A value and how often it occurs, count >= 1. */
typedef struct ws_weighted_ns {
    int64_t value_ns, count;
} ws_weighted_ns;

/** Mean, median, 90th, 95th and 99th percentile in ms, as the five metrics of a latency follow each other;
 * NaN of nothing. Percentile q of m values: linear interpolation between order statistics at q * (m - 1)
 * (docs/model/serving.md 9.3).
 * @param[in,out] values       sorted afterwards
 * @param[out]    metrics_out  [5]
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_percentiles_ms(ws_arena *arena, ws_weighted_ns *values, size_t n,
                                         double *metrics_out);

#endif /* WS_PERCENTILES_H */
