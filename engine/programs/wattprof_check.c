#include "programs/wattprof.h"
#include "profiling/compact_write.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_write.h"

/* One tp degree: read both, compare points and whole steps. */
typedef struct compared {
    ws__profile_draft measured;
    ws_profile       *profile, *reference;
} compared;

static ws_status read_and_check(wp_context *ctx, const char *path, const ws_model *model, int64_t tp,
                                compared *c, ws__check_report *out)
{
    WS_TRY(wp_read_profile(ctx, path, model, tp, &c->profile));
    WS_TRY(ws__bundle_read(&(const ws__bundle){ctx->files, ctx->args.bundle, tp}, NULL, &ctx->err,
                           &c->measured, NULL));
    WS_TRY(ws__profile_build(&c->measured, &c->reference));
    WS_TRY(ws__check_points(c->profile, &c->measured, out));
    ws__check_steps(c->profile, c->reference, model, out);
    return WS_OK;
}

static ws_status check_tp(wp_context *ctx, const char *path, const ws_model *model, int64_t tp,
                          ws__check_report *out)
{
    compared        c      = {.measured = WS__PROFILE_DRAFT_INIT};
    const ws_status status = read_and_check(ctx, path, model, tp, &c, out);
    ws_profile_destroy(&c.profile);
    ws_profile_destroy(&c.reference);
    ws__profile_draft_fini(&c.measured);
    return status;
}

typedef struct checked {
    int64_t          tp;
    ws__check_report report;
} checked;

static void print_json(const checked *results, size_t n)
{
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &text, 2);
    ws_json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        ws_json_begin_object(&w);
        ws_json_put_key(&w, "tp");
        ws_json_put_int(&w, results[i].tp);
        ws_json_put_key(&w, "error");
        ws__check_report_write(&results[i].report, &w);
        ws_json_end_object(&w);
    }
    ws_json_end_array(&w);
    (void)printf("%s\n", ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
}

/* The model a bundle says it was measured with. */
static ws_status model_of_bundle(wp_context *ctx, const char *bundle, ws_model *out)
{
    ws__profile_draft unused = WS__PROFILE_DRAFT_INIT;
    ws__bundle_meta   meta;
    ws_status         status = ws__bundle_meta_read(ctx->files, bundle, 1, &ctx->err, &unused, &meta);
    ws__profile_draft_fini(&unused);
    WS_TRY(status);
    if (meta.model[0] == '\0') {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "%s/meta.yaml: expected a key model, found none",
                            bundle);
    }
    return wp_read_model(ctx, meta.model, out);
}

ws_status wp_check(wp_context *ctx)
{
    if (ctx->args.n_positional != 1 || ctx->args.bundle == NULL) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "wattprof check: expected PROFILE and --bundle BUNDLE");
    }
    ws_model     model;
    int64_t      degrees[WS__TP_DEGREES_MAX];
    checked      results[WS__TP_DEGREES_MAX];
    size_t       n_results = 0;
    const size_t n         = ws__bundle_tp_degrees(ctx->files, ctx->args.bundle, degrees);
    WS_TRY(model_of_bundle(ctx, ctx->args.bundle, &model));
    for (size_t i = 0; i < n; i++) {
        if (ctx->args.tp == 0 || ctx->args.tp == degrees[i]) {
            results[n_results].tp = degrees[i];
            WS_TRY(check_tp(ctx, ctx->args.positional[0], &model, degrees[i], &results[n_results].report));
            n_results++;
        }
    }
    if (n_results == 0) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "%s: expected tp %" PRId64 " in it, found none",
                            ctx->args.bundle, ctx->args.tp > 0 ? ctx->args.tp : 1);
    }
    if (ctx->args.json) {
        print_json(results, n_results);
        return WS_OK;
    }
    for (size_t i = 0; i < n_results; i++) {
        (void)printf("%s against %s, tp %" PRId64 "\n", ctx->args.positional[0], ctx->args.bundle,
                     results[i].tp);
        wp_print_report(&results[i].report);
    }
    return WS_OK;
}
