/* Batches event by event: a graph per NPU, run by the event engine. */
#include "timing/executor_ops.h"

/* ---- hooks of the event engine ---- */

static void on_program_end(void *ctx, int64_t npu, int64_t batch_id, int64_t now_ns)
{
    ws_executor          *x        = ctx;
    ws_executor_instance *instance = &x->instances[x->instance_of_npu[npu]];
    const int64_t         offset   = npu - instance->config->first_npu;
    (void)batch_id;
    (void)now_ns;
    if (offset == 0) {
        ws__executor_end_program(x, &instance->start);
    } else if (offset == instance->config->n_npu_ids - 1) {
        ws__executor_end_program(x, &instance->end);
    }
}

static void on_kernel(void *ctx, int64_t npu, int64_t batch_id, bool is_start, int64_t now_ns)
{
    const ws_executor *x = ctx;
    x->hook.on_kernel(x->hook.ctx, x->instances[x->instance_of_npu[npu]].config, npu, batch_id, is_start,
                      now_ns);
}

/* ---- set-up ---- */

static ws_status init(ws_executor *x, int64_t widest)
{
    const ws_event_engine_hooks hooks = {
        .ctx = x, .on_end = on_program_end, .on_kernel = x->hook.on_kernel != NULL ? on_kernel : NULL};
    (void)widest;
    WS_TRY(ws_op_list_builder_init(&x->builder, x->arena, x->scenario));
    WS_TRY(ws_event_engine_create(x->arena, x->scenario, x->n_npu_ids, hooks, &x->engine));
    x->graphs = (ws_graph_builder){.scenario = x->scenario, .arena = x->arena, .engine = x->engine};
    return WS_OK;
}

static ws_status init_instance(ws_executor *x, ws_executor_instance *instance, size_t n_slots)
{
    for (size_t k = 0; k < n_slots; k++) {
        ws_prepared *prepared = &instance->prepared[k];
        prepared->programs =
            ws_arena_calloc(x->arena, (size_t)instance->config->n_npu_ids, sizeof(*prepared->programs));
        if (prepared->programs == NULL) {
            return WS_ERR_NOMEM;
        }
    }
    return WS_OK;
}

/* ---- batches ---- */

static ws_status prepare(ws_executor *x, ws_executor_instance *instance, ws_prepared *prepared,
                         const ws_batch *batch, int64_t group_tokens, int64_t now_ns)
{
    const ws_instance_config *c = instance->config;
    (void)now_ns;
    WS_TRY(ws_op_list_build(&x->builder, c, batch, group_tokens, &x->list));
    for (int64_t offset = 0; offset < c->n_npu_ids; offset++) {
        WS_TRY(ws_graph_build(&x->graphs, c, &x->list, batch->id, offset, &prepared->programs[offset]));
    }
    prepared->report.work         = x->list.work;
    prepared->report.extrapolates = x->list.extrapolates;
    return WS_OK;
}

static ws_status submit(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t offset,
                        int64_t now_ns)
{
    return ws_event_engine_submit(x->engine, instance->config->first_npu + offset,
                                  instance->prepared[slot].programs[offset], now_ns);
}

static ws_status start(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns)
{
    for (int64_t offset = 1; offset < instance->config->n_npu_ids - 1; offset++) {
        WS_TRY(submit(x, instance, slot, offset, now_ns));
    }
    return submit(x, instance, slot, 0, now_ns);
}

static ws_status join(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns)
{
    instance->end.is_busy = true;
    return submit(x, instance, slot, instance->config->n_npu_ids - 1, now_ns);
}

/* ---- events ---- */

static int64_t next_ns_of(const ws_executor *x, int64_t now_ns)
{
    (void)now_ns;
    return ws_event_engine_next_ns(x->engine);
}

static ws_status run_tick(ws_executor *x, int64_t now_ns)
{
    return ws_event_engine_run_tick(x->engine, now_ns);
}

static ws_status drain(ws_executor *x, int64_t now_ns, int64_t *end_ns_out)
{
    *end_ns_out = now_ns;
    while (ws_event_engine_next_ns(x->engine) != INT64_MAX) {
        *end_ns_out = ws_event_engine_next_ns(x->engine);
        WS_TRY(ws_event_engine_run_tick(x->engine, *end_ns_out));
    }
    return WS_OK;
}

const ws_executor_ops ws__executor_events = {.init          = init,
                                             .init_instance = init_instance,
                                             .prepare       = prepare,
                                             .start         = start,
                                             .join          = join,
                                             .next_ns       = next_ns_of,
                                             .run_tick      = run_tick,
                                             .drain         = drain};
