/* The slow, obvious lookups: docs/model/serving.md 6.11 word for word over an unsorted list of points. No
 * index, no skipping of corners, no shared brackets. The fast tables must agree with it to the last bit. */
#ifndef PROFILE_ORACLE_H
#define PROFILE_ORACLE_H

#include <math.h>
#include <stdlib.h>

#include "hardware/profile.h"
#include "hardware/profile_table.h"

enum { ORACLE_KEYS_MAX = 4096 };

typedef struct oracle_list {
    size_t  n;
    int64_t key[ORACLE_KEYS_MAX]; /* ascending, distinct */
    double  value[ORACLE_KEYS_MAX];
} oracle_list;

static inline void oracle_insert(oracle_list *list, int64_t key, double value)
{
    size_t at = 0;
    while (at < list->n && list->key[at] < key) {
        at++;
    }
    if (at < list->n && list->key[at] == key) {
        return; /* the first stays */
    }
    for (size_t i = list->n; i > at; i--) {
        list->key[i]   = list->key[i - 1];
        list->value[i] = list->value[i - 1];
    }
    list->key[at]   = key;
    list->value[at] = value;
    list->n++;
}

/* Distinct values of key part `part` among points that agree with `match` in the first n_match parts. */
static inline oracle_list *oracle_values(const ws__points *points, const int64_t *match, int n_match,
                                         int part)
{
    oracle_list *list = calloc(1, sizeof(*list));
    for (size_t i = 0; i < points->n; i++) {
        int same = 1;
        for (int k = 0; k < n_match; k++) {
            same = same && points->data[i].key[k] == match[k];
        }
        if (same) {
            oracle_insert(list, points->data[i].key[part], points->data[i].ns);
        }
    }
    return list;
}

static inline void oracle_locate(const oracle_list *l, int64_t x, size_t *lo, size_t *hi)
{
    size_t idx = 0;
    while (idx < l->n && l->key[idx] <= x) {
        idx++;
    }
    if (idx == 0) {
        *lo = *hi = 0;
    } else if (idx == l->n) {
        *lo = l->n < 2 ? 0 : l->n - 2;
        *hi = l->n < 2 ? 0 : l->n - 1;
    } else {
        *lo = idx - 1;
        *hi = idx;
    }
}

static inline double oracle_1d(const oracle_list *l, int64_t x)
{
    size_t lo, hi;
    oracle_locate(l, x, &lo, &hi);
    if (l->n == 1 || lo == hi) {
        return l->value[lo];
    }
    const double t = (double)(x - l->key[lo]) / (double)(l->key[hi] - l->key[lo]);
    return l->value[lo] + t * (l->value[hi] - l->value[lo]);
}

static inline int64_t oracle_whole(double y)
{
    const int64_t whole = (int64_t)y;
    return whole > 1 ? whole : 1;
}

static inline int64_t oracle_layer(const ws__points *layers, ws_layer layer, int64_t count)
{
    const int64_t match[1] = {(int64_t)layer};
    oracle_list  *l        = oracle_values(layers, match, 1, 1);
    const double  y        = oracle_1d(l, count);
    free(l);
    return oracle_whole(y);
}

static inline int64_t oracle_moe(const ws__points *moe, int64_t tokens, int64_t n_experts)
{
    oracle_list *rows = oracle_values(moe, NULL, 0, 0);
    size_t       at[2];
    double       y[2];
    oracle_locate(rows, n_experts, &at[0], &at[1]);
    for (int i = 0; i < 2; i++) {
        oracle_list *row = oracle_values(moe, &rows->key[at[i]], 1, 1);
        y[i]             = oracle_1d(row, tokens);
        free(row);
    }
    double blended = y[0];
    if (at[0] != at[1]) {
        const double t =
            (double)(n_experts - rows->key[at[0]]) / (double)(rows->key[at[1]] - rows->key[at[0]]);
        blended = y[0] + t * (y[1] - y[0]);
    }
    free(rows);
    return oracle_whole(blended);
}

static inline void oracle_bracket(const oracle_list *l, int64_t x, size_t *lo, size_t *hi, double *t)
{
    if (l->n == 1 || x <= l->key[0]) {
        *lo = *hi = 0;
        *t        = 0.0;
        return;
    }
    size_t idx = 0;
    while (idx < l->n && l->key[idx] <= x) {
        idx++;
    }
    *lo = idx >= l->n ? l->n - 2 : idx - 1;
    *hi = idx >= l->n ? l->n - 1 : idx;
    *t  = (double)(x - l->key[*lo]) / (double)(l->key[*hi] - l->key[*lo]);
}

static inline double oracle_slice(const ws__points *points, const int64_t pair[2], int64_t kp, int64_t kd)
{
    oracle_list *outer = oracle_values(points, pair, 2, 2);
    size_t       at[2];
    double       t_kp, y[2];
    oracle_bracket(outer, kp, &at[0], &at[1], &t_kp);
    for (int i = 0; i < 2; i++) {
        const int64_t match[3] = {pair[0], pair[1], outer->key[at[i]]};
        oracle_list  *row      = oracle_values(points, match, 3, 3);
        size_t        lo, hi;
        double        t;
        oracle_bracket(row, kd, &lo, &hi, &t);
        y[i] = row->n == 1 ? row->value[0] : row->value[lo] + t * (row->value[hi] - row->value[lo]);
        free(row);
    }
    const double slice = at[0] == at[1] ? y[0] : y[0] + t_kp * (y[1] - y[0]);
    free(outer);
    return slice;
}

/* The measured pair nearest to (p, n); points are visited in any order, ties go to the smallest p, then n. */
static inline void oracle_nearest(const ws__points *points, int64_t p, int64_t n, int64_t pair[2])
{
    double best = INFINITY;
    for (size_t i = 0; i < points->n; i++) {
        const int64_t p2 = points->data[i].key[0], n2 = points->data[i].key[1];
        const double  d = (double)((p2 - p) * (p2 - p) + (n2 - n) * (n2 - n));
        if (d < best || (d == best && (p2 < pair[0] || (p2 == pair[0] && n2 < pair[1])))) {
            best    = d;
            pair[0] = p2;
            pair[1] = n2;
        }
    }
}

static inline int64_t oracle_uniform(const ws__points *points, int64_t pc, int64_t kp, int64_t nd, int64_t kd)
{
    oracle_list *chunks = oracle_values(points, NULL, 0, 0), *counts = oracle_values(points, NULL, 0, 1);
    size_t       p[2], n[2];
    double       u, w, c[2][2];
    oracle_bracket(chunks, pc, &p[0], &p[1], &u);
    oracle_bracket(counts, nd, &n[0], &n[1], &w);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            int64_t pair[2] = {0, 0};
            oracle_nearest(points, chunks->key[p[i]], counts->key[n[j]], pair);
            c[i][j] = oracle_slice(points, pair, kp, kd);
        }
    }
    free(chunks);
    free(counts);
    const double v0 = c[0][0] + w * (c[0][1] - c[0][0]);
    const double v1 = c[1][0] + w * (c[1][1] - c[1][0]);
    return oracle_whole(v0 + u * (v1 - v0));
}

static inline uint32_t oracle_label(const ws__skew_bins *bins, double v)
{
    for (uint32_t i = 0; i < bins->n_labels; i++) {
        if (v <= bins->upper[i]) {
            return i;
        }
    }
    return bins->n_labels - 1;
}

static inline double oracle_alpha(const ws__profile_draft *d, const ws_attention_query *q, double rate)
{
    const uint32_t   label[WS__SKEW_AXES] = {oracle_label(&d->skew[WS__SKEW_N], (double)q->n_decodes),
                                             oracle_label(&d->skew[WS__SKEW_RATE], rate),
                                             oracle_label(&d->skew[WS__SKEW_KV_BIG], (double)q->kv_max),
                                             oracle_label(&d->skew[WS__SKEW_KP], (double)q->prefill_kv)};
    const ws__alpha *hit                  = NULL;
    for (size_t i = 0; i < d->n_alphas; i++) {
        const ws__alpha *a    = &d->alphas[i];
        int              same = a->prefill_tokens == q->prefill_tokens;
        for (int k = 0; k < WS__SKEW_AXES; k++) {
            same = same && a->label[k] == label[k];
        }
        if (same && (hit == NULL || a->seq < hit->seq)) {
            hit = a;
        }
    }
    return hit != NULL ? hit->alpha : d->alpha_default;
}

static inline int64_t oracle_attention(const ws__profile_draft *d, const ws_attention_query *q)
{
    const ws__points *points = &d->attention;
    const int64_t mean = oracle_uniform(points, q->prefill_tokens, q->prefill_kv, q->n_decodes, q->kv_mean);
    if (q->n_decodes <= 1 || q->kv_max == q->kv_mean) {
        return mean;
    }
    const int64_t range = q->kv_max - q->kv_min;
    const double  rate  = range == 0 ? 0.5 : (double)(q->kv_mean - q->kv_min) / (double)range;
    const double  alpha = d->has_skew ? oracle_alpha(d, q, fmin(1.0, fmax(0.0, rate))) : 0.0;
    if (alpha == 0.0) {
        return mean;
    }
    const int64_t max = oracle_uniform(points, q->prefill_tokens, q->prefill_kv, q->n_decodes, q->kv_max);
    if (max <= mean) {
        return mean;
    }
    const int64_t skewed = llrint((double)mean + alpha * (double)(max - mean));
    return skewed > 1 ? skewed : 1;
}

#endif /* PROFILE_ORACLE_H */
