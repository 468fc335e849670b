/* scenario/placement.h -- where weights live and evicted KV comes back from (docs/model/serving.md 1.7). */
#ifndef WS_PLACEMENT_H
#define WS_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/status.h"
#include "model/model.h"

typedef enum ws_location_kind { WS_LOCATION_LOCAL, WS_LOCATION_REMOTE, WS_LOCATION_CXL } ws_location_kind;

typedef struct ws_location {
    ws_location_kind kind;
    int32_t          index; /* node of REMOTE, device of CXL */
} ws_location;

enum { WS_NO_BLOCK_INDEX = -1 };

typedef struct ws_placement {
    ws_location  weights, kv_evict; /* default rule */
    bool         has_layer[WS_LAYER_COUNT];
    ws_location  layers[WS_LAYER_COUNT];
    ws_location *blocks; /* [n_layers] in block mode, else NULL; arena memory */
} ws_placement;

/** Where the instance of a placement is, and what there is around it. */
typedef struct ws_placement_site {
    const ws_model *model;
    int32_t         node;          /* of the instance, for cpu locations */
    int64_t         n_cxl_devices; /* 0 without CXL memory */
} ws_placement_site;

/** Read a placement, absent = everything on the NPU. */
WS_NODISCARD ws_status ws_placement_read(ws_json json, ws_arena *arena, const ws_placement_site *site,
                                         ws_error *err, ws_placement *out);

/** Where the weights of a layer are; block is an index or WS_NO_BLOCK_INDEX in prologue and head. */
ws_location ws_placement_weights(const ws_placement *placement, int64_t block, ws_layer layer);

/** True if some weights are not on the NPU. */
bool ws_placement_is_off_npu(const ws_placement *placement, const ws_model *model);

/** Bytes of weights that all ranks of an instance keep in CXL memory. */
int64_t ws_placement_cxl_bytes(const ws_placement *placement, const ws_model *model, int64_t tp_size,
                               int64_t ep_total, int64_t element_bytes);

#endif /* WS_PLACEMENT_H */
