/* The reference's main loop: NPUs that poll at every event, a clock that steps 1 ms when nothing happens
 * (spec/serving.md 0.2 to 0.5, spec/timing.md 4). Its artefacts are the point of it; drive_physical.c has none. */
#include "sim/run.h"

/* Rounds without event, arrival or reply after which nothing can ever happen: one lost millisecond of a hand-off or a
 * second poll to finish are legitimate, more is a deadlock. */
enum { MAX_FRUITLESS_ROUNDS = 4, STEPS_PER_CHECK = 4096 };
static const int64_t IDLE_STEP_NS = 1000000;

typedef struct loop {
    ws_run *run;
    double  interval_ns, last_log_ns; /* binary64, as the reference keeps them */
    bool    progressed; /* this round some poll got a program or was told it is done */
    size_t  n_finished; /* instances */
    bool    is_over;
} loop;

/* ---- programs ---- */

static bool has_end_npu(const ws_instance_run *instance)
{
    return instance->config->num_npus > 1;
}

static void earliest(int64_t *next_ns, int64_t event_ns, int64_t now_ns)
{
    if (event_ns > now_ns && event_ns < *next_ns) {
        *next_ns = event_ns;
    }
}

/* The next tick in which something happens inside a program, or INT64_MAX. */
static int64_t next_event_ns(const ws_run *run)
{
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const ws_instance_run *instance = &run->instances[i];
        if (instance->start.is_busy) {
            earliest(&next_ns, instance->step.first_load_ns, run->now_ns);
            earliest(&next_ns, instance->step.start_end_ns, run->now_ns);
        }
        if (instance->end.is_busy) {
            earliest(&next_ns, instance->step.end_end_ns, run->now_ns);
        }
    }
    return next_ns;
}

static void end_program(ws_poller *poller)
{
    poller->is_busy = false;
    poller->n_programs++;
}

static void end_programs(ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_instance_run *instance = &run->instances[i];
        if (instance->start.is_busy && instance->step.start_end_ns <= run->now_ns) {
            end_program(&instance->start);
        }
        if (instance->end.is_busy && instance->step.end_end_ns <= run->now_ns) {
            end_program(&instance->end);
        }
    }
}

/* ---- one poll (spec/serving.md 0.3) ---- */

static ws_status end_batch_part(ws_run *run, ws_instance_run *instance, const ws_poller *poller, uint32_t bit)
{
    ws_batch *batch = ws_scheduler_find_batch(instance->scheduler, poller->n_programs - 1);
    if (batch == NULL || (batch->ends & bit) != 0) {
        return WS_OK;
    }
    batch->ends |= bit;
    const uint32_t all = has_end_npu(instance) ? WS_POLLER_START | WS_POLLER_END : WS_POLLER_START;
    return batch->ends == all ? ws_run_end_batch(run, instance, batch) : WS_OK;
}

/* Hand out a program: the start NPU opens a batch if it may, otherwise both join the one in flight. */
static ws_status take_batch(ws_run *run, ws_instance_run *instance, ws_poller *poller, uint32_t bit, bool *taken_out)
{
    ws_scheduler *scheduler = instance->scheduler;
    ws_batch     *batch     = NULL;
    *taken_out              = false;
    if (bit == WS_POLLER_START && (int64_t)scheduler->n_in_flight < scheduler->config.pp_size) {
        WS_TRY(ws_scheduler_schedule(scheduler, run->now_ns, run->err, &batch));
        if (batch == NULL) {
            return WS_OK;
        }
        WS_TRY(ws_run_start_batch(run, instance, batch));
    } else {
        batch = ws_scheduler_find_batch(scheduler, poller->n_programs);
        if (batch == NULL || (batch->claims & bit) != 0) {
            return WS_OK;
        }
    }
    batch->claims |= bit;
    if (bit == WS_POLLER_START) {
        instance->standby.is_waiting = false;
    }
    poller->is_busy = true;
    *taken_out      = true;
    return WS_OK;
}

static ws_status heartbeat(loop *l)
{
    ws_run *run = l->run;
    if (!((double)run->now_ns > l->last_log_ns + l->interval_ns)) {
        return WS_OK;
    }
    l->last_log_ns += l->interval_ns;
    const ws_sample_state state = ws_run_sample_state(run);
    WS_TRY(ws_sampler_take(&run->samples, &state, run->now_ns, l->interval_ns));
    return run->scenario->has_power ? ws_reference_book_read(&run->power, run->now_ns) : WS_OK;
}

static bool is_finishable(const ws_run *run, const ws_instance_run *instance)
{
    return !instance->is_finished && ws_scheduler_is_empty(instance->scheduler) && run->arrivals.next == run->arrivals.n &&
           run->arrivals.n_open_sessions == 0;
}

/* End of work (spec/serving.md 0.5). */
static void note_done(loop *l, ws_instance_run *instance, ws_poller *poller)
{
    if (!is_finishable(l->run, instance)) {
        return;
    }
    poller->is_asleep = true;
    l->progressed     = true;
    instance->n_noted_done++;
    if (instance->n_noted_done == (has_end_npu(instance) ? 2 : 1)) {
        instance->is_finished = true;
        l->n_finished++;
        l->is_over = l->n_finished == l->run->scenario->n_instances;
    }
}

static ws_status poll(loop *l, ws_instance_run *instance, ws_poller *poller, uint32_t bit)
{
    ws_run *run   = l->run;
    bool    taken = false;
    WS_TRY(ws_run_route(run));
    if (bit == WS_POLLER_START && run->scenario->has_power) {
        ws_reference_book_poll(&run->power, instance->config, &instance->standby, run->now_ns);
    }
    WS_TRY(end_batch_part(run, instance, poller, bit));
    WS_TRY(take_batch(run, instance, poller, bit, &taken));
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
    ws_run *run = l->run;
    l->progressed = false;
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        ws_instance_run *instance = &run->instances[i];
        if (has_end_npu(instance) && !instance->end.is_busy && !instance->end.is_asleep) {
            WS_TRY(poll(l, instance, &instance->end, WS_POLLER_END));
        }
        if (l->is_over) {
            return WS_OK;
        }
    }
    for (size_t i = 0; i < run->scenario->n_instances && !l->is_over; i++) {
        ws_instance_run *instance = &run->instances[i];
        if (!instance->start.is_busy && !instance->start.is_asleep) {
            WS_TRY(poll(l, instance, &instance->start, WS_POLLER_START));
        }
    }
    return WS_OK;
}

/* A program started in this tick whose first load took no time has an event in this very tick. */
static bool has_event_now(const ws_run *run)
{
    for (size_t i = 0; i < run->scenario->n_instances; i++) {
        const ws_instance_run *instance = &run->instances[i];
        if (instance->start.is_busy && has_end_npu(instance) && !instance->end.is_busy &&
            instance->step.first_load_ns == run->now_ns) {
            return true;
        }
    }
    return false;
}

static int64_t alarm_end_ns(const ws_run *run, double interval_ns)
{
    const int64_t next  = ws_arrivals_next_ns(&run->arrivals, run->requests);
    const int64_t first = next == INT64_MAX || next < 1 ? 1 : next;
    return interval_ns > (double)first ? first : (int64_t)interval_ns;
}

static ws_status advance(loop *l, int *n_fruitless)
{
    ws_run *run = l->run;
    if (l->progressed && has_event_now(run)) {
        return WS_OK;
    }
    const int64_t next_ns = next_event_ns(run);
    if (next_ns != INT64_MAX) {
        run->now_ns  = next_ns;
        *n_fruitless = 0;
        end_programs(run);
        return WS_OK;
    }
    run->now_ns += IDLE_STEP_NS;
    const bool is_hopeful = l->progressed || run->arrivals.next < run->arrivals.n;
    *n_fruitless          = is_hopeful ? 0 : *n_fruitless + 1;
    return *n_fruitless <= MAX_FRUITLESS_ROUNDS ? WS_OK : ws_run_explain_deadlock(run);
}

ws_status ws_drive_reference(ws_run *run)
{
    loop l = {.run = run, .interval_ns = run->scenario->options.log_interval_s * 1e9};
    int  n_fruitless = 0;
    run->now_ns      = alarm_end_ns(run, l.interval_ns);
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
