/* timing/executor_ops.h -- the three ways to time batches behind one table; for the executor only. */
#ifndef WS_EXECUTOR_OPS_H
#define WS_EXECUTOR_OPS_H

#include "timing/executor_state.h"

/** One way to time batches. What each function does is said in executor.h, under the same name. */
typedef struct ws_executor_ops {
    ws_status (*init)(ws_executor *x, int64_t widest); /* widest: most NPUs of a pipeline stage */
    ws_status (*init_instance)(ws_executor *x, ws_executor_instance *instance, size_t n_slots);
    ws_status (*prepare)(ws_executor *x, ws_executor_instance *instance, ws_prepared *prepared,
                         const ws_batch *batch, int64_t group_tokens, int64_t now_ns);
    ws_status (*start)(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns);
    ws_status (*join)(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns);
    int64_t (*next_ns)(const ws_executor *x, int64_t now_ns);
    ws_status (*run_tick)(ws_executor *x, int64_t now_ns);
    ws_status (*drain)(ws_executor *x, int64_t now_ns, int64_t *end_ns_out);
} ws_executor_ops;

extern const ws_executor_ops ws__executor_closed, ws__executor_lockstep, ws__executor_events;

/** A poller's program ends. */
static inline void ws__executor_end_program(ws_executor *x, ws_poller *poller)
{
    poller->is_busy = false;
    poller->n_programs++;
    x->has_ended = true;
}

/** Keep the earlier one of two events, if this one is still to come. */
static inline void ws__executor_note_event(int64_t *next_ns, int64_t event_ns, int64_t now_ns)
{
    if (event_ns >= now_ns && event_ns < *next_ns) {
        *next_ns = event_ns;
    }
}

#endif /* WS_EXECUTOR_OPS_H */
