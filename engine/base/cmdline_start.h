/* base/cmdline_start.h -- the beginning of a program or command: read its line, or print the help or the
 * problems. */
#ifndef WS_CMDLINE_START_H
#define WS_CMDLINE_START_H

#include "base/cmdline.h"

/** Read a line as a command does that has nothing to clean up: print the help it asks for to stdout, or its
 * problems to stderr.
 * @param[out] n_operands_out  as in ws_cmdline_seen, or NULL
 * @param[out] exit_code_out   set if false: 0 after help, 2 after problems
 * @return whether to go on */
WS_NODISCARD bool ws_cmdline_start(const ws_cmdline *line, int argc, char **argv, size_t *n_operands_out,
                                   int *exit_code_out);

/** Say on stderr that a program has no such command, with the nearest of those it has. @return exit code 2 */
int ws_cmdline_refuse_command(const char *program, const char *name, const char *const *known,
                              size_t n_known);

#endif /* WS_CMDLINE_START_H */
