#include "model/architecture.h"

#include "base/status.h"

/* ---- names ---- */

const char *ws_attention_name(ws_attention_kind kind)
{
    static const char *const names[] = {
#define NAME(id, name) name,
        WS_ATTENTION_LIST(NAME)
#undef NAME
    };
    return kind < WS_ATTENTION_COUNT ? names[kind] : "unknown";
}

const char *ws_quant_name(ws_quant quant)
{
    static const char *const names[] = {
#define NAME(id, name) name,
        WS_QUANT_LIST(NAME)
#undef NAME
    };
    return quant < WS_QUANT_COUNT ? names[quant] : "unknown";
}

static const struct {
    const char *name;
    ws_shard    shard;
} matrix_table[] = {
#define ROW(id, name, shard) {name, shard},
    WS_MATRIX_LIST(ROW)
#undef ROW
};

_Static_assert(WS_MATRIX_COUNT <= 32, "a layer's quantised matrices are bits of 32");

const char *ws_matrix_name(ws_matrix_kind kind)
{
    return matrix_table[kind].name;
}

ws_shard ws_matrix_shard(ws_matrix_kind kind)
{
    return matrix_table[kind].shard;
}

/* ---- matrices ---- */

/* A list of matrices being written. */
typedef struct matrix_list {
    ws_matrix *out;
    size_t     n;
} matrix_list;

static ws_matrix *put(matrix_list *list, ws_matrix_kind kind, int64_t n_in, int64_t n_out)
{
    WS_ASSERT(list->n < WS_BLOCK_MATRICES_MAX);
    ws_matrix *m = &list->out[list->n++];
    *m           = (ws_matrix){.kind = kind, .n_in = n_in, .n_out = n_out, .n_copies = 1, .n_active = 1};
    return m;
}

static void put_biased(matrix_list *list, ws_matrix_kind kind, int64_t n_in, int64_t n_out, bool has_bias)
{
    put(list, kind, n_in, n_out)->n_bias = has_bias ? n_out : 0;
}

static void put_vector(matrix_list *list, ws_matrix_kind kind, int64_t n)
{
    if (n > 0) {
        put(list, kind, 1, n);
    }
}

static void put_heads(matrix_list *list, const ws_attention *a, int64_t hidden)
{
    const int64_t q = a->n_heads * a->qk_head_dim;
    put_biased(list, WS_MATRIX_Q, hidden, a->has_output_gate ? 2 * q : q, a->has_qkv_bias);
    put_biased(list, WS_MATRIX_K, hidden, a->n_kv_heads * a->qk_head_dim, a->has_qkv_bias);
    list->out[list->n - 1].n_kv_heads = a->n_kv_heads;
    if (!a->shares_kv) {
        put_biased(list, WS_MATRIX_V, hidden, a->n_kv_heads * a->v_head_dim, a->has_qkv_bias);
        list->out[list->n - 1].n_kv_heads = a->n_kv_heads;
    }
    put_biased(list, WS_MATRIX_O, a->n_heads * a->v_head_dim, hidden, a->has_o_bias);
    if (a->qk_norm == WS_QK_NORM_HEAD) {
        put_vector(list, WS_MATRIX_QK_NORM, 2 * a->qk_head_dim);
    } else if (a->qk_norm == WS_QK_NORM_FULL) {
        put_vector(list, WS_MATRIX_QK_NORM, (a->n_heads + a->n_kv_heads) * a->qk_head_dim);
    }
    put_vector(list, WS_MATRIX_SINKS, a->has_sinks ? a->n_heads : 0);
}

/* Source: DeepSeek-V2, arXiv:2405.04434, section 2.1; the indexer: DeepSeek-V3.2-Exp's report, section 2. */
static void put_mla(matrix_list *list, const ws_attention *a, int64_t hidden)
{
    const int64_t q = a->n_heads * (a->qk_nope_head_dim + a->qk_rope_head_dim);
    if (a->q_lora_rank > 0) {
        put_biased(list, WS_MATRIX_Q_A, hidden, a->q_lora_rank, a->has_qkv_bias);
        put_vector(list, WS_MATRIX_QK_NORM, a->q_lora_rank);
        put(list, WS_MATRIX_Q_B, a->q_lora_rank, q);
    } else {
        put(list, WS_MATRIX_Q_B, hidden, q);
    }
    put_biased(list, WS_MATRIX_KV_A, hidden, a->kv_lora_rank + a->qk_rope_head_dim, a->has_qkv_bias);
    put_vector(list, WS_MATRIX_QK_NORM, a->kv_lora_rank);
    put(list, WS_MATRIX_KV_B, a->kv_lora_rank, a->n_heads * (a->qk_nope_head_dim + a->v_head_dim));
    put_biased(list, WS_MATRIX_O, a->n_heads * a->v_head_dim, hidden, a->has_o_bias);
    if (a->index_n_heads > 0) {
        put(list, WS_MATRIX_INDEXER, a->q_lora_rank > 0 ? a->q_lora_rank : hidden,
            a->index_n_heads * a->index_head_dim);
        put(list, WS_MATRIX_INDEXER, hidden, a->index_head_dim + a->index_n_heads);
        put_vector(list, WS_MATRIX_QK_NORM, 2 * a->index_head_dim);
    }
}

/* Source: the modules of Qwen3NextGatedDeltaNet (transformers): queries, keys, values and output gate; beta
 * and decay per value head; a short convolution over queries, keys and values. */
static void put_delta(matrix_list *list, const ws_attention *a, int64_t hidden)
{
    const int64_t keys = a->n_key_heads * a->key_head_dim, values = a->n_value_heads * a->value_head_dim;
    put(list, WS_MATRIX_MIX_IN, hidden, 2 * keys + 2 * values + 2 * a->n_value_heads);
    put(list, WS_MATRIX_MIX_OUT, values, hidden);
    put_vector(list, WS_MATRIX_MIX_STATE,
               (2 * keys + values) * a->conv_kernel + 2 * a->n_value_heads + a->value_head_dim);
}

/* Source: the modules of Mamba2 (Dao and Gu, arXiv:2405.21060): gate, values, B, C and step size per head; a
 * convolution with bias over values, B and C. Key heads are the groups of B and C, key_head_dim the state's
 * size. */
static void put_mamba2(matrix_list *list, const ws_attention *a, int64_t hidden)
{
    const int64_t inner = a->n_value_heads * a->value_head_dim;
    const int64_t conv  = inner + 2 * a->n_key_heads * a->key_head_dim;
    put(list, WS_MATRIX_MIX_IN, hidden, inner + conv + a->n_value_heads);
    put(list, WS_MATRIX_MIX_OUT, inner, hidden);
    put_vector(list, WS_MATRIX_MIX_STATE, conv * (a->conv_kernel + 1) + 3 * a->n_value_heads + inner);
}

static void put_attention(matrix_list *list, const ws_attention *a, int64_t hidden)
{
    switch (a->kind) {
    case WS_ATTENTION_FULL:
    case WS_ATTENTION_SLIDING:
    case WS_ATTENTION_CHUNKED:
        put_heads(list, a, hidden);
        break;
    case WS_ATTENTION_MLA:
        put_mla(list, a, hidden);
        break;
    case WS_ATTENTION_DELTA:
        put_delta(list, a, hidden);
        break;
    case WS_ATTENTION_MAMBA2:
        put_mamba2(list, a, hidden);
        break;
    case WS_ATTENTION_NONE:
    case WS_ATTENTION_COUNT:
        break;
    }
}

/* The two halves of an MLP: into the wide space, and back. */
typedef struct mlp_shape {
    ws_matrix_kind up, down;
    int64_t        width;
    bool           is_gated, has_bias;
    int64_t        n_copies, n_active;
} mlp_shape;

static void put_mlp(matrix_list *list, const mlp_shape *shape, int64_t hidden)
{
    if (shape->width == 0) {
        return;
    }
    const int64_t wide = shape->is_gated ? 2 * shape->width : shape->width;
    put_biased(list, shape->up, hidden, wide, shape->has_bias);
    put_biased(list, shape->down, shape->width, hidden, shape->has_bias);
    for (size_t i = list->n - 2; i < list->n; i++) {
        list->out[i].n_copies = shape->n_copies;
        list->out[i].n_active = shape->n_active;
    }
}

size_t ws_block_matrices(const ws_architecture *arch, const ws_block *block,
                         ws_matrix out[WS_BLOCK_MATRICES_MAX])
{
    const int64_t hidden = arch->hidden_size;
    const ws_mlp *mlp    = &block->mlp;
    matrix_list   list   = {.out = out};
    put_attention(&list, &block->attention, hidden);
    put_mlp(&list,
            &(mlp_shape){WS_MATRIX_GATE_UP, WS_MATRIX_DOWN, mlp->intermediate_size, mlp->is_gated,
                         mlp->has_bias, 1, 1},
            hidden);
    if (mlp->n_experts > 0) {
        put_biased(&list, WS_MATRIX_ROUTER, hidden, mlp->n_experts, mlp->has_router_bias);
        put_mlp(&list,
                &(mlp_shape){WS_MATRIX_EXPERT_UP, WS_MATRIX_EXPERT_DOWN, mlp->expert_intermediate_size,
                             mlp->experts_are_gated, mlp->has_bias, mlp->n_experts, mlp->experts_per_token},
                hidden);
        put_mlp(&list,
                &(mlp_shape){WS_MATRIX_SHARED_UP, WS_MATRIX_SHARED_DOWN, mlp->shared_intermediate_size,
                             mlp->experts_are_gated, mlp->has_bias, 1, 1},
                hidden);
        put_vector(&list, WS_MATRIX_SHARED_GATE, mlp->has_shared_gate ? hidden : 0);
    }
    put_vector(&list, WS_MATRIX_NORM, block->n_norms * hidden * (arch->has_norm_bias ? 2 : 1));
    return list.n;
}

size_t ws_arch_end_matrices(const ws_architecture *arch, ws_matrix out[WS_BLOCK_MATRICES_MAX])
{
    matrix_list list = {.out = out};
    put(&list, WS_MATRIX_EMBEDDING, arch->vocab_size, arch->hidden_size);
    if (arch->n_positions > 0) {
        put(&list, WS_MATRIX_POSITIONS, arch->n_positions, arch->hidden_size);
    }
    put_vector(&list, WS_MATRIX_NORM, arch->hidden_size * (arch->has_norm_bias ? 2 : 1));
    if (!arch->is_tied) {
        put_biased(&list, WS_MATRIX_LM_HEAD, arch->hidden_size, arch->vocab_size, arch->has_lm_head_bias);
    }
    return list.n;
}

const ws_block *ws_arch_block(const ws_architecture *arch, int64_t layer)
{
    WS_ASSERT(layer >= 0 && layer < arch->n_layers);
    return &arch->kinds[arch->kind_of_layer[layer]];
}

/* ---- parameters ---- */

static int64_t elements(const ws_matrix *m)
{
    return m->n_in * m->n_out + m->n_bias;
}

static void count(const ws_matrix *matrices, size_t n, int64_t times, ws_parameter_count *sum)
{
    for (size_t i = 0; i < n; i++) {
        sum->total += times * matrices[i].n_copies * elements(&matrices[i]);
        sum->active += times * matrices[i].n_active * elements(&matrices[i]);
    }
}

ws_parameter_count ws_arch_parameters(const ws_architecture *arch)
{
    ws_matrix          matrices[WS_BLOCK_MATRICES_MAX];
    ws_parameter_count sum                           = {0, 0, 0};
    int64_t            n_of_kind[WS_BLOCK_KINDS_MAX] = {0};
    for (int64_t layer = 0; layer < arch->n_layers; layer++) {
        n_of_kind[arch->kind_of_layer[layer]]++;
    }
    for (size_t kind = 0; kind < arch->n_kinds; kind++) {
        count(matrices, ws_block_matrices(arch, &arch->kinds[kind], matrices), n_of_kind[kind], &sum);
    }
    count(matrices, ws_arch_end_matrices(arch, matrices), 1, &sum);
    sum.embedding = arch->is_tied ? 0 : arch->vocab_size * arch->hidden_size;
    sum.active -= sum.active < sum.total ? sum.embedding : 0;
    return sum;
}

/* ---- bytes ---- */

/* Formats with one scale per output row or per matrix need so little for it that it is left out. Sources: OCP
 * Microscaling Formats 1.0 (MXFP4: 32 elements share 8 bits); NVIDIA's NVFP4 (16 elements share an FP8
 * scale); AutoAWQ and GPTQ (a 16-bit scale and a 4-bit zero point per group). */
static ws_number_format format_of(ws_quant quant, int64_t group, ws_dtype dtype)
{
    const double per = group > 0 ? (double)group : 1e18;
    switch (quant) {
    case WS_QUANT_FP8:
        return (ws_number_format){8.0, 0.0, WS_DTYPE_FP8, true};
    case WS_QUANT_FP8_BLOCK:
        return (ws_number_format){8.0, 32.0 / per, WS_DTYPE_FP8, true};
    case WS_QUANT_INT8:
        return (ws_number_format){8.0, 0.0, WS_DTYPE_INT8, true};
    case WS_QUANT_W8A16:
        return (ws_number_format){8.0, 16.0 / per, dtype, true};
    case WS_QUANT_W4A16:
        return (ws_number_format){4.0, 20.0 / per, dtype, true};
    case WS_QUANT_MXFP4:
        return (ws_number_format){4.0, 8.0 / 32.0, dtype, true};
    case WS_QUANT_NVFP4:
        return (ws_number_format){4.0, 8.0 / 16.0, WS_DTYPE_COUNT, true};
    case WS_QUANT_NONE:
    case WS_QUANT_COUNT:
        break;
    }
    return (ws_number_format){8.0 * ws_dtype_bytes(dtype), 0.0, dtype, false};
}

static bool is_quantised(const ws_architecture *arch, int64_t layer, ws_matrix_kind kind)
{
    if (layer < 0) {
        return kind == WS_MATRIX_LM_HEAD && arch->head_is_quantised;
    }
    return (arch->quantised[layer] >> kind & 1U) != 0;
}

ws_number_format ws_arch_format(const ws_architecture *arch, int64_t layer, ws_matrix_kind kind,
                                ws_dtype dtype)
{
    const ws_quant quant = is_quantised(arch, layer, kind) ? arch->quant : WS_QUANT_NONE;
    return format_of(quant, arch->quant_group, dtype);
}

ws_rank_share ws_rank_share_whole(const ws_architecture *arch)
{
    return (ws_rank_share){.tp            = 1,
                           .ep            = 1,
                           .first_layer   = 0,
                           .n_layers      = arch->n_layers,
                           .has_embedding = true,
                           .has_head      = true};
}

/* Elements of a matrix, without its bias, that a rank holds. */
static double rank_elements(const ws_matrix *m, const ws_rank_share *share)
{
    const double whole = (double)m->n_in * (double)m->n_out * (double)m->n_copies;
    switch (ws_matrix_shard(m->kind)) {
    case WS_SHARD_NONE:
        return whole;
    case WS_SHARD_KV: {
        const int64_t parts = m->n_kv_heads < share->tp ? m->n_kv_heads : share->tp;
        return whole / (double)parts;
    }
    case WS_SHARD_EXPERTS:
        return whole / (double)(share->ep > 1 ? share->ep : share->tp);
    case WS_SHARD_VOCAB: {
        const bool    is_head = m->kind == WS_MATRIX_LM_HEAD;
        const int64_t vocab   = ((is_head ? m->n_out : m->n_in) + 63) / 64 * 64;
        return (double)vocab * (double)(is_head ? m->n_in : m->n_out) / (double)share->tp;
    }
    case WS_SHARD_TP:
        break;
    }
    return whole / (double)share->tp;
}

static double matrix_bytes(const ws_architecture *arch, int64_t layer, const ws_matrix *m,
                           const ws_rank_share *share, ws_dtype dtype)
{
    const ws_number_format format = ws_arch_format(arch, layer, m->kind, dtype);
    const double           held   = rank_elements(m, share);
    const double           whole  = (double)m->n_in * (double)m->n_out * (double)m->n_copies;
    const double           bias   = (double)m->n_bias * (double)m->n_copies * held / whole;
    return held * (format.weight_bits + format.scale_bits) / 8.0 + bias * ws_dtype_bytes(dtype);
}

static bool is_on_rank(ws_matrix_kind kind, const ws_architecture *arch, const ws_rank_share *share)
{
    if (kind == WS_MATRIX_LM_HEAD || kind == WS_MATRIX_NORM) {
        return share->has_head;
    }
    return share->has_embedding || (share->has_head && arch->is_tied && kind == WS_MATRIX_EMBEDDING);
}

double ws_arch_weight_bytes_of(const ws_architecture *arch, const ws_rank_share *share, ws_dtype dtype,
                               ws_quant quant)
{
    ws_matrix matrices[WS_BLOCK_MATRICES_MAX];
    double    bytes = 0.0;
    for (int64_t layer = share->first_layer; layer < share->first_layer + share->n_layers; layer++) {
        const size_t n = ws_block_matrices(arch, ws_arch_block(arch, layer), matrices);
        for (size_t i = 0; i < n; i++) {
            const bool is_wanted =
                is_quantised(arch, layer, matrices[i].kind) ? quant == arch->quant : quant == WS_QUANT_NONE;
            bytes += is_wanted ? matrix_bytes(arch, layer, &matrices[i], share, dtype) : 0.0;
        }
    }
    const size_t n = ws_arch_end_matrices(arch, matrices);
    for (size_t i = 0; i < n; i++) {
        const bool is_wanted =
            is_quantised(arch, -1, matrices[i].kind) ? quant == arch->quant : quant == WS_QUANT_NONE;
        if (is_wanted && is_on_rank(matrices[i].kind, arch, share)) {
            bytes += matrix_bytes(arch, -1, &matrices[i], share, dtype);
        }
    }
    return bytes;
}

double ws_arch_weight_bytes(const ws_architecture *arch, const ws_rank_share *share, ws_dtype dtype)
{
    double bytes = ws_arch_weight_bytes_of(arch, share, dtype, WS_QUANT_NONE);
    if (arch->quant != WS_QUANT_NONE) {
        bytes += ws_arch_weight_bytes_of(arch, share, dtype, arch->quant);
    }
    return bytes;
}

/* ---- KV cache ---- */

/* Elements a rank caches per token of a layer. */
static int64_t cached_elements(const ws_attention *a, int64_t tp)
{
    switch (a->kind) {
    case WS_ATTENTION_FULL:
    case WS_ATTENTION_SLIDING:
    case WS_ATTENTION_CHUNKED: {
        const int64_t heads = (a->n_kv_heads + tp - 1) / tp;
        return heads * (a->qk_head_dim + a->v_head_dim);
    }
    case WS_ATTENTION_MLA:
        return a->kv_lora_rank + a->qk_rope_head_dim;
    case WS_ATTENTION_DELTA:
    case WS_ATTENTION_MAMBA2:
    case WS_ATTENTION_NONE:
    case WS_ATTENTION_COUNT:
        break;
    }
    return 0;
}

/* The index keys of sparse attention: FP8 with a 32-bit scale each. Source: vLLM's DeepseekV32IndexerCache.
 */
static int64_t index_bytes(const ws_attention *a)
{
    return a->index_n_heads > 0 ? a->index_head_dim + 4 : 0;
}

static bool has_window(const ws_attention *a)
{
    return a->kind == WS_ATTENTION_SLIDING || a->kind == WS_ATTENTION_CHUNKED;
}

int64_t ws_arch_kv_bytes_per_token(const ws_architecture *arch, const ws_rank_share *share, ws_dtype kv_dtype)
{
    int64_t bytes = 0;
    for (int64_t layer = share->first_layer; layer < share->first_layer + share->n_layers; layer++) {
        const ws_attention *a = &ws_arch_block(arch, layer)->attention;
        bytes += cached_elements(a, share->tp) * ws_dtype_bytes(kv_dtype) + index_bytes(a);
    }
    return bytes;
}

/* The state of a linear layer: a matrix per value head, and the inputs the convolution still needs. */
static int64_t state_bytes(const ws_attention *a, int64_t tp, ws_dtype dtype)
{
    if (a->kind != WS_ATTENTION_DELTA && a->kind != WS_ATTENTION_MAMBA2) {
        return 0;
    }
    const int64_t heads     = (a->n_value_heads + tp - 1) / tp;
    const int64_t keys      = (2 * a->n_key_heads * a->key_head_dim + tp - 1) / tp; /* and queries; B and C */
    const int64_t convolved = heads * a->value_head_dim + keys;
    return heads * a->value_head_dim * a->key_head_dim * ws_dtype_bytes(a->state_dtype) +
           convolved * (a->conv_kernel - 1) * ws_dtype_bytes(dtype);
}

int64_t ws_arch_request_bytes(const ws_architecture *arch, const ws_rank_share *share, int64_t n_tokens,
                              ws_dtype kv_dtype, ws_dtype dtype)
{
    int64_t bytes = 0;
    for (int64_t layer = share->first_layer; layer < share->first_layer + share->n_layers; layer++) {
        const ws_attention *a    = &ws_arch_block(arch, layer)->attention;
        const int64_t       kept = has_window(a) && a->window_tokens < n_tokens ? a->window_tokens : n_tokens;
        bytes += kept * (cached_elements(a, share->tp) * ws_dtype_bytes(kv_dtype) + index_bytes(a));
        bytes += state_bytes(a, share->tp, dtype);
    }
    return bytes;
}
