/* base/error.h -- writing the record of what is wrong with an input (wattsim/error.h). */
#ifndef WS_ERROR_H
#define WS_ERROR_H

#include "base/status.h"
#include "wattsim/error.h"

/** Add one problem, printf style, without a newline at its end. Control characters in it are spelled
 * (base/printable.h). At most 100 problems keep their text; one that is there already, word for word, is not
 * added again. NULL is allowed.
 * @return status, so that callers can write `return ws_error_add(err, WS_ERR_INPUT, ...);` */
ws_status ws_error_add(ws_error *err, ws_status status, const char *fmt, ...) WS_PRINTF(3, 4);

#endif /* WS_ERROR_H */
