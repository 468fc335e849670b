/* base/printable.h -- text from files as a terminal may show it.
 *
 * Names, error texts and attributes come from files that somebody else may have written. Sent as they are,
 * escape sequences in them could clear the screen, forge lines or set the terminal's title. UTF-8 stays as it
 * is; control characters, marks that turn the direction of writing, and bytes that are no UTF-8 are written
 * as \x1b, \u202e. */
#ifndef WS_PRINTABLE_H
#define WS_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/** Bytes of the character at the beginning of a text, and whether a terminal may have it.
 * @param[in]  text         not empty; NUL-terminated
 * @param[out] is_safe_out  false: a control character, a mark of direction, or no UTF-8 (then 1 byte) */
size_t ws_printable_next(const char *text, bool *is_safe_out);

/** Append a text; what is in `keep` ("\n\t") is left alone as well. */
void ws_printable_append(ws_strbuf *out, const char *text, const char *keep);

/** True if nothing would be changed. */
bool ws_is_printable(const char *text, const char *keep);

#endif /* WS_PRINTABLE_H */
