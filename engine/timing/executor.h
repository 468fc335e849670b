/* timing/executor.h -- batches on NPUs: prepared when they are formed, handed to the NPUs, ended by events.
 *
 * Three ways, the same results: a closed form for dense models on one stage (timing/step.h), block by block
 * for parallelism of any kind (timing/lockstep.h), and the event engine for all the rest
 * (timing/event_engine.h). ws_scenario.step_model chooses once per run. */
#ifndef WS_EXECUTOR_H
#define WS_EXECUTOR_H

#include "timing/executor_state.h"

/** @param[in] hook  follows the kernels of the event engine one by one; the other ways to time batches call
 * it never */
WS_NODISCARD ws_status ws_executor_init(ws_executor *executor, ws_arena *arena, const ws_scenario *scenario,
                                        ws_kernel_hook hook);

/** Time a batch that was just formed, as far as it can be yet. slot is its index among the scheduler's
 * batches; what is known of it is in `prepared` of the instance.
 * @param[in] group_tokens  longest batch of its DP round; its own length without one */
WS_NODISCARD ws_status ws_executor_prepare(ws_executor *executor, size_t instance, size_t slot,
                                           const ws_batch *batch, int64_t group_tokens, int64_t now_ns);

/** True if a batch in flight has been prepared. */
static inline bool ws_executor_is_prepared(const ws_executor_instance *instance, size_t slot,
                                           const ws_batch *batch)
{
    return instance->prepared[slot].batch_plus_1 == batch->id + 1;
}

/** Hand a prepared batch to the NPUs between start and end, and to the start NPU. */
WS_NODISCARD ws_status ws_executor_start(ws_executor *executor, size_t instance, size_t slot, int64_t now_ns);

/** Hand it to the end NPU. */
WS_NODISCARD ws_status ws_executor_join(ws_executor *executor, size_t instance, size_t slot, int64_t now_ns);

/** Time of the next event at or after now_ns, INT64_MAX if there is none. */
int64_t ws_executor_next_ns(const ws_executor *executor, int64_t now_ns);

/** Run all events of a tick; pollers whose programs end become idle. */
WS_NODISCARD ws_status ws_executor_run_tick(ws_executor *executor, int64_t now_ns);

/** Let NPUs between start and end, which nobody waits for, finish what they have.
 * @param[out] end_ns_out  when the last NPU becomes free, >= now_ns */
WS_NODISCARD ws_status ws_executor_drain(ws_executor *executor, int64_t now_ns, int64_t *end_ns_out);

#endif /* WS_EXECUTOR_H */
