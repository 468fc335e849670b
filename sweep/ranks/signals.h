/* signals.h -- SIGTERM, SIGINT and SIGUSR1 ask a sweep to leave: finish what runs, flush, exit 75. SIGALRM
 * ends a call that cannot be left in any other way. */
#ifndef SWP_SIGNALS_H
#define SWP_SIGNALS_H

#include <stdbool.h>

/** From now on these signals are noted instead of ending the process. A second one within a sweep that is
 * already leaving changes nothing. */
void swp_signals_catch(void);

/** True once such a signal came. */
bool swp_signals_came(void);

/** End the process with exit_code if swp_watchdog_stop() does not come in time.
 * @param[in] limit_s  rounded up to whole seconds
 * @param[in] text     written to stderr then; a constant */
void swp_watchdog_start(double limit_s, int exit_code, const char *text);
void swp_watchdog_stop(void);

#endif /* SWP_SIGNALS_H */
