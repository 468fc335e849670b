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

static void put_node(ws_json_writer *w, const ws_result *result, size_t node)
{
    ws_json_begin_object(w);
    ws_json_put_key(w, "node");
    ws_json_put_int(w, (int64_t)node);
    put_named(w, "total_j", node_total_j(result, node));
    ws_json_put_key(w, "components");
    ws_json_begin_object(w);
    for (int component = 0; component < WS_COMPONENT_COUNT; component++) {
        put_named(w, ws_component_name((ws_component)component),
                  result->component_j[node * WS_COMPONENT_COUNT + (size_t)component]);
    }
    ws_json_end_object(w);
    ws_json_put_key(w, "npu_state_s");
    ws_json_begin_object(w);
    for (int state = 0; state < WS_STATE_COUNT; state++) {
        put_named(w, ws_npu_state_name((ws_npu_state)state),
                  result->npu_state_s[node * WS_STATE_COUNT + (size_t)state]);
    }
    ws_json_end_object(w);
    ws_json_end_object(w);
}

static void put_energy(ws_json_writer *w, const ws_result *result)
{
    double total_j = 0.0;
    for (size_t node = 0; node < result->n_nodes; node++) {
        total_j += result->node_tracked[node] ? node_total_j(result, node) : 0.0;
    }
    ws_json_put_key(w, "energy");
    ws_json_begin_object(w);
    put_named(w, "total_j", total_j);
    ws_json_put_key(w, "nodes");
    ws_json_begin_array(w);
    for (size_t node = 0; node < result->n_nodes; node++) {
        if (result->node_tracked[node]) {
            put_node(w, result, node);
        }
    }
    ws_json_end_array(w);
    ws_json_end_object(w);
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
    }
    put_series(&w, result);
    ws_json_put_key(&w, "scenario");
    ws_scenario_write_json(scenario, &w);
    ws_json_end_object(&w);
    ws_strbuf_puts(out, "\n");
    return out->failed ? WS_ERR_NOMEM : WS_OK;
}
