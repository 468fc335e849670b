/* hf_reader.h -- a config.json while it is read: its keys, and what blocks are made of as far as it is known.
 * Shared by the hf_*.c files; private to this folder. */
#ifndef WS_HF_READER_H
#define WS_HF_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "model/architecture.h"
#include "model/hf_family.h"
#include "model/hf_keys.h"

/** Far above any model in existence, and small enough that products of two sizes and a count of layers and
 * experts stay inside int64. */
enum {
    WS_HF_HIDDEN_MAX   = 1 << 17,
    WS_HF_HEADS_MAX    = 1 << 12,
    WS_HF_WIDTH_MAX    = 1 << 20,
    WS_HF_EXPERTS_MAX  = 1 << 12,
    WS_HF_VOCAB_MAX    = 1 << 24,
    WS_HF_POSITION_MAX = 1 << 30
};

typedef struct ws_hf_reader {
    ws_hf_keys          keys; /**< of the text model */
    ws_hf_keys         *root; /**< of the file; &keys where the text model is the file */
    const ws_hf_family *family;
    bool                approximate; /**< leave out what is not modelled */
    ws_strbuf          *notes;       /**< borrowed: a line per thing left out */
    ws_architecture    *arch;        /**< borrowed: what is being made */
    /* What blocks are made of. */
    ws_attention      full, windowed, linear;
    ws_attention_kind attention_of[WS_ARCH_LAYERS_MAX];
    ws_mlp            dense, moe;
    bool              is_moe[WS_ARCH_LAYERS_MAX];
} ws_hf_reader;

static inline bool ws_hf_is_given(ws_json value)
{
    return ws_json_kind_of(value) != WS_JSON_ABSENT;
}

/** Has the family a trait (WS_HF_QKV_BIAS, ...)? */
static inline bool ws_hf_has(const ws_hf_reader *r, unsigned trait)
{
    return (r->family->traits & trait) != 0;
}

#endif /* WS_HF_READER_H */
