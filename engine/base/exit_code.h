/* base/exit_code.h -- the exit codes of all three programs: one table for the code, --help and
 * docs/exit-codes.md. */
#ifndef WS_EXIT_CODE_H
#define WS_EXIT_CODE_H

#include "base/status.h"

/* clang-format off */
/* X(ID, code, what it means) */
#define WS_EXIT_LIST(X)                                                                                     \
    X(WS_EXIT_DONE,    0, "done")                                                                           \
    X(WS_EXIT_FAILED,  1, "out of memory or over a budget; of a sweep: some jobs have no result; diff: files differ") \
    X(WS_EXIT_INPUT,   2, "bad input, or a scenario that cannot run; nothing was written")                  \
    X(WS_EXIT_OUTPUT,  3, "a file cannot be written, or is damaged")                                        \
    X(WS_EXIT_RESUME, 75, "the sweep stopped early: run it again with --resume")
/* clang-format on */

enum {
#define WS_EXIT_ENUM(id, code, text) id = (code),
    WS_EXIT_LIST(WS_EXIT_ENUM)
#undef WS_EXIT_ENUM
};

/** The exit code of a program that ends with this status. */
int ws_exit_code(ws_status status);

/** The table as lines for --help: "exit codes:", then one line per code. Static storage. */
const char *ws_exit_code_help(void);

#endif /* WS_EXIT_CODE_H */
