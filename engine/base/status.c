#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>

void ws__assert_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expr);
    abort();
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
