#include <math.h>

/* Names of the series columns of result.h. */
#include "result/result.h"

#include "base/status.h"

static const ws_quantity columns[] = {
#define COLUMN_INFO(id, name, unit, description) [id] = {name, unit, description},
    WS_SERIES_LIST(COLUMN_INFO)
#undef COLUMN_INFO
};

static const ws_quantity *info_of(ws_series_column column)
{
    WS_ASSERT((unsigned)column < WS_SERIES_COUNT);
    return &columns[column];
}

const ws_quantity *ws_series_at(size_t i)
{
    return i < WS_SERIES_COUNT ? &columns[i] : NULL;
}

const char *ws_series_name(ws_series_column column)
{
    return info_of(column)->name;
}

const char *ws_series_unit(ws_series_column column)
{
    return info_of(column)->unit;
}

const char *ws_series_description(ws_series_column column)
{
    return info_of(column)->description;
}

static const struct {
    const char *name, *text;
} k_reject_reasons[WS_REJECT_COUNT] = {
    [WS_REJECT_MODEL_LEN] = {"max_model_len", "prompt and output are longer than max_model_len"},
    [WS_REJECT_KV_CACHE]  = {"kv_cache", "longer than the KV cache"},
    [WS_REJECT_BUDGET]    = {"max_num_batched_tokens",
                             "the prompt is over max_num_batched_tokens and chunked prefill is off"},
    [WS_REJECT_SESSION]   = {"session", "an earlier call of its session was rejected"},
};

ws_request_record ws_rejection_record(const ws_rejection *rejection)
{
    return (ws_request_record){.request_id    = rejection->request_id,
                               .instance_id   = -1,
                               .model         = rejection->model,
                               .input_tokens  = rejection->input_tokens,
                               .output_tokens = rejection->output_tokens,
                               .arrival_ns    = rejection->arrival_ns,
                               .end_ns        = -1,
                               .latency_ns    = -1,
                               .queue_ns      = -1,
                               .ttft_ns       = -1,
                               .tpot_ns       = -1,
                               .active_j      = NAN,
                               .energy_j      = NAN};
}

const char *ws_reject_reason_name(ws_reject_reason reason)
{
    return k_reject_reasons[reason].name;
}

const char *ws_reject_reason_text(ws_reject_reason reason)
{
    return k_reject_reasons[reason].text;
}
