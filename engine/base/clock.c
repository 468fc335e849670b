#include "base/clock.h"

#include <math.h>
#include <time.h>

#include "base/units.h"

#define MAX_WAIT_S 1e9 /* 30 years: no more than that fits into every sum */

static struct timespec wall_now(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with a valid clock */
    return now;
}

double ws_wall_s(void)
{
    const struct timespec now = wall_now();
    return (double)now.tv_sec + (double)now.tv_nsec * WS_S_PER_NS;
}

static struct timespec later(struct timespec from, int64_t ns)
{
    const int64_t sum_ns = from.tv_nsec + ns;
    return (struct timespec){.tv_sec  = from.tv_sec + (time_t)(sum_ns / WS_NS_PER_S),
                             .tv_nsec = (long)(sum_ns % WS_NS_PER_S)};
}

void ws_sleep_ns(int64_t wait_ns)
{
    const struct timespec time = later((struct timespec){0}, wait_ns);
    nanosleep(&time, NULL);
}

ws_status ws_cond_init(pthread_cond_t *cond_out)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return WS_ERR_NOMEM;
    }
    const bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                    pthread_cond_init(cond_out, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return ok ? WS_OK : WS_ERR_NOMEM;
}

bool ws_cond_wait_s(pthread_cond_t *cond, pthread_mutex_t *mutex, double wait_s)
{
    if (!(wait_s > 0.0)) {
        return false;
    }
    const struct timespec until =
        later(wall_now(), (int64_t)(fmin(wait_s, MAX_WAIT_S) * (double)WS_NS_PER_S));
    return pthread_cond_timedwait(cond, mutex, &until) == 0;
}
