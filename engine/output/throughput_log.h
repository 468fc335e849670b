/* output/throughput_log.h -- the log of a run: one line per --log-interval of simulated time.
 *
 *   [INFO] step=42 batch=8 prompt_t=1.2k tok/s decode_t=420 tok/s npu_mem=88.4 GB power=712 W
 *
 * step: batches so far; batch: running requests; npu_mem: sum over NPUs; cxl_mem (with CXL devices) likewise;
 * power (only when tracked): total of all tracked nodes at the end of the interval. */
#ifndef WS_THROUGHPUT_LOG_H
#define WS_THROUGHPUT_LOG_H

#include <stdio.h>

#include "result/result.h"
#include "engine.h"

/** Print result->log. Write errors stay on the stream. */
void ws_throughput_log_print(const ws_result *result, FILE *stream);

/** Print one closing line with the run's totals: requests, duration, throughput and latency. */
void ws_throughput_log_print_end(const ws_result *result, FILE *stream);

/** Print how many requests were rejected and why, a line for every reason; nothing if none was. */
void ws_throughput_log_print_rejected(const ws_result *result, FILE *stream);

/** Print whether the run met its SLO, or which bounds it broke; nothing without one. */
void ws_throughput_log_print_slo(const ws_result *result, const ws_slo *slo, FILE *stream);

#endif /* WS_THROUGHPUT_LOG_H */
