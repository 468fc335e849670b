#include "job/cost_model.h"

#include <math.h>
#include <stdlib.h>

/* Effects shrink toward zero until this many observations back them. */
#define PRIOR_WEIGHT 2.0

typedef struct times {
    double sum; /* of log(wall_s) */
    double n;
} times;

struct swp_cost {
    const swp_spec *spec;
    times           all;
    size_t         *first; /* [n_params] index of a parameter's first times */
    times          *by_value;
};

ws_status swp_cost_create(const swp_spec *spec, swp_cost **cost_out)
{
    *cost_out      = NULL;
    swp_cost *cost = calloc(1, sizeof(*cost));
    size_t    n    = 0;
    if (cost == NULL) {
        return WS_ERR_NOMEM;
    }
    cost->spec  = spec;
    cost->first = calloc(spec->n_params + 1, sizeof(*cost->first));
    for (size_t i = 0; i < spec->n_params && cost->first != NULL; i++) {
        cost->first[i] = n;
        n += spec->params[i].n_values;
    }
    cost->by_value = calloc(n + 1, sizeof(*cost->by_value));
    if (cost->first == NULL || cost->by_value == NULL) {
        swp_cost_destroy(&cost);
        return WS_ERR_NOMEM;
    }
    *cost_out = cost;
    return WS_OK;
}

void swp_cost_destroy(swp_cost **cost)
{
    if (*cost != NULL) {
        free((*cost)->by_value);
        free((*cost)->first);
        free(*cost);
        *cost = NULL;
    }
}

void swp_cost_observe(swp_cost *cost, const uint32_t *value_index, double wall_s)
{
    if (!isfinite(wall_s) || wall_s <= 0.0) {
        return;
    }
    const double log_s = log(wall_s);
    cost->all.sum += log_s;
    cost->all.n += 1.0;
    for (size_t i = 0; i < cost->spec->n_params; i++) {
        times *t = &cost->by_value[cost->first[i] + value_index[i]];
        t->sum += log_s;
        t->n += 1.0;
    }
}

uint64_t swp_cost_n_observed(const swp_cost *cost)
{
    return (uint64_t)cost->all.n;
}

double swp_cost_predict(const swp_cost *cost, const uint32_t *value_index)
{
    if (cost->all.n == 0.0) {
        return 0.0;
    }
    const double mean  = cost->all.sum / cost->all.n;
    double       log_s = mean;
    for (size_t i = 0; i < cost->spec->n_params; i++) {
        const times *t = &cost->by_value[cost->first[i] + value_index[i]];
        log_s += (t->sum - t->n * mean) / (t->n + PRIOR_WEIGHT);
    }
    return exp(log_s);
}
