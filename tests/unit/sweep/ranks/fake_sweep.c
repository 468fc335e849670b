#include "fake_sweep.h"

#include <math.h>

#include "captured.h"
#include "ranks/messages.h"
#include "result/row_wire.h"

/* ---- the sink ---- */

static void set_host(void *ctx, int rank, const char *host)
{
    fake_sink *s      = ctx;
    s->has_host[rank] = host[0] != '\0';
}

static ws_status push(void *ctx, swp_row_block block)
{
    fake_sink *s = ctx;
    for (size_t i = 0; i < block.n_rows && s->n_rows < FAKE_MAX_ROWS && s->status == WS_OK; i++) {
        const swp_row *row   = &block.rows[i];
        s->rows[s->n_rows++] = (fake_row){.job      = row->job,
                                          .state    = row->state,
                                          .attempt  = row->attempt,
                                          .rank     = row->rank,
                                          .has_host = row->rank < 0 || s->has_host[row->rank]};
    }
    swp_row_block_fini(&block);
    return s->status;
}

static size_t backlog_bytes(void *ctx)
{
    return ((const fake_sink *)ctx)->backlog_bytes;
}

static void flush_soon(void *ctx)
{
    ((fake_sink *)ctx)->n_flushes++;
}

static bool has_failed(void *ctx)
{
    const fake_sink *s = ctx;
    return s->fails_at_n_rows > 0 && s->n_rows >= s->fails_at_n_rows;
}

void fake_sink_init(fake_sink *sink)
{
    *sink      = (fake_sink){.status = WS_OK};
    sink->sink = (swp_row_sink){.ctx           = sink,
                                .set_host      = set_host,
                                .push          = push,
                                .backlog_bytes = backlog_bytes,
                                .flush_soon    = flush_soon,
                                .has_failed    = has_failed};
}

/* ---- a worker ---- */

const swp_row *fake_worker_row(fake_worker *worker, uint64_t job, int32_t attempt, double wall_s)
{
    snprintf(worker->hash, sizeof worker->hash, "%032llx", (unsigned long long)job);
    worker->metrics[WS_METRIC_DURATION_S] = (double)job;
    worker->row                           = (swp_row){.job     = (int64_t)job,
                                                      .state   = SWP_STATE_DONE,
                                                      .attempt = attempt,
                                                      .hash    = worker->hash,
                                                      .metrics = worker->metrics,
                                                      .rank    = worker->rank,
                                                      .wall_s  = wall_s};
    return &worker->row;
}

/* A job that only takes its time, looking for messages now and then, as the simulator does. */
static const swp_row *run_job(void *ctx, uint64_t job, int32_t attempt)
{
    fake_worker      *w     = ctx;
    const fake_sweep *s     = w->sweep;
    const double      job_s = s->job_s_of != NULL ? s->job_s_of(s, job) : s->job_s;
    double            left_s;
    bool              must_stop = false;
    if ((int64_t)job == s->poisonous_job) {
        fake_kill(s->world, w->rank, fake_now_s(s->world, w->rank));
    }
    w->n_run++;
    for (left_s = job_s; left_s > 0.0 && !must_stop; left_s -= 0.02) {
        fake_spend(s->world, w->rank, fmin(left_s, 0.02));
        must_stop = swp_worker_stay_in_touch(w->worker);
    }
    const swp_row *row = fake_worker_row(w, job, attempt, job_s);
    w->row.state       = must_stop ? SWP_STATE_INTERRUPTED : SWP_STATE_DONE;
    return row;
}

static ws_status serve(fake_worker *w)
{
    const char *block = NULL;
    size_t      len   = 0;
    WS_TRY(swp_worker_await_setup(w->worker, &block, &len));
    if (block != NULL) {
        w->got_setup = len == sizeof FAKE_SETUP && strcmp(block, FAKE_SETUP) == 0;
        WS_TRY(swp_worker_work(w->worker, run_job, w));
    }
    WS_TRY(swp_worker_leave(w->worker, &w->may_finalize));
    w->has_left = true;
    return WS_OK;
}

static void begin_rank(const fake_sweep *s, int rank)
{
    if (s->begin_rank != NULL) {
        s->begin_rank(s->rank_ctx, rank);
    }
}

static void end_rank(const fake_sweep *s, int rank)
{
    if (s->end_rank != NULL) {
        s->end_rank(s->rank_ctx, rank);
    }
}

static void run_worker(void *ctx)
{
    fake_worker *w = ctx;
    char         host[SWP_HOST_LEN];
    snprintf(host, sizeof host, w->rank % 2 == 0 ? "node0" : "node1"); /* rank 0 is on node0 */
    begin_rank(w->sweep, w->rank);
    w->status =
        swp_worker_create(fake_transport(w->sweep->world, w->rank), host, w->sweep->silence_s, &w->worker);
    if (w->status == WS_OK) {
        w->status = serve(w);
    }
    end_rank(w->sweep, w->rank);
}

/* ---- rank 0 ---- */

static ws_status coordinate(fake_sweep *s)
{
    static char    setup[] = FAKE_SETUP;
    atomic_bool    abandon = false;
    const char    *block   = setup;
    swp_transport *t       = fake_transport(s->world, 0);
    if (t->window != NULL && swp_transport_fits_window(t, sizeof setup)) {
        memcpy(t->window, setup, sizeof setup);
        block = t->window;
    }
    WS_TRY(swp_roster_create(t, "node0", s->silence_s, &s->roster));
    WS_TRY(swp_roster_set_up(s->roster, block, sizeof setup));
    const swp_coordinator_config config = {.machine   = t->machine,
                                           .roster    = s->roster,
                                           .queue     = s->queue,
                                           .builder   = s->toy.builder,
                                           .sink      = &s->sink.sink,
                                           .progress  = s->progress,
                                           .host      = "node0",
                                           .abandon   = &abandon,
                                           .stop_at_s = s->stop_at_s,
                                           .end_s     = s->end_s,
                                           .bundle_s  = s->bundle_s};
    return swp_coordinate(&config, &s->outcome);
}

static void run_rank0(void *ctx)
{
    fake_sweep *s = ctx;
    begin_rank(s, 0);
    s->status = coordinate(s);
    if (s->closing_s > 0.0) {
        fake_spend(s->world, 0, s->closing_s);
    }
    s->was_released = s->roster != NULL && swp_roster_release(s->roster);
    end_rank(s, 0);
}

/* ---- the sweep ---- */

void fake_sweep_init(fake_sweep *sweep, int n_ranks, uint64_t n_jobs, uint64_t seed)
{
    char spec[128];
    *sweep = (fake_sweep){.world         = fake_world_create(n_ranks, seed),
                          .seed          = seed,
                          .n_ranks       = n_ranks,
                          .n_jobs        = n_jobs,
                          .silence_s     = 3.0,
                          .job_s         = 0.010,
                          .stop_at_s     = INFINITY,
                          .end_s         = INFINITY,
                          .poisonous_job = -1};
    snprintf(spec, sizeof spec, "\"parameters\": {\"max_num_seqs\": {\"range\": [1, %d, 1]}}", (int)n_jobs);
    toy_builder_init(&sweep->toy, spec);
    fake_sink_init(&sweep->sink);
    const swp_job_queue_config queue    = {.builder     = sweep->toy.builder,
                                           .constraints = sweep->toy.constraints,
                                           .slice       = {.begin = 0, .end = n_jobs},
                                           .n_to_run    = n_jobs};
    const swp_progress_config  progress = {.machine     = fake_transport(sweep->world, 0)->machine,
                                           .name        = "fake",
                                           .is_quiet    = true,
                                           .n_total     = n_jobs,
                                           .n_ranks     = n_ranks,
                                           .best_metric = WS_METRIC_COUNT};
    assert_int_equal(swp_job_queue_create(&queue, &sweep->queue), WS_OK);
    assert_int_equal(swp_progress_create(&progress, &sweep->progress), WS_OK);
    fake_start(sweep->world, 0, run_rank0, sweep);
    for (int i = 1; i < n_ranks; i++) {
        sweep->workers[i] = (fake_worker){.sweep = sweep, .rank = i};
        fake_start(sweep->world, i, run_worker, &sweep->workers[i]);
    }
}

typedef struct limited_run {
    fake_sweep *sweep;
    double      limit_s;
    bool        has_ended;
} limited_run;

static void run_limited(void *ctx)
{
    limited_run *run = ctx;
    run->has_ended   = fake_run(run->sweep->world, run->limit_s);
}

void fake_sweep_run(fake_sweep *sweep, double limit_s)
{
    limited_run run = {.sweep = sweep, .limit_s = limit_s};
    sweep->log      = captured(stderr, run_limited, &run);
    if (!run.has_ended) {
        fail_msg("seed %llu: ranks are still there after %g s of played time:\n%s",
                 (unsigned long long)sweep->seed, limit_s, sweep->log);
    }
}

void fake_sweep_fini(fake_sweep *sweep)
{
    for (int i = 1; i < sweep->n_ranks; i++) {
        swp_worker_destroy(&sweep->workers[i].worker);
    }
    swp_roster_destroy(&sweep->roster);
    swp_progress_destroy(&sweep->progress);
    swp_job_queue_destroy(&sweep->queue);
    toy_builder_fini(&sweep->toy);
    fake_world_destroy(sweep->world);
    free(sweep->log);
}

static bool is_final(swp_job_state state)
{
    return state == SWP_STATE_DONE || state == SWP_STATE_FAILED;
}

size_t fake_sweep_n_final(const fake_sweep *sweep, int64_t job)
{
    size_t n = 0;
    for (size_t i = 0; i < sweep->sink.n_rows; i++) {
        n += sweep->sink.rows[i].job == job && is_final(sweep->sink.rows[i].state);
    }
    return n;
}
