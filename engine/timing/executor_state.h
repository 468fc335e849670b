/* timing/executor_state.h -- the NPUs of a run and the batches on them, as the executor and each of its three
 * ways keep them. */
#ifndef WS_EXECUTOR_STATE_H
#define WS_EXECUTOR_STATE_H

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

/** Told when an NPU's first kernel after a pause begins (is_start) or its compute slot becomes free. */
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
    int64_t                   tail_ns;      /* closed form: when the memory queue becomes free */
    ws_prepared              *prepared;     /* [batch slots] */
    ws_lockstep_instance      lock;         /* lockstep: its NPUs between batches */
    size_t                    launched;     /* lockstep: slot of the batch started last ... */
    bool                      is_launched;  /* ... whose group has not been walked yet */
    int64_t                   start_end_ns; /* lockstep: when the start NPU becomes free */
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

/** True if the instance's highest NPU id is another one than its lowest. */
static inline bool ws_executor_has_end(const ws_executor_instance *instance)
{
    return instance->config->n_npu_ids > 1;
}

#endif /* WS_EXECUTOR_STATE_H */
