/* command_end.h -- what every command ends with. */
#ifndef SWP_COMMAND_END_H
#define SWP_COMMAND_END_H

#include "base/error.h"

/** Print problems to stderr, release them, and give the exit code of a status: 0, 2 for bad input, 3 for the
 * rest. */
int swp_cmd_exit(ws_status status, ws_error *err);

/** printf() to stdout of text that comes from a file: what would steer a terminal is spelled
 * (base/printable.h), line ends stay. */
void swp_print(const char *fmt, ...) WS_PRINTF(1, 2);

#endif /* SWP_COMMAND_END_H */
