#include "scenario/cluster_config.h"

#include <string.h>

#include "scenario/options.h"

/* Bounds that only keep products inside int64 and double range. */
#define MAX_COUNT 1e6
#define MAX_GIB 1e9
#define MAX_GBPS 1e9
#define MAX_LATENCY_NS 1e9 /* 1 s: sums over the steps of a run stay inside int64 */
#define MAX_CAP_W 1e9

#define MEMORY_MEMBER(member) offsetof(ws_memory_config, member)

/* Of an NPU everything is optional: what is left out is the data sheet's. */
static ws_status read_memory(ws_json json, bool optional_rates, bool is_npu, ws_error *err,
                             ws_memory_config *out)
{
    const unsigned size  = is_npu ? 0 : WS_FIELD_REQUIRED;
    const unsigned rate  = optional_rates || is_npu ? 0 : WS_FIELD_REQUIRED;
    const ws_field all[] = {
        {"mem_size", WS_FIELD_DOUBLE, MEMORY_MEMBER(size_gib), size | WS_FIELD_POSITIVE, 0, MAX_GIB,
         "capacity, GiB"},
        {"mem_bw", WS_FIELD_DOUBLE, MEMORY_MEMBER(bw_gbps), rate, 1, MAX_GBPS, "bandwidth, GB/s"},
        {"mem_latency", WS_FIELD_DOUBLE, MEMORY_MEMBER(latency_ns), rate, 0, MAX_LATENCY_NS, "latency, ns"},
        {"mem_util", WS_FIELD_DOUBLE, MEMORY_MEMBER(utilization), WS_FIELD_POSITIVE, 0, 1,
         "share used for weights and KV"},
    };
    const ws_field cpu[] = {
        all[0],
        all[1],
        all[2],
        {"pim_config", WS_FIELD_STRING, MEMORY_MEMBER(pim_config), WS_FIELD_NULLABLE, 0, 0,
         "stem of a file under pim/"},
    };
    out->is_present = true;
    return is_npu ? ws_json_read_object(json, all, 4, out, err) : ws_json_read_object(json, cpu, 4, out, err);
}

static ws_status read_cxl(ws_json json, ws_error *err, ws_memory_config *out)
{
    static const ws_field fields[] = {
        {"mem_size", WS_FIELD_DOUBLE, MEMORY_MEMBER(size_gib), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0,
         MAX_GIB, "capacity, GiB"},
        {"mem_bw", WS_FIELD_DOUBLE, MEMORY_MEMBER(bw_gbps), WS_FIELD_REQUIRED, 1, MAX_GBPS,
         "bandwidth per device, GB/s"},
        {"mem_latency", WS_FIELD_DOUBLE, MEMORY_MEMBER(latency_ns), WS_FIELD_REQUIRED, 0, MAX_LATENCY_NS,
         "latency, ns"},
        {"num_devices", WS_FIELD_INT, MEMORY_MEMBER(n_devices), 0, 1, 4096, "devices"},
    };
    *out = (ws_memory_config){.n_devices = 1, .is_present = true};
    return ws_json_read_object(json, fields, 4, out, err);
}

/* ---- instances ---- */

typedef struct instance_fields {
    ws_instance_entry entry;
    ws_json           npu_mem, pd_type;
} instance_fields;

enum { N_OWN_FIELDS = 11, MAX_FIELDS = 64 };

static const ws_field INSTANCE_FIELDS[N_OWN_FIELDS] = {
    {"model_name", WS_FIELD_STRING, offsetof(instance_fields, entry.model_name), WS_FIELD_REQUIRED, 0, 0,
     "model, a file under model/"},
    {"hardware", WS_FIELD_STRING, offsetof(instance_fields, entry.hardware), WS_FIELD_REQUIRED, 0, 0,
     "hardware tag"},
    {"npu_mem", WS_FIELD_JSON, offsetof(instance_fields, npu_mem), WS_FIELD_NULLABLE, 0, 0,
     "memory of one NPU"},
    {"pd_type", WS_FIELD_JSON, offsetof(instance_fields, pd_type), WS_FIELD_REQUIRED, 0, 0,
     "prefill, decode or null"},
    {"num_npus", WS_FIELD_INT, offsetof(instance_fields, entry.num_npus), 0, 1, MAX_COUNT,
     "NPUs of the instance"},
    {"tp_size", WS_FIELD_INT, offsetof(instance_fields, entry.tp_size), 0, 1, MAX_COUNT,
     "tensor-parallel degree"},
    {"pp_size", WS_FIELD_INT, offsetof(instance_fields, entry.pp_size), 0, 1, MAX_COUNT, "pipeline stages"},
    {"ep_size", WS_FIELD_INT, offsetof(instance_fields, entry.ep_size), 0, 1, MAX_COUNT,
     "expert-parallel degree"},
    {"dp_group", WS_FIELD_STRING, offsetof(instance_fields, entry.dp_group), WS_FIELD_NULLABLE, 0, 0,
     "data-parallel group"},
    {"placement", WS_FIELD_JSON, offsetof(instance_fields, entry.placement), WS_FIELD_NULLABLE, 0, 0,
     "where weights and KV live"},
    {"power_cap_w", WS_FIELD_DOUBLE, offsetof(instance_fields, entry.power_cap_w),
     WS_FIELD_NULLABLE | WS_FIELD_POSITIVE, 0, MAX_CAP_W, "power cap of each of its NPUs, W"},
};

/* The instance's own keys plus one per option an instance may override; overrides land behind each other. */
static size_t instance_field_table(ws_field *fields, size_t overrides_offset)
{
    size_t           n_options = 0;
    const ws_option *options   = ws_option_table(&n_options);
    size_t           n         = N_OWN_FIELDS;
    memcpy(fields, INSTANCE_FIELDS, sizeof(INSTANCE_FIELDS));
    for (size_t i = 0; i < n_options; i++) {
        if (options[i].per_instance) {
            WS_ASSERT(n < MAX_FIELDS);
            fields[n++] = (ws_field){.key    = options[i].name,
                                     .type   = WS_FIELD_JSON,
                                     .flags  = WS_FIELD_NULLABLE,
                                     .offset = overrides_offset + i * sizeof(ws_json),
                                     .help   = options[i].help};
        }
    }
    return n;
}

static ws_status read_pd_type(ws_json json, ws_error *err, const char **out)
{
    const char *text = ws_json_string(json);
    *out             = text;
    if (ws_json_kind_of(json) == WS_JSON_NULL ||
        (text != NULL && (strcmp(text, "prefill") == 0 || strcmp(text, "decode") == 0))) {
        return WS_OK;
    }
    return ws_json_expected(json, err, "\"prefill\", \"decode\" or null");
}

static ws_status read_instance(ws_json json, ws_arena *arena, ws_error *err, ws_instance_entry *out)
{
    size_t n_options = 0;
    (void)ws_option_table(&n_options);
    const size_t     overrides_offset = sizeof(instance_fields);
    instance_fields *raw = ws_arena_calloc(arena, 1, overrides_offset + n_options * sizeof(ws_json));
    if (raw == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_field     fields[MAX_FIELDS];
    const size_t n_fields = instance_field_table(fields, overrides_offset);
    WS_TRY(ws_json_read_object(json, fields, n_fields, raw, err));
    raw->entry.json      = json;
    raw->entry.overrides = (ws_json *)(void *)((char *)raw + overrides_offset);
    const ws_status memory =
        raw->npu_mem.item == NULL ? WS_OK : read_memory(raw->npu_mem, false, true, err, &raw->entry.npu_mem);
    const ws_status pd = read_pd_type(raw->pd_type, err, &raw->entry.pd_type);
    *out               = raw->entry;
    return memory != WS_OK ? memory : pd;
}

/* ---- nodes ---- */

typedef struct node_fields {
    int64_t num_instances;
    ws_json instances, cpu_mem, power;
} node_fields;

static ws_status check_count(ws_json counted, int64_t declared, const char *key, ws_error *err)
{
    if (ws_json_kind_of(counted) != WS_JSON_ARRAY) {
        return ws_json_expected(counted, err, "array");
    }
    if ((int64_t)ws_json_size(counted) != declared) {
        return ws_json_problem(counted, err, "expected %s = %lld elements, found %zu", key,
                               (long long)declared, ws_json_size(counted));
    }
    return WS_OK;
}

static ws_status read_node(ws_json json, ws_arena *arena, bool has_pim, ws_error *err, ws_node_entry *out)
{
    static const ws_field fields[] = {
        {"num_instances", WS_FIELD_INT, offsetof(node_fields, num_instances), WS_FIELD_REQUIRED, 1, MAX_COUNT,
         "instances"},
        {"instances", WS_FIELD_JSON, offsetof(node_fields, instances), WS_FIELD_REQUIRED, 0, 0, "instances"},
        {"cpu_mem", WS_FIELD_JSON, offsetof(node_fields, cpu_mem), WS_FIELD_REQUIRED, 0, 0, "host memory"},
        {"power", WS_FIELD_JSON, offsetof(node_fields, power), WS_FIELD_NULLABLE, 0, 0, "power coefficients"},
    };
    node_fields raw = {0};
    WS_TRY(ws_json_read_object(json, fields, 4, &raw, err));
    *out             = (ws_node_entry){.json = json, .power = raw.power};
    ws_status status = read_memory(raw.cpu_mem, has_pim, false, err, &out->cpu_mem);
    WS_TRY(check_count(raw.instances, raw.num_instances, "num_instances", err));
    out->n_instances = ws_json_size(raw.instances);
    out->instances   = ws_arena_calloc(arena, out->n_instances, sizeof(*out->instances));
    if (out->instances == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_json item = ws_json_first(raw.instances);
    for (size_t i = 0; i < out->n_instances; i++, item = ws_json_next(item)) {
        status = ws_status_worse(status, read_instance(item, arena, err, &out->instances[i]));
    }
    return status;
}

/* Whether any instance of the raw nodes array turns attention offloading on. */
static bool some_instance_offloads(ws_json nodes)
{
    for (ws_json node = ws_json_first(nodes); node.item != NULL; node = ws_json_next(node)) {
        const ws_json instances = ws_json_member(node, "instances");
        for (ws_json i = ws_json_first(instances); i.item != NULL; i = ws_json_next(i)) {
            if (ws_json_bool(ws_json_member(i, "enable_attn_offloading"))) {
                return true;
            }
        }
    }
    return false;
}

typedef struct root_fields {
    int64_t num_nodes;
    ws_json nodes, link_bw, link_latency, cxl_mem;
} root_fields;

ws_status ws_cluster_config_read(ws_json root, ws_arena *arena, bool cli_offloading, ws_error *err,
                                 ws_cluster_config *out)
{
    static const ws_field fields[] = {
        {"num_nodes", WS_FIELD_INT, offsetof(root_fields, num_nodes), WS_FIELD_REQUIRED, 1, MAX_COUNT,
         "nodes"},
        {"nodes", WS_FIELD_JSON, offsetof(root_fields, nodes), WS_FIELD_REQUIRED, 0, 0, "nodes"},
        {"link_bw", WS_FIELD_JSON, offsetof(root_fields, link_bw), WS_FIELD_REQUIRED, 0, 0,
         "GB/s per dimension"},
        {"link_latency", WS_FIELD_JSON, offsetof(root_fields, link_latency), WS_FIELD_REQUIRED, 0, 0,
         "ns per dimension"},
        {"cxl_mem", WS_FIELD_JSON, offsetof(root_fields, cxl_mem), WS_FIELD_NULLABLE, 0, 0,
         "CXL memory pool"},
    };
    root_fields raw    = {0};
    ws_status   status = ws_json_read_object(root, fields, 5, &raw, err);
    if (ws_json_kind_of(raw.nodes) != WS_JSON_ARRAY) {
        return status != WS_OK ? status : ws_json_expected(raw.nodes, err, "array");
    }
    if (status == WS_OK) { /* the count means nothing if it could not be read */
        status = check_count(raw.nodes, raw.num_nodes, "num_nodes", err);
    }
    *out = (ws_cluster_config){
        .n_nodes = ws_json_size(raw.nodes), .link_bw = raw.link_bw, .link_latency = raw.link_latency};
    out->nodes = ws_arena_calloc(arena, out->n_nodes, sizeof(*out->nodes));
    if (out->nodes == NULL) {
        return WS_ERR_NOMEM;
    }
    if (raw.cxl_mem.item != NULL) {
        status = ws_status_worse(status, read_cxl(raw.cxl_mem, err, &out->cxl_mem));
    }
    const bool has_pim = cli_offloading || some_instance_offloads(raw.nodes);
    ws_json    item    = ws_json_first(raw.nodes);
    for (size_t i = 0; i < out->n_nodes; i++, item = ws_json_next(item)) {
        status = ws_status_worse(status, read_node(item, arena, has_pim, err, &out->nodes[i]));
        out->n_instances += out->nodes[i].n_instances;
    }
    return status;
}
