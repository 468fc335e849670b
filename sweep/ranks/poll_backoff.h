/* poll_backoff.h -- how long to sleep between two looks for messages: next to nothing while they come, up to
 * a millisecond while they do not, and a few where nobody can be waiting. Looking costs some ten microseconds
 * of a core that may be simulating; work is given far enough ahead for a millisecond not to be missed. */
#ifndef SWP_POLL_BACKOFF_H
#define SWP_POLL_BACKOFF_H

#include <stdbool.h>

#include "ranks/machine.h"

#define SWP_POLL_BACKOFF_MIN_NS 20000
#define SWP_POLL_BACKOFF_MAX_NS 1000000
#define SWP_POLL_BACKOFF_SURE_NS 4000000 /* while every worker has a bundle (ranks/coordinator.c) waiting */

/** The pause after a turn: half as long as the one before after a turn that did something, else half as long
 * again, up to max_ns. */
long swp_poll_backoff_next_ns(long pause_ns, long max_ns, bool did_something);

/** Take a turn's pause into account and sleep, but not after a turn that did something.
 * @param[in,out] pause_ns  0 at first */
void swp_poll_backoff(const swp_machine *machine, long *pause_ns, long max_ns, bool did_something);

#endif /* SWP_POLL_BACKOFF_H */
