#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "base/strbuf.h"

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

/* The line as a terminal may show it: names and values in it come from files. The caller frees it. */
WS_PRINTF(1, 0)
static char *print_line(const char *fmt, va_list args)
{
    ws_strbuf line = WS_STRBUF_INIT;
    va_list   measure;
    va_copy(measure, args);
    const int len = vsnprintf(NULL, 0, fmt, measure);
    va_end(measure);
    char *raw = len < 0 ? NULL : malloc((size_t)len + 1);
    if (raw == NULL) {
        return NULL;
    }
    vsnprintf(raw, (size_t)len + 1, fmt, args);
    if (ws_is_printable(raw, "\n\t")) {
        return raw;
    }
    ws_printable_append(&line, raw, "\n\t");
    free(raw);
    if (line.failed) {
        ws_strbuf_fini(&line);
    }
    return line.data;
}

/* Append one printed line, unless it is there already: two instances of one kind have the same problem. The
 * record stays as it was if memory runs out.
 * @return false if it was there */
WS_PRINTF(2, 0)
static bool append_line(ws_error *err, const char *fmt, va_list args)
{
    char        *printed = print_line(fmt, args);
    const size_t newline = err->text_len > 0 ? 1 : 0;
    const size_t len     = printed == NULL ? 0 : strlen(printed);
    char        *text    = printed == NULL ? NULL : realloc(err->text, err->text_len + newline + len + 1);
    if (text == NULL) {
        free(printed);
        return true;
    }
    if (newline > 0) {
        text[err->text_len] = '\n';
    }
    err->text  = text;
    char *line = text + err->text_len + newline;
    memcpy(line, printed, len + 1);
    free(printed);
    if (is_repeated(text, line)) {
        text[err->text_len] = '\0';
        return false;
    }
    err->text_len += newline + len;
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
