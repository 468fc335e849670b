#include "base/cmdline_start.h"

#include <stdio.h>

#include "base/cmdline_help.h"
#include "base/exit_code.h"
#include "base/nearest_name.h"

bool ws_cmdline_start(const ws_cmdline *line, int argc, char **argv, size_t *n_operands_out,
                      int *exit_code_out)
{
    ws_error        err    = WS_ERROR_INIT;
    ws_cmdline_seen seen   = {.n_operands = 0};
    const ws_status status = ws_cmdline_read(line, argc, (const char *const *)argv, &err, &seen);
    if (status != WS_OK) {
        (void)fprintf(stderr, "%s\n", err.n_problems > 0 ? ws_error_text(&err) : ws_status_text(status));
        if (line->usage != NULL) {
            (void)fprintf(stderr, "usage: %s %s\n", line->program, line->usage);
        }
    } else if (seen.wants_help) {
        ws_cmdline_print_help(line, stdout);
    }
    ws_error_clear(&err);
    *exit_code_out = ws_exit_code(status);
    if (n_operands_out != NULL) {
        *n_operands_out = seen.n_operands;
    }
    return status == WS_OK && !seen.wants_help;
}

int ws_cmdline_refuse_command(const char *program, const char *name, const char *const *known, size_t n_known)
{
    const char *nearest = ws_nearest_name(name, known, n_known);
    if (nearest != NULL) {
        (void)fprintf(stderr, "%s: unknown command %s; did you mean %s?\n", program, name, nearest);
    } else {
        (void)fprintf(stderr, "%s: unknown command %s; see %s --help\n", program, name, program);
    }
    return WS_EXIT_INPUT;
}
