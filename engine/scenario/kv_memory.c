#include "scenario/kv_memory.h"

#include "base/minmax.h"
#include "base/units.h"
#include "scenario/parallelism.h"

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
    const ws_model_stage held = {.n_blocks = ws_stage_n_blocks(c->model->n_layers, c->pp_size, stage),
                                 .is_first = stage == 0,
                                 .is_last  = stage == c->pp_size - 1,
                                 .tp       = c->tp_size,
                                 .ep_total = c->ep_total};
    const int64_t kv_bytes = ws_model_kv_bytes_per_token(c->model, c->kv_element_bytes) / c->model->n_layers;
    return (stage_memory){.weight_bytes = ws_model_stage_weight_bytes(c->model, &held, c->element_bytes),
                          .kv_bytes_per_token = kv_bytes * held.n_blocks / c->tp_size};
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

ws_status ws_kv_memory_size(const ws_instance_entry *entry, ws_fidelity fidelity, ws_instance_config *c,
                            ws_error *err)
{
    const bool    is_reference = fidelity == WS_FIDELITY_REFERENCE;
    const int64_t requested    = (int64_t)((double)c->npu_mem_bytes * c->options.npu_memory_utilization);
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
