/* What a resolved scenario says about itself: single numbers, and the whole as JSON. */
#include <math.h>

#include "base/json_write.h"
#include "base/units.h"
#include "workload/workload_shape.h"
#include "scenario/scenario.h"
#include "scenario/scenario_internal.h"

const char *ws_scenario_notes(const ws_scenario *s)
{
    return ws_strbuf_text(&s->notes);
}

const ws_slo *ws_scenario_slo(const ws_scenario *s)
{
    return &s->slo;
}

size_t ws_scenario_n_requests(const ws_scenario *s)
{
    return s->workload->n_requests;
}

size_t ws_scenario_n_nodes(const ws_scenario *s)
{
    return s->n_nodes;
}

size_t ws_scenario_n_instances(const ws_scenario *s)
{
    return s->n_instances;
}

int64_t ws_scenario_n_npus(const ws_scenario *s)
{
    return s->n_npus;
}

bool ws_scenario_has_power(const ws_scenario *s)
{
    return s->has_power;
}

ws_profile_kind ws_scenario_profile_kind(const ws_scenario *s)
{
    return s->profile_kind;
}

double ws_scenario_weights_gb(const ws_scenario *s)
{
    int64_t largest = 0;
    for (size_t i = 0; i < s->n_instances; i++) {
        largest = s->instances[i].weight_bytes > largest ? s->instances[i].weight_bytes : largest;
    }
    return (double)largest / (double)WS_BYTES_PER_GB;
}

double ws_scenario_npu_mem_gb(const ws_scenario *s)
{
    int64_t smallest = INT64_MAX;
    for (size_t i = 0; i < s->n_instances; i++) {
        smallest = s->instances[i].npu_mem_bytes < smallest ? s->instances[i].npu_mem_bytes : smallest;
    }
    return (double)smallest / (double)WS_BYTES_PER_GB;
}

double ws_scenario_cost_estimate(const ws_scenario *s)
{
    double tokens = 0;
    for (size_t i = 0; i < s->workload->n_requests; i++) {
        tokens += s->workload->requests[i].target_tokens;
    }
    return tokens;
}

/* What mem_bw changes: layers of a roofline, and what moves through memory besides them. */
static void write_bandwidth_uses(const ws_instance_config *c, ws_json_writer *w)
{
    ws_json_begin_array(w);
    if (ws_profile_kind_of(c->profile) == WS_PROFILE_ROOFLINE &&
        c->options.fidelity == WS_FIDELITY_PHYSICAL) {
        ws_json_put_string(w, "times of layers");
    }
    if (c->tp_size > 1 || c->ep_total > 1) {
        ws_json_put_string(w, "reductions between NPUs");
    }
    if (c->options.enable_local_offloading) {
        ws_json_put_string(w, "weights from local memory");
    }
    ws_json_end_array(w);
}

static void write_npu_mem(const ws_instance_config *c, ws_json_writer *w)
{
    ws_json_put_key(w, "npu_mem");
    ws_json_begin_object(w);
    ws_json_put_key(w, "mem_size");
    ws_json_put_double(w, c->npu_mem_gib);
    ws_json_put_key(w, "mem_bw");
    ws_json_put_double(w, c->mem_gbps);
    if (c->board.size_gib > 0.0) {
        ws_json_put_key(w, "board_mem_size");
        ws_json_put_double(w, c->board.size_gib);
        ws_json_put_key(w, "board_mem_bw");
        ws_json_put_double(w, c->board.bw_gbps);
    }
    ws_json_put_key(w, "oversize");
    ws_json_put_bool(w, c->is_oversize);
    ws_json_put_key(w, "mem_bw_affects");
    write_bandwidth_uses(c, w);
    ws_json_end_object(w);
}

static void write_instance(const ws_instance_config *c, ws_json_writer *w)
{
    ws_json_begin_object(w);
    ws_json_put_key(w, "node");
    ws_json_put_int(w, c->node);
    ws_json_put_key(w, "model");
    ws_json_put_string(w, c->model->name);
    ws_json_put_key(w, "hardware");
    ws_json_put_string(w, c->hardware);
    ws_json_put_key(w, "profile_kind");
    ws_json_put_string(w, ws_profile_kind_name(ws_profile_kind_of(c->profile)));
    ws_json_put_key(w, "num_npus");
    ws_json_put_int(w, c->num_npus);
    ws_json_put_key(w, "tp_size");
    ws_json_put_int(w, c->tp_size);
    ws_json_put_key(w, "pp_size");
    ws_json_put_int(w, c->pp_size);
    if (c->clock < 1.0) {
        ws_json_put_key(w, "power_cap_w");
        ws_json_put_double(w, c->npu_power.active_w);
        ws_json_put_key(w, "core_clock");
        ws_json_put_double(w, c->clock);
    }
    write_npu_mem(c, w);
    ws_json_put_key(w, "weight_bytes");
    ws_json_put_int(w, c->weight_bytes);
    ws_json_put_key(w, "kv_blocks");
    ws_json_put_int(w, c->n_blocks);
    ws_json_put_key(w, "kv_tokens");
    ws_json_put_int(w, c->n_blocks * c->options.block_size);
    if (c->max_model_len < INT32_MAX) {
        ws_json_put_key(w, "max_model_len");
        ws_json_put_int(w, c->max_model_len);
    }
    ws_json_end_object(w);
}

static void write_slo(const ws_slo *slo, ws_json_writer *w)
{
    ws_slo parts = *slo;
    ws_json_put_key(w, "slo");
    ws_json_begin_object(w);
    for (size_t part = 0; part < WS_SLO_N_PARTS; part++) {
        const double value = *ws_slo_part(&parts, part);
        if (value > 0.0 && isfinite(value)) {
            ws_json_put_key(w, ws_slo_part_name(part));
            ws_json_put_double(w, value);
        }
    }
    ws_json_end_object(w);
}

/* What arrives, after all cutting, thinning and stretching that the options ask for. */
static void write_workload(const ws_workload *workload, ws_json_writer *w)
{
    const size_t n = workload->n_initial;
    ws_json_put_key(w, "workload");
    ws_json_begin_object(w);
    ws_json_put_key(w, "n_arrivals");
    ws_json_put_int(w, (int64_t)n);
    ws_json_put_key(w, "n_sessions");
    ws_json_put_int(w, (int64_t)workload->n_sessions);
    ws_json_put_key(w, "first_arrival_s");
    ws_json_put_double(w, ws_seconds(workload->requests[workload->initial[0]].arrival_ns));
    ws_json_put_key(w, "last_arrival_s");
    ws_json_put_double(w, ws_seconds(workload->requests[workload->initial[n - 1]].arrival_ns));
    ws_json_put_key(w, "rate");
    ws_json_put_double(w, ws_workload_rate(workload));
    ws_json_end_object(w);
}

void ws_scenario_write_json(const ws_scenario *s, ws_json_writer *w)
{
    size_t           n_options = 0;
    const ws_option *options   = ws_option_table(&n_options);
    char             text[64];
    ws_json_begin_object(w);
    ws_json_put_key(w, "n_requests");
    ws_json_put_int(w, (int64_t)s->workload->n_requests);
    write_workload(s->workload, w);
    ws_json_put_key(w, "options");
    ws_json_begin_object(w);
    for (size_t i = 0; i < n_options; i++) {
        ws_json_put_key(w, options[i].name);
        ws_json_put_string(w, ws_option_get_text(&s->options, &options[i], text));
    }
    ws_json_end_object(w);
    if (ws_slo_is_set(&s->slo)) {
        write_slo(&s->slo, w);
    }
    ws_json_put_key(w, "instances");
    ws_json_begin_array(w);
    for (size_t i = 0; i < s->n_instances; i++) {
        write_instance(&s->instances[i], w);
    }
    ws_json_end_array(w);
    ws_json_end_object(w);
}
