/* base/clock.h -- wall time that only goes forward, and waiting by it.
 *
 * The monotonic clock does not jump when somebody sets the time of the machine, as the calendar's does: a
 * wait by that one may end at once, or hours late. A condition variable waits by the clock it was made with,
 * so those whose waits have a limit are made here. Any thread may call. Not for virtual time. */
#ifndef WS_CLOCK_H
#define WS_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/** Wall time, s, from a point that stays the same as long as the machine runs. */
double ws_wall_s(void);

/** Sleep so long, or until a signal comes.
 * @param[in] wait_ns  ns, >= 0 */
void ws_sleep_ns(int64_t wait_ns);

/** Make a condition variable that waits by the monotonic clock.
 * @param[out] cond_out  release with pthread_cond_destroy(); nothing to release after an error
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_cond_init(pthread_cond_t *cond_out);

/** Wait until the condition is signalled, or for so long at most. As every such wait it may end sooner for no
 * reason: look at what was waited for.
 * @param[in]     wait_s  s; not above 0: does not wait
 * @param[in,out] cond    made by ws_cond_init()
 * @param[in,out] mutex   held by the caller, also afterwards
 * @return false if the time is over */
bool ws_cond_wait_s(pthread_cond_t *cond, pthread_mutex_t *mutex, double wait_s);

#endif /* WS_CLOCK_H */
