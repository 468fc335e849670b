/* cmd_util.h -- what every command ends with. */
#ifndef SWP_CMD_UTIL_H
#define SWP_CMD_UTIL_H

#include "base/error.h"

/** Print problems to stderr, release them, and give the exit code of a status: 0, 2 for bad input, 3 for the
 * rest. */
int swp_cmd_exit(ws_status status, ws_error *err);

#endif /* SWP_CMD_UTIL_H */
