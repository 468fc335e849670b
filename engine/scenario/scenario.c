#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "base/minmax.h"
#include "base/units.h"
#include "scenario/inputs.h"
#include "scenario/parallelism.h"
#include "scenario/power_caps.h"
#include "scenario/scenario_internal.h"

static char *arena_string(ws_arena *arena, const char *text)
{
    const size_t len  = strlen(text) + 1;
    char        *copy = ws_arena_alloc(arena, len, 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
    }
    return copy;
}

static ws_memory_timing memory_timing(const ws_memory_config *memory)
{
    return (ws_memory_timing){.latency_ns   = (int64_t)memory->latency_ns,
                              .bytes_per_ns = (int64_t)memory->bw_gbps};
}

/* ---- one instance ---- */

static ws_status apply_overrides(const ws_instance_entry *entry, ws_options *options, ws_error *err)
{
    size_t           n      = 0;
    const ws_option *table  = ws_option_table(&n);
    ws_status        status = WS_OK;
    for (size_t i = 0; i < n; i++) {
        const ws_json value = entry->overrides[i];
        if (value.item != NULL && ws_json_kind_of(value) != WS_JSON_NULL) {
            const ws_status set = ws_option_set_json(options, &table[i], value, err);
            status              = status != WS_OK ? status : set;
        }
    }
    if (entry->npu_mem.utilization > 0) {
        options->npu_memory_utilization = entry->npu_mem.utilization;
    }
    return status;
}

static ws_role role_of(const char *pd_type)
{
    if (pd_type == NULL) {
        return WS_ROLE_COMBINED;
    }
    return strcmp(pd_type, "prefill") == 0 ? WS_ROLE_PREFILL : WS_ROLE_DECODE;
}

/* Add a line to the notes, the same one once: several instances may have a model or an entry in common. */
static void add_note_once(ws_scenario *s, const char *line)
{
    if (strstr(ws_strbuf_text(&s->notes), line) == NULL) {
        ws_strbuf_puts(&s->notes, line);
    }
}

/* A checkpoint kept in 32 bits is not served in them: engines take bfloat16 then.
 * Source: vLLM, vllm/config/model.py, _resolve_auto_dtype ("Downcast for float32 models"). */
static ws_dtype downcast_float32(ws_scenario *s, const ws_model *model)
{
    char line[512];
    (void)snprintf(line, sizeof(line),
                   "%.300s has torch_dtype float32: simulated as bfloat16, as serving engines run it; "
                   "--dtype float32 keeps 32 bits\n",
                   model->name);
    add_note_once(s, line);
    return WS_DTYPE_BFLOAT16;
}

static ws_dtype resolve_dtype(ws_scenario *s, const ws_options *options, const ws_model *model)
{
    if (options->dtype != WS_DTYPE_COUNT) {
        return (ws_dtype)options->dtype;
    }
    if (model->torch_dtype == WS_DTYPE_FLOAT32 && s->fidelity == WS_FIDELITY_PHYSICAL) {
        return downcast_float32(s, model);
    }
    return model->torch_dtype != WS_DTYPE_COUNT ? model->torch_dtype : WS_DTYPE_BFLOAT16;
}

static ws_status check_offloading(const ws_instance_entry *entry, const ws_instance_config *c, ws_error *err)
{
    if (c->options.enable_sub_batch_interleaving && (!c->options.enable_attn_offloading || c->pp_size != 1)) {
        return ws_json_problem(entry->json, err,
                               "expected enable_attn_offloading and pp_size = 1 with "
                               "enable_sub_batch_interleaving");
    }
    return WS_OK;
}

ws_profile_request ws_instance_profile_request(const ws_scenario *s, const ws_instance_config *c)
{
    return (ws_profile_request){
        .hardware    = c->hardware,
        .model       = c->model,
        .dtype       = c->dtype,
        .kv_fp8      = c->options.kv_cache_dtype == 1,
        .tp_size     = c->tp_size,
        .memory_gbps = s->options.fidelity == WS_FIDELITY_PHYSICAL && c->board.bw_gbps > 0.0 &&
                               c->mem_gbps != c->board.bw_gbps
                           ? c->mem_gbps
                           : 0.0,
        .choice      = (ws_profile_choice)s->options.profile,
        .fuse        = s->options.enable_fused_elementwise && s->options.fidelity == WS_FIDELITY_PHYSICAL};
}

/* What is wrong with a profile is also told with the place that asks for it. */
static ws_status find_cost(ws_inputs *inputs, ws_scenario *s, const ws_profile_request *request,
                           ws_json hardware, ws_error *err, const ws_step_cost **out)
{
    ws_error        own    = WS_ERROR_INIT;
    const ws_status status = ws_inputs_cost(inputs, request, &s->notes, &own, out);
    if (status == WS_ERR_INPUT) {
        (void)ws_json_problem(hardware, err, "%s", ws_error_text(&own));
    } else if (own.n_problems > 0) {
        (void)ws_error_add(err, status, "%s", ws_error_text(&own));
    }
    ws_error_clear(&own);
    return status;
}

static ws_status load_cost(ws_inputs *inputs, ws_scenario *s, ws_json hardware, ws_instance_config *c,
                           ws_error *err)
{
    c->dtype                         = resolve_dtype(s, &c->options, c->model);
    const ws_profile_request request = ws_instance_profile_request(s, c);
    c->element_bytes                 = ws_dtype_bytes(c->dtype);
    c->kv_element_bytes              = request.kv_fp8 ? 1 : c->element_bytes;
    WS_TRY(find_cost(inputs, s, &request, hardware, err, &c->cost));
    c->profile = c->cost->profile;
    if (ws_profile_kind_of(c->profile) > s->profile_kind) {
        s->profile_kind = ws_profile_kind_of(c->profile);
    }
    return WS_OK;
}

/* A line for the user, said once however many instances it holds for. */
static void add_note(ws_scenario *s, const char *format, ...) WS_PRINTF(2, 3);
static void add_note(ws_scenario *s, const char *format, ...)
{
    char    line[600];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (strstr(ws_strbuf_text(&s->notes), line) == NULL) {
        ws_strbuf_puts(&s->notes, line);
    }
}

/* What ep_size says that no serving engine does. */
static void note_experts(ws_scenario *s, const ws_instance_entry *entry, const ws_instance_config *c)
{
    if (!c->model->is_moe && entry->ep_size > 1) {
        add_note(s, "ep_size %" PRId64 " changes nothing: %s is no mixture of experts\n", entry->ep_size,
                 c->model->name);
    } else if (c->model->is_moe && c->local_ep < c->tp_size) {
        add_note(s,
                 "%s: %" PRId64 " of the %" PRId64
                 " ranks of an instance hold experts (ep_size); serving engines "
                 "spread them over all\n",
                 c->model->name, c->local_ep, c->tp_size);
    }
}

/* ---- memory that a board has ---- */

static ws_json npu_mem_place(const ws_instance_entry *entry)
{
    const ws_json place = ws_json_member(entry->json, "npu_mem");
    return place.item != NULL ? place : entry->json;
}

/* Bandwidths other than the board's, and what they reach. */
static void note_bandwidth(ws_scenario *s, const ws_instance_config *c)
{
    const ws_profile_request request = ws_instance_profile_request(s, c);
    const char *more = c->mem_gbps > c->board.bw_gbps ? ", which is more than the board has" : "";
    if (c->board.bw_gbps <= 0.0 || c->mem_gbps == c->board.bw_gbps) {
        return;
    }
    if (request.memory_gbps > 0.0 && ws_profile_kind_of(c->profile) == WS_PROFILE_ROOFLINE) {
        add_note(s,
                 "%s: the roofline's memory traffic takes the time of mem_bw %g GB/s, not of the %g GB/s of "
                 "its data "
                 "sheet%s\n",
                 c->hardware, c->mem_gbps, c->board.bw_gbps, more);
    } else {
        add_note(s,
                 "%s: mem_bw %g GB/s is not the %g GB/s of the data sheet%s; the times of layers stay those "
                 "of the "
                 "%s profile: it changes reductions between NPUs and local offloading only\n",
                 c->hardware, c->mem_gbps, c->board.bw_gbps, more,
                 ws_profile_kind_of(c->profile) == WS_PROFILE_ROOFLINE ? "roofline" : "measured");
    }
}

static void note_size(ws_scenario *s, const ws_instance_config *c)
{
    if (c->is_oversize) {
        add_note(s,
                 "oversize: npu_mem.mem_size %g GiB is more than the %g GiB that %s has; such NPUs do not "
                 "exist (left out, mem_size is the board's)\n",
                 c->npu_mem_gib, c->board.size_gib, c->hardware);
    }
}

/* What the config leaves out is the data sheet's. Less than the board has is fine: a part of it (MIG). */
static ws_status resolve_npu_memory(ws_inputs *inputs, ws_instance_entry *entry, ws_instance_config *c,
                                    ws_error *err)
{
    ws_memory_config *memory = &entry->npu_mem;
    ws_json           sheet;
    WS_TRY(ws_inputs_hardware(inputs, entry->hardware, err, &sheet));
    WS_TRY(ws_board_memory_read(sheet, err, &c->board));
    memory->is_present = true;
    memory->size_gib   = memory->size_gib > 0.0 ? memory->size_gib : c->board.size_gib;
    memory->bw_gbps    = memory->bw_gbps > 0.0 ? memory->bw_gbps : c->board.bw_gbps;
    if (memory->size_gib <= 0.0 || memory->bw_gbps <= 0.0) {
        return ws_json_problem(
            npu_mem_place(entry), err,
            "expected npu_mem with mem_size and mem_bw, because no data sheet hardware/%s.json "
            "says them, found %s",
            entry->hardware,
            memory->size_gib > 0.0  ? "mem_size only"
            : memory->bw_gbps > 0.0 ? "mem_bw only"
                                    : "neither");
    }
    c->npu_mem_gib   = memory->size_gib;
    c->mem_gbps      = memory->bw_gbps;
    c->npu_mem_gbps  = (int64_t)memory->bw_gbps;
    c->npu_mem_bytes = (int64_t)(memory->size_gib * (double)WS_BYTES_PER_GIB);
    c->is_oversize   = c->board.size_gib > 0.0 && memory->size_gib > c->board.size_gib;
    return WS_OK;
}

/* Source: vLLM, vllm/config/model.py, _get_and_verify_max_len: more than the model has positions is refused.
 */
static ws_status resolve_model_len(const ws_scenario *s, const ws_instance_entry *entry,
                                   ws_instance_config *c, ws_error *err)
{
    const int64_t positions = c->model->max_position_embeddings, wanted = c->options.max_model_len;
    if (wanted > positions) {
        return ws_json_problem(entry->json, err,
                               "expected max_model_len of at most %" PRId64
                               ", the max_position_embeddings of %s, found %" PRId64,
                               positions, c->model->name, wanted);
    }
    c->max_model_len = wanted > 0 ? wanted : s->fidelity == WS_FIDELITY_REFERENCE ? INT32_MAX : positions;
    return WS_OK;
}

static ws_status resolve_instance(ws_inputs *inputs, ws_scenario *s, ws_instance_entry *entry,
                                  ws_instance_config *c, ws_error *err)
{
    c->options  = s->options;
    c->role     = role_of(entry->pd_type);
    c->hardware = arena_string(&s->arena, entry->hardware);
    if (c->hardware == NULL) {
        return WS_ERR_NOMEM;
    }
    WS_TRY(apply_overrides(entry, &c->options, err));
    WS_TRY(ws_inputs_model(inputs, entry->model_name, ws_json_member(entry->json, "model_name"), err,
                           &c->model));
    WS_TRY(ws_parallelism_resolve(entry, c->model, s->fidelity, err));
    if (s->fidelity == WS_FIDELITY_PHYSICAL) {
        WS_TRY(ws_inputs_model_on_ranks(inputs, c->model, entry->tp_size, &c->model));
    }
    c->num_npus          = entry->num_npus;
    c->tp_size           = entry->tp_size;
    c->pp_size           = entry->pp_size;
    c->n_npu_ids         = c->role == WS_ROLE_PREFILL ? 2 * c->num_npus : c->num_npus;
    const int64_t budget = c->options.max_num_batched_tokens, limit = c->model->max_position_embeddings;
    c->token_budget = budget == 0 || budget > limit ? limit : budget;
    WS_TRY(resolve_model_len(s, entry, c, err));
    WS_TRY(check_offloading(entry, c, err));
    WS_TRY(ws_placement_read(entry->placement, &s->arena, c->model, c->node, s->n_cxl_devices, err,
                             &c->placement));
    const ws_status memory = resolve_npu_memory(inputs, entry, c, err);
    WS_TRY(load_cost(inputs, s, ws_json_member(entry->json, "hardware"), c, err)); /* knows tags, by name */
    WS_TRY(memory);
    note_size(s, c);
    note_bandwidth(s, c);
    return WS_OK;
}

/* ---- memory of its NPUs ---- */

/* What one NPU of a stage holds. */
typedef struct stage_memory {
    int64_t weight_bytes, kv_bytes_per_token;
} stage_memory;

/* The reference has one kind of NPU, whatever its stage (docs/model/serving.md 5.2). */
static stage_memory reference_memory(const ws_instance_config *c)
{
    const int64_t kv_bytes = ws_model_kv_bytes_per_token(c->model, c->kv_element_bytes) / c->num_npus;
    return (stage_memory){.weight_bytes       = ws_model_rank_weight_bytes(c->model, c->tp_size, c->pp_size,
                                                                           c->ep_total, c->element_bytes),
                          .kv_bytes_per_token = kv_bytes < 1 ? 1 : kv_bytes}; /* more NPUs than bytes */
}

static stage_memory stage_memory_of(const ws_instance_config *c, int64_t stage)
{
    const int64_t n_blocks = ws_stage_n_blocks(c->model->n_layers, c->pp_size, stage);
    const int64_t kv_bytes = ws_model_kv_bytes_per_token(c->model, c->kv_element_bytes) / c->model->n_layers;
    return (stage_memory){.weight_bytes       = ws_model_stage_weight_bytes(c->model, c->tp_size, n_blocks,
                                                                            stage == 0, stage == c->pp_size - 1,
                                                                            c->ep_total, c->element_bytes),
                          .kv_bytes_per_token = kv_bytes * n_blocks / c->tp_size};
}

static ws_status explain_lack_of_memory(const ws_instance_entry *entry, const ws_instance_config *c,
                                        const stage_memory *memory, int64_t requested, ws_error *err)
{
    char         where[512];
    const double block_bytes = (double)(memory->kv_bytes_per_token * c->options.block_size);
    (void)ws_json_pointer(entry->json, where, sizeof(where));
    return ws_error_add(
        err, WS_ERR_INFEASIBLE,
        "instance %d (%s): %s needs %.2f GiB of weights per NPU and %.2f GiB for one KV block, but only "
        "%.2f GiB of %.2f GiB may be used",
        c->index, where, c->model->name, (double)memory->weight_bytes / (double)WS_BYTES_PER_GIB,
        block_bytes / (double)WS_BYTES_PER_GIB, (double)requested / (double)WS_BYTES_PER_GIB,
        (double)c->npu_mem_bytes / (double)WS_BYTES_PER_GIB);
}

/* KV blocks that fit beside the weights on every NPU: the fullest stage decides. Needs ep_total. */
static ws_status size_kv_cache(const ws_instance_entry *entry, bool is_reference, ws_instance_config *c,
                               ws_error *err)
{
    const int64_t requested = (int64_t)((double)c->npu_mem_bytes * c->options.npu_memory_utilization);
    const int64_t n_stages = is_reference ? 1 : c->pp_size, n_npus = c->num_npus / n_stages;
    c->n_blocks = INT32_MAX - 2;
    for (int64_t stage = 0; stage < n_stages; stage++) {
        const stage_memory memory      = is_reference ? reference_memory(c) : stage_memory_of(c, stage);
        const int64_t      block_bytes = memory.kv_bytes_per_token * c->options.block_size;
        if (memory.weight_bytes > c->npu_mem_bytes || requested - memory.weight_bytes < block_bytes) {
            return explain_lack_of_memory(entry, c, &memory, requested, err);
        }
        c->n_blocks           = ws_min_i64(c->n_blocks, (requested - memory.weight_bytes) / block_bytes);
        c->weight_bytes       = ws_max_i64(c->weight_bytes, memory.weight_bytes);
        c->kv_bytes_per_token = ws_max_i64(c->kv_bytes_per_token, memory.kv_bytes_per_token);
        c->weight_total_bytes += memory.weight_bytes * n_npus;
        c->kv_total_bytes_per_token += memory.kv_bytes_per_token * n_npus;
    }
    return WS_OK;
}

/* ---- power ---- */

static ws_status read_npu_power(ws_inputs *inputs, ws_scenario *s, const ws_node_entry *node,
                                ws_instance_config *c, double bare_unit_s, ws_strbuf *notes, ws_error *err)
{
    const ws_json npu   = ws_json_member(node->power, "npu");
    ws_json       entry = ws_json_member(npu, c->hardware);
    if (entry.item == NULL) {
        ws_json sheet;
        WS_TRY(ws_inputs_hardware(inputs, c->hardware, err, &sheet));
        entry = ws_json_member(sheet, "power");
        if (entry.item == NULL) {
            return ws_json_problem(
                npu, err,
                "expected an entry \"%s\", the hardware of instance %d; no data sheet has one "
                "either",
                c->hardware, c->index);
        }
        ws_strbuf_printf(&s->notes, "power.npu has no entry %s: using the one of hardware/%s.json\n",
                         c->hardware, c->hardware);
    }
    return ws_npu_power_read(entry, bare_unit_s, notes, err, &c->npu_power);
}

static bool reads_standby_in_seconds(const ws_scenario *s)
{
    return s->options.standby_unit == WS_STANDBY_UNIT_S ||
           (s->options.standby_unit == WS_STANDBY_UNIT_AUTO && s->fidelity == WS_FIDELITY_REFERENCE);
}

/* Under reference fidelity one node without a power block turns power off everywhere
 * (docs/model/serving.md 1.2).
 */
static size_t n_power_blocks(const ws_cluster_config *cluster)
{
    size_t n_with = 0;
    for (size_t i = 0; i < cluster->n_nodes; i++) {
        n_with += cluster->nodes[i].power.item != NULL;
    }
    return n_with;
}

static bool tracks_power(const ws_scenario *s, const ws_cluster_config *cluster)
{
    const size_t n_with = n_power_blocks(cluster);
    return s->fidelity == WS_FIDELITY_REFERENCE ? n_with == cluster->n_nodes : n_with > 0;
}

static ws_status resolve_power(ws_inputs *inputs, ws_scenario *s, const ws_cluster_config *cluster,
                               ws_error *err)
{
    const double bare_unit_s = reads_standby_in_seconds(s) ? 1.0 : WS_S_PER_NS;
    ws_strbuf    standby     = WS_STRBUF_INIT; /* one note, however many entries */
    ws_status    status      = WS_OK;
    s->has_power             = tracks_power(s, cluster);
    if (!s->has_power && n_power_blocks(cluster) > 0) {
        ws_strbuf_puts(&s->notes,
                       "reference fidelity tracks power only where every node has a power block: not here\n");
    }
    for (size_t i = 0; s->has_power && i < cluster->n_nodes; i++) {
        const ws_node_entry *node = &cluster->nodes[i];
        if (node->power.item == NULL) {
            ws_strbuf_printf(&s->notes, "node %zu has no power block: its power is not tracked\n", i);
            continue;
        }
        const ws_status read =
            ws_node_power_read(node->power, node->cpu_mem.size_gib, s->has_pim, err, &s->nodes[i].power);
        status = status != WS_OK ? status : read;
        if (s->has_pim) { /* the PIM device describes the DIMMs (docs/model/serving.md 1.5) */
            s->nodes[i].power.dram_idle_w = s->nodes[i].pim.idle_w * (double)s->nodes[i].n_channels;
        }
        for (size_t k = 0; k < s->n_instances; k++) {
            if (s->instances[k].node == (int32_t)i) {
                const ws_status npu =
                    read_npu_power(inputs, s, node, &s->instances[k], bare_unit_s, &standby, err);
                status = status != WS_OK ? status : npu;
            }
        }
    }
    ws_strbuf_puts(&s->notes, ws_strbuf_text(&standby));
    ws_strbuf_fini(&standby);
    return status;
}

/* ---- the whole ---- */

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
        const ws_status resolved = resolve_instance(inputs, s, entries[i], &s->instances[i], err);
        status                   = status != WS_OK ? status : resolved;
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
        note_experts(s, entries[i], c);
        const ws_status sized = size_kv_cache(entries[i], s->fidelity == WS_FIDELITY_REFERENCE, c, err);
        s->cxl_weight_bytes += (double)ws_placement_cxl_bytes(&c->placement, c->model, c->tp_size,
                                                              c->ep_total, c->element_bytes);
        status = status != WS_OK ? status : sized;
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
        const ws_status read = read_node_pim(inputs, &cluster->nodes[i], &s->nodes[i], err);
        status               = status != WS_OK ? status : read;
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
    WS_TRY(resolve_power(inputs, s, &cluster, err));
    return ws_power_caps_apply(inputs, s, &cluster, err);
}

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

/* ---- second KV tier (docs/model/serving.md 5.6) ---- */

enum { CHUNK_TOKENS = 256 };

static bool shares_tier(const ws_scenario *s, const ws_tier_config *tier, const ws_instance_config *c)
{
    const bool is_cxl = s->options.prefix_storage == WS_PREFIX_STORAGE_CXL;
    return s->options.enable_prefix_sharing && (is_cxl || tier->node == c->node);
}

static ws_status add_tier(ws_scenario *s, ws_instance_config *c, ws_error *err)
{
    const bool     is_cxl    = s->options.prefix_storage == WS_PREFIX_STORAGE_CXL;
    const int64_t  block     = c->options.block_size;
    const int64_t  tokens    = CHUNK_TOKENS / block * block > block ? CHUNK_TOKENS / block * block : block;
    const int64_t  whole     = ws_model_kv_bytes_per_token(c->model, c->kv_element_bytes);
    const int64_t  per_token = s->options.enable_prefix_sharing ? whole : c->kv_total_bytes_per_token;
    const double   size_gib  = is_cxl ? s->cxl_mem_gib : s->nodes[c->node].cpu_mem_gib;
    ws_tier_config tier      = {.chunk_tokens = (int32_t)tokens,
                                .block_size   = (int32_t)block,
                                .chunk_bytes  = per_token * tokens,
                                .node         = is_cxl ? WS_NO_NODE : c->node};
    tier.n_chunks            = (int64_t)(size_gib * (double)WS_BYTES_PER_GIB / (double)tier.chunk_bytes);
    if (tier.n_chunks < 1) {
        return ws_error_add(err, WS_ERR_INFEASIBLE,
                            "instance %d: the second KV tier of %g GiB holds no chunk of %" PRId64
                            " tokens (%" PRId64 " bytes)",
                            c->index, size_gib, tokens, tier.chunk_bytes);
    }
    tier.n_chunks          = tier.n_chunks < INT32_MAX - 1 ? tier.n_chunks : INT32_MAX - 2;
    c->tier                = (int32_t)s->n_tiers;
    s->tiers[s->n_tiers++] = tier;
    return WS_OK;
}

static ws_status check_shared_tier(const ws_instance_config *first, const ws_instance_config *c,
                                   ws_error *err)
{
    if (first->model != c->model || first->element_bytes != c->element_bytes ||
        first->kv_element_bytes != c->kv_element_bytes ||
        first->options.block_size != c->options.block_size ||
        c->kv_total_bytes_per_token != first->kv_total_bytes_per_token) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "instances %d and %d: a shared second KV tier expects the same model, dtype, "
                            "kv_cache_dtype, block_size and KV bytes per token",
                            first->index, c->index);
    }
    return WS_OK;
}

static ws_status resolve_tiers(ws_scenario *s, ws_error *err)
{
    s->tiers = ws_arena_calloc(&s->arena, s->n_instances, sizeof(*s->tiers));
    if (s->tiers == NULL) {
        return WS_ERR_NOMEM;
    }
    if (s->options.prefix_storage == WS_PREFIX_STORAGE_CXL && !s->has_cxl) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "prefix_storage: expected a cxl_mem in the cluster config for CXL");
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        c->tier               = WS_NO_TIER;
        if (s->options.prefix_storage == WS_PREFIX_STORAGE_NONE || !c->options.enable_prefix_caching) {
            continue;
        }
        for (size_t k = 0; k < i && c->tier == WS_NO_TIER; k++) {
            const ws_instance_config *other = &s->instances[k];
            if (other->tier != WS_NO_TIER && shares_tier(s, &s->tiers[other->tier], c)) {
                WS_TRY(check_shared_tier(other, c, err));
                c->tier = other->tier;
            }
        }
        if (c->tier == WS_NO_TIER) {
            WS_TRY(add_tier(s, c, err));
        }
    }
    return WS_OK;
}

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

/* The nearest: 1.003 s times 1e9 falls short of 1003000000. */
static int64_t interval_ns(double seconds)
{
    const double ns = seconds * (double)WS_NS_PER_S;
    return ns < 1.0 ? 1 : (int64_t)llround(ns);
}

/* ---- the longest requests ---- */

/* The last token of an answer needs no slot of the KV cache; one that comes from prefill brings a slot for
 * the next. The reference does not look ahead (docs/model/serving.md 10.2). */
static void limit_instance(const ws_scenario *s, ws_instance_config *c)
{
    const bool    looks_ahead = s->fidelity == WS_FIDELITY_PHYSICAL;
    const int64_t kv_tokens   = looks_ahead ? c->n_blocks * c->options.block_size : INT32_MAX;
    const bool    is_decode   = c->role == WS_ROLE_DECODE;
    c->max_prompt_tokens      = ws_min_i64(c->max_model_len, is_decode ? kv_tokens - 1 : kv_tokens);
    if (looks_ahead && !c->options.enable_chunked_prefill && !is_decode) {
        c->max_prompt_tokens = ws_min_i64(c->max_prompt_tokens, c->token_budget);
    }
    c->max_total_tokens =
        c->role == WS_ROLE_PREFILL ? INT32_MAX : ws_min_i64(c->max_model_len, kv_tokens + 1);
}

/* Who prefills serves what some decode instance can take over. */
static void limit_requests(ws_scenario *s)
{
    int64_t prompt = 0, total = 0;
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        limit_instance(s, c);
        if (c->role == WS_ROLE_DECODE) {
            prompt = c->max_prompt_tokens > prompt ? c->max_prompt_tokens : prompt;
            total  = c->max_total_tokens > total ? c->max_total_tokens : total;
        }
    }
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        if (c->role == WS_ROLE_PREFILL) {
            c->max_prompt_tokens = ws_min_i64(c->max_prompt_tokens, prompt);
            c->max_total_tokens  = ws_min_i64(c->max_total_tokens, total);
        }
    }
}

/* What has no meaning on instances that only prefill. */
static ws_status check_hand_offs(const ws_scenario *s, ws_error *err)
{
    const ws_instance_config *prefill = NULL;
    for (size_t i = 0; i < s->n_instances && prefill == NULL; i++) {
        prefill = s->instances[i].role == WS_ROLE_PREFILL ? &s->instances[i] : NULL;
    }
    if (prefill == NULL) {
        return WS_OK;
    }
    if (s->options.skip_prefill) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "skip_prefill: expected no prefill instance, found instance %d with pd_type "
                            "prefill: a prompt without its mark would never leave it",
                            prefill->index);
    }
    for (size_t i = 0; s->fidelity == WS_FIDELITY_REFERENCE && i < s->workload->n_requests; i++) {
        const ws_workload_request *r = &s->workload->requests[i];
        if (r->target_tokens <= r->input_tokens) {
            return ws_error_add(err, WS_ERR_INPUT,
                                "request %zu: expected output_toks of at least 1, found 0: with reference "
                                "fidelity prefill instance %d would finish it and hand it on as well",
                                i, prefill->index);
        }
    }
    return WS_OK;
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
    WS_TRY(check_hand_offs(s, err));
    limit_requests(s);
    WS_TRY(number_prefixes(inputs, s));
    WS_TRY(resolve_tiers(s, err));
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
    s->inputs              = inputs;
    const ws_status status = resolve(inputs, s, request, err);
    if (status != WS_OK) {
        ws_scenario_destroy(&s);
        return status;
    }
    *scenario_out = s;
    return WS_OK;
}

void ws_scenario_destroy(ws_scenario **scenario)
{
    if (*scenario != NULL) {
        ws_inputs_release((*scenario)->inputs, (*scenario)->workload);
        ws_power_caps_release(*scenario);
        ws_strbuf_fini(&(*scenario)->notes);
        ws_arena_fini(&(*scenario)->arena);
    }
    free(*scenario);
    *scenario = NULL;
}
