/* Batches block by block: a group is walked, and all its ends known, as soon as every member has its batch.
 */
#include "timing/executor_ops.h"

static ws_status init(ws_executor *x, int64_t widest)
{
    const size_t n = x->scenario->n_instances;
    x->members     = ws_arena_calloc(x->arena, n, sizeof(*x->members));
    x->locks       = ws_arena_calloc(x->arena, n, sizeof(*x->locks));
    if (x->members == NULL || x->locks == NULL) {
        return WS_ERR_NOMEM;
    }
    WS_TRY(ws_op_list_builder_init(&x->builder, x->arena, x->scenario));
    return ws_lockstep_space_init(&x->space, x->arena, (int64_t)n * widest);
}

static ws_status init_instance(ws_executor *x, ws_executor_instance *instance, size_t n_slots)
{
    const ws_instance_config *c = instance->config;
    instance->lock.config       = c;
    instance->lock.free_ns      = ws_arena_calloc(x->arena, (size_t)c->num_npus, sizeof(int64_t));
    instance->end_ns            = ws_arena_calloc(x->arena, n_slots, sizeof(*instance->end_ns));
    if (instance->lock.free_ns == NULL || instance->end_ns == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t k = 0; k < n_slots; k++) {
        ws_prepared *prepared = &instance->prepared[k];
        WS_TRY(ws_lockstep_batch_init(&prepared->lock, x->arena, c));
        prepared->report.npus = prepared->lock.npus;
    }
    return WS_OK;
}

static WS_HOT ws_status prepare(ws_executor *x, ws_executor_instance *instance, ws_prepared *prepared,
                                const ws_batch *batch, int64_t group_tokens, int64_t now_ns)
{
    (void)now_ns;
    ws_lockstep_batch_prepare(&prepared->lock, &x->builder, instance->config, batch, group_tokens,
                              &prepared->report);
    return WS_OK;
}

static bool walks_with(const ws_executor_instance *a, const ws_executor_instance *b)
{
    return a == b || (a->config->dp_group != WS_NO_GROUP && a->config->dp_group == b->config->dp_group);
}

static void expect_end(ws_executor_instance *instance, const ws_lockstep_batch *lock)
{
    const size_t capacity  = ws_scheduler_n_slots(instance->config->pp_size);
    instance->start_end_ns = lock->start_end_ns;
    instance->is_launched  = false;
    if (ws_executor_has_end(instance)) {
        WS_ASSERT(instance->n_ends < capacity);
        instance->end_ns[(instance->end_first + instance->n_ends++) % capacity] = lock->end_end_ns;
        instance->end.is_busy                                                   = true;
    }
}

static WS_HOT ws_status start(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns)
{
    size_t n_members      = 0;
    instance->launched    = slot;
    instance->is_launched = true;
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        ws_executor_instance *member = &x->instances[i];
        if (!walks_with(instance, member)) {
            continue;
        }
        if (!member->is_launched) {
            return WS_OK;
        }
        x->members[n_members] = &member->lock;
        x->locks[n_members++] = &member->prepared[member->launched].lock;
    }
    ws_lockstep_walk(&x->space, x->members, x->locks, n_members, now_ns);
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        if (walks_with(instance, &x->instances[i])) {
            expect_end(&x->instances[i], &x->instances[i].prepared[x->instances[i].launched].lock);
        }
    }
    return WS_OK;
}

static ws_status join(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns)
{
    (void)x, (void)instance, (void)slot, (void)now_ns; /* its end is known since the group was walked */
    return WS_OK;
}

static WS_HOT int64_t next_ns_of(const ws_executor *x, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        const ws_executor_instance *instance = &x->instances[i];
        if (instance->start.is_busy) {
            ws__executor_note_event(&next_ns, instance->start_end_ns, now_ns);
        }
        if (instance->n_ends > 0) {
            ws__executor_note_event(&next_ns, instance->end_ns[instance->end_first], now_ns);
        }
    }
    return next_ns;
}

static void end_programs(ws_executor *x, ws_executor_instance *instance, int64_t now_ns)
{
    const size_t capacity = ws_scheduler_n_slots(instance->config->pp_size);
    if (instance->start.is_busy && instance->start_end_ns <= now_ns) {
        ws__executor_end_program(x, &instance->start);
    }
    while (instance->n_ends > 0 && instance->end_ns[instance->end_first] <= now_ns) {
        instance->end_first = (instance->end_first + 1) % capacity;
        instance->n_ends--;
        ws__executor_end_program(x, &instance->end);
        instance->end.is_busy = instance->n_ends > 0;
    }
}

static WS_HOT ws_status run_tick(ws_executor *x, int64_t now_ns)
{
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        end_programs(x, &x->instances[i], now_ns);
    }
    return WS_OK;
}

static ws_status drain(ws_executor *x, int64_t now_ns, int64_t *end_ns_out)
{
    *end_ns_out = now_ns;
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        const ws_executor_instance *instance = &x->instances[i];
        for (int64_t npu = 0; npu < instance->config->num_npus; npu++) {
            const int64_t last_ns = instance->lock.free_ns[npu];
            *end_ns_out           = last_ns > *end_ns_out ? last_ns : *end_ns_out;
        }
    }
    return WS_OK;
}

const ws_executor_ops ws__executor_lockstep = {.init          = init,
                                               .init_instance = init_instance,
                                               .prepare       = prepare,
                                               .start         = start,
                                               .join          = join,
                                               .next_ns       = next_ns_of,
                                               .run_tick      = run_tick,
                                               .drain         = drain};
