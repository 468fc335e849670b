#include "model/hf_family.h"

#include <string.h>

#include "base/nearest_name.h"

#define QWEN2 (WS_HF_QKV_BIAS)
#define QWEN3 (WS_HF_QK_NORM)
#define GEMMA2 (WS_HF_TIED | WS_HF_FOUR_NORMS)
#define GEMMA3 (GEMMA2 | WS_HF_QK_NORM)
#define OPT (WS_HF_QKV_BIAS | WS_HF_O_BIAS | WS_HF_MLP_BIAS | WS_HF_NOT_GATED | WS_HF_TIED | WS_HF_NORM_BIAS)
#define NO WS_HF_WINDOWS_NONE

/* clang-format off */
static const ws_hf_family families[] = {
    /* model_type            traits                                       windows                   period  defaults */
    {"llama",                0,                                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"mistral",              0,                                           WS_HF_WINDOWS_ALL,        0, 0, 0, 0, 0, 0, 0},
    {"ministral",            0,                                           WS_HF_WINDOWS_ALL,        0, 0, 0, 0, 0, 0, 0},
    {"mixtral",              0,                                           WS_HF_WINDOWS_ALL,        0, 0, 0, 0, 0, 0, 0},
    {"phi3",                 0,                                           WS_HF_WINDOWS_ALL,        0, 0, 0, 0, 0, 0, 0},
    {"phimoe",               WS_HF_NORM_BIAS,                             WS_HF_WINDOWS_ALL,        0, 0, 0, 0, 0, 0, 0},
    {"qwen2",                QWEN2,                                       WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"qwen2_moe",            QWEN2 | WS_HF_SHARED_GATE,                   WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"qwen2_vl_text",        QWEN2,                                       WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"qwen2_vl",             QWEN2,                                       WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"qwen2_5_vl",           QWEN2,                                       WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"qwen2_5_vl_text",      QWEN2,                                       WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"qwen3",                QWEN3,                                       WS_HF_WINDOWS_ASKED,      0, 0, 0, 128, 0, 0, 0},
    {"qwen3_moe",            QWEN3,                                       WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"qwen3_vl_text",        QWEN3,                                       NO,                       0, 0, 0, 128, 0, 0, 0},
    {"qwen3_vl_moe_text",    QWEN3,                                       NO,                       0, 0, 0, 0, 0, 0, 0},
    {"qwen3_next",           QWEN3 | WS_HF_SHARED_GATE,                   NO,                       0, 0, 0, 256, 0, 0, 0},
    {"qwen3_5_text",         QWEN3,                                       NO,                       0, 0, 0, 256, 0, 0, 0},
    {"qwen3_5_moe_text",     QWEN3 | WS_HF_SHARED_GATE,                   NO,                       0, 0, 0, 256, 0, 0, 0},
    {"gemma",                WS_HF_TIED,                                  NO,                       0, 0, 0, 256, 0, 0, 0},
    {"gemma2",               GEMMA2,                                      WS_HF_WINDOWS_ALTERNATE,  0, 0, 0, 256, 0, 0, 4096},
    {"gemma3_text",          GEMMA3,                                      WS_HF_WINDOWS_PERIOD,     6, 8, 4, 256, 262208, 131072, 4096},
    {"gemma4_text",          GEMMA3,                                      WS_HF_WINDOWS_PERIOD,     6, 0, 0, 256, 262144, 131072, 512},
    {"gpt_oss",              WS_HF_QKV_BIAS | WS_HF_O_BIAS | WS_HF_MLP_BIAS | WS_HF_ROUTER_BIAS | WS_HF_SINKS,
                                                                          WS_HF_WINDOWS_ALTERNATE,  0, 0, 0, 64, 0, 131072, 128},
    {"llama4_text",          0,                                           WS_HF_WINDOWS_CHUNKED,    4, 0, 0, 128, 202048, 0, 8192},
    {"deepseek_v2",          0,                                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"deepseek_v3",          WS_HF_ROUTER_BIAS,                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"deepseek_v32",         WS_HF_ROUTER_BIAS,                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"kimi_k2",              WS_HF_ROUTER_BIAS,                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"glm4",                 WS_HF_FOUR_NORMS | WS_HF_O_PLAIN, NO,                       0, 0, 0, 0, 0, 0, 0},
    {"glm4_moe",             WS_HF_ROUTER_BIAS | WS_HF_O_PLAIN, NO,                       0, 0, 0, 0, 0, 0, 0},
    {"glm_moe_dsa",          WS_HF_ROUTER_BIAS,                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"dots1",                WS_HF_QK_NORM | WS_HF_ROUTER_BIAS,           WS_HF_WINDOWS_ASKED,      0, 0, 0, 0, 0, 0, 0},
    {"minimax_m2",           WS_HF_QK_NORM_FULL | WS_HF_ROUTER_BIAS,      NO,                       0, 0, 0, 0, 0, 0, 0},
    {"mimo_v2_flash",        WS_HF_ROUTER_BIAS,                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"step3p7",              WS_HF_QK_NORM | WS_HF_ROUTER_BIAS,           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"step3p5",              WS_HF_QK_NORM | WS_HF_ROUTER_BIAS,           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"nemotron_h",           WS_HF_NOT_GATED | WS_HF_ONE_NORM,            NO,                       0, 0, 0, 0, 0, 0, 0},
    {"nemotron-nas",         0,                                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"nemotron",             WS_HF_NOT_GATED | WS_HF_NORM_BIAS,           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"opt",                  OPT,                                         NO,                       0, 0, 0, 0, 0, 0, 0},
    {"starcoder2",           WS_HF_NOT_GATED | WS_HF_TIED | WS_HF_NORM_BIAS, WS_HF_WINDOWS_ALL,     0, 0, 0, 0, 0, 0, 0},
    {"cohere",               WS_HF_TIED | WS_HF_ONE_NORM,                 NO,                       0, 0, 0, 0, 0, 0, 0},
    {"cohere2",              WS_HF_TIED | WS_HF_ONE_NORM,                 WS_HF_WINDOWS_PERIOD,     4, 0, 0, 0, 0, 0, 4096},
    {"granite",              WS_HF_TIED,                                  NO,                       0, 0, 0, 0, 0, 0, 0},
    {"granitemoe",           WS_HF_TIED,                                  NO,                       0, 0, 0, 0, 0, 0, 0},
    {"olmo2",                WS_HF_QK_NORM_FULL,                          NO,                       0, 0, 0, 0, 0, 0, 0},
    {"olmoe",                WS_HF_QK_NORM_FULL,                          NO,                       0, 0, 0, 0, 0, 0, 0},
    {"seed_oss",             WS_HF_O_PLAIN, NO,                       0, 0, 0, 128, 0, 0, 0},
    {"exaone4",              WS_HF_QK_NORM,                               NO,                       0, 0, 0, 0, 0, 0, 0},
    {"internlm3",            0,                                           NO,                       0, 0, 0, 0, 0, 0, 0},
    {"ernie4_5",             WS_HF_TIED,                                  NO,                       0, 0, 0, 128, 0, 0, 0},
    {"ernie4_5_moe",         WS_HF_TIED | WS_HF_ROUTER_BIAS,              NO,                       0, 0, 0, 0, 0, 0, 0},
    {"smollm3",              WS_HF_TIED,                                  NO,                       0, 0, 0, 0, 0, 0, 0},
};

/* Known, and different in ways that are not modelled. */
static const struct {
    const char *model_type, *reason;
} refusals[] = {
    {"deepseek_v4",     "compressed sparse attention (compress_ratios) and hyper-connections (hc_mult)"},
    {"deepseek_ref",    "compressed sparse attention (compress_ratios) and hyper-connections (hc_mult)"},
    {"gemma3n_text",    "per-layer inputs and layers that share KV"},
    {"gemma3n",         "per-layer inputs and layers that share KV"},
    {"minimax",         "lightning attention"},
    {"minimax_text_01", "lightning attention"},
    {"minimax_m1",      "lightning attention"},
    {"kimi_linear",     "Kimi delta attention"},
    {"longcat_flash",   "zero-computation experts and two attentions per block"},
    {"jamba",           "Mamba layers of the first kind"},
    {"falcon_mamba",    "Mamba layers of the first kind"},
    {"mamba",           "Mamba layers of the first kind"},
    {"bamba",           "attention_bias of hybrid Bamba blocks"},
    {"falcon_h1",       "attention and Mamba side by side"},
    {"rwkv",            "RWKV time mixing"},
    {"t5",              "an encoder"},
    {"bart",            "an encoder"},
    {"bert",            "an encoder without a decoder"},
    {"whisper",         "an encoder"},
    {"phi3small",       "block-sparse attention"},
    {"gpt2",            "GPT-2's keys (n_embd, n_layer, ...)"},
    {"bloom",           "ALiBi models' keys (n_embed, n_head, ...)"},
    {"falcon",          "Falcon's keys (new_decoder_architecture, multi_query, ...)"},
    {"mpt",             "MPT's keys (d_model, expansion_ratio, ...)"},
    {"chatglm",         "ChatGLM's keys (multi_query_group_num, ffn_hidden_size, ...)"},
};
/* clang-format on */

enum {
    N_FAMILIES = sizeof(families) / sizeof(families[0]),
    N_REFUSALS = sizeof(refusals) / sizeof(refusals[0])
};

const ws_hf_family *ws_hf_family_find(const char *model_type)
{
    for (size_t i = 0; i < N_FAMILIES; i++) {
        if (strcmp(families[i].model_type, model_type) == 0) {
            return &families[i];
        }
    }
    return NULL;
}

const char *ws_hf_experts_path(const char *model_type)
{
    static const struct {
        const char *model_type, *path;
    } unusual[] = {{"mixtral", "block_sparse_moe"},
                   {"phimoe", "block_sparse_moe"},
                   {"minimax_m2", "block_sparse_moe"},
                   {"llama4_text", "feed_forward"},
                   {"nemotron_h", "mixer"},
                   {"step3p5", "moe"},
                   {"step3p7", "moe"},
                   {"gemma4_text", ""}};
    for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++) {
        if (strcmp(unusual[i].model_type, model_type) == 0) {
            return unusual[i].path;
        }
    }
    return "mlp";
}

const char *ws_hf_family_nearest(const char *model_type)
{
    const char *known[N_FAMILIES];
    for (size_t i = 0; i < N_FAMILIES; i++) {
        known[i] = families[i].model_type;
    }
    return ws_nearest_name(model_type, known, N_FAMILIES);
}

const char *ws_hf_family_refusal(const char *model_type)
{
    for (size_t i = 0; i < N_REFUSALS; i++) {
        if (strcmp(refusals[i].model_type, model_type) == 0) {
            return refusals[i].reason;
        }
    }
    return NULL;
}
