/* hardware/bundle_meta.h -- meta.yaml of a measured bundle; private to engine/hardware.
 *
 * Only the keys of docs/model/serving.md 7 matter; every other key is provenance for people and ignored. */
#ifndef WS_BUNDLE_META_H
#define WS_BUNDLE_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/status.h"
#include "hardware/profile_table.h"

enum { WS__LABEL_MAX = 24, WS__META_TEXT_MAX = 160 };

typedef struct ws__skew_labels {
    char text[WS__SKEW_LABELS_MAX][WS__LABEL_MAX];
} ws__skew_labels;

typedef struct ws__bundle_meta {
    char    gpu[WS__META_TEXT_MAX], hardware[WS__META_TEXT_MAX], model[WS__META_TEXT_MAX];
    char    variant[WS__META_TEXT_MAX], vllm_version[WS__META_TEXT_MAX]; /* "" if not told */
    int64_t max_num_seqs, max_num_batched_tokens;                        /* 0 if not told */

    bool            has_skew;
    ws__skew_bins   bins[WS__SKEW_AXES];
    ws__skew_labels labels[WS__SKEW_AXES];
    double          alpha_default;
    bool            has_inline_alphas;               /* then the table is not read */
    char            bucket_table[WS__META_TEXT_MAX]; /* relative to the bundle; "" if none */
} ws__bundle_meta;

/** Read dir/meta.yaml as far as it concerns one tp degree. Inline alphas go to the draft. A bundle without
 * meta.yaml has no skew correction and no provenance.
 * @return WS_OK; WS_ERR_INPUT with file and line; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws__bundle_meta_read(ws_files *files, const char *dir, int64_t tp, ws_error *err,
                                            ws__profile_draft *draft, ws__bundle_meta *out);

/** Turn labels into indices. @return false if a label is none of its axis's: such an entry can never be
 * found. */
bool ws__bundle_label(const ws__bundle_meta *meta, ws__skew_axis axis, const char *text, size_t len,
                      uint32_t *label_out);

/** Read a whole bucket key, "pc=0|n<=4|sr<=40%|kvB<=1k|kp=0".
 * @return false if it has another form or unknown labels: it can never be found */
bool ws__bundle_bucket_key(const ws__bundle_meta *meta, const char *text, size_t len, ws__alpha *out);

/** The YAML library at work, "0.2.5". */
const char *ws__yaml_library_version(void);

#endif /* WS_BUNDLE_META_H */
