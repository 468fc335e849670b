#include "ranks/transport.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit_code.h"
#include "ranks/node_window.h"
#include "ranks/signals.h"

enum { MAX_RECEIVES = 64 };
#define FINALIZE_LIMIT_S 30.0

typedef struct transfer {
    MPI_Request request;
    int         peer, tag;
    char       *data; /* owned; NULL if empty, or if the sender keeps it */
    size_t      len;
} transfer;

struct swp_mpi {
    MPI_Comm        comm; /* a duplicate: nobody else's messages, errors returned */
    int             rank, size;
    swp_node_window window;
    transfer        receives[MAX_RECEIVES]; /* in the order of arrival */
    size_t          n_receives;
    transfer       *sends;
    size_t          n_sends, sends_capacity;
    swp_mpi_traffic traffic;
};

/* Report an MPI error where it happened; false if there was one. */
static bool check(const swp_mpi *mpi, int code, const char *call)
{
    if (code == MPI_SUCCESS) {
        return true;
    }
    char text[MPI_MAX_ERROR_STRING];
    int  len = 0;
    if (MPI_Error_string(code, text, &len) != MPI_SUCCESS) {
        snprintf(text, sizeof text, "error %d", code);
    }
    fprintf(stderr, "wattsweep: rank=%d %s: %s\n", mpi->rank, call, text);
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

ws_status swp_mpi_enter(double limit_s, swp_mpi **mpi_out)
{
    *mpi_out     = NULL;
    swp_mpi *mpi = calloc(1, sizeof(*mpi));
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
        !SWP_MPI_CHECK(mpi, MPI_Comm_rank(mpi->comm, &mpi->rank)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_size(mpi->comm, &mpi->size)) || provided < MPI_THREAD_FUNNELED ||
        swp_node_window_create(mpi->comm, &mpi->window) != WS_OK) {
        swp_watchdog_stop();
        free(mpi);
        return WS_ERR_IO;
    }
    swp_watchdog_stop();
    *mpi_out = mpi;
    return WS_OK;
}

int swp_mpi_rank(const swp_mpi *mpi)
{
    return mpi == NULL ? 0 : mpi->rank;
}

int swp_mpi_size(const swp_mpi *mpi)
{
    return mpi == NULL ? 1 : mpi->size;
}

int swp_mpi_n_ranks_here(const swp_mpi *mpi)
{
    return mpi == NULL ? 1 : mpi->window.n_ranks_here;
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

void swp_mpi_leave(swp_mpi **mpi, int exit_code)
{
    swp_watchdog_start(FINALIZE_LIMIT_S, exit_code, "wattsweep: another rank never came to MPI_Finalize\n");
    swp_node_window_free(&(*mpi)->window);
    SWP_MPI_CHECK(*mpi, MPI_Comm_free(&(*mpi)->comm));
    SWP_MPI_CHECK(*mpi, MPI_Finalize());
    swp_watchdog_stop();
    for (size_t i = 0; i < (*mpi)->n_sends; i++) {
        free((*mpi)->sends[i].data);
    }
    free((*mpi)->sends);
    free(*mpi);
    *mpi = NULL;
}

char *swp_mpi_window(const swp_mpi *mpi)
{
    return mpi == NULL ? NULL : mpi->window.data;
}

bool swp_mpi_fits_window(const swp_mpi *mpi, size_t n_bytes)
{
    return mpi != NULL && n_bytes <= mpi->window.bytes;
}

int swp_mpi_window_leader(const swp_mpi *mpi, int rank)
{
    return mpi->window.leader_of[rank];
}

void swp_mpi_window_sync(const swp_mpi *mpi)
{
    if (mpi != NULL) {
        swp_node_window_sync(&mpi->window);
    }
}

/* ---- messages ---- */

static bool reserve_send(swp_mpi *mpi)
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

/* Begin to send; `kept` is freed once that is done. */
static ws_status begin_send(swp_mpi *mpi, int to, int tag, const void *data, size_t len, char *kept)
{
    if (len > INT_MAX || !reserve_send(mpi)) {
        free(kept);
        return WS_ERR_NOMEM;
    }
    transfer *send = &mpi->sends[mpi->n_sends];
    *send          = (transfer){.peer = to, .tag = tag, .data = kept, .len = len};
    if (!SWP_MPI_CHECK(mpi, MPI_Isend(data, (int)len, MPI_BYTE, to, tag, mpi->comm, &send->request))) {
        free(kept);
        return WS_ERR_IO;
    }
    mpi->n_sends++;
    mpi->traffic.n_sent++;
    mpi->traffic.bytes_sent += len;
    return WS_OK;
}

ws_status swp_mpi_send_owned(swp_mpi *mpi, int to, int tag, char *data, size_t len)
{
    return begin_send(mpi, to, tag, data, len, data);
}

ws_status swp_mpi_send_borrowed(swp_mpi *mpi, int to, int tag, const void *data, size_t len)
{
    return begin_send(mpi, to, tag, data, len, NULL);
}

ws_status swp_mpi_send(swp_mpi *mpi, int to, int tag, const void *data, size_t len)
{
    char *copy = NULL;
    if (len > 0) {
        copy = malloc(len);
        if (copy == NULL) {
            return WS_ERR_NOMEM;
        }
        memcpy(copy, data, len);
    }
    return swp_mpi_send_owned(mpi, to, tag, copy, len);
}

static void complete_sends(swp_mpi *mpi)
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
static bool begin_receive(swp_mpi *mpi)
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
    *receive          = (transfer){.peer = status.MPI_SOURCE, .tag = status.MPI_TAG, .len = (size_t)len};
    receive->data     = malloc(receive->len + 1);
    if (receive->data == NULL) {
        fprintf(stderr, "wattsweep: rank=%d out of memory for a message of %d bytes\n", mpi->rank, len);
        abort(); /* the message cannot be put back: its rows would be lost without notice */
    }
    if (!SWP_MPI_CHECK(mpi, MPI_Imrecv(receive->data, len, MPI_BYTE, &handle, &receive->request))) {
        free(receive->data);
        return false;
    }
    mpi->n_receives++;
    return true;
}

static bool has_earlier_of_same_source(const swp_mpi *mpi, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (mpi->receives[i].peer == mpi->receives[index].peer) {
            return true;
        }
    }
    return false;
}

bool swp_mpi_poll(swp_mpi *mpi, swp_message *message_out)
{
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
            .source = receive->peer, .tag = receive->tag, .data = receive->data, .len = receive->len};
        memmove(receive, receive + 1, (mpi->n_receives - i - 1) * sizeof(*receive));
        mpi->n_receives--;
        mpi->traffic.n_received++;
        mpi->traffic.bytes_received += message_out->len;
        return true;
    }
    return false;
}

size_t swp_mpi_n_unsent(const swp_mpi *mpi)
{
    return mpi->n_sends;
}

/* Buffers of unfinished transfers are left alone: MPI may still write to them until the process ends. */
void swp_mpi_forget(swp_mpi *mpi, int rank)
{
    size_t kept = 0;
    for (size_t i = 0; i < mpi->n_sends; i++) {
        if (mpi->sends[i].peer != rank) {
            mpi->sends[kept++] = mpi->sends[i];
        }
    }
    mpi->n_sends = kept;
    kept         = 0;
    for (size_t i = 0; i < mpi->n_receives; i++) {
        if (mpi->receives[i].peer != rank) {
            mpi->receives[kept++] = mpi->receives[i];
        }
    }
    mpi->n_receives = kept;
}

swp_mpi_traffic swp_mpi_traffic_of(const swp_mpi *mpi)
{
    return mpi->traffic;
}
