/* The reference's main loop: NPUs that poll at every event, a clock that steps 1 ms when nothing happens
 * (docs/model/serving.md 0.2 to 0.5, docs/model/timing.md 4). Its artefacts are the point of it;
 * event_loop_physical.c has none. */
#include "sim/event_loop_reference.h"

#include "sim/admission.h"
#include "sim/run_failure.h"

/* Rounds without event, arrival or reply after which nothing can ever happen: one lost millisecond of a
 * hand-off or a second poll to finish are legitimate, more is a deadlock. */
enum { MAX_FRUITLESS_ROUNDS = 4, STEPS_PER_CHECK = 4096 };
static const int64_t IDLE_STEP_NS = 1000000;

typedef struct loop {
    ws_run *run;
    double  interval_ns, last_log_ns; /* binary64, as the reference keeps them */
    bool    progressed;               /* this round some poll got a program or was told it is done */
    bool    polled;                   /* this round some NPU polled: arrivals are noticed */
    size_t  n_prefills, n_finished;   /* prefill instances; instances that are done */
    bool    prefill_is_finished;
    bool    is_over;
} loop;

/* ---- one poll (docs/model/serving.md 0.3) ---- */

static ws_status end_batch_part(ws_run *run, ws_instance_run *instance, const ws_poller *poller, uint32_t bit)
{
    ws_batch *batch = ws_scheduler_find_batch(instance->scheduler, poller->n_programs - 1);
    if (batch == NULL || (batch->ends & bit) != 0) {
        return WS_OK;
    }
    batch->ends |= bit;
    return batch->ends == ws_run_all_ends(instance) ? ws_run_end_batch(run, instance, batch) : WS_OK;
}

/* Give a prepared program to the polling NPU. */
static ws_status reply(ws_run *run, ws_instance_run *instance, ws_batch *batch, uint32_t bit)
{
    const size_t slot = ws_scheduler_slot(instance->scheduler, batch), i = (size_t)instance->config->index;
    batch->claims |= bit;
    return bit == WS_POLLER_START ? ws_executor_start(&run->executor, i, slot, run->now_ns)
                                  : ws_executor_join(&run->executor, i, slot, run->now_ns);
}

/* The batch in flight this NPU has to join next, if it has not yet. */
static ws_batch *batch_to_join(const ws_instance_run *instance, const ws_poller *poller, uint32_t bit)
{
    ws_batch *batch = ws_scheduler_find_batch(instance->scheduler, poller->n_programs);
    return batch != NULL && (batch->claims & bit) == 0 ? batch : NULL;
}

static bool may_open(const ws_instance_run *instance, uint32_t bit)
{
    return bit == WS_POLLER_START &&
           (int64_t)instance->scheduler->n_in_flight < instance->scheduler->config.pp_size;
}

/* Hand out a program: the start NPU opens a batch if it may, otherwise both join the one in flight. */
static ws_status take_batch(ws_run *run, ws_instance_run *instance, const ws_poller *poller, uint32_t bit,
                            bool *taken_out)
{
    ws_batch *batch = NULL;
    if (may_open(instance, bit)) {
        WS_TRY(ws_scheduler_schedule(instance->scheduler, run->now_ns, run->err, &batch));
        if (batch != NULL) {
            WS_TRY(ws_run_prepare_batch(run, instance, batch));
        }
    } else {
        batch = batch_to_join(instance, poller, bit);
    }
    *taken_out = batch != NULL;
    if (batch == NULL) {
        return WS_OK;
    }
    if (bit == WS_POLLER_START) {
        instance->standby.is_waiting = false;
    }
    return reply(run, instance, batch, bit);
}

/* ---- DP groups (docs/model/serving.md 6.9) ---- */

static bool round_is_open(const ws_run *run, int32_t group)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        if (run->instances[i].config->dp_group == group && run->instances[i].pending != NULL) {
            return true;
        }
    }
    return false;
}

static bool round_is_complete(const ws_run *run, int32_t group)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        if (run->instances[i].config->dp_group == group && run->instances[i].pending == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_prepared(const ws_instance_run *instance, const ws_batch *batch)
{
    return ws_executor_is_prepared(instance->npus, ws_scheduler_slot(instance->scheduler, batch), batch);
}

/* A batch this NPU has contributed to a round that others closed, and has not got its program of. */
static ws_batch *stored_program(const ws_instance_run *instance, uint32_t bit)
{
    for (size_t i = 0; i < instance->scheduler->n_batches; i++) {
        ws_batch          *batch    = &instance->scheduler->batches[i];
        const ws_prepared *prepared = &instance->npus->prepared[i];
        const bool         has_it   = bit == WS_POLLER_START ? prepared->start_has_it : prepared->end_has_it;
        if (batch->in_use && is_prepared(instance, batch) && (batch->claims & bit) != 0 && !has_it) {
            return batch;
        }
    }
    return NULL;
}

/* Put a batch into the round; if that completes it, reply with its program. */
static ws_status contribute(ws_run *run, ws_instance_run *instance, ws_batch *batch, uint32_t bit,
                            bool *taken_out)
{
    instance->pending = batch;
    batch->claims |= bit;
    if (!round_is_complete(run, instance->config->dp_group)) {
        return WS_OK;
    }
    WS_TRY(ws_run_close_round(run, instance->config->dp_group));
    *taken_out = true;
    return reply(run, instance, batch, bit);
}

static ws_status take_in_group(ws_run *run, ws_instance_run *instance, const ws_poller *poller, uint32_t bit,
                               bool *taken_out)
{
    ws_scheduler *scheduler = instance->scheduler;
    *taken_out              = false;
    if (may_open(instance, bit)) {
        ws_batch *opened = NULL;
        WS_TRY(ws_scheduler_schedule(scheduler, run->now_ns, run->err, &opened));
        if (opened != NULL) {
            instance->standby.is_waiting = false;
            return contribute(run, instance, opened, bit, taken_out);
        }
    } else {
        ws_batch *joined = batch_to_join(instance, poller, bit);
        if (joined != NULL) {
            if (bit == WS_POLLER_START) {
                instance->standby.is_waiting = false;
            }
            if (!is_prepared(instance, joined)) {
                return WS_OK; /* its round is open, or was closed without it (docs/model/serving.md Q-17): the
                                 claim is withdrawn */
            }
            *taken_out = true;
            return reply(run, instance, joined, bit);
        }
    }
    ws_batch *stored = stored_program(instance, bit);
    if (stored != NULL) {
        *taken_out = true;
        return reply(run, instance, stored, bit);
    }
    if (instance->pending == NULL && (int64_t)scheduler->n_in_flight < scheduler->config.pp_size &&
        round_is_open(run, instance->config->dp_group)) {
        ws_batch *dummy = NULL;
        WS_TRY(ws_scheduler_dummy(scheduler, run->now_ns, &dummy));
        return contribute(run, instance, dummy, bit, taken_out);
    }
    return WS_OK;
}

/* ---- heartbeat and end of work ---- */

static ws_status heartbeat(loop *l)
{
    ws_run *run = l->run;
    if (!((double)run->now_ns > l->last_log_ns + l->interval_ns)) {
        return WS_OK;
    }
    l->last_log_ns += l->interval_ns;
    const ws_sample_state state = ws_run_sample_state(run);
    WS_TRY(ws_sampler_take(&run->samples, &state, run->now_ns, l->interval_ns));
    return run->scenario->has_power ? ws_reference_read_power(&run->power, run->now_ns) : WS_OK;
}

static bool is_finishable(const loop *l, const ws_instance_run *instance)
{
    const ws_run *run = l->run;
    return (instance->config->role != WS_ROLE_DECODE || l->prefill_is_finished) && !instance->is_finished &&
           ws_scheduler_is_empty(instance->scheduler) && run->arrivals.next == run->arrivals.n &&
           run->arrivals.n_open_sessions == 0;
}

/* A member of a DP group stays awake while any other has work. */
static bool group_has_work(const ws_run *run, int32_t group)
{
    for (size_t i = 0; group != WS_NO_GROUP && i < run->scenario->n_instances; i++) {
        if (run->instances[i].config->dp_group == group && !ws_scheduler_is_empty(&run->schedulers[i])) {
            return true;
        }
    }
    return false;
}

/* End of work (docs/model/serving.md 0.5). */
static void note_done(loop *l, ws_instance_run *instance, ws_poller *poller)
{
    if (!is_finishable(l, instance) || group_has_work(l->run, instance->config->dp_group)) {
        return;
    }
    poller->is_asleep = true;
    l->progressed     = true;
    instance->n_noted_done++;
    if (instance->n_noted_done == (instance->config->num_npus == 1 ? 1 : 2)) {
        instance->is_finished = true;
        l->n_finished++;
        l->prefill_is_finished = l->prefill_is_finished || l->n_finished == l->n_prefills;
        l->is_over             = l->n_finished == l->run->scenario->n_instances;
    }
}

static ws_status poll(loop *l, ws_instance_run *instance, ws_poller *poller, uint32_t bit)
{
    ws_run *run   = l->run;
    bool    taken = false;
    l->polled     = true;
    WS_TRY(ws_run_route(run));
    if (bit == WS_POLLER_START && run->scenario->has_power) {
        ws_reference_charge_poll(&run->power, instance->config, &instance->standby, run->now_ns);
    }
    WS_TRY(end_batch_part(run, instance, poller, bit));
    WS_TRY(instance->config->dp_group == WS_NO_GROUP ? take_batch(run, instance, poller, bit, &taken)
                                                     : take_in_group(run, instance, poller, bit, &taken));
    if (bit == WS_POLLER_START) {
        WS_TRY(heartbeat(l));
    }
    if (taken) {
        l->progressed = true;
    } else {
        note_done(l, instance, poller);
    }
    return WS_OK;
}

/* ---- rounds ---- */

static ws_status poll_round(loop *l)
{
    ws_run *run   = l->run;
    l->progressed = l->polled = false;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_instance_run *instance = &run->instances[i];
        ws_poller       *end      = &instance->npus->end;
        if (ws_executor_has_end(instance->npus) && !end->is_busy && !end->is_asleep) {
            WS_TRY(poll(l, instance, end, WS_POLLER_END));
        }
        if (l->is_over) {
            return WS_OK;
        }
    }
    for (size_t i = 0; i < run->scenario->n_instances && !l->is_over; i++) {
        ws_instance_run *instance = &run->instances[i];
        ws_poller       *start    = &instance->npus->start;
        if (!start->is_busy && !start->is_asleep) {
            WS_TRY(poll(l, instance, start, WS_POLLER_START));
        }
    }
    return WS_OK;
}

static int64_t alarm_end_ns(const ws_run *run, double interval_ns)
{
    const int64_t next  = ws_arrivals_next_ns(&run->arrivals, run->requests);
    const int64_t first = next == INT64_MAX || next < 1 ? 1 : next;
    return interval_ns > (double)first ? first : (int64_t)interval_ns;
}

static ws_status advance(loop *l, int *n_fruitless)
{
    ws_run       *run     = l->run;
    const int64_t next_ns = ws_executor_next_ns(&run->executor, run->now_ns);
    if (next_ns != INT64_MAX) {
        run->now_ns  = next_ns;
        *n_fruitless = 0;
        return ws_executor_run_tick(&run->executor, next_ns);
    }
    run->now_ns += IDLE_STEP_NS;
    const bool is_hopeful = l->progressed || (l->polled && run->arrivals.next < run->arrivals.n);
    *n_fruitless          = is_hopeful ? 0 : *n_fruitless + 1;
    return *n_fruitless <= MAX_FRUITLESS_ROUNDS ? WS_OK : ws_run_explain_deadlock(run);
}

static size_t n_prefill_instances(const ws_scenario *scenario)
{
    size_t n = 0;
    for (size_t i = 0; i < scenario->n_instances; i++) {
        n += scenario->instances[i].role == WS_ROLE_PREFILL;
    }
    return n;
}

ws_status ws_event_loop_reference(ws_run *run)
{
    loop l                = {.run = run, .interval_ns = run->scenario->options.log_interval_s * 1e9};
    int  n_fruitless      = 0;
    l.n_prefills          = n_prefill_instances(run->scenario);
    l.prefill_is_finished = l.n_prefills == 0;
    run->now_ns           = alarm_end_ns(run, l.interval_ns);
    for (int64_t round = 1;; round++) {
        WS_TRY(poll_round(&l));
        if (l.is_over) {
            return WS_OK;
        }
        WS_TRY(advance(&l, &n_fruitless));
        if (round % STEPS_PER_CHECK == 0) {
            WS_TRY(ws_run_check_limits(run));
        }
    }
}
