#include "model/model_convert.h"

#include <inttypes.h>
#include <string.h>

/* What is being converted, and what came of it so far. */
typedef struct conversion {
    const ws_architecture *arch;
    const ws_conversion   *how;
    ws_error              *err;
    ws_strbuf             *notes;
    ws_status              status;
} conversion;

static void refuse(conversion *c, const char *feature)
{
    c->status = ws_json_problem(c->how->where, c->err, "%s: not simulated yet", feature);
}

/* A feature that may be left out. */
static void leave_out(conversion *c, const char *feature, const char *instead)
{
    if (c->how->approximate) {
        ws_strbuf_printf(c->notes, "%s: left out, %s\n", feature, instead);
    } else {
        c->status = ws_json_problem(c->how->where, c->err, "%s: not simulated yet; --approximate-model: %s",
                                    feature, instead);
    }
}

/* ---- features ---- */

static bool has_short_window(const conversion *c, const ws_attention *a)
{
    return (a->kind == WS_ATTENTION_SLIDING || a->kind == WS_ATTENTION_CHUNKED) &&
           a->window_tokens < c->arch->max_position_embeddings;
}

static bool any_block(const conversion *c, bool (*test)(const conversion *c, const ws_block *block))
{
    for (size_t i = 0; i < c->arch->n_kinds; i++) {
        if (test(c, &c->arch->kinds[i])) {
            return true;
        }
    }
    return false;
}

static bool is_mla(const conversion *c, const ws_block *b)
{
    (void)c;
    return b->attention.kind == WS_ATTENTION_MLA;
}

static bool is_linear(const conversion *c, const ws_block *b)
{
    (void)c;
    return b->attention.kind == WS_ATTENTION_DELTA || b->attention.kind == WS_ATTENTION_MAMBA2;
}

static bool is_partial(const conversion *c, const ws_block *b)
{
    (void)c;
    return b->attention.kind == WS_ATTENTION_NONE || (b->mlp.intermediate_size == 0 && b->mlp.n_experts == 0);
}

static bool is_windowed(const conversion *c, const ws_block *b)
{
    return has_short_window(c, &b->attention);
}

static bool has_unequal_heads(const conversion *c, const ws_block *b)
{
    (void)c;
    return b->attention.v_head_dim != b->attention.qk_head_dim || b->attention.shares_kv;
}

static bool has_gate(const conversion *c, const ws_block *b)
{
    (void)c;
    return b->attention.has_output_gate;
}

static bool has_shared_experts(const conversion *c, const ws_block *b)
{
    (void)c;
    return b->mlp.shared_intermediate_size > 0 || (b->mlp.n_experts > 0 && b->mlp.intermediate_size > 0);
}

static bool is_ungated(const conversion *c, const ws_block *b)
{
    (void)c;
    return b->mlp.n_experts > 0 ? !b->mlp.experts_are_gated : !b->mlp.is_gated;
}

/* Blocks that differ in more than their window. */
static bool has_unlike_blocks(const conversion *c)
{
    const ws_block *first = &c->arch->kinds[0];
    for (size_t i = 1; i < c->arch->n_kinds; i++) {
        const ws_block     *b = &c->arch->kinds[i];
        const ws_attention *x = &first->attention, *y = &b->attention;
        if (x->n_heads != y->n_heads || x->n_kv_heads != y->n_kv_heads || x->qk_head_dim != y->qk_head_dim ||
            b->mlp.intermediate_size != first->mlp.intermediate_size ||
            b->mlp.n_experts != first->mlp.n_experts) {
            return true;
        }
    }
    return false;
}

static void check_features(conversion *c)
{
    static const struct {
        bool (*test)(const conversion *c, const ws_block *block);
        const char *feature;
    } hard[] = {{is_mla, "multi-head latent attention (kv_lora_rank)"},
                {is_linear, "linear attention and state-space layers"},
                {is_partial, "blocks with attention or an MLP alone"},
                {has_unequal_heads, "keys and values of different sizes, or shared"},
                {has_shared_experts, "experts that all tokens share, or a dense MLP next to experts"},
                {is_ungated, "an MLP without a gate"}};
    for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
        if (any_block(c, hard[i].test)) {
            refuse(c, hard[i].feature);
        }
    }
    if (c->status == WS_OK && has_unlike_blocks(c)) {
        refuse(c, "blocks of several kinds");
    }
    if (any_block(c, is_windowed)) {
        leave_out(c, "attention within a window", "all layers attend to everything");
    }
    if (any_block(c, has_gate)) {
        leave_out(c, "output gates of attention", "their projection takes no time");
    }
    if (c->arch->quant != WS_QUANT_NONE) {
        leave_out(c, "quantised weights", "all weights are of the type that --dtype says");
    }
}

/* ---- layers ---- */

static void append(ws_layer_sequence *sequence, ws_layer layer)
{
    WS_ASSERT(sequence->n_layers < WS_SECTION_LAYERS_MAX);
    sequence->layers[sequence->n_layers++] = layer;
}

/* The order of layers of a decoder. Source: docs/model/serving.md 6.1. */
static void put_sections(const ws_block *block, ws_model *m)
{
    append(&m->sections[WS_SECTION_PROLOGUE], WS_LAYER_EMBEDDING);
    append(&m->sections[WS_SECTION_PRE_ATTN], WS_LAYER_LAYERNORM);
    append(&m->sections[WS_SECTION_PRE_ATTN], WS_LAYER_QKV_PROJ);
    if (block->attention.qk_norm != WS_QK_NORM_NONE) {
        append(&m->sections[WS_SECTION_PRE_ATTN], WS_LAYER_QK_NORM);
    }
    append(&m->sections[WS_SECTION_PRE_ATTN], WS_LAYER_ROTARY_EMB);
    append(&m->sections[WS_SECTION_PRE_ATTN], WS_LAYER_ATTENTION);
    append(&m->sections[WS_SECTION_POST_ATTN], WS_LAYER_O_PROJ);
    append(&m->sections[WS_SECTION_POST_ATTN], WS_LAYER_LAYERNORM);
    if (m->is_moe) {
        append(&m->sections[WS_SECTION_MLP_MOE], WS_LAYER_MOE);
    } else {
        append(&m->sections[WS_SECTION_MLP_DENSE], WS_LAYER_GATE_UP_PROJ);
        append(&m->sections[WS_SECTION_MLP_DENSE], WS_LAYER_ACT_FN);
        append(&m->sections[WS_SECTION_MLP_DENSE], WS_LAYER_DOWN_PROJ);
    }
    append(&m->sections[WS_SECTION_HEAD], WS_LAYER_FINAL_LAYERNORM);
    append(&m->sections[WS_SECTION_HEAD], WS_LAYER_LM_HEAD);
    append(&m->sections[WS_SECTION_HEAD], WS_LAYER_SAMPLER);
}

static void convert(const ws_architecture *arch, ws_model *m)
{
    const ws_block     *block = &arch->kinds[0];
    const ws_attention *a     = &block->attention;
    m->hidden_size            = arch->hidden_size;
    m->n_layers               = arch->n_layers;
    m->n_heads                = a->n_heads;
    m->n_kv_heads             = a->n_kv_heads;
    m->head_dim               = a->qk_head_dim;
    m->is_moe                 = block->mlp.n_experts > 0;
    m->n_experts              = m->is_moe ? block->mlp.n_experts : 1;
    m->experts_per_token      = m->is_moe ? block->mlp.experts_per_token : 1;
    m->moe_intermediate_size = m->is_moe ? block->mlp.expert_intermediate_size : block->mlp.intermediate_size;
    m->intermediate_size     = m->is_moe ? block->mlp.expert_intermediate_size : block->mlp.intermediate_size;
    m->vocab_size            = arch->vocab_size;
    m->max_position_embeddings = arch->max_position_embeddings;
    m->torch_dtype             = arch->dtype;
    m->is_tied                 = arch->is_tied;
    put_sections(block, m);
}

ws_status ws_model_from_architecture(const ws_architecture *arch, const ws_conversion *how, ws_error *err,
                                     ws_strbuf *notes, ws_model *out)
{
    conversion  c    = {.arch = arch, .how = how, .err = err, .notes = notes, .status = WS_OK};
    const char *name = how->name;
    if (strlen(name) >= WS_MODEL_NAME_MAX) {
        return ws_error_add(err, WS_ERR_INPUT, "%.40s...: model name longer than %d characters", name,
                            WS_MODEL_NAME_MAX - 1);
    }
    check_features(&c);
    if (c.status != WS_OK) {
        return c.status;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->name, name, strlen(name) + 1);
    memcpy(out->model_type, arch->model_type, strlen(arch->model_type) + 1);
    convert(arch, out);
    return WS_OK;
}
