#include "programs/wattprof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "hardware/profile_compact.h"
#include "hardware/profile_roofline.h"

ws_status wp_parse_json(wp_context *ctx, const char *path, ws_json_doc **out)
{
    ws_bytes bytes;
    WS_TRY(ws_files_read(ctx->files, path, &ctx->err, &bytes));
    return ws_json_doc_parse(path, bytes.data, bytes.len, &ctx->err, out);
}

ws_status wp_kind_of(wp_context *ctx, const char *path, wp_kind *out)
{
    int64_t degrees[WS__TP_DEGREES_MAX];
    if (ws__bundle_tp_degrees(ctx->files, path, degrees) > 0) {
        *out = WP_KIND_BUNDLE;
        return WS_OK;
    }
    ws_json_doc *doc = NULL;
    WS_TRY(wp_parse_json(ctx, path, &doc));
    const char *format = ws_json_string(ws_json_member(ws_json_doc_root(doc), "format"));
    *out = format != NULL && strcmp(format, WS__COMPACT_FORMAT) == 0 ? WP_KIND_COMPACT : WP_KIND_DATASHEET;
    ws_json_doc_destroy(&doc);
    return WS_OK;
}

/* Parse configs/model/<name>; *out stays NULL if that fails. */
static ws_status read_config(wp_context *ctx, const char *folder, const char *name, ws_json_doc **out)
{
    char *path = ws_asprintf("%s/%s/%s.json", ctx->args.configs, folder, name);
    if (path == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = wp_parse_json(ctx, path, out);
    free(path);
    return status;
}

static ws_status read_model_configs(wp_context *ctx, const char *name, ws_json_doc **shape,
                                    ws_json_doc **arch, ws_model *out)
{
    WS_TRY(read_config(ctx, "model", name, shape));
    const ws_json root = ws_json_doc_root(*shape);
    const char   *type = ws_json_string(ws_json_member(root, "model_type"));
    if (type == NULL) {
        return ws_json_problem(root, &ctx->err, "expected a member model_type");
    }
    WS_TRY(read_config(ctx, "model/arch", type, arch));
    return ws_model_read(name, root, ws_json_doc_root(*arch), &ctx->err, out);
}

ws_status wp_read_model(wp_context *ctx, const char *name, ws_model *out)
{
    ws_json_doc    *shape = NULL, *arch = NULL;
    const ws_status status = read_model_configs(ctx, name, &shape, &arch, out);
    ws_json_doc_destroy(&shape);
    ws_json_doc_destroy(&arch);
    return status;
}

static bool has_degree(const ws__compact *compact, int64_t tp)
{
    for (size_t t = 0; t < compact->n_tps; t++) {
        if (compact->tps[t].degree == tp) {
            return true;
        }
    }
    return false;
}

static ws_status expand_compact(wp_context *ctx, const char *path, int64_t tp, ws__compact *compact,
                                ws__profile_draft *draft)
{
    WS_TRY(ws__compact_read(ctx->files, path, &ctx->err, compact));
    if (!has_degree(compact, tp)) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "%s: expected tp %" PRId64 " in it, found none", path,
                            tp);
    }
    return ws__compact_expand(compact, tp, draft);
}

static ws_status read_compact_draft(wp_context *ctx, const char *path, int64_t tp, ws__profile_draft *draft)
{
    ws__compact *compact = calloc(1, sizeof(*compact));
    if (compact == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = expand_compact(ctx, path, tp, compact, draft);
    ws__compact_fini(compact);
    free(compact);
    return status;
}

ws_status wp_read_bfloat16_sheet(wp_context *ctx, const char *path, ws__datasheet *out)
{
    WS_TRY(ws__datasheet_load(ctx->files, path, &ctx->err, out));
    if (out->peak_tflops[WS_DTYPE_BFLOAT16] <= 0.0) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT,
                            "%s: /peak_tflops: expected a rate for bfloat16, found none", path);
    }
    return WS_OK;
}

static ws_status read_roofline_draft(wp_context *ctx, const char *path, const ws_model *model, int64_t tp,
                                     ws__profile_draft *draft)
{
    ws__datasheet sheet;
    WS_TRY(wp_read_bfloat16_sheet(ctx, path, &sheet));
    const ws__roofline r = {.sheet = &sheet, .model = model, .dtype = WS_DTYPE_BFLOAT16, .tp = tp};
    return ws__roofline_expand(&r, draft);
}

static ws_status read_draft(wp_context *ctx, const char *path, const ws_model *model, int64_t tp,
                            ws__profile_draft *draft)
{
    wp_kind kind;
    WS_TRY(wp_kind_of(ctx, path, &kind));
    switch (kind) {
    case WP_KIND_BUNDLE:
        return ws__bundle_read(&(const ws__bundle){ctx->files, path, tp}, NULL, &ctx->err, draft, NULL);
    case WP_KIND_COMPACT:
        return read_compact_draft(ctx, path, tp, draft);
    case WP_KIND_DATASHEET:
        break;
    }
    return read_roofline_draft(ctx, path, model, tp, draft);
}

ws_status wp_read_profile(wp_context *ctx, const char *path, const ws_model *model, int64_t tp,
                          ws_profile **out)
{
    ws__profile_draft draft  = WS__PROFILE_DRAFT_INIT;
    ws_status         status = read_draft(ctx, path, model, tp, &draft);
    if (status == WS_OK) {
        status = ws__profile_build(&draft, out);
    }
    ws__profile_draft_fini(&draft);
    return status;
}

void wp_print_report(const ws__check_report *report)
{
    (void)printf("%-18s %8s %8s %8s %8s %8s %8s %8s\n", "class", "points", "mean", "p50", "p90", "p99", "max",
                 "signed");
    for (int kind = 0; kind < WS__CHECK_CLASSES; kind++) {
        const ws__error_stats *e = &report->classes[kind];
        if (e->n_points > 0) {
            (void)printf("%-18s %8zu %7.2f%% %7.2f%% %7.2f%% %7.2f%% %7.1f%% %+7.2f%%\n",
                         ws__check_class_name((ws__check_class)kind), e->n_points, 100 * e->mean,
                         100 * e->p50, 100 * e->p90, 100 * e->p99, 100 * e->max, 100 * e->signed_mean);
        }
    }
}
