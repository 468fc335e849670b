/* model/model.h -- a transformer's shape and layer sequence, read from JSON; sizes of weights and KV.
 *
 * The shape file has Hugging Face config keys (docs/model/serving.md 1.9), the architecture file
 * (`arch/<model_type>.json` next to the models) the order of layers per section (6.1), so that a model or a
 * family is added by files alone. Plain data, no pointers inside. */
#ifndef WS_MODEL_H
#define WS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"
#include "model/dtype.h"
#include "model/layer.h"

enum { WS_MODEL_NAME_MAX = 160, WS_SECTION_LAYERS_MAX = 16 };

typedef enum ws_section {
    WS_SECTION_PROLOGUE,
    WS_SECTION_PRE_ATTN,
    WS_SECTION_POST_ATTN,
    WS_SECTION_MLP_DENSE,
    WS_SECTION_MLP_MOE,
    WS_SECTION_HEAD,
    WS_SECTION_COUNT
} ws_section;

typedef struct ws_layer_sequence {
    size_t   n_layers;
    ws_layer layers[WS_SECTION_LAYERS_MAX];
} ws_layer_sequence;

typedef struct ws_model {
    char              name[WS_MODEL_NAME_MAX];       /* "meta-llama/Llama-3.1-8B" */
    char              model_type[WS_MODEL_NAME_MAX]; /* "llama" */
    int64_t           hidden_size;                   /* h */
    int64_t           n_layers;                      /* n */
    int64_t           n_heads;                       /* H */
    int64_t           n_kv_heads;                    /* K */
    int64_t           head_dim;                      /* D */
    int64_t           intermediate_size;             /* F, dense FFN width */
    int64_t           moe_intermediate_size;         /* Fm, expert width */
    int64_t           n_experts;                     /* E; 1 for dense models */
    int64_t           experts_per_token;             /* k */
    int64_t           vocab_size;                    /* V */
    int64_t           max_position_embeddings;       /* caps the token budget */
    ws_dtype          torch_dtype;                   /* WS_DTYPE_COUNT if absent or none of ours */
    bool              is_moe;
    bool              is_tied; /* the head is the embedding: one rank that has both holds it once */
    ws_layer_sequence sections[WS_SECTION_COUNT];
} ws_model;

/** Read a model from its shape document and its architecture document.
 * @param[in]  name  what cluster configs call it; shorter than WS_MODEL_NAME_MAX
 * @return WS_OK; WS_ERR_INPUT with every problem in err */
WS_NODISCARD ws_status ws_model_read(const char *name, ws_json shape, ws_json arch, ws_error *err,
                                     ws_model *out);

/** The MLP section a block of this model runs. */
const ws_layer_sequence *ws_model_mlp(const ws_model *model);

/** Number of times a layer occurs in the whole model (blocks counted n_layers times). */
int64_t ws_model_layer_count(const ws_model *model, ws_layer layer);

/** Bytes of a layer's input, weight and output for `tokens` tokens. parallel = tp, for moe the total EP
 * degree. kv_tokens is used by attention only. Source: docs/model/serving.md 6.4. */
typedef struct ws_layer_bytes {
    int64_t input, weight, output;
} ws_layer_bytes;
ws_layer_bytes ws_model_layer_bytes(const ws_model *model, ws_layer layer, int64_t tokens, int64_t kv_tokens,
                                    int64_t parallel, int64_t element_bytes);

/** The model as `tp` ranks of a stage hold it: every rank has at least one whole KV head, so that heads are
 * repeated where there are more ranks than heads, and the vocabulary is padded to a multiple of 64. Sizes of
 * this model, and what they are per rank, are then what a serving engine allocates. Source: vLLM,
 * QKVParallelLinear and VocabParallelEmbedding. The reference knows neither. */
ws_model ws_model_on_ranks(const ws_model *model, int64_t tp);

/** A pipeline stage, and the ranks that share it. */
typedef struct ws_model_stage {
    int64_t n_blocks;
    bool    is_first, is_last;
    int64_t tp, ep_total;
} ws_model_stage;

/** Bytes of weights one rank of a pipeline stage holds: the stage's blocks, the embedding on the first stage,
 * the last norm and the head on the last one. Layers as in ws_model_rank_weight_bytes(). */
int64_t ws_model_stage_weight_bytes(const ws_model *model, const ws_model_stage *stage,
                                    int64_t element_bytes);

/** Bytes of weights one rank holds, as the reference counts: every rank has embedding and head, and the
 * blocks that are left over by pp are nobody's. Source: docs/model/serving.md 5.1. */
int64_t ws_model_rank_weight_bytes(const ws_model *model, int64_t tp, int64_t pp, int64_t ep_total,
                                   int64_t element_bytes);

/** Bytes of KV cache per token over the whole model: 2 * K * D * n * element. Source: 5.2. */
int64_t ws_model_kv_bytes_per_token(const ws_model *model, int64_t kv_element_bytes);

#endif /* WS_MODEL_H */
