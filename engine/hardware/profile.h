/* hardware/profile.h -- how long each layer takes on one NPU: latency tables and their interpolation.
 *
 * One table form for three sources (profile_source.h): a measured bundle read as is, a compact fitted model
 * and a roofline from data-sheet numbers are both expanded onto grids when loaded. So there is one lookup,
 * and it is exact for bundles (docs/model/serving.md 6.11; values converted as in section 7).
 *
 * Immutable after loading; all arrays are flat and owned by the profile, so it can be shared by any number of
 * runs. */
#ifndef WS_PROFILE_H
#define WS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/files.h"
#include "base/status.h"
#include "hardware/profile_kind.h"
#include "model/layer.h"

/** What one scheduled batch asks of attention. KV lengths are those before the step. Source: 6.3. */
typedef struct ws_attention_query {
    int64_t prefill_tokens; /**< pc: sum of prefill chunks */
    int64_t prefill_kv;     /**< kp: sum of their histories */
    int64_t n_decodes;      /**< nd */
    int64_t kv_mean;        /**< floor of the mean decode KV length; 0 if none */
    int64_t kv_max, kv_min; /**< extremes; 0 if none */
} ws_attention_query;

/** True if the profile has data for a layer. moe data always come from tp1 (or the smallest tp). */
bool ws_profile_has(const ws_profile *profile, ws_layer layer);

/** Nanoseconds of a dense or per-sequence layer at a count >= 1 of tokens or sequences; the layer must be
 * there.
 * @return >= 1 */
int64_t ws_profile_layer_ns(const ws_profile *profile, ws_layer layer, int64_t count);

/** Nanoseconds of the attention layer, skew correction included; >= 1. */
int64_t ws_profile_attention_ns(const ws_profile *profile, const ws_attention_query *query);

/** Nanoseconds of the expert layer of one EP rank, tokens >= 1 and experts >= 1; >= 1. */
int64_t ws_profile_moe_ns(const ws_profile *profile, int64_t tokens, int64_t n_experts);

ws_profile_limits ws_profile_limits_of(const ws_profile *profile);

ws_profile_kind ws_profile_kind_of(const ws_profile *profile);
const char     *ws_profile_kind_name(ws_profile_kind kind); /**< "bundle", "compact", "roofline" */

/** engine_effective of the measurement; 0 if unknown. A run beyond them gets a note. */
int64_t ws_profile_max_num_seqs(const ws_profile *profile);
int64_t ws_profile_max_num_batched_tokens(const ws_profile *profile);

void ws_profile_destroy(ws_profile **profile);

/** The profile as bytes without pointers, borrowed: a copy of them is a profile too. */
ws_bytes ws_profile_bytes(const ws_profile *profile);

/** The profile in such bytes, in place: borrowed, never to be destroyed. NULL if they are not whole.
 * @param[in] bytes  aligned as malloc() does */
const ws_profile *ws_profile_at(ws_bytes bytes);

#endif /* WS_PROFILE_H */
