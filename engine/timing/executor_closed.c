/* Batches in closed form: all times of one are known when it is formed. */
#include "timing/executor_ops.h"

static ws_status init(ws_executor *x, int64_t widest)
{
    x->scratch = ws_arena_alloc(x->arena, 2 * (size_t)widest, sizeof(*x->scratch));
    return x->scratch != NULL ? WS_OK : WS_ERR_NOMEM;
}

static ws_status init_instance(ws_executor *x, ws_executor_instance *instance, size_t n_slots)
{
    (void)x;
    for (size_t k = 0; k < n_slots; k++) {
        instance->prepared[k].report.step = &instance->step;
    }
    return WS_OK;
}

static WS_HOT ws_status prepare(ws_executor *x, ws_executor_instance *instance, ws_prepared *prepared,
                                const ws_batch *batch, int64_t group_tokens, int64_t now_ns)
{
    ws_step *step = &instance->step;
    (void)group_tokens;
    ws_step_time(instance->config, batch, now_ns, instance->tail_ns, x->scratch, step);
    instance->tail_ns     = step->tail_ns;
    const double tp       = (double)instance->config->tp_size;
    prepared->report.work = (ws_batch_work){
        .act_ns     = step->compute_ns,
        .io_bytes   = (double)(step->input_bytes + step->output_bytes),
        .link_bytes = (double)step->n_collectives * 2.0 * (tp - 1.0) * ((double)step->collective_bytes / tp),
    };
    ws_batch_work_add_kv(x->scenario, instance->config, batch, &prepared->report.work);
    prepared->report.extrapolates = step->extrapolates;
    return WS_OK;
}

static ws_status start(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns)
{
    (void)x, (void)instance, (void)slot, (void)now_ns; /* its ends are known since it was prepared */
    return WS_OK;
}

static ws_status join(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns)
{
    (void)x, (void)slot, (void)now_ns;
    instance->end.is_busy = true;
    return WS_OK;
}

/* The next program end of an instance, or the moment its end NPU asks for the program. */
static void note_events(const ws_executor_instance *instance, int64_t now_ns, int64_t *next_ns)
{
    if (instance->start.is_busy) {
        if (ws_executor_has_end(instance) && !instance->end.is_busy) {
            ws__executor_note_event(next_ns, instance->step.first_load_ns, now_ns);
        }
        ws__executor_note_event(next_ns, instance->step.start_end_ns, now_ns);
    }
    if (instance->end.is_busy) {
        ws__executor_note_event(next_ns, instance->step.end_end_ns, now_ns);
    }
}

static WS_HOT int64_t next_ns_of(const ws_executor *x, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        note_events(&x->instances[i], now_ns, &next_ns);
    }
    return next_ns;
}

static WS_HOT ws_status run_tick(ws_executor *x, int64_t now_ns)
{
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        ws_executor_instance *instance = &x->instances[i];
        if (instance->start.is_busy && instance->step.start_end_ns <= now_ns) {
            ws__executor_end_program(x, &instance->start);
        }
        if (instance->end.is_busy && instance->step.end_end_ns <= now_ns) {
            ws__executor_end_program(x, &instance->end);
        }
    }
    return WS_OK;
}

static ws_status drain(ws_executor *x, int64_t now_ns, int64_t *end_ns_out)
{
    *end_ns_out = now_ns;
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        const int64_t last_ns = x->instances[i].tail_ns; /* every program ends with a store */
        *end_ns_out           = last_ns > *end_ns_out ? last_ns : *end_ns_out;
    }
    return WS_OK;
}

const ws_executor_ops ws__executor_closed = {.init          = init,
                                             .init_instance = init_instance,
                                             .prepare       = prepare,
                                             .start         = start,
                                             .join          = join,
                                             .next_ns       = next_ns_of,
                                             .run_tick      = run_tick,
                                             .drain         = drain};
