/* tests/unit/serving/fresh_request.h -- a request as it arrives: nothing of it computed, no time noted. */
#ifndef WS_FRESH_REQUEST_H
#define WS_FRESH_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "serving/request.h"

static inline ws_request fresh_request(size_t id, int32_t input, int32_t target, int64_t arrival_ns)
{
    return (ws_request){.id         = (uint32_t)id,
                        .input      = input,
                        .reached    = input,
                        .target     = target,
                        .arrival_ns = arrival_ns,
                        .is_initial = true,
                        .n_indexed  = WS_NO_RECORD,
                        .ttft_ns    = -1,
                        .queue_ns   = -1};
}

#endif /* WS_FRESH_REQUEST_H */
