/* sim/event_loop_reference.h -- what moves the clock under reference fidelity: polls of the NPUs, in the
 * order the reference simulator makes them (docs/model/serving.md 0). For this folder only. */
#ifndef WS_EVENT_LOOP_REFERENCE_H
#define WS_EVENT_LOOP_REFERENCE_H

#include "sim/run.h"

/** Run the scenario to its end, leaving the final clock in now_ns.
 * @return WS_OK; WS_ERR_INFEASIBLE, WS_ERR_TIMEOUT, WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_event_loop_reference(ws_run *run);

#endif /* WS_EVENT_LOOP_REFERENCE_H */
