#include "hardware/grid.h"

#include <stdlib.h>

size_t ws__grid_n_values(const ws__grid *grid)
{
    size_t n = 1;
    for (size_t a = 0; a < grid->n_axes; a++) {
        n *= grid->n_keys[a];
    }
    return n;
}

void ws__grid_fini(ws__grid *grid)
{
    free(grid->values);
    grid->values = NULL;
}

ws__grid_stencil ws__grid_stencil_at(const ws__grid *grid, const double x[WS__GRID_AXES_MAX])
{
    ws__grid_stencil s = {.at = {0}, .weight = {1.0}, .n = 1};
    for (size_t a = 0; a < grid->n_axes; a++) {
        const double *keys = grid->keys[a];
        const size_t  n    = grid->n_keys[a];
        size_t        lo   = 0;
        while (lo + 2 < n && keys[lo + 1] <= x[a]) {
            lo++;
        }
        const double t = n > 1 && x[a] > keys[lo] ? (x[a] - keys[lo]) / (keys[lo + 1] - keys[lo]) : 0.0;
        for (size_t i = 0; i < s.n; i++) {
            s.at[i] = s.at[i] * n + lo;
        }
        if (t != 0.0) {
            for (size_t i = 0; i < s.n; i++) {
                s.at[s.n + i]     = s.at[i] + 1;
                s.weight[s.n + i] = s.weight[i] * t;
                s.weight[i] *= 1.0 - t;
            }
            s.n *= 2;
        }
    }
    return s;
}

double ws__grid_at(const ws__grid *grid, const double x[WS__GRID_AXES_MAX])
{
    const ws__grid_stencil s = ws__grid_stencil_at(grid, x);
    double                 y = 0.0;
    for (size_t i = 0; i < s.n; i++) {
        y += s.weight[i] * grid->values[s.at[i]];
    }
    return y;
}
