#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough to repair a file in one go; beyond it a broken file would only fill the screen. */
#define MAX_KEPT_PROBLEMS 100

/* Is the text's last line, which begins at a place, one of those before it? */
static bool is_repeated(const char *text, const char *last)
{
    const size_t len = strlen(last);
    for (const char *at = text; at < last; at = strchr(at, '\n') + 1) {
        if (strncmp(at, last, len) == 0 && at[len] == '\n') {
            return true;
        }
    }
    return false;
}

/* Append one printed line, unless it is there already: two instances of one kind have the same problem. The
 * record stays as it was if memory runs out.
 * @return false if it was there */
static bool append_line(ws_error *err, const char *fmt, va_list args)
{
    va_list measure;
    va_copy(measure, args);
    const int line_len = vsnprintf(NULL, 0, fmt, measure);
    va_end(measure);
    if (line_len < 0) {
        return true;
    }
    const size_t newline = err->text_len > 0 ? 1 : 0;
    char        *text    = realloc(err->text, err->text_len + newline + (size_t)line_len + 1);
    if (text == NULL) {
        return true;
    }
    if (newline > 0) {
        text[err->text_len] = '\n';
    }
    err->text  = text;
    char *line = text + err->text_len + newline;
    vsnprintf(line, (size_t)line_len + 1, fmt, args);
    if (is_repeated(text, line)) {
        text[err->text_len] = '\0';
        return false;
    }
    err->text_len += newline + (size_t)line_len;
    return true;
}

ws_status ws_error_add(ws_error *err, ws_status status, const char *fmt, ...)
{
    if (err == NULL) {
        return status;
    }
    if (err->n_problems == 0) {
        err->status = status;
    }
    bool is_new = true;
    if (err->n_problems < MAX_KEPT_PROBLEMS) {
        va_list args;
        va_start(args, fmt);
        is_new = append_line(err, fmt, args);
        va_end(args);
    }
    err->n_problems += is_new;
    return status;
}

const char *ws_error_text(const ws_error *err)
{
    return err != NULL && err->text != NULL ? err->text : "";
}

void ws_error_clear(ws_error *err)
{
    if (err != NULL) {
        free(err->text);
        *err = WS_ERROR_INIT;
    }
}
