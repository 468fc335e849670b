#include "ranks/transport.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- alone ---- */

static ws_status send_to_nobody(swp_transport *transport, const swp_parcel *parcel)
{
    (void)transport;
    free(parcel->owned);
    return WS_ERR_IO;
}

static bool nothing_came(swp_transport *transport, swp_message *message_out)
{
    (void)transport;
    (void)message_out;
    return false;
}

static size_t nothing_unsent(const swp_transport *transport)
{
    (void)transport;
    return 0;
}

static void forget_nobody(swp_transport *transport, int rank)
{
    (void)transport;
    (void)rank;
}

static void sync_nothing(const swp_transport *transport)
{
    (void)transport;
}

void swp_transport_init_alone(swp_transport *transport)
{
    static const swp_transport_ops ops       = {.send        = send_to_nobody,
                                                .poll        = nothing_came,
                                                .n_unsent    = nothing_unsent,
                                                .forget      = forget_nobody,
                                                .sync_window = sync_nothing};
    static const int               no_window = -1;
    *transport                               = (swp_transport){.ops          = &ops,
                                                               .machine      = swp_machine_real(),
                                                               .size         = 1,
                                                               .n_ranks_here = 1,
                                                               .pid          = (int64_t)getpid(),
                                                               .leader_of    = &no_window};
}

/* ---- any ---- */

static ws_status send_parcel(swp_transport *transport, const swp_parcel *parcel)
{
    WS_TRY(transport->ops->send(transport, parcel));
    transport->traffic.n_sent++;
    transport->traffic.bytes_sent += parcel->len;
    return WS_OK;
}

ws_status swp_transport_send_owned(swp_transport *transport, int to, int tag, char *data, size_t len)
{
    const swp_parcel parcel = {.to = to, .tag = tag, .data = data, .len = len, .owned = data};
    return send_parcel(transport, &parcel);
}

ws_status swp_transport_send_borrowed(swp_transport *transport, int to, int tag, const void *data, size_t len)
{
    const swp_parcel parcel = {.to = to, .tag = tag, .data = data, .len = len};
    return send_parcel(transport, &parcel);
}

ws_status swp_transport_send(swp_transport *transport, int to, int tag, const void *data, size_t len)
{
    char *copy = NULL;
    if (len > 0) {
        copy = malloc(len);
        if (copy == NULL) {
            return WS_ERR_NOMEM;
        }
        memcpy(copy, data, len);
    }
    return swp_transport_send_owned(transport, to, tag, copy, len);
}

bool swp_transport_poll(swp_transport *transport, swp_message *message_out)
{
    if (!transport->ops->poll(transport, message_out)) {
        return false;
    }
    transport->traffic.n_received++;
    transport->traffic.bytes_received += message_out->len;
    return true;
}

size_t swp_transport_n_unsent(const swp_transport *transport)
{
    return transport->ops->n_unsent(transport);
}

void swp_transport_forget(swp_transport *transport, int rank)
{
    transport->ops->forget(transport, rank);
}

bool swp_transport_fits_window(const swp_transport *transport, size_t n_bytes)
{
    return n_bytes <= transport->window_bytes;
}

void swp_transport_sync_window(const swp_transport *transport)
{
    transport->ops->sync_window(transport);
}

double swp_transport_now_s(const swp_transport *transport)
{
    return swp_now_s(transport->machine);
}

bool swp_transport_is_gone(const swp_transport *transport, int64_t pid)
{
    return pid > 0 && transport->machine->is_process_gone(transport->machine->ctx, pid);
}
