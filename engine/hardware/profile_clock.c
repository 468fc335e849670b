#include "hardware/profile_clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hardware/profile_roofline.h"
#include "hardware/profile_table.h"

/* A profile being slowed, and the hardware at both clocks. */
typedef struct slowing {
    ws_profile  *profile;
    ws__roofline full, slow;
} slowing;

static void *block_at(const slowing *s, size_t offset)
{
    return (char *)s->profile + offset;
}

static const int64_t *keys_of(const slowing *s, uint32_t axis_id, uint32_t *n_out)
{
    const ws__axis *axis = (const ws__axis *)block_at(s, s->profile->axes_at) + axis_id;
    *n_out               = axis->n_keys;
    return (const int64_t *)block_at(s, s->profile->keys_at) + axis->first_key;
}

static double *values_of(const slowing *s, const ws__curve *curve)
{
    return (double *)block_at(s, s->profile->values_at) + curve->first_value;
}

static const ws__curve *curves_of(const slowing *s, const ws__surface *surface)
{
    return (const ws__curve *)block_at(s, s->profile->curves_at) + surface->first_curve;
}

static double slowed_ns(double table_ns, double full_ns, double slow_ns)
{
    return fmax(1.0, rint(table_ns * (slow_ns / full_ns)));
}

static void slow_layer(const slowing *s, ws_layer layer)
{
    const ws__curve *curve = &s->profile->layers[layer];
    if (curve->axis == WS__NONE) {
        return;
    }
    uint32_t       n;
    const int64_t *counts = keys_of(s, curve->axis, &n);
    double        *ns     = values_of(s, curve);
    for (uint32_t i = 0; i < n; i++) {
        ns[i] = slowed_ns(ns[i], ws__roofline_layer_ns(&s->full, layer, counts[i]),
                          ws__roofline_layer_ns(&s->slow, layer, counts[i]));
    }
}

static void slow_experts(const slowing *s)
{
    if (s->profile->moe.axis == WS__NONE) {
        return;
    }
    uint32_t         n_experts, n_tokens;
    const int64_t   *experts = keys_of(s, s->profile->moe.axis, &n_experts);
    const ws__curve *curves  = curves_of(s, &s->profile->moe);
    for (uint32_t e = 0; e < n_experts; e++) {
        const int64_t *tokens = keys_of(s, curves[e].axis, &n_tokens);
        double        *ns     = values_of(s, &curves[e]);
        for (uint32_t i = 0; i < n_tokens; i++) {
            ns[i] = slowed_ns(ns[i], ws__roofline_moe_ns(&s->full, tokens[i], experts[e]),
                              ws__roofline_moe_ns(&s->slow, tokens[i], experts[e]));
        }
    }
}

/* One surface, prefill KV over decode KV, of `pair`: prefill chunk and number of decodes. */
static void slow_surface(const slowing *s, const ws__surface *surface, const int64_t pair[2])
{
    uint32_t         n_outer, n_inner;
    const int64_t   *prefill_kv = keys_of(s, surface->axis, &n_outer);
    const ws__curve *curves     = curves_of(s, surface);
    for (uint32_t k = 0; k < n_outer; k++) {
        const int64_t *decode_kv = keys_of(s, curves[k].axis, &n_inner);
        double        *ns        = values_of(s, &curves[k]);
        for (uint32_t i = 0; i < n_inner; i++) {
            ns[i] = slowed_ns(
                ns[i], ws__roofline_attention_ns(&s->full, pair[0], prefill_kv[k], pair[1], decode_kv[i]),
                ws__roofline_attention_ns(&s->slow, pair[0], prefill_kv[k], pair[1], decode_kv[i]));
        }
    }
}

static void slow_attention(const slowing *s)
{
    const ws__surface *surfaces = block_at(s, s->profile->surfaces_at);
    const int64_t     *pairs    = block_at(s, s->profile->surface_keys_at);
    for (size_t i = 0; i < s->profile->n_surfaces; i++) {
        slow_surface(s, &surfaces[i], &pairs[2 * i]);
    }
}

/* Everything on the core's clock is slower; memory has a clock of its own. */
static ws__datasheet sheet_at_clock(const ws__datasheet *sheet, double clock)
{
    ws__datasheet slow = *sheet;
    for (int i = 0; i < WS_DTYPE_COUNT; i++) {
        slow.peak_tflops[i] *= clock;
    }
    slow.launch_overhead_us /= clock;
    return slow;
}

static ws_profile *copy_of(const ws_profile *profile)
{
    ws_profile *copy = malloc(profile->block_bytes);
    if (copy != NULL) {
        memcpy(copy, profile, profile->block_bytes);
    }
    return copy;
}

ws_status ws_profile_at_clock(const ws_profile *profile, ws_json datasheet, const ws_profile_request *request,
                              double clock, ws_error *err, ws_profile **out)
{
    ws__datasheet sheet;
    WS_ASSERT(clock > 0.0 && clock <= 1.0);
    WS_TRY(ws__datasheet_read(datasheet, err, &sheet));
    sheet.memory_gbps = request->memory_gbps > 0.0 ? request->memory_gbps : sheet.memory_gbps;
    if (sheet.peak_tflops[request->dtype] <= 0.0) {
        return ws_json_problem(ws_json_member(datasheet, "peak_tflops"), err,
                               "expected a rate for %s, which tells how a lower clock slows it",
                               ws_dtype_name(request->dtype));
    }
    const ws__datasheet slow_sheet = sheet_at_clock(&sheet, clock);
    slowing             s          = {.profile = copy_of(profile),
                                      .full    = {.sheet  = &sheet,
                                                  .model  = request->model,
                                                  .dtype  = request->dtype,
                                                  .kv_fp8 = request->kv_fp8,
                                                  .tp     = request->tp_size}};
    if (s.profile == NULL) {
        return WS_ERR_NOMEM;
    }
    s.slow       = s.full;
    s.slow.sheet = &slow_sheet;
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        slow_layer(&s, (ws_layer)layer);
    }
    slow_experts(&s);
    slow_attention(&s);
    *out = s.profile;
    return WS_OK;
}
