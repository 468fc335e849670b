#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>

void ws__assert_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expr);
    abort();
}

ws_status ws_status_worse(ws_status first, ws_status next)
{
    if (first == WS_OK || next == WS_ERR_NOMEM) {
        return next;
    }
    return first;
}

const char *ws_status_text(ws_status status)
{
    switch (status) {
#define WS_STATUS_CASE(code, text)                                                                           \
    case code:                                                                                               \
        return text;
        WS_STATUS_LIST(WS_STATUS_CASE)
#undef WS_STATUS_CASE
    }
    return "unknown status";
}
