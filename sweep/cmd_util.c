#include "cmd_util.h"

#include <stdio.h>

#include "commands.h"

int swp_cmd_exit(ws_status status, ws_error *err)
{
    if (status != WS_OK) {
        fprintf(stderr, "%s\n", err->n_problems > 0 ? ws_error_text(err) : ws_status_text(status));
    }
    ws_error_clear(err);
    return ws_exit_code(status);
}
