#include <inttypes.h>
#include <stdio.h>

#include "programs/wattprof.h"

static void print_limits(const ws_profile *profile)
{
    const ws_profile_limits l = ws_profile_limits_of(profile);
    (void)printf("  grid: tokens %" PRId64 ", sequences %" PRId64 ", prefill %" PRId64 " (history %" PRId64
                 "), decodes %" PRId64 " (KV %" PRId64 ")",
                 l.tokens, l.sequences, l.prefill_tokens, l.prefill_kv, l.n_decodes, l.decode_kv);
    if (l.moe_tokens > 0) {
        (void)printf(", experts' tokens %" PRId64, l.moe_tokens);
    }
    (void)printf("\n  layers:");
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        if (ws_profile_has(profile, (ws_layer)layer)) {
            (void)printf(" %s", ws_layer_name((ws_layer)layer));
        }
    }
    (void)printf("\n");
}

static ws_status show_degree(wp_context *ctx, const char *path, int64_t tp, bool is_first,
                             ws__profile_draft *draft)
{
    ws_profile     *profile = NULL;
    ws__bundle_meta meta;
    WS_TRY(ws__bundle_read(&(const ws__bundle){ctx->files, path, tp}, NULL, &ctx->err, draft, &meta));
    if (is_first) {
        (void)printf("measured bundle: %s / %s / %s (%s, vLLM %s)\n", meta.hardware, meta.model, meta.variant,
                     meta.gpu, meta.vllm_version[0] != '\0' ? meta.vllm_version : "of unknown version");
    }
    (void)printf("tp %" PRId64 ": %zu layer, %zu attention, %zu moe points, %zu skew entries\n", tp,
                 draft->layers.n, draft->attention.n, draft->moe.n, draft->n_alphas);
    WS_TRY(ws__profile_build(draft, &profile));
    print_limits(profile);
    ws_profile_destroy(&profile);
    return WS_OK;
}

static ws_status show_bundle(wp_context *ctx, const char *path)
{
    int64_t      degrees[WS__TP_DEGREES_MAX];
    const size_t n = ws__bundle_tp_degrees(ctx->files, path, degrees);
    for (size_t i = 0; i < n; i++) {
        ws__profile_draft draft  = WS__PROFILE_DRAFT_INIT;
        const ws_status   status = show_degree(ctx, path, degrees[i], i == 0, &draft);
        ws__profile_draft_fini(&draft);
        WS_TRY(status);
    }
    return WS_OK;
}

/* The error statistics a compact file carries. */
static void print_stored_error(ws_json error)
{
    for (ws_json kind = ws_json_first(error); kind.item != NULL; kind = ws_json_next(kind)) {
        (void)printf("  error of %-18s", ws_json_key(kind));
        for (ws_json number = ws_json_first(kind); number.item != NULL; number = ws_json_next(number)) {
            (void)printf(" %s %g", ws_json_key(number), ws_json_number(number));
        }
        (void)printf("\n");
    }
}

static ws_status show_compact(wp_context *ctx, const char *path, ws_json root)
{
    (void)printf("compact profile, fitted from:");
    for (ws_json text = ws_json_first(ws_json_member(root, "fitted_from")); text.item != NULL;
         text         = ws_json_next(text)) {
        (void)printf(" %s=\"%s\"", ws_json_key(text),
                     ws_json_string(text) != NULL ? ws_json_string(text) : "");
    }
    (void)printf("\n");
    for (ws_json tp = ws_json_first(ws_json_member(root, "tp")); tp.item != NULL; tp = ws_json_next(tp)) {
        int64_t     degree;
        ws_profile *profile = NULL;
        WS_TRY(ws_json_read_int(ws_json_member(tp, "degree"), 1, 1000000, &ctx->err, &degree));
        WS_TRY(wp_read_profile(ctx, path, NULL, degree, &profile));
        (void)printf("tp %" PRId64 "\n", degree);
        print_limits(profile);
        print_stored_error(ws_json_member(tp, "error"));
        ws_profile_destroy(&profile);
    }
    return WS_OK;
}

static ws_status show_datasheet(wp_context *ctx, ws_json root)
{
    ws__datasheet s;
    WS_TRY(ws__datasheet_read(root, &ctx->err, &s));
    (void)printf("data sheet: %s\n  memory %g GiB at %g GB/s, %g multiprocessors, kernel launch %g us\n  "
                 "peak TFLOP/s:",
                 s.name, s.memory_gib, s.memory_gbps, s.n_sms, s.launch_overhead_us);
    for (int dtype = 0; dtype < WS_DTYPE_COUNT; dtype++) {
        if (s.peak_tflops[dtype] > 0.0) {
            (void)printf(" %s %g", ws_dtype_name((ws_dtype)dtype), s.peak_tflops[dtype]);
        }
    }
    (void)printf("\n  efficiency: matrix %g, memory %g, elementwise %g, attention %g, kv %g\n",
                 s.efficiency.matrix, s.efficiency.memory, s.efficiency.elementwise, s.efficiency.attention,
                 s.efficiency.kv);
    if (s.typical_error > 0.0) {
        (void)printf("  typical error of a step: %.0f %%\n", 100.0 * s.typical_error);
    }
    for (ws_json text = ws_json_first(ws_json_member(root, "source")); text.item != NULL;
         text         = ws_json_next(text)) {
        (void)printf("  source of %s: %s\n", ws_json_key(text),
                     ws_json_string(text) != NULL ? ws_json_string(text) : "");
    }
    return WS_OK;
}

ws_status wp_show(wp_context *ctx)
{
    if (ctx->args.n_positional != 1) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "wattprof show: expected one PROFILE");
    }
    const char *path = ctx->args.positional[0];
    wp_kind     kind;
    WS_TRY(wp_kind_of(ctx, path, &kind));
    if (kind == WP_KIND_BUNDLE) {
        return show_bundle(ctx, path);
    }
    ws_json_doc *doc = NULL;
    WS_TRY(wp_parse_json(ctx, path, &doc));
    const ws_json   root = ws_json_doc_root(doc);
    const ws_status status =
        kind == WP_KIND_COMPACT ? show_compact(ctx, path, root) : show_datasheet(ctx, root);
    ws_json_doc_destroy(&doc);
    return status;
}
