#include "hardware/profile.h"

#include <math.h>
#include <stdlib.h>

#include "hardware/profile_table.h"

/* Where a value lies on an axis: between keys lo and hi, at fraction t of the way. */
typedef struct bracket {
    uint32_t lo, hi;
    double   t;
} bracket;

/* The last bracket taken: neighbouring curves and surfaces mostly share their axes. */
typedef struct bracket_cache {
    uint32_t axis;
    bracket  place;
} bracket_cache;

#define BRACKET_CACHE_EMPTY ((bracket_cache){.axis = WS__NONE})

static const void *block_at(const ws_profile *profile, size_t offset)
{
    return (const char *)profile + offset;
}

static uint32_t count_keys_up_to(const ws_profile *profile, const ws__axis *axis, const int64_t *keys,
                                 int64_t x)
{
    if (x >= axis->last_key) {
        return axis->n_keys;
    }
    if (axis->index_at != WS__NONE) {
        const uint8_t *index = block_at(profile, profile->indices_at);
        return index[axis->index_at + (size_t)x];
    }
    uint32_t below = 0, above = axis->n_keys; /* keys[below - 1] <= x < keys[above] */
    while (below < above) {
        const uint32_t middle = below + (above - below) / 2;
        if (keys[middle] <= x) {
            below = middle + 1;
        } else {
            above = middle;
        }
    }
    return below;
}

/* docs/model/serving.md 6.11: clamps below the first key, extrapolates above the last. x >= 0. */
static WS_HOT bracket axis_bracket(const ws_profile *profile, uint32_t axis_id, int64_t x)
{
    const ws__axis *axis = (const ws__axis *)block_at(profile, profile->axes_at) + axis_id;
    const int64_t  *keys = (const int64_t *)block_at(profile, profile->keys_at) + axis->first_key;
    if (axis->n_keys == 1 || x <= keys[0]) {
        return (bracket){0, 0, 0.0};
    }
    const uint32_t n_up_to = count_keys_up_to(profile, axis, keys, x);
    const uint32_t hi      = n_up_to < axis->n_keys ? n_up_to : axis->n_keys - 1;
    const uint32_t lo      = hi - 1;
    return (bracket){lo, hi, (double)(x - keys[lo]) / (double)(keys[hi] - keys[lo])};
}

static const bracket *cached_bracket(const ws_profile *profile, bracket_cache *cache, uint32_t axis,
                                     int64_t x)
{
    if (cache->axis != axis) {
        cache->place = axis_bracket(profile, axis, x);
        cache->axis  = axis;
    }
    return &cache->place;
}

/* A blend with weight 0 is its first value exactly (times are finite), so the second is not looked at. */
static double curve_at(const ws_profile *profile, const ws__curve *curve, int64_t x, bracket_cache *cache)
{
    const bracket *b = cached_bracket(profile, cache, curve->axis, x);
    const double  *v = (const double *)block_at(profile, profile->values_at) + curve->first_value;
    return b->t == 0.0 ? v[b->lo] : v[b->lo] + b->t * (v[b->hi] - v[b->lo]);
}

static double surface_at(const ws_profile *profile, const ws__surface *surface, int64_t outer, int64_t inner,
                         bracket_cache *outer_cache, bracket_cache *inner_cache)
{
    const bracket    b      = *cached_bracket(profile, outer_cache, surface->axis, outer);
    const ws__curve *curves = (const ws__curve *)block_at(profile, profile->curves_at) + surface->first_curve;
    const double     first  = curve_at(profile, &curves[b.lo], inner, inner_cache);
    if (b.t == 0.0) {
        return first;
    }
    const double second = curve_at(profile, &curves[b.hi], inner, inner_cache);
    return first + b.t * (second - first);
}

/* max(1, trunc(y)), kept inside int64 for absurd extrapolations. */
static int64_t whole_ns(double y)
{
    const double beyond = 4e18; /* 127 years */
    if (!(y >= 1.0)) {
        return 1;
    }
    return y < beyond ? (int64_t)y : (int64_t)beyond;
}

bool ws_profile_has(const ws_profile *profile, ws_layer layer)
{
    switch (ws_layer_category(layer)) {
    case WS_CATEGORY_ATTENTION:
        return profile->chunk_axis != WS__NONE;
    case WS_CATEGORY_MOE:
        return profile->moe.axis != WS__NONE;
    case WS_CATEGORY_DENSE:
    case WS_CATEGORY_PER_SEQUENCE:
        break;
    }
    return profile->layers[layer].axis != WS__NONE;
}

WS_HOT int64_t ws_profile_layer_ns(const ws_profile *profile, ws_layer layer, int64_t count)
{
    const ws__curve *curve = &profile->layers[layer];
    WS_ASSERT(curve->axis != WS__NONE && count >= 1);
    bracket_cache cache = BRACKET_CACHE_EMPTY;
    return whole_ns(curve_at(profile, curve, count, &cache));
}

WS_HOT int64_t ws_profile_moe_ns(const ws_profile *profile, int64_t tokens, int64_t n_experts)
{
    WS_ASSERT(profile->moe.axis != WS__NONE && tokens >= 1 && n_experts >= 1);
    bracket_cache experts = BRACKET_CACHE_EMPTY, by_tokens = BRACKET_CACHE_EMPTY;
    return whole_ns(surface_at(profile, &profile->moe, n_experts, tokens, &experts, &by_tokens));
}

/* ---- attention ---- */

/* The surfaces around one (prefill chunk, number of decodes) and their weights. A corner whose weight is 0 is
 * not there. */
typedef struct corners {
    const ws__surface *at[2][2]; /* [chunk][decodes] */
    bool               two_chunks, two_decodes;
    double             chunk_t, decode_t;
} corners;

static corners corners_of(const ws_profile *profile, int64_t prefill_tokens, int64_t n_decodes)
{
    const bracket      chunk    = axis_bracket(profile, profile->chunk_axis, prefill_tokens);
    const bracket      decode   = axis_bracket(profile, profile->decode_axis, n_decodes);
    const ws__axis    *axes     = block_at(profile, profile->axes_at);
    const size_t       stride   = axes[profile->decode_axis].n_keys;
    const uint32_t    *pairs    = block_at(profile, profile->pairs_at);
    const ws__surface *surfaces = block_at(profile, profile->surfaces_at);
    const uint32_t    *lo = &pairs[chunk.lo * stride], *hi = &pairs[chunk.hi * stride];
    return (corners){
        .at          = {{&surfaces[lo[decode.lo]], &surfaces[lo[decode.hi]]},
                        {&surfaces[hi[decode.lo]], &surfaces[hi[decode.hi]]}},
        .two_chunks  = chunk.t != 0.0,
        .two_decodes = decode.t != 0.0,
        .chunk_t     = chunk.t,
        .decode_t    = decode.t,
    };
}

/* Step 4 of the 4-D lookup. A blend with weight 0 gives its first corner exactly, so the second is skipped.
 */
static WS_HOT int64_t blend_corners(const ws_profile *profile, const corners *c, int64_t prefill_kv,
                                    int64_t decode_kv)
{
    bracket_cache prefill = BRACKET_CACHE_EMPTY, decode = BRACKET_CACHE_EMPTY;
    double        by_chunk[2] = {0.0, 0.0};
    const int     n_chunks    = c->two_chunks ? 2 : 1;
    for (int i = 0; i < n_chunks; i++) {
        by_chunk[i] = surface_at(profile, c->at[i][0], prefill_kv, decode_kv, &prefill, &decode);
        if (c->two_decodes) {
            const double more = surface_at(profile, c->at[i][1], prefill_kv, decode_kv, &prefill, &decode);
            by_chunk[i] += c->decode_t * (more - by_chunk[i]);
        }
    }
    return whole_ns(c->two_chunks ? by_chunk[0] + c->chunk_t * (by_chunk[1] - by_chunk[0]) : by_chunk[0]);
}

static uint32_t skew_label(const ws__skew_bins *bins, double value)
{
    uint32_t label = 0;
    while (label + 1 < bins->n_labels && !(value <= bins->upper[label])) {
        label++;
    }
    return label;
}

static double skew_alpha(const ws_profile *profile, const ws_attention_query *query, int64_t prefill_kv,
                         double rate)
{
    const double *alphas = block_at(profile, profile->alphas_at);
    if (profile->skew_pc_axis == WS__NONE) {
        return alphas[0];
    }
    /* Only batches whose prefill token sum equals a profiled chunk find an entry (docs/model/serving.md
     * */
    const ws__axis *axis = (const ws__axis *)block_at(profile, profile->axes_at) + profile->skew_pc_axis;
    const int64_t  *keys = (const int64_t *)block_at(profile, profile->keys_at) + axis->first_key;
    const uint32_t  n    = count_keys_up_to(profile, axis, keys, query->prefill_tokens);
    if (n == 0 || keys[n - 1] != query->prefill_tokens) {
        return alphas[0];
    }
    const double value[WS__SKEW_AXES] = {(double)query->n_decodes, rate, (double)query->kv_max,
                                         (double)prefill_kv};
    size_t       cell                 = n - 1;
    for (int a = 0; a < WS__SKEW_AXES; a++) {
        cell = cell * profile->skew[a].n_labels + skew_label(&profile->skew[a], value[a]);
    }
    const uint16_t *ids = block_at(profile, profile->alpha_ids_at);
    return alphas[ids[cell]];
}

/* (kmean - kmin) / (kmax - kmin) inside [0, 1]; kv_max != kv_mean, so the divisor is 0 only for impossible
 * queries. */
static double skew_rate(const ws_attention_query *query)
{
    const int64_t range = query->kv_max - query->kv_min;
    const double  rate  = range != 0 ? (double)(query->kv_mean - query->kv_min) / (double)range : 0.5;
    return rate < 0.0 ? 0.0 : rate > 1.0 ? 1.0 : rate;
}

static int64_t not_negative(int64_t x)
{
    return x > 0 ? x : 0;
}

WS_HOT int64_t ws_profile_attention_ns(const ws_profile *profile, const ws_attention_query *query)
{
    WS_ASSERT(profile->chunk_axis != WS__NONE);
    const int64_t prefill_kv = not_negative(query->prefill_kv);
    const corners around =
        corners_of(profile, not_negative(query->prefill_tokens), not_negative(query->n_decodes));
    const int64_t mean_ns = blend_corners(profile, &around, prefill_kv, not_negative(query->kv_mean));
    if (!profile->has_skew || query->n_decodes <= 1 || query->kv_max == query->kv_mean) {
        return mean_ns;
    }
    const double alpha = skew_alpha(profile, query, prefill_kv, skew_rate(query));
    if (alpha == 0.0) {
        return mean_ns;
    }
    const int64_t max_ns = blend_corners(profile, &around, prefill_kv, not_negative(query->kv_max));
    if (max_ns <= mean_ns) {
        return mean_ns;
    }
    const double skewed = rint((double)mean_ns + alpha * (double)(max_ns - mean_ns)); /* halves to even */
    return whole_ns(skewed);
}

/* ---- what is known about it ---- */

ws_profile_limits ws_profile_limits_of(const ws_profile *profile)
{
    return profile->limits;
}

ws_profile_kind ws_profile_kind_of(const ws_profile *profile)
{
    return profile->kind;
}

const char *ws_profile_kind_name(ws_profile_kind kind)
{
    static const char *const names[] = {"bundle", "compact", "roofline"};
    WS_ASSERT((size_t)kind < sizeof(names) / sizeof(names[0]));
    return names[kind];
}

int64_t ws_profile_max_num_seqs(const ws_profile *profile)
{
    return profile->max_num_seqs;
}

int64_t ws_profile_max_num_batched_tokens(const ws_profile *profile)
{
    return profile->max_num_batched_tokens;
}

void ws_profile_destroy(ws_profile **profile)
{
    free(*profile);
    *profile = NULL;
}

ws_bytes ws_profile_bytes(const ws_profile *profile)
{
    return (ws_bytes){.data = (const char *)profile, .len = profile->block_bytes};
}

const ws_profile *ws_profile_at(ws_bytes bytes)
{
    const ws_profile *profile = (const ws_profile *)(const void *)bytes.data;
    return bytes.len >= sizeof(*profile) && profile->block_bytes == bytes.len ? profile : NULL;
}
