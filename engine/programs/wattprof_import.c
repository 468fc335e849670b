#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/output_file.h"
#include "programs/wattprof.h"

static ws_status read_and_build(wp_context *ctx, const char *bundle, int64_t tp, ws__profile_draft *draft,
                                ws__bundle_meta *meta)
{
    ws_profile *profile = NULL;
    WS_TRY(ws__bundle_read(&(const ws__bundle){ctx->files, bundle, tp}, NULL, &ctx->err, draft, meta));
    WS_TRY(ws__profile_build(draft, &profile));
    ws_profile_destroy(&profile);
    if (draft->layers.n == 0) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT,
                            "%s: tp %" PRId64 ": expected dense.csv with known layers, found none", bundle,
                            tp);
    }
    return WS_OK;
}

/* Read everything of one tp degree, so that a broken bundle is refused before anything is written. */
static ws_status validate_tp(wp_context *ctx, const char *bundle, int64_t tp, ws__bundle_meta *meta)
{
    ws__profile_draft draft  = WS__PROFILE_DRAFT_INIT;
    const ws_status   status = read_and_build(ctx, bundle, tp, &draft, meta);
    ws__profile_draft_fini(&draft);
    return status;
}

/* A name from meta.yaml becomes part of a path: no empty, absolute or upward ones. */
static ws_status check_name(wp_context *ctx, const char *bundle, const char *key, const char *name)
{
    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") != NULL) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "%s/meta.yaml: %s: expected a plain name, found \"%s\"",
                            bundle, key, name);
    }
    return WS_OK;
}

static ws_status copy_file(wp_context *ctx, const char *from, const char *to)
{
    ws_bytes bytes;
    if (!ws_files_has(ctx->files, from)) {
        return WS_OK;
    }
    WS_TRY(ws_files_read(ctx->files, from, &ctx->err, &bytes));
    WS_TRY(ws_output_write(to, bytes.data, bytes.len, &ctx->err));
    (void)printf("%s\n", to);
    return WS_OK;
}

static ws_status copy_named(wp_context *ctx, const char *bundle, const char *target, const char *name)
{
    char           *from   = ws_asprintf("%s/%s", bundle, name);
    char           *to     = ws_asprintf("%s/%s", target, name);
    const ws_status status = from != NULL && to != NULL ? copy_file(ctx, from, to) : WS_ERR_NOMEM;
    free(from);
    free(to);
    return status;
}

/* The alpha table may have any name inside the bundle: meta.yaml tells. */
static ws_status copy_alphas(wp_context *ctx, const char *bundle, const char *target, int64_t tp)
{
    ws__profile_draft unused = WS__PROFILE_DRAFT_INIT;
    ws__bundle_meta   meta;
    const ws_status   status = ws__bundle_meta_read(ctx->files, bundle, tp, &ctx->err, &unused, &meta);
    ws__profile_draft_fini(&unused);
    WS_TRY(status);
    if (meta.bucket_table[0] == '\0') {
        return WS_OK;
    }
    WS_TRY(check_name(ctx, bundle, "bucket_table", meta.bucket_table));
    return copy_named(ctx, bundle, target, meta.bucket_table);
}

static ws_status copy_tp(wp_context *ctx, const char *bundle, const char *target, int64_t tp)
{
    static const char *const tables[] = {"dense", "per_sequence", "attention", "moe"};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "tp%" PRId64 "/%s.csv", tp, tables[i]);
        WS_TRY(copy_named(ctx, bundle, target, name));
    }
    return copy_alphas(ctx, bundle, target, tp);
}

static ws_status copy_bundle(wp_context *ctx, const char *bundle, const char *target, const int64_t *degrees,
                             size_t n)
{
    WS_TRY(copy_named(ctx, bundle, target, "meta.yaml"));
    for (size_t i = 0; i < n; i++) {
        WS_TRY(copy_tp(ctx, bundle, target, degrees[i]));
    }
    return WS_OK;
}

ws_status wp_import(wp_context *ctx)
{
    if (ctx->args.n_positional != 2) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "wattprof import: expected BUNDLE and DATA_FOLDER");
    }
    const char     *bundle = ctx->args.positional[0];
    int64_t         degrees[WS__TP_DEGREES_MAX];
    ws__bundle_meta meta;
    const size_t    n = ws__bundle_tp_degrees(ctx->files, bundle, degrees);
    if (n == 0) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT,
                            "%s: expected a measured bundle with folders tp1, ..., found none", bundle);
    }
    for (size_t i = 0; i < n; i++) {
        WS_TRY(validate_tp(ctx, bundle, degrees[i], &meta));
    }
    WS_TRY(check_name(ctx, bundle, "hardware", meta.hardware));
    WS_TRY(check_name(ctx, bundle, "model", meta.model));
    WS_TRY(check_name(ctx, bundle, "variant", meta.variant));
    char *target =
        ws_asprintf("%s/profiles/%s/%s/%s", ctx->args.positional[1], meta.hardware, meta.model, meta.variant);
    const ws_status status = target != NULL ? copy_bundle(ctx, bundle, target, degrees, n) : WS_ERR_NOMEM;
    free(target);
    return status;
}
