#include "hardware/profile_compact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ws__compact_fini(ws__compact *compact)
{
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        ws__grid_fini(&compact->stable[layer]);
    }
    ws__grid_fini(&compact->moe);
    for (size_t t = 0; t < compact->n_tps; t++) {
        ws__compact_tp *tp = &compact->tps[t];
        for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
            ws__grid_fini(&tp->layers[layer]);
        }
        ws__grid_fini(&tp->decode);
        ws__grid_fini(&tp->prefill);
        ws__grid_fini(&tp->mixed);
    }
}

/* ---- reading ---- */

static const double KEY_MAX = 2147483648.0; /* as in bundles */

typedef struct grid_keys {
    const char *axes[WS__GRID_AXES_MAX]; /* JSON keys, NULL-terminated */
} grid_keys;

static const grid_keys layer_keys   = {{"count"}};
static const grid_keys moe_keys     = {{"experts", "tokens"}};
static const grid_keys decode_keys  = {{"n_decodes", "decode_kv"}};
static const grid_keys prefill_keys = {{"prefill_tokens", "prefill_kv"}};
static const grid_keys mixed_keys   = {{"prefill_tokens", "n_decodes", "prefill_kv", "decode_kv"}};

static ws_status read_axis(ws_json list, ws_error *err, ws__grid *grid, size_t axis)
{
    const size_t n = ws_json_size(list);
    if (ws_json_kind_of(list) != WS_JSON_ARRAY || n == 0 || n > WS__GRID_KEYS_MAX) {
        return ws_json_expected(list, err, "a list of 1 to 192 ascending numbers");
    }
    size_t i = 0;
    for (ws_json item = ws_json_first(list); item.item != NULL; item = ws_json_next(item), i++) {
        int64_t key;
        WS_TRY(ws_json_read_int(item, 0, (int64_t)KEY_MAX, err, &key));
        if (i > 0 && (double)key <= grid->keys[axis][i - 1]) {
            return ws_json_expected(item, err, "a number above the one before");
        }
        grid->keys[axis][i] = (double)key;
    }
    grid->n_keys[axis] = n;
    return WS_OK;
}

static ws_status read_values(ws_json list, ws_error *err, ws__grid *grid)
{
    const size_t n = ws__grid_n_values(grid);
    if (ws_json_kind_of(list) != WS_JSON_ARRAY || ws_json_size(list) != n) {
        return ws_json_problem(list, err,
                               "expected a list of %zu numbers (the product of its axes), found %zu", n,
                               ws_json_size(list));
    }
    grid->values = malloc(n * sizeof(grid->values[0]));
    if (grid->values == NULL) {
        return WS_ERR_NOMEM;
    }
    size_t i = 0;
    for (ws_json item = ws_json_first(list); item.item != NULL; item = ws_json_next(item), i++) {
        WS_TRY(ws_json_read_double(item, 1.0, 1e12, err, &grid->values[i]));
    }
    return WS_OK;
}

/* A grid object: one list per axis, and "ns". An absent grid stays empty. */
static ws_status read_grid(ws_json place, const grid_keys *keys, ws_error *err, ws__grid *grid)
{
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    struct {
        ws_json part[WS__GRID_AXES_MAX + 1];
    } parts = {.part = {WS_JSON_NONE}};
    ws_field fields[WS__GRID_AXES_MAX + 1];
    size_t   n = 0;
    for (; n < WS__GRID_AXES_MAX && keys->axes[n] != NULL; n++) {
        fields[n] = (ws_field){.key    = keys->axes[n],
                               .type   = WS_FIELD_JSON,
                               .offset = n * sizeof(ws_json),
                               .flags  = WS_FIELD_REQUIRED,
                               .help   = "ascending keys of an axis"};
    }
    fields[n] = (ws_field){.key    = "ns",
                           .type   = WS_FIELD_JSON,
                           .offset = n * sizeof(ws_json),
                           .flags  = WS_FIELD_REQUIRED,
                           .help   = "values, last axis fastest, ns"};
    WS_TRY(ws_json_read_object(place, fields, n + 1, &parts, err));
    grid->n_axes     = n;
    ws_status status = WS_OK;
    for (size_t a = 0; a < n; a++) {
        status = ws_status_worse(status, read_axis(parts.part[a], err, grid, a));
    }
    WS_TRY(status);
    return read_values(parts.part[n], err, grid);
}

/* An object of layer names; `stable` tells which kind may stand here. */
static ws_status read_layers(ws_json place, bool stable, ws_error *err, ws__grid grids[WS_LAYER_COUNT])
{
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(place); item.item != NULL; item = ws_json_next(item)) {
        const ws_layer layer = ws_layer_from_name(ws_json_key(item));
        ws_status      each;
        if (layer == WS_LAYER_COUNT || layer == WS_LAYER_ATTENTION || layer == WS_LAYER_MOE ||
            ws_layer_is_tp_stable(layer) != stable) {
            each = ws_json_problem(item, err, "expected the name of a layer that %s with tensor parallelism",
                                   stable ? "does not shrink" : "shrinks");
        } else {
            each = read_grid(item, &layer_keys, err, &grids[layer]);
        }
        status = ws_status_worse(status, each);
    }
    return status;
}

/* ---- reading skew ---- */

static ws_status read_bins(ws_json list, ws_error *err, ws__skew_bins *bins)
{
    const size_t n = ws_json_size(list);
    if (ws_json_kind_of(list) != WS_JSON_ARRAY || n == 0 || n > WS__SKEW_LABELS_MAX) {
        return ws_json_expected(list, err, "a list of 1 to 32 upper bounds");
    }
    size_t i = 0;
    for (ws_json item = ws_json_first(list); item.item != NULL; item = ws_json_next(item), i++) {
        WS_TRY(ws_json_read_double(item, -1.0, 1e12, err, &bins->upper[i]));
    }
    bins->n_labels = (uint32_t)n;
    return WS_OK;
}

static ws_status read_alphas(ws_json list, ws_error *err, ws__compact_skew *skew)
{
    const size_t n = (size_t)skew->n_decodes.n_labels * skew->rate.n_labels;
    if (ws_json_kind_of(list) != WS_JSON_ARRAY || ws_json_size(list) != n) {
        return ws_json_problem(list, err, "expected a list of %zu numbers or nulls, found %zu", n,
                               ws_json_size(list));
    }
    size_t i = 0;
    for (ws_json item = ws_json_first(list); item.item != NULL; item = ws_json_next(item), i++) {
        double *alpha = &skew->alpha[i / skew->rate.n_labels][i % skew->rate.n_labels];
        *alpha        = NAN;
        if (ws_json_kind_of(item) != WS_JSON_NULL) {
            WS_TRY(ws_json_read_double(item, -100.0, 100.0, err, alpha));
        }
    }
    return WS_OK;
}

typedef struct skew_parts {
    double  alpha_default;
    ws_json n_decodes, rate, alpha;
} skew_parts;

static ws_status read_skew(ws_json place, ws_error *err, ws__compact_skew *skew)
{
    static const ws_field fields[] = {
        {"alpha_default", WS_FIELD_DOUBLE, offsetof(skew_parts, alpha_default), WS_FIELD_REQUIRED, -100, 100,
         "where no alpha is given"},
        {"n_decodes_up_to", WS_FIELD_JSON, offsetof(skew_parts, n_decodes), WS_FIELD_REQUIRED, 0, 0,
         "upper bounds of bins"},
        {"rate_up_to", WS_FIELD_JSON, offsetof(skew_parts, rate), WS_FIELD_REQUIRED, 0, 0,
         "upper bounds of bins"},
        {"alpha", WS_FIELD_JSON, offsetof(skew_parts, alpha), WS_FIELD_REQUIRED, 0, 0,
         "per bin, rate fastest"},
    };
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    skew_parts parts = {.alpha_default = 0.0};
    WS_TRY(ws_json_read_object(place, fields, sizeof(fields) / sizeof(fields[0]), &parts, err));
    skew->on            = true;
    skew->alpha_default = parts.alpha_default;
    WS_TRY(read_bins(parts.n_decodes, err, &skew->n_decodes));
    WS_TRY(read_bins(parts.rate, err, &skew->rate));
    return read_alphas(parts.alpha, err, skew);
}

/* ---- reading the file ---- */

typedef struct tp_parts {
    int64_t degree;
    ws_json layers, attention, skew, error;
} tp_parts;

typedef struct attention_parts {
    ws_json decode, prefill, mixed;
} attention_parts;

static ws_status read_attention(ws_json place, ws_error *err, ws__compact_tp *tp)
{
    static const ws_field fields[] = {
        {"decode", WS_FIELD_JSON, offsetof(attention_parts, decode), WS_FIELD_REQUIRED, 0, 0,
         "pure decode batches"},
        {"prefill", WS_FIELD_JSON, offsetof(attention_parts, prefill), WS_FIELD_REQUIRED, 0, 0,
         "pure prefill batches"},
        {"mixed", WS_FIELD_JSON, offsetof(attention_parts, mixed), WS_FIELD_REQUIRED, 0, 0,
         "batches of both"},
    };
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    attention_parts parts = {WS_JSON_NONE, WS_JSON_NONE, WS_JSON_NONE};
    WS_TRY(ws_json_read_object(place, fields, sizeof(fields) / sizeof(fields[0]), &parts, err));
    ws_status status = read_grid(parts.decode, &decode_keys, err, &tp->decode);
    status           = ws_status_worse(status, read_grid(parts.prefill, &prefill_keys, err, &tp->prefill));
    status           = ws_status_worse(status, read_grid(parts.mixed, &mixed_keys, err, &tp->mixed));
    return status;
}

static ws_status read_tp(ws_json place, ws_error *err, ws__compact_tp *tp)
{
    static const ws_field fields[] = {
        {"degree", WS_FIELD_INT, offsetof(tp_parts, degree), WS_FIELD_REQUIRED, 1, 1e6,
         "tensor-parallel degree"},
        {"layers", WS_FIELD_JSON, offsetof(tp_parts, layers), WS_FIELD_REQUIRED, 0, 0, "grids by layer"},
        {"attention", WS_FIELD_JSON, offsetof(tp_parts, attention), 0, 0, 0, "grids by kind of batch"},
        {"skew", WS_FIELD_JSON, offsetof(tp_parts, skew), 0, 0, 0, "unequal KV lengths"},
        {"error", WS_FIELD_JSON, offsetof(tp_parts, error), 0, 0, 0, "against the bundle, for people"},
    };
    tp_parts parts = {.degree = 0};
    WS_TRY(ws_json_read_object(place, fields, sizeof(fields) / sizeof(fields[0]), &parts, err));
    tp->degree       = parts.degree;
    ws_status status = read_layers(parts.layers, false, err, tp->layers);
    status           = ws_status_worse(status, read_attention(parts.attention, err, tp));
    status           = ws_status_worse(status, read_skew(parts.skew, err, &tp->skew));
    return status;
}

typedef struct file_parts {
    const char *format;
    int64_t     version, max_num_seqs, max_num_batched_tokens;
    ws_json     fitted_from, stable, moe, tp;
} file_parts;

static ws_status read_parts(ws_json root, ws_error *err, file_parts *parts)
{
    static const ws_field fields[] = {
        {"format", WS_FIELD_STRING, offsetof(file_parts, format), WS_FIELD_REQUIRED, 0, 0,
         WS__COMPACT_FORMAT},
        {"version", WS_FIELD_INT, offsetof(file_parts, version), WS_FIELD_REQUIRED, 1, WS__COMPACT_VERSION,
         "of the format"},
        {"fitted_from", WS_FIELD_JSON, offsetof(file_parts, fitted_from), 0, 0, 0,
         "where the measurement comes from"},
        {"max_num_seqs", WS_FIELD_INT, offsetof(file_parts, max_num_seqs), 0, 0, 1e12, "of the measurement"},
        {"max_num_batched_tokens", WS_FIELD_INT, offsetof(file_parts, max_num_batched_tokens), 0, 0, 1e12,
         "of the measurement"},
        {"stable_layers", WS_FIELD_JSON, offsetof(file_parts, stable), WS_FIELD_REQUIRED, 0, 0,
         "grids by layer"},
        {"moe", WS_FIELD_JSON, offsetof(file_parts, moe), 0, 0, 0, "grid of the expert layer"},
        {"tp", WS_FIELD_JSON, offsetof(file_parts, tp), WS_FIELD_REQUIRED, 0, 0,
         "one entry per tensor-parallel degree"},
    };
    WS_TRY(ws_json_read_object(root, fields, sizeof(fields) / sizeof(fields[0]), parts, err));
    if (strcmp(parts->format, WS__COMPACT_FORMAT) != 0) {
        return ws_json_expected(ws_json_member(root, "format"), err, "\"" WS__COMPACT_FORMAT "\"");
    }
    const size_t n = ws_json_size(parts->tp);
    if (ws_json_kind_of(parts->tp) != WS_JSON_ARRAY || n == 0 || n > WS__TP_DEGREES_MAX) {
        return ws_json_expected(parts->tp, err, "a list of 1 to 16 tensor-parallel degrees");
    }
    return WS_OK;
}

static ws_status read_root(ws_json root, ws_error *err, ws__compact *out)
{
    file_parts parts = {.format = NULL};
    WS_TRY(read_parts(root, err, &parts));
    out->meta.max_num_seqs           = parts.max_num_seqs;
    out->meta.max_num_batched_tokens = parts.max_num_batched_tokens;
    ws_status status                 = read_layers(parts.stable, true, err, out->stable);
    status = ws_status_worse(status, read_grid(parts.moe, &moe_keys, err, &out->moe));
    for (ws_json item = ws_json_first(parts.tp); item.item != NULL; item = ws_json_next(item)) {
        status = ws_status_worse(status, read_tp(item, err, &out->tps[out->n_tps++]));
    }
    return status;
}

ws_status ws__compact_read(ws_files *files, const char *path, ws_error *err, ws__compact *out)
{
    memset(out, 0, sizeof(*out));
    ws_bytes bytes;
    WS_TRY(ws_files_read(files, path, err, &bytes));
    ws_json_doc *doc = NULL;
    WS_TRY(ws_json_doc_parse(path, bytes.data, bytes.len, err, &doc));
    const ws_status status = read_root(ws_json_doc_root(doc), err, out);
    ws_json_doc_destroy(&doc);
    return status;
}
