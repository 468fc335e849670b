#include "scenario/scenario.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "scenario/inputs.h"
#include "scenario/instance.h"
#include "scenario/kv_memory.h"
#include "scenario/kv_tiers.h"
#include "scenario/parallelism.h"
#include "scenario/power_blocks.h"
#include "scenario/power_caps.h"
#include "scenario/request_limits.h"
#include "scenario/scenario_internal.h"

static ws_memory_timing memory_timing(const ws_memory_config *memory)
{
    return (ws_memory_timing){.latency_ns   = (int64_t)memory->latency_ns,
                              .bytes_per_ns = (int64_t)memory->bw_gbps};
}

/* ---- the cluster ---- */

static ws_status list_entries(ws_scenario *s, const ws_cluster_config *cluster, ws_instance_entry ***out)
{
    ws_instance_entry **entries = ws_arena_alloc(&s->arena, cluster->n_instances, sizeof(*entries));
    s->n_nodes                  = cluster->n_nodes;
    s->n_instances              = cluster->n_instances;
    s->nodes                    = ws_arena_calloc(&s->arena, s->n_nodes, sizeof(*s->nodes));
    s->instances                = ws_arena_calloc(&s->arena, s->n_instances, sizeof(*s->instances));
    if (entries == NULL || s->nodes == NULL || s->instances == NULL) {
        return WS_ERR_NOMEM;
    }
    size_t k = 0;
    for (size_t i = 0; i < cluster->n_nodes; i++) {
        s->nodes[i].cpu_mem_gib = cluster->nodes[i].cpu_mem.size_gib;
        for (size_t j = 0; j < cluster->nodes[i].n_instances; j++, k++) {
            s->instances[k].index = (int32_t)k;
            s->instances[k].node  = (int32_t)i;
            s->instances[k].clock = 1.0;
            entries[k]            = &cluster->nodes[i].instances[j];
        }
    }
    *out = entries;
    return WS_OK;
}

static void number_npus(ws_scenario *s)
{
    int64_t next = 0;
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        c->first_npu          = next;
        next += c->n_npu_ids;
        s->n_npus += c->num_npus;
        s->nodes[c->node].n_npus += c->num_npus;
    }
}

static ws_status resolve_instances(ws_inputs *inputs, ws_scenario *s, ws_instance_entry **entries,
                                   ws_error *err)
{
    ws_status status = WS_OK;
    for (size_t i = 0; i < s->n_instances; i++) {
        status = ws_status_worse(status, ws_instance_resolve(inputs, s, entries[i], &s->instances[i], err));
    }
    WS_TRY(status);
    WS_TRY(
        ws_parallelism_group(s->instances, (const ws_instance_entry *const *)entries, s->n_instances, err));
    if (s->fidelity == WS_FIDELITY_PHYSICAL) {
        WS_TRY(ws_parallelism_check_models(s->instances, (const ws_instance_entry *const *)entries,
                                           s->n_instances, err));
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        ws_instance_note_experts(s, entries[i], c);
        const ws_status sized = ws_kv_memory_size(entries[i], s->fidelity, c, err);
        s->cxl_weight_bytes += (double)ws_placement_cxl_bytes(&c->placement, c->model, c->tp_size,
                                                              c->ep_total, c->element_bytes);
        status = ws_status_worse(status, sized);
    }
    return status;
}

static ws_status read_node_pim(ws_inputs *inputs, ws_node_entry *entry, ws_node_config *node, ws_error *err)
{
    ws_memory_config *memory = &entry->cpu_mem;
    char              relative[512], path[4096];
    if (memory->pim_config == NULL) {
        return ws_json_problem(entry->json, err,
                               "expected cpu_mem.pim_config on every node with attention offloading");
    }
    (void)snprintf(relative, sizeof(relative), "pim/%.400s.ini", memory->pim_config);
    if (!ws_inputs_find(inputs, relative, path, sizeof(path))) {
        return ws_json_problem(entry->json, err, "no PIM device \"%s\": expected a file %s in a data folder",
                               memory->pim_config, relative);
    }
    WS_TRY(ws_pim_read(ws_inputs_files(inputs), path, memory->pim_config, err, &node->pim));
    node->n_channels   = ws_pim_n_channels(&node->pim, memory->size_gib);
    memory->bw_gbps    = ws_pim_node_gbps(&node->pim, memory->size_gib);
    memory->latency_ns = node->pim.latency_ns;
    if (node->n_channels < 1) {
        return ws_json_problem(entry->json, err,
                               "expected cpu_mem.mem_size of at least one PIM channel of %g GiB, found %g",
                               node->pim.channel_gib, memory->size_gib);
    }
    return WS_OK;
}

/* PIM parameters replace the rates of the node's CPU memory (docs/model/serving.md 6.7). */
static ws_status resolve_pim(ws_inputs *inputs, ws_scenario *s, ws_cluster_config *cluster, ws_error *err)
{
    s->has_pim = s->options.enable_attn_offloading;
    for (size_t i = 0; i < s->n_instances; i++) {
        s->has_pim = s->has_pim || s->instances[i].options.enable_attn_offloading;
    }
    ws_status status = WS_OK;
    for (size_t i = 0; s->has_pim && i < cluster->n_nodes; i++) {
        status = ws_status_worse(status, read_node_pim(inputs, &cluster->nodes[i], &s->nodes[i], err));
    }
    return status;
}

static ws_status resolve_cluster(ws_inputs *inputs, ws_scenario *s, ws_json root, ws_error *err)
{
    ws_cluster_config   cluster;
    ws_instance_entry **entries = NULL;
    WS_TRY(ws_cluster_config_read(root, &s->arena, s->options.enable_attn_offloading, err, &cluster));
    WS_TRY(list_entries(s, &cluster, &entries));
    s->has_cxl       = cluster.cxl_mem.is_present;
    s->cxl_mem_gib   = cluster.cxl_mem.size_gib;
    s->n_cxl_devices = s->has_cxl ? cluster.cxl_mem.n_devices : 0;
    if (s->has_cxl) {
        s->cxl = memory_timing(&cluster.cxl_mem);
    }
    WS_TRY(resolve_instances(inputs, s, entries, err));
    number_npus(s);
    WS_TRY(ws_topology_build(s->instances, s->n_instances, cluster.link_bw, cluster.link_latency, err,
                             &s->network));
    /* Reductions run at the memory bandwidth of the last node's first instance, on all NPUs
     * (docs/model/timing.md T-6, T-15). */
    const ws_memory_config *last = &cluster.nodes[cluster.n_nodes - 1].instances[0].npu_mem;
    s->network.reduce_bw         = (int64_t)last->bw_gbps;
    WS_TRY(resolve_pim(inputs, s, &cluster, err));
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c         = &s->instances[i];
        const bool          is_shared = s->fidelity == WS_FIDELITY_REFERENCE;
        c->remote                     = memory_timing(&cluster.nodes[is_shared ? 0 : c->node].cpu_mem);
        c->local                      = memory_timing(is_shared ? last : &entries[i]->npu_mem);
        const size_t n_groups         = c->dp_group == WS_NO_GROUP ? 0 : (size_t)c->dp_group + 1;
        s->n_groups                   = n_groups > s->n_groups ? n_groups : s->n_groups;
    }
    ws_topology_localize(s);
    WS_TRY(ws_power_blocks_resolve(inputs, s, &cluster, err));
    return ws_power_caps_apply(inputs, s, &cluster, err);
}

/* ---- the workload ---- */

static ws_workload_shape shape_of(const ws_options *options)
{
    return (ws_workload_shape){.from_s       = options->from_s,
                               .to_s         = options->to_s,
                               .sample       = options->sample,
                               .max_arrivals = options->num_reqs,
                               .time_scale   = options->time_scale,
                               .rate         = options->rate,
                               .seed         = (uint64_t)options->seed};
}

static ws_status load_workload(ws_inputs *inputs, ws_scenario *s, const ws_scenario_request *request,
                               ws_error *err)
{
    ws_workload_shape  shape  = shape_of(&s->options);
    const ws_workload *source = NULL;
    const char        *name   = "workload";
    if (request->workload.item != NULL) {
        name = ws_json_doc_name(request->workload.doc);
        WS_TRY(ws_inputs_generated(inputs, request->workload, (uint64_t)s->options.seed, err, &source));
    } else if (request->dataset != NULL && !ws_workload_shape_selects(&shape)) {
        name = request->dataset; /* lines behind the first ones need not be read */
        WS_TRY(ws_inputs_dataset(inputs, request->dataset, shape.max_arrivals, err, &source));
        shape.max_arrivals = 0;
    } else {
        name = request->dataset != NULL ? request->dataset : name;
        WS_TRY(ws_inputs_dataset(inputs, request->dataset, 0, err, &source));
    }
    return ws_inputs_reshaped(inputs, source, &shape, name, err, &s->workload);
}

/* Prefix ids per block size; different block sizes get disjoint ids, so that one index array serves all. */
static ws_status number_prefixes(ws_inputs *inputs, ws_scenario *s)
{
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        if (!c->options.enable_prefix_caching || s->workload->n_token_ids == 0) {
            continue;
        }
        const ws_prefix_index *index = NULL;
        WS_TRY(ws_inputs_prefixes(inputs, s->workload, c->options.block_size, &index));
        c->prefixes = (ws_prefix_view){
            .chain_begin = index->chain_begin, .chain = index->chain, .n_prefixes = index->n_prefixes};
    }
    return WS_OK;
}

/* ---- how batches are timed ---- */

/* Only events can tell what happens with queues that several NPUs use at different times. */
static bool needs_events(const ws_scenario *s, const ws_instance_config *c)
{
    return c->options.enable_attn_offloading || c->options.enable_local_offloading ||
           ws_placement_is_off_npu(&c->placement, c->model) ||
           c->placement.kv_evict.kind != WS_LOCATION_REMOTE || (c->tier != WS_NO_TIER && c->pp_size > 1) ||
           (c->model->is_moe && c->placement.blocks != NULL) ||
           (s->fidelity == WS_FIDELITY_REFERENCE &&
            s->n_instances > 1); /* idle instances poll inside others' batches */
}

static bool has_simple_steps(const ws_instance_config *c)
{
    return !c->model->is_moe && c->pp_size == 1 && c->dp_group == WS_NO_GROUP && c->role == WS_ROLE_COMBINED;
}

static ws_step_model choose_step_model(const ws_scenario *s)
{
    bool is_simple = true;
    for (size_t i = 0; i < s->n_instances; i++) {
        if (needs_events(s, &s->instances[i])) {
            return WS_STEP_EVENTS;
        }
        is_simple = is_simple && has_simple_steps(&s->instances[i]);
    }
    if (is_simple) {
        return WS_STEP_CLOSED;
    }
    return s->fidelity == WS_FIDELITY_REFERENCE ? WS_STEP_EVENTS : WS_STEP_LOCKSTEP;
}

/* ---- the whole ---- */

/* The nearest: 1.003 s times 1e9 falls short of 1003000000. */
static int64_t interval_ns(double seconds)
{
    const double ns = seconds * (double)WS_NS_PER_S;
    return ns < 1.0 ? 1 : (int64_t)llround(ns);
}

static ws_status resolve(ws_inputs *inputs, ws_scenario *s, const ws_scenario_request *request, ws_error *err)
{
    const double power_s     = request->options.power_interval_s;
    s->options               = request->options;
    s->slo                   = request->slo;
    s->fidelity              = (ws_fidelity)request->options.fidelity;
    s->log_interval_ns       = interval_ns(s->options.log_interval_s);
    s->power_interval_ns     = power_s > 0 ? interval_ns(power_s) : s->log_interval_ns;
    const ws_status cluster  = resolve_cluster(inputs, s, request->cluster, err);
    const ws_status workload = load_workload(inputs, s, request, err);
    WS_TRY(cluster);
    WS_TRY(workload);
    WS_TRY(ws_request_limits_check_hand_offs(s, err));
    ws_request_limits_set(s);
    WS_TRY(number_prefixes(inputs, s));
    WS_TRY(ws_kv_tiers_resolve(s, err));
    s->step_model = choose_step_model(s);
    return s->notes.failed ? WS_ERR_NOMEM : WS_OK;
}

/* What a caller may have filled in by hand. */
static ws_status check_request(const ws_scenario_request *request, ws_error *err)
{
    ws_status status = ws_options_check(&request->options, err);
    if (request->cluster.item == NULL) {
        status = ws_error_add(err, WS_ERR_ARG, "cluster: expected the root of a cluster config, found none");
    }
    if (!ws_slo_is_valid(&request->slo)) {
        status =
            ws_error_add(err, WS_ERR_ARG,
                         "slo: expected bounds above 0 (0 = none) and an attainment of at most 1 with them");
    }
    return status;
}

ws_status ws_scenario_create(ws_inputs *inputs, const ws_scenario_request *request, ws_error *err,
                             ws_scenario **scenario_out)
{
    *scenario_out = NULL;
    WS_TRY(check_request(request, err));
    ws_scenario *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_arena_init(&s->arena, 0);
    s->inputs = inputs;
    ws_inputs_lock(inputs);
    const ws_status status = resolve(inputs, s, request, err);
    ws_inputs_unlock(inputs);
    if (status != WS_OK) {
        ws_scenario_destroy(&s);
        return status;
    }
    *scenario_out = s;
    return WS_OK;
}

void ws_scenario_destroy(ws_scenario **scenario)
{
    if (*scenario == NULL) {
        return;
    }
    ws_inputs *inputs = (*scenario)->inputs;
    ws_inputs_lock(inputs);
    ws_inputs_release(inputs, (*scenario)->workload);
    ws_power_caps_release(*scenario);
    ws_inputs_unlock(inputs);
    if ((*scenario)->owns_inputs) {
        ws_inputs_destroy(&inputs);
    }
    ws_strbuf_fini(&(*scenario)->notes);
    ws_arena_fini(&(*scenario)->arena);
    free(*scenario);
    *scenario = NULL;
}
