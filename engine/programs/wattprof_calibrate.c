#include "programs/wattprof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "profiling/profile_calibrate.h"
#include "hardware/profile_fuse.h"

enum { TARGETS_MAX = 64 };

/* Everything measured that the command line names: one target per bundle and tp degree. */
typedef struct measured_set {
    size_t                 n;
    ws__calibration_target targets[TARGETS_MAX];
    const char            *bundles[TARGETS_MAX];
    ws_model               models[TARGETS_MAX];
    ws__profile_draft      drafts[TARGETS_MAX];
    ws_profile            *profiles[TARGETS_MAX];
} measured_set;

static void measured_set_fini(measured_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        ws_profile_destroy(&set->profiles[i]);
        ws__profile_draft_fini(&set->drafts[i]);
    }
    free(set);
}

static ws_status add_target(wp_context *ctx, measured_set *set, const char *bundle, int64_t tp,
                            const ws__datasheet *sheet)
{
    if (set->n == TARGETS_MAX) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "expected at most %d bundles and tp degrees together",
                            TARGETS_MAX);
    }
    const size_t    i = set->n++;
    ws__bundle_meta meta;
    set->bundles[i] = bundle;
    WS_TRY(ws__bundle_read(&(const ws__bundle){ctx->files, bundle, tp}, NULL, &ctx->err, &set->drafts[i],
                           &meta));
    WS_TRY(wp_read_model(ctx, meta.model, &set->models[i]));
    const ws__fuse_subject subject = {&set->models[i], tp, ws_dtype_bytes(WS_DTYPE_BFLOAT16), sheet->name};
    ws__fuse_elementwise(&set->drafts[i], &subject, NULL);
    WS_TRY(ws__profile_build(&set->drafts[i], &set->profiles[i]));
    set->targets[i] = (ws__calibration_target){
        .roofline  = {.sheet = sheet, .model = &set->models[i], .dtype = WS_DTYPE_BFLOAT16, .tp = tp},
        .measured  = &set->drafts[i],
        .reference = set->profiles[i],
    };
    return WS_OK;
}

static ws_status add_bundle(wp_context *ctx, measured_set *set, const char *bundle,
                            const ws__datasheet *sheet)
{
    int64_t      degrees[WS__TP_DEGREES_MAX];
    const size_t n = ws__bundle_tp_degrees(ctx->files, bundle, degrees);
    if (n == 0) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT,
                            "%s: expected a measured bundle with folders tp1, ..., found none", bundle);
    }
    for (size_t i = 0; i < n; i++) {
        if (ctx->args.tp == 0 || ctx->args.tp == degrees[i]) {
            WS_TRY(add_target(ctx, set, bundle, degrees[i], sheet));
        }
    }
    return WS_OK;
}

static void put_number(ws_json_writer *w, const char *key, double value)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%.3g", value);
    ws_json_put_key(w, key);
    ws_json_put_double(w, strtod(text, NULL));
}

static void print_sheet(const ws__datasheet *sheet)
{
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &text, 2);
    ws_json_begin_object(&w);
    put_number(&w, "launch_overhead_us", sheet->launch_overhead_us);
    ws_json_put_key(&w, "efficiency");
    ws_json_begin_object(&w);
    put_number(&w, "matrix", sheet->efficiency.matrix);
    put_number(&w, "memory", sheet->efficiency.memory);
    put_number(&w, "elementwise", sheet->efficiency.elementwise);
    put_number(&w, "attention", sheet->efficiency.attention);
    put_number(&w, "kv", sheet->efficiency.kv);
    ws_json_end_object(&w);
    put_number(&w, "typical_error", sheet->typical_error);
    ws_json_end_object(&w);
    (void)printf("%s\n", ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
}

static ws_status calibrate_and_print(wp_context *ctx, const measured_set *set, ws__datasheet *sheet)
{
    WS_TRY(ws__calibrate(set->targets, set->n, !ctx->args.fixed_attention, sheet));
    print_sheet(sheet);
    for (size_t i = 0; i < set->n && !ctx->args.json; i++) {
        ws__check_report report;
        WS_TRY(ws__roofline_check(&set->targets[i], &report));
        (void)printf("%s, tp %" PRId64 "\n", set->bundles[i], set->targets[i].roofline.tp);
        wp_print_report(&report);
    }
    return WS_OK;
}

static ws_status calibrate(wp_context *ctx, measured_set *set, ws__datasheet *sheet)
{
    for (size_t i = 1; i < ctx->args.n_positional; i++) {
        WS_TRY(add_bundle(ctx, set, ctx->args.positional[i], sheet));
    }
    if (set->n == 0) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "none of the bundles has tp %" PRId64, ctx->args.tp);
    }
    return calibrate_and_print(ctx, set, sheet);
}

ws_status wp_calibrate(wp_context *ctx)
{
    if (ctx->args.n_positional < 2) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT,
                            "wattprof calibrate: expected DATASHEET and at least one BUNDLE");
    }
    ws__datasheet sheet;
    WS_TRY(wp_read_bfloat16_sheet(ctx, ctx->args.positional[0], &sheet));
    measured_set *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = calibrate(ctx, set, &sheet);
    measured_set_fini(set);
    return status;
}
