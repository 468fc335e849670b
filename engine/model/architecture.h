/* architecture.h -- what a language model is made of: its blocks, the attention and the MLP of each, and the
 * number format of every weight matrix.
 *
 * Blocks that are alike share one description; `block_of_layer` says which layer is of which kind. All that
 * is known about a model's size follows from one list of its weight matrices (ws_block_matrices): parameters,
 * bytes, what a rank holds. Plain data without pointers; filled in by hf_config.h. */
#ifndef WS_ARCHITECTURE_H
#define WS_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/dtype.h"

enum {
    WS_ARCH_NAME_MAX      = 64,
    WS_ARCH_LAYERS_MAX    = 1024,
    WS_BLOCK_KINDS_MAX    = 64,
    WS_BLOCK_MATRICES_MAX = 32
};

/* ---- attention ---- */

/* X(ID, name): how a block mixes tokens. */
#define WS_ATTENTION_LIST(X)                                                                                 \
    X(WS_ATTENTION_NONE, "none")                                                                             \
    X(WS_ATTENTION_FULL, "full")                                                                             \
    X(WS_ATTENTION_SLIDING, "sliding")                                                                       \
    X(WS_ATTENTION_CHUNKED, "chunked")                                                                       \
    X(WS_ATTENTION_MLA, "mla")                                                                               \
    X(WS_ATTENTION_DELTA, "gated_delta")                                                                     \
    X(WS_ATTENTION_MAMBA2, "mamba2")

typedef enum ws_attention_kind {
#define WS_ATTENTION_ENUM(id, name) id,
    WS_ATTENTION_LIST(WS_ATTENTION_ENUM)
#undef WS_ATTENTION_ENUM
        WS_ATTENTION_COUNT
} ws_attention_kind;

const char *ws_attention_name(ws_attention_kind kind);

/** Norms of queries and keys. */
typedef enum ws_qk_norm {
    WS_QK_NORM_NONE,
    WS_QK_NORM_HEAD, /**< one vector of a head's size each */
    WS_QK_NORM_FULL  /**< over all heads */
} ws_qk_norm;

typedef struct ws_attention {
    ws_attention_kind kind;
    /* FULL, SLIDING, CHUNKED, MLA */
    int64_t    n_heads, n_kv_heads;
    int64_t    qk_head_dim, v_head_dim;
    int64_t    window_tokens; /**< SLIDING: keys a query sees; CHUNKED: tokens of a chunk */
    bool       has_qkv_bias, has_o_bias, has_sinks;
    bool       has_output_gate; /**< a gate of the queries' size, in the query projection */
    bool       shares_kv;       /**< values are the keys before norm and rotation: no value projection */
    ws_qk_norm qk_norm;
    /* MLA */
    int64_t q_lora_rank;  /**< 0 = queries come straight from the hidden state */
    int64_t kv_lora_rank; /**< cached per token, with qk_rope_head_dim */
    int64_t qk_nope_head_dim, qk_rope_head_dim;
    int64_t index_n_heads, index_head_dim, index_topk; /**< sparse attention; 0 = none */
    /* DELTA, MAMBA2: a state of n_value_heads matrices of value_head_dim by key_head_dim per request */
    int64_t  n_key_heads, key_head_dim, n_value_heads, value_head_dim, conv_kernel;
    ws_dtype state_dtype;
} ws_attention;

/* ---- MLP ---- */

typedef struct ws_mlp {
    int64_t intermediate_size; /**< of the dense MLP; 0 = none */
    bool    is_gated;          /**< gate, up and down; else up and down */
    bool    has_bias;
    int64_t n_experts; /**< routed ones; 0 = none */
    int64_t experts_per_token, expert_intermediate_size;
    int64_t shared_intermediate_size; /**< of all shared experts together; 0 = none */
    bool    has_shared_gate, has_router_bias;
    bool    experts_are_gated;
} ws_mlp;

typedef struct ws_block {
    ws_attention attention;
    ws_mlp       mlp;
    int64_t      n_norms; /**< of the hidden state */
} ws_block;

/* ---- number formats ---- */

/** How the weights of a matrix are stored and multiplied. */
typedef struct ws_number_format {
    double   weight_bits;  /**< of an element, without scales */
    double   scale_bits;   /**< per element: scales and zero points of its group */
    ws_dtype compute;      /**< of the multiplication; WS_DTYPE_COUNT = 4-bit floats */
    bool     is_quantized; /**< not stored in the activations' type */
} ws_number_format;

/* X(ID, name): how quantised checkpoints store weights. */
#define WS_QUANT_LIST(X)                                                                                     \
    X(WS_QUANT_NONE, "none")                                                                                 \
    X(WS_QUANT_FP8, "fp8")                                                                                   \
    X(WS_QUANT_FP8_BLOCK, "fp8_block")                                                                       \
    X(WS_QUANT_INT8, "w8a8")                                                                                 \
    X(WS_QUANT_W8A16, "w8a16")                                                                               \
    X(WS_QUANT_W4A16, "w4a16")                                                                               \
    X(WS_QUANT_MXFP4, "mxfp4")                                                                               \
    X(WS_QUANT_NVFP4, "nvfp4")

typedef enum ws_quant {
#define WS_QUANT_ENUM(id, name) id,
    WS_QUANT_LIST(WS_QUANT_ENUM)
#undef WS_QUANT_ENUM
        WS_QUANT_COUNT
} ws_quant;

const char *ws_quant_name(ws_quant quant);

/* ---- weight matrices ---- */

/** How a matrix is divided among the ranks of a group. */
typedef enum ws_shard {
    WS_SHARD_NONE,    /**< every rank has all of it */
    WS_SHARD_TP,      /**< a part per TP rank */
    WS_SHARD_KV,      /**< by KV heads: a rank has at least one whole head */
    WS_SHARD_EXPERTS, /**< whole experts per EP rank, else parts of each per TP rank */
    WS_SHARD_VOCAB    /**< a part per TP rank of the vocabulary, padded to a multiple of 64 */
} ws_shard;

/* X(ID, name, shard): matrices and vectors of weights. */
#define WS_MATRIX_LIST(X)                                                                                    \
    X(WS_MATRIX_EMBEDDING, "embedding", WS_SHARD_VOCAB)                                                      \
    X(WS_MATRIX_POSITIONS, "positions", WS_SHARD_NONE)                                                       \
    X(WS_MATRIX_LM_HEAD, "lm_head", WS_SHARD_VOCAB)                                                          \
    X(WS_MATRIX_NORM, "norm", WS_SHARD_NONE)                                                                 \
    X(WS_MATRIX_Q, "q_proj", WS_SHARD_TP)                                                                    \
    X(WS_MATRIX_K, "k_proj", WS_SHARD_KV)                                                                    \
    X(WS_MATRIX_V, "v_proj", WS_SHARD_KV)                                                                    \
    X(WS_MATRIX_O, "o_proj", WS_SHARD_TP)                                                                    \
    X(WS_MATRIX_Q_A, "q_a_proj", WS_SHARD_NONE)                                                              \
    X(WS_MATRIX_Q_B, "q_b_proj", WS_SHARD_TP)                                                                \
    X(WS_MATRIX_KV_A, "kv_a_proj", WS_SHARD_NONE)                                                            \
    X(WS_MATRIX_KV_B, "kv_b_proj", WS_SHARD_TP)                                                              \
    X(WS_MATRIX_INDEXER, "indexer", WS_SHARD_NONE)                                                           \
    X(WS_MATRIX_QK_NORM, "qk_norm", WS_SHARD_NONE)                                                           \
    X(WS_MATRIX_SINKS, "sinks", WS_SHARD_TP)                                                                 \
    X(WS_MATRIX_MIX_IN, "mix_in", WS_SHARD_TP)                                                               \
    X(WS_MATRIX_MIX_OUT, "mix_out", WS_SHARD_TP)                                                             \
    X(WS_MATRIX_MIX_STATE, "mix_state", WS_SHARD_TP)                                                         \
    X(WS_MATRIX_GATE_UP, "gate_up_proj", WS_SHARD_TP)                                                        \
    X(WS_MATRIX_DOWN, "down_proj", WS_SHARD_TP)                                                              \
    X(WS_MATRIX_ROUTER, "router", WS_SHARD_NONE)                                                             \
    X(WS_MATRIX_EXPERT_UP, "expert_up", WS_SHARD_EXPERTS)                                                    \
    X(WS_MATRIX_EXPERT_DOWN, "expert_down", WS_SHARD_EXPERTS)                                                \
    X(WS_MATRIX_SHARED_UP, "shared_up", WS_SHARD_TP)                                                         \
    X(WS_MATRIX_SHARED_DOWN, "shared_down", WS_SHARD_TP)                                                     \
    X(WS_MATRIX_SHARED_GATE, "shared_gate", WS_SHARD_NONE)

typedef enum ws_matrix_kind {
#define WS_MATRIX_ENUM(id, name, shard) id,
    WS_MATRIX_LIST(WS_MATRIX_ENUM)
#undef WS_MATRIX_ENUM
        WS_MATRIX_COUNT
} ws_matrix_kind;

const char *ws_matrix_name(ws_matrix_kind kind);
ws_shard    ws_matrix_shard(ws_matrix_kind kind);

/** Alike matrices of one block (or of the model's ends). */
typedef struct ws_matrix {
    ws_matrix_kind kind;
    int64_t        n_in, n_out;        /**< elements; n_in = 1 for vectors */
    int64_t        n_copies, n_active; /**< of this shape; how many a token goes through (experts) */
    int64_t        n_bias;             /**< elements of the bias of one copy */
    int64_t        n_kv_heads;         /**< WS_SHARD_KV: heads it is divided by */
} ws_matrix;

typedef struct ws_architecture {
    char     model_type[WS_ARCH_NAME_MAX];
    int64_t  hidden_size, vocab_size, max_position_embeddings;
    bool     is_tied;     /**< the head is the embedding */
    int64_t  n_positions; /**< rows of learned positions; 0 = none */
    bool     has_lm_head_bias;
    bool     has_norm_bias;  /**< norms are LayerNorms with a bias */
    ws_dtype dtype;          /**< of the checkpoint; WS_DTYPE_COUNT if it does not say */
    ws_dtype kv_cache_dtype; /**< the checkpoint asks for it; WS_DTYPE_COUNT = as the activations */
    int64_t  n_mtp_layers;   /**< layers for multi-token prediction, which are not served */
    int64_t  n_layers;
    size_t   n_kinds;
    ws_block kinds[WS_BLOCK_KINDS_MAX];
    uint8_t  kind_of_layer[WS_ARCH_LAYERS_MAX];
    ws_quant quant;                         /**< of the matrices that are quantised */
    int64_t  quant_group;                   /**< elements that share a scale, of formats that have groups */
    uint32_t quantised[WS_ARCH_LAYERS_MAX]; /**< per layer: bit 1 << ws_matrix_kind of those */
    bool     head_is_quantised;
} ws_architecture;

/** The block of a layer. */
const ws_block *ws_arch_block(const ws_architecture *arch, int64_t layer);

/** The matrices of a block. @return how many, at most WS_BLOCK_MATRICES_MAX */
size_t ws_block_matrices(const ws_architecture *arch, const ws_block *block,
                         ws_matrix out[WS_BLOCK_MATRICES_MAX]);

/** Embedding, positions, last norm and head (without the head where it is the embedding). */
size_t ws_arch_end_matrices(const ws_architecture *arch, ws_matrix out[WS_BLOCK_MATRICES_MAX]);

/** How a matrix of a layer is stored; layer -1 = of the model's ends. `dtype` is the activations' type. */
ws_number_format ws_arch_format(const ws_architecture *arch, int64_t layer, ws_matrix_kind kind,
                                ws_dtype dtype);

/* ---- what follows ---- */

typedef struct ws_parameter_count {
    int64_t total;
    int64_t
        active; /**< a token goes through: of a mixture of experts without those not chosen and without the
                   embedding, of which a token reads a row; of other models all, as model cards count */
    int64_t embedding; /**< of its own, not that of a tied head; some cards of mixtures count it as active */
} ws_parameter_count;

ws_parameter_count ws_arch_parameters(const ws_architecture *arch);

/** A rank's part of a model. */
typedef struct ws_rank_share {
    int64_t tp;          /**< ranks a matrix is divided among, >= 1 */
    int64_t ep;          /**< ranks the experts are divided among; 1 = divided as the rest, by tp */
    int64_t first_layer; /**< of a pipeline stage */
    int64_t n_layers;
    bool    has_embedding, has_head;
} ws_rank_share;

/** The whole model on one rank. */
ws_rank_share ws_rank_share_whole(const ws_architecture *arch);

/** Bytes of weights a rank holds, scales included. */
double ws_arch_weight_bytes(const ws_architecture *arch, const ws_rank_share *share, ws_dtype dtype);

/** The same, of matrices stored as `quant` only: WS_QUANT_NONE = what is not quantised. */
double ws_arch_weight_bytes_of(const ws_architecture *arch, const ws_rank_share *share, ws_dtype dtype,
                               ws_quant quant);

/** Bytes of KV cache a rank holds per token that every layer keeps: MLA's latent is on every rank, other
 * heads are divided by tp as long as there are some. Tokens that are out of a layer's window are not kept
 * there: see ws_arch_request_bytes(). */
int64_t ws_arch_kv_bytes_per_token(const ws_architecture *arch, const ws_rank_share *share,
                                   ws_dtype kv_dtype);

/** Bytes of KV cache and of states a rank holds for a request of so many tokens: layers with a window keep as
 * many tokens as it has, linear ones a state of constant size. */
int64_t ws_arch_request_bytes(const ws_architecture *arch, const ws_rank_share *share, int64_t n_tokens,
                              ws_dtype kv_dtype, ws_dtype dtype);

#endif /* WS_ARCHITECTURE_H */
