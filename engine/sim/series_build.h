/* sim/series_build.h -- the series of a result: state, throughput and power over equal intervals. For this
 * folder only. */
#ifndef WS_SERIES_BUILD_H
#define WS_SERIES_BUILD_H

#include "sim/run.h"

/** The run has ended: take the rest of it behind the last full interval, and close the accounts. */
WS_NODISCARD ws_status ws_series_finish(ws_run *run);

/** Put samples and power together; node_tracked of the result is filled in. */
WS_NODISCARD ws_status ws_series_build(ws_run *run, const ws_sampler *samples, const ws_accounts *accounts,
                                       ws_series *out);

#endif /* WS_SERIES_BUILD_H */
