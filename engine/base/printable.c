#include "base/printable.h"

#include <stdint.h>
#include <string.h>

/** Bytes that a first byte of UTF-8 announces, and the bits of its own; 0 if it is none. Source: RFC 3629. */
static size_t announced(unsigned char first, uint32_t *bits_out)
{
    static const struct {
        unsigned char mask, lead;
        size_t        len;
    } forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if ((first & forms[i].mask) == forms[i].lead) {
            *bits_out = first & (unsigned char)~forms[i].mask;
            return forms[i].len;
        }
    }
    return 0;
}

/** One character; 0 bytes if the text does not begin with one: overlong, surrogate or cut ones are none. */
static size_t decode(const char *text, uint32_t *code_out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t              code    = 0;
    const size_t          len     = announced((unsigned char)text[0], &code);
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    }
    *code_out = code;
    return len == 0 || code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : len;
}

static bool is_safe(uint32_t code)
{
    const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool is_turning = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return !is_control && !is_turning && code != 0x2028 && code != 0x2029; /* line and paragraph separator */
}

size_t ws_printable_next(const char *text, bool *is_safe_out)
{
    uint32_t     code = 0;
    const size_t len  = decode(text, &code);
    *is_safe_out      = len > 0 && is_safe(code);
    return len > 0 ? len : 1;
}

void ws_printable_append(ws_strbuf *out, const char *text, const char *keep)
{
    while (*text != '\0') {
        bool         is_fine = false;
        uint32_t     code    = 0;
        const size_t len     = ws_printable_next(text, &is_fine);
        if (is_fine || strchr(keep, *text) != NULL) {
            ws_strbuf_append(out, text, len);
        } else if (decode(text, &code) > 0 && code >= 0x80) {
            ws_strbuf_printf(out, "\\u%04x", (unsigned)code);
        } else {
            ws_strbuf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        }
        text += len;
    }
}

bool ws_is_printable(const char *text, const char *keep)
{
    bool is_fine = true;
    while (*text != '\0' && is_fine) {
        const char  *at  = text;
        const size_t len = ws_printable_next(at, &is_fine);
        is_fine          = is_fine || strchr(keep, *at) != NULL;
        text += len;
    }
    return is_fine;
}
