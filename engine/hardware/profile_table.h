/* hardware/profile_table.h -- the table form behind ws_profile; private to engine/hardware.
 *
 * A source (bundle, compact, roofline) fills a ws__profile_draft with points; ws__profile_build() sorts them
 * and packs everything into one block of memory with offsets instead of pointers, so that a block can be
 * copied or shared as it is. Two shapes carry all four categories:
 *
 *   curve    time over one axis: dense (tokens), per_sequence (sequences)
 *   surface  one curve per value of an outer axis: moe (experts over tokens); and for attention one surface
 *            (prefill KV over decode KV) per pair (prefill chunk, number of decodes) */
#ifndef WS_PROFILE_TABLE_H
#define WS_PROFILE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "hardware/profile_kind.h"
#include "model/layer.h"

/* ---- the packed form ---- */

#define WS__NONE UINT32_MAX

/** Sorted distinct keys. Source: docs/model/serving.md 6.11. */
typedef struct ws__axis {
    uint32_t first_key; /* in the pool of keys */
    uint32_t n_keys;    /* >= 1 */
    uint32_t
        index_at; /* in the pool of indices: for 0..last_key, how many keys are <= it; WS__NONE if too wide */
    uint32_t reserved;
    int64_t  last_key;
} ws__axis;

typedef struct ws__curve {
    uint32_t axis;        /* WS__NONE = no data */
    uint32_t first_value; /* in the pool of values, one per key */
} ws__curve;

typedef struct ws__surface {
    uint32_t axis;        /* outer */
    uint32_t first_curve; /* one per outer key */
} ws__surface;

/** The four bucketed axes of the skew correction; the fifth is the exact prefill token count. */
typedef enum ws__skew_axis {
    WS__SKEW_N,
    WS__SKEW_RATE,
    WS__SKEW_KV_BIG,
    WS__SKEW_KP,
    WS__SKEW_AXES
} ws__skew_axis;
enum { WS__SKEW_LABELS_MAX = 32 };

typedef struct ws__skew_bins {
    uint32_t n_labels;                   /* >= 1 */
    double   upper[WS__SKEW_LABELS_MAX]; /* value <= upper[i] has label i; the last label takes the rest */
} ws__skew_bins;

struct ws_profile {
    size_t            block_bytes; /* this struct and all pools behind it */
    ws_profile_kind   kind;
    ws_profile_limits limits;
    int64_t           max_num_seqs, max_num_batched_tokens;

    size_t axes_at, keys_at, values_at, curves_at, surfaces_at, indices_at; /* bytes from the block's start */
    size_t pairs_at; /* [n_chunks][n_decodes] surfaces */
    size_t
        surface_keys_at; /* [n_surfaces][2]: the pair each surface was given for, prefill chunk and decodes */
    uint32_t n_surfaces;

    ws__curve   layers[WS_LAYER_COUNT];
    ws__surface moe;                     /* axis == WS__NONE: no data */
    uint32_t    chunk_axis, decode_axis; /* of attention; WS__NONE: no data */

    bool          has_skew;
    uint32_t      skew_pc_axis; /* prefill token counts with entries; WS__NONE if there is no entry */
    ws__skew_bins skew[WS__SKEW_AXES];
    size_t        alpha_ids_at; /* uint16 [pc][n][rate][kv_big][kp] into alphas; 0 = absent */
    size_t        alphas_at;    /* double; [0] is the default */
};

/* ---- the draft ---- */

/** One measured or computed time. Keys in sorting order: layers {layer, count}, moe {experts, tokens},
 * attention {prefill chunk, decodes, prefill KV, decode KV}. */
typedef struct ws__point {
    int64_t  key[4];
    double   ns;  /* integer-valued, >= 1 */
    uint32_t seq; /* order of adding: of equal keys the first added wins */
} ws__point;

typedef struct ws__points {
    ws__point *data; /* owned */
    size_t     n, capacity;
} ws__points;

typedef struct ws__alpha {
    int64_t  prefill_tokens;
    uint32_t label[WS__SKEW_AXES];
    uint32_t seq;
    double   alpha;
} ws__alpha;

typedef struct ws__profile_draft {
    ws_profile_kind kind;
    int64_t         max_num_seqs, max_num_batched_tokens;
    ws__points      layers, attention, moe;
    bool            has_skew;
    double          alpha_default;
    ws__skew_bins   skew[WS__SKEW_AXES];
    ws__alpha      *alphas; /* owned */
    size_t          n_alphas, alphas_capacity;
} ws__profile_draft;

#define WS__PROFILE_DRAFT_INIT ((ws__profile_draft){.kind = WS_PROFILE_BUNDLE})

void ws__profile_draft_fini(ws__profile_draft *draft);

/** Microseconds as tables hold them: max(1, nearest integer ns, halves to even). Source: section 7. */
double ws__table_ns(double time_us);

WS_NODISCARD ws_status ws__points_add(ws__points *points, const int64_t key[4], double ns);
WS_NODISCARD ws_status ws__draft_add_layer(ws__profile_draft *draft, ws_layer layer, int64_t count,
                                           double ns);
WS_NODISCARD ws_status ws__draft_add_attention(ws__profile_draft *draft, int64_t prefill_tokens,
                                               int64_t prefill_kv, int64_t n_decodes, int64_t decode_kv,
                                               double ns);
WS_NODISCARD ws_status ws__draft_add_moe(ws__profile_draft *draft, int64_t tokens, int64_t n_experts,
                                         double ns);
WS_NODISCARD ws_status ws__draft_add_alpha(ws__profile_draft *draft, const ws__alpha *alpha);

/** Room for n_more elements behind the first n of a growing array; it doubles.
 * @return WS_OK; WS_ERR_NOMEM, also beyond 2^31 elements: offsets are 32 bits wide */
WS_NODISCARD ws_status ws__pool_reserve(void **data, size_t *capacity, size_t n, size_t n_more, size_t size);

/** Sort by key and drop repeated keys, keeping the first added. */
void ws__points_sort(ws__points *points);

/** Pack a draft. Its points are sorted on the way.
 * @return WS_OK; WS_ERR_NOMEM (also for tables beyond 2^32 entries) */
WS_NODISCARD ws_status ws__profile_build(ws__profile_draft *draft, ws_profile **out);

/** The built-in buckets of profiles that bring none. Source: docs/model/serving.md 6.11, last table. */
extern const ws__skew_bins ws__skew_builtin[WS__SKEW_AXES];

#endif /* WS_PROFILE_TABLE_H */
