/* timing/lockstep.h -- batches of a DP group, or of one instance, walked block by block instead of event by
 * event (docs/model/timing.md 5.4): pipeline stages, tensor and expert parallelism, prefill hand-off.
 *
 * All NPUs of a batch start together (physical fidelity), so every element of a block is a few additions per
 * NPU, and once the NPUs' distances repeat from one block to the next the remaining blocks are a
 * multiplication. Equal to the event engine (timing/event_engine.h), but that under pipelines the loads of a
 * batch do not queue with the stores of the one before. Not for PIM, weights off the NPU, or second tiers
 * under pipelines. */
#ifndef WS_LOCKSTEP_H
#define WS_LOCKSTEP_H

#include "timing/op_list.h"

enum { WS_LOCKSTEP_ELEMENTS_MAX = 16 };

typedef enum ws_lockstep_kind {
    WS_LOCKSTEP_COMPUTE,
    WS_LOCKSTEP_KV_SEND,    /* to the shadow; ns = message delay */
    WS_LOCKSTEP_ALL_REDUCE, /* bytes, over the TP ranks */
    WS_LOCKSTEP_DISPATCH,   /* bytes, over the EP ranks; the chain does not wait for it */
    WS_LOCKSTEP_EXPERTS,    /* each local rank its own time */
    WS_LOCKSTEP_COMBINE     /* bytes, over the EP ranks */
} ws_lockstep_kind;

typedef struct ws_lockstep_element {
    ws_lockstep_kind kind;
    int64_t          ns, bytes;
} ws_lockstep_element;

/** A batch of one instance, costed. */
typedef struct ws_lockstep_batch {
    int64_t             prologue_ns, head_ns;
    size_t              n_elements;
    ws_lockstep_element elements[WS_LOCKSTEP_ELEMENTS_MAX]; /* of one block */
    int64_t            *expert_ns;                          /* [local_ep] 0 = the rank has no tokens */
    int64_t             load_ns, store_ns, stage_ns,
        output_ns;      /* entry load, exit store, hand-off to the next stage, to the shadow */
    ws_npu_times *npus; /* [num_npus] filled by the walk */
    int64_t       start_end_ns, end_end_ns; /* program ends of start and end NPU, filled by the walk */
} ws_lockstep_batch;

/** State of an instance's NPUs between batches. */
typedef struct ws_lockstep_instance {
    const ws_instance_config *config;
    int64_t                  *free_ns; /* [num_npus] end of the last program */
    int64_t tail_ns, store_tail_ns;    /* when its host queue becomes free for loads and for stores */
} ws_lockstep_instance;

/** Room for walking groups of up to n_npus NPUs per stage. */
typedef struct ws_lockstep_space {
    int64_t *chain_ns, *slot_ns; /* [n_npus] c and q of docs/model/timing.md 5.4 */
    int64_t *last_ns;            /* [n_npus] end of the last kernel */
    int64_t *ring_ns, *scratch;  /* [n_npus] */
    int64_t *before;             /* [3 * n_npus] distances before the last block */
    int64_t *bytes; /* [n_npus] payload of each member's collective; there are no more members than NPUs */
    ws_npu_times *counts; /* [n_npus] counts before the last block */
} ws_lockstep_space;

WS_NODISCARD ws_status ws_lockstep_space_init(ws_lockstep_space *space, ws_arena *arena, int64_t n_npus);
WS_NODISCARD ws_status ws_lockstep_batch_init(ws_lockstep_batch *lock, ws_arena *arena,
                                              const ws_instance_config *instance);

/** Cost a batch.
 * @param[in,out] report  gets its work, as ws_op_list_build() would count it, and whether it extrapolates */
void ws_lockstep_batch_prepare(ws_lockstep_batch *lock, ws_op_list_builder *builder,
                               const ws_instance_config *instance, const ws_batch *batch,
                               int64_t group_tokens, ws_batch_report *report);

/** Walk the batches of n members that start together at now_ns.
 * @param[in,out] instances, locks  [n_members] in group order */
void ws_lockstep_walk(ws_lockstep_space *space, ws_lockstep_instance *const *instances,
                      ws_lockstep_batch *const *locks, size_t n_members, int64_t now_ns);

#endif /* WS_LOCKSTEP_H */
