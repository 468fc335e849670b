#include "model/hf_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/hf_family.h"
#include "model/hf_keys.h"
#include "model/hf_quant.h"

/* Far above any model in existence, and small enough that products of two sizes and a count of layers and
 * experts stay inside int64. */
enum {
    HIDDEN_MAX   = 1 << 17,
    HEADS_MAX    = 1 << 12,
    WIDTH_MAX    = 1 << 20,
    EXPERTS_MAX  = 1 << 12,
    VOCAB_MAX    = 1 << 24,
    POSITION_MAX = 1 << 30
};

/* How a config's keys are being read. */
typedef struct reader {
    ws_hf_keys          keys; /* of the text model */
    ws_hf_keys         *root; /* of the file; &keys where the text model is the file */
    const ws_hf_family *family;
    bool                approximate;
    ws_strbuf          *notes;
    ws_architecture    *arch;
    /* What blocks are made of. */
    ws_attention      full, windowed, linear;
    ws_attention_kind attention_of[WS_ARCH_LAYERS_MAX];
    ws_mlp            dense, moe;
    bool              is_moe[WS_ARCH_LAYERS_MAX];
} reader;

static bool is_given(ws_json value)
{
    return ws_json_kind_of(value) != WS_JSON_ABSENT;
}

static bool has(const reader *r, unsigned trait)
{
    return (r->family->traits & trait) != 0;
}

/* ---- sizes of the whole ---- */

static ws_dtype dtype_of(ws_hf_keys *keys)
{
    static const char *const names[] = {"torch_dtype", "dtype", NULL};
    const char              *name    = ws_json_string(ws_hf_get_any(keys, names));
    return name != NULL ? ws_dtype_from_name(name) : WS_DTYPE_COUNT;
}

static ws_status read_sizes(reader *r)
{
    ws_architecture    *arch   = r->arch;
    const ws_hf_family *family = r->family;
    WS_TRY(ws_hf_size(&r->keys, "hidden_size", HIDDEN_MAX, 0, &arch->hidden_size));
    WS_TRY(ws_hf_size(&r->keys, "vocab_size", VOCAB_MAX, family->vocab_size, &arch->vocab_size));
    WS_TRY(ws_hf_size(&r->keys, "num_hidden_layers", WS_ARCH_LAYERS_MAX, 0, &arch->n_layers));
    WS_TRY(ws_hf_size(&r->keys, "max_position_embeddings", POSITION_MAX, family->max_positions,
                      &arch->max_position_embeddings));
    WS_TRY(ws_hf_int(&r->keys, "num_nextn_predict_layers", 0, WS_ARCH_LAYERS_MAX, 0, &arch->n_mtp_layers));
    bool is_tied = false; /* the text model's own word goes before the file's */
    WS_TRY(ws_hf_bool(r->root, "tie_word_embeddings", has(r, WS_HF_TIED), &is_tied));
    WS_TRY(ws_hf_bool(&r->keys, "tie_word_embeddings", is_tied, &arch->is_tied));
    WS_TRY(ws_hf_bool(&r->keys, "lm_head_bias", has(r, WS_HF_HEAD_BIAS), &arch->has_lm_head_bias));
    arch->has_norm_bias = has(r, WS_HF_NORM_BIAS);
    arch->dtype         = dtype_of(&r->keys);
    if (arch->dtype == WS_DTYPE_COUNT) {
        arch->dtype = dtype_of(r->root);
    }
    return WS_OK;
}

/* OPT has learned positions, two more than it says, and may embed into a narrower space. */
static ws_status read_opt(reader *r)
{
    if (strcmp(r->family->model_type, "opt") != 0) {
        return WS_OK;
    }
    int64_t width = 0;
    WS_TRY(ws_hf_int(&r->keys, "word_embed_proj_dim", 1, HIDDEN_MAX, r->arch->hidden_size, &width));
    (void)ws_hf_get(&r->keys, "do_layer_norm_before");
    (void)ws_hf_get(&r->keys, "enable_bias");
    (void)ws_hf_get(&r->keys, "layer_norm_elementwise_affine");
    r->arch->n_positions = r->arch->max_position_embeddings + 2;
    if (width != r->arch->hidden_size) {
        return ws_json_problem(ws_json_member(r->keys.object, "word_embed_proj_dim"), r->keys.err,
                               "an embedding narrower than the model: not modelled");
    }
    return WS_OK;
}

/* ---- attention ---- */

static ws_status read_biases(reader *r, ws_attention *a)
{
    bool all = false, attention = false;
    WS_TRY(ws_hf_bool(&r->keys, "use_bias", false, &all));
    WS_TRY(ws_hf_bool(&r->keys, "attention_bias", all, &attention));
    WS_TRY(ws_hf_bool(&r->keys, "qkv_bias", attention || has(r, WS_HF_QKV_BIAS), &a->has_qkv_bias));
    return ws_hf_bool(&r->keys, "attention_out_bias",
                      (attention && !has(r, WS_HF_O_PLAIN)) || has(r, WS_HF_O_BIAS), &a->has_o_bias);
}

static ws_status read_qk_norm(reader *r, ws_attention *a)
{
    const bool  is_full = has(r, WS_HF_QK_NORM_FULL);
    const bool  is_head = has(r, WS_HF_QK_NORM);
    bool        is_used = false;
    const char *type    = ws_json_string(ws_hf_get(&r->keys, "qk_norm_type"));
    WS_TRY(ws_hf_bool(&r->keys, "use_qk_norm", is_full || is_head, &is_used));
    if (!is_used || strcmp(r->family->model_type, "llama4_text") == 0) { /* Llama 4's has no weights */
        a->qk_norm = WS_QK_NORM_NONE;
    } else if (is_full || (type != NULL && strcmp(type, "per_layer") == 0)) {
        a->qk_norm = WS_QK_NORM_FULL;
    } else {
        a->qk_norm = WS_QK_NORM_HEAD;
    }
    return WS_OK;
}

static ws_status read_mla(reader *r, ws_attention *a)
{
    ws_hf_keys *keys = &r->keys;
    WS_TRY(ws_hf_int(keys, "kv_lora_rank", 0, WIDTH_MAX, 0, &a->kv_lora_rank));
    WS_TRY(ws_hf_int(keys, "q_lora_rank", 0, WIDTH_MAX, 0, &a->q_lora_rank));
    if (a->kv_lora_rank == 0) {
        return WS_OK;
    }
    a->kind = WS_ATTENTION_MLA;
    WS_TRY(ws_hf_size(keys, "qk_nope_head_dim", WIDTH_MAX, 0, &a->qk_nope_head_dim));
    WS_TRY(ws_hf_size(keys, "qk_rope_head_dim", WIDTH_MAX, 0, &a->qk_rope_head_dim));
    WS_TRY(ws_hf_size(keys, "v_head_dim", WIDTH_MAX, 0, &a->v_head_dim));
    (void)ws_hf_get(keys, "qk_head_dim"); /* the sum of the two */
    a->qk_head_dim = a->qk_nope_head_dim + a->qk_rope_head_dim;
    WS_TRY(ws_hf_int(keys, "index_n_heads", 0, HEADS_MAX, 0, &a->index_n_heads));
    WS_TRY(ws_hf_int(keys, "index_head_dim", 0, WIDTH_MAX, 0, &a->index_head_dim));
    return ws_hf_int(keys, "index_topk", 0, POSITION_MAX, 0, &a->index_topk);
}

static ws_status read_full_attention(reader *r)
{
    ws_hf_keys         *keys   = &r->keys;
    const ws_hf_family *family = r->family;
    ws_attention       *a      = &r->full;
    a->kind                    = WS_ATTENTION_FULL;
    WS_TRY(ws_hf_size(keys, "num_attention_heads", HEADS_MAX, family->n_heads, &a->n_heads));
    WS_TRY(ws_hf_size(keys, "num_key_value_heads", HEADS_MAX,
                      family->n_kv_heads > 0 ? family->n_kv_heads : a->n_heads, &a->n_kv_heads));
    const int64_t            even    = r->arch->hidden_size / a->n_heads;
    static const char *const names[] = {"head_dim", "attention_head_dim", NULL};
    WS_TRY(ws_hf_int_any(keys, names, 1, WIDTH_MAX, family->head_dim > 0 ? family->head_dim : even,
                         &a->qk_head_dim));
    if (a->qk_head_dim == 0) {
        return ws_json_problem(
            keys->object, keys->err,
            "expected hidden_size >= num_attention_heads (or a head_dim), found %lld < %lld",
            (long long)r->arch->hidden_size, (long long)a->n_heads);
    }
    WS_TRY(ws_hf_int(keys, "v_head_dim", 1, WIDTH_MAX, a->qk_head_dim, &a->v_head_dim));
    WS_TRY(read_biases(r, a));
    WS_TRY(read_qk_norm(r, a));
    WS_TRY(ws_hf_bool(keys, "attn_output_gate", false, &a->has_output_gate));
    WS_TRY(ws_hf_bool(keys, "add_full_attention_sink_bias", has(r, WS_HF_SINKS), &a->has_sinks));
    return read_mla(r, a);
}

/* Layers with a window are as the others, except for what keys of their own say. */
static ws_status read_windowed_attention(reader *r)
{
    ws_hf_keys   *keys = &r->keys;
    ws_attention *a    = &r->windowed;
    *a                 = r->full;
    a->kind            = WS_ATTENTION_SLIDING;
    WS_TRY(ws_hf_int(keys, "swa_num_attention_heads", 1, HEADS_MAX, a->n_heads, &a->n_heads));
    WS_TRY(ws_hf_int(keys, "swa_num_key_value_heads", 1, HEADS_MAX, a->n_kv_heads, &a->n_kv_heads));
    WS_TRY(ws_hf_int(keys, "swa_head_dim", 1, WIDTH_MAX, a->qk_head_dim, &a->qk_head_dim));
    WS_TRY(ws_hf_int(keys, "swa_v_head_dim", 1, WIDTH_MAX, a->v_head_dim, &a->v_head_dim));
    WS_TRY(ws_hf_bool(keys, "add_swa_attention_sink_bias", a->has_sinks, &a->has_sinks));
    /* Gemma 4: it is the layers without a window that differ. */
    ws_attention *full = &r->full;
    WS_TRY(ws_hf_int(keys, "global_head_dim", 1, WIDTH_MAX, full->qk_head_dim, &full->qk_head_dim));
    full->v_head_dim = full->qk_head_dim != a->qk_head_dim ? full->qk_head_dim : full->v_head_dim;
    WS_TRY(ws_hf_int(keys, "num_global_key_value_heads", 1, HEADS_MAX, full->n_kv_heads, &full->n_kv_heads));
    return ws_hf_bool(keys, "attention_k_eq_v", false, &full->shares_kv);
}

static ws_status read_linear_attention(reader *r)
{
    ws_hf_keys   *keys  = &r->keys;
    ws_attention *a     = &r->linear;
    const char   *state = ws_json_string(ws_hf_get(keys, "mamba_ssm_dtype"));
    a->state_dtype      = state != NULL ? ws_dtype_from_name(state) : WS_DTYPE_FLOAT32;
    if (a->state_dtype == WS_DTYPE_COUNT) {
        a->state_dtype = WS_DTYPE_FLOAT32;
    }
    if (is_given(ws_hf_get(keys, "linear_num_value_heads"))) {
        a->kind = WS_ATTENTION_DELTA;
        WS_TRY(ws_hf_size(keys, "linear_num_value_heads", HEADS_MAX, 0, &a->n_value_heads));
        WS_TRY(ws_hf_size(keys, "linear_num_key_heads", HEADS_MAX, 0, &a->n_key_heads));
        WS_TRY(ws_hf_size(keys, "linear_key_head_dim", WIDTH_MAX, 0, &a->key_head_dim));
        WS_TRY(ws_hf_size(keys, "linear_value_head_dim", WIDTH_MAX, 0, &a->value_head_dim));
        return ws_hf_size(keys, "linear_conv_kernel_dim", 64, 0, &a->conv_kernel);
    }
    if (is_given(ws_hf_get(keys, "mamba_num_heads"))) {
        a->kind = WS_ATTENTION_MAMBA2;
        WS_TRY(ws_hf_size(keys, "mamba_num_heads", HEADS_MAX, 0, &a->n_value_heads));
        WS_TRY(ws_hf_size(keys, "mamba_head_dim", WIDTH_MAX, 0, &a->value_head_dim));
        WS_TRY(ws_hf_size(keys, "ssm_state_size", WIDTH_MAX, 0, &a->key_head_dim));
        WS_TRY(ws_hf_size(keys, "n_groups", HEADS_MAX, 0, &a->n_key_heads));
        (void)ws_hf_get(keys, "expand"); /* heads and their size say it */
        (void)ws_hf_get(keys, "use_conv_bias");
        (void)ws_hf_get(keys, "mamba_proj_bias");
        return ws_hf_size(keys, "conv_kernel", 64, 4, &a->conv_kernel);
    }
    return WS_OK;
}

/* ---- which layer attends how ---- */

static void fill_attention(reader *r, ws_attention_kind kind)
{
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->attention_of[i] = kind;
    }
}

static ws_status check_length(const reader *r, ws_json list, size_t at_least)
{
    if (ws_json_kind_of(list) != WS_JSON_ARRAY || ws_json_size(list) < at_least) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "a list with an entry per layer (%lld)",
                       (long long)r->arch->n_layers);
        return ws_json_expected(list, r->keys.err, expected);
    }
    return WS_OK;
}

static ws_status read_layer_type(reader *r, ws_json item, ws_attention_kind *out)
{
    static const struct {
        const char       *name;
        ws_attention_kind kind;
    } known[]        = {{"full_attention", WS_ATTENTION_FULL},
                        {"attention", WS_ATTENTION_FULL},
                        {"sliding_attention", WS_ATTENTION_SLIDING},
                        {"chunked_attention", WS_ATTENTION_CHUNKED},
                        {"linear_attention", WS_ATTENTION_DELTA}};
    const char *name = ws_json_string(item);
    for (size_t i = 0; name != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            *out = known[i].kind;
            return WS_OK;
        }
    }
    return ws_json_problem(item, r->keys.err, "layers of type \"%s\": not modelled",
                           name != NULL ? name : "(no text)");
}

static ws_status read_layer_types(reader *r, ws_json list)
{
    WS_TRY(check_length(r, list, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(list);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        WS_TRY(read_layer_type(r, item, &r->attention_of[i]));
    }
    return WS_OK;
}

/* MiMo: 1 = with a window. */
static ws_status read_hybrid_pattern(reader *r, ws_json list)
{
    WS_TRY(check_length(r, list, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(list);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        r->attention_of[i] = ws_json_number(item) > 0.0 ? WS_ATTENTION_SLIDING : r->full.kind;
    }
    return WS_OK;
}

/* MiniMax: 1 = softmax attention, 0 = lightning attention. */
static ws_status read_attention_types(reader *r, ws_json list)
{
    WS_TRY(check_length(r, list, (size_t)r->arch->n_layers));
    for (ws_json item = ws_json_first(list); is_given(item); item = ws_json_next(item)) {
        if (!(ws_json_number(item) > 0.0)) {
            return ws_json_problem(item, r->keys.err, "lightning attention: not modelled");
        }
    }
    fill_attention(r, r->full.kind);
    return WS_OK;
}

/* All but the last of every so many layers have a window. */
static void set_period(reader *r, int64_t period, ws_attention_kind kind)
{
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->attention_of[i] = period > 0 && (i + 1) % period == 0 ? r->full.kind : kind;
    }
}

/* Llama 4: layers without rotary embedding attend to everything. A list of 0s and 1s may say which. */
static ws_status set_chunks(reader *r)
{
    const ws_json list = ws_hf_get(&r->keys, "no_rope_layers");
    set_period(r, r->family->period, WS_ATTENTION_CHUNKED);
    if (!is_given(list) || ws_json_size(list) == 0) {
        return WS_OK;
    }
    WS_TRY(check_length(r, list, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(list);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        r->attention_of[i] = ws_json_number(item) > 0.0 ? WS_ATTENTION_CHUNKED : r->full.kind;
    }
    return WS_OK;
}

static ws_status set_family_windows(reader *r)
{
    static const char *const names[] = {"sliding_window_pattern", "_sliding_window_pattern", NULL};
    int64_t                  period = 0, first_windowed = 0;
    bool                     is_asked = false;
    WS_TRY(ws_hf_int_any(&r->keys, names, 0, WS_ARCH_LAYERS_MAX, r->family->period, &period));
    WS_TRY(ws_hf_int(&r->keys, "max_window_layers", 0, POSITION_MAX, 0, &first_windowed));
    WS_TRY(ws_hf_bool(&r->keys, "use_sliding_window", false, &is_asked));
    fill_attention(r, r->full.kind);
    switch (r->family->windows) {
    case WS_HF_WINDOWS_NONE:
        break;
    case WS_HF_WINDOWS_ALL:
        fill_attention(r, WS_ATTENTION_SLIDING);
        break;
    case WS_HF_WINDOWS_ASKED:
        for (int64_t i = first_windowed; is_asked && i < r->arch->n_layers; i++) {
            r->attention_of[i] = WS_ATTENTION_SLIDING;
        }
        break;
    case WS_HF_WINDOWS_ALTERNATE:
        for (int64_t i = 0; i < r->arch->n_layers; i += 2) {
            r->attention_of[i] = WS_ATTENTION_SLIDING;
        }
        break;
    case WS_HF_WINDOWS_PERIOD:
        set_period(r, period, WS_ATTENTION_SLIDING);
        break;
    case WS_HF_WINDOWS_CHUNKED:
        return set_chunks(r);
    }
    return WS_OK;
}

/* Qwen3-Next and 3.5 without a list: full attention in the last of every so many layers. */
static ws_status set_linear_period(reader *r)
{
    int64_t period = 0;
    WS_TRY(ws_hf_int(&r->keys, "full_attention_interval", 1, WS_ARCH_LAYERS_MAX, 4, &period));
    set_period(r, period, r->linear.kind);
    return WS_OK;
}

/* A window that is null is none; chunked attention has a key of its own. */
static ws_status resolve_windows(reader *r)
{
    int64_t window = 0, chunk = 0;
    WS_TRY(ws_hf_int(&r->keys, "sliding_window", 0, POSITION_MAX, 0, &window));
    WS_TRY(ws_hf_int(&r->keys, "attention_chunk_size", 0, POSITION_MAX, 0, &chunk));
    const bool may_default = !is_given(ws_json_member(r->keys.object, "sliding_window"));
    const bool is_chunked  = r->family->windows == WS_HF_WINDOWS_CHUNKED;
    if (may_default && !is_chunked) {
        window = r->family->window;
    }
    if (is_chunked && !is_given(ws_json_member(r->keys.object, "attention_chunk_size"))) {
        chunk = r->family->window;
    }
    if (!is_chunked && chunk > 0 && chunk != window) {
        return ws_json_problem(ws_json_member(r->keys.object, "attention_chunk_size"), r->keys.err,
                               "attention in chunks: not modelled for \"%s\"", r->family->model_type);
    }
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        ws_attention_kind *kind = &r->attention_of[i];
        if ((*kind == WS_ATTENTION_SLIDING && window == 0) || (*kind == WS_ATTENTION_CHUNKED && chunk == 0)) {
            *kind = r->full.kind;
        }
        if (*kind == WS_ATTENTION_FULL) {
            *kind = r->full.kind;
        }
    }
    r->windowed.window_tokens = is_chunked ? chunk : window;
    return WS_OK;
}

static ws_status read_attention_of_layers(reader *r)
{
    const ws_json types  = ws_hf_get(&r->keys, "layer_types");
    const ws_json hybrid = ws_hf_get(&r->keys, "hybrid_layer_pattern");
    const ws_json list   = ws_hf_get(&r->keys, "attn_type_list");
    ws_status     status = WS_OK;
    WS_TRY(set_family_windows(r)); /* reads its keys also where a list goes before them */
    if (is_given(types)) {
        (void)ws_hf_get(&r->keys, "full_attention_interval");
        status = read_layer_types(r, types);
    } else if (is_given(hybrid)) {
        status = read_hybrid_pattern(r, hybrid);
    } else if (is_given(list)) {
        status = read_attention_types(r, list);
    } else if (r->linear.kind == WS_ATTENTION_DELTA) {
        status = set_linear_period(r);
    }
    return status == WS_OK ? resolve_windows(r) : status;
}

/* ---- MLPs ---- */

static ws_status read_dense(reader *r)
{
    static const char *const llama4[]  = {"intermediate_size_mlp", NULL};
    static const char *const others[]  = {"intermediate_size", "ffn_dim", NULL};
    const bool               is_llama4 = strcmp(r->family->model_type, "llama4_text") == 0;
    bool                     has_bias  = false;
    r->dense.is_gated                  = !has(r, WS_HF_NOT_GATED);
    WS_TRY(
        ws_hf_int_any(&r->keys, is_llama4 ? llama4 : others, 0, WIDTH_MAX, 0, &r->dense.intermediate_size));
    WS_TRY(ws_hf_bool(&r->keys, "use_bias", false, &has_bias));
    return ws_hf_bool(&r->keys, "mlp_bias", has_bias || has(r, WS_HF_MLP_BIAS), &r->dense.has_bias);
}

static ws_status read_shared_experts(reader *r, ws_mlp *moe)
{
    static const char *const counts[] = {"n_shared_experts", "num_shared_experts", "moe_num_shared_experts",
                                         NULL};
    static const char *const widths[] = {"moe_shared_expert_intermediate_size", "share_expert_dim", NULL};
    static const char *const wholes[] = {"shared_expert_intermediate_size", "shared_intermediate_size", NULL};
    int64_t                  n = 0, width = 0, whole = 0;
    WS_TRY(ws_hf_int_any(&r->keys, counts, 0, EXPERTS_MAX, 0, &n));
    WS_TRY(ws_hf_int_any(&r->keys, widths, 0, WIDTH_MAX, moe->expert_intermediate_size, &width));
    WS_TRY(ws_hf_int_any(&r->keys, wholes, 0, WIDTH_MAX, n * width, &whole));
    moe->shared_intermediate_size = whole;
    if (strcmp(r->family->model_type, "llama4_text") == 0) {
        moe->shared_intermediate_size = moe->expert_intermediate_size;
    }
    moe->has_shared_gate = moe->shared_intermediate_size > 0 && has(r, WS_HF_SHARED_GATE);
    return WS_OK;
}

static ws_status read_moe(reader *r)
{
    static const char *const counts[] = {"num_experts", "num_local_experts", "n_routed_experts",
                                         "moe_num_experts", NULL};
    static const char *const chosen[] = {"num_experts_per_tok",
                                         "experts_per_token",
                                         "top_k_experts",
                                         "moe_topk",
                                         "moe_k",
                                         "moe_top_k",
                                         "num_experts_per_token",
                                         NULL};
    ws_mlp                  *moe      = &r->moe;
    int64_t                  narrow   = 0;
    WS_TRY(ws_hf_int_any(&r->keys, counts, 0, EXPERTS_MAX, 0, &moe->n_experts));
    WS_TRY(ws_hf_int_any(&r->keys, chosen, 0, EXPERTS_MAX, 0, &moe->experts_per_token));
    WS_TRY(ws_hf_int(&r->keys, "intermediate_size", 0, WIDTH_MAX, 0, &narrow));
    WS_TRY(
        ws_hf_int(&r->keys, "moe_intermediate_size", 1, WIDTH_MAX, narrow, &moe->expert_intermediate_size));
    moe->experts_are_gated = r->dense.is_gated;
    moe->has_bias          = r->dense.has_bias;
    moe->has_router_bias   = has(r, WS_HF_ROUTER_BIAS);
    (void)ws_hf_get(&r->keys, "use_routing_bias");
    (void)ws_hf_get(&r->keys, "use_moe_router_bias");
    WS_TRY(read_shared_experts(r, moe));
    if (moe->n_experts == 0) {
        return WS_OK;
    }
    if (moe->experts_per_token < 1 || moe->experts_per_token > moe->n_experts) {
        return ws_json_problem(r->keys.object, r->keys.err,
                               "expected 1 to %lld experts per token (num_experts_per_tok), found %lld",
                               (long long)moe->n_experts, (long long)moe->experts_per_token);
    }
    if (moe->expert_intermediate_size == 0) {
        return ws_json_problem(r->keys.object, r->keys.err,
                               "missing key \"moe_intermediate_size\" (integer)");
    }
    return WS_OK;
}

/* Layers that a list of numbers, or a text of numbers and commas, names. */
static void mark_listed(reader *r, ws_json list, bool is_moe)
{
    const char *text = ws_json_string(list);
    while (text != NULL && *text != '\0') {
        char      *end   = NULL;
        const long layer = strtol(text, &end, 10);
        if (end == text) {
            break;
        }
        if (layer >= 0 && layer < r->arch->n_layers) {
            r->is_moe[layer] = is_moe;
        }
        text = end + strspn(end, ", ");
    }
    for (ws_json item = text == NULL ? ws_json_first(list) : WS_JSON_NONE; is_given(item);
         item         = ws_json_next(item)) {
        const double layer = ws_json_number(item);
        if (layer >= 0.0 && layer < (double)r->arch->n_layers) {
            r->is_moe[(int64_t)layer] = is_moe;
        }
    }
}

static void set_every(reader *r, int64_t step, int64_t remainder)
{
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->is_moe[i] = r->is_moe[i] && i % step == remainder;
    }
}

/* An interval, or a list of 0s and 1s. */
static ws_status read_frequency(reader *r)
{
    const ws_json frequency = ws_hf_get(&r->keys, "moe_layer_freq");
    if (ws_json_kind_of(frequency) != WS_JSON_ARRAY) {
        int64_t step = 0;
        WS_TRY(ws_hf_int(&r->keys, "moe_layer_freq", 1, WS_ARCH_LAYERS_MAX, 1, &step));
        set_every(r, step, 0);
        return WS_OK;
    }
    WS_TRY(check_length(r, frequency, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(frequency);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        r->is_moe[i] = ws_json_number(item) > 0.0;
    }
    return WS_OK;
}

static ws_status read_steps(reader *r)
{
    int64_t sparse = 0, interleave = 0, start = 0, end = 0, interval = 0;
    WS_TRY(ws_hf_int(&r->keys, "decoder_sparse_step", 1, WS_ARCH_LAYERS_MAX, 1, &sparse));
    WS_TRY(ws_hf_int(&r->keys, "interleave_moe_layer_step", 1, WS_ARCH_LAYERS_MAX, 1, &interleave));
    WS_TRY(ws_hf_int(&r->keys, "moe_layer_interval", 1, WS_ARCH_LAYERS_MAX, 1, &interval));
    WS_TRY(ws_hf_int(&r->keys, "moe_layer_start_index", 0, WS_ARCH_LAYERS_MAX, 0, &start));
    WS_TRY(ws_hf_int(&r->keys, "moe_layer_end_index", -1, WS_ARCH_LAYERS_MAX, -1, &end));
    set_every(r, sparse, sparse - 1);
    set_every(r, interleave, interleave - 1);
    set_every(r, interval, interval - 1);
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->is_moe[i] = r->is_moe[i] && i >= start && (end < 0 || i <= end);
    }
    return WS_OK;
}

static ws_status read_experts_of_layers(reader *r)
{
    int64_t n_dense = 0;
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->is_moe[i] = r->moe.n_experts > 0;
    }
    WS_TRY(read_frequency(r));
    WS_TRY(read_steps(r));
    WS_TRY(ws_hf_int(&r->keys, "first_k_dense_replace", 0, WS_ARCH_LAYERS_MAX, 0, &n_dense));
    for (int64_t i = 0; i < n_dense && i < r->arch->n_layers; i++) {
        r->is_moe[i] = false;
    }
    mark_listed(r, ws_hf_get(&r->keys, "mlp_only_layers"), false);
    const ws_json listed = ws_hf_get(&r->keys, "moe_layers_enum");
    const ws_json moes   = ws_hf_get(&r->keys, "moe_layers");
    if (is_given(listed) || (is_given(moes) && ws_json_size(moes) > 0)) {
        memset(r->is_moe, 0, sizeof(r->is_moe));
        mark_listed(r, listed, true);
        mark_listed(r, moes, true);
    }
    return WS_OK;
}

/* ---- blocks ---- */

/* The kind of a block; alike blocks share one. */
static ws_status add_block(reader *r, int64_t layer, const ws_block *block)
{
    ws_architecture *arch = r->arch;
    size_t           kind = 0;
    while (kind < arch->n_kinds && memcmp(&arch->kinds[kind], block, sizeof(*block)) != 0) {
        kind++;
    }
    if (kind == arch->n_kinds) {
        if (kind == WS_BLOCK_KINDS_MAX) {
            return ws_json_problem(r->keys.object, r->keys.err, "more than %d kinds of blocks: not modelled",
                                   WS_BLOCK_KINDS_MAX);
        }
        memcpy(&arch->kinds[arch->n_kinds++], block, sizeof(*block));
    }
    arch->kind_of_layer[layer] = (uint8_t)kind;
    return WS_OK;
}

static const ws_attention *attention_of(const reader *r, ws_attention_kind kind)
{
    switch (kind) {
    case WS_ATTENTION_SLIDING:
    case WS_ATTENTION_CHUNKED:
        return &r->windowed;
    case WS_ATTENTION_DELTA:
    case WS_ATTENTION_MAMBA2:
        return &r->linear;
    default:
        return &r->full;
    }
}

static int64_t n_norms(const reader *r)
{
    if (has(r, WS_HF_FOUR_NORMS)) {
        return 4;
    }
    return has(r, WS_HF_ONE_NORM) ? 1 : 2;
}

static ws_status put_blocks(reader *r)
{
    bool both = false; /* Gemma 4: a dense MLP next to the experts */
    WS_TRY(ws_hf_bool(&r->keys, "enable_moe_block", false, &both));
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        ws_block block;
        memset(&block, 0, sizeof(block)); /* blocks are compared byte by byte */
        block.attention = *attention_of(r, r->attention_of[i]);
        if (r->attention_of[i] == WS_ATTENTION_CHUNKED) {
            block.attention.kind = WS_ATTENTION_CHUNKED;
        }
        block.mlp     = r->is_moe[i] ? r->moe : r->dense;
        block.n_norms = n_norms(r);
        if (r->is_moe[i] && both) {
            block.mlp.intermediate_size = r->dense.intermediate_size;
            block.mlp.is_gated          = r->dense.is_gated;
        }
        if (!r->is_moe[i] && r->dense.intermediate_size == 0) {
            return ws_json_problem(r->keys.object, r->keys.err,
                                   "missing key \"intermediate_size\" (integer)");
        }
        WS_TRY(add_block(r, i, &block));
    }
    return WS_OK;
}

/* Nemotron-H: one mixer per block, as a text says: M = Mamba, * = attention, - = MLP, E = experts. */
static ws_status put_pattern(reader *r, ws_json pattern)
{
    const char *text = ws_json_string(pattern);
    if (text == NULL || (int64_t)strlen(text) != r->arch->n_layers) {
        return ws_json_expected(pattern, r->keys.err, "a text with a letter per layer");
    }
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        ws_block block;
        memset(&block, 0, sizeof(block));
        block.n_norms = 1;
        if (text[i] == 'M' && r->linear.kind == WS_ATTENTION_MAMBA2) {
            block.attention = r->linear;
        } else if (text[i] == '*') {
            block.attention = r->full;
        } else if (text[i] == '-') {
            block.mlp = r->dense;
        } else if (text[i] == 'E' && r->moe.n_experts > 0) {
            block.mlp = r->moe;
        } else {
            return ws_json_problem(pattern, r->keys.err, "a layer '%c': not modelled", text[i]);
        }
        WS_TRY(add_block(r, i, &block));
    }
    return WS_OK;
}

/* ---- blocks one by one: pruned models ---- */

/* The width a multiplier means. Source: DeciLM's modelling file, _ffn_mult_to_intermediate_size. */
static int64_t width_of(double multiplier, int64_t hidden)
{
    const int64_t width = (int64_t)(2.0 * multiplier * (double)hidden / 3.0);
    return (width + 255) / 256 * 256;
}

static ws_status read_pruned_attention(reader *r, ws_json config, ws_attention *out)
{
    if (ws_json_bool(ws_json_member(config, "no_op"))) {
        return WS_OK; /* none */
    }
    if (ws_json_bool(ws_json_member(config, "replace_with_linear"))) {
        return ws_json_problem(config, r->keys.err, "attention replaced by a linear layer: not modelled");
    }
    const ws_json group = ws_json_member(config, "n_heads_in_group");
    int64_t       heads = 0;
    WS_TRY(ws_json_read_int(group, 1, r->full.n_heads, r->keys.err, &heads));
    *out            = r->full;
    out->n_kv_heads = r->full.n_heads / heads;
    return WS_OK;
}

static ws_status read_pruned_mlp(reader *r, ws_json config, ws_mlp *out)
{
    if (ws_json_bool(ws_json_member(config, "no_op"))) {
        return WS_OK;
    }
    const double multiplier = ws_json_number(ws_json_member(config, "ffn_mult"));
    if (ws_json_bool(ws_json_member(config, "replace_with_linear")) ||
        !(multiplier > 0.0 && multiplier < 64.0)) {
        return ws_json_problem(config, r->keys.err,
                               "expected an MLP with a ffn_mult above 0 (others are not modelled)");
    }
    *out                   = r->dense;
    out->intermediate_size = width_of(multiplier, r->arch->hidden_size);
    return WS_OK;
}

static ws_status put_block_configs(reader *r, ws_json list)
{
    WS_TRY(check_length(r, list, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(list);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        ws_block block;
        memset(&block, 0, sizeof(block));
        block.n_norms = 2;
        WS_TRY(read_pruned_attention(r, ws_json_member(item, "attention"), &block.attention));
        WS_TRY(read_pruned_mlp(r, ws_json_member(item, "ffn"), &block.mlp));
        WS_TRY(add_block(r, i, &block));
    }
    return WS_OK;
}

static ws_status read_blocks(reader *r)
{
    const ws_json pattern = ws_hf_get(&r->keys, "hybrid_override_pattern");
    const ws_json pruned  = ws_hf_get(&r->keys, "block_configs");
    WS_TRY(read_full_attention(r));
    WS_TRY(read_linear_attention(r));
    WS_TRY(read_dense(r));
    WS_TRY(read_moe(r));
    if (is_given(pattern)) {
        return put_pattern(r, pattern);
    }
    if (is_given(pruned)) {
        return put_block_configs(r, pruned);
    }
    WS_TRY(read_windowed_attention(r));
    WS_TRY(read_attention_of_layers(r));
    WS_TRY(read_experts_of_layers(r));
    return put_blocks(r);
}

/* ---- the file ---- */

static ws_json find_text_model(ws_json config)
{
    static const char *const names[] = {"text_config", "language_config", "llm_config"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ws_json part = ws_json_member(config, names[i]);
        if (ws_json_kind_of(part) == WS_JSON_OBJECT && is_given(ws_json_member(part, "hidden_size"))) {
            return part;
        }
    }
    const ws_json thinker = ws_json_member(config, "thinker_config"); /* Qwen's omni models */
    return ws_json_kind_of(thinker) == WS_JSON_OBJECT ? find_text_model(thinker) : config;
}

static ws_status find_family(reader *r, ws_json text, ws_json config)
{
    ws_json value = ws_json_member(text, "model_type");
    if (ws_json_string(value) == NULL) {
        value = ws_json_member(config, "model_type");
    }
    const char *type = ws_json_string(value);
    if (type == NULL || type[0] == '\0' || strlen(type) >= WS_ARCH_NAME_MAX) {
        return ws_json_problem(text, r->keys.err,
                               "expected a model_type (string), as Hugging Face configs have");
    }
    memcpy(r->arch->model_type, type, strlen(type) + 1);
    r->family           = ws_hf_family_find(type);
    const char *refusal = ws_hf_family_refusal(type);
    if (refusal != NULL) {
        return ws_json_problem(value, r->keys.err, "\"%s\": not modelled: %s", type, refusal);
    }
    if (r->family == NULL && !r->approximate) {
        const char *nearest = ws_hf_family_nearest(type);
        return ws_json_problem(value, r->keys.err,
                               "unknown model_type \"%s\"%s%s%s; --approximate-model reads it as \"llama\"",
                               type, nearest != NULL ? ", did you mean \"" : "",
                               nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    if (r->family == NULL) {
        ws_strbuf_printf(r->notes, "unknown model_type \"%s\": read as \"llama\"\n", type);
        r->family = ws_hf_family_find("llama");
    }
    return WS_OK;
}

static void note_other_parts(ws_json config, ws_strbuf *notes)
{
    static const char *const towers[] = {"vision_config", "audio_config", "vit_config", "visual"};
    for (size_t i = 0; i < sizeof(towers) / sizeof(towers[0]); i++) {
        if (ws_json_kind_of(ws_json_member(config, towers[i])) == WS_JSON_OBJECT) {
            ws_strbuf_printf(notes, "%s: left out, text only\n", towers[i]);
        }
    }
}

static ws_status read_quant(reader *r, ws_json quant)
{
    const char   *experts = ws_hf_experts_path(r->arch->model_type);
    const ws_json file    = ws_hf_get(r->root, "quantization_config");
    const ws_json text    = ws_hf_get(&r->keys, "quantization_config");
    const ws_json beside  = ws_json_member(quant, "quantization");
    if (is_given(beside)) {
        return ws_hf_quant_read(beside, experts, r->keys.err, r->arch);
    }
    if (is_given(file)) {
        return ws_hf_quant_read(file, experts, r->keys.err, r->arch);
    }
    return is_given(text) ? ws_hf_quant_read(text, experts, r->keys.err, r->arch) : WS_OK;
}

static ws_status read_all(reader *r, ws_json quant)
{
    WS_TRY(read_sizes(r));
    WS_TRY(read_opt(r));
    WS_TRY(read_blocks(r));
    WS_TRY(read_quant(r, quant));
    return ws_hf_check_unread(&r->keys, r->approximate, r->notes);
}

ws_status ws_hf_config_read(ws_json config, ws_json quant, bool approximate, ws_error *err, ws_strbuf *notes,
                            ws_architecture *out)
{
    if (ws_json_kind_of(config) != WS_JSON_OBJECT) {
        return ws_json_expected(config, err, "a model config (object)");
    }
    reader          *r      = calloc(1, sizeof(*r));
    ws_architecture *arch   = calloc(1, sizeof(*arch));
    ws_hf_keys       root   = {.object = config, .err = err};
    ws_status        status = WS_ERR_NOMEM;
    if (r != NULL && arch != NULL) {
        const ws_json text   = find_text_model(config);
        r->keys              = (ws_hf_keys){.object = text, .err = err};
        r->root              = text.item == config.item ? &r->keys : &root;
        r->approximate       = approximate;
        r->notes             = notes;
        r->arch              = arch;
        arch->kv_cache_dtype = WS_DTYPE_COUNT;
        note_other_parts(config, notes);
        status = find_family(r, text, config);
        if (status == WS_OK) {
            status = read_all(r, quant);
        }
    }
    if (status == WS_OK) {
        memcpy(out, arch, sizeof(*out));
    }
    free(arch);
    free(r);
    return status;
}
