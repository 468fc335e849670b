#include "programs/wattprof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "profiling/profile_fit.h"
#include "profiling/compact_write.h"
#include "base/output_file.h"

static size_t count_values(const ws__compact *compact)
{
    size_t          n       = 0;
    const ws__grid *grids[] = {&compact->moe};
    n += grids[0]->values != NULL ? ws__grid_n_values(grids[0]) : 0;
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        n += compact->stable[layer].values != NULL ? ws__grid_n_values(&compact->stable[layer]) : 0;
    }
    for (size_t t = 0; t < compact->n_tps; t++) {
        const ws__compact_tp *tp       = &compact->tps[t];
        const ws__grid       *of_tp[3] = {&tp->decode, &tp->prefill, &tp->mixed};
        for (int i = 0; i < 3; i++) {
            n += of_tp[i]->values != NULL ? ws__grid_n_values(of_tp[i]) : 0;
        }
        for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
            n += tp->layers[layer].values != NULL ? ws__grid_n_values(&tp->layers[layer]) : 0;
        }
    }
    return n;
}

static void print_errors(const ws__compact *compact)
{
    for (size_t t = 0; t < compact->n_tps; t++) {
        (void)fprintf(stderr, "tp %" PRId64 ", relative error against the bundle:\n", compact->tps[t].degree);
        wp_print_report(&compact->tps[t].error);
    }
}

static ws_status write_compact(wp_context *ctx, const ws__compact *compact, size_t *n_bytes_out)
{
    ws_strbuf text = WS_STRBUF_INIT;
    ws__compact_write(compact, &text);
    *n_bytes_out = text.len;
    const ws_status status =
        text.failed ? WS_ERR_NOMEM : ws_output_write(ctx->args.output, text.data, text.len, &ctx->err);
    ws_strbuf_fini(&text);
    return status;
}

static ws_status fit(wp_context *ctx, ws__compact *compact)
{
    const ws__fit_goals goals   = ws__fit_goals_default();
    size_t              n_bytes = 0;
    WS_TRY(ws_output_path_check(ctx->args.output, &ctx->err));
    WS_TRY(ws__fit_bundle(ctx->files, ctx->args.positional[0], &goals, &ctx->err, compact));
    WS_TRY(write_compact(ctx, compact, &n_bytes));
    (void)fprintf(stderr, "%s: %zu fitted values, %zu bytes\n", ctx->args.output, count_values(compact),
                  n_bytes);
    print_errors(compact);
    return WS_OK;
}

ws_status wp_fit(wp_context *ctx)
{
    if (ctx->args.n_positional != 1 || ctx->args.output == NULL) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "wattprof fit: expected BUNDLE and --output FILE");
    }
    ws__compact *compact = calloc(1, sizeof(*compact));
    if (compact == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = fit(ctx, compact);
    ws__compact_fini(compact);
    free(compact);
    return status;
}
