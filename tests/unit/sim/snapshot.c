#include "snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int compare_ids(const void *a, const void *b)
{
    const int64_t x = ((const ws_request_record *)a)->request_id,
                  y = ((const ws_request_record *)b)->request_id;
    return (x > y) - (x < y);
}

void snapshot_take(snapshot *out, const ws_result *result)
{
    *out = (snapshot){.duration_ns = result->sim_duration_ns,
                      .n_requests  = result->n_requests,
                      .requests    = malloc((result->n_requests + 1) * sizeof(ws_request_record)),
                      .itl_ns      = calloc(result->n_requests + 1, sizeof(int64_t *)),
                      .has_power   = result->has_power};
    assert_non_null(out->requests);
    assert_non_null(out->itl_ns);
    memcpy(out->requests, result->requests, result->n_requests * sizeof(ws_request_record));
    memcpy(out->metrics, result->metrics, sizeof(out->metrics));
    qsort(out->requests, out->n_requests, sizeof(ws_request_record), compare_ids);
    for (size_t i = 0; i < out->n_requests; i++) {
        out->itl_ns[i] = malloc((out->requests[i].n_itl + 1) * sizeof(int64_t));
        assert_non_null(out->itl_ns[i]);
        ws_result_itl(result, &out->requests[i], out->itl_ns[i]);
    }
    for (size_t node = 0; result->has_power && node < result->n_nodes; node++) {
        for (size_t k = 0; result->node_tracked[node] && k < WS_COMPONENT_COUNT; k++) {
            out->component_j[k] += result->component_j[node * WS_COMPONENT_COUNT + k];
        }
        for (size_t k = 0; result->node_tracked[node] && k < WS_STATE_COUNT; k++) {
            out->state_s[k] += result->npu_state_s[node * WS_STATE_COUNT + k];
        }
    }
}

void snapshot_fini(snapshot *s)
{
    for (size_t i = 0; i < s->n_requests; i++) {
        free(s->itl_ns[i]);
    }
    free(s->itl_ns);
    free(s->requests);
}

static bool same_request(const ws_request_record *a, const ws_request_record *b, bool with_instances)
{
    return a->request_id == b->request_id && (!with_instances || a->instance_id == b->instance_id) &&
           a->input_tokens == b->input_tokens && a->output_tokens == b->output_tokens &&
           a->arrival_ns == b->arrival_ns && a->end_ns == b->end_ns && a->latency_ns == b->latency_ns &&
           a->queue_ns == b->queue_ns && a->ttft_ns == b->ttft_ns && a->tpot_ns == b->tpot_ns &&
           a->n_itl == b->n_itl;
}

bool snapshot_same_requests(const snapshot *a, const snapshot *b, bool with_instances)
{
    if (a->n_requests != b->n_requests || a->duration_ns != b->duration_ns) {
        return false;
    }
    for (size_t i = 0; i < a->n_requests; i++) {
        if (!same_request(&a->requests[i], &b->requests[i], with_instances) ||
            memcmp(a->itl_ns[i], b->itl_ns[i], a->requests[i].n_itl * sizeof(int64_t)) != 0) {
            return false;
        }
    }
    return true;
}

bool snapshot_same_energy(const snapshot *a, const snapshot *b)
{
    double total_j = 0, total_s = 0;
    if (a->has_power != b->has_power) {
        return false;
    }
    for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
        total_j += a->component_j[k];
    }
    for (size_t k = 0; k < WS_STATE_COUNT; k++) {
        total_s += a->state_s[k];
    }
    for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
        if (!(fabs(a->component_j[k] - b->component_j[k]) <= 1e-9 * total_j)) {
            return false;
        }
    }
    for (size_t k = 0; k < WS_STATE_COUNT; k++) {
        if (!(fabs(a->state_s[k] - b->state_s[k]) <= 1e-9 * total_s)) {
            return false;
        }
    }
    return true;
}

bool snapshot_is_power_metric(ws_metric metric)
{
    return metric >= WS_METRIC_ENERGY_J && metric <= WS_METRIC_NPU_IDLE_SHARE;
}

bool snapshot_same_metrics(const snapshot *a, const snapshot *b)
{
    for (int i = 0; i < WS_METRIC_COUNT; i++) {
        if (!snapshot_is_power_metric((ws_metric)i) &&
            memcmp(&a->metrics[i], &b->metrics[i], sizeof(double)) != 0) {
            return false;
        }
    }
    return true;
}
