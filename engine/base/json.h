/* base/json.h -- typed, strict reading of JSON; the only module that knows cJSON.
 *
 * Strict where cJSON is lenient: duplicate keys, non-finite numbers, text after the end and nesting over
 * 200 levels are errors. `//` comments are blanked, keeping line numbers. Every message names the file, the
 * JSON Pointer (RFC 6901), what was found and what was expected.
 *
 * A ws_json is a cheap value: a borrowed place in a document, valid while the document lives and the place
 * is not edited. An absent place has item == NULL and is a legal argument everywhere. */
#ifndef WS_JSON_H
#define WS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/status.h"

struct cJSON;
typedef struct ws_json_doc ws_json_doc; /* a parsed file or text; owns its tree */

typedef struct ws_json {
    const ws_json_doc  *doc;
    const struct cJSON *item; /* NULL = absent */
} ws_json;

typedef enum ws_json_kind {
    WS_JSON_ABSENT,
    WS_JSON_NULL,
    WS_JSON_BOOL,
    WS_JSON_NUMBER,
    WS_JSON_STRING,
    WS_JSON_ARRAY,
    WS_JSON_OBJECT
} ws_json_kind;

#define WS_JSON_NONE ((ws_json){NULL, NULL})

/* ---- documents ---- */

/** Parse a whole text.
 * @param[in]  name  what messages call it (a path); copied
 * @param[out] out   owned by the caller, release with ws_json_doc_destroy()
 * @return WS_OK; WS_ERR_INPUT with line and column in the message; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_json_doc_parse(const char *name, const char *text, size_t len, ws_error *err,
                                         ws_json_doc **out);
/** A deep copy of a place as a document of its own, called `name` in messages. */
WS_NODISCARD ws_status ws_json_doc_copy(ws_json value, const char *name, ws_json_doc **out);
void                   ws_json_doc_destroy(ws_json_doc **doc);
ws_json                ws_json_doc_root(const ws_json_doc *doc);
const char            *ws_json_doc_name(const ws_json_doc *doc);

/* ---- looking ---- */

ws_json_kind ws_json_kind_of(ws_json value);
const char  *ws_json_kind_name(ws_json_kind kind);            /**< "object", "number", ... */
size_t       ws_json_size(ws_json value);                     /**< members or elements; 0 for anything else */
ws_json      ws_json_at(ws_json value, size_t index);         /**< O(index); see ws_json_next */
ws_json      ws_json_first(ws_json value);                    /**< first member or element */
ws_json      ws_json_next(ws_json value);                     /**< its next sibling */
const char  *ws_json_key(ws_json value);                      /**< member name, NULL for elements and roots */
ws_json      ws_json_member(ws_json object, const char *key); /**< absent if not there */
const char  *ws_json_string(ws_json value);                   /**< text of a string, NULL for anything else */
double       ws_json_number(ws_json value);                   /**< NaN for anything but a number */
bool         ws_json_bool(ws_json value);                     /**< false for anything but true */

/** The place's JSON Pointer, "" for the root. buf gets at most cap bytes, NUL included. Returns buf. */
char *ws_json_pointer(ws_json value, char *buf, size_t cap);

/** Follow a JSON Pointer; absent if it leads nowhere. */
ws_json ws_json_resolve(ws_json root, const char *pointer);

/** Add `file: /pointer: expected <expected>, found <what is there>` and return WS_ERR_INPUT. */
ws_status ws_json_expected(ws_json value, ws_error *err, const char *expected);
/** Add `file: /pointer: <message>` and return WS_ERR_INPUT. */
ws_status ws_json_problem(ws_json value, ws_error *err, const char *fmt, ...) WS_PRINTF(3, 4);

/* ---- one value, checked ---- */

WS_NODISCARD ws_status ws_json_read_int(ws_json value, int64_t min, int64_t max, ws_error *err,
                                        int64_t *out); /**< also accepts decimal strings, for > 2^53 */
WS_NODISCARD ws_status ws_json_read_double(ws_json value, double min, double max, ws_error *err, double *out);

/* ---- objects by table: one table per struct drives parsing and documentation ---- */

typedef enum ws_field_type {
    WS_FIELD_INT,    /**< int64_t */
    WS_FIELD_DOUBLE, /**< double */
    WS_FIELD_BOOL,   /**< bool */
    WS_FIELD_STRING, /**< const char *, borrowed from the document */
    WS_FIELD_JSON    /**< ws_json: any value, for the caller to read */
} ws_field_type;

enum {
    WS_FIELD_REQUIRED = 1, /**< absence is an error */
    WS_FIELD_NULLABLE = 2, /**< null counts as absent (with REQUIRED: the key must still be there) */
    WS_FIELD_POSITIVE = 4  /**< numbers: strictly above 0, whatever min says */
};

typedef struct ws_field {
    const char   *key;
    ws_field_type type;
    size_t        offset; /**< offsetof the member in the struct */
    unsigned      flags;
    double        min, max; /**< inclusive bounds of numbers; both 0 = unbounded */
    const char   *help;     /**< one line: meaning and unit */
} ws_field;

/** Read an object's members into a struct. Absent optional members leave the struct untouched, so put
 * defaults there first. An unknown key is an error that names the nearest known one, or all where none is
 * near; only the root of a document may have "$schema", a text for editors. All problems are added to err,
 * not just the first.
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_json_read_object(ws_json object, const ws_field *fields, size_t n_fields,
                                           void *struct_out, ws_error *err);

/* ---- editing (documents the caller owns) ---- */

/** RFC 7396 merge patch: objects merge, null deletes, anything else (arrays too) replaces. */
WS_NODISCARD ws_status ws_json_merge_patch(ws_json_doc *target, ws_json patch, ws_error *err);
/** Replace or add the value at a JSON Pointer ("-" appends to an array). The parent must exist. */
WS_NODISCARD ws_status ws_json_set(ws_json_doc *target, const char *pointer, ws_json value, ws_error *err);
WS_NODISCARD ws_status ws_json_set_number(ws_json_doc *target, const char *pointer, double number,
                                          ws_error *err);
WS_NODISCARD ws_status ws_json_set_string(ws_json_doc *target, const char *pointer, const char *text,
                                          ws_error *err);
/** Remove the member or element at a pointer; absent is fine. */
void ws_json_remove(ws_json_doc *target, const char *pointer);

/** The JSON library at work, "cJSON 1.7.15". Written to buf, at least 32 bytes. Returns buf. */
char *ws_json_library(char buf[32]);

/* ---- printing ---- */

/** Compact (pretty == false) or indented text, caller frees; NULL if out of memory. Numbers round-trip. */
char *ws_json_print(ws_json value, bool pretty);

#endif /* WS_JSON_H */
