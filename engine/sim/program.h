/* sim/program.h -- a batch as an ordered list of rows: what every NPU of the instance computes, loads and
 * sends (spec/serving.md 6). graph_build.c turns rows into each NPU's graph.
 *
 * Rows of a repeated block are written once per block; the list is flat and used again for every batch. */
#ifndef WS_PROGRAM_H
#define WS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "hardware/pim.h"
#include "sim/expert_routing.h"
#include "sim/pim_spread.h"
#include "sim/scenario_internal.h"

typedef enum ws_row_kind {
    WS_ROW_COMPUTE,
    WS_ROW_EXPERT, /* mark: rows up to the next mark run on stage-local NPU `index` mod NPUs per stage */
    WS_ROW_EXPERT_END,
    WS_ROW_PIM,      /* mark: rows up to the next mark are PIM work of channel `index` */
    WS_ROW_PIM_WORK, /* one PIM entry; `index` is its channel */
    WS_ROW_PIM_END
} ws_row_kind;

typedef struct ws_row {
    ws_row_kind   kind;
    ws_layer      layer; /* of compute rows */
    int8_t        tag;   /* sub-batch 1 or 2, 0 = none */
    int32_t       index; /* expert rank or channel */
    int64_t       ns;    /* compute time */
    ws_location   weights;
    int64_t       weight_bytes; /* loaded before the row if > 0 and not LOCAL (or with local offloading) */
    bool          has_collective;
    ws_collective collective;
    int64_t       collective_bytes;
    unsigned      collective_dims; /* bit per dimension */
    int64_t       kv_send_bytes;   /* to the shadow NPU, after the row */
    int64_t       pim_bytes;       /* transfer of a PIM entry */
} ws_row;

/** Energy events of a program as the reference books them (spec/serving.md 8.2). */
typedef struct ws_program_energy {
    int64_t act_ns;                            /* compute of the rows, experts by their largest local rank */
    double  dram_bytes, cxl_bytes, link_bytes; /* cxl_bytes are among dram_bytes */
    double  kv_dram_bytes,
        kv_cxl_bytes; /* physical: KV blocks from and to the second tier, of all NPUs together */
    double io_bytes;  /* entry load and exit store of one NPU; the reference books no energy for them (spec
                         Q-P11) */
    double pim_ns;    /* sum over PIM entries */
    double pim_bytes;
} ws_program_energy;

typedef struct ws_program {
    ws_row           *rows;
    size_t            n_rows, capacity;
    size_t           *stage_begin; /* [pp_size + 1] first row of each stage, and n_rows */
    size_t            stage_capacity;
    int64_t           load_bytes; /* kv_load row, 0 = none */
    ws_location       load_from;
    int64_t           input_bytes, output_bytes; /* first row's input, last row's output */
    int64_t           hidden_bytes;              /* T * h * b, between stages */
    bool              extrapolates;
    ws_program_energy energy;
} ws_program;

/** Transformer blocks a program has, and those of one pipeline stage (spec/serving.md 6.2 and 6.10). */
int64_t ws_program_n_blocks(const ws_scenario *scenario, const ws_instance_config *instance);
int64_t ws_program_stage_blocks(int64_t n_blocks, int64_t n_stages, int64_t stage);

/** Count the KV blocks that a batch moves between its instance and the second tier. */
void ws_program_count_kv(const ws_scenario *scenario, const ws_instance_config *instance,
                         const ws_batch *batch, ws_program_energy *energy);

/** Memory that building programs needs, one per run. */
typedef struct ws_program_builder {
    ws_arena       *arena; /* borrowed */
    int32_t        *expert_scratch;
    ws_expert_load *loads[2];   /* [max ep_total] of each sub-batch */
    ws_batch_entry *entries[2]; /* the two sub-batches */
    size_t          entry_capacity[2];
    ws_pim_spread   pim[2]; /* of each sub-batch */
    char           *sort_space;
    size_t          sort_capacity;
} ws_program_builder;

WS_NODISCARD ws_status ws_program_builder_init(ws_program_builder *builder, ws_arena *arena,
                                               const ws_scenario *scenario);

/** Write the rows of a batch.
 * @param[in] group_tokens  Tc: largest total length of the DP round, the batch's own length without a group
 */
WS_NODISCARD ws_status ws_program_build(ws_program_builder *builder, const ws_scenario *scenario,
                                        const ws_instance_config *instance, const ws_batch *batch,
                                        int64_t group_tokens, ws_program *program);

#endif /* WS_PROGRAM_H */
