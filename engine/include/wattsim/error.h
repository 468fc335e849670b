/* wattsim/error.h -- the record of what is wrong with an input: all problems, not just the first.
 *
 * One line per problem, in the form `a.json: /nodes/0/tp_size: expected integer >= 1, found 0`. The caller
 * owns the record: it begins as WS_ERROR_INIT, and ws_error_clear() releases its text. One record belongs to
 * one thread at a time. Wherever a function takes one, NULL is allowed and only the status is returned.
 *
 * This struct never changes its size: `reserved` is for whatever it may hold one day. */
#ifndef WATTSIM_ERROR_H
#define WATTSIM_ERROR_H

#include <stddef.h>

#include "wattsim/status.h"

typedef struct ws_error {
    ws_status status;     /**< of the first problem; WS_OK while there is none */
    size_t    n_problems; /**< problems added, also those beyond the cap on kept text */
    char     *text;       /**< owned; problems joined by '\n' without one at the end; NULL if none */
    size_t    text_len;   /**< bytes, without the final NUL */
    void     *reserved;   /**< NULL */
} ws_error;

#ifdef __cplusplus
#define WS_ERROR_INIT (ws_error{})
#else
#define WS_ERROR_INIT ((ws_error){.status = WS_OK})
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The problems, one per line; "" if there are none. Borrowed until the next change. */
WS_API const char *ws_error_text(const ws_error *err);

/** Forget all problems and release the text; the record can be used again. */
WS_API void ws_error_clear(ws_error *err);

#ifdef __cplusplus
}
#endif

#endif /* WATTSIM_ERROR_H */
