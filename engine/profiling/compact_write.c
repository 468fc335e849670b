#include "profiling/compact_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiling/profile_check.h"

/* The value a text of that many significant digits stands for. */
static double rounded(double value, int n_digits)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%.*g", n_digits, value);
    return strtod(text, NULL);
}

static void write_grid(ws_json_writer *w, const char *name, const char *const axes[], const ws__grid *grid)
{
    if (grid->values == NULL) {
        return;
    }
    ws_json_put_key(w, name);
    ws_json_begin_object(w);
    for (size_t a = 0; a < grid->n_axes; a++) {
        ws_json_put_key(w, axes[a]);
        ws_json_put_doubles(w, grid->keys[a], grid->n_keys[a], 1);
    }
    ws_json_put_key(w, "ns");
    ws_json_put_doubles(w, grid->values, ws__grid_n_values(grid), 1);
    ws_json_end_object(w);
}

static void write_layers(ws_json_writer *w, const char *name, const ws__grid grids[WS_LAYER_COUNT])
{
    static const char *const axes[WS__GRID_AXES_MAX] = {"count"};
    ws_json_put_key(w, name);
    ws_json_begin_object(w);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        write_grid(w, ws_layer_name((ws_layer)layer), axes, &grids[layer]);
    }
    ws_json_end_object(w);
}

static void write_attention(ws_json_writer *w, const ws__compact_tp *tp)
{
    static const char *const decode[WS__GRID_AXES_MAX]  = {"n_decodes", "decode_kv"};
    static const char *const prefill[WS__GRID_AXES_MAX] = {"prefill_tokens", "prefill_kv"};
    static const char *const mixed[WS__GRID_AXES_MAX]   = {"prefill_tokens", "n_decodes", "prefill_kv",
                                                           "decode_kv"};
    if (tp->decode.values == NULL || tp->prefill.values == NULL || tp->mixed.values == NULL) {
        return;
    }
    ws_json_put_key(w, "attention");
    ws_json_begin_object(w);
    write_grid(w, "decode", decode, &tp->decode);
    write_grid(w, "prefill", prefill, &tp->prefill);
    write_grid(w, "mixed", mixed, &tp->mixed);
    ws_json_end_object(w);
}

static void write_skew(ws_json_writer *w, const ws__compact_skew *skew)
{
    if (!skew->on) {
        return;
    }
    ws_json_put_key(w, "skew");
    ws_json_begin_object(w);
    ws_json_put_key(w, "alpha_default");
    ws_json_put_double(w, skew->alpha_default);
    ws_json_put_key(w, "n_decodes_up_to");
    ws_json_put_doubles(w, skew->n_decodes.upper, skew->n_decodes.n_labels, 1);
    ws_json_put_key(w, "rate_up_to");
    ws_json_put_doubles(w, skew->rate.upper, skew->rate.n_labels, 1);
    ws_json_put_key(w, "alpha");
    ws_json_begin_array(w);
    for (uint32_t n = 0; n < skew->n_decodes.n_labels; n++) {
        for (uint32_t r = 0; r < skew->rate.n_labels; r++) {
            ws_json_put_double(w, skew->alpha[n][r]); /* NaN becomes null: no entry */
        }
    }
    ws_json_end_array(w);
    ws_json_end_object(w);
}

void ws__check_report_write(const ws__check_report *report, ws_json_writer *w)
{
    ws_json_begin_object(w);
    for (int kind = 0; kind < WS__CHECK_CLASSES; kind++) {
        const ws__error_stats *e = &report->classes[kind];
        if (e->n_points == 0) {
            continue;
        }
        const struct {
            const char *key;
            double      value;
        } numbers[] = {{"mean", e->mean}, {"p50", e->p50}, {"p90", e->p90},
                       {"p99", e->p99},   {"max", e->max}, {"signed_mean", e->signed_mean}};
        ws_json_put_key(w, ws__check_class_name((ws__check_class)kind));
        ws_json_begin_object(w);
        ws_json_put_key(w, "n_points");
        ws_json_put_int(w, (int64_t)e->n_points);
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
            ws_json_put_key(w, numbers[i].key);
            ws_json_put_double(w, rounded(numbers[i].value, 3));
        }
        ws_json_end_object(w);
    }
    ws_json_end_object(w);
}

static void write_tp(ws_json_writer *w, const ws__compact_tp *tp)
{
    ws_json_begin_object(w);
    ws_json_put_key(w, "degree");
    ws_json_put_int(w, tp->degree);
    write_layers(w, "layers", tp->layers);
    write_attention(w, tp);
    write_skew(w, &tp->skew);
    if (tp->has_error) {
        ws_json_put_key(w, "error");
        ws__check_report_write(&tp->error, w);
    }
    ws_json_end_object(w);
}

static void write_origin(ws_json_writer *w, const ws__bundle_meta *meta)
{
    const struct {
        const char *key, *text;
    } texts[] = {{"hardware", meta->hardware},
                 {"model", meta->model},
                 {"variant", meta->variant},
                 {"gpu", meta->gpu},
                 {"vllm_version", meta->vllm_version}};
    ws_json_put_key(w, "fitted_from");
    ws_json_begin_object(w);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].text[0] != '\0') {
            ws_json_put_key(w, texts[i].key);
            ws_json_put_string(w, texts[i].text);
        }
    }
    ws_json_end_object(w);
}

void ws__compact_write(const ws__compact *compact, ws_strbuf *out)
{
    static const char *const moe_axes[WS__GRID_AXES_MAX] = {"experts", "tokens"};
    ws_json_writer           w;
    ws_json_writer_init(&w, out, 1);
    ws_json_begin_object(&w);
    ws_json_put_key(&w, "format");
    ws_json_put_string(&w, WS__COMPACT_FORMAT);
    ws_json_put_key(&w, "version");
    ws_json_put_int(&w, WS__COMPACT_VERSION);
    write_origin(&w, &compact->meta);
    ws_json_put_key(&w, "max_num_seqs");
    ws_json_put_int(&w, compact->meta.max_num_seqs);
    ws_json_put_key(&w, "max_num_batched_tokens");
    ws_json_put_int(&w, compact->meta.max_num_batched_tokens);
    write_layers(&w, "stable_layers", compact->stable);
    write_grid(&w, "moe", moe_axes, &compact->moe);
    ws_json_put_key(&w, "tp");
    ws_json_begin_array(&w);
    for (size_t t = 0; t < compact->n_tps; t++) {
        write_tp(&w, &compact->tps[t]);
    }
    ws_json_end_array(&w);
    ws_json_end_object(&w);
    ws_strbuf_puts(out, "\n");
}
