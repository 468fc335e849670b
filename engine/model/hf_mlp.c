#include "model/hf_mlp.h"

#include <stdlib.h>
#include <string.h>

/* ---- what an MLP is ---- */

static ws_status read_dense(ws_hf_reader *r)
{
    static const char *const llama4[]  = {"intermediate_size_mlp", NULL};
    static const char *const others[]  = {"intermediate_size", "ffn_dim", NULL};
    const bool               is_llama4 = strcmp(r->family->model_type, "llama4_text") == 0;
    bool                     has_bias  = false;
    r->dense.is_gated                  = !ws_hf_has(r, WS_HF_NOT_GATED);
    WS_TRY(ws_hf_int_any(&r->keys, is_llama4 ? llama4 : others, 0, WS_HF_WIDTH_MAX, 0,
                         &r->dense.intermediate_size));
    WS_TRY(ws_hf_bool(&r->keys, "use_bias", false, &has_bias));
    return ws_hf_bool(&r->keys, "mlp_bias", has_bias || ws_hf_has(r, WS_HF_MLP_BIAS), &r->dense.has_bias);
}

static ws_status read_shared_experts(ws_hf_reader *r, ws_mlp *moe)
{
    static const char *const counts[] = {"n_shared_experts", "num_shared_experts", "moe_num_shared_experts",
                                         NULL};
    static const char *const widths[] = {"moe_shared_expert_intermediate_size", "share_expert_dim", NULL};
    static const char *const wholes[] = {"shared_expert_intermediate_size", "shared_intermediate_size", NULL};
    int64_t                  n = 0, width = 0, whole = 0;
    WS_TRY(ws_hf_int_any(&r->keys, counts, 0, WS_HF_EXPERTS_MAX, 0, &n));
    WS_TRY(ws_hf_int_any(&r->keys, widths, 0, WS_HF_WIDTH_MAX, moe->expert_intermediate_size, &width));
    WS_TRY(ws_hf_int_any(&r->keys, wholes, 0, WS_HF_WIDTH_MAX, n * width, &whole));
    moe->shared_intermediate_size = whole;
    if (strcmp(r->family->model_type, "llama4_text") == 0) {
        moe->shared_intermediate_size = moe->expert_intermediate_size;
    }
    moe->has_shared_gate = moe->shared_intermediate_size > 0 && ws_hf_has(r, WS_HF_SHARED_GATE);
    return WS_OK;
}

static ws_status read_moe(ws_hf_reader *r)
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
    WS_TRY(ws_hf_int_any(&r->keys, counts, 0, WS_HF_EXPERTS_MAX, 0, &moe->n_experts));
    WS_TRY(ws_hf_int_any(&r->keys, chosen, 0, WS_HF_EXPERTS_MAX, 0, &moe->experts_per_token));
    WS_TRY(ws_hf_int(&r->keys, "intermediate_size", 0, WS_HF_WIDTH_MAX, 0, &narrow));
    WS_TRY(ws_hf_int(&r->keys, "moe_intermediate_size", 1, WS_HF_WIDTH_MAX, narrow,
                     &moe->expert_intermediate_size));
    moe->experts_are_gated = r->dense.is_gated;
    moe->has_bias          = r->dense.has_bias;
    moe->has_router_bias   = ws_hf_has(r, WS_HF_ROUTER_BIAS);
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

ws_status ws_hf_mlp_read(ws_hf_reader *r)
{
    WS_TRY(read_dense(r));
    return read_moe(r);
}

/* ---- which layer has experts ---- */

/* Layers that a list of numbers, or a text of numbers and commas, names. */
static void mark_listed(ws_hf_reader *r, ws_json list, bool is_moe)
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
    for (ws_json item = text == NULL ? ws_json_first(list) : WS_JSON_NONE; ws_hf_is_given(item);
         item         = ws_json_next(item)) {
        const double layer = ws_json_number(item);
        if (layer >= 0.0 && layer < (double)r->arch->n_layers) {
            r->is_moe[(int64_t)layer] = is_moe;
        }
    }
}

static void set_every(ws_hf_reader *r, int64_t step, int64_t remainder)
{
    for (int64_t i = 0; i < r->arch->n_layers; i++) {
        r->is_moe[i] = r->is_moe[i] && i % step == remainder;
    }
}

/* An interval, or a list of 0s and 1s. */
static ws_status read_frequency(ws_hf_reader *r)
{
    const ws_json frequency = ws_hf_get(&r->keys, "moe_layer_freq");
    if (ws_json_kind_of(frequency) != WS_JSON_ARRAY) {
        int64_t step = 0;
        WS_TRY(ws_hf_int(&r->keys, "moe_layer_freq", 1, WS_ARCH_LAYERS_MAX, 1, &step));
        set_every(r, step, 0);
        return WS_OK;
    }
    WS_TRY(ws_hf_check_list(&r->keys, frequency, (size_t)r->arch->n_layers));
    ws_json item = ws_json_first(frequency);
    for (int64_t i = 0; i < r->arch->n_layers; i++, item = ws_json_next(item)) {
        r->is_moe[i] = ws_json_number(item) > 0.0;
    }
    return WS_OK;
}

static ws_status read_steps(ws_hf_reader *r)
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

ws_status ws_hf_mlp_place(ws_hf_reader *r)
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
    if (ws_hf_is_given(listed) || (ws_hf_is_given(moes) && ws_json_size(moes) > 0)) {
        memset(r->is_moe, 0, sizeof(r->is_moe));
        mark_listed(r, listed, true);
        mark_listed(r, moes, true);
    }
    return WS_OK;
}
