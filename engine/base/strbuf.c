#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAPACITY_BYTES 64

void ws_strbuf_fini(ws_strbuf *buf)
{
    free(buf->data);
    *buf = WS_STRBUF_INIT;
}

void ws_strbuf_clear(ws_strbuf *buf)
{
    buf->len    = 0;
    buf->failed = false;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

/* Room for `extra` more bytes and the final NUL; false and `failed` if there is none. */
static bool reserve(ws_strbuf *buf, size_t extra)
{
    if (buf->failed || extra >= PTRDIFF_MAX - buf->len) {
        buf->failed = true;
        return false;
    }
    const size_t needed = buf->len + extra + 1;
    if (needed <= buf->capacity) {
        return true;
    }
    size_t capacity = buf->capacity < PTRDIFF_MAX / 2 ? 2 * buf->capacity : needed;
    if (capacity < needed) {
        capacity = needed;
    }
    if (capacity < MIN_CAPACITY_BYTES) {
        capacity = MIN_CAPACITY_BYTES;
    }
    char *data = realloc(buf->data, capacity);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data     = data;
    buf->capacity = capacity;
    return true;
}

void ws_strbuf_append(ws_strbuf *buf, const char *text, size_t len)
{
    if (!reserve(buf, len)) {
        return;
    }
    if (len > 0) {
        memcpy(buf->data + buf->len, text, len);
    }
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void ws_strbuf_puts(ws_strbuf *buf, const char *text)
{
    ws_strbuf_append(buf, text, strlen(text));
}

void ws_strbuf_printf(ws_strbuf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
        return;
    }
    if (!reserve(buf, (size_t)len)) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
}

const char *ws_strbuf_text(const ws_strbuf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

char *ws_strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char        *copy = malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

char *ws_asprintf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        return NULL;
    }
    char *text = malloc((size_t)len + 1);
    if (text == NULL) {
        return NULL;
    }
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}
