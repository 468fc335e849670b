/* Checked values and objects by table: the part of json.h that knows ranges, not trees. */
#include "base/json.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest_name.h"
#include "base/strbuf.h"

#define MAX_EXACT_INT 9007199254740992.0 /* 2^53: beyond it a double skips integers */
enum { MAX_FIELDS = 128 };               /* of one table; tables are ours, not the user's */

/* ---- one value ---- */

static void describe_int_range(int64_t min, int64_t max, char *buf, size_t cap)
{
    if (min == INT64_MIN && max == INT64_MAX) {
        snprintf(buf, cap, "integer");
    } else if (max == INT64_MAX) {
        snprintf(buf, cap, "integer >= %" PRId64, min);
    } else if (min == INT64_MIN) {
        snprintf(buf, cap, "integer <= %" PRId64, max);
    } else {
        snprintf(buf, cap, "integer in %" PRId64 "..%" PRId64, min, max);
    }
}

/* A whole text of decimal digits with an optional minus sign. */
static bool int_of_text(const char *text, int64_t *out)
{
    const char  *digits = text + (*text == '-');
    const size_t len    = strspn(digits, "0123456789");
    if (len == 0 || digits[len] != '\0') {
        return false;
    }
    errno                 = 0;
    const long long value = strtoll(text, NULL, 10);
    if (errno != 0) {
        return false;
    }
    *out = value;
    return true;
}

static bool int_of_number(double number, int64_t *out)
{
    if (!(fabs(number) <= MAX_EXACT_INT) || number != floor(number)) {
        return false;
    }
    *out = (int64_t)number;
    return true;
}

ws_status ws_json_read_int(ws_json value, int64_t min, int64_t max, ws_error *err, int64_t *out)
{
    const ws_json_kind kind   = ws_json_kind_of(value);
    int64_t            number = 0;
    const bool         is_int = kind == WS_JSON_STRING ? int_of_text(ws_json_string(value), &number)
                                                       : int_of_number(ws_json_number(value), &number);
    if (is_int && number >= min && number <= max) {
        *out = number;
        return WS_OK;
    }
    char expected[160];
    describe_int_range(min, max, expected, sizeof(expected));
    if (kind == WS_JSON_NUMBER && fabs(ws_json_number(value)) > MAX_EXACT_INT) {
        const size_t len = strlen(expected);
        snprintf(expected + len, sizeof(expected) - len, " (above 2^53 write it as a string of digits)");
    }
    return ws_json_expected(value, err, expected);
}

static void describe_double_range(double min, double max, bool is_positive, char *buf, size_t cap)
{
    const bool has_min = min > -DBL_MAX, has_max = max < DBL_MAX;
    if (is_positive && has_max) {
        snprintf(buf, cap, "number > 0 and <= %.15g", max);
    } else if (is_positive) {
        snprintf(buf, cap, "number > 0");
    } else if (has_min && has_max) {
        snprintf(buf, cap, "number in %.15g..%.15g", min, max);
    } else if (has_min || has_max) {
        snprintf(buf, cap, "number %s %.15g", has_min ? ">=" : "<=", has_min ? min : max);
    } else {
        snprintf(buf, cap, "number");
    }
}

static ws_status read_double(ws_json value, double min, double max, bool is_positive, ws_error *err,
                             double *out)
{
    const double number = ws_json_number(value); /* NaN fails every comparison */
    if (number >= min && number <= max && (!is_positive || number > 0.0)) {
        *out = number;
        return WS_OK;
    }
    char expected[96];
    describe_double_range(min, max, is_positive && !(min > 0.0), expected, sizeof(expected));
    return ws_json_expected(value, err, expected);
}

ws_status ws_json_read_double(ws_json value, double min, double max, ws_error *err, double *out)
{
    return read_double(value, min, max, false, err, out);
}

/* ---- objects by table ---- */

static int64_t clamped_int(double bound)
{
    if (bound >= 0x1p63) {
        return INT64_MAX;
    }
    return bound <= -0x1p63 ? INT64_MIN : (int64_t)bound;
}

static ws_status read_number_field(ws_json value, const ws_field *field, void *target, ws_error *err)
{
    const bool   is_bounded  = field->min != 0.0 || field->max != 0.0;
    const bool   is_positive = (field->flags & WS_FIELD_POSITIVE) != 0;
    const double min         = is_bounded ? field->min : -INFINITY;
    const double max         = is_bounded ? field->max : INFINITY;
    if (field->type == WS_FIELD_DOUBLE) {
        return read_double(value, min, max, is_positive, err, target);
    }
    const int64_t least = clamped_int(ceil(min));
    return ws_json_read_int(value, is_positive && least < 1 ? 1 : least, clamped_int(floor(max)), err,
                            target);
}

static ws_status read_field(ws_json value, const ws_field *field, void *target, ws_error *err)
{
    switch (field->type) {
    case WS_FIELD_INT:
    case WS_FIELD_DOUBLE:
        return read_number_field(value, field, target, err);
    case WS_FIELD_BOOL:
        if (ws_json_kind_of(value) != WS_JSON_BOOL) {
            return ws_json_expected(value, err, "true or false");
        }
        *(bool *)target = ws_json_bool(value);
        return WS_OK;
    case WS_FIELD_STRING:
        if (ws_json_kind_of(value) != WS_JSON_STRING) {
            return ws_json_expected(value, err, "string");
        }
        *(const char **)target = ws_json_string(value);
        return WS_OK;
    case WS_FIELD_JSON:
        *(ws_json *)target = value;
        return WS_OK;
    }
    return WS_ERR_ARG;
}

static ws_status unknown_key(ws_json member, const ws_field *fields, size_t n_fields, ws_error *err)
{
    const char *names[MAX_FIELDS];
    ws_strbuf   known = WS_STRBUF_INIT;
    WS_ASSERT(n_fields <= MAX_FIELDS);
    for (size_t i = 0; i < n_fields; i++) {
        names[i] = fields[i].key;
        ws_strbuf_printf(&known, "%s%s", i > 0 ? ", " : "", fields[i].key);
    }
    const char     *nearest = ws_nearest_name(ws_json_key(member), names, n_fields);
    const ws_status status =
        nearest != NULL
            ? ws_json_problem(member, err, "unknown key, did you mean \"%s\"?", nearest)
            : ws_json_problem(member, err, "unknown key, expected one of %s", ws_strbuf_text(&known));
    ws_strbuf_fini(&known);
    return status;
}

/* The root of a document may say where its schema lies: editors look for it. */
static bool is_schema_path(ws_json object, ws_json member)
{
    return strcmp(ws_json_key(member), "$schema") == 0 && ws_json_string(member) != NULL &&
           object.item == ws_json_doc_root(object.doc).item;
}

static const ws_field *find_field(const char *key, const ws_field *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, key) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

ws_status ws_json_read_object(ws_json object, const ws_field *fields, size_t n_fields, void *struct_out,
                              ws_error *err)
{
    if (ws_json_kind_of(object) != WS_JSON_OBJECT) {
        return ws_json_expected(object, err, "object");
    }
    ws_status status = WS_OK;
    for (ws_json member = ws_json_first(object); member.item != NULL; member = ws_json_next(member)) {
        const ws_field *field = find_field(ws_json_key(member), fields, n_fields);
        if (field == NULL && is_schema_path(object, member)) {
            continue;
        }
        if (field == NULL) {
            status = unknown_key(member, fields, n_fields, err);
            continue;
        }
        if (ws_json_kind_of(member) == WS_JSON_NULL && (field->flags & WS_FIELD_NULLABLE) != 0) {
            continue;
        }
        const ws_status read = read_field(member, field, (char *)struct_out + field->offset, err);
        status               = read != WS_OK ? read : status;
    }
    for (size_t i = 0; i < n_fields; i++) {
        const bool is_required = (fields[i].flags & WS_FIELD_REQUIRED) != 0;
        if (is_required && ws_json_member(object, fields[i].key).item == NULL) {
            status = ws_json_problem(object, err, "missing key \"%s\" (%s)", fields[i].key, fields[i].help);
        }
    }
    return status;
}
