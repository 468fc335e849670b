/* hardware/grid.h -- a small grid of values: a function of up to four variables that is linear in each of
 * them between neighbouring keys. Private to engine/hardware and engine/profiling. */
#ifndef WS_GRID_H
#define WS_GRID_H

#include <stddef.h>

enum { WS__GRID_AXES_MAX = 4, WS__GRID_KEYS_MAX = 192 };

typedef struct ws__grid {
    size_t  n_axes;
    size_t  n_keys[WS__GRID_AXES_MAX]; /* >= 1 */
    double  keys[WS__GRID_AXES_MAX][WS__GRID_KEYS_MAX];
    double *values; /* owned; last axis fastest */
} ws__grid;

enum { WS__GRID_CORNERS_MAX = 1 << WS__GRID_AXES_MAX };

/** The values around one x and their weights. */
typedef struct ws__grid_stencil {
    size_t at[WS__GRID_CORNERS_MAX];
    double weight[WS__GRID_CORNERS_MAX];
    size_t n;
} ws__grid_stencil;

size_t ws__grid_n_values(const ws__grid *grid);
void   ws__grid_fini(ws__grid *grid);

/** The model at x: clamped below the first keys, extended linearly above the last. */
double ws__grid_at(const ws__grid *grid, const double x[WS__GRID_AXES_MAX]);

ws__grid_stencil ws__grid_stencil_at(const ws__grid *grid, const double x[WS__GRID_AXES_MAX]);

#endif /* WS_GRID_H */
