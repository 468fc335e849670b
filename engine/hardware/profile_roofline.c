#include "hardware/profile_roofline.h"

#include <math.h>

/* Query rows of one attention tile. Source: steps of the RTXPRO6000 bundles, 256 rows of 32 heads on 188 SMs.
 */
static const double TILE_ROWS = 64.0;
/* Kernels a layer launches. Sources: vLLM's attention (cache write, kernel, combine) and sampler (penalties,
 * softmax, top-k, draw), by their times at one token in the RTXPRO6000 bundles against that of one norm. */
enum { ATTENTION_KERNELS = 3, SAMPLER_KERNELS = 7, MOE_KERNELS = 6 };
/* Passes of the sampler over its logits, in single precision. */
static const double SAMPLER_BYTES_PER_LOGIT = 12.0;

static double seconds_to_ns(double s)
{
    return s * 1e9;
}

static double peak_flops(const ws__roofline *r)
{
    return r->sheet->peak_tflops[r->dtype] * 1e12;
}

static double bytes_per_s(const ws__roofline *r)
{
    return r->sheet->memory_gbps * 1e9;
}

static double launch_s(const ws__roofline *r, int n_kernels)
{
    return r->sheet->launch_overhead_us * 1e-6 * n_kernels;
}

static double kv_element_bytes(const ws__roofline *r)
{
    return r->kv_fp8 ? 1.0 : ws_dtype_bytes(r->dtype);
}

/* ---- layers ---- */

/* Matrix products: 2 operations per weight and row. Bytes from docs/model/serving.md 6.4. */
static double matrix_s(const ws__roofline *r, const ws_layer_bytes *bytes, int64_t rows)
{
    const double weights = (double)bytes->weight / ws_dtype_bytes(r->dtype);
    const double flops   = 2.0 * weights * (double)rows;
    const double moved   = (double)(bytes->input + bytes->weight + bytes->output);
    const double compute = flops / (peak_flops(r) * r->sheet->efficiency.matrix);
    return fmax(compute, moved / (bytes_per_s(r) * r->sheet->efficiency.memory));
}

static bool is_matrix_product(ws_layer layer)
{
    switch (layer) {
    case WS_LAYER_QKV_PROJ:
    case WS_LAYER_O_PROJ:
    case WS_LAYER_GATE_UP_PROJ:
    case WS_LAYER_DOWN_PROJ:
    case WS_LAYER_LM_HEAD:
        return true;
    default:
        return false;
    }
}

double ws__roofline_layer_ns(const ws__roofline *r, ws_layer layer, int64_t count)
{
    /* What does not shrink with tp is sized for tp 1. */
    const int64_t        tp = ws_layer_is_tp_stable(layer) ? 1 : r->tp;
    const ws_layer_bytes b  = ws_model_layer_bytes(r->model, layer, count, 0, tp, ws_dtype_bytes(r->dtype));
    if (is_matrix_product(layer)) {
        return seconds_to_ns(launch_s(r, 1) + matrix_s(r, &b, count));
    }
    double moved     = (double)(b.input + b.output);
    int    n_kernels = 1;
    if (layer == WS_LAYER_SAMPLER) {
        moved     = (double)count * (double)r->model->vocab_size * SAMPLER_BYTES_PER_LOGIT;
        n_kernels = SAMPLER_KERNELS;
    }
    return seconds_to_ns(launch_s(r, n_kernels) +
                         moved / (bytes_per_s(r) * r->sheet->efficiency.elementwise));
}

/* Every token goes to its k experts, or to as many as are active. */
double ws__roofline_moe_ns(const ws__roofline *r, int64_t tokens, int64_t n_experts)
{
    const ws_model *m      = r->model;
    const int64_t   k      = m->experts_per_token < n_experts ? m->experts_per_token : n_experts;
    const double    expert = 3.0 * (double)m->hidden_size * (double)m->moe_intermediate_size;
    const double    flops  = 2.0 * expert * (double)(tokens * k);
    const double    moved = ((double)n_experts * expert + 2.0 * (double)(tokens * (k + 1) * m->hidden_size)) *
                         ws_dtype_bytes(r->dtype);
    const double compute = flops / (peak_flops(r) * r->sheet->efficiency.matrix);
    return seconds_to_ns(launch_s(r, MOE_KERNELS) +
                         fmax(compute, moved / (bytes_per_s(r) * r->sheet->efficiency.memory)));
}

/* ---- attention ---- */

double ws__roofline_attention_ns(const ws__roofline *r, int64_t prefill_tokens, int64_t prefill_kv,
                                 int64_t n_decodes, int64_t decode_kv)
{
    const ws_model *m          = r->model;
    const int64_t   rank_heads = m->n_heads / r->tp, rank_kv_heads = m->n_kv_heads / r->tp;
    const double    heads    = fmax(1.0, (double)rank_heads);
    const double    kv_heads = fmax(1.0, (double)rank_kv_heads);
    const double row_bytes   = 2.0 * (double)m->head_dim * kv_element_bytes(r); /* of one token and KV head */
    const double decode_kvs  = (double)(n_decodes * decode_kv);
    double       compute     = 0.0;
    double       kv_reads    = decode_kvs * kv_heads;
    if (prefill_tokens > 0) {
        const double tile_rate = peak_flops(r) * r->sheet->efficiency.attention / r->sheet->n_sms;
        const double key_flops = 4.0 * (double)m->head_dim * TILE_ROWS; /* of one tile and key */
        const double keys      = (double)prefill_kv + 0.5 * (double)prefill_tokens;
        const double tiles     = ceil((double)prefill_tokens / TILE_ROWS) * heads;
        const double waves =
            n_decodes > 0 ? fmax(1.0, tiles / r->sheet->n_sms) : ceil(tiles / r->sheet->n_sms);
        compute = waves * keys * key_flops / tile_rate;
        compute += decode_kvs * heads / r->sheet->n_sms * key_flops / tile_rate;
        kv_reads += ((double)prefill_kv + (double)prefill_tokens) * kv_heads;
    }
    const double queries =
        2.0 * (double)(prefill_tokens + n_decodes) * heads * (double)m->head_dim * ws_dtype_bytes(r->dtype);
    const double moved = (kv_reads * row_bytes + queries) / (bytes_per_s(r) * r->sheet->efficiency.kv);
    return seconds_to_ns(launch_s(r, ATTENTION_KERNELS) + fmax(compute, moved));
}

/* ---- grids ---- */

/* Powers of two and the value halfway between: between neighbours the model is linear or nearly so. */
static const int64_t counts[]  = {1,    2,    3,    4,    6,    8,    12,    16,   24,  32,
                                  48,   64,   96,   128,  192,  256,  384,   512,  768, 1024,
                                  1536, 2048, 3072, 4096, 6144, 8192, 16384, 32768};
static const int64_t chunks[]  = {16, 64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192};
static const int64_t decodes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
static const int64_t kvs[]     = {0, 64, 256, 1024, 4096, 16384, 65536, 131072};
enum {
    N_COUNTS  = sizeof(counts) / sizeof(counts[0]),
    N_CHUNKS  = sizeof(chunks) / sizeof(chunks[0]),
    N_DECODES = sizeof(decodes) / sizeof(decodes[0]),
    N_KVS     = sizeof(kvs) / sizeof(kvs[0])
};

static double whole(double ns)
{
    return fmax(1.0, rint(ns));
}

static ws_status expand_layers(const ws__roofline *r, ws__profile_draft *draft)
{
    for (int l = 0; l < WS_LAYER_COUNT; l++) {
        const ws_layer    layer    = (ws_layer)l;
        const ws_category category = ws_layer_category(layer);
        if (category == WS_CATEGORY_ATTENTION || category == WS_CATEGORY_MOE ||
            ws_model_layer_count(r->model, layer) == 0) {
            continue;
        }
        for (int i = 0; i < N_COUNTS; i++) {
            WS_TRY(ws__draft_add_layer(draft, layer, counts[i],
                                       whole(ws__roofline_layer_ns(r, layer, counts[i]))));
        }
    }
    return WS_OK;
}

static ws_status expand_moe(const ws__roofline *r, ws__profile_draft *draft)
{
    if (!r->model->is_moe) {
        return WS_OK;
    }
    for (int64_t e = 1;; e = 2 * e < r->model->n_experts ? 2 * e : r->model->n_experts) {
        for (int i = 0; i < N_COUNTS; i++) {
            WS_TRY(ws__draft_add_moe(draft, counts[i], e, whole(ws__roofline_moe_ns(r, counts[i], e))));
        }
        if (e == r->model->n_experts) {
            return WS_OK;
        }
    }
}

static ws_status add_attention(const ws__roofline *r, int64_t pc, int64_t kp, int64_t nd, int64_t kd,
                               ws__profile_draft *draft)
{
    return ws__draft_add_attention(draft, pc, kp, nd, kd,
                                   whole(ws__roofline_attention_ns(r, pc, kp, nd, kd)));
}

static ws_status expand_attention(const ws__roofline *r, ws__profile_draft *draft)
{
    for (int n = 0; n < N_DECODES; n++) {
        for (int d = 0; d < N_KVS; d++) {
            WS_TRY(add_attention(r, 0, 0, decodes[n], kvs[d], draft));
        }
    }
    for (int c = 0; c < N_CHUNKS; c++) {
        for (int p = 0; p < N_KVS; p++) {
            WS_TRY(add_attention(r, chunks[c], kvs[p], 0, 0, draft));
            for (int n = 0; n < N_DECODES; n++) {
                for (int d = 0; d < N_KVS; d++) {
                    WS_TRY(add_attention(r, chunks[c], kvs[p], decodes[n], kvs[d], draft));
                }
            }
        }
    }
    return WS_OK;
}

ws_status ws__roofline_expand(const ws__roofline *r, ws__profile_draft *draft)
{
    WS_ASSERT(r->sheet->peak_tflops[r->dtype] > 0.0);
    draft->kind = WS_PROFILE_ROOFLINE;
    WS_TRY(expand_layers(r, draft));
    WS_TRY(expand_moe(r, draft));
    return expand_attention(r, draft);
}
