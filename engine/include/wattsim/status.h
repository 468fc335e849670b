/* wattsim/status.h -- what a function that can fail returns.
 *
 * Its results go through `_out` parameters, which are NULL or untouched after an error. Functions that read
 * what a user wrote also fill an error record (wattsim/error.h). */
#ifndef WATTSIM_STATUS_H
#define WATTSIM_STATUS_H

#include "wattsim/api.h"

/* X(code, text): new ones are added at the end, so that the numbers stay. */
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

#ifdef __cplusplus
extern "C" {
#endif

/** Short English text of a status code, static storage. */
WS_API const char *ws_status_text(ws_status status);

#ifdef __cplusplus
}
#endif

#endif /* WATTSIM_STATUS_H */
