/* terminal.h -- whether people watch what goes to stderr, and how much of it fits. */
#ifndef SWP_TERMINAL_H
#define SWP_TERMINAL_H

#include <stdbool.h>

typedef struct swp_terminal {
    bool is_live;            /**< stderr ends up on a terminal */
    int  n_columns, n_lines; /**< of it; at least 20 and 2 */
} swp_terminal;

/** Look where stderr ends up. Under mpirun it is a pipe into the launcher, which copies it to its own stderr:
 * that one counts where the launcher is this process's parent, as it is for the ranks of its own host.
 * @param[in] is_launched  by mpirun or the like */
swp_terminal swp_terminal_find(bool is_launched);

#endif /* SWP_TERMINAL_H */
