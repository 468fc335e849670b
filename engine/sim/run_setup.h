/* sim/run_setup.h -- the state a run begins with. For this folder only. */
#ifndef WS_RUN_SETUP_H
#define WS_RUN_SETUP_H

#include "sim/run.h"

/** Make everything a run of run->scenario needs, in its arena, which is empty.
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_run_set_up(ws_run *run);

#endif /* WS_RUN_SETUP_H */
