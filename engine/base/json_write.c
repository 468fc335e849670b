#include "base/json_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EXACT_INT 9007199254740992.0 /* 2^53 */

/* ---- nesting ---- */

void ws_json_writer_init(ws_json_writer *w, ws_strbuf *out, int indent)
{
    *w = (ws_json_writer){.out = out, .indent = indent};
}

static bool is_in_array(const ws_json_writer *w)
{
    const unsigned level = (unsigned)w->depth - 1;
    return w->depth > 0 && (w->is_array[level / 8] >> level % 8 & 1U) != 0;
}

static void break_line(ws_json_writer *w)
{
    if (w->indent > 0) {
        ws_strbuf_printf(w->out, "\n%*s", w->indent * w->depth, "");
    }
}

/* The comma and line break before an element or key. */
static void separate(ws_json_writer *w)
{
    if (w->needs_comma) {
        ws_strbuf_puts(w->out, ",");
    }
    if (w->depth > 0) {
        break_line(w);
    }
}

/* What comes before any value; in objects the key has already separated. */
static void before_value(ws_json_writer *w)
{
    WS_ASSERT(w->after_key || w->depth == 0 || is_in_array(w));
    if (!w->after_key) {
        separate(w);
    }
    w->after_key   = false;
    w->needs_comma = true;
}

static void begin(ws_json_writer *w, bool is_array)
{
    before_value(w);
    const unsigned level = (unsigned)w->depth;
    WS_ASSERT(level / 8 < sizeof(w->is_array));
    const unsigned char bit = (unsigned char)(1U << level % 8);
    w->is_array[level / 8] =
        (unsigned char)(is_array ? w->is_array[level / 8] | bit : w->is_array[level / 8] & ~bit);
    w->depth++;
    w->needs_comma = false;
    ws_strbuf_puts(w->out, is_array ? "[" : "{");
}

static void end(ws_json_writer *w, bool is_array)
{
    WS_ASSERT(w->depth > 0 && is_in_array(w) == is_array && !w->after_key);
    const bool has_content = w->needs_comma;
    w->depth--;
    if (has_content) {
        break_line(w);
    }
    ws_strbuf_puts(w->out, is_array ? "]" : "}");
    w->needs_comma = true;
}

void ws_json_begin_object(ws_json_writer *w)
{
    begin(w, false);
}

void ws_json_end_object(ws_json_writer *w)
{
    end(w, false);
}

void ws_json_begin_array(ws_json_writer *w)
{
    begin(w, true);
}

void ws_json_end_array(ws_json_writer *w)
{
    end(w, true);
}

/* ---- values ---- */

static void put_escaped(ws_strbuf *out, unsigned char c)
{
    static const char escaped[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char       *found     = strchr(escaped, c);
    if (found != NULL) {
        ws_strbuf_printf(out, "\\%c", letters[found - escaped]);
    } else {
        ws_strbuf_printf(out, "\\u%04x", c);
    }
}

static void put_quoted(ws_strbuf *out, const char *text)
{
    ws_strbuf_puts(out, "\"");
    const char *plain = text; /* start of what needs no escape and is not written yet */
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c < 0x20 || c == '"' || c == '\\') {
            ws_strbuf_append(out, plain, (size_t)(at - plain));
            put_escaped(out, c);
            plain = at + 1;
        }
    }
    ws_strbuf_puts(out, plain);
    ws_strbuf_puts(out, "\"");
}

/* The shortest of three precisions that reads back exactly; whole numbers up to 2^53 without an exponent. */
static void put_number(ws_strbuf *out, double value)
{
    if (!isfinite(value)) {
        ws_strbuf_puts(out, "null");
        return;
    }
    if (value == floor(value) && fabs(value) <= MAX_EXACT_INT) {
        ws_strbuf_printf(out, "%.0f", value);
        return;
    }
    char text[32];
    int  n_digits = 15;
    do {
        snprintf(text, sizeof(text), "%.*g", n_digits, value);
        n_digits++;
    } while (n_digits <= 17 && strtod(text, NULL) != value);
    ws_strbuf_puts(out, text);
}

void ws_json_put_key(ws_json_writer *w, const char *key)
{
    WS_ASSERT(w->depth > 0 && !is_in_array(w) && !w->after_key);
    separate(w);
    put_quoted(w->out, key);
    ws_strbuf_puts(w->out, w->indent > 0 ? ": " : ":");
    w->after_key = true;
}

void ws_json_put_string(ws_json_writer *w, const char *text)
{
    before_value(w);
    if (text == NULL) {
        ws_strbuf_puts(w->out, "null");
    } else {
        put_quoted(w->out, text);
    }
}

void ws_json_put_double(ws_json_writer *w, double value)
{
    before_value(w);
    put_number(w->out, value);
}

void ws_json_put_int(ws_json_writer *w, int64_t value)
{
    before_value(w);
    ws_strbuf_printf(w->out, "%lld", (long long)value);
}

void ws_json_put_bool(ws_json_writer *w, bool value)
{
    before_value(w);
    ws_strbuf_puts(w->out, value ? "true" : "false");
}

void ws_json_put_null(ws_json_writer *w)
{
    ws_json_put_string(w, NULL);
}

void ws_json_put_doubles(ws_json_writer *w, const double *values, size_t n, size_t stride)
{
    before_value(w);
    ws_strbuf_puts(w->out, "[");
    for (size_t i = 0; i < n; i++) {
        ws_strbuf_puts(w->out, i > 0 ? "," : "");
        put_number(w->out, values[i * stride]);
    }
    ws_strbuf_puts(w->out, "]");
}

/* ---- copies of places ---- */

static bool is_container(ws_json value)
{
    const ws_json_kind kind = ws_json_kind_of(value);
    return kind == WS_JSON_ARRAY || kind == WS_JSON_OBJECT;
}

static bool has_containers(ws_json value)
{
    for (ws_json child = ws_json_first(value); child.item != NULL; child = ws_json_next(child)) {
        if (is_container(child)) {
            return true;
        }
    }
    return false;
}

/* Arrays of plain values stay on one line, however long, so that indented text remains readable. */
static void put_array(ws_json_writer *w, ws_json array)
{
    begin(w, true);
    const int indent = w->indent;
    w->indent        = has_containers(array) ? indent : 0;
    for (ws_json child = ws_json_first(array); child.item != NULL; child = ws_json_next(child)) {
        ws_json_put_json(w, child);
    }
    end(w, true);
    w->indent = indent;
}

static void put_object(ws_json_writer *w, ws_json object)
{
    begin(w, false);
    for (ws_json child = ws_json_first(object); child.item != NULL; child = ws_json_next(child)) {
        ws_json_put_key(w, ws_json_key(child));
        ws_json_put_json(w, child);
    }
    end(w, false);
}

void ws_json_put_json(ws_json_writer *w, ws_json value)
{
    switch (ws_json_kind_of(value)) {
    case WS_JSON_ARRAY:
        put_array(w, value);
        break;
    case WS_JSON_OBJECT:
        put_object(w, value);
        break;
    case WS_JSON_STRING:
        ws_json_put_string(w, ws_json_string(value));
        break;
    case WS_JSON_NUMBER:
        ws_json_put_double(w, ws_json_number(value));
        break;
    case WS_JSON_BOOL:
        ws_json_put_bool(w, ws_json_bool(value));
        break;
    case WS_JSON_NULL:
    case WS_JSON_ABSENT:
        ws_json_put_null(w);
        break;
    }
}

/* Declared in json.h with the rest of a document's life; it lives here because it is a writer's work. */
char *ws_json_print(ws_json value, bool pretty)
{
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &text, pretty ? 2 : 0);
    ws_json_put_json(&w, value);
    if (text.failed) {
        ws_strbuf_fini(&text);
        return NULL;
    }
    return text.data;
}
