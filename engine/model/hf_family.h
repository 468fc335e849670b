/* hf_family.h -- what the name of a model's family says and its config.json leaves out: defaults of the
 * configuration class, biases, norms, and where windows are. Source: the configuration and modelling files of
 * Hugging Face transformers, per model_type. */
#ifndef WS_HF_FAMILY_H
#define WS_HF_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Which layers have a window, where no list of layer types says so. */
typedef enum ws_hf_windows {
    WS_HF_WINDOWS_NONE,      /**< a sliding_window means nothing here */
    WS_HF_WINDOWS_ALL,       /**< every layer, if there is a window */
    WS_HF_WINDOWS_ASKED,     /**< if use_sliding_window, layers from max_window_layers on */
    WS_HF_WINDOWS_ALTERNATE, /**< the first, third, ... */
    WS_HF_WINDOWS_PERIOD,    /**< all but the last of every sliding_window_pattern layers */
    WS_HF_WINDOWS_CHUNKED    /**< attention_chunk_size; all but the last of every four layers */
} ws_hf_windows;

enum {
    WS_HF_QKV_BIAS     = 1 << 0,
    WS_HF_O_BIAS       = 1 << 1,
    WS_HF_MLP_BIAS     = 1 << 2,
    WS_HF_NOT_GATED    = 1 << 3,  /**< up and down only */
    WS_HF_QK_NORM      = 1 << 4,  /**< per head */
    WS_HF_QK_NORM_FULL = 1 << 5,  /**< over all heads */
    WS_HF_TIED         = 1 << 6,  /**< tie_word_embeddings is true by default */
    WS_HF_NORM_BIAS    = 1 << 7,  /**< LayerNorm */
    WS_HF_FOUR_NORMS   = 1 << 8,  /**< before and after attention and MLP */
    WS_HF_ONE_NORM     = 1 << 9,  /**< attention and MLP side by side, or one mixer per block */
    WS_HF_SHARED_GATE  = 1 << 10, /**< the shared expert has a gate */
    WS_HF_ROUTER_BIAS  = 1 << 11,
    WS_HF_SINKS        = 1 << 12, /**< a learned sink per head */
    WS_HF_HEAD_BIAS    = 1 << 13,
    WS_HF_O_PLAIN      = 1 << 14 /**< attention_bias does not mean the output projection */
};

typedef struct ws_hf_family {
    const char   *model_type;
    unsigned      traits;
    ws_hf_windows windows;
    int64_t       period; /**< WS_HF_WINDOWS_PERIOD: by default */
    /* Defaults of keys that published files leave out; 0 = the key has to be there. */
    int64_t n_heads, n_kv_heads, head_dim, vocab_size, max_positions, window;
} ws_hf_family;

/** The family of a model_type; NULL if it is not known. */
const ws_hf_family *ws_hf_family_find(const char *model_type);

/** Where checkpoints of a family keep the experts of a block: "mlp" for most, "" = in the block itself. */
const char *ws_hf_experts_path(const char *model_type);

/** The known model_type nearest to a name; NULL if none is near. */
const char *ws_hf_family_nearest(const char *model_type);

/** A family that is known and not modelled: what it has that is not. NULL otherwise. */
const char *ws_hf_family_refusal(const char *model_type);

#endif /* WS_HF_FAMILY_H */
