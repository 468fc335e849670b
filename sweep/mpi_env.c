#include "mpi_env.h"

#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"

enum { MAX_RECEIVES = 64, BROADCAST_CHUNK = 1 << 28, FINALIZE_LIMIT_S = 30 };

typedef struct transfer {
    MPI_Request request;
    int         peer, tag;
    char       *data;
    size_t      len;
} transfer;

/* Told to all ranks first thing, so that nobody waits for a rank 0 that died while it read its inputs. */
typedef struct boss_id {
    int64_t pid;
    char    host[64];
} boss_id;

struct swp_mpi {
    int64_t         boss_pid; /* 0 = on another host, or this is rank 0 */
    MPI_Comm        comm;     /* a duplicate: nobody else's messages, errors returned */
    int             rank, size;
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

static ws_status meet_boss(swp_mpi *mpi);

ws_status swp_mpi_enter(swp_mpi **mpi_out)
{
    *mpi_out     = NULL;
    swp_mpi *mpi = calloc(1, sizeof(*mpi));
    if (mpi == NULL) {
        return WS_ERR_NOMEM;
    }
    int provided = 0;
    if (!SWP_MPI_CHECK(mpi, MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_dup(MPI_COMM_WORLD, &mpi->comm)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_set_errhandler(mpi->comm, MPI_ERRORS_RETURN)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_rank(mpi->comm, &mpi->rank)) ||
        !SWP_MPI_CHECK(mpi, MPI_Comm_size(mpi->comm, &mpi->size)) || provided < MPI_THREAD_FUNNELED) {
        free(mpi);
        return WS_ERR_IO;
    }
    *mpi_out = mpi;
    return meet_boss(mpi);
}

int swp_mpi_rank(const swp_mpi *mpi)
{
    return mpi == NULL ? 0 : mpi->rank;
}

int swp_mpi_size(const swp_mpi *mpi)
{
    return mpi == NULL ? 1 : mpi->size;
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

static void leave_without_boss(const swp_mpi *mpi)
{
    if (mpi->boss_pid > 0 && kill((pid_t)mpi->boss_pid, 0) != 0 && errno == ESRCH) {
        fprintf(stderr, "wattsweep: rank=%d rank 0 is gone; leaving\n", mpi->rank);
        _exit(SWP_EXIT_RESUME);
    }
}

static bool broadcast_chunk(swp_mpi *mpi, char *data, int n)
{
    const struct timespec pause   = {.tv_nsec = 200000};
    MPI_Request           request = MPI_REQUEST_NULL;
    int                   is_done = 0;
    if (!SWP_MPI_CHECK(mpi, MPI_Ibcast(data, n, MPI_BYTE, 0, mpi->comm, &request))) {
        return false;
    }
    for (;;) {
        if (!SWP_MPI_CHECK(mpi, MPI_Test(&request, &is_done, MPI_STATUS_IGNORE))) {
            return false;
        }
        if (is_done) {
            return true;
        }
        leave_without_boss(mpi);
        nanosleep(&pause, NULL);
    }
}

ws_status swp_mpi_broadcast(swp_mpi *mpi, void *data, size_t len)
{
    for (size_t at = 0; at < len; at += BROADCAST_CHUNK) {
        const size_t n = len - at < BROADCAST_CHUNK ? len - at : BROADCAST_CHUNK;
        if (!broadcast_chunk(mpi, (char *)data + at, (int)n)) {
            return WS_ERR_IO;
        }
    }
    return WS_OK;
}

static ws_status meet_boss(swp_mpi *mpi)
{
    boss_id boss                   = {.pid = (int64_t)getpid()};
    char    host[sizeof boss.host] = "";
    if (gethostname(host, sizeof host - 1) != 0) {
        host[0] = '\0';
    }
    memcpy(boss.host, host, sizeof host);
    WS_TRY(swp_mpi_broadcast(mpi, &boss, sizeof boss));
    mpi->boss_pid = mpi->rank > 0 && strcmp(boss.host, host) == 0 ? boss.pid : 0;
    return WS_OK;
}

void swp_mpi_leave(swp_mpi **mpi)
{
    alarm(FINALIZE_LIMIT_S); /* SIGALRM's default action ends a process that hangs */
    SWP_MPI_CHECK(*mpi, MPI_Comm_free(&(*mpi)->comm));
    SWP_MPI_CHECK(*mpi, MPI_Finalize());
    alarm(0);
    for (size_t i = 0; i < (*mpi)->n_sends; i++) {
        free((*mpi)->sends[i].data);
    }
    free((*mpi)->sends);
    free(*mpi);
    *mpi = NULL;
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

ws_status swp_mpi_send_owned(swp_mpi *mpi, int to, int tag, char *data, size_t len)
{
    if (len > INT_MAX || !reserve_send(mpi)) {
        free(data);
        return WS_ERR_NOMEM;
    }
    transfer *send = &mpi->sends[mpi->n_sends];
    *send          = (transfer){.peer = to, .tag = tag, .data = data, .len = len};
    if (!SWP_MPI_CHECK(mpi, MPI_Isend(data, (int)len, MPI_BYTE, to, tag, mpi->comm, &send->request))) {
        free(data);
        return WS_ERR_IO;
    }
    mpi->n_sends++;
    mpi->traffic.n_sent++;
    mpi->traffic.bytes_sent += len;
    return WS_OK;
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
