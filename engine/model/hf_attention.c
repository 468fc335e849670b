#include "model/hf_attention.h"

#include <string.h>

/* ---- how a layer attends ---- */

static ws_status read_biases(ws_hf_reader *r, ws_attention *a)
{
    bool all = false, attention = false;
    WS_TRY(ws_hf_bool(&r->keys, "use_bias", false, &all));
    WS_TRY(ws_hf_bool(&r->keys, "attention_bias", all, &attention));
    WS_TRY(ws_hf_bool(&r->keys, "qkv_bias", attention || ws_hf_has(r, WS_HF_QKV_BIAS), &a->has_qkv_bias));
    return ws_hf_bool(&r->keys, "attention_out_bias",
                      (attention && !ws_hf_has(r, WS_HF_O_PLAIN)) || ws_hf_has(r, WS_HF_O_BIAS),
                      &a->has_o_bias);
}

static ws_status read_qk_norm(ws_hf_reader *r, ws_attention *a)
{
    const bool  is_full = ws_hf_has(r, WS_HF_QK_NORM_FULL);
    const bool  is_head = ws_hf_has(r, WS_HF_QK_NORM);
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

static ws_status read_mla(ws_hf_reader *r, ws_attention *a)
{
    ws_hf_keys *keys = &r->keys;
    WS_TRY(ws_hf_int(keys, "kv_lora_rank", 0, WS_HF_WIDTH_MAX, 0, &a->kv_lora_rank));
    WS_TRY(ws_hf_int(keys, "q_lora_rank", 0, WS_HF_WIDTH_MAX, 0, &a->q_lora_rank));
    if (a->kv_lora_rank == 0) {
        return WS_OK;
    }
    a->kind = WS_ATTENTION_MLA;
    WS_TRY(ws_hf_size(keys, "qk_nope_head_dim", WS_HF_WIDTH_MAX, 0, &a->qk_nope_head_dim));
    WS_TRY(ws_hf_size(keys, "qk_rope_head_dim", WS_HF_WIDTH_MAX, 0, &a->qk_rope_head_dim));
    WS_TRY(ws_hf_size(keys, "v_head_dim", WS_HF_WIDTH_MAX, 0, &a->v_head_dim));
    (void)ws_hf_get(keys, "qk_head_dim"); /* the sum of the two */
    a->qk_head_dim = a->qk_nope_head_dim + a->qk_rope_head_dim;
    WS_TRY(ws_hf_int(keys, "index_n_heads", 0, WS_HF_HEADS_MAX, 0, &a->index_n_heads));
    WS_TRY(ws_hf_int(keys, "index_head_dim", 0, WS_HF_WIDTH_MAX, 0, &a->index_head_dim));
    return ws_hf_int(keys, "index_topk", 0, WS_HF_POSITION_MAX, 0, &a->index_topk);
}

static ws_status read_full(ws_hf_reader *r)
{
    ws_hf_keys         *keys   = &r->keys;
    const ws_hf_family *family = r->family;
    ws_attention       *a      = &r->full;
    a->kind                    = WS_ATTENTION_FULL;
    WS_TRY(ws_hf_size(keys, "num_attention_heads", WS_HF_HEADS_MAX, family->n_heads, &a->n_heads));
    WS_TRY(ws_hf_size(keys, "num_key_value_heads", WS_HF_HEADS_MAX,
                      family->n_kv_heads > 0 ? family->n_kv_heads : a->n_heads, &a->n_kv_heads));
    const int64_t            even    = r->arch->hidden_size / a->n_heads;
    static const char *const names[] = {"head_dim", "attention_head_dim", NULL};
    WS_TRY(ws_hf_int_any(keys, names, 1, WS_HF_WIDTH_MAX, family->head_dim > 0 ? family->head_dim : even,
                         &a->qk_head_dim));
    if (a->qk_head_dim == 0) {
        return ws_json_problem(
            keys->object, keys->err,
            "expected hidden_size >= num_attention_heads (or a head_dim), found %lld < %lld",
            (long long)r->arch->hidden_size, (long long)a->n_heads);
    }
    WS_TRY(ws_hf_int(keys, "v_head_dim", 1, WS_HF_WIDTH_MAX, a->qk_head_dim, &a->v_head_dim));
    WS_TRY(read_biases(r, a));
    WS_TRY(read_qk_norm(r, a));
    WS_TRY(ws_hf_bool(keys, "attn_output_gate", false, &a->has_output_gate));
    WS_TRY(ws_hf_bool(keys, "add_full_attention_sink_bias", ws_hf_has(r, WS_HF_SINKS), &a->has_sinks));
    return read_mla(r, a);
}

/* Layers with a window are as the others, except for what keys of their own say. */
static ws_status read_windowed(ws_hf_reader *r)
{
    ws_hf_keys   *keys = &r->keys;
    ws_attention *a    = &r->windowed;
    *a                 = r->full;
    a->kind            = WS_ATTENTION_SLIDING;
    WS_TRY(ws_hf_int(keys, "swa_num_attention_heads", 1, WS_HF_HEADS_MAX, a->n_heads, &a->n_heads));
    WS_TRY(ws_hf_int(keys, "swa_num_key_value_heads", 1, WS_HF_HEADS_MAX, a->n_kv_heads, &a->n_kv_heads));
    WS_TRY(ws_hf_int(keys, "swa_head_dim", 1, WS_HF_WIDTH_MAX, a->qk_head_dim, &a->qk_head_dim));
    WS_TRY(ws_hf_int(keys, "swa_v_head_dim", 1, WS_HF_WIDTH_MAX, a->v_head_dim, &a->v_head_dim));
    WS_TRY(ws_hf_bool(keys, "add_swa_attention_sink_bias", a->has_sinks, &a->has_sinks));
    /* Gemma 4: it is the layers without a window that differ. */
    ws_attention *full = &r->full;
    WS_TRY(ws_hf_int(keys, "global_head_dim", 1, WS_HF_WIDTH_MAX, full->qk_head_dim, &full->qk_head_dim));
    full->v_head_dim = full->qk_head_dim != a->qk_head_dim ? full->qk_head_dim : full->v_head_dim;
    WS_TRY(ws_hf_int(keys, "num_global_key_value_heads", 1, WS_HF_HEADS_MAX, full->n_kv_heads,
                     &full->n_kv_heads));
    return ws_hf_bool(keys, "attention_k_eq_v", false, &full->shares_kv);
}

static ws_status read_linear(ws_hf_reader *r)
{
    ws_hf_keys   *keys  = &r->keys;
    ws_attention *a     = &r->linear;
    const char   *state = ws_json_string(ws_hf_get(keys, "mamba_ssm_dtype"));
    a->state_dtype      = state != NULL ? ws_dtype_from_name(state) : WS_DTYPE_FLOAT32;
    if (a->state_dtype == WS_DTYPE_COUNT) {
        a->state_dtype = WS_DTYPE_FLOAT32;
    }
    if (ws_hf_is_given(ws_hf_get(keys, "linear_num_value_heads"))) {
        a->kind = WS_ATTENTION_DELTA;
        WS_TRY(ws_hf_size(keys, "linear_num_value_heads", WS_HF_HEADS_MAX, 0, &a->n_value_heads));
        WS_TRY(ws_hf_size(keys, "linear_num_key_heads", WS_HF_HEADS_MAX, 0, &a->n_key_heads));
        WS_TRY(ws_hf_size(keys, "linear_key_head_dim", WS_HF_WIDTH_MAX, 0, &a->key_head_dim));
        WS_TRY(ws_hf_size(keys, "linear_value_head_dim", WS_HF_WIDTH_MAX, 0, &a->value_head_dim));
        return ws_hf_size(keys, "linear_conv_kernel_dim", 64, 0, &a->conv_kernel);
    }
    if (ws_hf_is_given(ws_hf_get(keys, "mamba_num_heads"))) {
        a->kind = WS_ATTENTION_MAMBA2;
        WS_TRY(ws_hf_size(keys, "mamba_num_heads", WS_HF_HEADS_MAX, 0, &a->n_value_heads));
        WS_TRY(ws_hf_size(keys, "mamba_head_dim", WS_HF_WIDTH_MAX, 0, &a->value_head_dim));
        WS_TRY(ws_hf_size(keys, "ssm_state_size", WS_HF_WIDTH_MAX, 0, &a->key_head_dim));
        WS_TRY(ws_hf_size(keys, "n_groups", WS_HF_HEADS_MAX, 0, &a->n_key_heads));
        (void)ws_hf_get(keys, "expand"); /* heads and their size say it */
        (void)ws_hf_get(keys, "use_conv_bias");
        (void)ws_hf_get(keys, "mamba_proj_bias");
        return ws_hf_size(keys, "conv_kernel", 64, 4, &a->conv_kernel);
    }
    return WS_OK;
}

/* ---- which layer attends how ---- */

static void fill_attention(ws_hf_reader *r, ws_attention_kind kind)
{
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->attention_of[i] = kind;
    }
}

static ws_status read_layer_type(ws_hf_reader *r, ws_json item, ws_attention_kind *out)
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

static ws_status read_layer_types(ws_hf_reader *r, ws_json list)
{
    WS_TRY(ws_hf_check_list(&r->keys, list, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(list);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        WS_TRY(read_layer_type(r, item, &r->attention_of[i]));
    }
    return WS_OK;
}

/* MiMo: 1 = with a window. */
static ws_status read_hybrid_pattern(ws_hf_reader *r, ws_json list)
{
    WS_TRY(ws_hf_check_list(&r->keys, list, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(list);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        r->attention_of[i] = ws_json_number(item) > 0.0 ? WS_ATTENTION_SLIDING : r->full.kind;
    }
    return WS_OK;
}

/* MiniMax: 1 = softmax attention, 0 = lightning attention. */
static ws_status read_attention_types(ws_hf_reader *r, ws_json list)
{
    WS_TRY(ws_hf_check_list(&r->keys, list, (size_t)r->arch->n_layers));
    for (ws_json item = ws_json_first(list); ws_hf_is_given(item); item = ws_json_next(item)) {
        if (!(ws_json_number(item) > 0.0)) {
            return ws_json_problem(item, r->keys.err, "lightning attention: not modelled");
        }
    }
    fill_attention(r, r->full.kind);
    return WS_OK;
}

/* All but the last of every so many layers have a window. */
static void set_period(ws_hf_reader *r, int64_t period, ws_attention_kind kind)
{
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->attention_of[i] = period > 0 && (i + 1) % period == 0 ? r->full.kind : kind;
    }
}

/* Llama 4: layers without rotary embedding attend to everything. A list of 0s and 1s may say which. */
static ws_status set_chunks(ws_hf_reader *r)
{
    const ws_json list = ws_hf_get(&r->keys, "no_rope_layers");
    set_period(r, r->family->period, WS_ATTENTION_CHUNKED);
    if (!ws_hf_is_given(list) || ws_json_size(list) == 0) {
        return WS_OK;
    }
    WS_TRY(ws_hf_check_list(&r->keys, list, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(list);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        r->attention_of[i] = ws_json_number(item) > 0.0 ? WS_ATTENTION_CHUNKED : r->full.kind;
    }
    return WS_OK;
}

static ws_status set_family_windows(ws_hf_reader *r)
{
    static const char *const names[] = {"sliding_window_pattern", "_sliding_window_pattern", NULL};
    int64_t                  period = 0, first_windowed = 0;
    bool                     is_asked = false;
    WS_TRY(ws_hf_int_any(&r->keys, names, 0, WS_ARCH_LAYERS_MAX, r->family->period, &period));
    WS_TRY(ws_hf_int(&r->keys, "max_window_layers", 0, WS_HF_POSITION_MAX, 0, &first_windowed));
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
static ws_status set_linear_period(ws_hf_reader *r)
{
    int64_t period = 0;
    WS_TRY(ws_hf_int(&r->keys, "full_attention_interval", 1, WS_ARCH_LAYERS_MAX, 4, &period));
    set_period(r, period, r->linear.kind);
    return WS_OK;
}

/* A window that is null is none; chunked attention has a key of its own. */
static ws_status resolve_windows(ws_hf_reader *r)
{
    int64_t window = 0, chunk = 0;
    WS_TRY(ws_hf_int(&r->keys, "sliding_window", 0, WS_HF_POSITION_MAX, 0, &window));
    WS_TRY(ws_hf_int(&r->keys, "attention_chunk_size", 0, WS_HF_POSITION_MAX, 0, &chunk));
    const bool may_default = !ws_hf_is_given(ws_json_member(r->keys.object, "sliding_window"));
    const bool is_chunked  = r->family->windows == WS_HF_WINDOWS_CHUNKED;
    if (may_default && !is_chunked) {
        window = r->family->window;
    }
    if (is_chunked && !ws_hf_is_given(ws_json_member(r->keys.object, "attention_chunk_size"))) {
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

static ws_status read_attention_of_layers(ws_hf_reader *r)
{
    const ws_json types  = ws_hf_get(&r->keys, "layer_types");
    const ws_json hybrid = ws_hf_get(&r->keys, "hybrid_layer_pattern");
    const ws_json list   = ws_hf_get(&r->keys, "attn_type_list");
    ws_status     status = WS_OK;
    WS_TRY(set_family_windows(r)); /* reads its keys also where a list goes before them */
    if (ws_hf_is_given(types)) {
        (void)ws_hf_get(&r->keys, "full_attention_interval");
        status = read_layer_types(r, types);
    } else if (ws_hf_is_given(hybrid)) {
        status = read_hybrid_pattern(r, hybrid);
    } else if (ws_hf_is_given(list)) {
        status = read_attention_types(r, list);
    } else if (r->linear.kind == WS_ATTENTION_DELTA) {
        status = set_linear_period(r);
    }
    return status == WS_OK ? resolve_windows(r) : status;
}

/* ---- both ---- */

ws_status ws_hf_attention_read(ws_hf_reader *r)
{
    WS_TRY(read_full(r));
    return read_linear(r);
}

ws_status ws_hf_attention_place(ws_hf_reader *r)
{
    WS_TRY(read_windowed(r));
    return read_attention_of_layers(r);
}
