/* workload/workload_shape.h -- other traffic from the same requests: a part of a workload, thinned, at
 * another pace.
 *
 * In this order: cut (from_s, to_s), sample, limit (max_arrivals), then time_scale or rate. An arrival is a
 * request or a whole session. Only arrivals move: lengths, token ids and the waits inside sessions
 * (tool_duration) are properties of the requests and stay. Pure functions: same source, shape and seed, same
 * workload. */
#ifndef WS_WORKLOAD_SHAPE_H
#define WS_WORKLOAD_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/status.h"
#include "workload/workload.h"

typedef struct ws_workload_shape {
    double from_s, to_s; /**< keep arrivals of [from_s, to_s), counted from from_s; to_s 0 = all later ones */
    double sample;       /**< share of arrivals that is kept, 0 < sample <= 1; each one by its own draw, so
                          * that a larger share keeps all that a smaller one does */
    int64_t  max_arrivals; /**< the first ones in the order of the source; 0 = all */
    double   time_scale;   /**< arrivals times this, > 0 */
    double   rate;         /**< mean arrivals per second, instead of time_scale; 0 = as it is */
    uint64_t seed;         /**< of sample */
} ws_workload_shape;

/** Everything as it is. */
#define WS_WORKLOAD_SHAPE_NONE ((ws_workload_shape){.sample = 1.0, .time_scale = 1.0})

bool ws_workload_shape_is_none(const ws_workload_shape *shape);

/** Whether it looks beyond the first max_arrivals of the source. */
bool ws_workload_shape_selects(const ws_workload_shape *shape);

/** Make the workload.
 * @param[in]  name  what messages call the source (a path)
 * @param[out] out   owned by the caller; has its own copy of everything
 * @return WS_OK; WS_ERR_INPUT if from_s >= to_s, rate and time_scale are both given, nothing is left, there
 *         are not two different arrivals to change the rate of, or arrivals would leave the clock's range */
WS_NODISCARD ws_status ws_workload_reshape(const ws_workload *source, const ws_workload_shape *shape,
                                           const char *name, ws_error *err, ws_workload **out);

/** Mean arrivals per second: all but the first, over the time from the first to the last; NaN without two
 * different arrivals. */
double ws_workload_rate(const ws_workload *workload);

#endif /* WS_WORKLOAD_SHAPE_H */
