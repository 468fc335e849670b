#include "fake_transport.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define POLL_S 2e-6
enum { MAX_STOPS = 8 };

typedef struct envelope {
    struct envelope *next; /* in the order of sending */
    int              from, to, tag;
    char            *data; /* owned copy */
    size_t           len;
    char            *owned; /* the sender's block, freed when it is sent */
    double           at_s;  /* when it can be received */
    bool             is_unsent;
} envelope;

typedef struct fake_rank {
    swp_transport base; /* first: the transport is this */
    swp_machine   machine;
    fake_world   *world;
    void (*work)(void *ctx);
    void          *ctx;
    pthread_t      thread;
    pthread_cond_t turn;
    jmp_buf        exit; /* to the end of its thread */
    double         now_s, death_s, signal_s;
    double         stop_from_s[MAX_STOPS], stop_until_s[MAX_STOPS];
    int            n_stops;
    bool           has_ended, is_dead;
    int            exit_code;
    int            sends_until_failure; /* 0 = none will fail */
    ws_status      send_failure;
    atomic_int     n_polls;
    bool          *has_forgotten; /* [n] */
} fake_rank;

typedef struct loss {
    int from, to, tag;
} loss;

struct fake_world {
    int             n;
    fake_rank      *ranks;
    pthread_mutex_t mutex;
    pthread_cond_t  all_ended;
    int             running; /* -1 = nobody */
    bool            is_over;
    double          limit_s;
    ws_rng          rng;
    envelope       *messages, **last;
    double         *latency_s, *last_at_s; /* [n][n]: from, to; messages of a pair keep their order */
    loss            loss;
    int            *leader_of;
    char           *window;
};

/* ---- whose turn it is ---- */

/* A stopped rank goes on when it is woken, or ends when it is killed. */
static double next_turn_s(const fake_rank *r)
{
    double at_s = r->now_s;
    for (int i = 0; i < r->n_stops; i++) {
        if (at_s >= r->stop_from_s[i] && at_s < r->stop_until_s[i]) {
            at_s = r->stop_until_s[i];
        }
    }
    return at_s > r->death_s ? fmax(r->now_s, r->death_s) : at_s;
}

/* The rank that is behind all others; -1 if all have ended. */
static int first_rank(const fake_world *world)
{
    int first = -1;
    for (int i = 0; i < world->n; i++) {
        const fake_rank *r = &world->ranks[i];
        if (!r->has_ended && (first < 0 || next_turn_s(r) < next_turn_s(&world->ranks[first]))) {
            first = i;
        }
    }
    return first;
}

/* Hand over to whoever is first; the mutex is held. */
static void hand_over(fake_world *world)
{
    world->running = first_rank(world);
    if (world->running >= 0) {
        pthread_cond_signal(&world->ranks[world->running].turn);
    } else {
        pthread_cond_signal(&world->all_ended);
    }
}

static void await_turn(fake_rank *r)
{
    fake_world *world = r->world;
    const int   self  = (int)(r - world->ranks);
    while (world->running != self) {
        pthread_cond_wait(&r->turn, &world->mutex);
    }
    r->now_s = next_turn_s(r);
}

/* Time has passed for a rank: let the others catch up. Does not return to a rank that dies meanwhile. */
static void yield(fake_rank *r)
{
    fake_world *world = r->world;
    pthread_mutex_lock(&world->mutex);
    hand_over(world);
    await_turn(r);
    if (r->now_s >= world->limit_s) {
        world->is_over = true;
    }
    r->is_dead           = r->now_s >= r->death_s;
    const bool must_exit = r->is_dead || world->is_over;
    pthread_mutex_unlock(&world->mutex);
    if (must_exit) {
        longjmp(r->exit, 1);
    }
}

static void *rank_main(void *arg)
{
    fake_rank  *r     = arg;
    fake_world *world = r->world;
    pthread_mutex_lock(&world->mutex);
    await_turn(r);
    pthread_mutex_unlock(&world->mutex);
    if (setjmp(r->exit) == 0) {
        r->work(r->ctx);
    }
    pthread_mutex_lock(&world->mutex);
    r->has_ended = true;
    hand_over(world);
    pthread_mutex_unlock(&world->mutex);
    return NULL;
}

bool fake_run(fake_world *world, double limit_s)
{
    world->limit_s = limit_s;
    for (int i = 0; i < world->n; i++) {
        fake_rank *r = &world->ranks[i];
        r->has_ended = r->work == NULL;
        if (r->work != NULL && pthread_create(&r->thread, NULL, rank_main, r) != 0) {
            abort();
        }
    }
    pthread_mutex_lock(&world->mutex);
    hand_over(world);
    while (world->running >= 0) {
        pthread_cond_wait(&world->all_ended, &world->mutex);
    }
    pthread_mutex_unlock(&world->mutex);
    for (int i = 0; i < world->n; i++) {
        if (world->ranks[i].work != NULL) {
            pthread_join(world->ranks[i].thread, NULL);
            world->ranks[i].work = NULL;
        }
    }
    return !world->is_over;
}

void fake_spend(fake_world *world, int rank, double s)
{
    world->ranks[rank].now_s += s;
    yield(&world->ranks[rank]);
}

/* ---- the machine ---- */

static double now_s(void *ctx)
{
    return ((const fake_rank *)ctx)->now_s;
}

static void sleep_ns(void *ctx, long ns)
{
    fake_rank *r = ctx;
    r->now_s += 1e-9 * (double)ns;
    yield(r);
}

/* The process of rank k is 1000 + k. */
static bool is_process_gone(void *ctx, int64_t pid)
{
    const fake_rank *r     = ctx;
    const fake_rank *other = &r->world->ranks[pid - 1000];
    return r->now_s >= other->death_s || other->exit_code >= 0;
}

static bool was_asked_to_stop(void *ctx)
{
    const fake_rank *r = ctx;
    return r->now_s >= r->signal_s;
}

static void end_process(void *ctx, int exit_code)
{
    fake_rank *r = ctx;
    r->exit_code = exit_code;
    longjmp(r->exit, 1);
}

/* ---- the transport ---- */

/* Memory of the world's own, which does not run out with that of a rank (failing_malloc.h). */
static void *own_memory(size_t n_bytes)
{
    return aligned_alloc(16, (n_bytes + 15) / 16 * 16);
}

static void append(fake_world *world, envelope message)
{
    envelope *copy = own_memory(sizeof(*copy));
    *copy          = message;
    *world->last   = copy;
    world->last    = &copy->next;
}

static void discard(fake_world *world, envelope **at)
{
    envelope *message = *at;
    *at               = message->next;
    world->last       = world->last == &message->next ? at : world->last;
    free(message->data);
    free(message->owned);
    free(message);
}

static char *copy_of(const void *data, size_t len)
{
    char *copy = len > 0 ? own_memory(len) : NULL;
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

static double arrival_s(fake_world *world, int from, int to, double sent_s)
{
    const int    pair      = from * world->n + to;
    const double at_s      = sent_s + world->latency_s[pair] * (1.0 + ws_rng_uniform(&world->rng));
    world->last_at_s[pair] = fmax(world->last_at_s[pair], at_s);
    return world->last_at_s[pair];
}

static bool is_lost(fake_world *world, int from, const swp_parcel *parcel)
{
    const bool is =
        world->loss.from == from && world->loss.to == parcel->to && world->loss.tag == parcel->tag;
    world->loss = is ? (loss){-1, -1, -1} : world->loss;
    return is;
}

static ws_status fake_send(swp_transport *transport, const swp_parcel *parcel)
{
    fake_rank *r = (fake_rank *)transport;
    if (r->sends_until_failure > 0 && --r->sends_until_failure == 0) {
        r->sends_until_failure = 1;
        free(parcel->owned);
        return r->send_failure;
    }
    if (is_lost(r->world, transport->rank, parcel)) {
        free(parcel->owned);
        return WS_OK;
    }
    const bool is_eager = parcel->len <= FAKE_EAGER_BYTES;
    append(r->world, (envelope){.from      = transport->rank,
                                .to        = parcel->to,
                                .tag       = parcel->tag,
                                .data      = copy_of(parcel->data, parcel->len),
                                .len       = parcel->len,
                                .owned     = is_eager ? NULL : parcel->owned,
                                .at_s      = arrival_s(r->world, transport->rank, parcel->to, r->now_s),
                                .is_unsent = !is_eager});
    if (is_eager) {
        free(parcel->owned);
    }
    return WS_OK;
}

/* Of the messages that are there the one that came first, which is not always the one that was sent first. */
static envelope **first_message(fake_rank *r)
{
    envelope **first = NULL;
    for (envelope **at = &r->world->messages; *at != NULL; at = &(*at)->next) {
        if ((*at)->to == r->base.rank && (*at)->at_s <= r->now_s &&
            (first == NULL || (*at)->at_s < (*first)->at_s)) {
            first = at;
        }
    }
    return first;
}

static bool fake_poll(swp_transport *transport, swp_message *message_out)
{
    fake_rank *r = (fake_rank *)transport;
    atomic_fetch_add(&r->n_polls, 1);
    r->now_s += POLL_S;
    yield(r);
    envelope **at = first_message(r);
    if (at == NULL) {
        return false;
    }
    *message_out =
        (swp_message){.source = (*at)->from, .tag = (*at)->tag, .data = (*at)->data, .len = (*at)->len};
    (*at)->data = NULL;
    discard(r->world, at);
    return true;
}

static size_t fake_n_unsent(const swp_transport *transport)
{
    const fake_rank *r = (const fake_rank *)transport;
    size_t           n = 0;
    for (const envelope *m = r->world->messages; m != NULL; m = m->next) {
        n += m->from == transport->rank && m->is_unsent;
    }
    return n;
}

static void fake_forget(swp_transport *transport, int rank)
{
    fake_rank *r           = (fake_rank *)transport;
    r->has_forgotten[rank] = true;
    for (envelope *m = r->world->messages; m != NULL; m = m->next) {
        m->is_unsent = m->is_unsent && !(m->from == transport->rank && m->to == rank);
    }
}

static void sync_window(const swp_transport *transport)
{
    (void)transport;
}

/* ---- making a world ---- */

static void init_rank(fake_world *world, int rank)
{
    static const swp_transport_ops ops = {.send        = fake_send,
                                          .poll        = fake_poll,
                                          .n_unsent    = fake_n_unsent,
                                          .forget      = fake_forget,
                                          .sync_window = sync_window};
    fake_rank                     *r   = &world->ranks[rank];
    *r         = (fake_rank){.world = world, .death_s = INFINITY, .signal_s = INFINITY, .exit_code = -1};
    r->machine = (swp_machine){.ctx               = r,
                               .now_s             = now_s,
                               .sleep_ns          = sleep_ns,
                               .is_process_gone   = is_process_gone,
                               .was_asked_to_stop = was_asked_to_stop,
                               .end_process       = end_process};
    r->base    = (swp_transport){.ops          = &ops,
                                 .machine      = &r->machine,
                                 .rank         = rank,
                                 .size         = world->n,
                                 .n_ranks_here = 1,
                                 .pid          = 1000 + rank,
                                 .leader_of    = world->leader_of};
    r->has_forgotten = calloc((size_t)world->n, sizeof(bool));
    atomic_init(&r->n_polls, 0);
    pthread_cond_init(&r->turn, NULL);
}

fake_world *fake_world_create(int n_ranks, uint64_t seed)
{
    const size_t n     = (size_t)n_ranks;
    fake_world  *world = calloc(1, sizeof(*world));
    *world             = (fake_world){.n         = n_ranks,
                                      .ranks     = calloc(n, sizeof(fake_rank)),
                                      .running   = -1,
                                      .latency_s = calloc(n * n, sizeof(double)),
                                      .last_at_s = calloc(n * n, sizeof(double)),
                                      .loss      = {-1, -1, -1},
                                      .leader_of = calloc(n, sizeof(int))};
    world->last        = &world->messages;
    ws_rng_seed(&world->rng, seed);
    pthread_mutex_init(&world->mutex, NULL);
    pthread_cond_init(&world->all_ended, NULL);
    for (int i = 0; i < n_ranks * n_ranks; i++) {
        world->latency_s[i] = FAKE_LATENCY_S;
    }
    for (int i = 0; i < n_ranks; i++) {
        world->leader_of[i] = -1;
        init_rank(world, i);
    }
    return world;
}

void fake_world_destroy(fake_world *world)
{
    while (world->messages != NULL) {
        discard(world, &world->messages);
    }
    for (int i = 0; i < world->n; i++) {
        pthread_cond_destroy(&world->ranks[i].turn);
        free(world->ranks[i].has_forgotten);
    }
    pthread_cond_destroy(&world->all_ended);
    pthread_mutex_destroy(&world->mutex);
    free(world->ranks);
    free(world->latency_s);
    free(world->last_at_s);
    free(world->leader_of);
    free(world->window);
    free(world);
}

swp_transport *fake_transport(fake_world *world, int rank)
{
    return &world->ranks[rank].base;
}

void fake_share_window(fake_world *world, int leader, uint64_t n_bytes)
{
    world->window = calloc(1, n_bytes);
    for (int i = 0; i < world->n; i++) {
        world->leader_of[i]               = leader;
        world->ranks[i].base.window       = world->window;
        world->ranks[i].base.window_bytes = n_bytes;
        world->ranks[i].base.n_ranks_here = world->n;
    }
}

void fake_start(fake_world *world, int rank, void (*work)(void *ctx), void *ctx)
{
    world->ranks[rank].work = work;
    world->ranks[rank].ctx  = ctx;
}

/* ---- what goes wrong ---- */

void fake_kill(fake_world *world, int rank, double at_s)
{
    world->ranks[rank].death_s = at_s;
}

void fake_stop(fake_world *world, int rank, double from_s, double until_s)
{
    fake_rank *r = &world->ranks[rank];
    if (r->n_stops < MAX_STOPS) {
        r->stop_from_s[r->n_stops]    = from_s;
        r->stop_until_s[r->n_stops++] = until_s;
    }
}

void fake_signal(fake_world *world, int rank, double at_s)
{
    world->ranks[rank].signal_s = at_s;
}

void fake_slow(fake_world *world, int from, int to, double latency_s)
{
    world->latency_s[from * world->n + to] = latency_s;
}

void fake_lose(fake_world *world, int from, int to, int tag)
{
    world->loss = (loss){from, to, tag};
}

void fake_fail_sends(fake_world *world, int rank, int n, ws_status status)
{
    world->ranks[rank].sends_until_failure = n;
    world->ranks[rank].send_failure        = status;
}

void fake_inject(fake_world *world, int from, int to, int tag, const void *data, size_t len, double at_s)
{
    append(
        world,
        (envelope){.from = from, .to = to, .tag = tag, .data = copy_of(data, len), .len = len, .at_s = at_s});
}

/* ---- what happened ---- */

double fake_now_s(const fake_world *world, int rank)
{
    return world->ranks[rank].now_s;
}

bool fake_is_dead(const fake_world *world, int rank)
{
    return world->ranks[rank].is_dead;
}

int fake_exit_code(const fake_world *world, int rank)
{
    return world->ranks[rank].exit_code;
}

int fake_n_polls(fake_world *world, int rank)
{
    return atomic_load(&world->ranks[rank].n_polls);
}

bool fake_was_forgotten(const fake_world *world, int by, int rank)
{
    return world->ranks[by].has_forgotten[rank];
}
