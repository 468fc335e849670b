/* timing/op_list.h -- a batch as an ordered list of ops: what every NPU of the instance computes, loads and
 * sends (docs/model/serving.md 6). graph_build.c turns ops into each NPU's graph.
 *
 * Rows of a repeated block are written once per block; the list is flat and used again for every batch. */
#ifndef WS_OP_LIST_H
#define WS_OP_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "hardware/pim.h"
#include "timing/expert_routing.h"
#include "timing/batch_report.h"
#include "timing/pim_spread.h"
#include "scenario/scenario_internal.h"

typedef enum ws_op_kind {
    WS_OP_COMPUTE,
    WS_OP_EXPERT, /* mark: ops up to the next mark run on stage-local NPU `index` mod NPUs per stage */
    WS_OP_EXPERT_END,
    WS_OP_PIM,      /* mark: ops up to the next mark are PIM work of channel `index` */
    WS_OP_PIM_WORK, /* one PIM entry; `index` is its channel */
    WS_OP_PIM_END
} ws_op_kind;

typedef struct ws_op {
    ws_op_kind    kind;
    ws_layer      layer; /* of compute ops */
    int8_t        tag;   /* sub-batch 1 or 2, 0 = none */
    int32_t       index; /* expert rank or channel */
    int64_t       ns;    /* compute time */
    ws_location   weights;
    int64_t       weight_bytes; /* loaded before the op if > 0 and not LOCAL (or with local offloading) */
    bool          has_collective;
    ws_collective collective;
    int64_t       collective_bytes;
    unsigned      collective_dims; /* bit per dimension */
    int64_t       kv_send_bytes;   /* to the shadow NPU, after the op */
    int64_t       pim_bytes;       /* transfer of a PIM entry */
} ws_op;

typedef struct ws_op_list {
    ws_op        *ops;
    size_t        n_ops, capacity;
    size_t       *stage_begin; /* [pp_size + 1] first op of each stage, and n_ops */
    size_t        stage_capacity;
    int64_t       load_bytes; /* kv_load op, 0 = none */
    ws_location   load_from;
    int64_t       input_bytes, output_bytes; /* first op's input, last op's output */
    int64_t       hidden_bytes;              /* T * h * b, between stages */
    bool          extrapolates;
    ws_batch_work work;
} ws_op_list;

/** Count the KV blocks that a batch moves between its instance and the second tier. */
void ws_batch_work_add_kv(const ws_scenario *scenario, const ws_instance_config *instance,
                          const ws_batch *batch, ws_batch_work *work);

/** Memory that building programs needs, one per run. */
typedef struct ws_op_list_builder {
    const ws_scenario *scenario;
    ws_arena          *arena; /* borrowed */
    int32_t           *expert_scratch;
    ws_expert_load    *loads[2];   /* [max ep_total] of each sub-batch */
    ws_batch_entry    *entries[2]; /* the two sub-batches */
    size_t             entry_capacity[2];
    ws_pim_spread      pim[2]; /* of each sub-batch */
    char              *sort_space;
    size_t             sort_capacity;
} ws_op_list_builder;

WS_NODISCARD ws_status ws_op_list_builder_init(ws_op_list_builder *builder, ws_arena *arena,
                                               const ws_scenario *scenario);

/** Write the ops of a batch.
 * @param[in] group_tokens  Tc: largest total length of the DP round, the batch's own length without a group
 */
WS_NODISCARD ws_status ws_op_list_build(ws_op_list_builder *builder, const ws_instance_config *instance,
                                        const ws_batch *batch, int64_t group_tokens, ws_op_list *list);

#endif /* WS_OP_LIST_H */
