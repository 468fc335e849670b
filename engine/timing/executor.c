#include "timing/executor.h"

/* ---- hooks of the event engine ---- */

static void end_program(ws_executor *x, ws_poller *poller)
{
    poller->is_busy = false;
    poller->n_programs++;
    x->has_ended = true;
}

static void on_program_end(void *ctx, int64_t npu, int64_t batch_id, int64_t now_ns)
{
    ws_executor          *x        = ctx;
    ws_executor_instance *instance = &x->instances[x->instance_of_npu[npu]];
    const int64_t         offset   = npu - instance->config->first_npu;
    (void)batch_id;
    (void)now_ns;
    if (offset == 0) {
        end_program(x, &instance->start);
    } else if (offset == instance->config->n_npu_ids - 1) {
        end_program(x, &instance->end);
    }
}

static void on_kernel(void *ctx, int64_t npu, int64_t batch_id, bool is_start, int64_t now_ns)
{
    ws_executor              *x = ctx;
    const ws_instance_config *c = x->instances[x->instance_of_npu[npu]].config;
    if (x->power != NULL) {
        ws_accounts_note_kernel(x->power, c, npu, batch_id, is_start, now_ns);
    }
    if (x->log_power != NULL) {
        ws_accounts_note_kernel(x->log_power, c, npu, batch_id, is_start, now_ns);
    }
}

/* ---- set-up ---- */

static ws_status init_graph(ws_executor *x)
{
    const bool                  follows = x->power != NULL || x->log_power != NULL;
    const ws_event_engine_hooks hooks   = {
          .ctx = x, .on_end = on_program_end, .on_kernel = follows ? on_kernel : NULL};
    WS_TRY(ws_op_list_builder_init(&x->builder, x->arena, x->scenario));
    return ws_event_engine_create(x->arena, x->scenario, x->n_npu_ids, hooks, &x->engine);
}

static ws_status init_lock_instance(ws_executor *x, ws_executor_instance *instance, size_t n_slots)
{
    const ws_instance_config *c = instance->config;
    instance->lock.config       = c;
    instance->lock.free_ns      = ws_arena_calloc(x->arena, (size_t)c->num_npus, sizeof(int64_t));
    instance->end_ns            = ws_arena_calloc(x->arena, n_slots, sizeof(*instance->end_ns));
    if (instance->lock.free_ns == NULL || instance->end_ns == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t k = 0; k < n_slots; k++) {
        WS_TRY(ws_lockstep_batch_init(&instance->prepared[k].lock, x->arena, c));
    }
    return WS_OK;
}

static ws_status init_lockstep(ws_executor *x, int64_t widest)
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
    for (size_t k = 0; x->scenario->step_model == WS_STEP_EVENTS && k < n_slots; k++) {
        instance->prepared[k].programs =
            ws_arena_calloc(x->arena, (size_t)c->n_npu_ids, sizeof(*instance->prepared[k].programs));
        if (instance->prepared[k].programs == NULL) {
            return WS_ERR_NOMEM;
        }
    }
    for (int64_t id = 0; id < c->n_npu_ids; id++) {
        x->instance_of_npu[c->first_npu + id] = (int32_t)i;
    }
    return x->scenario->step_model == WS_STEP_LOCKSTEP ? init_lock_instance(x, instance, n_slots) : WS_OK;
}

ws_status ws_executor_init(ws_executor *x, ws_arena *arena, const ws_scenario *scenario, ws_accounts *power,
                           ws_accounts *log_power)
{
    int64_t widest = 1;
    *x = (ws_executor){.scenario = scenario, .arena = arena, .power = power, .log_power = log_power};
    for (size_t i = 0; i < scenario->n_instances; i++) {
        const ws_instance_config *c = &scenario->instances[i];
        widest                      = c->tp_size > widest ? c->tp_size : widest;
        x->n_npu_ids += c->n_npu_ids;
    }
    x->instances       = ws_arena_calloc(arena, scenario->n_instances, sizeof(*x->instances));
    x->instance_of_npu = ws_arena_alloc(arena, (size_t)x->n_npu_ids, sizeof(*x->instance_of_npu));
    x->scratch         = ws_arena_alloc(arena, 2 * (size_t)widest, sizeof(*x->scratch));
    if (x->instances == NULL || x->instance_of_npu == NULL || x->scratch == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < scenario->n_instances; i++) {
        WS_TRY(init_instance(x, i));
    }
    switch (scenario->step_model) {
    case WS_STEP_EVENTS:
        return init_graph(x);
    case WS_STEP_LOCKSTEP:
        return init_lockstep(x, widest);
    case WS_STEP_CLOSED:
        break;
    }
    return WS_OK;
}

/* ---- preparing ---- */

static ws_status prepare_graphs(ws_executor *x, ws_executor_instance *instance, ws_prepared *prepared,
                                const ws_batch *batch, int64_t group_tokens, bool *extrapolates_out)
{
    const ws_instance_config *c = instance->config;
    WS_TRY(ws_op_list_build(&x->builder, x->scenario, c, batch, group_tokens, &x->ops));
    for (int64_t offset = 0; offset < c->n_npu_ids; offset++) {
        WS_TRY(ws_graph_build(x->engine, &x->lists, x->arena, x->scenario, c, &x->ops, batch->id, offset,
                              &prepared->programs[offset]));
    }
    prepared->energy  = x->ops.energy;
    *extrapolates_out = x->ops.extrapolates;
    return WS_OK;
}

static void prepare_step(ws_executor *x, ws_executor_instance *instance, ws_prepared *prepared,
                         const ws_batch *batch, int64_t now_ns, bool *extrapolates_out)
{
    ws_step *step = &instance->step;
    ws_step_time(instance->config, batch, now_ns, instance->tail_ns, x->scratch, step);
    instance->tail_ns = step->tail_ns;
    const double tp   = (double)instance->config->tp_size;
    prepared->energy  = (ws_batch_work){
         .act_ns     = step->compute_ns,
         .io_bytes   = (double)(step->input_bytes + step->output_bytes),
         .link_bytes = (double)step->n_collectives * 2.0 * (tp - 1.0) * ((double)step->collective_bytes / tp),
    };
    ws_batch_work_add_kv(x->scenario, instance->config, batch, &prepared->energy);
    *extrapolates_out = step->extrapolates;
}

WS_HOT ws_status ws_executor_prepare(ws_executor *x, size_t i, size_t slot, const ws_batch *batch,
                                     int64_t group_tokens, int64_t now_ns, bool *extrapolates_out)
{
    ws_executor_instance *instance = &x->instances[i];
    ws_prepared          *prepared = &instance->prepared[slot];
    prepared->start_has_it = prepared->end_has_it = false;
    prepared->batch_plus_1                        = batch->id + 1;
    switch (x->scenario->step_model) {
    case WS_STEP_EVENTS:
        return prepare_graphs(x, instance, prepared, batch, group_tokens, extrapolates_out);
    case WS_STEP_LOCKSTEP:
        ws_lockstep_batch_prepare(&prepared->lock, &x->builder, x->scenario, instance->config, batch,
                                  group_tokens, &prepared->energy, extrapolates_out);
        break;
    case WS_STEP_CLOSED:
        prepare_step(x, instance, prepared, batch, now_ns, extrapolates_out);
        break;
    }
    return WS_OK;
}

/* ---- handing out ---- */

static ws_status submit(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t offset,
                        int64_t now_ns)
{
    return ws_event_engine_submit(x->engine, instance->config->first_npu + offset,
                                  instance->prepared[slot].programs[offset], now_ns);
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

/* Once every member of the group has its batch, walk them all. */
static void launch(ws_executor *x, ws_executor_instance *instance, size_t slot, int64_t now_ns)
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
            return;
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
}

WS_HOT ws_status ws_executor_start(ws_executor *x, size_t i, size_t slot, int64_t now_ns)
{
    ws_executor_instance *instance        = &x->instances[i];
    instance->start.is_busy               = true;
    instance->prepared[slot].start_has_it = true;
    if (x->scenario->step_model == WS_STEP_LOCKSTEP) {
        launch(x, instance, slot, now_ns);
    }
    for (int64_t offset = 1; x->engine != NULL && offset < instance->config->n_npu_ids - 1; offset++) {
        WS_TRY(submit(x, instance, slot, offset, now_ns));
    }
    return x->engine != NULL ? submit(x, instance, slot, 0, now_ns) : WS_OK;
}

WS_HOT ws_status ws_executor_join(ws_executor *x, size_t i, size_t slot, int64_t now_ns)
{
    ws_executor_instance *instance      = &x->instances[i];
    instance->prepared[slot].end_has_it = true;
    if (x->scenario->step_model == WS_STEP_LOCKSTEP) {
        return WS_OK; /* its end is known since the group was walked */
    }
    instance->end.is_busy = true;
    return x->engine != NULL ? submit(x, instance, slot, instance->config->n_npu_ids - 1, now_ns) : WS_OK;
}

/* ---- events ---- */

static void earliest(int64_t *next_ns, int64_t event_ns, int64_t now_ns)
{
    if (event_ns >= now_ns && event_ns < *next_ns) {
        *next_ns = event_ns;
    }
}

/* The next program end of one instance in closed form, or the moment its end NPU asks for the program. */
static void next_of_step(const ws_executor_instance *instance, int64_t now_ns, int64_t *next_ns)
{
    if (instance->start.is_busy) {
        if (ws_executor_has_end(instance) && !instance->end.is_busy) {
            earliest(next_ns, instance->step.first_load_ns, now_ns);
        }
        earliest(next_ns, instance->step.start_end_ns, now_ns);
    }
    if (instance->end.is_busy) {
        earliest(next_ns, instance->step.end_end_ns, now_ns);
    }
}

static void next_of_lockstep(const ws_executor_instance *instance, int64_t now_ns, int64_t *next_ns)
{
    if (instance->start.is_busy) {
        earliest(next_ns, instance->start_end_ns, now_ns);
    }
    if (instance->n_ends > 0) {
        earliest(next_ns, instance->end_ns[instance->end_first], now_ns);
    }
}

WS_HOT int64_t ws_executor_next_ns(const ws_executor *x, int64_t now_ns)
{
    if (x->engine != NULL) {
        return ws_event_engine_next_ns(x->engine);
    }
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        if (x->scenario->step_model == WS_STEP_LOCKSTEP) {
            next_of_lockstep(&x->instances[i], now_ns, &next_ns);
        } else {
            next_of_step(&x->instances[i], now_ns, &next_ns);
        }
    }
    return next_ns;
}

static void end_step(ws_executor *x, ws_executor_instance *instance, int64_t now_ns)
{
    if (instance->start.is_busy && instance->step.start_end_ns <= now_ns) {
        end_program(x, &instance->start);
    }
    if (instance->end.is_busy && instance->step.end_end_ns <= now_ns) {
        end_program(x, &instance->end);
    }
}

static void end_lockstep(ws_executor *x, ws_executor_instance *instance, int64_t now_ns)
{
    const size_t capacity = ws_scheduler_n_slots(instance->config->pp_size);
    if (instance->start.is_busy && instance->start_end_ns <= now_ns) {
        end_program(x, &instance->start);
    }
    while (instance->n_ends > 0 && instance->end_ns[instance->end_first] <= now_ns) {
        instance->end_first = (instance->end_first + 1) % capacity;
        instance->n_ends--;
        end_program(x, &instance->end);
        instance->end.is_busy = instance->n_ends > 0;
    }
}

WS_HOT ws_status ws_executor_run_tick(ws_executor *x, int64_t now_ns)
{
    if (x->engine != NULL) {
        return ws_event_engine_run_tick(x->engine, now_ns);
    }
    for (size_t i = 0; i < x->scenario->n_instances; i++) {
        if (x->scenario->step_model == WS_STEP_LOCKSTEP) {
            end_lockstep(x, &x->instances[i], now_ns);
        } else {
            end_step(x, &x->instances[i], now_ns);
        }
    }
    return WS_OK;
}

/* When the last NPU of an instance gets free, whichever it is. */
static int64_t last_end_ns(const ws_executor *x, const ws_executor_instance *instance)
{
    int64_t last_ns = 0;
    if (x->scenario->step_model == WS_STEP_CLOSED) {
        return instance->tail_ns; /* every program ends with a store */
    }
    for (int64_t i = 0; i < instance->config->num_npus; i++) {
        last_ns = instance->lock.free_ns[i] > last_ns ? instance->lock.free_ns[i] : last_ns;
    }
    return last_ns;
}

ws_status ws_executor_drain(ws_executor *x, int64_t now_ns, int64_t *end_ns_out)
{
    *end_ns_out = now_ns;
    while (x->engine != NULL && ws_event_engine_next_ns(x->engine) != INT64_MAX) {
        *end_ns_out = ws_event_engine_next_ns(x->engine);
        WS_TRY(ws_event_engine_run_tick(x->engine, *end_ns_out));
    }
    for (size_t i = 0; x->engine == NULL && i < x->scenario->n_instances; i++) {
        const int64_t last_ns = last_end_ns(x, &x->instances[i]);
        *end_ns_out           = last_ns > *end_ns_out ? last_ns : *end_ns_out;
    }
    return WS_OK;
}
