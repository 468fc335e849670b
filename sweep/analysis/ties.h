/* ties.h -- which of many results are equal, value by value: what a knob that never bound leaves behind.
 *
 * Values are added in any order of results, but for each of them in the same order; only a digest of 128 bits
 * is kept. */
#ifndef SWP_TIES_H
#define SWP_TIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct swp_ties {
    size_t n;               /* results */
    uint64_t (*digests)[2]; /* [n] */
    size_t *leader;         /* [n] the first of those that are equal; itself if it is the first, or alone */
    size_t *next;           /* [n] the next of those that are equal, n behind the last */
    size_t *n_equal;        /* [n] at leaders: how many are equal, itself included */
} swp_ties;

/** Begin with n results without values. Release with swp_ties_fini(), also after an error.
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_ties_init(swp_ties *ties, size_t n);
void                   swp_ties_fini(swp_ties *ties);

/** One more value of a result; NaN equals NaN. */
void swp_ties_add(swp_ties *ties, size_t result, double value);

/** Find leader, next and n_equal of all. @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_ties_find(swp_ties *ties);

#endif /* SWP_TIES_H */
