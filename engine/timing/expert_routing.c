#include "timing/expert_routing.h"

#include <math.h>
#include <string.h>

size_t ws_expert_scratch_len(const ws_model *model)
{
    return (size_t)(3 * model->n_experts + model->experts_per_token);
}

static int64_t owner_of(int64_t expert, int64_t n_ranks, int64_t n_experts)
{
    const int64_t rank = expert * n_ranks / n_experts;
    return rank < n_ranks - 1 ? rank : n_ranks - 1;
}

static void route_balanced(const ws_model *model, int64_t n_tokens, int64_t n_ranks, ws_expert_load *loads)
{
    const double  ranks    = (double)n_ranks;
    const double  pairs    = (double)(n_tokens * model->experts_per_token) / ranks;
    const int64_t per_rank = model->n_experts / n_ranks > 1 ? model->n_experts / n_ranks : 1;
    const int64_t wanted   = (int64_t)rint(pairs);
    const double  hit_share =
        n_ranks <= 1 ? 1.0 : 1.0 - pow((ranks - 1.0) / ranks, (double)model->experts_per_token);
    const ws_expert_load load = {.tokens    = (int64_t)rint((double)n_tokens * hit_share),
                                 .activated = wanted < per_rank ? wanted : per_rank};
    for (int64_t r = 0; r < n_ranks; r++) {
        loads[r] = load;
    }
}

/* Work space of counting: what is active by expert, the last token by rank. */
typedef struct marks {
    int32_t *is_active, *last_token;
} marks;

/* Count one token's experts: once for each distinct owner, and each expert once per rank. */
static void count_token(const ws_model *model, int64_t n_ranks, const int32_t *chosen, marks m, int32_t token,
                        ws_expert_load *loads)
{
    for (int64_t i = 0; i < model->experts_per_token; i++) {
        const int64_t rank = owner_of(chosen[i], n_ranks, model->n_experts);
        if (m.last_token[rank] != token) {
            m.last_token[rank] = token;
            loads[rank].tokens++;
        }
        if (m.is_active[chosen[i]] == 0) {
            m.is_active[chosen[i]] = 1;
            loads[rank].activated++;
        }
    }
}

/* k distinct values below n, drawn as the reference draws them (docs/model/serving.md 6.5). */
static void sample_distinct(ws_rng *rng, int64_t k, int64_t n, int32_t *pool, int32_t *chosen)
{
    int64_t limit = 21;
    if (k > 5) {
        limit += (int64_t)pow(4.0, ceil(log((double)(3 * k)) / log(4.0)));
    }
    if (n <= limit) {
        for (int64_t i = 0; i < n; i++) {
            pool[i] = (int32_t)i;
        }
        for (int64_t i = 0; i < k; i++) {
            const uint32_t j = ws_rng_below(rng, (uint32_t)(n - i));
            chosen[i]        = pool[j];
            pool[j]          = pool[n - i - 1];
        }
        return;
    }
    memset(pool, 0, (size_t)n * sizeof(*pool));
    for (int64_t i = 0; i < k; i++) {
        uint32_t j = ws_rng_below(rng, (uint32_t)n);
        while (pool[j] != 0) {
            j = ws_rng_below(rng, (uint32_t)n);
        }
        pool[j]   = 1;
        chosen[i] = (int32_t)j;
    }
}

WS_HOT void ws_expert_route(const ws_expert_router *router, int64_t n_tokens, ws_expert_load *loads)
{
    const ws_model *model     = router->model;
    const int64_t   n_ranks   = router->n_ranks;
    const int64_t   n_experts = model->n_experts, k = model->experts_per_token;
    if (router->policy == WS_EXPERT_BALANCED) {
        route_balanced(model, n_tokens, n_ranks, loads);
        return;
    }
    const marks m    = {.is_active = router->scratch, .last_token = router->scratch + n_experts};
    int32_t    *pool = router->scratch + 2 * n_experts, *chosen = pool + n_experts;
    memset(loads, 0, (size_t)n_ranks * sizeof(*loads));
    memset(m.is_active, 0, (size_t)n_experts * sizeof(*m.is_active));
    memset(m.last_token, 0, (size_t)n_experts * sizeof(*m.last_token));
    for (int64_t i = 0; i < k; i++) {
        chosen[i] = (int32_t)i; /* RR: every token takes the first k experts (docs/model/serving.md Q-5) */
    }
    for (int64_t token = 0; token < n_tokens; token++) {
        if (router->policy == WS_EXPERT_RAND) {
            sample_distinct(router->rng, k, n_experts, pool, chosen);
        }
        count_token(model, n_ranks, chosen, m, (int32_t)token + 1, loads);
    }
}
