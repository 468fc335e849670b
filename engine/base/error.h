/* base/error.h -- the record of what is wrong with an input: all problems, not just the first.
 *
 * One line per problem, in the form `a.json: /nodes/0/tp_size: expected integer >= 1, found 0`. The caller
 * owns the record. Every function here accepts err == NULL and then only passes the status through. */
#ifndef WS_ERROR_H
#define WS_ERROR_H

#include <stddef.h>

#include "base/status.h"

typedef struct ws_error {
    ws_status status;     /**< of the first problem; WS_OK while there is none */
    size_t    n_problems; /**< problems added, also those beyond the cap on kept text */
    char     *text;       /**< owned; problems joined by '\n' without one at the end; NULL if none */
    size_t    text_len;   /**< bytes, without the final NUL */
} ws_error;

#define WS_ERROR_INIT ((ws_error){.status = WS_OK})

/** Add one problem, printf style, without a newline at its end. Control characters in it are spelled
 * (base/printable.h). At most 100 problems keep their text; one
 * that is there already, word for word, is not added again.
 * @return status, so that callers can write `return ws_error_add(err, WS_ERR_INPUT, ...);` */
ws_status ws_error_add(ws_error *err, ws_status status, const char *fmt, ...) WS_PRINTF(3, 4);

/** The problems, one a line; "" if there are none. Borrowed until the next change. */
const char *ws_error_text(const ws_error *err);

/** Forget all problems and release the text; the record can be used again. */
void ws_error_clear(ws_error *err);

#endif /* WS_ERROR_H */
