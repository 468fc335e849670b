#define _GNU_SOURCE /* sched_getaffinity: Linux */
#include "store/cores.h"

#include <sched.h>

size_t swp_cores(void)
{
    cpu_set_t cores;
    /* A machine with more cores than a cpu_set_t has room for answers with an error. */
    const int n = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return n > 0 ? (size_t)n : 1;
}
