/* workload/workload_read.h -- workloads from JSONL datasets, and the one a run without a dataset gets.
 *
 * A line is a flat request or an agentic session (docs/model/serving.md 2); every count is validated here. */
#ifndef WS_WORKLOAD_READ_H
#define WS_WORKLOAD_READ_H

#include "base/error.h"
#include "base/files.h"
#include "base/status.h"
#include "workload/workload.h"

/** Read a JSONL dataset.
 * @param[in] max_lines  lines to take (a session is one line); 0 = all
 * @return WS_OK; WS_ERR_INPUT with file, line, what was found and expected, for every broken line (at most
 * 20) */
WS_NODISCARD ws_status ws_workload_read(ws_files *files, const char *path, int64_t max_lines, ws_error *err,
                                        ws_workload **out);

/** The 16 requests of 64 + 64 tokens at time 0 that a run without a dataset gets. */
WS_NODISCARD ws_status ws_workload_default(ws_workload **out);

#endif /* WS_WORKLOAD_READ_H */
