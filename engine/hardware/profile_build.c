#include "hardware/profile_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Axes up to this key get an index of one byte per integer (64 KiB at most) while all indices together stay
 * below a size; others are searched. Measured bundles have a handful of different axes. */
enum { INDEXED_KEY_MAX = 65535, INDEXED_KEYS_MAX = 255, INDICES_MAX = 4 << 20 };
/* How far back an equal axis is looked for, so that a table of nothing but different axes does not take
 * forever. */
enum { INTERN_WINDOW = 64 };
enum { POOL_ALIGN = 64 };

/* ---- pools, then one block ---- */

typedef struct pool {
    void  *data; /* owned */
    size_t n, capacity, size;
} pool;

typedef struct builder {
    ws_profile head;
    pool       axes, keys, values, curves, surfaces, surface_keys, indices, pairs, alpha_ids, alphas;
} builder;

static builder builder_new(void)
{
    return (builder){
        .axes         = {.size = sizeof(ws__axis)},
        .keys         = {.size = sizeof(int64_t)},
        .values       = {.size = sizeof(double)},
        .curves       = {.size = sizeof(ws__curve)},
        .surfaces     = {.size = sizeof(ws__surface)},
        .surface_keys = {.size = 2 * sizeof(int64_t)},
        .indices      = {.size = sizeof(uint8_t)},
        .pairs        = {.size = sizeof(uint32_t)},
        .alpha_ids    = {.size = sizeof(uint16_t)},
        .alphas       = {.size = sizeof(double)},
    };
}

static void builder_fini(builder *b)
{
    pool *const pools[] = {&b->axes,         &b->keys,    &b->values, &b->curves,    &b->surfaces,
                           &b->surface_keys, &b->indices, &b->pairs,  &b->alpha_ids, &b->alphas};
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        free(pools[i]->data);
    }
}

/* Append n elements and tell where they begin; source NULL = zero bytes. */
static ws_status pool_append(pool *p, const void *source, size_t n, uint32_t *first_out)
{
    WS_TRY(ws__pool_reserve(&p->data, &p->capacity, p->n, n, p->size));
    char *place = (char *)p->data + p->n * p->size;
    if (source != NULL) {
        memcpy(place, source, n * p->size);
    } else {
        memset(place, 0, n * p->size);
    }
    if (first_out != NULL) {
        *first_out = (uint32_t)p->n;
    }
    p->n += n;
    return WS_OK;
}

static ws_status add_index(builder *b, ws__axis *axis, const int64_t *keys)
{
    axis->index_at = WS__NONE;
    if (axis->n_keys > INDEXED_KEYS_MAX || axis->last_key > INDEXED_KEY_MAX || keys[0] < 0 ||
        b->indices.n > INDICES_MAX) {
        return WS_OK;
    }
    const size_t n_cells = (size_t)axis->last_key + 1;
    WS_TRY(pool_append(&b->indices, NULL, n_cells, &axis->index_at));
    uint8_t *cells = (uint8_t *)b->indices.data + axis->index_at;
    uint32_t n     = 0;
    for (size_t x = 0; x < n_cells; x++) {
        /* False: the analyzer does not know that keys has n_keys of them.
         * NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
        while (n < axis->n_keys && keys[n] <= (int64_t)x) {
            n++;
        }
        cells[x] = (uint8_t)n;
    }
    return WS_OK;
}

/* An axis with these keys: one that is there already, or a new one. */
static ws_status intern_axis(builder *b, const int64_t *keys, size_t n_keys, uint32_t *axis_out)
{
    WS_ASSERT(n_keys > 0);
    const ws__axis *axes   = b->axes.data;
    const size_t    oldest = b->axes.n > INTERN_WINDOW ? b->axes.n - INTERN_WINDOW : 0;
    for (size_t i = b->axes.n; i-- > oldest;) {
        const int64_t *known = (const int64_t *)b->keys.data + axes[i].first_key;
        if (axes[i].n_keys == n_keys && memcmp(known, keys, n_keys * sizeof(keys[0])) == 0) {
            *axis_out = (uint32_t)i;
            return WS_OK;
        }
    }
    ws__axis axis = {.n_keys = (uint32_t)n_keys, .last_key = keys[n_keys - 1]};
    WS_TRY(add_index(b, &axis, keys));
    WS_TRY(pool_append(&b->keys, keys, n_keys, &axis.first_key));
    return pool_append(&b->axes, &axis, 1, axis_out);
}

/* First index past `from` whose key part differs from that of `from`. */
static size_t run_end(const ws__point *points, size_t from, size_t n, int part)
{
    size_t end = from + 1;
    while (end < n && points[end].key[part] == points[from].key[part]) {
        end++;
    }
    return end;
}

/* A curve over key part `part` of n points that agree in all parts before it. keys is scratch for n keys. */
static ws_status add_curve(builder *b, const ws__point *points, size_t n, int part, int64_t *keys,
                           ws__curve *out)
{
    ws__curve curve = {.first_value = (uint32_t)b->values.n};
    for (size_t i = 0; i < n; i++) {
        keys[i] = points[i].key[part];
        WS_TRY(pool_append(&b->values, &points[i].ns, 1, NULL));
    }
    WS_TRY(intern_axis(b, keys, n, &curve.axis));
    *out = curve;
    return WS_OK;
}

/* A surface over key parts `part` (outer) and part + 1. keys is scratch for 2 n keys. */
static ws_status add_surface(builder *b, const ws__point *points, size_t n, int part, int64_t *keys,
                             ws__surface *out)
{
    ws__surface surface = {.first_curve = (uint32_t)b->curves.n};
    size_t      n_outer = 0;
    for (size_t from = 0; from < n;) {
        const size_t end = run_end(points, from, n, part);
        ws__curve    curve;
        keys[n_outer++] = points[from].key[part];
        WS_TRY(add_curve(b, &points[from], end - from, part + 1, keys + n, &curve));
        WS_TRY(pool_append(&b->curves, &curve, 1, NULL));
        from = end;
    }
    WS_TRY(intern_axis(b, keys, n_outer, &surface.axis));
    *out = surface;
    return WS_OK;
}

static ws_status build_layers(builder *b, const ws__points *points, int64_t *keys)
{
    for (size_t from = 0; from < points->n;) {
        const size_t end   = run_end(points->data, from, points->n, 0);
        const size_t layer = (size_t)points->data[from].key[0];
        WS_ASSERT(layer < WS_LAYER_COUNT);
        WS_TRY(add_curve(b, &points->data[from], end - from, 1, keys, &b->head.layers[layer]));
        from = end;
    }
    return WS_OK;
}

/* ---- attention: surfaces by (prefill chunk, number of decodes) ---- */

static int compare_keys(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The distinct values of one key part as an axis; keys is scratch for all points. Few values among many
 * points: inserting is quicker than sorting. */
static ws_status distinct_axis(builder *b, const ws__points *points, int part, int64_t *keys,
                               uint32_t *axis_out)
{
    size_t n = 0;
    for (size_t i = 0; i < points->n; i++) {
        const int64_t key = points->data[i].key[part];
        size_t        at  = n;
        while (at > 0 && keys[at - 1] > key) {
            at--;
        }
        if (at == 0 || keys[at - 1] != key) {
            memmove(&keys[at + 1], &keys[at], (n - at) * sizeof(keys[0]));
            keys[at] = key;
            n++;
        }
    }
    return intern_axis(b, keys, n, axis_out);
}

static size_t position_on_axis(const builder *b, uint32_t axis_id, int64_t key)
{
    const ws__axis *axis = (const ws__axis *)b->axes.data + axis_id;
    const int64_t  *keys = (const int64_t *)b->keys.data + axis->first_key;
    const int64_t  *hit  = bsearch(&key, keys, axis->n_keys, sizeof(keys[0]), compare_keys);
    WS_ASSERT(hit != NULL);
    return (size_t)(hit - keys);
}

/* The pairs of a prefill chunk and a number of decodes. */
typedef struct pair_table {
    const int64_t  *chunks, *decodes; /* ascending */
    size_t          n_chunks, n_decodes;
    const uint32_t *measured; /* [n_chunks][n_decodes] surfaces, or WS__NONE */
} pair_table;

/* The measured pair nearest to (chunk, decodes); of equally near ones the smaller chunk, then the fewer
 * decodes. */
static uint32_t nearest_pair(const pair_table *t, int64_t chunk, int64_t n)
{
    uint32_t best          = WS__NONE;
    double   best_distance = INFINITY;
    for (size_t i = 0; i < t->n_chunks; i++) {
        for (size_t j = 0; j < t->n_decodes; j++) {
            const double   dc = (double)(t->chunks[i] - chunk), dn = (double)(t->decodes[j] - n);
            const uint32_t surface = t->measured[i * t->n_decodes + j];
            if (surface != WS__NONE && dc * dc + dn * dn < best_distance) {
                best          = surface;
                best_distance = dc * dc + dn * dn;
            }
        }
    }
    return best;
}

/* Every cell of the pair table names a surface: its own, or the nearest measured one. */
static ws_status build_pairs(builder *b, const uint32_t *measured)
{
    const ws__axis  *axes  = b->axes.data;
    const ws__axis  *chunk = &axes[b->head.chunk_axis], *decode = &axes[b->head.decode_axis];
    const int64_t   *keys = b->keys.data;
    const pair_table t    = {.chunks    = keys + chunk->first_key,
                             .decodes   = keys + decode->first_key,
                             .n_chunks  = chunk->n_keys,
                             .n_decodes = decode->n_keys,
                             .measured  = measured};
    for (size_t i = 0; i < t.n_chunks; i++) {
        for (size_t j = 0; j < t.n_decodes; j++) {
            uint32_t surface = measured[i * t.n_decodes + j];
            if (surface == WS__NONE) {
                surface = nearest_pair(&t, t.chunks[i], t.decodes[j]);
            }
            WS_TRY(pool_append(&b->pairs, &surface, 1, NULL));
        }
    }
    return WS_OK;
}

static ws_status build_surfaces(builder *b, const ws__points *points, int64_t *keys, uint32_t *measured)
{
    const size_t stride = ((const ws__axis *)b->axes.data)[b->head.decode_axis].n_keys;
    for (size_t from = 0; from < points->n;) {
        const ws__point *first = &points->data[from];
        const size_t     chunk = position_on_axis(b, b->head.chunk_axis, first->key[0]);
        const size_t     count = position_on_axis(b, b->head.decode_axis, first->key[1]);
        size_t           end   = from + 1;
        while (end < points->n && points->data[end].key[0] == first->key[0] &&
               points->data[end].key[1] == first->key[1]) {
            end++;
        }
        ws__surface surface;
        WS_TRY(add_surface(b, first, end - from, 2, keys, &surface));
        WS_TRY(pool_append(&b->surfaces, &surface, 1, &measured[chunk * stride + count]));
        WS_TRY(pool_append(&b->surface_keys, first->key, 1, NULL)); /* its first two parts */
        from = end;
    }
    return WS_OK;
}

static ws_status build_attention(builder *b, const ws__points *points, int64_t *keys)
{
    if (points->n == 0) {
        return WS_OK;
    }
    WS_TRY(distinct_axis(b, points, 0, keys, &b->head.chunk_axis));
    WS_TRY(distinct_axis(b, points, 1, keys, &b->head.decode_axis));
    const ws__axis *axes     = b->axes.data;
    const size_t    n_pairs  = (size_t)axes[b->head.chunk_axis].n_keys * axes[b->head.decode_axis].n_keys;
    uint32_t       *measured = malloc(n_pairs * sizeof(measured[0]));
    if (measured == NULL) {
        return WS_ERR_NOMEM;
    }
    memset(measured, 0xff, n_pairs * sizeof(measured[0])); /* WS__NONE */
    ws_status status = build_surfaces(b, points, keys, measured);
    if (status == WS_OK) {
        status = build_pairs(b, measured);
    }
    free(measured);
    return status;
}

/* ---- skew ---- */

static int compare_alphas(const void *left, const void *right)
{
    const ws__alpha *a = left, *b = right;
    if (a->prefill_tokens != b->prefill_tokens) {
        return a->prefill_tokens < b->prefill_tokens ? -1 : 1;
    }
    const int labels = memcmp(a->label, b->label, sizeof(a->label));
    return labels != 0 ? labels : (a->seq > b->seq) - (a->seq < b->seq);
}

static ws_status alpha_axis(builder *b, const ws__profile_draft *draft)
{
    int64_t *keys = malloc(draft->n_alphas * sizeof(keys[0]));
    if (keys == NULL) {
        return WS_ERR_NOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < draft->n_alphas; i++) {
        if (n == 0 || keys[n - 1] != draft->alphas[i].prefill_tokens) {
            keys[n++] = draft->alphas[i].prefill_tokens;
        }
    }
    const ws_status status = intern_axis(b, keys, n, &b->head.skew_pc_axis);
    free(keys);
    return status;
}

static ws_status build_skew(builder *b, ws__profile_draft *draft)
{
    b->head.has_skew = draft->has_skew;
    memcpy(b->head.skew, draft->skew, sizeof(b->head.skew));
    WS_TRY(pool_append(&b->alphas, &draft->alpha_default, 1, NULL));
    if (!draft->has_skew || draft->n_alphas == 0) {
        return WS_OK;
    }
    qsort(draft->alphas, draft->n_alphas, sizeof(draft->alphas[0]), compare_alphas);
    WS_TRY(alpha_axis(b, draft));
    size_t n_cells = ((const ws__axis *)b->axes.data)[b->head.skew_pc_axis].n_keys;
    for (int a = 0; a < WS__SKEW_AXES; a++) {
        n_cells *= draft->skew[a].n_labels; /* <= 32^4 each: no overflow, pool_append checks the sum */
    }
    WS_TRY(pool_append(&b->alpha_ids, NULL, n_cells, NULL));
    uint16_t *ids = b->alpha_ids.data;
    for (size_t i = 0; i < draft->n_alphas; i++) {
        const ws__alpha *entry = &draft->alphas[i];
        size_t           cell  = position_on_axis(b, b->head.skew_pc_axis, entry->prefill_tokens);
        for (int a = 0; a < WS__SKEW_AXES; a++) {
            WS_ASSERT(entry->label[a] < draft->skew[a].n_labels);
            cell = cell * draft->skew[a].n_labels + entry->label[a];
        }
        if (ids[cell] == 0) {
            uint32_t id;
            WS_TRY(pool_append(&b->alphas, &entry->alpha, 1, &id));
            if (id > UINT16_MAX) {
                return WS_ERR_NOMEM;
            }
            ids[cell] = (uint16_t)id;
        }
    }
    return WS_OK;
}

/* ---- limits and packing ---- */

static int64_t last_key_of(const builder *b, uint32_t axis)
{
    return axis == WS__NONE ? 0 : ((const ws__axis *)b->axes.data)[axis].last_key;
}

static int64_t smallest_last_count(const builder *b, ws_category category)
{
    int64_t smallest = 0;
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        const uint32_t axis = b->head.layers[layer].axis;
        if (axis != WS__NONE && ws_layer_category((ws_layer)layer) == category) {
            const int64_t last = last_key_of(b, axis);
            smallest           = smallest == 0 || last < smallest ? last : smallest;
        }
    }
    return smallest;
}

static int64_t largest_key(const ws__points *points, int part)
{
    int64_t largest = 0;
    for (size_t i = 0; i < points->n; i++) {
        largest = points->data[i].key[part] > largest ? points->data[i].key[part] : largest;
    }
    return largest;
}

static void find_limits(builder *b, const ws__profile_draft *draft)
{
    b->head.limits = (ws_profile_limits){
        .tokens         = smallest_last_count(b, WS_CATEGORY_DENSE),
        .sequences      = smallest_last_count(b, WS_CATEGORY_PER_SEQUENCE),
        .prefill_tokens = last_key_of(b, b->head.chunk_axis),
        .n_decodes      = last_key_of(b, b->head.decode_axis),
        .prefill_kv     = largest_key(&draft->attention, 2),
        .decode_kv      = largest_key(&draft->attention, 3),
        .moe_tokens     = largest_key(&draft->moe, 1),
    };
}

static size_t aligned(size_t bytes)
{
    return (bytes + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
}

static ws_status pack(builder *b, ws_profile **out)
{
    const struct {
        const pool *pool;
        size_t     *at;
    } parts[] = {
        {&b->axes, &b->head.axes_at},
        {&b->keys, &b->head.keys_at},
        {&b->values, &b->head.values_at},
        {&b->curves, &b->head.curves_at},
        {&b->surfaces, &b->head.surfaces_at},
        {&b->pairs, &b->head.pairs_at},
        {&b->surface_keys, &b->head.surface_keys_at},
        {&b->alphas, &b->head.alphas_at},
        {&b->alpha_ids, &b->head.alpha_ids_at},
        {&b->indices, &b->head.indices_at},
    };
    const size_t n_parts = sizeof(parts) / sizeof(parts[0]);
    size_t       bytes   = aligned(sizeof(ws_profile));
    for (size_t i = 0; i < n_parts; i++) {
        *parts[i].at = bytes;
        bytes += aligned(parts[i].pool->n * parts[i].pool->size);
    }
    b->head.n_surfaces  = (uint32_t)b->surfaces.n;
    b->head.block_bytes = bytes;
    char *block         = aligned_alloc(POOL_ALIGN, bytes);
    if (block == NULL) {
        return WS_ERR_NOMEM;
    }
    memset(block, 0, bytes);
    memcpy(block, &b->head, sizeof(b->head));
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].pool->n > 0) {
            memcpy(block + *parts[i].at, parts[i].pool->data, parts[i].pool->n * parts[i].pool->size);
        }
    }
    *out = (ws_profile *)(void *)block;
    return WS_OK;
}

static ws_status build_parts(builder *b, ws__profile_draft *draft, int64_t *keys)
{
    WS_TRY(build_layers(b, &draft->layers, keys));
    WS_TRY(build_attention(b, &draft->attention, keys));
    if (draft->moe.n > 0) {
        WS_TRY(add_surface(b, draft->moe.data, draft->moe.n, 0, keys, &b->head.moe));
    }
    return build_skew(b, draft);
}

ws_status ws__profile_build(ws__profile_draft *draft, ws_profile **out)
{
    ws__points *const all[]    = {&draft->layers, &draft->attention, &draft->moe};
    size_t            n_widest = 1;
    for (int i = 0; i < 3; i++) {
        ws__points_sort(all[i]);
        n_widest = all[i]->n > n_widest ? all[i]->n : n_widest;
    }
    int64_t *keys = malloc(2 * n_widest * sizeof(keys[0]));
    if (keys == NULL) {
        return WS_ERR_NOMEM;
    }
    builder b                     = builder_new();
    b.head.kind                   = draft->kind;
    b.head.max_num_seqs           = draft->max_num_seqs;
    b.head.max_num_batched_tokens = draft->max_num_batched_tokens;
    b.head.moe.axis = b.head.chunk_axis = b.head.decode_axis = b.head.skew_pc_axis = WS__NONE;
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        b.head.layers[layer].axis = WS__NONE;
    }
    ws_status status = build_parts(&b, draft, keys);
    if (status == WS_OK) {
        find_limits(&b, draft);
        status = pack(&b, out);
    }
    builder_fini(&b);
    free(keys);
    return status;
}
