#include "result/metrics.h"

#include <string.h>

#include "base/status.h"
#include "wattsim/result.h"

static const ws_quantity metrics[] = {
#define METRIC_INFO(id, name, unit, description) [id] = {name, unit, description},
    WS_METRIC_LIST(METRIC_INFO)
#undef METRIC_INFO
};

static const ws_quantity *info_of(ws_metric metric)
{
    WS_ASSERT((unsigned)metric < WS_METRIC_COUNT);
    return &metrics[metric];
}

const ws_quantity *ws_metric_at(size_t i)
{
    return i < WS_METRIC_COUNT ? &metrics[i] : NULL;
}

const char *ws_metric_name(ws_metric metric)
{
    return info_of(metric)->name;
}

const char *ws_metric_unit(ws_metric metric)
{
    return info_of(metric)->unit;
}

const char *ws_metric_description(ws_metric metric)
{
    return info_of(metric)->description;
}

ws_metric ws_metric_from_name(const char *name)
{
    for (int metric = 0; metric < WS_METRIC_COUNT; metric++) {
        if (strcmp(name, metrics[metric].name) == 0) {
            return (ws_metric)metric;
        }
    }
    return WS_METRIC_COUNT;
}

int ws_metric_is_count(ws_metric metric)
{
    switch (metric) {
    case WS_METRIC_N_REQUESTS:
    case WS_METRIC_N_COMPLETED:
    case WS_METRIC_N_REJECTED:
    case WS_METRIC_N_STEPS:
    case WS_METRIC_N_PREEMPTIONS:
    case WS_METRIC_RECOMPUTED_TOKENS:
    case WS_METRIC_SLO_MET:
    case WS_METRIC_SATURATED:
    case WS_METRIC_OVERSIZE:
    case WS_METRIC_RUNNING_PEAK:
        return 1;
    default:
        return 0;
    }
}

int ws_metric_is_cost(ws_metric metric)
{
    switch (metric) {
    case WS_METRIC_N_REQUESTS:
    case WS_METRIC_N_COMPLETED:
    case WS_METRIC_PROMPT_TOK_S:
    case WS_METRIC_DECODE_TOK_S:
    case WS_METRIC_TOTAL_TOK_S:
    case WS_METRIC_REQ_S:
    case WS_METRIC_GOODPUT_REQ_S:
    case WS_METRIC_SLO_ATTAINMENT:
    case WS_METRIC_SLO_MET:
    case WS_METRIC_TOK_PER_J:
    case WS_METRIC_NPU_ACTIVE_SHARE:
    case WS_METRIC_PREFIX_HIT_SHARE:
    case WS_METRIC_LOWER_TIER_HIT_SHARE:
        return 0;
    default: /* times, energies, powers, memory, and everything that counts trouble */
        return 1;
    }
}
