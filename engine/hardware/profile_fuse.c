#include "hardware/profile_fuse.h"

#include <math.h>

/* Slower than this many yardsticks at every count: more than one kernel. */
static const double UNFUSED_AT_LEAST = 2.0;

static const ws_layer fusible[] = {WS_LAYER_LAYERNORM, WS_LAYER_FINAL_LAYERNORM, WS_LAYER_QK_NORM,
                                   WS_LAYER_ROTARY_EMB};
enum { N_FUSIBLE = sizeof(fusible) / sizeof(fusible[0]) };

/* The sorted points of one layer: keys are {layer, count}. */
typedef struct run {
    ws__point *first;
    size_t     n;
} run;

static run points_of(const ws__profile_draft *draft, ws_layer layer)
{
    run found = {NULL, 0};
    for (size_t i = 0; i < draft->layers.n; i++) {
        if (draft->layers.data[i].key[0] == (int64_t)layer) {
            found.first = found.n == 0 ? &draft->layers.data[i] : found.first;
            found.n++;
        }
    }
    return found;
}

/* Bytes that one kernel reads and writes. A norm also reads the residual and writes the sum. */
static double bytes_moved(const ws__fuse_subject *s, ws_layer layer, int64_t count)
{
    const int64_t        tp    = ws_layer_is_tp_stable(layer) ? 1 : s->tp;
    const ws_layer_bytes b     = ws_model_layer_bytes(s->model, layer, count, 0, tp, s->element_bytes);
    const bool           added = layer == WS_LAYER_LAYERNORM || layer == WS_LAYER_FINAL_LAYERNORM;
    return (added ? 2.0 : 1.0) * (double)(b.input + b.output);
}

/* Time of the activation at the count where it moves so many bytes; linear between points, level before the
 * first. */
static double yardstick_ns(const ws__fuse_subject *s, run act, double bytes)
{
    const double count = bytes / bytes_moved(s, WS_LAYER_ACT_FN, 1);
    size_t       i     = 1;
    while (i + 1 < act.n && (double)act.first[i].key[1] < count) {
        i++;
    }
    const ws__point *a = &act.first[i - 1], *b = &act.first[i];
    const double     share = (count - (double)a->key[1]) / (double)(b->key[1] - a->key[1]);
    return a->ns + fmax(share, 0.0) * (b->ns - a->ns);
}

static double point_yardstick_ns(const ws__fuse_subject *s, run act, const ws__point *point)
{
    return yardstick_ns(s, act, bytes_moved(s, (ws_layer)point->key[0], point->key[1]));
}

static bool is_unfused(const ws__fuse_subject *s, run act, run layer)
{
    for (size_t i = 0; i < layer.n; i++) {
        if (layer.first[i].ns < UNFUSED_AT_LEAST * point_yardstick_ns(s, act, &layer.first[i])) {
            return false;
        }
    }
    return layer.n > 0;
}

static void note_layer(ws_strbuf *notes, const ws__fuse_subject *s, ws_layer layer, int n_before)
{
    if (notes == NULL) {
        return;
    }
    if (n_before == 0) {
        ws_strbuf_printf(notes,
                         "%s / %s: the profile holds several kernels where serving engines run one; fused: ",
                         s->hardware, s->model->name);
    }
    ws_strbuf_printf(notes, "%s%s", n_before > 0 ? ", " : "", ws_layer_name(layer));
}

void ws__fuse_elementwise(ws__profile_draft *draft, const ws__fuse_subject *subject, ws_strbuf *notes)
{
    ws__points_sort(&draft->layers);
    const run act = points_of(draft, WS_LAYER_ACT_FN);
    if (act.n < 2 || bytes_moved(subject, WS_LAYER_ACT_FN, 1) <= 0.0) {
        return;
    }
    int n = 0;
    for (size_t f = 0; f < N_FUSIBLE; f++) {
        const run layer = points_of(draft, fusible[f]);
        if (is_unfused(subject, act, layer)) {
            for (size_t i = 0; i < layer.n; i++) {
                layer.first[i].ns = fmax(1.0, rint(point_yardstick_ns(subject, act, &layer.first[i])));
            }
            note_layer(notes, subject, fusible[f], n++);
        }
    }
    if (n > 0 && notes != NULL) {
        ws_strbuf_puts(notes, " (--no-enable-fused-elementwise keeps them apart)\n");
    }
}
