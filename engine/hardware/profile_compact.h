/* hardware/profile_compact.h -- the compact profile: a fitted model of a few thousand numbers in one JSON
 * file, expanded onto a grid when loaded; private to engine/hardware. The format is documented in
 * docs/profiles.md. */
#ifndef WS_PROFILE_COMPACT_H
#define WS_PROFILE_COMPACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_write.h"
#include "base/status.h"
#include "hardware/bundle_meta.h"
#include "hardware/check_report.h"
#include "hardware/grid.h"
#include "hardware/profile_bundle.h"
#include "hardware/profile_table.h"

enum { WS__COMPACT_VERSION = 1 };
#define WS__COMPACT_FORMAT "wattsweep compact profile"

/** How decode batches of unequal KV lengths move from the time at the mean length towards that at the
 * longest. */
typedef struct ws__compact_skew {
    bool          on;
    double        alpha_default;
    ws__skew_bins n_decodes, rate;
    double        alpha[WS__SKEW_LABELS_MAX][WS__SKEW_LABELS_MAX]; /* [n_decodes][rate]; NaN = default */
} ws__compact_skew;

typedef struct ws__compact_tp {
    int64_t  degree;
    ws__grid layers[WS_LAYER_COUNT]; /* over counts; only layers that shrink with tp; values NULL = none */
    ws__grid decode, prefill, mixed; /* attention; values NULL = none */
    ws__compact_skew skew;
    ws__check_report error; /* against the bundle it was fitted to */
    bool             has_error;
} ws__compact_tp;

typedef struct ws__compact {
    ws__bundle_meta meta;
    ws__grid        stable[WS_LAYER_COUNT]; /* layers that do not shrink with tp */
    ws__grid        moe;                    /* experts, tokens; values NULL = none */
    size_t          n_tps;
    ws__compact_tp  tps[WS__TP_DEGREES_MAX];
} ws__compact;

/** Release the grids; the struct itself is the caller's (it is large: put it on the heap). */
void ws__compact_fini(ws__compact *compact);

/** Read a compact profile file.
 * @param[out] out  filled from zero bytes by this call; release with ws__compact_fini(), also after an error
 * @return WS_OK; WS_ERR_INPUT with every problem, file and JSON Pointer; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws__compact_read(ws_files *files, const char *path, ws_error *err, ws__compact *out);

/** Expand one tp degree, which must be there, onto grids. The caller releases the draft, also after an error.
 */
WS_NODISCARD ws_status ws__compact_expand(const ws__compact *compact, int64_t tp, ws__profile_draft *draft);

#endif /* WS_PROFILE_COMPACT_H */
