/* transport.h -- how a rank reaches the others: messages that never block, and memory that the ranks of its
 * node share.
 *
 * Coordinator, roster and workers know the other ranks through this table only. Behind it is MPI
 * (ranks/mpi_transport.h), nobody at all (a sweep of one rank), or, in tests, ranks that live in one process
 * and in played time. All calls come from one thread, that which entered MPI. */
#ifndef SWP_TRANSPORT_H
#define SWP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "ranks/machine.h"

/** A message that came; data is the caller's, released with free(). */
typedef struct swp_message {
    int    source, tag;
    char  *data; /**< aligned to 8; NULL if empty */
    size_t len;
} swp_message;

/** A message to be sent. */
typedef struct swp_parcel {
    int         to, tag;
    const void *data;
    size_t      len;
    char       *owned; /**< freed once it is sent, also after an error; NULL = data stays as it is */
} swp_parcel;

/** What went through, for reports. */
typedef struct swp_traffic {
    unsigned long long n_sent, bytes_sent, n_received, bytes_received;
} swp_traffic;

typedef struct swp_transport swp_transport;

/** What is behind a transport. */
typedef struct swp_transport_ops {
    ws_status (*send)(swp_transport *transport, const swp_parcel *parcel);
    bool (*poll)(swp_transport *transport, swp_message *message_out);
    size_t (*n_unsent)(const swp_transport *transport);
    void (*forget)(swp_transport *transport, int rank);
    void (*sync_window)(const swp_transport *transport);
} swp_transport_ops;

/** The part of a transport that all kinds have. To be read; written to by its kind alone. */
struct swp_transport {
    const swp_transport_ops *ops;
    const swp_machine       *machine;
    int                      rank, size;
    int                      n_ranks_here; /**< on this node */
    int64_t                  pid;          /**< of this process */
    char       *window;       /**< shared by the ranks of the node, written to by agreement; NULL = none */
    uint64_t    window_bytes; /**< room in the smallest window of all nodes */
    const int  *leader_of;    /**< [size] rank that writes to the window of a rank's node; -1 = none */
    swp_traffic traffic;
};

/** The transport of a sweep of one rank: nobody to send to, nothing ever comes. */
void swp_transport_init_alone(swp_transport *transport);

/** Send bytes; copied, never blocks. Not collective.
 * @return WS_OK; WS_ERR_IO with the library's text on stderr; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_transport_send(swp_transport *transport, int to, int tag, const void *data,
                                          size_t len);

/** As swp_transport_send, taking over a malloc'ed block instead of copying. */
WS_NODISCARD ws_status swp_transport_send_owned(swp_transport *transport, int to, int tag, char *data,
                                                size_t len);

/** As swp_transport_send, without a copy: data has to stay as it is until the transport is left or the
 * process ends. */
WS_NODISCARD ws_status swp_transport_send_borrowed(swp_transport *transport, int to, int tag,
                                                   const void *data, size_t len);

/** Look for a message, complete sends; never blocks. Messages of one source come in the order they were sent.
 * @return true and the message, or false if there is none (or there was an error, reported on stderr) */
bool swp_transport_poll(swp_transport *transport, swp_message *message_out);

/** Sends that are not complete. */
size_t swp_transport_n_unsent(const swp_transport *transport);

/** Wait no more for what is under way to and from that rank: it is dead, or taken for dead. */
void swp_transport_forget(swp_transport *transport, int rank);

/** True if so many bytes have room in every window there is. */
bool swp_transport_fits_window(const swp_transport *transport, size_t n_bytes);

/** Call after writing to the window, before others learn of it; and after learning of it, before reading. */
void swp_transport_sync_window(const swp_transport *transport);

/** Time on this rank's clock, s. */
double swp_transport_now_s(const swp_transport *transport);

/** True if that process of this host is gone; false for pid 0: not known, or on another host. */
bool swp_transport_is_gone(const swp_transport *transport, int64_t pid);

#endif /* SWP_TRANSPORT_H */
