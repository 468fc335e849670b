#include "hardware/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_CHARS_MAX = 64 };

/* The next line without its end (LF or CRLF). */
static ws__csv_field take_line(ws__csv *csv)
{
    const size_t  left = (size_t)(csv->end - csv->cursor);
    const char   *feed = memchr(csv->cursor, '\n', left);
    const char   *stop = feed != NULL ? feed : csv->end;
    ws__csv_field line = {csv->cursor, (size_t)(stop - csv->cursor)};
    csv->cursor        = feed != NULL ? feed + 1 : csv->end;
    csv->line++;
    if (line.len > 0 && line.text[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* Split at commas. Fields past the capacity are counted, not stored. */
static size_t split(ws__csv_field line, ws__csv_field fields[WS__CSV_COLUMNS_MAX])
{
    size_t      n     = 0;
    const char *begin = line.text, *end = line.text + line.len;
    for (const char *c = line.text;; c++) {
        if (c == end || *c == ',') {
            if (n < WS__CSV_COLUMNS_MAX) {
                fields[n] = (ws__csv_field){begin, (size_t)(c - begin)};
            }
            n++;
            begin = c + 1;
        }
        if (c == end) {
            return n;
        }
    }
}

ws_status ws__csv_open(ws__csv *csv, const char *path, ws_bytes bytes, ws_error *err)
{
    *csv = (ws__csv){.path = path, .cursor = bytes.data, .end = bytes.data + bytes.len, .err = err};
    const ws__csv_field header = take_line(csv);
    if (header.len == 0) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "%s: line 1: expected a header with column names, found nothing", path);
    }
    csv->n_columns = split(header, csv->names);
    if (csv->n_columns > WS__CSV_COLUMNS_MAX) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: line 1: expected at most %d columns, found %zu", path,
                            WS__CSV_COLUMNS_MAX, csv->n_columns);
    }
    return WS_OK;
}

int ws__csv_column(const ws__csv *csv, const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; i < csv->n_columns; i++) {
        if (csv->names[i].len == len && memcmp(csv->names[i].text, name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

ws_status ws__csv_require(const ws__csv *csv, const char *name, int *column_out)
{
    *column_out = ws__csv_column(csv, name);
    if (*column_out < 0) {
        return ws_error_add(csv->err, WS_ERR_INPUT,
                            "%s: line 1: expected a column %s, found none of that name", csv->path, name);
    }
    return WS_OK;
}

ws_status ws__csv_next(ws__csv *csv, bool *has_row_out)
{
    ws__csv_field line = {NULL, 0};
    while (line.len == 0) {
        if (csv->cursor == csv->end) {
            *has_row_out = false;
            return WS_OK;
        }
        line = take_line(csv);
    }
    *has_row_out          = true;
    const size_t n_fields = split(line, csv->row);
    if (n_fields != csv->n_columns) {
        return ws_error_add(csv->err, WS_ERR_INPUT, "%s: line %zu: expected %zu fields, found %zu", csv->path,
                            csv->line, csv->n_columns, n_fields);
    }
    return WS_OK;
}

ws_status ws__csv_expected(const ws__csv *csv, int column, const char *expected)
{
    const ws__csv_field name = csv->names[column], field = csv->row[column];
    const int           shown = field.len < 40 ? (int)field.len : 40;
    return ws_error_add(csv->err, WS_ERR_INPUT, "%s: line %zu: %.*s: expected %s, found \"%.*s\"", csv->path,
                        csv->line, (int)name.len, name.text, expected, shown, field.text);
}

static bool parse_int(ws__csv_field field, int64_t *out)
{
    const char  *c = field.text, *end = field.text + field.len;
    const bool   negative   = c < end && *c == '-';
    const size_t digits_max = 18; /* cannot overflow */
    c += negative ? 1 : 0;
    if (c == end || (size_t)(end - c) > digits_max) {
        return false;
    }
    int64_t value = 0;
    for (; c < end; c++) {
        if (*c < '0' || *c > '9') {
            return false;
        }
        value = value * 10 + (*c - '0');
    }
    *out = negative ? -value : value;
    return true;
}

ws_status ws__csv_int(const ws__csv *csv, int column, int64_t min, int64_t max, int64_t *out)
{
    int64_t value;
    if (!parse_int(csv->row[column], &value) || value < min || value > max) {
        char expected[96];
        (void)snprintf(expected, sizeof(expected), "an integer from %" PRId64 " to %" PRId64, min, max);
        return ws__csv_expected(csv, column, expected);
    }
    *out = value;
    return WS_OK;
}

ws_status ws__csv_double(const ws__csv *csv, int column, double min, double max, double *out)
{
    double value;
    if (!ws__parse_decimal(csv->row[column].text, csv->row[column].len, &value) || value < min ||
        value > max) {
        char expected[96];
        (void)snprintf(expected, sizeof(expected), "a number from %g to %g", min, max);
        return ws__csv_expected(csv, column, expected);
    }
    *out = value;
    return WS_OK;
}

/* ---- decimals ---- */

/* Digits with at most one point and no exponent, as digits / 10^n_decimals; false for any other form. */
static bool plain_decimal(const char *text, size_t len, uint64_t *digits_out, size_t *n_decimals_out)
{
    uint64_t digits     = 0;
    size_t   n_decimals = 0, n_digits = 0;
    bool     has_point = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && !has_point) {
            has_point = true;
        } else if (text[i] >= '0' && text[i] <= '9') {
            digits = digits * 10 + (uint64_t)(text[i] - '0');
            n_decimals += has_point ? 1 : 0;
            n_digits++;
        } else {
            return false;
        }
    }
    *digits_out     = digits;
    *n_decimals_out = n_decimals;
    return n_digits > 0 && n_digits <= 15; /* below 2^53: the digits are an exact double */
}

static bool is_decimal_text(const char *text, size_t len)
{
    size_t n_digits = 0;
    for (size_t i = 0; i < len; i++) {
        n_digits += text[i] >= '0' && text[i] <= '9' ? 1 : 0;
        if (strchr("0123456789.eE+-", text[i]) == NULL || text[i] == '\0') {
            return false; /* rules out nan, inf, hexadecimal and blanks, which strtod takes */
        }
    }
    return n_digits > 0;
}

bool ws__parse_decimal(const char *text, size_t len, double *out)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    uint64_t            digits;
    size_t              n_decimals;
    if (plain_decimal(text, len, &digits, &n_decimals)) {
        *out = (double)digits / powers[n_decimals]; /* both exact, so one correct rounding */
        return true;
    }
    char buf[NUMBER_CHARS_MAX];
    if (len == 0 || len >= sizeof(buf) || !is_decimal_text(text, len)) {
        return false;
    }
    memcpy(buf, text, len);
    buf[len]           = '\0';
    char        *stop  = NULL;
    const double value = strtod(buf, &stop); /* the programs never leave the C locale */
    if (stop != buf + len || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}
