/* timing/pim_spread.h -- decode attention of a group of requests spread over PIM channels
 * (docs/model/serving.md 6.7).
 *
 * Every request goes to the least loaded channel several times over. The same for all blocks of a program, so
 * it is evaluated once per group. Arena memory, used again for the next group. */
#ifndef WS_PIM_SPREAD_H
#define WS_PIM_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/** What one entry of a request weighs on its channel, and how long it takes. */
typedef struct ws_pim_item {
    int64_t length; /* tokens */
    int64_t ns;
} ws_pim_item;

typedef struct ws_pim_spread {
    int64_t  n_channels;
    size_t  *begin;    /* [n_channels + 1] first entry of each channel, and the number of entries */
    int64_t *entry_ns; /* [begin[n_channels]] by channel, in each in order of placement */
    size_t   begin_capacity, entry_capacity;
    /* work space */
    struct ws_pim_channel *heap;   /* [n_channels] least loaded first */
    int32_t               *chosen; /* [entries] channel in order of placement */
    size_t                 heap_capacity, chosen_capacity;
} ws_pim_spread;

/** Place every item `split` times, each time on the channel with the least length on it, the lowest of
 * equals.
 * @param[in,out] spread  empty ({0}) or of an earlier call
 * @param[in] split       >= 1
 * @param[in] n_channels  >= 1
 * @return WS_OK; WS_ERR_NOMEM. O((channels + items x split) log channels) */
WS_NODISCARD ws_status ws_pim_spread_place(ws_pim_spread *spread, ws_arena *arena, const ws_pim_item *items,
                                           size_t n_items, int64_t split, int64_t n_channels);

#endif /* WS_PIM_SPREAD_H */
