/* timing/expert_routing.h -- how a step's tokens fall on the expert-parallel ranks
 * (docs/model/serving.md 6.5). */
#ifndef WS_EXPERT_ROUTING_H
#define WS_EXPERT_ROUTING_H

#include <stdint.h>

#include "base/rng.h"
#include "model/model.h"
#include "scenario/options.h"

/** What one EP rank gets. */
typedef struct ws_expert_load {
    int64_t tokens, activated;
} ws_expert_load;

/** How experts are chosen, and for whom. */
typedef struct ws_expert_router {
    ws_expert_routing policy;
    const ws_model   *model;
    int64_t           n_ranks;
    ws_rng           *rng;     /* used by RAND only */
    int32_t          *scratch; /* [ws_expert_scratch_len()] work space */
} ws_expert_router;

/** Route n_tokens over the router's ranks.
 * @param[out] loads  [n_ranks] */
void ws_expert_route(const ws_expert_router *router, int64_t n_tokens, ws_expert_load *loads);

/** int32_t elements of scratch ws_expert_route() needs. */
size_t ws_expert_scratch_len(const ws_model *model);

#endif /* WS_EXPERT_ROUTING_H */
