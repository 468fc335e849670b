#include "base/json_scan.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* cJSON copies a number into 64 bytes before reading it; what is longer it would cut. */
enum { MAX_NUMBER_BYTES = 63 };

typedef struct scanner {
    char       *text;
    size_t      len, pos;
    size_t      depth;
    const char *problem; /* NULL while all is well; pos is where it is */
} scanner;

static bool fail(scanner *s, const char *problem)
{
    s->problem = problem;
    return false;
}

/* The byte at pos, or 0 past the end; a NUL inside the text is never valid, so the two may look alike. */
static unsigned char peek(const scanner *s)
{
    return s->pos < s->len ? (unsigned char)s->text[s->pos] : 0;
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static void blank_comment(scanner *s)
{
    while (s->pos < s->len && s->text[s->pos] != '\n') {
        s->text[s->pos++] = ' ';
    }
}

static void skip_space(scanner *s)
{
    for (;;) {
        const unsigned char c = peek(s);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            s->pos++;
        } else if (c == '/' && s->pos + 1 < s->len && s->text[s->pos + 1] == '/') {
            blank_comment(s);
        } else {
            return;
        }
    }
}

static bool scan_word(scanner *s, const char *word)
{
    const size_t len = strlen(word);
    if (s->len - s->pos < len || memcmp(s->text + s->pos, word, len) != 0) {
        return fail(s, "expected a value");
    }
    s->pos += len;
    return true;
}

static size_t skip_digits(scanner *s)
{
    const size_t start = s->pos;
    while (is_digit(peek(s))) {
        s->pos++;
    }
    return s->pos - start;
}

static bool scan_fraction_and_exponent(scanner *s)
{
    if (peek(s) == '.') {
        s->pos++;
        if (skip_digits(s) == 0) {
            return fail(s, "expected a digit after the decimal point");
        }
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->pos++;
        if (peek(s) == '+' || peek(s) == '-') {
            s->pos++;
        }
        if (skip_digits(s) == 0) {
            return fail(s, "expected a digit in the exponent");
        }
    }
    return true;
}

static bool scan_number(scanner *s)
{
    const size_t start = s->pos;
    if (peek(s) == '-') {
        s->pos++;
    }
    if (peek(s) == '0') {
        s->pos++;
        if (is_digit(peek(s))) {
            return fail(s, "a number must not begin with 0");
        }
    } else if (skip_digits(s) == 0) {
        return fail(s, "expected a digit");
    }
    if (!scan_fraction_and_exponent(s)) {
        return false;
    }
    if (s->pos - start > MAX_NUMBER_BYTES) {
        s->pos = start;
        return fail(s, "a number of more than 63 characters");
    }
    if (!isfinite(strtod(s->text + start, NULL))) {
        s->pos = start;
        return fail(s, "a number too large for a double");
    }
    return true;
}

/* The value of four hexadecimal digits at pos, -1 if they are not there. */
static long hex4(const scanner *s)
{
    if (s->len - s->pos < 4) {
        return -1;
    }
    char digits[5] = {0};
    memcpy(digits, s->text + s->pos, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* Behind "\u": one code unit, or a surrogate pair. */
static bool scan_unicode_escape(scanner *s)
{
    const long unit = hex4(s);
    if (unit < 0) {
        return fail(s, "expected four hexadecimal digits");
    }
    if (unit == 0) {
        return fail(s, "\\u0000 is not allowed in a string");
    }
    if (unit >= 0xdc00 && unit <= 0xdfff) {
        return fail(s, "second half of a surrogate pair without the first");
    }
    s->pos += 4;
    if (unit < 0xd800 || unit > 0xdbff) {
        return true;
    }
    if (s->len - s->pos < 6 || memcmp(s->text + s->pos, "\\u", 2) != 0) {
        return fail(s, "first half of a surrogate pair without the second");
    }
    s->pos += 2;
    const long low = hex4(s);
    if (low < 0xdc00 || low > 0xdfff) {
        return fail(s, "first half of a surrogate pair without the second");
    }
    s->pos += 4;
    return true;
}

static bool scan_escape(scanner *s)
{
    s->pos++; /* the backslash */
    const unsigned char c = peek(s);
    if (c == 'u') {
        s->pos++;
        return scan_unicode_escape(s);
    }
    if (c == 0 || strchr("\"\\/bfnrt", c) == NULL) {
        return fail(s, "unknown escape in a string");
    }
    s->pos++;
    return true;
}

/* Bytes of the UTF-8 character at pos, 0 if it is none (RFC 3629: shortest form, no surrogates, <= U+10FFFF).
 */
static size_t utf8_length(const scanner *s)
{
    const unsigned char *at   = (const unsigned char *)s->text + s->pos;
    const size_t         left = s->len - s->pos;
    const unsigned char  head = at[0];
    size_t               length;
    unsigned char        low = 0x80, high = 0xbf; /* what the second byte may be */
    if (head < 0x80) {
        return 1;
    }
    if (head >= 0xc2 && head <= 0xdf) {
        length = 2;
    } else if ((head & 0xf0) == 0xe0) {
        length = 3;
        low    = head == 0xe0 ? 0xa0 : low;
        high   = head == 0xed ? 0x9f : high;
    } else if (head >= 0xf0 && head <= 0xf4) {
        length = 4;
        low    = head == 0xf0 ? 0x90 : low;
        high   = head == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (left < length || at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

static bool scan_string(scanner *s)
{
    s->pos++; /* the opening quote */
    while (s->pos < s->len) {
        const unsigned char c = peek(s);
        if (c == '"') {
            s->pos++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s)) {
                return false;
            }
            continue;
        }
        if (c < 0x20) {
            return fail(s, c == '\n' ? "the line ends inside a string" : "a control byte inside a string");
        }
        const size_t length = utf8_length(s);
        if (length == 0) {
            return fail(s, "a string that is not UTF-8");
        }
        s->pos += length;
    }
    return fail(s, "the text ends inside a string");
}

static bool scan_value(scanner *s);

/* One `"key": value` of an object. */
static bool scan_member(scanner *s)
{
    if (peek(s) != '"') {
        return fail(s, "expected a key in double quotes");
    }
    if (!scan_string(s)) {
        return false;
    }
    skip_space(s);
    if (peek(s) != ':') {
        return fail(s, "expected ':'");
    }
    s->pos++;
    return scan_value(s);
}

/* An array or object from its opening bracket to its closing one. */
static bool scan_container(scanner *s, unsigned char close)
{
    if (s->depth == WS_JSON_MAX_DEPTH) {
        return fail(s, "nested more than 200 levels deep");
    }
    s->depth++;
    s->pos++;
    skip_space(s);
    bool is_closed = peek(s) == close;
    while (!is_closed) {
        if (close == '}' ? !scan_member(s) : !scan_value(s)) {
            return false;
        }
        skip_space(s);
        is_closed = peek(s) == close;
        if (!is_closed) {
            if (peek(s) != ',') {
                return fail(s, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
            }
            s->pos++;
            skip_space(s);
        }
    }
    s->pos++;
    s->depth--;
    return true;
}

/* A value with the space before it. */
static bool scan_value(scanner *s)
{
    skip_space(s);
    const unsigned char c = peek(s);
    switch (c) {
    case '{':
        return scan_container(s, '}');
    case '[':
        return scan_container(s, ']');
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return c == '-' || is_digit(c) ? scan_number(s) : fail(s, "expected a value");
    }
}

static void locate(const scanner *s, ws_json_scan_error *error_out)
{
    *error_out = (ws_json_scan_error){.problem = s->problem, .line = 1, .column = 1};
    for (size_t i = 0; i < s->pos && i < s->len; i++) {
        const bool is_newline = s->text[i] == '\n';
        error_out->line += is_newline;
        error_out->column = is_newline ? 1 : error_out->column + 1;
    }
}

int ws__json_scan(char *text, size_t len, ws_json_scan_error *error_out)
{
    scanner s = {.text = text, .len = len};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* the mark some Windows editors put in front */
        memset(text, ' ', 3);
    }
    bool is_json = scan_value(&s);
    if (is_json) {
        skip_space(&s);
        is_json = s.pos == len || fail(&s, "text after the end of the value");
    }
    if (!is_json) {
        locate(&s, error_out);
    }
    return is_json;
}
