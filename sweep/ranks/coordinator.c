#include "ranks/coordinator.h"

#include <math.h>
#include <stdlib.h>

#include "ranks/dispatch.h"
#include "ranks/messages.h"
#include "ranks/poll_backoff.h"
#include "ranks/slurm_allocation.h"

#define LONG_JOB_S 0.100          /* next to it, asking for the next one costs nothing */
#define BACKLOG_BYTES (64u << 20) /* rows waiting for the file: no new work beyond */
#define LEAVE_S 10.0              /* how long running jobs may take to finish when a sweep stops early */
#define ABANDON_S 5.0             /* and how long workers may take then to leave them */
enum { MAX_DEATHS = 3, MESSAGES_PER_TURN = 256 };

/* A rank that runs jobs, as they are dealt to it. */
typedef struct worker {
    double          job_s; /* smoothed wall time between rows per job; 0 = unknown */
    double          bundle_begin_s;
    swp_outstanding outstanding;
    size_t          bundle; /* size of the last bundle sent; 0 = none yet */
} worker;

typedef struct coordinator {
    const swp_coordinator_config *config;
    int                           n_ranks; /* workers; 0 is the worker thread */
    worker                       *workers;
    swp_rank_progress            *shown;
    swp_outcome                   outcome;
    double                        bundle_s;      /* work in one bundle */
    double                        longest_job_s; /* lately */
    double                        leave_by_s; /* when workers have to have left, once the sweep stops early */
    bool                          is_stopping;
} coordinator;

static double clock_s(const coordinator *c)
{
    return swp_now_s(c->config->machine);
}

/* ---- rows ---- */

/* Count the row of a job that was given up, and write it. */
static ws_status write_given_up(coordinator *c, swp_ticket ticket, const uint32_t *value_index)
{
    char    hash[SWP_HASH_LEN + 1];
    swp_job job = swp_job_of(c->config->builder, ticket.job, value_index);
    swp_row row =
        swp_row_without_run(&job, SWP_STATE_FAILED, "three workers died while they ran this job", hash);
    row.attempt = ticket.attempt;
    swp_job_fini(&job);
    WS_TRY(swp_row_sink_push_row(c->config->sink, &row));
    swp_progress_count(c->config->progress, &row);
    return WS_OK;
}

static ws_status give_up(coordinator *c, swp_ticket ticket)
{
    const size_t n_params    = swp_builder_spec(c->config->builder)->n_params;
    uint32_t    *value_index = calloc(n_params + 1, sizeof(*value_index));
    if (value_index == NULL) {
        return WS_ERR_NOMEM;
    }
    swp_space_point(swp_builder_space(c->config->builder), ticket.job, value_index);
    const ws_status status = write_given_up(c, ticket, value_index);
    free(value_index);
    return status;
}

static void count_row(coordinator *c, int rank, const swp_row *row)
{
    swp_progress_count(c->config->progress, row);
    c->shown[rank].n_done++;
    if (isfinite(row->wall_s)) {
        c->shown[rank].busy_s += row->wall_s;
        c->longest_job_s = swp_allocation_longest_s(c->longest_job_s, row->wall_s);
        swp_job_queue_observe(c->config->queue, (uint64_t)row->job, row->wall_s);
    }
}

/* Keep of a block the rows whose jobs the worker has not reported. Others come from one that was taken for
 * dead: their jobs are with another, which may have reported another outcome (a time-out) already. */
static void keep_expected_rows(coordinator *c, int rank, swp_row_block *block)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < block->n_rows; i++) {
        const swp_row *row = &block->rows[i];
        if (swp_outstanding_take(&c->workers[rank].outstanding, (uint64_t)row->job)) {
            count_row(c, rank, row);
            block->rows[n_kept++] = *row;
        }
    }
    block->n_rows = n_kept;
}

/* Learn from the rows that came how long a job of this worker takes. */
static void smooth_job_time(coordinator *c, worker *w, size_t n_rows)
{
    const double now_s = clock_s(c);
    const double job_s = (now_s - w->bundle_begin_s) / (double)n_rows;
    w->job_s           = w->job_s == 0.0 ? job_s : 0.7 * w->job_s + 0.3 * job_s;
    w->bundle_begin_s  = now_s;
}

/* Rows came from a rank: account for them and pass them on. */
static ws_status take_rows(coordinator *c, int rank, char *data, size_t len)
{
    worker       *w = &c->workers[rank];
    swp_row_block block;
    WS_TRY(swp_row_block_read(data, len, &block));
    keep_expected_rows(c, rank, &block);
    c->shown[rank].n_outstanding = w->outstanding.n;
    if (block.n_rows == 0) {
        swp_row_block_fini(&block);
        return WS_OK;
    }
    smooth_job_time(c, w, block.n_rows);
    return c->config->sink->push(c->config->sink->ctx, block);
}

/* ---- handing out ---- */

static bool takes_jobs(const coordinator *c, int rank)
{
    if (rank == 0) {
        return c->config->local != NULL;
    }
    return swp_roster_state(c->config->roster, rank) == SWP_WORKER_READY;
}

static size_t n_workers(const coordinator *c)
{
    size_t n = 0;
    for (int i = 0; i < c->n_ranks; i++) {
        n += takes_jobs(c, i);
    }
    return n;
}

static void set_host(coordinator *c, int rank, const char *host)
{
    c->config->sink->set_host(c->config->sink->ctx, rank, host);
}

static ws_status send_jobs(coordinator *c, int rank, const swp_ticket *tickets, size_t n)
{
    if (rank == 0) {
        return swp_local_worker_add(c->config->local, tickets, n);
    }
    const size_t  bytes   = sizeof(swp_msg_jobs) + n * sizeof(swp_msg_ticket);
    swp_msg_jobs *message = malloc(bytes);
    if (message == NULL) {
        return WS_ERR_NOMEM;
    }
    message->n = n;
    for (size_t i = 0; i < n; i++) {
        message->tickets[i] = (swp_msg_ticket){.job = tickets[i].job, .attempt = tickets[i].attempt};
    }
    return swp_roster_send_jobs(c->config->roster, rank, (char *)message, bytes);
}

static ws_status send_bundle(coordinator *c, int rank, size_t n_sharing, bool *sent_out)
{
    worker      *w = &c->workers[rank];
    const size_t size =
        swp_bundle_size(c->bundle_s, w->job_s, w->bundle, swp_job_queue_n_left(c->config->queue), n_sharing);
    swp_ticket tickets[SWP_MAX_BUNDLE];
    *sent_out = false;
    if (w->outstanding.n > size || (w->outstanding.n > 0 && w->job_s > LONG_JOB_S)) {
        return WS_OK; /* one bundle runs, one waits; a long job is better left to whoever is free first */
    }
    WS_TRY(swp_outstanding_reserve(&w->outstanding, SWP_MAX_BUNDLE));
    const size_t n = swp_job_queue_take(c->config->queue, size, tickets);
    if (n == 0) {
        return WS_OK;
    }
    if (w->outstanding.n == 0) {
        w->bundle_begin_s = clock_s(c);
    }
    if (w->bundle == 0 && rank > 0) {
        set_host(c, rank, swp_roster_host(c->config->roster, rank));
    }
    for (size_t i = 0; i < n; i++) {
        swp_outstanding_push(&w->outstanding, tickets[i]);
    }
    w->bundle                    = n;
    c->shown[rank].n_outstanding = w->outstanding.n;
    *sent_out                    = true;
    return send_jobs(c, rank, tickets, n);
}

/* A round at a time, so that every worker gets its first bundle before any gets a second. */
static ws_status hand_out(coordinator *c, bool *did_something)
{
    const size_t n_sharing = n_workers(c); /* once: it looks at all of them */
    bool sent_any = !c->is_stopping && c->config->sink->backlog_bytes(c->config->sink->ctx) < BACKLOG_BYTES;
    while (sent_any) {
        sent_any = false;
        for (int i = 0; i < c->n_ranks; i++) {
            bool sent = false;
            if (takes_jobs(c, i)) {
                WS_TRY(send_bundle(c, i, n_sharing, &sent));
            }
            sent_any       = sent_any || sent;
            *did_something = *did_something || sent;
        }
    }
    return WS_OK;
}

/* ---- what came ---- */

/* A worker died: its jobs go to others. */
static ws_status redistribute(void *ctx, int rank, const char *why)
{
    coordinator *c        = ctx;
    worker      *w        = &c->workers[rank];
    ws_status    status   = WS_OK;
    bool         is_first = true;
    swp_progress_say(c->config->progress, "rank=%d %s; its %zu jobs go to others", rank, why,
                     w->outstanding.n);
    c->shown[rank].is_dead = true;
    while (w->outstanding.n > 0) {
        swp_ticket ticket = swp_outstanding_first(&w->outstanding);
        swp_outstanding_take(&w->outstanding, ticket.job);
        ticket.attempt += is_first; /* only the first one can have been running */
        is_first = false;
        const ws_status one =
            ticket.attempt > MAX_DEATHS ? give_up(c, ticket) : swp_job_queue_return(c->config->queue, ticket);
        status = one == WS_OK ? status : one;
    }
    c->shown[rank].n_outstanding = 0;
    return status;
}

static ws_status gather(coordinator *c, double wait_s, bool *did_something)
{
    bool came = true;
    for (int n = 0; came && n < MESSAGES_PER_TURN; n++) {
        swp_message message;
        WS_TRY(swp_roster_next_results(c->config->roster, &message, &came));
        if (came) {
            *did_something                   = true;
            c->shown[message.source].is_dead = false;
            WS_TRY(take_rows(c, message.source, message.data, message.len));
        }
    }
    /* The worker thread's rows, which come all the time, are no reason to look for messages more often. */
    swp_rows rows;
    if (c->config->local != NULL &&
        swp_local_worker_collect(c->config->local, *did_something ? 0.0 : wait_s, &rows)) {
        WS_TRY(take_rows(c, 0, rows.data, rows.len));
    }
    return WS_OK;
}

static bool is_all_done(const coordinator *c)
{
    for (int i = 0; i < c->n_ranks; i++) {
        if (c->workers[i].outstanding.n > 0) {
            return false;
        }
    }
    return swp_job_queue_n_left(c->config->queue) == 0;
}

/* The end of the allocation is near: running jobs get the time that was kept for them. */
static bool must_leave_allocation(coordinator *c, double now_s)
{
    if (now_s < swp_allocation_stop_s(c->config->end_s, c->longest_job_s)) {
        return false;
    }
    c->leave_by_s = c->config->end_s - SWP_ALLOCATION_CLOSE_S;
    swp_progress_say(c->config->progress, "the Slurm allocation ends in %.0f s: no more work is handed out",
                     c->config->end_s - now_s);
    return true;
}

static bool may_anyone_work(const coordinator *c)
{
    bool anyone = c->config->local != NULL;
    for (int i = 1; i < c->n_ranks; i++) {
        anyone = anyone || swp_roster_state(c->config->roster, i) <= SWP_WORKER_READY;
    }
    return anyone;
}

static bool must_stop(coordinator *c)
{
    const double now_s = clock_s(c);
    if (c->config->machine->was_asked_to_stop(c->config->machine->ctx) ||
        swp_roster_wants_to_stop(c->config->roster) || now_s >= c->config->stop_at_s ||
        must_leave_allocation(c, now_s)) {
        c->outcome.was_asked_to_stop = true;
    }
    const bool local_failed = c->config->local != NULL && swp_local_worker_has_failed(c->config->local);
    return c->outcome.was_asked_to_stop || !may_anyone_work(c) || local_failed ||
           c->config->sink->has_failed(c->config->sink->ctx);
}

/* ---- phases ---- */

/* While every worker runs one bundle and has another waiting, nobody misses a few milliseconds: its rows say
 * that the first is over at most 20 ms (ranks/worker.c) late. Not while bundles still grow, or shrink
 * toward the end. */
static long longest_pause_ns(const coordinator *c)
{
    for (int i = 0; i < c->n_ranks; i++) {
        const worker *w = &c->workers[i];
        const bool    is_sure =
            w->outstanding.n > w->bundle && (double)w->bundle * w->job_s > 0.8 * SWP_BUNDLE_S;
        const bool comes = i > 0 && swp_roster_state(c->config->roster, i) < SWP_WORKER_READY;
        if (comes || (takes_jobs(c, i) && !is_sure)) {
            return SWP_POLL_BACKOFF_MAX_NS;
        }
    }
    return SWP_POLL_BACKOFF_SURE_NS;
}

static ws_status work(coordinator *c)
{
    const bool is_alone = c->n_ranks == 1;
    long       pause_ns = 0;
    while (!is_all_done(c) && !must_stop(c)) {
        bool did_something = false;
        WS_TRY(gather(c, is_alone ? 0.05 : 0.0, &did_something));
        WS_TRY(hand_out(c, &did_something));
        WS_TRY(swp_roster_check(c->config->roster, redistribute, c));
        swp_progress_tick(c->config->progress, c->shown);
        if (!is_alone) {
            swp_poll_backoff(c->config->machine, &pause_ns, longest_pause_ns(c), did_something);
        }
    }
    return WS_OK;
}

static bool has_everyone_left(const coordinator *c)
{
    return swp_roster_has_left(c->config->roster) &&
           (c->config->local == NULL || swp_local_worker_is_idle(c->config->local));
}

/* Jobs that take too long to finish are left, and their rows say so. */
static swp_stop leave_running_jobs(coordinator *c, double *end_s)
{
    *end_s += ABANDON_S;
    atomic_store(c->config->abandon, true);
    return SWP_STOP_ABANDON;
}

/* Gather what is still coming, until every worker said goodbye, died, or took too long. */
static ws_status wind_up(coordinator *c, swp_stop how)
{
    long   pause_ns = 0;
    double end_s    = how == SWP_STOP_DONE ? INFINITY : fmax(clock_s(c) + LEAVE_S, c->leave_by_s);
    c->is_stopping  = true;
    c->config->sink->flush_soon(c->config->sink->ctx);
    if (c->config->local != NULL && how == SWP_STOP_DRAIN) {
        swp_local_worker_drain(c->config->local);
    }
    do {
        bool did_something = false;
        WS_TRY(swp_roster_ask_to_leave(c->config->roster, how)); /* and later those who were taken back */
        WS_TRY(gather(c, 0.0, &did_something));
        WS_TRY(swp_roster_check(c->config->roster, redistribute, c));
        if (clock_s(c) > end_s) {
            if (how == SWP_STOP_ABANDON) {
                break;
            }
            how = leave_running_jobs(c, &end_s);
        }
        swp_poll_backoff(c->config->machine, &pause_ns, SWP_POLL_BACKOFF_MAX_NS, did_something);
    } while (!has_everyone_left(c));
    return swp_roster_give_up(c->config->roster, redistribute, c);
}

static ws_status init(coordinator *c)
{
    c->n_ranks = swp_roster_size(c->config->roster);
    c->workers = calloc((size_t)c->n_ranks, sizeof(*c->workers));
    c->shown   = calloc((size_t)c->n_ranks, sizeof(*c->shown));
    if (c->workers == NULL || c->shown == NULL) {
        return WS_ERR_NOMEM;
    }
    set_host(c, 0, c->config->host);
    return WS_OK;
}

ws_status swp_coordinate(const swp_coordinator_config *config, swp_outcome *outcome_out)
{
    coordinator c = {.config = config, .bundle_s = config->bundle_s > 0.0 ? config->bundle_s : SWP_BUNDLE_S};
    ws_status   status = init(&c);
    if (status == WS_OK) {
        status = work(&c);
    }
    const bool is_complete = status == WS_OK && is_all_done(&c);
    if (c.workers != NULL && c.shown != NULL) {
        const ws_status ending = wind_up(&c, is_complete ? SWP_STOP_DONE : SWP_STOP_DRAIN);
        status                 = status == WS_OK ? ending : status;
    }
    c.outcome.is_complete =
        status == WS_OK && is_all_done(&c) && swp_progress_n(config->progress, SWP_STATE_INTERRUPTED) == 0;
    swp_progress_finish(config->progress, c.shown, c.outcome.is_complete ? "complete" : "stopped");
    for (int i = 0; c.workers != NULL && i < c.n_ranks; i++) {
        swp_outstanding_fini(&c.workers[i].outstanding);
    }
    free(c.workers);
    free(c.shown);
    *outcome_out = c.outcome;
    return status;
}
