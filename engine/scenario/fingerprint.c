/* What a run reads of its scenario, as one number. Everything is in it except where a rule below says that
 * nothing reads it: then two scenarios that differ in it alone are one simulation, and whatever made the
 * difference changes nothing. */
#include <string.h>

#include "scenario/scenario.h"
#include "scenario/scenario_internal.h"

typedef struct feed {
    uint64_t state;
} feed;

/* The finalizer of splitmix64. Source: Steele, Lea and Flood, OOPSLA 2014. */
static void put(feed *f, uint64_t value)
{
    uint64_t x = f->state * UINT64_C(0xd1342543de82ef95) + value + UINT64_C(0x9e3779b97f4a7c15);
    x          = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x          = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    f->state   = x ^ (x >> 31);
}

static void put_int(feed *f, int64_t value)
{
    put(f, (uint64_t)value);
}

static void put_double(feed *f, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put(f, bits);
}

static void put_pointer(feed *f, const void *pointer)
{
    put(f, (uint64_t)(uintptr_t)pointer);
}

static void put_text(feed *f, const char *text)
{
    for (; *text != '\0'; text++) {
        put(f, (unsigned char)*text);
    }
    put(f, 0);
}

/* ---- options ---- */

/* Options whose whole effect is in other parts of the scenario by now. */
static const char *const k_resolved[] = {
    "max_num_batched_tokens",
    "dtype",
    "kv_cache_dtype",
    "npu_memory_utilization",
    "standby_unit",
    "profile",
    "prefix_storage",
    "enable_fused_elementwise",
    "approximate_model",
    "num_reqs",
    "from_s",
    "to_s",
    "sample",
    "time_scale",
    "rate",
    "enable_prefix_sharing",
    "power_interval",
    "log_interval",
};

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_experts(const ws_scenario *s)
{
    for (size_t i = 0; i < s->n_instances; i++) {
        if (s->instances[i].model->is_moe) {
            return true;
        }
    }
    return false;
}

/* Options that are read only under some conditions. */
static bool is_read(const ws_scenario *s, const char *name)
{
    const bool is_physical = s->fidelity == WS_FIDELITY_PHYSICAL;
    if (is_one_of(name, k_resolved, sizeof(k_resolved) / sizeof(k_resolved[0]))) {
        return false;
    }
    if (strcmp(name, "request_routing_policy") == 0) {
        return s->n_instances > 1;
    }
    if (strcmp(name, "expert_routing_policy") == 0) {
        return has_experts(s);
    }
    if (strcmp(name, "enable_block_copy") == 0) { /* ws_instance_n_blocks() */
        return !is_physical && has_experts(s);
    }
    if (strcmp(name, "seed") == 0) { /* what it generated or sampled is in the workload */
        return (s->options.request_routing_policy == WS_ROUTING_RAND && s->n_instances > 1) ||
               (s->options.expert_routing_policy == WS_EXPERT_RAND && has_experts(s));
    }
    return true;
}

static void put_options(feed *f, const ws_scenario *s, const ws_options *options)
{
    size_t           n     = 0;
    const ws_option *table = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        char text[64];
        if (is_read(s, table[i].name)) {
            put_text(f, ws_option_get_text(options, &table[i], text));
        }
    }
}

/* ---- instances ---- */

static void put_location(feed *f, ws_location location)
{
    put_int(f, (int64_t)location.kind);
    put_int(f, location.index);
}

static void put_placement(feed *f, const ws_instance_config *c)
{
    const ws_placement *p = &c->placement;
    put_location(f, p->weights);
    put_location(f, p->kv_evict);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        put_int(f, p->has_layer[layer]);
        if (p->has_layer[layer]) {
            put_location(f, p->layers[layer]);
        }
    }
    for (int64_t block = 0; p->blocks != NULL && block < c->model->n_layers; block++) {
        put_location(f, p->blocks[block]);
    }
}

static void put_network(feed *f, const ws_network *network)
{
    put_int(f, network->n_dims);
    for (int k = 0; k < network->n_dims; k++) {
        put_int(f, network->size[k]);
        put_double(f, network->bw_gbps[k]);
        put_double(f, network->latency_ns[k]);
    }
    put_int(f, network->reduce_bw);
}

/* A single NPU that serves whole requests sends nothing to another one. */
static bool uses_links(const ws_scenario *s)
{
    for (size_t i = 0; i < s->n_instances; i++) {
        const ws_instance_config *c = &s->instances[i];
        if (c->num_npus > 1 || c->ep_total > 1 || c->dp_group != WS_NO_GROUP || c->role != WS_ROLE_COMBINED) {
            return true;
        }
    }
    return s->has_pim || s->fidelity == WS_FIDELITY_REFERENCE;
}

static void put_timing(feed *f, ws_memory_timing timing)
{
    put_int(f, timing.latency_ns);
    put_int(f, timing.bytes_per_ns);
}

static void put_npu_power(feed *f, const ws_npu_power *power)
{
    put_double(f, power->idle_w);
    put_double(f, power->standby_w);
    put_double(f, power->active_w);
    put_int(f, power->standby_ns);
}

static void put_instance(feed *f, const ws_scenario *s, const ws_instance_config *c)
{
    put_options(f, s, &c->options);
    put_int(f, c->node);
    put_int(f, (int64_t)c->role);
    put_pointer(f,
                c->cost); /* the cache gives equal requests the same one; a clock's is named by the clock */
    put_double(f, c->clock);
    put_text(f, c->model->name);
    put_int(f, (int64_t)c->dtype);
    put_int(f, c->num_npus);
    put_int(f, c->tp_size);
    put_int(f, c->pp_size);
    put_int(f, c->ep_total);
    put_int(f, c->local_ep);
    put_int(f, c->dp_group);
    put_int(f, c->element_bytes);
    put_int(f, c->kv_element_bytes);
    put_int(f, c->npu_mem_bytes);
    put_int(f, c->is_oversize);
    put_int(f, c->weight_bytes);
    put_int(f, c->kv_bytes_per_token);
    put_int(f, c->n_blocks);
    put_int(f, c->token_budget);
    put_placement(f, c);
    put_timing(f, c->remote);
    put_int(f, c->tier);
    if (s->step_model == WS_STEP_EVENTS) {
        put_timing(f, c->local);
    }
    if (uses_links(s)) {
        put_network(f, &c->network);
        put_int(f, (int64_t)c->tp_dims);
        put_int(f, (int64_t)c->ep_dims);
    }
    if (s->has_power && s->nodes[c->node].power.is_tracked) {
        put_npu_power(f, &c->npu_power);
    }
}

/* ---- nodes, tiers, workload ---- */

static void put_node(feed *f, const ws_scenario *s, const ws_node_config *node)
{
    const ws_node_power *p = &node->power;
    put_int(f, node->n_channels);
    if (s->has_pim) {
        put_double(f, node->cpu_mem_gib);
        put_double(f, node->pim.channel_gib);
        put_double(f, node->pim.channel_gbps);
        put_double(f, node->pim.latency_ns);
        put_double(f, node->pim.active_w);
        put_double(f, node->pim.slope_ns);
        put_double(f, node->pim.intercept_ns);
    }
    put_int(f, s->has_power && p->is_tracked);
    if (!s->has_power || !p->is_tracked) {
        return;
    }
    const double numbers[] = {p->base_w,       p->nic_w,      p->storage_w,     p->cpu_idle_w,
                              p->cpu_active_w, p->cpu_util,   p->dram_idle_w,   p->dram_j_per_byte,
                              p->link_idle_w,  p->cxl_idle_w, p->cxl_j_per_byte};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        put_double(f, numbers[i]);
    }
    if (uses_links(s)) {
        put_double(f, p->link_j_per_byte);
    }
}

static void put_tiers(feed *f, const ws_scenario *s)
{
    for (size_t i = 0; i < s->n_tiers; i++) {
        put_int(f, s->tiers[i].n_chunks);
        put_int(f, s->tiers[i].chunk_bytes);
        put_int(f, s->tiers[i].chunk_tokens);
        put_int(f, s->tiers[i].block_size);
        put_int(f, s->tiers[i].node);
    }
}

static void put_workload(feed *f, const ws_workload *w)
{
    for (size_t i = 0; i < w->n_requests; i++) {
        const ws_workload_request *r = &w->requests[i];
        put_int(f, r->arrival_ns);
        put_int(f, r->input_tokens);
        put_int(f, r->target_tokens);
        put_int(f, r->session);
        put_int(f, r->tool_duration_ns);
        put_int(f, ((int64_t)r->n_input_ids << 32) + r->n_output_ids);
    }
    for (size_t i = 0; i < w->n_token_ids; i++) {
        put_int(f, w->token_ids[i]);
    }
}

uint64_t ws_scenario_fingerprint(const ws_scenario *s)
{
    feed f = {.state = 1};
    put_options(&f, s, &s->options);
    put_int(&f, (int64_t)s->fidelity);
    put_int(&f, s->power_interval_ns);
    if (s->fidelity == WS_FIDELITY_REFERENCE) { /* elsewhere it is only what wattsim prints */
        put_int(&f, s->log_interval_ns);
        put_network(&f, &s->network);
    }
    put_int(&f, (int64_t)s->step_model);
    put_int(&f, (int64_t)s->profile_kind);
    put_int(&f, s->has_cxl);
    if (s->step_model == WS_STEP_EVENTS || s->n_tiers > 0) {
        put_timing(&f, s->cxl);
        put_int(&f, s->n_cxl_devices);
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        put_instance(&f, s, &s->instances[i]);
    }
    for (size_t i = 0; i < s->n_nodes; i++) {
        put_node(&f, s, &s->nodes[i]);
    }
    put_tiers(&f, s);
    put_workload(&f, s->workload);
    return f.state;
}
