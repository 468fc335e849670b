#include "ranks/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit_code.h"
#include "ranks/messages.h"
#include "ranks/poll_backoff.h"
#include "result/row_wire.h"

/* Rows do not wait longer than this, nor gather beyond this, so that the next bundle comes before this one
 * ends. */
#define SEND_AFTER_S 0.020
#define SEND_AFTER_BYTES (1u << 20)
#define SEND_AFTER_ROWS (SWP_MAX_BUNDLE / 2)

struct swp_worker {
    swp_transport  *transport;
    swp_msg_hello   self;
    double          silence_s;
    int64_t         rank0_pid; /* 0 = not known yet, or on another host */
    char           *own_setup; /* owned; NULL if the setup lies in the node's window */
    char           *setup;     /* [setup_len], of which [0, setup_at) has come */
    size_t          setup_len, setup_at;
    swp_msg_ticket *tickets; /* [head, n) are still to run */
    size_t          head, n, capacity;
    swp_rows        rows; /* not sent yet */
    long            pause_ns;
    double          rows_since_s, heard_s, heartbeat_s, looked_s;
    bool            must_stop, has_asked_to_drain, is_released, may_finalize;
    swp_stop        how; /* to stop */
    ws_status       status;
};

static double clock_s(const swp_worker *w)
{
    return swp_transport_now_s(w->transport);
}

ws_status swp_worker_create(swp_transport *transport, const char *host, double silence_s,
                            swp_worker **worker_out)
{
    swp_worker *w = calloc(1, sizeof(*w));
    *worker_out   = w;
    if (w == NULL) {
        return WS_ERR_NOMEM;
    }
    w->transport = transport;
    w->silence_s = silence_s > SWP_MIN_SILENCE_S ? silence_s : SWP_MIN_SILENCE_S;
    w->self.pid  = transport->pid;
    snprintf(w->self.host, sizeof w->self.host, "%s", host);
    w->heard_s     = clock_s(w);
    w->heartbeat_s = w->heard_s;
    return WS_OK;
}

void swp_worker_destroy(swp_worker **worker)
{
    if (*worker != NULL) {
        free((*worker)->own_setup);
        free((*worker)->tickets);
        free((*worker)->rows.data);
        free(*worker);
        *worker = NULL;
    }
}

/* The first error is what the worker ends with. */
static void note_status(swp_worker *w, ws_status status)
{
    if (w->status == WS_OK) {
        w->status = status;
    }
}

/* ---- messages ---- */

static void add_jobs(swp_worker *w, const swp_message *message)
{
    const swp_msg_jobs *jobs = (const swp_msg_jobs *)(const void *)message->data;
    if (message->len < sizeof *jobs || jobs->n != (message->len - sizeof *jobs) / sizeof(swp_msg_ticket)) {
        note_status(w, WS_ERR_IO);
        return;
    }
    if (w->head > 0) {
        memmove(w->tickets, w->tickets + w->head, (w->n - w->head) * sizeof(*w->tickets));
        w->n -= w->head;
        w->head = 0;
    }
    if (w->n + jobs->n > w->capacity) {
        const size_t    capacity = (w->n + jobs->n) * 2;
        swp_msg_ticket *grown    = realloc(w->tickets, capacity * sizeof(*grown));
        if (grown == NULL) {
            note_status(w, WS_ERR_NOMEM);
            return;
        }
        w->tickets  = grown;
        w->capacity = capacity;
    }
    if (jobs->n > 0) {
        memcpy(w->tickets + w->n, jobs->tickets, jobs->n * sizeof(*w->tickets));
    }
    w->n += jobs->n;
}

static void meet_rank0(swp_worker *w, const swp_msg_hello *rank0)
{
    w->rank0_pid = strncmp(rank0->host, w->self.host, sizeof rank0->host) == 0 ? rank0->pid : 0;
}

static void begin_setup(swp_worker *w, const swp_msg_setup *setup)
{
    const bool is_shared = setup->place != SWP_SETUP_BY_MESSAGES;
    free(w->own_setup);
    w->own_setup = is_shared ? NULL : malloc(setup->n_bytes + 1);
    w->setup     = is_shared ? w->transport->window : w->own_setup;
    w->setup_len = setup->n_bytes;
    w->setup_at  = setup->place == SWP_SETUP_IN_WINDOW ? w->setup_len : 0;
    if (w->setup == NULL) {
        note_status(w, is_shared ? WS_ERR_IO : WS_ERR_NOMEM);
    }
}

static void add_setup(swp_worker *w, const swp_message *message)
{
    if (w->setup == NULL || message->len > w->setup_len - w->setup_at) {
        note_status(w, WS_ERR_IO);
        return;
    }
    memcpy(w->setup + w->setup_at, message->data, message->len);
    w->setup_at += message->len;
}

static void stop(swp_worker *w, const swp_msg_stop *message)
{
    w->must_stop = true;
    w->how       = (swp_stop)message->how > w->how ? (swp_stop)message->how : w->how;
}

static void handle(swp_worker *w, const swp_message *message)
{
    const void *data = message->data;
    w->heard_s       = clock_s(w);
    if (message->tag == SWP_TAG_JOBS) {
        add_jobs(w, message);
    } else if (message->tag == SWP_TAG_BYTES) {
        add_setup(w, message);
    } else if (message->tag == SWP_TAG_RANK0 && message->len == sizeof(swp_msg_hello)) {
        meet_rank0(w, data);
    } else if (message->tag == SWP_TAG_SETUP && message->len == sizeof(swp_msg_setup)) {
        begin_setup(w, data);
    } else if (message->tag == SWP_TAG_STOP && message->len == sizeof(swp_msg_stop)) {
        stop(w, data);
    } else if (message->tag == SWP_TAG_RELEASE && message->len == sizeof(swp_msg_release)) {
        w->is_released  = true;
        w->may_finalize = ((const swp_msg_release *)data)->finalize != 0;
    }
}

/* Rank 0 is gone: nobody is left to report to, and MPI_Finalize would hang. */
static void leave_if_alone(swp_worker *w, double now_s)
{
    const bool is_gone = swp_transport_is_gone(w->transport, w->rank0_pid);
    if (is_gone || now_s - w->heard_s > w->silence_s) {
        fprintf(stderr, "wattsweep: rank=%d rank 0 is %s; leaving\n", w->transport->rank,
                is_gone ? "gone" : "silent");
        w->transport->machine->end_process(w->transport->machine->ctx, WS_EXIT_RESUME);
    }
}

static void send_empty(swp_worker *w, int tag)
{
    note_status(w, swp_transport_send(w->transport, 0, tag, NULL, 0));
}

static bool was_asked_to_stop(const swp_worker *w)
{
    return w->transport->machine->was_asked_to_stop(w->transport->machine->ctx);
}

static bool exchange_messages(swp_worker *w)
{
    bool        did_something = false;
    swp_message message;
    while (swp_transport_poll(w->transport, &message)) {
        did_something = true;
        handle(w, &message);
        free(message.data);
    }
    const double now_s = clock_s(w);
    if (now_s - w->looked_s > SWP_HEARTBEAT_INTERVAL_S / 4) {
        w->looked_s = now_s;
        leave_if_alone(w, now_s);
    }
    if (now_s - w->heartbeat_s >= SWP_HEARTBEAT_INTERVAL_S) {
        w->heartbeat_s = now_s;
        send_empty(w, SWP_TAG_HEARTBEAT);
    }
    if (was_asked_to_stop(w) && !w->has_asked_to_drain) {
        w->has_asked_to_drain = true;
        send_empty(w, SWP_TAG_DRAIN);
    }
    return did_something;
}

/* Sleep until it is time to look again. */
static void back_off(swp_worker *w, bool did_something)
{
    swp_poll_backoff(w->transport->machine, &w->pause_ns, SWP_POLL_BACKOFF_MAX_NS, did_something);
}

bool swp_worker_stay_in_touch(void *worker)
{
    const swp_worker *w = worker;
    exchange_messages(worker);
    return w->how == SWP_STOP_ABANDON; /* else a running job is finished, also when the sweep stops */
}

/* ---- work ---- */

static void send_rows(swp_worker *w)
{
    if (w->rows.n_rows == 0) {
        return;
    }
    note_status(w, swp_transport_send_owned(w->transport, 0, SWP_TAG_RESULTS, w->rows.data, w->rows.len));
    w->rows        = (swp_rows){0};
    w->heartbeat_s = clock_s(w);
}

static void run_next(swp_worker *w, swp_job_fn run, void *ctx)
{
    const swp_msg_ticket ticket = w->tickets[w->head++];
    const swp_row       *row    = run(ctx, ticket.job, ticket.attempt);
    if (w->rows.n_rows == 0) {
        w->rows_since_s = clock_s(w);
    }
    note_status(w, swp_rows_add(&w->rows, row));
    if (w->rows.len > SEND_AFTER_BYTES || w->rows.n_rows >= SEND_AFTER_ROWS || w->head == w->n ||
        clock_s(w) - w->rows_since_s > SEND_AFTER_S) {
        send_rows(w);
    }
}

ws_status swp_worker_await_setup(swp_worker *w, const char **block_out, size_t *len_out)
{
    *block_out = NULL;
    WS_TRY(swp_transport_send(w->transport, 0, SWP_TAG_HELLO, &w->self, sizeof w->self));
    while (w->status == WS_OK && !w->must_stop && !w->is_released) {
        if (w->setup != NULL && w->setup_at == w->setup_len) {
            swp_transport_sync_window(w->transport);
            *block_out = w->setup;
            *len_out   = w->setup_len;
            break;
        }
        back_off(w, exchange_messages(w));
    }
    return w->status;
}

ws_status swp_worker_work(swp_worker *w, swp_job_fn run, void *ctx)
{
    send_empty(w, SWP_TAG_READY);
    while (w->status == WS_OK && !w->is_released &&
           !(w->must_stop && (w->how != SWP_STOP_DONE || w->head == w->n))) {
        const bool did_something = exchange_messages(w);
        if (w->head < w->n && w->how == SWP_STOP_DONE) {
            run_next(w, run, ctx);
        } else {
            back_off(w, did_something);
        }
    }
    send_rows(w);
    return w->status;
}

ws_status swp_worker_leave(swp_worker *w, bool *finalize_out)
{
    send_empty(w, SWP_TAG_BYE);
    while (w->status == WS_OK && !(w->is_released && swp_transport_n_unsent(w->transport) == 0)) {
        back_off(w, exchange_messages(w));
    }
    *finalize_out = w->may_finalize;
    return w->status;
}
