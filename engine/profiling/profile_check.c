#include "profiling/profile_check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

const char *ws__check_class_name(ws__check_class kind)
{
    static const char *const names[WS__CHECK_CLASSES] = {
        "dense", "per_sequence", "attention_decode", "attention_prefill", "attention_mixed", "moe", "step"};
    WS_ASSERT((size_t)kind < WS__CHECK_CLASSES);
    return names[kind];
}

/* ---- statistics ---- */

typedef struct error_list {
    double *data; /* owned */
    size_t  n;
} error_list;

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double quantile(const double *sorted, size_t n, double share)
{
    const double at = share * (double)(n - 1);
    const size_t lo = (size_t)at;
    const size_t hi = lo + 1 < n ? lo + 1 : lo;
    return sorted[lo] + (at - (double)lo) * (sorted[hi] - sorted[lo]);
}

/* Turns the list's signed errors into absolute ones on the way. */
static ws__error_stats stats_of(error_list *errors)
{
    ws__error_stats stats = {.n_points = errors->n};
    if (errors->n == 0) {
        return stats;
    }
    for (size_t i = 0; i < errors->n; i++) {
        stats.signed_mean += errors->data[i] / (double)errors->n;
        errors->data[i] = fabs(errors->data[i]);
        stats.mean += errors->data[i] / (double)errors->n;
    }
    qsort(errors->data, errors->n, sizeof(errors->data[0]), compare_doubles);
    stats.p50 = quantile(errors->data, errors->n, 0.50);
    stats.p90 = quantile(errors->data, errors->n, 0.90);
    stats.p99 = quantile(errors->data, errors->n, 0.99);
    stats.max = errors->data[errors->n - 1];
    return stats;
}

/* ---- points ---- */

static ws__check_class attention_class(const ws__point *point)
{
    if (point->key[0] == 0) {
        return WS__CHECK_DECODE;
    }
    return point->key[1] == 0 ? WS__CHECK_PREFILL : WS__CHECK_MIXED;
}

static ws__check_class layer_class(const ws__point *point)
{
    return ws_layer_category((ws_layer)point->key[0]) == WS_CATEGORY_DENSE ? WS__CHECK_DENSE
                                                                           : WS__CHECK_PER_SEQUENCE;
}

static ws__check_class moe_class(const ws__point *point)
{
    (void)point;
    return WS__CHECK_MOE;
}

static int64_t layer_at(const ws_profile *profile, const ws__point *point)
{
    const ws_layer layer = (ws_layer)point->key[0];
    return ws_profile_has(profile, layer) ? ws_profile_layer_ns(profile, layer, point->key[1]) : 0;
}

static int64_t moe_at(const ws_profile *profile, const ws__point *point)
{
    return ws_profile_has(profile, WS_LAYER_MOE) ? ws_profile_moe_ns(profile, point->key[1], point->key[0])
                                                 : 0;
}

static int64_t attention_at(const ws_profile *profile, const ws__point *point)
{
    const int64_t kv = point->key[3];
    return ws_profile_has(profile, WS_LAYER_ATTENTION)
               ? ws_profile_attention_ns(profile, &(ws_attention_query){.prefill_tokens = point->key[0],
                                                                        .prefill_kv     = point->key[2],
                                                                        .n_decodes      = point->key[1],
                                                                        .kv_mean        = kv,
                                                                        .kv_max         = kv,
                                                                        .kv_min         = kv})
               : 0;
}

static ws_status check_table(const ws_profile *profile, const ws__points *points,
                             ws__check_class (*class_of)(const ws__point *),
                             int64_t (*ns_at)(const ws_profile *, const ws__point *), ws__check_report *out)
{
    error_list errors = {.data = malloc((points->n + 1) * sizeof(double))};
    if (errors.data == NULL) {
        return WS_ERR_NOMEM;
    }
    for (int kind = 0; kind < WS__CHECK_CLASSES; kind++) {
        errors.n = 0;
        for (size_t i = 0; i < points->n; i++) {
            const ws__point *point = &points->data[i];
            if (class_of(point) != (ws__check_class)kind) {
                continue;
            }
            const int64_t ns = ns_at(profile, point);
            if (ns > 0) {
                errors.data[errors.n++] = ((double)ns - point->ns) / point->ns;
            }
        }
        if (errors.n > 0) {
            out->classes[kind] = stats_of(&errors);
        }
    }
    free(errors.data);
    return WS_OK;
}

ws_status ws__check_points(const ws_profile *profile, const ws__profile_draft *points, ws__check_report *out)
{
    *out = (ws__check_report){.classes = {{.n_points = 0}}};
    WS_TRY(check_table(profile, &points->layers, layer_class, layer_at, out));
    WS_TRY(check_table(profile, &points->attention, attention_class, attention_at, out));
    return check_table(profile, &points->moe, moe_class, moe_at, out);
}

/* ---- whole steps ---- */

static int64_t at_least_one(int64_t n)
{
    return n > 1 ? n : 1;
}

int64_t ws__step_ns(const ws_profile *profile, const ws_model *model, const ws_attention_query *query)
{
    const int64_t tokens    = at_least_one(query->prefill_tokens + query->n_decodes);
    const int64_t sequences = at_least_one(query->n_decodes + (query->prefill_tokens > 0 ? 1 : 0));
    const int64_t pairs     = tokens * model->experts_per_token;
    int64_t       sum_ns    = 0;
    for (int l = 0; l < WS_LAYER_COUNT; l++) {
        const ws_layer layer = (ws_layer)l;
        const int64_t  count = ws_model_layer_count(model, layer);
        if (count == 0 || !ws_profile_has(profile, layer)) {
            continue;
        }
        switch (ws_layer_category(layer)) {
        case WS_CATEGORY_DENSE:
            sum_ns += count * ws_profile_layer_ns(profile, layer, tokens);
            break;
        case WS_CATEGORY_PER_SEQUENCE:
            sum_ns += count * ws_profile_layer_ns(profile, layer, sequences);
            break;
        case WS_CATEGORY_ATTENTION:
            sum_ns += count * ws_profile_attention_ns(profile, query);
            break;
        case WS_CATEGORY_MOE:
            sum_ns += count *
                      ws_profile_moe_ns(profile, tokens, pairs < model->n_experts ? pairs : model->n_experts);
            break;
        }
    }
    return sum_ns;
}

/* Batches the reference was measured at: a bundle says nothing reliable beyond its grid, and mixed batches
 * are measured up to 128 decodes only. */
static bool is_inside(const ws_profile *reference, const ws_attention_query *q)
{
    const ws_profile_limits limits = ws_profile_limits_of(reference);
    const int64_t decodes_max      = q->prefill_tokens > 0 && limits.n_decodes > 128 ? 128 : limits.n_decodes;
    return q->prefill_tokens + q->n_decodes > 0 && q->prefill_tokens + q->n_decodes <= limits.tokens &&
           q->prefill_tokens <= limits.prefill_tokens && q->n_decodes <= decodes_max &&
           q->kv_max <= limits.decode_kv;
}

void ws__check_steps(const ws_profile *profile, const ws_profile *reference, const ws_model *model,
                     ws__check_report *out)
{
    static const int64_t chunks[] = {0, 64, 256, 512, 1024, 1536}, counts[] = {0, 1, 4, 16, 32, 64, 128, 256};
    static const int64_t kvs[] = {128, 512, 1024, 2048, 8192};
    enum { N_CHUNKS = 6, N_COUNTS = 8, N_KVS = 5 };
    double     data[N_CHUNKS * N_COUNTS * N_KVS];
    error_list errors = {.data = data};
    for (int c = 0; c < N_CHUNKS; c++) {
        for (int n = 0; n < N_COUNTS; n++) {
            for (int k = 0; k < (counts[n] > 0 ? N_KVS : 1); k++) {
                const int64_t            kv = counts[n] > 0 ? kvs[k] : 0;
                const ws_attention_query q  = {chunks[c], 0, counts[n], kv, kv, kv};
                if (is_inside(reference, &q)) {
                    const double want = (double)ws__step_ns(reference, model, &q);
                    data[errors.n++]  = ((double)ws__step_ns(profile, model, &q) - want) / want;
                }
            }
        }
    }
    out->classes[WS__CHECK_STEP] = stats_of(&errors);
}
