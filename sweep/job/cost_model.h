/* cost_model.h -- how long a job will take, learned from those that ran, so that long jobs can go first.
 *
 * log(wall time) is taken as a mean plus one effect for each parameter value: main effects only, learned
 * online in O(1) per observation. Only the order of dispatch depends on it, never a result. */
#ifndef SWP_COST_MODEL_H
#define SWP_COST_MODEL_H

#include <stdint.h>

#include "spec/spec.h"

typedef struct swp_cost swp_cost; /* opaque */

WS_NODISCARD ws_status swp_cost_create(const swp_spec *spec, swp_cost **cost_out);
void                   swp_cost_destroy(swp_cost **cost);

/** Learn that a point took wall_s; not finite or <= 0 is ignored. */
void swp_cost_observe(swp_cost *cost, const uint32_t *value_index, double wall_s);

uint64_t swp_cost_n_observed(const swp_cost *cost);

/** Expected wall time of a point, s; 0 while nothing was observed. */
double swp_cost_predict(const swp_cost *cost, const uint32_t *value_index);

#endif /* SWP_COST_MODEL_H */
