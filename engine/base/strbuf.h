/* base/strbuf.h -- a growing text. Out of memory is remembered in `failed`, so that a long sequence of
 * appends needs one check at its end. */
#ifndef WS_STRBUF_H
#define WS_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct ws_strbuf {
    char  *data; /* owned, NUL-terminated; NULL while empty */
    size_t len, capacity;
    bool   failed; /* an append ran out of memory; the text is incomplete */
} ws_strbuf;

#define WS_STRBUF_INIT ((ws_strbuf){.data = NULL})

void ws_strbuf_fini(ws_strbuf *buf);
void ws_strbuf_clear(ws_strbuf *buf); /**< empty, keeps its memory, clears `failed` */
void ws_strbuf_append(ws_strbuf *buf, const char *text, size_t len);
void ws_strbuf_puts(ws_strbuf *buf, const char *text);
void ws_strbuf_printf(ws_strbuf *buf, const char *fmt, ...) WS_PRINTF(2, 3);

/** The text, "" if empty; borrowed until the next change. */
const char *ws_strbuf_text(const ws_strbuf *buf);

/** A copy the caller frees with free(), or NULL if out of memory. */
char *ws_strdup(const char *text);
/** printf into a fresh string the caller frees, or NULL. */
char *ws_asprintf(const char *fmt, ...) WS_PRINTF(1, 2);

#endif /* WS_STRBUF_H */
