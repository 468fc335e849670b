#include "ranks/mpi_transport.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "ranks/node_window.h"
#include "ranks/signals.h"

enum { MAX_RECEIVES = 64 };
#define FINALIZE_LIMIT_S 30.0

typedef struct transfer {
    MPI_Request request;
    int         rank, tag;
    char       *data; /* owned; NULL if empty, or if the sender keeps it */
    size_t      len;
} transfer;

typedef struct mpi_transport {
    swp_transport   base; /* first: the transport is this */
    MPI_Comm        comm; /* a duplicate: nobody else's messages, errors returned */
    swp_node_window window;
    transfer        receives[MAX_RECEIVES]; /* in the order of arrival */
    size_t          n_receives;
    transfer       *sends;
    size_t          n_sends, sends_capacity;
} mpi_transport;

/* Report an MPI error where it happened; false if there was one. */
static bool check(const mpi_transport *mpi, int code, const char *call)
{
    if (code == MPI_SUCCESS) {
        return true;
    }
    char text[MPI_MAX_ERROR_STRING];
    int  len = 0;
    if (MPI_Error_string(code, text, &len) != MPI_SUCCESS) {
        snprintf(text, sizeof text, "error %d", code);
    }
    fprintf(stderr, "wattsweep: rank=%d %s: %s\n", mpi->base.rank, call, text);
    return false;
}

#define SWP_MPI_CHECK(mpi, call) check((mpi), (call), #call)

bool swp_mpi_is_launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

#define TEXT_OF(x) #x
#define VERSION_TEXT(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *swp_mpi_library(void)
{
#ifdef OMPI_MAJOR_VERSION
    return "Open MPI " VERSION_TEXT(OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#else
    return "MPI " VERSION_TEXT(MPI_VERSION, MPI_SUBVERSION, 0);
#endif
}

/* ---- messages ---- */

static bool reserve_send(mpi_transport *mpi)
{
    if (mpi->n_sends < mpi->sends_capacity) {
        return true;
    }
    const size_t capacity = mpi->sends_capacity * 2 + 16;
    transfer    *grown    = realloc(mpi->sends, capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    mpi->sends          = grown;
    mpi->sends_capacity = capacity;
    return true;
}

static ws_status send_over_mpi(swp_transport *transport, const swp_parcel *parcel)
{
    mpi_transport *mpi = (mpi_transport *)transport;
    if (parcel->len > INT_MAX || !reserve_send(mpi)) {
        free(parcel->owned);
        return WS_ERR_NOMEM;
    }
    transfer *send = &mpi->sends[mpi->n_sends];
    *send = (transfer){.rank = parcel->to, .tag = parcel->tag, .data = parcel->owned, .len = parcel->len};
    if (!SWP_MPI_CHECK(mpi, MPI_Isend(parcel->data, (int)parcel->len, MPI_BYTE, parcel->to, parcel->tag,
                                      mpi->comm, &send->request))) {
        free(parcel->owned);
        return WS_ERR_IO;
    }
    mpi->n_sends++;
    return WS_OK;
}

static void complete_sends(mpi_transport *mpi)
{
    size_t kept = 0;
    for (size_t i = 0; i < mpi->n_sends; i++) {
        int is_done = 0;
        if (SWP_MPI_CHECK(mpi, MPI_Test(&mpi->sends[i].request, &is_done, MPI_STATUS_IGNORE)) && !is_done) {
            mpi->sends[kept++] = mpi->sends[i];
        } else {
            free(mpi->sends[i].data);
        }
    }
    mpi->n_sends = kept;
}

/* Begin to receive the next message that has come, if there is one and room for it. */
static bool begin_receive(mpi_transport *mpi)
{
    MPI_Message handle;
    MPI_Status  status;
    int         is_there = 0, len = 0;
    if (mpi->n_receives == MAX_RECEIVES ||
        !SWP_MPI_CHECK(mpi,
                       MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, mpi->comm, &is_there, &handle, &status)) ||
        !is_there || !SWP_MPI_CHECK(mpi, MPI_Get_count(&status, MPI_BYTE, &len))) {
        return false;
    }
    transfer *receive = &mpi->receives[mpi->n_receives];
    *receive          = (transfer){.rank = status.MPI_SOURCE, .tag = status.MPI_TAG, .len = (size_t)len};
    receive->data     = malloc(receive->len + 1);
    if (receive->data == NULL) {
        fprintf(stderr, "wattsweep: rank=%d out of memory for a message of %d bytes\n", mpi->base.rank, len);
        abort(); /* the message cannot be put back: its rows would be lost without notice */
    }
    if (!SWP_MPI_CHECK(mpi, MPI_Imrecv(receive->data, len, MPI_BYTE, &handle, &receive->request))) {
        free(receive->data);
        return false;
    }
    mpi->n_receives++;
    return true;
}

static bool has_earlier_of_same_source(const mpi_transport *mpi, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (mpi->receives[i].rank == mpi->receives[index].rank) {
            return true;
        }
    }
    return false;
}

static bool poll_mpi(swp_transport *transport, swp_message *message_out)
{
    mpi_transport *mpi = (mpi_transport *)transport;
    complete_sends(mpi);
    while (begin_receive(mpi)) {
    }
    for (size_t i = 0; i < mpi->n_receives; i++) {
        transfer *receive = &mpi->receives[i];
        int       is_done = 0;
        if (has_earlier_of_same_source(mpi, i) ||
            !SWP_MPI_CHECK(mpi, MPI_Test(&receive->request, &is_done, MPI_STATUS_IGNORE)) || !is_done) {
            continue;
        }
        *message_out = (swp_message){
            .source = receive->rank, .tag = receive->tag, .data = receive->data, .len = receive->len};
        memmove(receive, receive + 1, (mpi->n_receives - i - 1) * sizeof(*receive));
        mpi->n_receives--;
        return true;
    }
    return false;
}

static size_t n_unsent_over_mpi(const swp_transport *transport)
{
    return ((const mpi_transport *)transport)->n_sends;
}

/* Buffers of unfinished transfers are left alone: MPI may still write to them until the process ends. */
static void forget_over_mpi(swp_transport *transport, int rank)
{
    mpi_transport *mpi  = (mpi_transport *)transport;
    size_t         kept = 0;
    for (size_t i = 0; i < mpi->n_sends; i++) {
        if (mpi->sends[i].rank != rank) {
            mpi->sends[kept++] = mpi->sends[i];
        }
    }
    mpi->n_sends = kept;
    kept         = 0;
    for (size_t i = 0; i < mpi->n_receives; i++) {
        if (mpi->receives[i].rank != rank) {
            mpi->receives[kept++] = mpi->receives[i];
        }
    }
    mpi->n_receives = kept;
}

static void sync_mpi_window(const swp_transport *transport)
{
    swp_node_window_sync(&((const mpi_transport *)transport)->window);
}

/* ---- entering and leaving ---- */

static void describe(mpi_transport *mpi)
{
    static const swp_transport_ops ops = {.send        = send_over_mpi,
                                          .poll        = poll_mpi,
                                          .n_unsent    = n_unsent_over_mpi,
                                          .forget      = forget_over_mpi,
                                          .sync_window = sync_mpi_window};
    mpi->base.ops                      = &ops;
    mpi->base.machine                  = swp_machine_real();
    mpi->base.pid                      = (int64_t)getpid();
    mpi->base.n_ranks_here             = mpi->window.n_ranks_here;
    mpi->base.window                   = mpi->window.data;
    mpi->base.window_bytes             = mpi->window.bytes;
    mpi->base.leader_of                = mpi->window.leader_of;
}

ws_status swp_mpi_enter(double limit_s, swp_transport **transport_out)
{
    *transport_out     = NULL;
    mpi_transport *mpi = calloc(1, sizeof(*mpi));
    if (mpi == NULL) {
        return WS_ERR_NOMEM;
    }
    int provided = 0;
    swp_watchdog_start(limit_s, WS_EXIT_RESUME,
                       "wattsweep: not all ranks have come in time (--start-timeout); leaving\n");
    if (!SWP_MPI_CHECK(mpi, MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_dup(MPI_COMM_WORLD, &mpi->comm)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_set_errhandler(mpi->comm, MPI_ERRORS_RETURN)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_rank(mpi->comm, &mpi->base.rank)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_size(mpi->comm, &mpi->base.size)) || provided < MPI_THREAD_FUNNELED ||
        swp_node_window_create(mpi->comm, &mpi->window) != WS_OK) {
        swp_watchdog_stop();
        free(mpi);
        return WS_ERR_IO;
    }
    swp_watchdog_stop();
    describe(mpi);
    *transport_out = &mpi->base;
    return WS_OK;
}

void swp_mpi_leave(swp_transport **transport, int exit_code)
{
    mpi_transport *mpi = (mpi_transport *)*transport;
    swp_watchdog_start(FINALIZE_LIMIT_S, exit_code, "wattsweep: another rank never came to MPI_Finalize\n");
    swp_node_window_free(&mpi->window);
    SWP_MPI_CHECK(mpi, MPI_Comm_free(&mpi->comm));
    SWP_MPI_CHECK(mpi, MPI_Finalize());
    swp_watchdog_stop();
    for (size_t i = 0; i < mpi->n_sends; i++) {
        free(mpi->sends[i].data);
    }
    free(mpi->sends);
    free(mpi);
    *transport = NULL;
}
