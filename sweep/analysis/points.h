/* points.h -- the points of a sweep: done rows, with repeats of the same point taken together. */
#ifndef SWP_POINTS_H
#define SWP_POINTS_H

#include "analysis/result_table.h"

typedef struct swp_points {
    size_t  n;
    size_t *first;       /* [n + 1]: point i has rows[first[i] .. first[i + 1]) */
    size_t *rows;        /* of the results */
    bool    has_repeats; /* some point has more than one row */
} swp_points;

/** A mean over repeats and the half width of its 95% confidence interval. */
typedef struct swp_estimate {
    double mean; /**< NaN if no repeat has the value */
    double ci95; /**< NaN for a single value */
} swp_estimate;

/** Points among the rows that are kept and done; in the order of their first job.
 * @param[in] keep  [results->n] */
WS_NODISCARD ws_status swp_points_build(const swp_result_table *results, const bool *keep, ws_error *err,
                                        swp_points *out);
void                   swp_points_fini(swp_points *points);

/** Mean and interval of a point's values (Student's t). */
swp_estimate swp_points_estimate(const swp_points *points, size_t point, const swp_cells *cells);

#endif /* SWP_POINTS_H */
