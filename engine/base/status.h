/* base/status.h -- status codes, the early-return macro and the invariant check.
 *
 * Functions that can fail return ws_status and give results through `_out` parameters, which are NULL
 * or untouched after an error. Code that reads user input also fills the caller's ws_error (error.h). */
#ifndef WS_STATUS_H
#define WS_STATUS_H

#define WS_STATUS_LIST(X)                                                                                    \
    X(WS_OK, "ok")                                                                                           \
    X(WS_ERR_ARG, "invalid argument")                                                                        \
    X(WS_ERR_INPUT, "bad input")                                                                             \
    X(WS_ERR_NOMEM, "out of memory")                                                                         \
    X(WS_ERR_IO, "cannot read or write")                                                                     \
    X(WS_ERR_INFEASIBLE, "scenario cannot run")                                                              \
    X(WS_ERR_TIMEOUT, "time budget exceeded")                                                                \
    X(WS_ERR_MEMORY_BUDGET, "memory budget exceeded")

typedef enum ws_status {
#define WS_STATUS_ENUM(code, text) code,
    WS_STATUS_LIST(WS_STATUS_ENUM)
#undef WS_STATUS_ENUM
} ws_status;

#if defined(__GNUC__)
#define WS_NODISCARD __attribute__((warn_unused_result))
#define WS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define WS_LIKELY(x) __builtin_expect(!!(x), 1)
#define WS_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WS_NOINLINE __attribute__((noinline))
#define WS_HOT __attribute__((hot)) /* runs in every step: laid out beside the others that do */
#define WS_ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define WS_NODISCARD
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

/** Short English text of a status code, static storage. */
const char *ws_status_text(ws_status status);

#endif /* WS_STATUS_H */
