#include "scenario/request_limits.h"

#include "base/minmax.h"

/* The last token of an answer needs no slot of the KV cache; one that comes from prefill brings a slot for
 * the next. The reference does not look ahead (docs/model/serving.md 10.2). */
static void limit_instance(const ws_scenario *s, ws_instance_config *c)
{
    const bool    looks_ahead = s->fidelity == WS_FIDELITY_PHYSICAL;
    const int64_t kv_tokens   = looks_ahead ? c->n_blocks * c->options.block_size : INT32_MAX;
    const bool    is_decode   = c->role == WS_ROLE_DECODE;
    c->max_prompt_tokens      = ws_min_i64(c->max_model_len, is_decode ? kv_tokens - 1 : kv_tokens);
    if (looks_ahead && !c->options.enable_chunked_prefill && !is_decode) {
        c->max_prompt_tokens = ws_min_i64(c->max_prompt_tokens, c->token_budget);
    }
    c->max_total_tokens =
        c->role == WS_ROLE_PREFILL ? INT32_MAX : ws_min_i64(c->max_model_len, kv_tokens + 1);
}

void ws_request_limits_set(ws_scenario *s)
{
    int64_t prompt = 0, total = 0;
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        limit_instance(s, c);
        if (c->role == WS_ROLE_DECODE) {
            prompt = c->max_prompt_tokens > prompt ? c->max_prompt_tokens : prompt;
            total  = c->max_total_tokens > total ? c->max_total_tokens : total;
        }
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        if (c->role == WS_ROLE_PREFILL) {
            c->max_prompt_tokens = ws_min_i64(c->max_prompt_tokens, prompt);
            c->max_total_tokens  = ws_min_i64(c->max_total_tokens, total);
        }
    }
}

ws_status ws_request_limits_check_hand_offs(const ws_scenario *s, ws_error *err)
{
    const ws_instance_config *prefill = NULL;
    for (size_t i = 0; i < s->n_instances && prefill == NULL; i++) {
        prefill = s->instances[i].role == WS_ROLE_PREFILL ? &s->instances[i] : NULL;
    }
    if (prefill == NULL) {
        return WS_OK;
    }
    if (s->options.skip_prefill) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "skip_prefill: expected no prefill instance, found instance %d with pd_type "
                            "prefill: a prompt without its mark would never leave it",
                            prefill->index);
    }
    for (size_t i = 0; s->fidelity == WS_FIDELITY_REFERENCE && i < s->workload->n_requests; i++) {
        const ws_workload_request *r = &s->workload->requests[i];
        if (r->target_tokens <= r->input_tokens) {
            return ws_error_add(err, WS_ERR_INPUT,
                                "request %zu: expected output_toks of at least 1, found 0: with reference "
                                "fidelity prefill instance %d would finish it and hand it on as well",
                                i, prefill->index);
        }
    }
    return WS_OK;
}
