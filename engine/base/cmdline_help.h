/* base/cmdline_help.h -- the help text of a command line, from its tables (base/cmdline.h). */
#ifndef WS_CMDLINE_HELP_H
#define WS_CMDLINE_HELP_H

#include <stdio.h>

#include "base/cmdline.h"

/** Print usage, what it does, every option by heading, and the exit codes; no line is wider than 112 columns
 * if the caller's texts are not. */
void ws_cmdline_print_help(const ws_cmdline *line, FILE *stream);

#endif /* WS_CMDLINE_HELP_H */
