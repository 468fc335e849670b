#include "cli/command_end.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"

#include "cli/commands.h"

int swp_cmd_exit(ws_status status, ws_error *err)
{
    if (status != WS_OK) {
        fprintf(stderr, "%s\n", err->n_problems > 0 ? ws_error_text(err) : ws_status_text(status));
    }
    ws_error_clear(err);
    return ws_exit_code(status);
}

void swp_print(const char *fmt, ...)
{
    ws_strbuf shown = WS_STRBUF_INIT;
    va_list   args, measure;
    va_start(args, fmt);
    va_copy(measure, args);
    const int len = vsnprintf(NULL, 0, fmt, measure);
    va_end(measure);
    char *raw = len < 0 ? NULL : malloc((size_t)len + 1);
    if (raw != NULL) {
        vsnprintf(raw, (size_t)len + 1, fmt, args);
        ws_printable_append(&shown, raw, "\n");
    }
    va_end(args);
    fputs(raw == NULL || shown.failed ? "out of memory\n" : ws_strbuf_text(&shown), stdout);
    ws_strbuf_fini(&shown);
    free(raw);
}
