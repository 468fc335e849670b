/* A result as programs outside of this build read it: by name (wattsim/result.h). */
#include <math.h>
#include <string.h>

#include "base/sized.h"
#include "base/units.h"
#include "power/components.h"
#include "result/result.h"

double ws_result_metric(const ws_result *result, const char *name)
{
    const ws_metric metric = ws_metric_from_name(name);
    return metric < WS_METRIC_COUNT ? result->metrics[metric] : NAN;
}

double ws_result_duration_s(const ws_result *result)
{
    return (double)result->sim_duration_ns * WS_S_PER_NS;
}

/* ---- energy ---- */

size_t ws_result_n_nodes(const ws_result *result)
{
    return result->n_nodes;
}

bool ws_result_has_power(const ws_result *result)
{
    return result->has_power;
}

/* Energy of a node's components; NULL if it is not tracked, or not there. */
static const double *components_of(const ws_result *result, size_t node)
{
    const bool is_tracked = node < result->n_nodes && result->component_j != NULL;
    return is_tracked ? result->component_j + node * WS_COMPONENT_COUNT : NULL;
}

double ws_result_node_j(const ws_result *result, size_t node)
{
    const double *component_j = components_of(result, node);
    if (component_j == NULL) {
        return NAN;
    }
    double energy_j = 0.0;
    for (int component = 0; component < WS_COMPONENT_COUNT; component++) {
        energy_j += component_j[component];
    }
    return energy_j;
}

double ws_result_component_j(const ws_result *result, size_t node, const char *component)
{
    const double *component_j = components_of(result, node);
    for (int i = 0; component_j != NULL && i < WS_COMPONENT_COUNT; i++) {
        if (strcmp(component, ws_component_name((ws_component)i)) == 0) {
            return component_j[i];
        }
    }
    return NAN;
}

const char *ws_component_at(size_t i)
{
    return i < WS_COMPONENT_COUNT ? ws_component_name((ws_component)i) : NULL;
}

/* ---- series ---- */

size_t ws_result_n_samples(const ws_result *result)
{
    return result->series.n_samples;
}

double ws_result_interval_s(const ws_result *result)
{
    return result->series.interval_s;
}

const double *ws_result_series(const ws_result *result, const char *column)
{
    for (int i = 0; i < WS_SERIES_COUNT; i++) {
        if (strcmp(column, ws_series_name((ws_series_column)i)) == 0) {
            return result->series.columns[i];
        }
    }
    return NULL;
}

/* ---- requests ---- */

size_t ws_result_n_requests(const ws_result *result)
{
    return result->n_requests;
}

ws_status ws_result_request(const ws_result *result, size_t i, ws_request_view *view)
{
    if (i >= result->n_requests) {
        return WS_ERR_ARG;
    }
    const ws_request_record *r   = &result->requests[i];
    const ws_request_view    own = {.struct_size   = sizeof(own),
                                    .request_id    = r->request_id,
                                    .instance_id   = r->instance_id,
                                    .model         = r->model,
                                    .input_tokens  = r->input_tokens,
                                    .output_tokens = r->output_tokens,
                                    .arrival_ns    = r->arrival_ns,
                                    .end_ns        = r->end_ns,
                                    .latency_ns    = r->latency_ns,
                                    .queue_ns      = r->queue_ns,
                                    .ttft_ns       = r->ttft_ns,
                                    .tpot_ns       = r->tpot_ns,
                                    .energy_j      = r->energy_j,
                                    .active_j      = r->active_j};
    return ws_sized_write("ws_request_view", &own, sizeof(own), view, NULL);
}
