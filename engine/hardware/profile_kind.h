/* hardware/profile_kind.h -- what profiles are called, where their numbers come from, and how far they reach.
 */
#ifndef WS_PROFILE_KIND_H
#define WS_PROFILE_KIND_H

#include <stdint.h>

/** Where a profile's numbers come from, most certain first. */
typedef enum ws_profile_kind {
    WS_PROFILE_BUNDLE,  /**< measured */
    WS_PROFILE_COMPACT, /**< fitted to a measurement */
    WS_PROFILE_ROOFLINE /**< computed from a data sheet */
} ws_profile_kind;

typedef struct ws_profile ws_profile; /* opaque: one (hardware, model, variant, tp) */

/** Largest counts inside the tables; beyond them lookups extrapolate. */
typedef struct ws_profile_limits {
    int64_t tokens, sequences, prefill_tokens, prefill_kv, n_decodes, decode_kv, moe_tokens;
} ws_profile_limits;

#endif /* WS_PROFILE_KIND_H */
