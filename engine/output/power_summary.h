/* output/power_summary.h -- where a run's energy went: a box per node, and a line that reads it.
 *
 * Rows add up to the total, and shares to 100 %, because both are rounded together (largest remainder). The
 * CXL and PIM rows appear where such memory is configured. */
#ifndef WS_POWER_SUMMARY_H
#define WS_POWER_SUMMARY_H

#include <stdio.h>

#include "base/strbuf.h"
#include "result/result.h"

/* Thresholds of the reading, shares of a node's energy; explained in docs/power-model.md. */
#define WS_READING_ACTIVE_SHARE 0.5   /**< NPU active from here on: compute-bound */
#define WS_READING_LINK_SHARE 0.15    /**< links from here on: ALLREDUCE-bound */
#define WS_READING_IDLE_SHARE 0.02    /**< NPU idle from here on, and above standby: not saturated */
#define WS_READING_PLATFORM_SHARE 0.5 /**< everything but NPUs and links from here on: the host dominates */

/** Print a box for each tracked node of a result with power; with several, a line with the sum. Nothing
 * without power. Write errors stay on the stream. */
void ws_power_summary_print(const ws_result *result, FILE *stream);

/** Append the reading of a breakdown, one line without a line end.
 * @param[in] component_j  [WS_COMPONENT_COUNT] J, >= 0 */
void ws_power_reading(const double *component_j, ws_strbuf *out);

#endif /* WS_POWER_SUMMARY_H */
