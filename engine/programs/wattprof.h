/* programs/wattprof.h -- the subcommands of wattprof and what they share. */
#ifndef WS_WATTPROF_H
#define WS_WATTPROF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/status.h"
#include "hardware/profile_bundle.h"
#include "profiling/profile_check.h"
#include "hardware/datasheet.h"
#include "hardware/profile_table.h"
#include "model/model.h"

enum { WP_POSITIONAL_MAX = 16, WP_PATH_CAP = 4096 };

/** The command line. Texts are borrowed from argv. */
typedef struct wp_args {
    const char  *words[1 + WP_POSITIONAL_MAX]; /**< the command, then its arguments */
    const char **positional;                   /**< words + 1 */
    size_t       n_positional;
    const char  *output;          /**< --output */
    const char  *bundle;          /**< --bundle */
    const char  *configs;         /**< --configs: folder with model/; the bundled one by default */
    int64_t      tp;              /**< --tp; 0 = not given */
    bool         json;            /**< --json */
    bool         fixed_attention; /**< --fixed-attention */
    bool         wants_version;   /**< --version */
} wp_args;

/** What one run of a command works with. */
typedef struct wp_context {
    wp_args   args;
    ws_files *files;
    ws_error  err;
    char     *found[WP_POSITIONAL_MAX + 1]; /**< where inputs were found; owned, NULL = not looked for */
    char      bundled[WP_PATH_CAP];         /**< the bundled configs folder, "configs" where there is none */
} wp_context;

/** What a path turned out to be. */
typedef enum wp_kind { WP_KIND_BUNDLE, WP_KIND_COMPACT, WP_KIND_DATASHEET } wp_kind;

/** Read and parse a JSON file; release with ws_json_doc_destroy(). */
WS_NODISCARD ws_status wp_parse_json(wp_context *ctx, const char *path, ws_json_doc **out);

/** Tell what a path is: a folder with tp<N> is a bundle, a JSON file names its own format. */
WS_NODISCARD ws_status wp_kind_of(wp_context *ctx, const char *path, wp_kind *out);

/** Read a model's shape and layers from --configs. */
WS_NODISCARD ws_status wp_read_model(wp_context *ctx, const char *name, ws_model *out);

/** Read a data sheet that has a rate for bfloat16. */
WS_NODISCARD ws_status wp_read_bfloat16_sheet(wp_context *ctx, const char *path, ws__datasheet *out);

/** A ready profile from any path; data sheets are taken for this model in bfloat16, others do not need it. */
WS_NODISCARD ws_status wp_read_profile(wp_context *ctx, const char *path, const ws_model *model, int64_t tp,
                                       ws_profile **out);

/** Print a table of errors, one row per class. */
void wp_print_report(const ws__check_report *report);

ws_status wp_show(wp_context *ctx);
ws_status wp_fit(wp_context *ctx);
ws_status wp_check(wp_context *ctx);
ws_status wp_calibrate(wp_context *ctx);
ws_status wp_import(wp_context *ctx);

#endif /* WS_WATTPROF_H */
