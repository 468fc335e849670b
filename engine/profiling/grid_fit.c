#include "profiling/grid_fit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIAL_ITERATIONS = 6, /* enough to rank candidate keys: every trial starts from the grid it refines */
    FINAL_ITERATIONS = 60
};

/* ---- least squares ---- */

/* Scratch of one solve. */
typedef struct solver {
    const ws__grid_point *points;
    size_t                n_points;
    ws__grid_stencil     *rows;     /* [n_points], weights divided by y: the model's relative values */
    double               *residual; /* [n_points]: (1 - model / y), scaled like the rows */
    double               *gradient, *scale, *direction; /* [n_values_max] */
    size_t                n_values_max;
} solver;

static void solver_fini(solver *s)
{
    free(s->rows);
    free(s->residual);
    free(s->gradient);
    free(s->scale);
    free(s->direction);
}

static ws_status solver_init(solver *s, const ws__grid_point *points, size_t n, size_t n_values_max)
{
    *s            = (solver){.points = points, .n_points = n, .n_values_max = n_values_max};
    s->rows       = malloc(n * sizeof(s->rows[0]));
    s->residual   = malloc(n * sizeof(s->residual[0]));
    s->gradient   = malloc(n_values_max * sizeof(double));
    s->scale      = malloc(n_values_max * sizeof(double));
    s->direction  = malloc(n_values_max * sizeof(double));
    const bool ok = s->rows && s->residual && s->gradient && s->scale && s->direction;
    return ok ? WS_OK : WS_ERR_NOMEM;
}

static double row_times(const ws__grid_stencil *row, const double *v)
{
    double sum = 0.0;
    for (size_t i = 0; i < row->n; i++) {
        sum += row->weight[i] * v[row->at[i]];
    }
    return sum;
}

/* Rows, residuals and the diagonal of the normal equations for a grid. */
static void prepare(solver *s, const ws__grid *grid)
{
    memset(s->scale, 0, ws__grid_n_values(grid) * sizeof(s->scale[0]));
    for (size_t p = 0; p < s->n_points; p++) {
        const double      emphasis = sqrt(s->points[p].weight);
        ws__grid_stencil *row      = &s->rows[p];
        *row                       = ws__grid_stencil_at(grid, s->points[p].x);
        for (size_t i = 0; i < row->n; i++) {
            row->weight[i] *= emphasis / s->points[p].y;
            s->scale[row->at[i]] += row->weight[i] * row->weight[i];
        }
        s->residual[p] = emphasis - row_times(row, grid->values);
    }
}

/* gradient = A^T residual; returns gradient . (gradient / scale). */
static double find_gradient(solver *s, size_t n_values)
{
    memset(s->gradient, 0, n_values * sizeof(s->gradient[0]));
    for (size_t p = 0; p < s->n_points; p++) {
        const ws__grid_stencil *row = &s->rows[p];
        for (size_t i = 0; i < row->n; i++) {
            s->gradient[row->at[i]] += row->weight[i] * s->residual[p];
        }
    }
    double sum = 0.0;
    for (size_t i = 0; i < n_values; i++) {
        sum += s->scale[i] > 0.0 ? s->gradient[i] * s->gradient[i] / s->scale[i] : 0.0;
    }
    return sum;
}

/* Conjugate gradients with the diagonal as preconditioner, improving grid->values in place. Values no point
 * depends on stay as they are. @return the sum of squared relative errors */
static double solve(solver *s, ws__grid *grid, int n_iterations)
{
    const size_t n = ws__grid_n_values(grid);
    prepare(s, grid);
    double steepness = find_gradient(s, n);
    for (size_t i = 0; i < n; i++) {
        s->direction[i] = s->scale[i] > 0.0 ? s->gradient[i] / s->scale[i] : 0.0;
    }
    for (int k = 0; k < n_iterations && steepness > 1e-18; k++) {
        double curvature = 0.0;
        for (size_t p = 0; p < s->n_points; p++) {
            const double along = row_times(&s->rows[p], s->direction);
            curvature += along * along;
        }
        if (!(curvature > 0.0)) {
            break;
        }
        const double step = steepness / curvature;
        for (size_t p = 0; p < s->n_points; p++) {
            s->residual[p] -= step * row_times(&s->rows[p], s->direction);
        }
        for (size_t i = 0; i < n; i++) {
            grid->values[i] += step * s->direction[i];
        }
        const double next = find_gradient(s, n);
        for (size_t i = 0; i < n; i++) {
            const double down = s->scale[i] > 0.0 ? s->gradient[i] / s->scale[i] : 0.0;
            s->direction[i]   = down + next / steepness * s->direction[i];
        }
        steepness = next;
    }
    double squares = 0.0;
    for (size_t p = 0; p < s->n_points; p++) {
        squares += s->residual[p] * s->residual[p];
    }
    return squares;
}

static double mean_error(const solver *s)
{
    double sum = 0.0, weights = 0.0;
    for (size_t p = 0; p < s->n_points; p++) {
        const double emphasis = sqrt(s->points[p].weight);
        sum += emphasis * fabs(s->residual[p]);
        weights += s->points[p].weight;
    }
    return sum / weights;
}

/* ---- choosing keys ---- */

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* All distinct coordinates of each axis. */
static ws_status find_candidates(const ws__grid_point *points, size_t n, size_t n_axes, ws__grid *all)
{
    double *x = malloc(n * sizeof(x[0]));
    if (x == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = WS_OK;
    for (size_t a = 0; a < n_axes && status == WS_OK; a++) {
        for (size_t p = 0; p < n; p++) {
            x[p] = points[p].x[a];
        }
        qsort(x, n, sizeof(x[0]), compare_doubles);
        for (size_t p = 0; p < n && status == WS_OK; p++) {
            if (p > 0 && x[p] == x[p - 1]) {
                continue;
            }
            if (all->n_keys[a] == WS__GRID_KEYS_MAX) {
                status = WS_ERR_ARG;
            } else {
                all->keys[a][all->n_keys[a]++] = x[p];
            }
        }
    }
    free(x);
    return status;
}

static bool has_key(const ws__grid *grid, size_t axis, double key)
{
    for (size_t i = 0; i < grid->n_keys[axis]; i++) {
        if (grid->keys[axis][i] == key) {
            return true;
        }
    }
    return false;
}

/* The grid with one more key and the same function: values are interpolated. */
static ws_status refine(const ws__grid *grid, size_t axis, double key, ws__grid *out)
{
    *out      = *grid;
    size_t at = grid->n_keys[axis];
    while (at > 0 && grid->keys[axis][at - 1] > key) {
        out->keys[axis][at] = grid->keys[axis][at - 1];
        at--;
    }
    out->keys[axis][at] = key;
    out->n_keys[axis]++;
    const size_t n = ws__grid_n_values(out);
    out->values    = malloc(n * sizeof(out->values[0]));
    if (out->values == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        double x[WS__GRID_AXES_MAX] = {0};
        size_t rest                 = i;
        for (size_t a = out->n_axes; a-- > 0;) {
            x[a] = out->keys[a][rest % out->n_keys[a]];
            rest /= out->n_keys[a];
        }
        out->values[i] = ws__grid_at(grid, x);
    }
    return WS_OK;
}

/* A grid with a key more than the one it refines. */
typedef struct refinement {
    bool     is_found; /* otherwise there is no grid */
    double   gain;     /* of squared error, per number it adds */
    ws__grid grid;     /* owned */
} refinement;

/* The refinement that lowers the error most per number it adds, if one fits. */
static ws_status best_refinement(solver *s, const ws__grid *grid, double squares, const ws__grid *candidates,
                                 size_t n_values_max, refinement *best)
{
    best->is_found = false;
    best->gain     = 0.0;
    for (size_t a = 0; a < grid->n_axes; a++) {
        const size_t n_added = ws__grid_n_values(grid) / grid->n_keys[a];
        if (ws__grid_n_values(grid) + n_added > n_values_max) {
            continue;
        }
        for (size_t k = 0; k < candidates->n_keys[a]; k++) {
            const double key = candidates->keys[a][k];
            if (has_key(grid, a, key)) {
                continue;
            }
            ws__grid trial;
            WS_TRY(refine(grid, a, key, &trial));
            const double gain = (squares - solve(s, &trial, TRIAL_ITERATIONS)) / (double)n_added;
            if (gain > best->gain) {
                if (best->is_found) {
                    ws__grid_fini(&best->grid);
                }
                *best = (refinement){true, gain, trial};
            } else {
                ws__grid_fini(&trial);
            }
        }
    }
    return WS_OK;
}

/* The two ends of every axis, all values the harmonic-like mean that fits a constant best. */
static ws_status coarsest(const ws__grid *candidates, const ws__grid_point *points, size_t n, ws__grid *out)
{
    double sum = 0.0, squares = 0.0;
    for (size_t p = 0; p < n; p++) {
        sum += 1.0 / points[p].y;
        squares += 1.0 / (points[p].y * points[p].y);
    }
    *out = (ws__grid){.n_axes = candidates->n_axes};
    for (size_t a = 0; a < out->n_axes; a++) {
        const size_t last = candidates->n_keys[a] - 1;
        out->keys[a][0]   = candidates->keys[a][0];
        out->keys[a][1]   = candidates->keys[a][last];
        out->n_keys[a]    = last > 0 ? 2 : 1;
    }
    const size_t n_values = ws__grid_n_values(out);
    out->values           = malloc(n_values * sizeof(out->values[0]));
    if (out->values == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n_values; i++) {
        out->values[i] = sum / squares;
    }
    return WS_OK;
}

static ws_status grow(solver *s, const ws__grid *candidates, ws__grid_goal goal, ws__grid *grid)
{
    double     squares = solve(s, grid, FINAL_ITERATIONS);
    refinement next    = {.is_found = true};
    while (next.is_found && mean_error(s) > goal.mean_error) {
        WS_TRY(best_refinement(s, grid, squares, candidates, goal.n_values_max, &next));
        if (next.is_found) {
            ws__grid_fini(grid);
            *grid   = next.grid;
            squares = solve(s, grid, FINAL_ITERATIONS);
        } else {
            squares = solve(s, grid, FINAL_ITERATIONS); /* the trials left their own residuals behind */
        }
    }
    return WS_OK;
}

/* No time can be below half the smallest one measured: corners without points nearby may have drifted there.
 */
static void keep_positive(ws__grid *grid, const ws__grid_point *points, size_t n)
{
    double smallest = INFINITY;
    for (size_t p = 0; p < n; p++) {
        smallest = fmin(smallest, points[p].y);
    }
    for (size_t i = 0; i < ws__grid_n_values(grid); i++) {
        grid->values[i] = fmax(grid->values[i], 0.5 * smallest);
    }
}

ws_status ws__grid_fit(const ws__grid_point *points, size_t n, size_t n_axes, ws__grid_goal goal,
                       ws__grid *out)
{
    ws__grid *candidates = calloc(1, sizeof(*candidates));
    if (candidates == NULL) {
        return WS_ERR_NOMEM;
    }
    candidates->n_axes  = n_axes;
    const size_t n_max  = goal.n_values_max > WS__GRID_CORNERS_MAX ? goal.n_values_max : WS__GRID_CORNERS_MAX;
    solver       s      = {0};
    ws__grid     grid   = {.values = NULL};
    ws_status    status = find_candidates(points, n, n_axes, candidates);
    if (status == WS_OK) {
        status = coarsest(candidates, points, n, &grid);
    }
    if (status == WS_OK) {
        status = solver_init(&s, points, n, n_max);
    }
    if (status == WS_OK) {
        status = grow(&s, candidates, goal, &grid);
    }
    if (status == WS_OK) {
        keep_positive(&grid, points, n);
        *out = grid;
    } else {
        ws__grid_fini(&grid);
    }
    solver_fini(&s);
    free(candidates);
    return status;
}
