/* timing/executor.h -- batches on NPUs: prepared when they are formed, handed to the NPUs, ended by events.
 *
 * Three ways, the same results: a closed form for dense models on one stage (timing/step.h), block by block
 * for parallelism of any kind (timing/lockstep.h), and the event engine for all the rest
 * (timing/event_engine.h). ws_scenario.step_model chooses once per run. */
#ifndef WS_EXECUTOR_H
#define WS_EXECUTOR_H

#include "timing/batch_report.h"
#include "timing/graph_build.h"
#include "timing/lockstep.h"
#include "timing/op_list.h"
#include "timing/step.h"

/** A start or end NPU as the serving side sees it. */
typedef struct ws_poller {
    bool    is_busy;    /* runs a program */
    bool    is_asleep;  /* was told that all work is done */
    int64_t n_programs; /* batch programs it has finished */
} ws_poller;

/** Told when an NPU's first kernel after a pause begins (is_start) or its compute slot gets free. */
typedef void (*ws_kernel_fn)(void *ctx, const ws_instance_config *instance, int64_t npu, int64_t batch_id,
                             bool is_start, int64_t now_ns);
typedef struct ws_kernel_hook {
    void        *ctx;
    ws_kernel_fn on_kernel; /* NULL = not wanted */
} ws_kernel_hook;

/** What is kept of a batch between its forming and its end; one per batch slot of the scheduler. */
typedef struct ws_prepared {
    ws_npu_graph    **programs;     /* [n_npu_ids] graphs not handed out yet; NULL without graph */
    ws_lockstep_batch lock;         /* lockstep */
    int64_t           batch_plus_1; /* id + 1 of the batch it was prepared for; 0 = none yet */
    ws_batch_report   report;
    bool              start_has_it, end_has_it; /* handed out since it was prepared */
} ws_prepared;

/** One instance's NPUs. */
typedef struct ws_executor_instance {
    const ws_instance_config *config;
    ws_poller                 start, end;   /* end is unused with one NPU id */
    ws_step                   step;         /* closed form: the batch that runs now, or ran last */
    int64_t                   tail_ns;      /* closed form: when the memory queue gets free */
    ws_prepared              *prepared;     /* [batch slots] */
    ws_lockstep_instance      lock;         /* lockstep: its NPUs between batches */
    size_t                    launched;     /* lockstep: slot of the batch started last ... */
    bool                      is_launched;  /* ... whose group has not been walked yet */
    int64_t                   start_end_ns; /* lockstep: when the start NPU gets free */
    int64_t *end_ns; /* lockstep: [pp_size + 1] program ends of the end NPU to come, a ring */
    size_t   end_first, n_ends;
} ws_executor_instance;

struct ws_executor_ops;

typedef struct ws_executor {
    const ws_scenario            *scenario;
    const struct ws_executor_ops *ops;
    ws_arena                     *arena; /* borrowed */
    ws_executor_instance         *instances;
    int32_t                      *instance_of_npu; /* [NPU ids] */
    int64_t                       n_npu_ids;
    int64_t                      *scratch; /* for ws_step_time() */
    ws_event_engine              *engine;  /* event engine; NULL with the other models */
    ws_lockstep_space             space;   /* lockstep */
    ws_lockstep_instance        **members; /* lockstep: [n_instances] scratch for a group */
    ws_lockstep_batch           **locks;   /* likewise */
    ws_graph_builder              graphs;  /* event engine */
    ws_op_list_builder            builder;
    ws_op_list                    list; /* ops of the batch being prepared */
    ws_kernel_hook                hook;
    bool                          has_ended; /* some program has ended since the flag was cleared */
} ws_executor;

/** @param[in] hook  follows the kernels of the event engine one by one; the other ways to time batches call
 * it never */
WS_NODISCARD ws_status ws_executor_init(ws_executor *executor, ws_arena *arena, const ws_scenario *scenario,
                                        ws_kernel_hook hook);

/** True if the instance's highest NPU id is another one than its lowest. */
static inline bool ws_executor_has_end(const ws_executor_instance *instance)
{
    return instance->config->n_npu_ids > 1;
}

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
 * @param[out] end_ns_out  when the last NPU gets free, >= now_ns */
WS_NODISCARD ws_status ws_executor_drain(ws_executor *executor, int64_t now_ns, int64_t *end_ns_out);

#endif /* WS_EXECUTOR_H */
