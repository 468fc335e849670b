#include "ranks/worker_roster.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELEASE_LIMIT_S 1.0      /* for the last messages to get through */
#define KEEP_UP_PAUSE_NS 1000000 /* between two looks for messages during a long call */

typedef struct member {
    swp_worker_state state;
    swp_stop         asked_how;            /* to stop, once LEAVING */
    bool             is_set_up, is_ready;  /* the setup was sent; it was understood */
    double           heard_s, heartbeat_s; /* last message from it, to it */
    int64_t          pid;                  /* 0 = not on this host */
    char             host[SWP_HOST_LEN];
} member;

struct swp_roster {
    swp_transport *transport;
    char           host[SWP_HOST_LEN];
    double         silence_s, checked_s;
    int            n; /* ranks; member 0 is never used */
    member        *members;
    const char    *setup; /* NULL = not there yet */
    size_t         setup_len;
    bool           fits_windows; /* the setup lies, or will lie, in the window of every node that has one */
    int            n_dead, n_pointed;
    bool           wants_to_stop;
};

static double clock_s(const swp_roster *roster)
{
    return swp_transport_now_s(roster->transport);
}

ws_status swp_roster_create(swp_transport *transport, const char *host, double silence_s,
                            swp_roster **roster_out)
{
    swp_roster *roster = calloc(1, sizeof(*roster));
    *roster_out        = roster;
    if (roster == NULL) {
        return WS_ERR_NOMEM;
    }
    roster->transport = transport;
    roster->silence_s = silence_s > SWP_MIN_SILENCE_S ? silence_s : SWP_MIN_SILENCE_S;
    roster->checked_s = clock_s(roster);
    roster->n         = transport->size;
    roster->members   = calloc((size_t)roster->n, sizeof(*roster->members));
    snprintf(roster->host, sizeof roster->host, "%s", host);
    if (roster->members == NULL) {
        swp_roster_destroy(roster_out);
        return WS_ERR_NOMEM;
    }
    swp_msg_hello rank0 = {.pid = transport->pid};
    memcpy(rank0.host, roster->host, sizeof rank0.host);
    ws_status status = WS_OK;
    for (int i = 1; i < roster->n && status == WS_OK; i++) {
        roster->members[i].heard_s     = roster->checked_s;
        roster->members[i].heartbeat_s = roster->checked_s;
        status = swp_transport_send(transport, i, SWP_TAG_RANK0, &rank0, sizeof rank0);
    }
    return status;
}

void swp_roster_destroy(swp_roster **roster)
{
    if (*roster != NULL) {
        free((*roster)->members);
        free(*roster);
        *roster = NULL;
    }
}

int swp_roster_size(const swp_roster *roster)
{
    return roster->n;
}

swp_worker_state swp_roster_state(const swp_roster *roster, int rank)
{
    return roster->members[rank].state;
}

const char *swp_roster_host(const swp_roster *roster, int rank)
{
    return roster->members[rank].host;
}

bool swp_roster_wants_to_stop(const swp_roster *roster)
{
    return roster->wants_to_stop;
}

int swp_roster_n_dead(const swp_roster *roster)
{
    return roster->n_dead;
}

int swp_roster_n_pointed(const swp_roster *roster)
{
    return roster->n_pointed;
}

/* ---- setting up ---- */

static ws_status send_setup(swp_roster *roster, int rank, swp_setup_place place)
{
    const swp_msg_setup setup       = {.n_bytes = roster->setup_len, .place = place};
    const size_t        n_to_send   = place == SWP_SETUP_IN_WINDOW ? 0 : roster->setup_len;
    roster->members[rank].is_set_up = true;
    roster->n_pointed += place == SWP_SETUP_IN_WINDOW;
    WS_TRY(swp_transport_send(roster->transport, rank, SWP_TAG_SETUP, &setup, sizeof setup));
    for (size_t at = 0; at < n_to_send; at += SWP_SETUP_CHUNK_BYTES) {
        const size_t left = roster->setup_len - at;
        const size_t n    = left < SWP_SETUP_CHUNK_BYTES ? left : SWP_SETUP_CHUNK_BYTES;
        WS_TRY(swp_transport_send_borrowed(roster->transport, rank, SWP_TAG_BYTES, roster->setup + at, n));
    }
    return WS_OK;
}

/* Can the leader of a node still be expected to fill its window? */
static bool will_share(const swp_roster *roster, int leader)
{
    return roster->members[leader].state <= SWP_WORKER_READY;
}

static ws_status set_up_member(swp_roster *roster, int rank)
{
    const member *m      = &roster->members[rank];
    const int     leader = roster->transport->leader_of[rank];
    if (roster->setup == NULL || m->state != SWP_WORKER_HERE || m->is_set_up) {
        return WS_OK;
    }
    if (leader < 0 || !roster->fits_windows) {
        return send_setup(roster, rank, SWP_SETUP_BY_MESSAGES);
    }
    if (leader == rank) {
        return send_setup(roster, rank, SWP_SETUP_INTO_WINDOW);
    }
    if (leader == 0 || roster->members[leader].is_ready) {
        return send_setup(roster, rank, SWP_SETUP_IN_WINDOW);
    }
    return will_share(roster, leader) ? WS_OK : send_setup(roster, rank, SWP_SETUP_BY_MESSAGES);
}

static ws_status set_up_all(swp_roster *roster)
{
    for (int i = 1; i < roster->n; i++) {
        WS_TRY(set_up_member(roster, i));
    }
    return WS_OK;
}

ws_status swp_roster_set_up(swp_roster *roster, const char *block, size_t len)
{
    roster->setup        = block;
    roster->setup_len    = len;
    roster->fits_windows = swp_transport_fits_window(roster->transport, len);
    swp_transport_sync_window(roster->transport);
    return set_up_all(roster);
}

/* ---- conversation ---- */

static bool is_process_gone(const swp_roster *roster, int rank)
{
    return swp_transport_is_gone(roster->transport, roster->members[rank].pid);
}

static void greet(swp_roster *roster, int rank, const swp_message *message)
{
    member       *m = &roster->members[rank];
    swp_msg_hello hello;
    if (message->len == sizeof hello) {
        memcpy(&hello, message->data, sizeof hello);
        hello.host[SWP_HOST_LEN - 1] = '\0';
        memcpy(m->host, hello.host, sizeof m->host);
        m->pid   = strcmp(hello.host, roster->host) == 0 ? hello.pid : 0;
        m->state = m->state == SWP_WORKER_EXPECTED ? SWP_WORKER_HERE : m->state;
    }
}

/* A worker taken for dead was only silent: stopped, swapped out, or its host cut off. It has to be asked
 * again to stop if the others were; its old jobs are with others, and rows of them are not expected of it any
 * more. */
static void take_back(swp_roster *roster, int rank)
{
    member *m = &roster->members[rank];
    if (m->state == SWP_WORKER_DEAD && !is_process_gone(roster, rank)) {
        m->state = m->is_ready          ? SWP_WORKER_READY
                   : m->host[0] != '\0' ? SWP_WORKER_HERE
                                        : SWP_WORKER_EXPECTED;
        roster->n_dead--;
    }
}

/* All but results. */
static ws_status handle(swp_roster *roster, const swp_message *message)
{
    member *m = &roster->members[message->source];
    switch (message->tag) {
    case SWP_TAG_HELLO:
        greet(roster, message->source, message);
        return set_up_member(roster, message->source);
    case SWP_TAG_READY:
        m->is_ready = true;
        m->state    = m->state == SWP_WORKER_HERE ? SWP_WORKER_READY : m->state;
        return set_up_all(roster); /* its node's window is filled now */
    case SWP_TAG_DRAIN:
        roster->wants_to_stop = true;
        return WS_OK;
    case SWP_TAG_BYE:
        m->state = m->state == SWP_WORKER_DEAD ? m->state : SWP_WORKER_GONE;
        return WS_OK;
    default: /* a heartbeat */
        return WS_OK;
    }
}

ws_status swp_roster_next_results(swp_roster *roster, swp_message *message_out, bool *came_out)
{
    ws_status status = WS_OK;
    *came_out        = false;
    while (status == WS_OK && swp_transport_poll(roster->transport, message_out)) {
        roster->members[message_out->source].heard_s = clock_s(roster);
        take_back(roster, message_out->source);
        if (message_out->tag == SWP_TAG_RESULTS) {
            *came_out = true;
            return WS_OK;
        }
        status = handle(roster, message_out);
        free(message_out->data);
    }
    return status;
}

static ws_status send_heartbeats(swp_roster *roster, double now_s)
{
    for (int i = 1; i < roster->n; i++) {
        member *m = &roster->members[i];
        if (m->state != SWP_WORKER_DEAD && now_s - m->heartbeat_s >= SWP_HEARTBEAT_INTERVAL_S) {
            m->heartbeat_s = now_s;
            WS_TRY(swp_transport_send(roster->transport, i, SWP_TAG_HEARTBEAT, NULL, 0));
        }
    }
    return WS_OK;
}

static ws_status declare_dead(swp_roster *roster, int rank, const char *why, swp_lost_fn lost, void *ctx)
{
    roster->members[rank].state = SWP_WORKER_DEAD;
    roster->n_dead++;
    swp_transport_forget(roster->transport, rank);
    WS_TRY(lost(ctx, rank, why));
    return set_up_all(roster); /* those of its node wait in vain for their window */
}

ws_status swp_roster_check(swp_roster *roster, swp_lost_fn lost, void *ctx)
{
    const double now_s   = clock_s(roster);
    const double since_s = now_s - roster->checked_s;
    if (roster->n == 1 || since_s < SWP_HEARTBEAT_INTERVAL_S / 2) {
        return WS_OK;
    }
    roster->checked_s = now_s;
    for (int i = 1; i < roster->n; i++) {
        member *m = &roster->members[i];
        if (since_s >
            SWP_MIN_SILENCE_S / 2) { /* rank 0 was away itself (stopped, swapped out) and heard nobody */
            m->heard_s = now_s;
        }
        if (m->state == SWP_WORKER_DEAD) {
            continue;
        }
        if (is_process_gone(roster, i)) {
            WS_TRY(declare_dead(roster, i, "its process is gone", lost, ctx));
        } else if (now_s - m->heard_s > roster->silence_s) {
            WS_TRY(declare_dead(roster, i, "it has been silent for too long", lost, ctx));
        }
    }
    return send_heartbeats(roster, now_s);
}

/* ---- long calls ---- */

typedef struct long_call {
    void (*call)(void *ctx);
    void       *ctx;
    atomic_bool is_over;
} long_call;

static void *long_call_main(void *arg)
{
    long_call *l = arg;
    l->call(l->ctx);
    atomic_store(&l->is_over, true);
    return NULL;
}

/* Errors are met again, and reported, by whoever calls the roster next. */
static void keep_up(swp_roster *roster)
{
    bool        came;
    swp_message message;
    while (swp_roster_next_results(roster, &message, &came) == WS_OK && came) {
        free(message.data); /* nobody has jobs now: rows of a worker that was taken for dead */
    }
    const double now_s = clock_s(roster);
    if (now_s - roster->checked_s >= SWP_HEARTBEAT_INTERVAL_S / 2) {
        roster->checked_s      = now_s;
        const ws_status status = send_heartbeats(roster, now_s);
        (void)status;
    }
}

void swp_roster_keep_while(swp_roster *roster, void (*call)(void *ctx), void *ctx)
{
    long_call l = {.call = call, .ctx = ctx};
    pthread_t thread;
    atomic_init(&l.is_over, false);
    if (roster->n == 1 || pthread_create(&thread, NULL, long_call_main, &l) != 0) {
        call(ctx);
        return;
    }
    while (!atomic_load(&l.is_over)) {
        keep_up(roster);
        swp_sleep_ns(roster->transport->machine, KEEP_UP_PAUSE_NS);
    }
    pthread_join(thread, NULL);
}

/* ---- work and leaving ---- */

ws_status swp_roster_send_jobs(swp_roster *roster, int rank, char *message, size_t len)
{
    roster->members[rank].heartbeat_s = clock_s(roster);
    return swp_transport_send_owned(roster->transport, rank, SWP_TAG_JOBS, message, len);
}

ws_status swp_roster_ask_to_leave(swp_roster *roster, swp_stop how)
{
    const swp_msg_stop stop = {.how = how};
    for (int i = 1; i < roster->n; i++) {
        member    *m              = &roster->members[i];
        const bool is_more_urgent = m->state == SWP_WORKER_LEAVING && m->asked_how < how;
        if (m->state <= SWP_WORKER_READY || is_more_urgent) {
            m->state     = SWP_WORKER_LEAVING;
            m->asked_how = how;
            WS_TRY(swp_transport_send(roster->transport, i, SWP_TAG_STOP, &stop, sizeof stop));
        }
    }
    return WS_OK;
}

bool swp_roster_has_left(const swp_roster *roster)
{
    for (int i = 1; i < roster->n; i++) {
        if (roster->members[i].state == SWP_WORKER_LEAVING) {
            return false;
        }
    }
    return true;
}

ws_status swp_roster_give_up(swp_roster *roster, swp_lost_fn lost, void *ctx)
{
    for (int i = 1; i < roster->n; i++) {
        if (roster->members[i].state == SWP_WORKER_LEAVING) {
            WS_TRY(declare_dead(roster, i, "it did not leave in time", lost, ctx));
        }
    }
    return WS_OK;
}

bool swp_roster_release(swp_roster *roster)
{
    ws_status status = WS_OK;
    for (int i = 1; i < roster->n; i++) { /* who died during the last long call */
        roster->n_dead += roster->members[i].state != SWP_WORKER_DEAD && is_process_gone(roster, i);
    }
    const swp_msg_release release = {.finalize = roster->n_dead == 0};
    for (int i = 1; i < roster->n && status == WS_OK; i++) {
        if (roster->members[i].state != SWP_WORKER_DEAD) {
            status = swp_transport_send(roster->transport, i, SWP_TAG_RELEASE, &release, sizeof release);
        }
    }
    const double end_s = clock_s(roster) + RELEASE_LIMIT_S;
    while (swp_transport_n_unsent(roster->transport) > 0 && clock_s(roster) < end_s) {
        keep_up(roster);
    }
    return release.finalize != 0 && status == WS_OK;
}
