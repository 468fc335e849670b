#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Enough to repair a file in one go; beyond it a broken file would only fill the screen. */
#define MAX_KEPT_PROBLEMS 100

/* Append one printed line; the record stays as it was if memory runs out. */
static void append_line(ws_error *err, const char *fmt, va_list args)
{
    va_list measure;
    va_copy(measure, args);
    const int line_len = vsnprintf(NULL, 0, fmt, measure);
    va_end(measure);
    if (line_len < 0) {
        return;
    }
    const size_t newline = err->text_len > 0 ? 1 : 0;
    char        *text    = realloc(err->text, err->text_len + newline + (size_t)line_len + 1);
    if (text == NULL) {
        return;
    }
    if (newline > 0) {
        text[err->text_len] = '\n';
    }
    vsnprintf(text + err->text_len + newline, (size_t)line_len + 1, fmt, args);
    err->text = text;
    err->text_len += newline + (size_t)line_len;
}

ws_status ws_error_add(ws_error *err, ws_status status, const char *fmt, ...)
{
    if (err == NULL) {
        return status;
    }
    if (err->n_problems == 0) {
        err->status = status;
    }
    if (err->n_problems < MAX_KEPT_PROBLEMS) {
        va_list args;
        va_start(args, fmt);
        append_line(err, fmt, args);
        va_end(args);
    }
    err->n_problems++;
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
