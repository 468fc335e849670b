/* signals.h -- SIGTERM, SIGINT and SIGUSR1 ask a sweep to leave: finish what runs, flush, exit 75. */
#ifndef SWP_SIGNALS_H
#define SWP_SIGNALS_H

#include <stdbool.h>

/** From now on these signals are noted instead of ending the process. A second one within a sweep that is
 * already leaving changes nothing. */
void swp_signals_catch(void);

/** True once such a signal came. */
bool swp_signals_came(void);

#endif /* SWP_SIGNALS_H */
