#include "hardware/profile_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const ws__skew_bins ws__skew_builtin[WS__SKEW_AXES] = {
    [WS__SKEW_N]      = {8, {2, 4, 8, 16, 32, 64, 128, 1e6}},
    [WS__SKEW_RATE]   = {5, {0.05, 0.15, 0.40, 0.70, 1.01}},
    [WS__SKEW_KV_BIG] = {4, {1024, 4096, 16384, 1e9}},
    [WS__SKEW_KP]     = {3, {0, 2048, 1e9}},
};

void ws__profile_draft_fini(ws__profile_draft *draft)
{
    free(draft->layers.data);
    free(draft->attention.data);
    free(draft->moe.data);
    free(draft->alphas);
    *draft = WS__PROFILE_DRAFT_INIT;
}

double ws__table_ns(double time_us)
{
    const double ns = rint(time_us * 1000.0);
    return ns >= 1.0 ? ns : 1.0;
}

ws_status ws__pool_reserve(void **data, size_t *capacity, size_t n, size_t n_more, size_t size)
{
    if (n > UINT32_MAX / 2 || n_more > UINT32_MAX / 2 - n) {
        return WS_ERR_NOMEM; /* offsets are 32 bits wide */
    }
    if (n + n_more <= *capacity) {
        return WS_OK;
    }
    const size_t wanted = n + n_more > 2 * *capacity ? n + n_more : 2 * *capacity;
    void        *grown  = realloc(*data, wanted * size);
    if (grown == NULL) {
        return WS_ERR_NOMEM;
    }
    *data     = grown;
    *capacity = wanted;
    return WS_OK;
}

ws_status ws__points_add(ws__points *points, const int64_t key[4], double ns)
{
    void *data = points->data;
    WS_TRY(ws__pool_reserve(&data, &points->capacity, points->n, 1, sizeof(points->data[0])));
    points->data            = data;
    points->data[points->n] = (ws__point){.ns = ns, .seq = (uint32_t)points->n};
    memcpy(points->data[points->n].key, key, sizeof(points->data[0].key));
    points->n++;
    return WS_OK;
}

ws_status ws__draft_add_layer(ws__profile_draft *draft, ws_layer layer, int64_t count, double ns)
{
    return ws__points_add(&draft->layers, (const int64_t[4]){(int64_t)layer, count, 0, 0}, ns);
}

ws_status ws__draft_add_attention(ws__profile_draft *draft, int64_t prefill_tokens, int64_t prefill_kv,
                                  int64_t n_decodes, int64_t decode_kv, double ns)
{
    return ws__points_add(&draft->attention,
                          (const int64_t[4]){prefill_tokens, n_decodes, prefill_kv, decode_kv}, ns);
}

ws_status ws__draft_add_moe(ws__profile_draft *draft, int64_t tokens, int64_t n_experts, double ns)
{
    return ws__points_add(&draft->moe, (const int64_t[4]){n_experts, tokens, 0, 0}, ns);
}

ws_status ws__draft_add_alpha(ws__profile_draft *draft, const ws__alpha *alpha)
{
    void *data = draft->alphas;
    WS_TRY(ws__pool_reserve(&data, &draft->alphas_capacity, draft->n_alphas, 1, sizeof(draft->alphas[0])));
    draft->alphas                      = data;
    draft->alphas[draft->n_alphas]     = *alpha;
    draft->alphas[draft->n_alphas].seq = (uint32_t)draft->n_alphas;
    draft->n_alphas++;
    return WS_OK;
}

static int compare_points(const void *left, const void *right)
{
    const ws__point *a = left, *b = right;
    for (int i = 0; i < 4; i++) {
        if (a->key[i] != b->key[i]) {
            return a->key[i] < b->key[i] ? -1 : 1;
        }
    }
    return (a->seq > b->seq) - (a->seq < b->seq);
}

static bool is_sorted(const ws__points *points)
{
    for (size_t i = 1; i < points->n; i++) {
        if (compare_points(&points->data[i - 1], &points->data[i]) > 0) {
            return false;
        }
    }
    return true;
}

void ws__points_sort(ws__points *points)
{
    if (points->n == 0) {
        return;
    }
    if (!is_sorted(points)) {
        qsort(points->data, points->n, sizeof(points->data[0]), compare_points);
    }
    size_t kept = 1;
    for (size_t i = 1; i < points->n; i++) {
        if (memcmp(points->data[i].key, points->data[kept - 1].key, sizeof(points->data[i].key)) != 0) {
            points->data[kept++] = points->data[i];
        }
    }
    points->n = kept;
}
