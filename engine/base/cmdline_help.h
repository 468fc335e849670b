/* base/cmdline_help.h -- the help text of a command line, from its tables (base/cmdline.h). */
#ifndef WS_CMDLINE_HELP_H
#define WS_CMDLINE_HELP_H

#include <stdio.h>

#include "base/cmdline.h"
#include "base/strbuf.h"
#include "base/value_text.h"

/** Print usage, what it does, every option by heading, and the exit codes; no line is wider than 112 columns
 * if the caller's texts are not. */
void ws_cmdline_print_help(const ws_cmdline *line, FILE *stream);

/** The values an option of kind SWITCH, INT, NUMBER, SECONDS or CHOICE takes. */
ws_value_domain ws__arg_domain(const ws_arg *arg);

/** Append what messages say an option expects. */
void ws__arg_put_expected(const ws_arg *arg, ws_strbuf *out);

/** Append what help calls an option's value: "FILE", "N", "yes|no|auto"; nothing for flags. */
void ws__arg_put_value(const ws_arg *arg, ws_strbuf *out);

#endif /* WS_CMDLINE_HELP_H */
