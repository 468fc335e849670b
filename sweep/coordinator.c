#include "coordinator.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "allocation.h"
#include "messages.h"
#include "signals.h"

#define BATCH_S 0.030              /* work in one batch */
#define LONG_JOB_S 0.100           /* beside it, asking for the next one costs nothing */
#define BACKLOG_BYTES (64u << 20) /* rows waiting for the file: no new work beyond */
#define LEAVE_S 10.0 /* how long workers may take to finish the running job when a sweep stops early */
enum { MAX_DEATHS = 3, MESSAGES_PER_TURN = 256 };

typedef enum peer_state { PEER_ABSENT, PEER_ACTIVE, PEER_LEAVING, PEER_GONE, PEER_DEAD } peer_state;

/* Jobs given and not reported, in the order given. */
typedef struct in_hand {
    swp_ticket *tickets; /* [capacity] ring */
    size_t      capacity, head, n;
} in_hand;

typedef struct peer {
    peer_state state;
    double     heard_s, beat_s; /* last message from it, to it */
    int64_t    pid;             /* 0 = not on this host */
    double     job_s;           /* smoothed wall time between rows per job; 0 = unknown */
    double     batch_begin_s;
    in_hand    hand;
    size_t     batch; /* size of the last batch given */
} peer;

typedef struct coordinator {
    const swp_coordinator_config *config;
    int                           n_peers; /* ranks; 0 is the local worker */
    peer                         *peers;
    swp_rank_progress            *shown;
    swp_outcome                   outcome;
    double                        checked_s;
    double                        longest_job_s; /* lately */
    double                        leave_by_s; /* when workers have to have left, once the sweep stops early */
    bool                          is_stopping;
} coordinator;

/* ---- jobs in hand ---- */

static bool hand_reserve(in_hand *hand, size_t n)
{
    if (hand->n + n <= hand->capacity) {
        return true;
    }
    const size_t capacity = (hand->n + n) * 2;
    swp_ticket  *tickets  = malloc(capacity * sizeof(*tickets));
    if (tickets == NULL) {
        return false;
    }
    for (size_t i = 0; i < hand->n; i++) {
        tickets[i] = hand->tickets[(hand->head + i) % hand->capacity];
    }
    free(hand->tickets);
    *hand = (in_hand){.tickets = tickets, .capacity = capacity, .n = hand->n};
    return true;
}

static void hand_push(in_hand *hand, swp_ticket ticket)
{
    hand->tickets[(hand->head + hand->n++) % hand->capacity] = ticket;
}

/* The row of a job came: take the job off. False if it was not in hand (a late row of a peer taken for dead).
 */
static bool hand_take(in_hand *hand, int64_t job)
{
    if (hand->n == 0 || hand->tickets[hand->head].job != (uint64_t)job) {
        return false;
    }
    hand->head = (hand->head + 1) % hand->capacity;
    hand->n--;
    return true;
}

/* ---- rows ---- */

static ws_status give_up(coordinator *c, swp_ticket ticket)
{
    char            hash[SWP_HASH_LEN + 1];
    swp_rows        rows        = {0};
    const swp_spec *spec        = swp_builder_spec(c->config->builder);
    uint32_t       *value_index = calloc(spec->n_params + 1, sizeof(*value_index));
    if (value_index == NULL) {
        return WS_ERR_NOMEM;
    }
    swp_space_point(swp_builder_space(c->config->builder), ticket.job, value_index);
    swp_row row = swp_row_without_run(c->config->builder, ticket.job, value_index, SWP_STATE_FAILED,
                                      "three workers died while they ran this job", hash);
    row.attempt = ticket.attempt;
    free(value_index);
    WS_TRY(swp_rows_add(&rows, &row));
    swp_progress_count(c->config->progress, &row);
    return swp_writer_push(c->config->writer, rows.data, 0, rows.len);
}

/* Rows came from a peer: book them and pass them on. */
static ws_status take_rows(coordinator *c, int who, char *data, size_t len)
{
    peer        *p      = &c->peers[who];
    const size_t before = p->hand.n;
    size_t       offset = 0;
    swp_row      row;
    while (offset < len && swp_rows_next(data, len, &offset, &row) == WS_OK) {
        if (!hand_take(&p->hand, row.job)) {
            continue;
        }
        swp_progress_count(c->config->progress, &row);
        c->shown[who].n_done++;
        if (isfinite(row.wall_s)) {
            c->shown[who].busy_s += row.wall_s;
            c->longest_job_s = swp_allocation_longest_s(c->longest_job_s, row.wall_s);
            swp_job_source_observe(c->config->source, row.job, row.wall_s);
        }
    }
    const double now_s  = swp_wall_s();
    const size_t n_rows = before - p->hand.n;
    if (n_rows > 0) {
        const double job_s = (now_s - p->batch_begin_s) / (double)n_rows;
        p->job_s           = p->job_s == 0.0 ? job_s : 0.7 * p->job_s + 0.3 * job_s;
        p->batch_begin_s   = now_s;
    }
    c->shown[who].n_in_hand = p->hand.n;
    if (offset == 0) { /* nothing arrived whole: a worker died while it sent */
        free(data);
        return WS_OK;
    }
    return swp_writer_push(c->config->writer, data, 0, offset);
}

/* ---- handing out ---- */

static size_t n_workers(const coordinator *c)
{
    size_t n = 0;
    for (int i = 0; i < c->n_peers; i++) {
        n += c->peers[i].state == PEER_ACTIVE;
    }
    return n;
}

/* About BATCH_S of work; toward the end a share of what is left, so that all workers end together. */
static size_t batch_size(const coordinator *c, const peer *p)
{
    double n = p->job_s > 0.0 ? BATCH_S / p->job_s : 1.0;
    n = fmin(n, 2.0 * (double)p->batch + 1.0); /* grow step by step: the first jobs may be the short ones */
    n = fmin(n, (double)swp_job_source_n_left(c->config->source) / (2.0 * (double)n_workers(c)));
    n = fmin(n, SWP_MAX_BATCH);
    return n < 1.0 ? 1 : (size_t)n;
}

static ws_status send_jobs(coordinator *c, int who, const swp_ticket *tickets, size_t n)
{
    if (who == 0) {
        return swp_local_give(c->config->local, tickets, n);
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
    return swp_mpi_send_owned(c->config->mpi, who, SWP_TAG_JOBS, (char *)message, bytes);
}

static ws_status give_batch(coordinator *c, int who, bool *gave_out)
{
    peer        *p    = &c->peers[who];
    const size_t size = batch_size(c, p);
    swp_ticket   tickets[SWP_MAX_BATCH];
    *gave_out = false;
    if (p->hand.n > size || (p->hand.n > 0 && p->job_s > LONG_JOB_S)) {
        return WS_OK; /* one batch runs, one waits; a long job is better left to whoever is free first */
    }
    if (!hand_reserve(&p->hand, SWP_MAX_BATCH)) {
        return WS_ERR_NOMEM;
    }
    const size_t n = swp_job_source_take(c->config->source, size, tickets);
    if (n == 0) {
        return WS_OK;
    }
    if (p->hand.n == 0) {
        p->batch_begin_s = swp_wall_s();
    }
    for (size_t i = 0; i < n; i++) {
        hand_push(&p->hand, tickets[i]);
    }
    p->batch                = n;
    p->beat_s               = swp_wall_s();
    c->shown[who].n_in_hand = p->hand.n;
    *gave_out               = true;
    return send_jobs(c, who, tickets, n);
}

/* A round at a time, so that every worker gets its first batch before any gets a second. */
static ws_status hand_out(coordinator *c, bool *did_something)
{
    bool gave_any = !c->is_stopping && swp_writer_backlog_bytes(c->config->writer) < BACKLOG_BYTES;
    while (gave_any) {
        gave_any = false;
        for (int i = 0; i < c->n_peers; i++) {
            bool gave = false;
            if (c->peers[i].state == PEER_ACTIVE) {
                WS_TRY(give_batch(c, i, &gave));
            }
            gave_any       = gave_any || gave;
            *did_something = *did_something || gave;
        }
    }
    return WS_OK;
}

/* ---- who is there ---- */

static ws_status bury(coordinator *c, int who, const char *why)
{
    peer *p               = &c->peers[who];
    p->state              = PEER_DEAD;
    c->shown[who].is_dead = true;
    c->outcome.n_dead++;
    swp_mpi_forget(c->config->mpi, who);
    swp_progress_say(c->config->progress, "rank=%d %s; its %zu jobs go to others", who, why, p->hand.n);
    ws_status status   = WS_OK;
    bool      is_first = true;
    while (p->hand.n > 0) {
        swp_ticket ticket = p->hand.tickets[p->hand.head];
        hand_take(&p->hand, (int64_t)ticket.job);
        ticket.attempt += is_first; /* only the first one can have been running */
        is_first            = false;
        const ws_status one = ticket.attempt > MAX_DEATHS ? give_up(c, ticket)
                                                          : swp_job_source_return(c->config->source, ticket);
        status              = one == WS_OK ? status : one;
    }
    c->shown[who].n_in_hand = 0;
    return status;
}

static bool is_process_gone(const peer *p)
{
    return p->pid > 0 && kill((pid_t)p->pid, 0) != 0 && errno == ESRCH;
}

/* Once a second: beats to the others, and a look at who went silent. */
static ws_status check_peers(coordinator *c)
{
    const double now_s = swp_wall_s();
    if (c->config->mpi == NULL || now_s - c->checked_s < SWP_BEAT_INTERVAL_S / 2) {
        return WS_OK;
    }
    c->checked_s = now_s;
    for (int i = 1; i < c->n_peers; i++) {
        peer *p = &c->peers[i];
        if (p->state == PEER_GONE || p->state == PEER_DEAD) {
            continue;
        }
        if (is_process_gone(p)) {
            WS_TRY(bury(c, i, "its process is gone"));
        } else if (now_s - p->heard_s > c->config->silence_s) {
            WS_TRY(bury(c, i, "it has been silent for too long"));
        } else if (now_s - p->beat_s >= SWP_BEAT_INTERVAL_S) {
            p->beat_s = now_s;
            WS_TRY(swp_mpi_send(c->config->mpi, i, SWP_TAG_BEAT, NULL, 0));
        }
    }
    return WS_OK;
}

static void greet(coordinator *c, int who, const swp_message *message)
{
    swp_msg_hello hello;
    if (message->len != sizeof hello) {
        return;
    }
    memcpy(&hello, message->data, sizeof hello);
    hello.host[SWP_HOST_LEN - 1] = '\0';
    c->peers[who].state          = c->is_stopping ? PEER_LEAVING : PEER_ACTIVE;
    c->peers[who].pid            = strcmp(hello.host, c->config->host) == 0 ? hello.pid : 0;
    swp_writer_set_host(c->config->writer, who, hello.host);
}

static ws_status handle(coordinator *c, swp_message *message)
{
    const int who = message->source;
    if (c->peers[who].state == PEER_DEAD) {
        free(message->data); /* taken for dead, its jobs are with others */
        return WS_OK;
    }
    c->peers[who].heard_s = swp_wall_s();
    ws_status status      = WS_OK;
    switch (message->tag) {
    case SWP_TAG_HELLO:
        greet(c, who, message);
        break;
    case SWP_TAG_RESULTS:
        status        = take_rows(c, who, message->data, message->len);
        message->data = NULL;
        break;
    case SWP_TAG_DRAIN:
        c->outcome.was_asked_to_stop = true;
        break;
    case SWP_TAG_BYE:
        c->peers[who].state = PEER_GONE;
        break;
    default: /* a beat */
        break;
    }
    free(message->data);
    return status;
}

static ws_status gather(coordinator *c, double wait_s, bool *did_something)
{
    swp_message message;
    for (int n = 0; c->config->mpi != NULL && n < MESSAGES_PER_TURN && swp_mpi_poll(c->config->mpi, &message);
         n++) {
        *did_something = true;
        WS_TRY(handle(c, &message));
    }
    swp_rows rows;
    if (c->config->local != NULL &&
        swp_local_collect(c->config->local, *did_something ? 0.0 : wait_s, &rows)) {
        *did_something = true;
        WS_TRY(take_rows(c, 0, rows.data, rows.len));
    }
    return WS_OK;
}

static bool is_all_done(const coordinator *c)
{
    for (int i = 0; i < c->n_peers; i++) {
        if (c->peers[i].hand.n > 0) {
            return false;
        }
    }
    return swp_job_source_n_left(c->config->source) == 0;
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

static bool must_stop(coordinator *c)
{
    const double now_s = swp_wall_s();
    if (swp_signals_came() || now_s >= c->config->stop_at_s || must_leave_allocation(c, now_s)) {
        c->outcome.was_asked_to_stop = true;
    }
    bool anyone = false;
    for (int i = 0; i < c->n_peers; i++) {
        anyone = anyone || c->peers[i].state == PEER_ACTIVE || c->peers[i].state == PEER_ABSENT;
    }
    const bool local_failed = c->config->local != NULL && swp_local_has_failed(c->config->local);
    return c->outcome.was_asked_to_stop || !anyone || local_failed ||
           swp_writer_has_failed(c->config->writer);
}

static void pause_briefly(int n_idle_turns)
{
    const long ns = n_idle_turns < 20 ? 20000 : 200000; /* short while messages are likely, then relaxed */
    struct timespec time = {.tv_nsec = ns};
    nanosleep(&time, NULL);
}

/* ---- phases ---- */

static ws_status work(coordinator *c)
{
    int n_idle_turns = 0;
    while (!is_all_done(c) && !must_stop(c)) {
        bool did_something = false;
        WS_TRY(gather(c, c->config->mpi == NULL ? 0.05 : 0.0, &did_something));
        WS_TRY(hand_out(c, &did_something));
        WS_TRY(check_peers(c));
        swp_progress_tick(c->config->progress, c->shown);
        n_idle_turns = did_something ? 0 : n_idle_turns + 1;
        if (!did_something && c->config->mpi != NULL) {
            pause_briefly(n_idle_turns);
        }
    }
    return WS_OK;
}

static ws_status ask_to_leave(coordinator *c, bool is_drain)
{
    const swp_msg_stop stop = {.drain = is_drain};
    for (int i = 1; i < c->n_peers; i++) {
        if (c->peers[i].state == PEER_ACTIVE || c->peers[i].state == PEER_ABSENT) {
            c->peers[i].state = PEER_LEAVING;
            WS_TRY(swp_mpi_send(c->config->mpi, i, SWP_TAG_STOP, &stop, sizeof stop));
        }
    }
    return WS_OK;
}

static bool has_everyone_left(const coordinator *c)
{
    for (int i = 1; i < c->n_peers; i++) {
        if (c->peers[i].state == PEER_LEAVING) {
            return false;
        }
    }
    return c->config->local == NULL || swp_local_is_idle(c->config->local);
}

/* Gather what is still coming, until every worker said goodbye, died, or took too long. */
static ws_status wind_up(coordinator *c, bool is_drain)
{
    c->is_stopping     = true;
    const double end_s = fmax(swp_wall_s() + LEAVE_S, c->leave_by_s);
    swp_writer_flush_soon(c->config->writer);
    if (c->config->local != NULL && is_drain) {
        swp_local_drain(c->config->local);
    }
    WS_TRY(ask_to_leave(c, is_drain));
    while (!has_everyone_left(c)) {
        bool did_something = false;
        WS_TRY(gather(c, 0.0, &did_something));
        WS_TRY(check_peers(c));
        if (is_drain && swp_wall_s() > end_s) {
            atomic_store(c->config->abandon, true);
            break;
        }
        if (!did_something) {
            pause_briefly(0);
        }
    }
    for (int i = 1; i < c->n_peers; i++) {
        if (c->peers[i].state == PEER_LEAVING) {
            WS_TRY(bury(c, i, "it did not leave in time"));
        }
    }
    return WS_OK;
}

static ws_status release_workers(coordinator *c)
{
    const swp_msg_release release = {.finalize = c->outcome.n_dead == 0};
    for (int i = 1; i < c->n_peers; i++) {
        if (c->peers[i].state == PEER_GONE) {
            WS_TRY(swp_mpi_send(c->config->mpi, i, SWP_TAG_RELEASE, &release, sizeof release));
        }
    }
    const double end_s = swp_wall_s() + 1.0;
    while (c->config->mpi != NULL && swp_mpi_n_unsent(c->config->mpi) > 0 && swp_wall_s() < end_s) {
        swp_message message;
        if (swp_mpi_poll(c->config->mpi, &message)) {
            free(message.data);
        }
    }
    return WS_OK;
}

static ws_status init(coordinator *c)
{
    c->n_peers = swp_mpi_size(c->config->mpi);
    c->peers   = calloc((size_t)c->n_peers, sizeof(*c->peers));
    c->shown   = calloc((size_t)c->n_peers, sizeof(*c->shown));
    if (c->peers == NULL || c->shown == NULL) {
        return WS_ERR_NOMEM;
    }
    for (int i = 0; i < c->n_peers; i++) {
        c->peers[i].heard_s = swp_wall_s();
        c->peers[i].beat_s  = swp_wall_s();
    }
    c->peers[0].state = c->config->local != NULL ? PEER_ACTIVE : PEER_GONE;
    swp_writer_set_host(c->config->writer, 0, c->config->host);
    return WS_OK;
}

ws_status swp_coordinate(const swp_coordinator_config *config, swp_outcome *outcome_out)
{
    coordinator c      = {.config = config};
    ws_status   status = init(&c);
    if (status == WS_OK) {
        status = work(&c);
    }
    const bool is_complete = status == WS_OK && is_all_done(&c);
    if (c.peers != NULL && c.shown != NULL) {
        const ws_status ending = wind_up(&c, !is_complete);
        status                 = status == WS_OK ? ending : status;
        const ws_status last   = release_workers(&c);
        status                 = status == WS_OK ? last : status;
    }
    c.outcome.is_complete = status == WS_OK && is_all_done(&c);
    swp_progress_finish(config->progress, c.shown, c.outcome.is_complete ? "complete" : "stopped");
    for (int i = 0; c.peers != NULL && i < c.n_peers; i++) {
        free(c.peers[i].hand.tickets);
    }
    free(c.peers);
    free(c.shown);
    *outcome_out = c.outcome;
    return status;
}
