#include "output/summary_json.h"

#include "base/json_write.h"
#include "base/units.h"

static void put_named(ws_json_writer *w, const char *key, double value)
{
    ws_json_put_key(w, key);
    ws_json_put_double(w, value);
}

/** Metrics that only power tracking gives; they stand together in the list. */
static bool is_power_metric(int metric)
{
    return metric >= WS_METRIC_ENERGY_J && metric <= WS_METRIC_NPU_IDLE_SHARE;
}

static void put_metrics(ws_json_writer *w, const ws_result *result)
{
    ws_json_put_key(w, "metrics");
    ws_json_begin_object(w);
    for (int metric = 0; metric < WS_METRIC_COUNT; metric++) {
        if (result->has_power || !is_power_metric(metric)) {
            put_named(w, ws_metric_name((ws_metric)metric), result->metrics[metric]);
        }
    }
    ws_json_end_object(w);
}

static double node_total_j(const ws_result *result, size_t node)
{
    double total_j = 0.0;
    for (size_t component = 0; component < WS_COMPONENT_COUNT; component++) {
        total_j += result->component_j[node * WS_COMPONENT_COUNT + component];
    }
    return total_j;
}

enum { N_CELLS = WS_COMPONENT_COUNT * WS_PHASE_COUNT };

static void put_components(ws_json_writer *w, const char *key, const double *component_j, size_t stride)
{
    ws_json_put_key(w, key);
    ws_json_begin_object(w);
    for (size_t component = 0; component < WS_COMPONENT_COUNT; component++) {
        put_named(w, ws_component_name((ws_component)component), component_j[component * stride]);
    }
    ws_json_end_object(w);
}

static void put_states(ws_json_writer *w, const char *key, const double *values)
{
    ws_json_put_key(w, key);
    ws_json_begin_object(w);
    for (int state = 0; state < WS_STATE_COUNT; state++) {
        put_named(w, ws_npu_state_name((ws_npu_state)state), values[state]);
    }
    ws_json_end_object(w);
}

/** Phases of [component][phase], all components together. */
static void put_phase_sums(ws_json_writer *w, const double *phase_j)
{
    ws_json_put_key(w, "phases");
    ws_json_begin_object(w);
    for (size_t phase = 0; phase < WS_PHASE_COUNT; phase++) {
        double sum_j = 0.0;
        for (size_t component = 0; component < WS_COMPONENT_COUNT; component++) {
            sum_j += phase_j[component * WS_PHASE_COUNT + phase];
        }
        put_named(w, ws_phase_name((ws_phase)phase), sum_j);
    }
    ws_json_end_object(w);
}

/** The NPUs of an instance one by one, from row `npu` of the tables on.
 * @return the row behind them */
static size_t put_npus(ws_json_writer *w, const ws_result *result, size_t npu)
{
    const int32_t instance = result->npu_instance[npu];
    ws_json_put_key(w, "npus");
    ws_json_begin_array(w);
    for (int64_t i = 0; npu < result->n_npus && result->npu_instance[npu] == instance; i++, npu++) {
        ws_json_begin_object(w);
        ws_json_put_key(w, "npu");
        ws_json_put_int(w, i);
        put_states(w, "state_s", result->each_npu_s + npu * WS_STATE_COUNT);
        put_states(w, "state_j", result->each_npu_j + npu * WS_STATE_COUNT);
        ws_json_end_object(w);
    }
    ws_json_end_array(w);
    return npu;
}

/** Add up the rows of one instance's NPUs. */
static void sum_npus(const ws_result *result, size_t instance, const double *rows, double sum[WS_STATE_COUNT])
{
    for (size_t k = 0; k < WS_STATE_COUNT; k++) {
        sum[k] = 0.0;
    }
    for (size_t npu = 0; npu < result->n_npus; npu++) {
        for (size_t k = 0; (size_t)result->npu_instance[npu] == instance && k < WS_STATE_COUNT; k++) {
            sum[k] += rows[npu * WS_STATE_COUNT + k];
        }
    }
}

static size_t put_instance(ws_json_writer *w, const ws_result *result, size_t instance, size_t first_npu)
{
    const double *phase_j = result->instance_phase_j + instance * N_CELLS;
    double        total_j = 0.0, state_s[WS_STATE_COUNT], state_j[WS_STATE_COUNT];
    for (size_t k = 0; k < N_CELLS; k++) {
        total_j += phase_j[k];
    }
    sum_npus(result, instance, result->each_npu_s, state_s);
    sum_npus(result, instance, result->each_npu_j, state_j);
    ws_json_begin_object(w);
    ws_json_put_key(w, "instance");
    ws_json_put_int(w, (int64_t)instance);
    put_named(w, "total_j", total_j);
    put_phase_sums(w, phase_j);
    for (size_t phase = 0; phase < WS_PHASE_COUNT; phase++) {
        put_components(w, ws_phase_name((ws_phase)phase), phase_j + phase, WS_PHASE_COUNT);
    }
    put_states(w, "npu_state_s", state_s);
    put_states(w, "npu_state_j", state_j);
    const size_t behind = put_npus(w, result, first_npu);
    ws_json_end_object(w);
    return behind;
}

static void put_node(ws_json_writer *w, const ws_result *result, size_t node)
{
    const double *component_j = result->component_j + node * WS_COMPONENT_COUNT;
    size_t        npu         = 0;
    ws_json_begin_object(w);
    ws_json_put_key(w, "node");
    ws_json_put_int(w, (int64_t)node);
    put_named(w, "total_j", node_total_j(result, node));
    put_components(w, "components", component_j, 1);
    put_states(w, "npu_state_s", result->npu_state_s + node * WS_STATE_COUNT);
    put_states(w, "npu_state_j", component_j + WS_NPU_ACTIVE);
    put_phase_sums(w, result->node_phase_j + node * N_CELLS);
    put_components(w, "own", result->node_own_j + node * WS_COMPONENT_COUNT, 1);
    ws_json_put_key(w, "instances");
    ws_json_begin_array(w);
    for (size_t i = 0; i < result->n_instances; i++) {
        while (npu < result->n_npus && (size_t)result->npu_instance[npu] < i) {
            npu++;
        }
        if ((size_t)result->instance_node[i] == node) {
            npu = put_instance(w, result, i, npu);
        }
    }
    ws_json_end_array(w);
    ws_json_end_object(w);
}

static void put_energy(ws_json_writer *w, const ws_result *result)
{
    double total_j = 0.0, phase_j[N_CELLS] = {0.0}, state_s[WS_STATE_COUNT] = {0.0},
           state_j[WS_STATE_COUNT] = {0.0};
    for (size_t node = 0; node < result->n_nodes; node++) {
        if (result->node_tracked[node]) {
            total_j += node_total_j(result, node);
            for (size_t k = 0; k < N_CELLS; k++) {
                phase_j[k] += result->node_phase_j[node * N_CELLS + k];
            }
            for (size_t k = 0; k < WS_STATE_COUNT; k++) {
                state_s[k] += result->npu_state_s[node * WS_STATE_COUNT + k];
                state_j[k] += result->component_j[node * WS_COMPONENT_COUNT + WS_NPU_ACTIVE + k];
            }
        }
    }
    ws_json_put_key(w, "energy");
    ws_json_begin_object(w);
    put_named(w, "total_j", total_j);
    put_phase_sums(w, phase_j);
    put_states(w, "npu_state_s", state_s);
    put_states(w, "npu_state_j", state_j);
    ws_json_put_key(w, "nodes");
    ws_json_begin_array(w);
    for (size_t node = 0; node < result->n_nodes; node++) {
        put_node(w, result, node); /* one that is not tracked has nulls */
    }
    ws_json_end_array(w);
    ws_json_end_object(w);
}

/** Each finished request's share of the energy, as columns side by side. */
static void put_requests(ws_json_writer *w, const ws_result *result)
{
    enum { STRIDE = sizeof(ws_request_record) / sizeof(double) };
    _Static_assert(sizeof(ws_request_record) % sizeof(double) == 0, "records as rows of doubles");
    const ws_request_record *requests = result->requests;
    ws_json_put_key(w, "requests");
    ws_json_begin_object(w);
    ws_json_put_key(w, "request_id");
    ws_json_begin_array(w);
    for (size_t i = 0; i < result->n_requests; i++) {
        ws_json_put_int(w, requests[i].request_id);
    }
    ws_json_end_array(w);
    ws_json_put_key(w, "active_j");
    ws_json_put_doubles(w, &requests->active_j, result->n_requests, STRIDE);
    ws_json_put_key(w, "energy_j");
    ws_json_put_doubles(w, &requests->energy_j, result->n_requests, STRIDE);
    ws_json_end_object(w);
}

static void put_rejected(ws_json_writer *w, const ws_result *result)
{
    ws_json_put_key(w, "rejected");
    ws_json_begin_array(w);
    for (size_t i = 0; i < result->n_rejected; i++) {
        const ws_rejection *r = &result->rejected[i];
        ws_json_begin_object(w);
        ws_json_put_key(w, "request_id");
        ws_json_put_int(w, r->request_id);
        ws_json_put_key(w, "line");
        ws_json_put_int(w, r->line);
        ws_json_put_key(w, "input_tokens");
        ws_json_put_int(w, r->input_tokens);
        ws_json_put_key(w, "output_tokens");
        ws_json_put_int(w, r->output_tokens);
        ws_json_put_key(w, "limit");
        ws_json_put_int(w, r->limit);
        ws_json_put_key(w, "reason");
        ws_json_put_string(w, ws_reject_reason_name(r->reason));
        ws_json_end_object(w);
    }
    ws_json_end_array(w);
}

/** The power of each node or component over time, as arrays side by side. */
static void put_power_columns(ws_json_writer *w, const ws_result *result)
{
    const ws_series *series = &result->series;
    if (series->node_power_w != NULL) {
        ws_json_put_key(w, "node_power_w");
        ws_json_begin_array(w);
        for (size_t node = 0; node < result->n_nodes; node++) {
            ws_json_put_doubles(w, series->node_power_w + node, series->n_samples, result->n_nodes);
        }
        ws_json_end_array(w);
    }
    if (series->component_power_w != NULL) {
        ws_json_put_key(w, "component_power_w");
        ws_json_begin_object(w);
        for (int component = 0; component < WS_COMPONENT_COUNT; component++) {
            ws_json_put_key(w, ws_component_name((ws_component)component));
            ws_json_put_doubles(w, series->component_power_w + component, series->n_samples,
                                WS_COMPONENT_COUNT);
        }
        ws_json_end_object(w);
    }
}

static void put_series(ws_json_writer *w, const ws_result *result)
{
    const ws_series *series = &result->series;
    ws_json_put_key(w, "timeseries");
    ws_json_begin_object(w);
    put_named(w, "interval_s", series->interval_s);
    for (int column = 0; column < WS_SERIES_COUNT; column++) {
        if (series->columns[column] != NULL) {
            ws_json_put_key(w, ws_series_name((ws_series_column)column));
            ws_json_put_doubles(w, series->columns[column], series->n_samples, 1);
        }
    }
    put_power_columns(w, result);
    ws_json_end_object(w);
}

ws_status ws_summary_json_write(const ws_result *result, const ws_scenario *scenario, double run_wall_s,
                                ws_strbuf *out)
{
    ws_json_writer w;
    ws_json_writer_init(&w, out, 2);
    ws_json_begin_object(&w);
    put_named(&w, "run_wall_s", run_wall_s);
    put_named(&w, "sim_duration_s", (double)result->sim_duration_ns / (double)WS_NS_PER_S);
    put_named(&w, "steps", result->metrics[WS_METRIC_N_STEPS]);
    put_metrics(&w, result);
    if (result->has_power) {
        put_energy(&w, result);
        put_requests(&w, result);
    }
    if (result->n_rejected > 0) {
        put_rejected(&w, result);
    }
    put_series(&w, result);
    ws_json_put_key(&w, "scenario");
    ws_scenario_write_json(scenario, &w);
    ws_json_end_object(&w);
    ws_strbuf_puts(out, "\n");
    return out->failed ? WS_ERR_NOMEM : WS_OK;
}
