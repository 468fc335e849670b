/* base/json_write.h -- JSON text written as it comes, for summaries and reports.
 *
 * Calls nest like the text: begin, key, value, end. Commas, escapes and indentation are the writer's job;
 * numbers round-trip, non-finite ones become null. Misnesting is a broken invariant (WS_ASSERT). */
#ifndef WS_JSON_WRITE_H
#define WS_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/strbuf.h"

typedef struct ws_json_writer {
    ws_strbuf    *out;    /* borrowed */
    int           indent; /* spaces per level, 0 = compact */
    int           depth;
    bool          needs_comma, after_key;
    unsigned char is_array[64]; /* one bit a level */
} ws_json_writer;

void ws_json_writer_init(ws_json_writer *w, ws_strbuf *out, int indent);
void ws_json_begin_object(ws_json_writer *w);
void ws_json_end_object(ws_json_writer *w);
void ws_json_begin_array(ws_json_writer *w);
void ws_json_end_array(ws_json_writer *w);
void ws_json_put_key(ws_json_writer *w, const char *key);
void ws_json_put_string(ws_json_writer *w, const char *text); /**< NULL becomes null */
void ws_json_put_double(ws_json_writer *w, double value);
void ws_json_put_int(ws_json_writer *w, int64_t value);
void ws_json_put_bool(ws_json_writer *w, bool value);
void ws_json_put_null(ws_json_writer *w);
void ws_json_put_json(ws_json_writer *w, ws_json value); /**< a copy of a place */
void ws_json_put_doubles(ws_json_writer *w, const double *values, size_t n, size_t stride);

#endif /* WS_JSON_WRITE_H */
