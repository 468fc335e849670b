/* sim/sampler.h -- state and throughput of a run at the ends of equal intervals, without power. Arena memory.
 */
#ifndef WS_SAMPLER_H
#define WS_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "result/result.h"

/** What a sample is taken of: totals since the start and the state right now. */
typedef struct ws_sample_state {
    int64_t prompt_tokens, generated_tokens, n_steps; /* since the start */
    int64_t n_running, n_waiting;
    double  npu_mem_gb, cxl_mem_gb;
} ws_sample_state;

typedef struct ws_sampler {
    ws_arena *arena; /* borrowed */
    int64_t   interval_ns;
    int64_t   last_ns, next_ns;                /* end of the last interval, end of the current one */
    int64_t   prompt_tokens, generated_tokens; /* at the last sample */
    size_t    n_samples, capacity;
    double   *columns[WS_SERIES_COUNT]; /* power columns stay unallocated here */
} ws_sampler;

void ws_sampler_init(ws_sampler *sampler, ws_arena *arena, int64_t interval_ns);

/** Add the sample of the interval that ends at time_ns. Rates are tokens since the last sample over
 * rate_length_ns. */
WS_NODISCARD ws_status ws_sampler_take(ws_sampler *sampler, const ws_sample_state *state, int64_t time_ns,
                                       double rate_length_ns);

/** Take every sample due strictly before or at now_ns; the state has not changed since the last call. */
WS_NODISCARD ws_status ws_sampler_catch_up(ws_sampler *sampler, const ws_sample_state *state, int64_t now_ns);

#endif /* WS_SAMPLER_H */
