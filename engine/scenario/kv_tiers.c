#include "scenario/kv_tiers.h"

#include <inttypes.h>

#include "base/units.h"

enum { CHUNK_TOKENS = 256 };

static bool shares_tier(const ws_scenario *s, const ws_tier_config *tier, const ws_instance_config *c)
{
    const bool is_cxl = s->options.prefix_storage == WS_PREFIX_STORAGE_CXL;
    return s->options.enable_prefix_sharing && (is_cxl || tier->node == c->node);
}

static ws_status add_tier(ws_scenario *s, ws_instance_config *c, ws_error *err)
{
    const bool     is_cxl    = s->options.prefix_storage == WS_PREFIX_STORAGE_CXL;
    const int64_t  block     = c->options.block_size;
    const int64_t  tokens    = CHUNK_TOKENS / block * block > block ? CHUNK_TOKENS / block * block : block;
    const int64_t  whole     = ws_model_kv_bytes_per_token(c->model, c->kv_element_bytes);
    const int64_t  per_token = s->options.enable_prefix_sharing ? whole : c->kv_total_bytes_per_token;
    const double   size_gib  = is_cxl ? s->cxl_mem_gib : s->nodes[c->node].cpu_mem_gib;
    ws_tier_config tier      = {.chunk_tokens = (int32_t)tokens,
                                .block_size   = (int32_t)block,
                                .chunk_bytes  = per_token * tokens,
                                .node         = is_cxl ? WS_NO_NODE : c->node};
    tier.n_chunks            = (int64_t)(size_gib * (double)WS_BYTES_PER_GIB / (double)tier.chunk_bytes);
    if (tier.n_chunks < 1) {
        return ws_error_add(err, WS_ERR_INFEASIBLE,
                            "instance %d: the second KV tier of %g GiB holds no chunk of %" PRId64
                            " tokens (%" PRId64 " bytes)",
                            c->index, size_gib, tokens, tier.chunk_bytes);
    }
    tier.n_chunks          = tier.n_chunks < INT32_MAX - 1 ? tier.n_chunks : INT32_MAX - 2;
    c->tier                = (int32_t)s->n_tiers;
    s->tiers[s->n_tiers++] = tier;
    return WS_OK;
}

static ws_status check_shared_tier(const ws_instance_config *first, const ws_instance_config *c,
                                   ws_error *err)
{
    if (first->model != c->model || first->element_bytes != c->element_bytes ||
        first->kv_element_bytes != c->kv_element_bytes ||
        first->options.block_size != c->options.block_size ||
        c->kv_total_bytes_per_token != first->kv_total_bytes_per_token) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "instances %d and %d: a shared second KV tier expects the same model, dtype, "
                            "kv_cache_dtype, block_size and KV bytes per token",
                            first->index, c->index);
    }
    return WS_OK;
}

ws_status ws_kv_tiers_resolve(ws_scenario *s, ws_error *err)
{
    s->tiers = ws_arena_calloc(&s->arena, s->n_instances, sizeof(*s->tiers));
    if (s->tiers == NULL) {
        return WS_ERR_NOMEM;
    }
    if (s->options.prefix_storage == WS_PREFIX_STORAGE_CXL && !s->has_cxl) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "prefix_storage: expected a cxl_mem in the cluster config for CXL");
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        c->tier               = WS_NO_TIER;
        if (s->options.prefix_storage == WS_PREFIX_STORAGE_NONE || !c->options.enable_prefix_caching) {
            continue;
        }
        for (size_t k = 0; k < i && c->tier == WS_NO_TIER; k++) {
            const ws_instance_config *other = &s->instances[k];
            if (other->tier != WS_NO_TIER && shares_tier(s, &s->tiers[other->tier], c)) {
                WS_TRY(check_shared_tier(other, c, err));
                c->tier = other->tier;
            }
        }
        if (c->tier == WS_NO_TIER) {
            WS_TRY(add_tier(s, c, err));
        }
    }
    return WS_OK;
}
