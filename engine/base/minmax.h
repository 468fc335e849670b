/* base/minmax.h -- the smaller and the larger of two numbers of nanoseconds, tokens or bytes. */
#ifndef WS_MINMAX_H
#define WS_MINMAX_H

#include <stdint.h>

static inline int64_t ws_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ws_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif /* WS_MINMAX_H */
