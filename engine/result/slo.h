/* result/slo.h -- upper bounds on latencies, of each request and of a run: their names, and whether a run
 * meets them. */
#ifndef WS_SLO_H
#define WS_SLO_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "result/metrics.h"

enum { WS_SLO_N_RUN_BOUNDS = WS_METRIC_QUEUE_P99_MS - WS_METRIC_TTFT_MEAN_MS + 1 };

/** Upper bounds on latencies, ms. 0 or INFINITY = no bound, so that a zeroed struct bounds nothing. */
typedef struct ws_slo {
    double ttft_ms, tpot_ms, itl_ms, latency_ms, queue_ms; /* of each request; itl: its mean */
    double run_ms[WS_SLO_N_RUN_BOUNDS]; /* of means and percentiles of the run, from WS_METRIC_TTFT_MEAN_MS */
    double attainment; /* share of requests that have to be within their bounds; 0 = WS_SLO_ATTAINMENT */
} ws_slo;
#define WS_SLO_NONE ((ws_slo){.ttft_ms = 0.0})
#define WS_SLO_ATTAINMENT 0.99

/** What an SLO is made of, one after the other: bounds of each request ("ttft_ms"), of the run, named like
 * the metric ("ttft_p99_ms"), and "attainment". */
enum { WS_SLO_N_PARTS = 5 + WS_SLO_N_RUN_BOUNDS + 1 };
const char *ws_slo_part_name(size_t part);
double      ws_slo_part_most(size_t part); /**< the largest value it may have; the smallest is above 0 */
double     *ws_slo_part(ws_slo *slo, size_t part);
/** @param[in] name  [len], not NUL-terminated
 * @return WS_SLO_N_PARTS if there is no such part */
size_t ws_slo_find(const char *name, size_t len);

/** True if something is bounded. */
bool ws_slo_is_set(const ws_slo *slo);
/** False if some value is no number or out of range, or only a share is wanted and nothing bounded. */
bool ws_slo_is_valid(const ws_slo *slo);
/** Whether a run with these metrics ([WS_METRIC_COUNT]) meets all of it: the bounds of the run hold, and the
 * wanted share of all requests finished within the bounds of each request. */
bool ws_slo_is_met(const ws_slo *slo, const double *metrics);
/** Read "ttft_ms=500,tpot_ms=50" into bounds; those not named stay as they are. */
WS_NODISCARD ws_status ws_slo_parse(const char *text, ws_error *err, ws_slo *slo);
/** The same text, as --slo takes it; nothing if nothing is bounded. */
void ws_slo_put_text(const ws_slo *slo, ws_strbuf *out);
/** What of it these metrics break: "ttft_p99_ms 9300 > 2000, slo_attainment 0.5 < 0.99". */
void ws_slo_put_broken(const ws_slo *slo, const double *metrics, ws_strbuf *out);

#endif /* WS_SLO_H */
