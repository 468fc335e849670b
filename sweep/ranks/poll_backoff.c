#include "ranks/poll_backoff.h"

#include <time.h>

long swp_poll_backoff_next_ns(long pause_ns, long max_ns, bool did_something)
{
    const long next_ns = did_something ? pause_ns / 2 : pause_ns + pause_ns / 2;
    return next_ns < SWP_POLL_BACKOFF_MIN_NS ? SWP_POLL_BACKOFF_MIN_NS : next_ns > max_ns ? max_ns : next_ns;
}

void swp_poll_backoff(long *pause_ns, long max_ns, bool did_something)
{
    *pause_ns = swp_poll_backoff_next_ns(*pause_ns, max_ns, did_something);
    if (!did_something) {
        const struct timespec time = {.tv_nsec = *pause_ns};
        nanosleep(&time, NULL);
    }
}
