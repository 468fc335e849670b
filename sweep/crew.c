#include "crew.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "job_run.h"

#define RELEASE_LIMIT_S 1.0 /* for the last messages to get through */

typedef struct member {
    swp_member_state state;
    swp_stop         told;                /* once LEAVING */
    bool             is_set_up, is_ready; /* the setup was sent; it was understood */
    double           heard_s, beat_s;     /* last message from it, to it */
    int64_t          pid;                 /* 0 = not on this host */
    char             host[SWP_HOST_LEN];
} member;

struct swp_crew {
    swp_mpi    *mpi;
    char        host[SWP_HOST_LEN];
    double      silence_s, checked_s;
    int         n; /* ranks; member 0 is never used */
    member     *members;
    const char *setup; /* NULL = not there yet */
    size_t      setup_len;
    bool        fits_windows; /* the setup lies, or will lie, in the window of every node that has one */
    int         n_dead, n_pointed;
    bool        wants_to_stop;
};

ws_status swp_crew_create(swp_mpi *mpi, const char *host, double silence_s, swp_crew **crew_out)
{
    swp_crew *crew = calloc(1, sizeof(*crew));
    *crew_out      = crew;
    if (crew == NULL) {
        return WS_ERR_NOMEM;
    }
    crew->mpi       = mpi;
    crew->silence_s = silence_s > SWP_MIN_SILENCE_S ? silence_s : SWP_MIN_SILENCE_S;
    crew->checked_s = swp_wall_s();
    crew->n         = swp_mpi_size(mpi);
    crew->members   = calloc((size_t)crew->n, sizeof(*crew->members));
    snprintf(crew->host, sizeof crew->host, "%s", host);
    if (crew->members == NULL) {
        swp_crew_destroy(crew_out);
        return WS_ERR_NOMEM;
    }
    swp_msg_hello boss = {.pid = (int64_t)getpid()};
    memcpy(boss.host, crew->host, sizeof boss.host);
    ws_status status = WS_OK;
    for (int i = 1; i < crew->n && status == WS_OK; i++) {
        crew->members[i].heard_s = crew->checked_s;
        crew->members[i].beat_s  = crew->checked_s;
        status                   = swp_mpi_send(mpi, i, SWP_TAG_BOSS, &boss, sizeof boss);
    }
    return status;
}

void swp_crew_destroy(swp_crew **crew)
{
    if (*crew != NULL) {
        free((*crew)->members);
        free(*crew);
        *crew = NULL;
    }
}

int swp_crew_size(const swp_crew *crew)
{
    return crew->n;
}

swp_member_state swp_crew_state(const swp_crew *crew, int rank)
{
    return crew->members[rank].state;
}

const char *swp_crew_host(const swp_crew *crew, int rank)
{
    return crew->members[rank].host;
}

bool swp_crew_wants_to_stop(const swp_crew *crew)
{
    return crew->wants_to_stop;
}

int swp_crew_n_dead(const swp_crew *crew)
{
    return crew->n_dead;
}

int swp_crew_n_pointed(const swp_crew *crew)
{
    return crew->n_pointed;
}

/* ---- setting up ---- */

static ws_status send_setup(swp_crew *crew, int rank, swp_setup_place place)
{
    const swp_msg_setup setup     = {.n_bytes = crew->setup_len, .place = place};
    const size_t        n_to_send = place == SWP_SETUP_IN_WINDOW ? 0 : crew->setup_len;
    crew->members[rank].is_set_up = true;
    crew->n_pointed += place == SWP_SETUP_IN_WINDOW;
    WS_TRY(swp_mpi_send(crew->mpi, rank, SWP_TAG_SETUP, &setup, sizeof setup));
    for (size_t at = 0; at < n_to_send; at += SWP_SETUP_CHUNK_BYTES) {
        const size_t left = crew->setup_len - at;
        const size_t n    = left < SWP_SETUP_CHUNK_BYTES ? left : SWP_SETUP_CHUNK_BYTES;
        WS_TRY(swp_mpi_send_borrowed(crew->mpi, rank, SWP_TAG_BYTES, crew->setup + at, n));
    }
    return WS_OK;
}

/* Can the leader of a node still be expected to fill its window? */
static bool will_share(const swp_crew *crew, int leader)
{
    return crew->members[leader].state <= SWP_MEMBER_READY;
}

static ws_status set_up_member(swp_crew *crew, int rank)
{
    const member *m      = &crew->members[rank];
    const int     leader = swp_mpi_window_leader(crew->mpi, rank);
    if (crew->setup == NULL || m->state != SWP_MEMBER_HERE || m->is_set_up) {
        return WS_OK;
    }
    if (leader < 0 || !crew->fits_windows) {
        return send_setup(crew, rank, SWP_SETUP_BY_MESSAGES);
    }
    if (leader == rank) {
        return send_setup(crew, rank, SWP_SETUP_INTO_WINDOW);
    }
    if (leader == 0 || crew->members[leader].is_ready) {
        return send_setup(crew, rank, SWP_SETUP_IN_WINDOW);
    }
    return will_share(crew, leader) ? WS_OK : send_setup(crew, rank, SWP_SETUP_BY_MESSAGES);
}

static ws_status set_up_all(swp_crew *crew)
{
    for (int i = 1; i < crew->n; i++) {
        WS_TRY(set_up_member(crew, i));
    }
    return WS_OK;
}

ws_status swp_crew_set_up(swp_crew *crew, const char *block, size_t len)
{
    crew->setup        = block;
    crew->setup_len    = len;
    crew->fits_windows = swp_mpi_fits_window(crew->mpi, len);
    swp_mpi_window_sync(crew->mpi);
    return set_up_all(crew);
}

/* ---- conversation ---- */

static bool is_process_gone(const member *m)
{
    return m->pid > 0 && kill((pid_t)m->pid, 0) != 0 && errno == ESRCH;
}

static void greet(swp_crew *crew, int rank, const swp_message *message)
{
    member       *m = &crew->members[rank];
    swp_msg_hello hello;
    if (message->len == sizeof hello) {
        memcpy(&hello, message->data, sizeof hello);
        hello.host[SWP_HOST_LEN - 1] = '\0';
        memcpy(m->host, hello.host, sizeof m->host);
        m->pid   = strcmp(hello.host, crew->host) == 0 ? hello.pid : 0;
        m->state = m->state == SWP_MEMBER_EXPECTED ? SWP_MEMBER_HERE : m->state;
    }
}

/* A worker taken for dead was only silent: stopped, swapped out, or its host cut off. It has to be told again
 * to stop if the others were; its old jobs are with others, rows of them are not in its hand any more. */
static void take_back(swp_crew *crew, int rank)
{
    member *m = &crew->members[rank];
    if (m->state == SWP_MEMBER_DEAD && !is_process_gone(m)) {
        m->state = m->is_ready          ? SWP_MEMBER_READY
                   : m->host[0] != '\0' ? SWP_MEMBER_HERE
                                        : SWP_MEMBER_EXPECTED;
        crew->n_dead--;
    }
}

/* All but results. */
static ws_status handle(swp_crew *crew, const swp_message *message)
{
    member *m = &crew->members[message->source];
    switch (message->tag) {
    case SWP_TAG_HELLO:
        greet(crew, message->source, message);
        return set_up_member(crew, message->source);
    case SWP_TAG_READY:
        m->is_ready = true;
        m->state    = m->state == SWP_MEMBER_HERE ? SWP_MEMBER_READY : m->state;
        return set_up_all(crew); /* its node's window is filled now */
    case SWP_TAG_DRAIN:
        crew->wants_to_stop = true;
        return WS_OK;
    case SWP_TAG_BYE:
        m->state = m->state == SWP_MEMBER_DEAD ? m->state : SWP_MEMBER_GONE;
        return WS_OK;
    default: /* a beat */
        return WS_OK;
    }
}

ws_status swp_crew_next_results(swp_crew *crew, swp_message *message_out, bool *came_out)
{
    ws_status status = WS_OK;
    *came_out        = false;
    while (status == WS_OK && crew->mpi != NULL && swp_mpi_poll(crew->mpi, message_out)) {
        crew->members[message_out->source].heard_s = swp_wall_s();
        take_back(crew, message_out->source);
        if (message_out->tag == SWP_TAG_RESULTS) {
            *came_out = true;
            return WS_OK;
        }
        status = handle(crew, message_out);
        free(message_out->data);
    }
    return status;
}

static ws_status beat(swp_crew *crew, double now_s)
{
    for (int i = 1; i < crew->n; i++) {
        member *m = &crew->members[i];
        if (m->state != SWP_MEMBER_DEAD && now_s - m->beat_s >= SWP_BEAT_INTERVAL_S) {
            m->beat_s = now_s;
            WS_TRY(swp_mpi_send(crew->mpi, i, SWP_TAG_BEAT, NULL, 0));
        }
    }
    return WS_OK;
}

static ws_status bury(swp_crew *crew, int rank, const char *why, swp_lost_fn lost, void *ctx)
{
    crew->members[rank].state = SWP_MEMBER_DEAD;
    crew->n_dead++;
    swp_mpi_forget(crew->mpi, rank);
    WS_TRY(lost(ctx, rank, why));
    return set_up_all(crew); /* those of its node wait in vain for their window */
}

ws_status swp_crew_check(swp_crew *crew, swp_lost_fn lost, void *ctx)
{
    const double now_s   = swp_wall_s();
    const double since_s = now_s - crew->checked_s;
    if (crew->n == 1 || since_s < SWP_BEAT_INTERVAL_S / 2) {
        return WS_OK;
    }
    crew->checked_s = now_s;
    for (int i = 1; i < crew->n; i++) {
        member *m = &crew->members[i];
        if (since_s >
            SWP_MIN_SILENCE_S / 2) { /* rank 0 was away itself (stopped, swapped out) and heard nobody */
            m->heard_s = now_s;
        }
        if (m->state == SWP_MEMBER_DEAD) {
            continue;
        }
        if (is_process_gone(m)) {
            WS_TRY(bury(crew, i, "its process is gone", lost, ctx));
        } else if (now_s - m->heard_s > crew->silence_s) {
            WS_TRY(bury(crew, i, "it has been silent for too long", lost, ctx));
        }
    }
    return beat(crew, now_s);
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

/* Errors are met again, and told, by whoever talks to the crew next. */
static void keep_up(swp_crew *crew)
{
    bool        came;
    swp_message message;
    while (swp_crew_next_results(crew, &message, &came) == WS_OK && came) {
        free(message.data); /* nobody has jobs now: rows of a worker that was taken for dead */
    }
    const double now_s = swp_wall_s();
    if (now_s - crew->checked_s >= SWP_BEAT_INTERVAL_S / 2) {
        crew->checked_s        = now_s;
        const ws_status status = beat(crew, now_s);
        (void)status;
    }
}

void swp_crew_keep_while(swp_crew *crew, void (*call)(void *ctx), void *ctx)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    long_call             l     = {.call = call, .ctx = ctx};
    pthread_t             thread;
    atomic_init(&l.is_over, false);
    if (crew->n == 1 || pthread_create(&thread, NULL, long_call_main, &l) != 0) {
        call(ctx);
        return;
    }
    while (!atomic_load(&l.is_over)) {
        keep_up(crew);
        nanosleep(&pause, NULL);
    }
    pthread_join(thread, NULL);
}

/* ---- work and leaving ---- */

ws_status swp_crew_give(swp_crew *crew, int rank, char *message, size_t len)
{
    crew->members[rank].beat_s = swp_wall_s();
    return swp_mpi_send_owned(crew->mpi, rank, SWP_TAG_JOBS, message, len);
}

ws_status swp_crew_ask_to_leave(swp_crew *crew, swp_stop how)
{
    const swp_msg_stop stop = {.how = how};
    for (int i = 1; i < crew->n; i++) {
        member    *m              = &crew->members[i];
        const bool is_more_urgent = m->state == SWP_MEMBER_LEAVING && m->told < how;
        if (m->state <= SWP_MEMBER_READY || is_more_urgent) {
            m->state = SWP_MEMBER_LEAVING;
            m->told  = how;
            WS_TRY(swp_mpi_send(crew->mpi, i, SWP_TAG_STOP, &stop, sizeof stop));
        }
    }
    return WS_OK;
}

bool swp_crew_has_left(const swp_crew *crew)
{
    for (int i = 1; i < crew->n; i++) {
        if (crew->members[i].state == SWP_MEMBER_LEAVING) {
            return false;
        }
    }
    return true;
}

ws_status swp_crew_give_up(swp_crew *crew, swp_lost_fn lost, void *ctx)
{
    for (int i = 1; i < crew->n; i++) {
        if (crew->members[i].state == SWP_MEMBER_LEAVING) {
            WS_TRY(bury(crew, i, "it did not leave in time", lost, ctx));
        }
    }
    return WS_OK;
}

bool swp_crew_release(swp_crew *crew)
{
    ws_status status = WS_OK;
    for (int i = 1; i < crew->n; i++) { /* who died during the last long call */
        crew->n_dead += crew->members[i].state != SWP_MEMBER_DEAD && is_process_gone(&crew->members[i]);
    }
    const swp_msg_release release = {.finalize = crew->n_dead == 0};
    for (int i = 1; i < crew->n && status == WS_OK; i++) {
        if (crew->members[i].state != SWP_MEMBER_DEAD) {
            status = swp_mpi_send(crew->mpi, i, SWP_TAG_RELEASE, &release, sizeof release);
        }
    }
    const double end_s = swp_wall_s() + RELEASE_LIMIT_S;
    while (crew->mpi != NULL && swp_mpi_n_unsent(crew->mpi) > 0 && swp_wall_s() < end_s) {
        keep_up(crew);
    }
    return release.finalize != 0 && status == WS_OK;
}
