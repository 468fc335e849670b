#include "scenario/instance.h"

#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "scenario/parallelism.h"
#include "scenario/scenario_notes.h"

static char *arena_string(ws_arena *arena, const char *text)
{
    const size_t len  = strlen(text) + 1;
    char        *copy = ws_arena_alloc(arena, len, 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
    }
    return copy;
}

/* ---- what the config says ---- */

static ws_status apply_overrides(const ws_instance_entry *entry, ws_options *options, ws_error *err)
{
    size_t           n      = 0;
    const ws_option *table  = ws_option_table(&n);
    ws_status        status = WS_OK;
    for (size_t i = 0; i < n; i++) {
        const ws_json value = entry->overrides[i];
        if (value.item != NULL && ws_json_kind_of(value) != WS_JSON_NULL) {
            status = ws_status_worse(status, ws_option_set_json(options, &table[i], value, err));
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

/* A checkpoint kept in 32 bits is not served in them: engines take bfloat16 then.
 * Source: vLLM, vllm/config/model.py, _resolve_auto_dtype ("Downcast for float32 models"). */
static ws_dtype downcast_float32(ws_scenario *s, const ws_model *model)
{
    ws_scenario_note(s,
                     "%.300s has torch_dtype float32: simulated as bfloat16, as serving engines run it; "
                     "--dtype float32 keeps 32 bits\n",
                     model->name);
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

/* ---- its profile ---- */

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
        ws_scenario_note(
            s,
            "%s: the roofline's memory traffic takes the time of mem_bw %g GB/s, not of the %g GB/s of "
            "its data "
            "sheet%s\n",
            c->hardware, c->mem_gbps, c->board.bw_gbps, more);
    } else {
        ws_scenario_note(
            s,
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
        ws_scenario_note(
            s,
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
    c->max_model_len = wanted;
    if (wanted == 0) {
        c->max_model_len = s->fidelity == WS_FIDELITY_REFERENCE ? INT32_MAX : positions;
    }
    return WS_OK;
}

ws_status ws_instance_resolve(ws_inputs *inputs, ws_scenario *s, ws_instance_entry *entry,
                              ws_instance_config *c, ws_error *err)
{
    c->options  = s->options;
    c->role     = role_of(entry->pd_type);
    c->hardware = arena_string(&s->arena, entry->hardware);
    if (c->hardware == NULL) {
        return WS_ERR_NOMEM;
    }
    WS_TRY(apply_overrides(entry, &c->options, err));
    const ws_model_choice choice = {.name         = entry->model_name,
                                    .approximate  = c->options.approximate_model,
                                    .as_reference = s->fidelity == WS_FIDELITY_REFERENCE};
    WS_TRY(ws_inputs_model(inputs, &choice, ws_json_member(entry->json, "model_name"), &s->notes, err,
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
    const ws_placement_site site = {.model = c->model, .node = c->node, .n_cxl_devices = s->n_cxl_devices};
    WS_TRY(ws_placement_read(entry->placement, &s->arena, &site, err, &c->placement));
    const ws_status memory = resolve_npu_memory(inputs, entry, c, err);
    WS_TRY(load_cost(inputs, s, ws_json_member(entry->json, "hardware"), c, err)); /* knows tags, by name */
    WS_TRY(memory);
    note_size(s, c);
    note_bandwidth(s, c);
    return WS_OK;
}

void ws_instance_note_experts(ws_scenario *s, const ws_instance_entry *entry, const ws_instance_config *c)
{
    if (!c->model->is_moe && entry->ep_size > 1) {
        ws_scenario_note(s, "ep_size %" PRId64 " changes nothing: %s is no mixture of experts\n",
                         entry->ep_size, c->model->name);
    } else if (c->model->is_moe && c->local_ep < c->tp_size) {
        ws_scenario_note(s,
                         "%s: %" PRId64 " of the %" PRId64
                         " ranks of an instance hold experts (ep_size); serving engines "
                         "spread them over all\n",
                         c->model->name, c->local_ep, c->tp_size);
    }
}
