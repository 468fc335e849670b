/* sim/result_build.h -- the result of a run that has ended: requests, metrics, series, energy. For this
 * folder only. */
#ifndef WS_RESULT_BUILD_H
#define WS_RESULT_BUILD_H

#include "sim/run.h"

/** Fill run->result from the finished run.
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_run_build_result(ws_run *run);

#endif /* WS_RESULT_BUILD_H */
