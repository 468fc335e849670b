#include "ranks/poll_backoff.h"

long swp_poll_backoff_next_ns(long pause_ns, long max_ns, bool did_something)
{
    const long next_ns = did_something ? pause_ns / 2 : pause_ns + pause_ns / 2;
    if (next_ns < SWP_POLL_BACKOFF_MIN_NS) {
        return SWP_POLL_BACKOFF_MIN_NS;
    }
    return next_ns > max_ns ? max_ns : next_ns;
}

void swp_poll_backoff(const swp_machine *machine, long *pause_ns, long max_ns, bool did_something)
{
    *pause_ns = swp_poll_backoff_next_ns(*pause_ns, max_ns, did_something);
    if (!did_something) {
        swp_sleep_ns(machine, *pause_ns);
    }
}
