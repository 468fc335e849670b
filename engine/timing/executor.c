#include "timing/executor.h"

#include "timing/executor_ops.h"

static const ws_executor_ops *const ways[] = {[WS_STEP_CLOSED]   = &ws__executor_closed,
                                              [WS_STEP_LOCKSTEP] = &ws__executor_lockstep,
                                              [WS_STEP_EVENTS]   = &ws__executor_events};

/* ---- set-up ---- */

static ws_status init_instance(ws_executor *x, size_t i)
{
    const ws_instance_config *c        = &x->scenario->instances[i];
    ws_executor_instance     *instance = &x->instances[i];
    const size_t              n_slots  = ws_scheduler_n_slots(c->pp_size);
    instance->config                   = c;
    instance->prepared                 = ws_arena_calloc(x->arena, n_slots, sizeof(*instance->prepared));
    if (instance->prepared == NULL) {
        return WS_ERR_NOMEM;
    }
    for (int64_t id = 0; id < c->n_npu_ids; id++) {
        x->instance_of_npu[c->first_npu + id] = (int32_t)i;
    }
    return x->ops->init_instance(x, instance, n_slots);
}

ws_status ws_executor_init(ws_executor *x, ws_arena *arena, const ws_scenario *scenario, ws_kernel_hook hook)
{
    int64_t widest = 1;
    *x = (ws_executor){.scenario = scenario, .arena = arena, .ops = ways[scenario->step_model], .hook = hook};
    for (size_t i = 0; i < scenario->n_instances; i++) {
        const ws_instance_config *c = &scenario->instances[i];
        widest                      = c->tp_size > widest ? c->tp_size : widest;
        x->n_npu_ids += c->n_npu_ids;
    }
    x->instances       = ws_arena_calloc(arena, scenario->n_instances, sizeof(*x->instances));
    x->instance_of_npu = ws_arena_alloc(arena, (size_t)x->n_npu_ids, sizeof(*x->instance_of_npu));
    if (x->instances == NULL || x->instance_of_npu == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < scenario->n_instances; i++) {
        WS_TRY(init_instance(x, i));
    }
    return x->ops->init(x, widest);
}

/* ---- batches ---- */

WS_HOT ws_status ws_executor_prepare(ws_executor *x, size_t i, size_t slot, const ws_batch *batch,
                                     int64_t group_tokens, int64_t now_ns)
{
    ws_prepared *prepared  = &x->instances[i].prepared[slot];
    prepared->start_has_it = prepared->end_has_it = false;
    prepared->batch_plus_1                        = batch->id + 1;
    return x->ops->prepare(x, &x->instances[i], prepared, batch, group_tokens, now_ns);
}

WS_HOT ws_status ws_executor_start(ws_executor *x, size_t i, size_t slot, int64_t now_ns)
{
    ws_executor_instance *instance        = &x->instances[i];
    instance->start.is_busy               = true;
    instance->prepared[slot].start_has_it = true;
    return x->ops->start(x, instance, slot, now_ns);
}

WS_HOT ws_status ws_executor_join(ws_executor *x, size_t i, size_t slot, int64_t now_ns)
{
    x->instances[i].prepared[slot].end_has_it = true;
    return x->ops->join(x, &x->instances[i], slot, now_ns);
}

/* ---- events ---- */

WS_HOT int64_t ws_executor_next_ns(const ws_executor *x, int64_t now_ns)
{
    return x->ops->next_ns(x, now_ns);
}

WS_HOT ws_status ws_executor_run_tick(ws_executor *x, int64_t now_ns)
{
    return x->ops->run_tick(x, now_ns);
}

ws_status ws_executor_drain(ws_executor *x, int64_t now_ns, int64_t *end_ns_out)
{
    return x->ops->drain(x, now_ns, end_ns_out);
}
