#include "hardware/profile_compact.h"

#include <math.h>

static double grid_ns(const ws__grid *grid, const double x[WS__GRID_AXES_MAX])
{
    return fmax(1.0, rint(ws__grid_at(grid, x)));
}

static ws_status expand_layer(const ws__grid *grid, ws_layer layer, ws__profile_draft *draft)
{
    for (size_t i = 0; grid->values != NULL && i < grid->n_keys[0]; i++) {
        WS_TRY(
            ws__draft_add_layer(draft, layer, (int64_t)grid->keys[0][i], fmax(1.0, rint(grid->values[i]))));
    }
    return WS_OK;
}

static ws_status expand_moe(const ws__grid *grid, ws__profile_draft *draft)
{
    for (size_t e = 0; grid->values != NULL && e < grid->n_keys[0]; e++) {
        for (size_t t = 0; t < grid->n_keys[1]; t++) {
            const double x[WS__GRID_AXES_MAX] = {grid->keys[0][e], grid->keys[1][t]};
            WS_TRY(ws__draft_add_moe(draft, (int64_t)x[1], (int64_t)x[0], grid_ns(grid, x)));
        }
    }
    return WS_OK;
}

/* Keys of two axes, ascending; repeated ones stay, the table drops them. */
typedef struct key_union {
    size_t n;
    double keys[2 * WS__GRID_KEYS_MAX];
} key_union;

static key_union join_keys(const ws__grid *a, size_t axis_a, const ws__grid *b, size_t axis_b)
{
    key_union all = {.n = 0};
    size_t    i = 0, j = 0;
    while (i < a->n_keys[axis_a] || j < b->n_keys[axis_b]) {
        const bool from_a =
            j == b->n_keys[axis_b] || (i < a->n_keys[axis_a] && a->keys[axis_a][i] <= b->keys[axis_b][j]);
        all.keys[all.n++] = from_a ? a->keys[axis_a][i++] : b->keys[axis_b][j++];
    }
    return all;
}

/* The 4-D lookup needs every (chunk, decodes) pair, so each kind of batch is evaluated at the other's keys
 * too. */
static ws_status expand_decode(const ws__compact_tp *tp, const key_union *counts, ws__profile_draft *draft)
{
    for (size_t n = 0; n < counts->n; n++) {
        for (size_t k = 0; k < tp->decode.n_keys[1]; k++) {
            const double x[WS__GRID_AXES_MAX] = {counts->keys[n], tp->decode.keys[1][k]};
            WS_TRY(
                ws__draft_add_attention(draft, 0, 0, (int64_t)x[0], (int64_t)x[1], grid_ns(&tp->decode, x)));
        }
    }
    return WS_OK;
}

static ws_status expand_prefill(const ws__compact_tp *tp, const key_union *chunks, ws__profile_draft *draft)
{
    for (size_t c = 0; c < chunks->n; c++) {
        for (size_t k = 0; k < tp->prefill.n_keys[1]; k++) {
            const double x[WS__GRID_AXES_MAX] = {chunks->keys[c], tp->prefill.keys[1][k]};
            WS_TRY(
                ws__draft_add_attention(draft, (int64_t)x[0], (int64_t)x[1], 0, 0, grid_ns(&tp->prefill, x)));
        }
    }
    return WS_OK;
}

static ws_status expand_mixed(const ws__compact_tp *tp, const key_union *chunks, const key_union *counts,
                              ws__profile_draft *draft)
{
    const ws__grid *grid = &tp->mixed;
    for (size_t c = 0; c < chunks->n; c++) {
        for (size_t n = 0; n < counts->n; n++) {
            for (size_t p = 0; p < grid->n_keys[2]; p++) {
                for (size_t d = 0; d < grid->n_keys[3]; d++) {
                    const double x[WS__GRID_AXES_MAX] = {chunks->keys[c], counts->keys[n], grid->keys[2][p],
                                                         grid->keys[3][d]};
                    WS_TRY(ws__draft_add_attention(draft, (int64_t)x[0], (int64_t)x[2], (int64_t)x[1],
                                                   (int64_t)x[3], grid_ns(grid, x)));
                }
            }
        }
    }
    return WS_OK;
}

static ws_status expand_attention(const ws__compact_tp *tp, ws__profile_draft *draft)
{
    if (tp->decode.values == NULL || tp->prefill.values == NULL || tp->mixed.values == NULL) {
        return WS_OK;
    }
    const key_union chunks = join_keys(&tp->mixed, 0, &tp->prefill, 0);
    const key_union counts = join_keys(&tp->mixed, 1, &tp->decode, 0);
    WS_TRY(expand_decode(tp, &counts, draft));
    WS_TRY(expand_prefill(tp, &chunks, draft));
    return expand_mixed(tp, &chunks, &counts, draft);
}

/* Entries for pure decode batches; everything else takes the default, as it nearly always does with a bundle
 * (docs/model/serving.md Q-19). */
static ws_status expand_skew(const ws__compact_skew *skew, ws__profile_draft *draft)
{
    static const ws__skew_bins any = {1, {INFINITY}};
    draft->has_skew                = skew->on;
    draft->alpha_default           = skew->alpha_default;
    draft->skew[WS__SKEW_N]        = skew->n_decodes;
    draft->skew[WS__SKEW_RATE]     = skew->rate;
    draft->skew[WS__SKEW_KV_BIG]   = any;
    draft->skew[WS__SKEW_KP]       = any;
    for (uint32_t n = 0; skew->on && n < skew->n_decodes.n_labels; n++) {
        for (uint32_t r = 0; r < skew->rate.n_labels; r++) {
            if (!isnan(skew->alpha[n][r])) {
                const ws__alpha entry = {.label = {n, r, 0, 0}, .alpha = skew->alpha[n][r]};
                WS_TRY(ws__draft_add_alpha(draft, &entry));
            }
        }
    }
    return WS_OK;
}

ws_status ws__compact_expand(const ws__compact *compact, int64_t tp, ws__profile_draft *draft)
{
    const ws__compact_tp *found = NULL;
    for (size_t t = 0; t < compact->n_tps; t++) {
        found = compact->tps[t].degree == tp ? &compact->tps[t] : found;
    }
    WS_ASSERT(found != NULL);
    draft->kind                   = WS_PROFILE_COMPACT;
    draft->max_num_seqs           = compact->meta.max_num_seqs;
    draft->max_num_batched_tokens = compact->meta.max_num_batched_tokens;
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        WS_TRY(expand_layer(&compact->stable[layer], (ws_layer)layer, draft));
        WS_TRY(expand_layer(&found->layers[layer], (ws_layer)layer, draft));
    }
    WS_TRY(expand_moe(&compact->moe, draft));
    WS_TRY(expand_attention(found, draft));
    return expand_skew(&found->skew, draft);
}
