/* hardware/profile_roofline.h -- layer times from a data sheet; for engine/ only.
 *
 * Model: a layer takes its kernels' launch overhead plus the longer of its arithmetic and its memory traffic,
 * each at the share of the peak that kernels reach (datasheet.h). Attention runs in tiles of 64 query rows
 * and one head, as many at once as there are multiprocessors; a decode costs its KV cache once per KV head
 * alone, and a tile row of every query head when it shares the kernel with prefill, as measured with
 * FlashAttention 2 (docs/profiles.md). */
#ifndef WS_PROFILE_ROOFLINE_H
#define WS_PROFILE_ROOFLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/status.h"
#include "hardware/datasheet.h"
#include "hardware/profile_table.h"
#include "model/model.h"

typedef struct ws__roofline {
    const ws__datasheet *sheet; /* borrowed */
    const ws_model      *model; /* borrowed */
    ws_dtype             dtype; /* of weights; the data sheet has a rate for it */
    bool                 kv_fp8;
    int64_t              tp;
} ws__roofline;

/** Nanoseconds, not rounded, > 0. */
double ws__roofline_layer_ns(const ws__roofline *r, ws_layer layer, int64_t count);
double ws__roofline_moe_ns(const ws__roofline *r, int64_t tokens, int64_t n_experts);
double ws__roofline_attention_ns(const ws__roofline *r, int64_t prefill_tokens, int64_t prefill_kv,
                                 int64_t n_decodes, int64_t decode_kv);

/** Fill a draft with grids of all layers the model has. The caller releases it, also after an error. */
WS_NODISCARD ws_status ws__roofline_expand(const ws__roofline *r, ws__profile_draft *draft);

#endif /* WS_PROFILE_ROOFLINE_H */
