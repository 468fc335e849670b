#include "model/hf_blocks.h"

#include <string.h>

#include "model/hf_attention.h"
#include "model/hf_mlp.h"

/* ---- blocks of attention and MLP ---- */

/* The kind of a block; alike blocks share one. */
static ws_status add_block(ws_hf_reader *r, int64_t layer, const ws_block *block)
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

static const ws_attention *attention_of(const ws_hf_reader *r, ws_attention_kind kind)
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

static int64_t n_norms(const ws_hf_reader *r)
{
    if (ws_hf_has(r, WS_HF_FOUR_NORMS)) {
        return 4;
    }
    return ws_hf_has(r, WS_HF_ONE_NORM) ? 1 : 2;
}

static ws_status put_blocks(ws_hf_reader *r)
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
static ws_status put_pattern(ws_hf_reader *r, ws_json pattern)
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

static ws_status read_pruned_attention(ws_hf_reader *r, ws_json config, ws_attention *out)
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

static ws_status read_pruned_mlp(ws_hf_reader *r, ws_json config, ws_mlp *out)
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

static ws_status put_block_configs(ws_hf_reader *r, ws_json list)
{
    WS_TRY(ws_hf_check_list(&r->keys, list, (size_t)r->arch->n_layers));
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

/* ---- all ---- */

ws_status ws_hf_blocks_read(ws_hf_reader *r)
{
    const ws_json pattern = ws_hf_get(&r->keys, "hybrid_override_pattern");
    const ws_json pruned  = ws_hf_get(&r->keys, "block_configs");
    WS_TRY(ws_hf_attention_read(r));
    WS_TRY(ws_hf_mlp_read(r));
    if (ws_hf_is_given(pattern)) {
        return put_pattern(r, pattern);
    }
    if (ws_hf_is_given(pruned)) {
        return put_block_configs(r, pruned);
    }
    WS_TRY(ws_hf_attention_place(r));
    WS_TRY(ws_hf_mlp_place(r));
    return put_blocks(r);
}
