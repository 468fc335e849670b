/* base/status.h -- besides the status codes (wattsim/status.h) the early-return macro and the invariant
 * check. */
#ifndef WS_STATUS_H
#define WS_STATUS_H

#include "wattsim/status.h"

#if defined(__GNUC__)
#define WS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define WS_LIKELY(x) __builtin_expect(!!(x), 1)
#define WS_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WS_NOINLINE __attribute__((noinline))
#define WS_HOT __attribute__((hot)) /* runs in every step: laid out next to the others that do */
#define WS_ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define WS_PRINTF(fmt, first)
#define WS_LIKELY(x) (x)
#define WS_UNLIKELY(x) (x)
#define WS_NOINLINE
#define WS_HOT
#define WS_ALWAYS_INLINE inline
#endif

/** Before the first member: the struct begins on a cache line, and an array of it too (base/arena.h). */
#define WS_ON_CACHE_LINE _Alignas(64)

/** Return early with the status of a failed call; only where there is nothing to undo. */
#define WS_TRY(call)                                                                                         \
    do {                                                                                                     \
        const ws_status ws_try_status_ = (call);                                                             \
        if (ws_try_status_ != WS_OK) {                                                                       \
            return ws_try_status_;                                                                           \
        }                                                                                                    \
    } while (0)

/** Abort with expression, file and line when one of our own invariants is broken. On in release. */
#define WS_ASSERT(expr) (WS_LIKELY(expr) ? (void)0 : ws__assert_fail(#expr, __FILE__, __LINE__))

#if defined(__GNUC__)
__attribute__((noreturn, cold))
#endif
void ws__assert_fail(const char *expr, const char *file, int line);

/** Of two calls that were both made, so that each reports its problems, the status that counts: out of memory
 * before all others, then the first that is not WS_OK. */
ws_status ws_status_worse(ws_status first, ws_status next);

#endif /* WS_STATUS_H */
