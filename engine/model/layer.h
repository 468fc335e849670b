/* model/layer.h -- the canonical layers of a transformer, by category of latency table.
 *
 * Names are those of profiles (vLLM's modules). Source: docs/model/serving.md 6.1. */
#ifndef WS_LAYER_H
#define WS_LAYER_H

#include <stdbool.h>

/* X(ID, name, category, tp_stable): tp_stable layers do not shrink with TP and are measured at tp1 only. */
#define WS_LAYER_LIST(X)                                                                                     \
    X(WS_LAYER_EMBEDDING, "embedding", WS_CATEGORY_DENSE, false)                                             \
    X(WS_LAYER_LAYERNORM, "layernorm", WS_CATEGORY_DENSE, true)                                              \
    X(WS_LAYER_QKV_PROJ, "qkv_proj", WS_CATEGORY_DENSE, false)                                               \
    X(WS_LAYER_QK_NORM, "qk_norm", WS_CATEGORY_DENSE, true)                                                  \
    X(WS_LAYER_ROTARY_EMB, "rotary_emb", WS_CATEGORY_DENSE, false)                                           \
    X(WS_LAYER_O_PROJ, "o_proj", WS_CATEGORY_DENSE, false)                                                   \
    X(WS_LAYER_GATE_UP_PROJ, "gate_up_proj", WS_CATEGORY_DENSE, false)                                       \
    X(WS_LAYER_ACT_FN, "act_fn", WS_CATEGORY_DENSE, false)                                                   \
    X(WS_LAYER_DOWN_PROJ, "down_proj", WS_CATEGORY_DENSE, false)                                             \
    X(WS_LAYER_FINAL_LAYERNORM, "final_layernorm", WS_CATEGORY_DENSE, true)                                  \
    X(WS_LAYER_LM_HEAD, "lm_head", WS_CATEGORY_PER_SEQUENCE, false)                                          \
    X(WS_LAYER_SAMPLER, "sampler", WS_CATEGORY_PER_SEQUENCE, true)                                           \
    X(WS_LAYER_ATTENTION, "attention", WS_CATEGORY_ATTENTION, false)                                         \
    X(WS_LAYER_MOE, "moe", WS_CATEGORY_MOE, false)

typedef enum ws_layer {
#define WS_LAYER_ENUM(id, name, category, tp_stable) id,
    WS_LAYER_LIST(WS_LAYER_ENUM)
#undef WS_LAYER_ENUM
        WS_LAYER_COUNT
} ws_layer;

typedef enum ws_category {
    WS_CATEGORY_DENSE,        /* by tokens in the step */
    WS_CATEGORY_PER_SEQUENCE, /* by sequences in the step */
    WS_CATEGORY_ATTENTION,    /* by prefill chunk, prefill KV, decodes, decode KV */
    WS_CATEGORY_MOE           /* by tokens and activated experts of one EP rank */
} ws_category;

const char *ws_layer_name(ws_layer layer);
ws_category ws_layer_category(ws_layer layer);
bool        ws_layer_is_tp_stable(ws_layer layer);

/** The layer of a canonical name, or WS_LAYER_COUNT if there is none. */
ws_layer ws_layer_from_name(const char *name);

#endif /* WS_LAYER_H */
