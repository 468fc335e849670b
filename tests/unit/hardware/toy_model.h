/* A model of the size of an 8B one with 128 small experts: every kind of layer that a roofline has. */
#ifndef TOY_MODEL_H
#define TOY_MODEL_H

#include "model/model.h"

static const ws_model model = {
    .name                  = "toy",
    .hidden_size           = 4096,
    .n_layers              = 32,
    .n_heads               = 32,
    .n_kv_heads            = 8,
    .head_dim              = 128,
    .intermediate_size     = 14336,
    .moe_intermediate_size = 768,
    .n_experts             = 128,
    .experts_per_token     = 8,
    .vocab_size            = 128256,
    .is_moe                = true,
    .sections              = {[WS_SECTION_PROLOGUE]  = {1, {WS_LAYER_EMBEDDING}},
                              [WS_SECTION_PRE_ATTN]  = {3, {WS_LAYER_LAYERNORM, WS_LAYER_QKV_PROJ, WS_LAYER_ATTENTION}},
                              [WS_SECTION_POST_ATTN] = {1, {WS_LAYER_O_PROJ}},
                              [WS_SECTION_MLP_MOE]   = {1, {WS_LAYER_MOE}},
                              [WS_SECTION_HEAD]      = {2, {WS_LAYER_LM_HEAD, WS_LAYER_SAMPLER}}},
};

#endif /* TOY_MODEL_H */
