#include "base/exit_code.h"

int ws_exit_code(ws_status status)
{
    switch (status) {
    case WS_OK:
        return WS_EXIT_DONE;
    case WS_ERR_ARG:
    case WS_ERR_INPUT:
    case WS_ERR_INFEASIBLE:
        return WS_EXIT_INPUT;
    case WS_ERR_IO:
        return WS_EXIT_OUTPUT;
    case WS_ERR_NOMEM:
    case WS_ERR_TIMEOUT:
    case WS_ERR_MEMORY_BUDGET:
        break;
    }
    return WS_EXIT_FAILED;
}

const char *ws_exit_code_help(void)
{
#define EXIT_LINE(id, code, text) "  " #code "\t" text "\n"
    return "exit codes:\n" WS_EXIT_LIST(EXIT_LINE);
#undef EXIT_LINE
}
