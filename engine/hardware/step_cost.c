#include "hardware/step_cost.h"

#include <stdlib.h>
#include <string.h>

static bool is_required(ws_layer layer)
{
    return layer == WS_LAYER_EMBEDDING || layer == WS_LAYER_FINAL_LAYERNORM || layer == WS_LAYER_LM_HEAD ||
           layer == WS_LAYER_ATTENTION || layer == WS_LAYER_MOE;
}

/* Which rows a step has, and how often. */
static ws_status choose_rows(ws_step_cost *cost, const ws_step_cost_request *request, ws_strbuf *notes,
                             ws_error *err)
{
    ws_status status = WS_OK;
    for (int i = 0; i < WS_LAYER_COUNT; i++) {
        const ws_layer layer = (ws_layer)i;
        const int64_t  count = ws_model_layer_count(cost->model, layer);
        if (count == 0 || (layer == WS_LAYER_ROTARY_EMB && request->drops_rotary)) {
            continue;
        }
        if (ws_profile_has(cost->profile, layer)) {
            cost->has_layer[layer]   = true;
            cost->layer_count[layer] = count;
        } else if (is_required(layer)) {
            status = ws_error_add(err, WS_ERR_INPUT, "%s: the profile has no data for layer %s",
                                  request->label, ws_layer_name(layer));
        } else if (notes != NULL) {
            ws_strbuf_printf(notes, "%s: the profile has no data for layer %s; it counts as taking no time\n",
                             request->label, ws_layer_name(layer));
        }
    }
    cost->attention_rows = cost->layer_count[WS_LAYER_ATTENTION];
    return status;
}

static int64_t sum_rows(const ws_step_cost *cost, ws_category category, int64_t count)
{
    int64_t total_ns = 0;
    for (int i = 0; i < WS_LAYER_COUNT; i++) {
        if (cost->layer_count[i] > 0 && ws_layer_category((ws_layer)i) == category) {
            total_ns += cost->layer_count[i] * ws_profile_layer_ns(cost->profile, (ws_layer)i, count);
        }
    }
    return total_ns;
}

static int64_t *fill_table(const ws_step_cost *cost, ws_category category, size_t n)
{
    int64_t *table = calloc(n, sizeof(*table));
    for (size_t i = 1; table != NULL && i < n; i++) {
        table[i] = sum_rows(cost, category, (int64_t)i);
    }
    return table;
}

static ws_status fill_tables(ws_step_cost *cost)
{
    cost->token_ns    = fill_table(cost, WS_CATEGORY_DENSE, cost->n_token_ns);
    cost->sequence_ns = fill_table(cost, WS_CATEGORY_PER_SEQUENCE, cost->n_sequence_ns);
    return cost->token_ns != NULL && cost->sequence_ns != NULL ? WS_OK : WS_ERR_NOMEM;
}

ws_status ws_step_cost_create(const ws_step_cost_request *request, ws_strbuf *notes, ws_error *err,
                              ws_step_cost **out)
{
    *out               = NULL;
    ws_step_cost *cost = calloc(1, sizeof(*cost));
    if (cost == NULL) {
        return WS_ERR_NOMEM;
    }
    cost->profile    = request->profile;
    cost->model      = request->model;
    cost->limits     = ws_profile_limits_of(request->profile);
    ws_status status = choose_rows(cost, request, notes, err);
    if (status == WS_OK) {
        cost->n_token_ns    = (size_t)request->max_tokens + 1;
        cost->n_sequence_ns = (size_t)request->max_sequences + 1;
        status              = fill_tables(cost);
    }
    if (status != WS_OK) {
        ws_step_cost_destroy(&cost);
        return status;
    }
    *out = cost;
    return WS_OK;
}

ws_status ws_step_cost_with_profile(const ws_step_cost *cost, ws_profile *profile, ws_step_cost **out)
{
    *out               = NULL;
    ws_step_cost *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        ws_profile_destroy(&profile);
        return WS_ERR_NOMEM;
    }
    *copy                  = *cost;
    copy->profile          = profile;
    copy->own_profile      = profile;
    const ws_status status = fill_tables(copy);
    if (status != WS_OK) {
        ws_step_cost_destroy(&copy);
        return status;
    }
    *out = copy;
    return WS_OK;
}

void ws_step_cost_destroy(ws_step_cost **cost)
{
    if (*cost != NULL) {
        free((*cost)->token_ns);
        free((*cost)->sequence_ns);
        ws_profile_destroy(&(*cost)->own_profile);
    }
    free(*cost);
    *cost = NULL;
}

WS_HOT int64_t ws_step_cost_token_ns(const ws_step_cost *cost, int64_t n_tokens)
{
    if (WS_LIKELY((size_t)n_tokens < cost->n_token_ns)) {
        return cost->token_ns[n_tokens];
    }
    return sum_rows(cost, WS_CATEGORY_DENSE, n_tokens);
}

WS_HOT int64_t ws_step_cost_sequence_ns(const ws_step_cost *cost, int64_t n_sequences)
{
    if (WS_LIKELY((size_t)n_sequences < cost->n_sequence_ns)) {
        return cost->sequence_ns[n_sequences];
    }
    return sum_rows(cost, WS_CATEGORY_PER_SEQUENCE, n_sequences);
}

WS_HOT bool ws_step_cost_extrapolates(const ws_step_cost *cost, int64_t n_tokens, int64_t n_sequences,
                                      const ws_attention_query *query)
{
    const ws_profile_limits *limits = &cost->limits;
    return n_tokens > limits->tokens || n_sequences > limits->sequences ||
           query->prefill_tokens > limits->prefill_tokens || query->prefill_kv > limits->prefill_kv ||
           query->n_decodes > limits->n_decodes || query->kv_max > limits->decode_kv;
}
