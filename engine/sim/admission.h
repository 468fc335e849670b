/* sim/admission.h -- requests as they arrive: routed to an instance, or rejected where none can serve them.
 * For this folder only. */
#ifndef WS_ADMISSION_H
#define WS_ADMISSION_H

#include "sim/run.h"

/** Put every request that has arrived by now into a waiting list, or among the rejected ones. */
WS_NODISCARD ws_status ws_run_route(ws_run *run);

#endif /* WS_ADMISSION_H */
