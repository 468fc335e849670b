#include "scenario/scenario_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ws_scenario_note(ws_scenario *s, const char *format, ...)
{
    char    line[600];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (strstr(ws_strbuf_text(&s->notes), line) == NULL) {
        ws_strbuf_puts(&s->notes, line);
    }
}
