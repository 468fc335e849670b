/* profiling/grid_fit.h -- fitting a small grid of values (hardware/grid.h) to many measured points.
 *
 * Model: a function of up to four variables that is linear in each of them between neighbouring keys
 * (multilinear interpolation, the scheme of the lookups themselves). The values at the keys minimise the sum
 * of squared *relative* errors over all points (conjugate gradients on the normal equations); keys are added
 * one by one, each time the one that lowers that sum most for the numbers it costs, until the error is small
 * enough or the grid is full. So the values are those of a fit, not samples of the data. Deterministic: fixed
 * order, no randomness. */
#ifndef WS_GRID_FIT_H
#define WS_GRID_FIT_H

#include <stddef.h>

#include "base/status.h"
#include "hardware/grid.h"

typedef struct ws__grid_point {
    double x[WS__GRID_AXES_MAX];
    double y;      /* > 0 */
    double weight; /* of this point's squared error, > 0 */
} ws__grid_point;

typedef struct ws__grid_goal {
    double mean_error;   /**< stop when the weighted mean relative error is below this */
    size_t n_values_max; /**< never more values than this */
} ws__grid_goal;

/** Fit a grid. Keys are taken from the points' own coordinates.
 * @param[in]  points  n >= 1 of them
 * @param[out] out     owned by the caller, release with ws__grid_fini()
 * @return WS_OK; WS_ERR_ARG if an axis has more distinct coordinates than WS__GRID_KEYS_MAX; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws__grid_fit(const ws__grid_point *points, size_t n, size_t n_axes, ws__grid_goal goal,
                                    ws__grid *out);

#endif /* WS_GRID_FIT_H */
