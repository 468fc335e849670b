/* sim/event_loop_physical.h -- what moves the clock under physical fidelity: the next arrival or event, at
 * which every free instance gets its next batch. For this folder only. */
#ifndef WS_EVENT_LOOP_PHYSICAL_H
#define WS_EVENT_LOOP_PHYSICAL_H

#include "sim/run.h"

/** Run the scenario to its end, leaving the final clock in now_ns.
 * @return WS_OK; WS_ERR_INFEASIBLE, WS_ERR_TIMEOUT, WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_event_loop_physical(ws_run *run);

#endif /* WS_EVENT_LOOP_PHYSICAL_H */
