/* transport.h -- entering and leaving MPI, and messages that never block.
 *
 * MPI is entered only under a launcher (mpirun, srun): alone, a sweep has one rank and never calls MPI. All
 * calls come from the main thread (MPI_THREAD_FUNNELED). */
#ifndef SWP_TRANSPORT_H
#define SWP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct swp_mpi swp_mpi; /* opaque */

/** True if a launcher started this process as one of several, or of one. */
bool swp_mpi_is_launched(void);

/** Enter MPI; collective over all ranks, the only such call besides swp_mpi_leave(). A rank that dies
 * meanwhile would hang the others forever: they end with WS_EXIT_RESUME instead.
 * @param[in] limit_s  longest time until all ranks have met
 * @return WS_OK; WS_ERR_IO with MPI's text on stderr; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_mpi_enter(double limit_s, swp_mpi **mpi_out);

int         swp_mpi_rank(const swp_mpi *mpi);         /**< 0 if mpi is NULL */
int         swp_mpi_size(const swp_mpi *mpi);         /**< 1 if mpi is NULL */
int         swp_mpi_n_ranks_here(const swp_mpi *mpi); /**< on this node; 1 if mpi is NULL */
const char *swp_mpi_library(void);                    /**< the MPI library compiled against, one line */

/** Leave MPI; collective. Sets *mpi to NULL. A process that hangs in it for 30 s ends with exit_code. */
void swp_mpi_leave(swp_mpi **mpi, int exit_code);

/* ---- memory shared by the ranks of a node (ranks/node_window.h) ---- */

/** The node's window, which its ranks may write to by agreement; NULL if there is none (or mpi is NULL). */
char *swp_mpi_window(const swp_mpi *mpi);

/** True if so many bytes have room in every window there is. */
bool swp_mpi_fits_window(const swp_mpi *mpi, size_t n_bytes);

/** The first rank of a rank's node, which writes to the window they share; -1 if that rank has no window. */
int swp_mpi_window_leader(const swp_mpi *mpi, int rank);

/** Call after writing to the window, before telling others of it; and after being told, before reading. */
void swp_mpi_window_sync(const swp_mpi *mpi);

/* ---- messages (link) ---- */

/** A message that came; data is the caller's, released with free(). */
typedef struct swp_message {
    int    source, tag;
    char  *data; /**< aligned to 8; NULL if empty */
    size_t len;
} swp_message;

/** Send bytes; copied, never blocks. Not collective.
 * @return WS_OK; WS_ERR_IO with MPI's text on stderr; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_mpi_send(swp_mpi *mpi, int to, int tag, const void *data, size_t len);

/** As swp_mpi_send, taking over a malloc'ed block instead of copying. */
WS_NODISCARD ws_status swp_mpi_send_owned(swp_mpi *mpi, int to, int tag, char *data, size_t len);

/** As swp_mpi_send, without a copy: data has to stay as it is until MPI is left or the process ends. */
WS_NODISCARD ws_status swp_mpi_send_borrowed(swp_mpi *mpi, int to, int tag, const void *data, size_t len);

/** Look for a message, complete sends; never blocks. Messages of one source come in the order they were sent.
 * @return true and the message, or false if there is none (or MPI reports an error, kept on stderr) */
bool swp_mpi_poll(swp_mpi *mpi, swp_message *message_out);

/** Sends that are not complete. */
size_t swp_mpi_n_unsent(const swp_mpi *mpi);

/** Wait no more for what is under way to and from that rank: it is dead, or taken for dead. */
void swp_mpi_forget(swp_mpi *mpi, int rank);

/** What went through, for reports. */
typedef struct swp_mpi_traffic {
    unsigned long long n_sent, bytes_sent, n_received, bytes_received;
} swp_mpi_traffic;
swp_mpi_traffic swp_mpi_traffic_of(const swp_mpi *mpi);

#endif /* SWP_TRANSPORT_H */
