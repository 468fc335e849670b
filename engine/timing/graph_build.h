/* timing/graph_build.h -- the graph of one NPU from the ops of its instance's list (docs/model/timing.md 1).
 */
#ifndef WS_GRAPH_BUILD_H
#define WS_GRAPH_BUILD_H

#include "timing/event_engine.h"
#include "timing/op_list.h"

/** Node lists a walk needs; one per run, kept between batches. */
typedef struct ws_graph_lists {
    int32_t *entry, *pim_parents, *open, *held;
    size_t   n_entry, n_pim_parents, n_open, n_held;
    size_t   entry_capacity, pim_parents_capacity, open_capacity, held_capacity;
} ws_graph_lists;

/** What building graphs needs besides a batch. */
typedef struct ws_graph_builder {
    const ws_scenario *scenario;
    ws_arena          *arena;  /* borrowed */
    ws_event_engine   *engine; /* that will run them; borrowed */
    ws_graph_lists     lists;
} ws_graph_builder;

/** Build the graph of an NPU of an instance.
 * @param[in] offset  NPU id minus the instance's first; num_npus and above are shadow receivers
 * @param[out] out    sealed, to be handed to ws_event_engine_submit()
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_graph_build(ws_graph_builder *builder, const ws_instance_config *instance,
                                      const ws_op_list *list, int64_t batch_id, int64_t offset,
                                      ws_npu_graph **out);

#endif /* WS_GRAPH_BUILD_H */
