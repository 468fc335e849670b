/* sim/run_failure.h -- why a run ends without a result. For this folder only. All of these return an error.
 */
#ifndef WS_RUN_FAILURE_H
#define WS_RUN_FAILURE_H

#include "sim/run.h"

/** No event is left, but work is: say which instance is stuck and why. */
ws_status ws_run_explain_deadlock(const ws_run *run);

/** Nothing was served: how many requests were rejected for what, with the first of each kind. */
ws_status ws_run_explain_empty(const ws_run *run);

/** The memory a run needs and has, bytes; names the sampling interval where that is short and the likely
 * reason. */
ws_status ws_run_explain_memory(const ws_run *run);

#endif /* WS_RUN_FAILURE_H */
