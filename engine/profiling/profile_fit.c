#include "profiling/profile_fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiling/profile_check.h"

ws__fit_goals ws__fit_goals_default(void)
{
    /* Found by trying: beyond these sizes the error falls slowly (docs/profiles.md). */
    return (ws__fit_goals){
        .layer   = {.mean_error = 0.005, .n_values_max = 24},
        .moe     = {.mean_error = 0.010, .n_values_max = 30},
        .decode  = {.mean_error = 0.010, .n_values_max = 64},
        .prefill = {.mean_error = 0.010, .n_values_max = 64},
        .mixed   = {.mean_error = 0.030, .n_values_max = 700},
    };
}

/* ---- points ---- */

/* Which points a grid is fitted to, and which parts of their keys are its axes, in this order. */
typedef struct selection {
    bool (*keep)(const ws__point *point, int64_t argument);
    int64_t argument;
    size_t  n_axes;
    int     parts[WS__GRID_AXES_MAX];
} selection;

/* Copy the points of a selection. n_out may be 0. */
static ws_status select_points(const ws__points *points, const selection *s, ws__grid_point **out,
                               size_t *n_out)
{
    ws__grid_point *kept = calloc(points->n + 1, sizeof(kept[0]));
    size_t          n    = 0;
    if (kept == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < points->n; i++) {
        const ws__point *point = &points->data[i];
        if (s->keep(point, s->argument)) {
            for (size_t a = 0; a < s->n_axes; a++) {
                kept[n].x[a] = (double)point->key[s->parts[a]];
            }
            kept[n].weight = 1.0;
            kept[n++].y    = point->ns;
        }
    }
    *out   = kept;
    *n_out = n;
    return WS_OK;
}

/* The value a text of that many significant digits stands for. */
static double rounded(double value, int n_digits)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%.*g", n_digits, value);
    return strtod(text, NULL);
}

/* Five digits are far below the error of any fit, and make files that people can read. */
static void round_values(ws__grid *grid)
{
    for (size_t i = 0; i < ws__grid_n_values(grid); i++) {
        grid->values[i] = fmax(1.0, rounded(rint(grid->values[i]), 5));
    }
}

/* Bundles space counts evenly, so that most points lie at large ones, but steps of a few hundred tokens are
 * the most frequent: each point stands for its share of the axis on a logarithmic scale. Points ascend by
 * their only coordinate. */
static void weigh_logarithmically(ws__grid_point *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double below = i > 0 ? points[i - 1].x[0] : points[i].x[0];
        const double above = i + 1 < n ? points[i + 1].x[0] : points[i].x[0];
        points[i].weight   = above > below ? log(above / below) : 1.0;
    }
}

/* Fit a grid to a selection; no points leave the grid empty. */
static ws_status fit_selection(const ws__points *points, const selection *s, ws__grid_goal goal,
                               ws__grid *out)
{
    ws__grid_point *kept = NULL;
    size_t          n    = 0;
    WS_TRY(select_points(points, s, &kept, &n));
    if (s->n_axes == 1) {
        weigh_logarithmically(kept, n);
    }
    const ws_status status = n > 0 ? ws__grid_fit(kept, n, s->n_axes, goal, out) : WS_OK;
    if (status == WS_OK && n > 0) {
        round_values(out);
    }
    free(kept);
    return status;
}

static bool is_layer(const ws__point *point, int64_t layer)
{
    return point->key[0] == layer;
}

static bool is_any(const ws__point *point, int64_t unused)
{
    (void)point;
    (void)unused;
    return true;
}

static bool is_decode(const ws__point *point, int64_t unused)
{
    (void)unused;
    return point->key[0] == 0 && point->key[1] > 0;
}

static bool is_prefill(const ws__point *point, int64_t unused)
{
    (void)unused;
    return point->key[0] > 0 && point->key[1] == 0;
}

static bool is_mixed(const ws__point *point, int64_t unused)
{
    (void)unused;
    return point->key[0] > 0 && point->key[1] > 0;
}

/* ---- parts of a profile ---- */

static ws_status fit_layers(const ws__points *layers, bool stable, ws__grid_goal goal,
                            ws__grid grids[WS_LAYER_COUNT])
{
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        if (ws_layer_is_tp_stable((ws_layer)layer) == stable) {
            const selection by_count = {is_layer, layer, 1, {1}};
            WS_TRY(fit_selection(layers, &by_count, goal, &grids[layer]));
        }
    }
    return WS_OK;
}

static ws_status fit_attention(const ws__points *attention, const ws__fit_goals *goals, ws__compact_tp *tp)
{
    static const selection decode  = {is_decode, 0, 2, {1, 3}};
    static const selection prefill = {is_prefill, 0, 2, {0, 2}};
    static const selection mixed   = {is_mixed, 0, 4, {0, 1, 2, 3}};
    WS_TRY(fit_selection(attention, &decode, goals->decode, &tp->decode));
    WS_TRY(fit_selection(attention, &prefill, goals->prefill, &tp->prefill));
    return fit_selection(attention, &mixed, goals->mixed, &tp->mixed);
}

/* Of entries of one bucket the table keeps the first (profile_table.h), so the others say nothing here. */
static bool is_repeated(const ws__profile_draft *draft, size_t entry)
{
    const ws__alpha *alphas = draft->alphas;
    for (size_t i = 0; i < entry; i++) {
        if (alphas[i].prefill_tokens == alphas[entry].prefill_tokens &&
            memcmp(alphas[i].label, alphas[entry].label, sizeof(alphas[i].label)) == 0) {
            return true;
        }
    }
    return false;
}

/* Mean alpha of pure decode batches per (decodes, rate), over the KV buckets. */
static void fit_skew(const ws__profile_draft *draft, ws__compact_skew *skew)
{
    uint32_t n_entries[WS__SKEW_LABELS_MAX][WS__SKEW_LABELS_MAX] = {{0}};
    *skew                                                        = (ws__compact_skew){
                                                               .on            = draft->has_skew,
                                                               .alpha_default = draft->alpha_default,
                                                               .n_decodes     = draft->skew[WS__SKEW_N],
                                                               .rate          = draft->skew[WS__SKEW_RATE],
    };
    for (size_t i = 0; i < draft->n_alphas; i++) {
        const ws__alpha *entry = &draft->alphas[i];
        if (entry->prefill_tokens == 0 && !is_repeated(draft, i)) {
            const uint32_t n = entry->label[WS__SKEW_N], r = entry->label[WS__SKEW_RATE];
            skew->alpha[n][r] += entry->alpha;
            n_entries[n][r]++;
        }
    }
    for (uint32_t n = 0; n < skew->n_decodes.n_labels; n++) {
        for (uint32_t r = 0; r < skew->rate.n_labels; r++) {
            skew->alpha[n][r] = n_entries[n][r] > 0 ? rounded(skew->alpha[n][r] / n_entries[n][r], 3) : NAN;
        }
    }
}

static ws_status fit_tp(const ws__profile_draft *draft, const ws__fit_goals *goals, bool first,
                        ws__compact *out, ws__compact_tp *tp)
{
    WS_TRY(fit_layers(&draft->layers, false, goals->layer, tp->layers));
    WS_TRY(fit_attention(&draft->attention, goals, tp));
    fit_skew(draft, &tp->skew);
    if (first) { /* what does not depend on tp is the same in every draft */
        static const selection experts_tokens = {is_any, 0, 2, {0, 1}};
        WS_TRY(fit_layers(&draft->layers, true, goals->layer, out->stable));
        WS_TRY(fit_selection(&draft->moe, &experts_tokens, goals->moe, &out->moe));
    }
    return WS_OK;
}

/* ---- the error of what will be written ---- */

static ws_status check_tp(const ws__compact *compact, int64_t degree, const ws__profile_draft *measured,
                          ws__check_report *out)
{
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    ws_status         status  = ws__compact_expand(compact, degree, &draft);
    if (status == WS_OK) {
        status = ws__profile_build(&draft, &profile);
    }
    if (status == WS_OK) {
        status = ws__check_points(profile, measured, out);
    }
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
    return status;
}

static ws_status find_errors(const ws__profile_draft *measured, ws__compact *compact)
{
    for (size_t t = 0; t < compact->n_tps; t++) {
        WS_TRY(check_tp(compact, compact->tps[t].degree, &measured[t], &compact->tps[t].error));
        compact->tps[t].has_error = true;
    }
    return WS_OK;
}

ws_status ws__fit_bundle(ws_files *files, const char *dir, const ws__fit_goals *goals, ws_error *err,
                         ws__compact *out)
{
    memset(out, 0, sizeof(*out));
    int64_t           degrees[WS__TP_DEGREES_MAX];
    ws__profile_draft drafts[WS__TP_DEGREES_MAX];
    const size_t      n      = ws__bundle_tp_degrees(files, dir, degrees);
    ws_status         status = WS_OK;
    size_t            n_read = 0;
    if (n == 0) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "%s: expected a measured bundle with folders tp1, ..., found none", dir);
    }
    for (; n_read < n && status == WS_OK; n_read++) {
        drafts[n_read] = WS__PROFILE_DRAFT_INIT;
        status = ws__bundle_read(&(const ws__bundle){files, dir, degrees[n_read]}, NULL, err, &drafts[n_read],
                                 &out->meta);
    }
    for (size_t t = 0; t < n && status == WS_OK; t++) {
        ws__compact_tp *tp = &out->tps[out->n_tps++];
        tp->degree         = degrees[t];
        ws__points_sort(&drafts[t].layers);
        ws__points_sort(&drafts[t].attention);
        ws__points_sort(&drafts[t].moe);
        status = fit_tp(&drafts[t], goals, t == 0, out, tp);
    }
    if (status == WS_OK) {
        status = find_errors(drafts, out);
    }
    for (size_t t = 0; t < n_read; t++) {
        ws__profile_draft_fini(&drafts[t]);
    }
    return status;
}
