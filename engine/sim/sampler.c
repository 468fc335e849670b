#include "sim/sampler.h"

#include "base/units.h"

static const ws_series_column OWN_COLUMNS[] = {
    WS_SERIES_TIME_S,  WS_SERIES_PROMPT_TOK_S, WS_SERIES_DECODE_TOK_S, WS_SERIES_RUNNING,
    WS_SERIES_WAITING, WS_SERIES_STEPS,        WS_SERIES_NPU_MEM_GB,   WS_SERIES_CXL_MEM_GB,
};
enum { N_OWN_COLUMNS = sizeof(OWN_COLUMNS) / sizeof(OWN_COLUMNS[0]) };

void ws_sampler_init(ws_sampler *sampler, ws_arena *arena, int64_t interval_ns)
{
    *sampler = (ws_sampler){.arena = arena, .interval_ns = interval_ns, .next_ns = interval_ns};
}

static ws_status reserve(ws_sampler *sampler)
{
    if (WS_LIKELY(sampler->n_samples < sampler->capacity)) {
        return WS_OK;
    }
    size_t capacity = 0;
    for (size_t i = 0; i < N_OWN_COLUMNS; i++) {
        capacity = sampler->capacity;
        WS_TRY(ws_arena_grow(sampler->arena, &sampler->columns[OWN_COLUMNS[i]], &capacity, sampler->n_samples,
                             sampler->n_samples + 64, sizeof(double)));
    }
    sampler->capacity = capacity;
    return WS_OK;
}

ws_status ws_sampler_take(ws_sampler *sampler, const ws_sample_state *state, int64_t time_ns,
                          double rate_length_ns)
{
    WS_TRY(reserve(sampler));
    const size_t i                        = sampler->n_samples++;
    const double per_s                    = (double)WS_NS_PER_S / rate_length_ns;
    sampler->columns[WS_SERIES_TIME_S][i] = (double)time_ns * WS_S_PER_NS;
    sampler->columns[WS_SERIES_PROMPT_TOK_S][i] =
        (double)(state->prompt_tokens - sampler->prompt_tokens) * per_s;
    sampler->columns[WS_SERIES_DECODE_TOK_S][i] =
        (double)(state->generated_tokens - sampler->generated_tokens) * per_s;
    sampler->columns[WS_SERIES_RUNNING][i]    = (double)state->n_running;
    sampler->columns[WS_SERIES_WAITING][i]    = (double)state->n_waiting;
    sampler->columns[WS_SERIES_STEPS][i]      = (double)state->n_steps;
    sampler->columns[WS_SERIES_NPU_MEM_GB][i] = state->npu_mem_gb;
    sampler->columns[WS_SERIES_CXL_MEM_GB][i] = state->cxl_mem_gb;
    sampler->prompt_tokens                    = state->prompt_tokens;
    sampler->generated_tokens                 = state->generated_tokens;
    sampler->last_ns                          = time_ns;
    return WS_OK;
}

ws_status ws_sampler_catch_up(ws_sampler *sampler, const ws_sample_state *state, int64_t now_ns)
{
    while (sampler->next_ns <= now_ns) {
        WS_TRY(ws_sampler_take(sampler, state, sampler->next_ns, (double)sampler->interval_ns));
        sampler->next_ns += sampler->interval_ns;
    }
    return WS_OK;
}
