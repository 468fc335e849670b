/* energy/host_clock.h -- when the host of a node is busy, and what each batch in flight draws of it. */
#ifndef WS_HOST_CLOCK_H
#define WS_HOST_CLOCK_H

#include "power/ledger.h"

/** Busy time of a node's host, shared equally by the batches in flight at each moment. */
typedef struct ws_host_clock {
    WS_ON_CACHE_LINE int32_t n_in_flight;
    double                   busy_w; /* drawn while any is in flight */
    int64_t                  busy_since_ns,
        busy_until_ns;     /* busy without a break, and not charged yet; equal: nothing to charge */
    const double *share_w; /* [batches in flight] of each, of busy_w: none of it at [0] */
    int64_t       shared_until_ns;
    double        shared_j; /* what a batch in flight all along would have drawn */
} ws_host_clock;

/** @param[in] share_w  [most batches in flight + 1] room for the shares; stays in use */
void ws_host_clock_init(ws_host_clock *host, double busy_w, double *share_w, size_t n_most);

/** Charge the time the host was busy without a break. */
void ws_host_clock_flush(ws_host_clock *host, ws_ledger *ledger, size_t node);

/** Bring what batches in flight have drawn up to now. */
static inline void ws_host_clock_share(ws_host_clock *host, int64_t now_ns)
{
    const double time_s = (double)(now_ns - host->shared_until_ns) * WS_S_PER_NS;
    host->shared_j += time_s * host->share_w[host->n_in_flight];
    host->shared_until_ns = now_ns;
}

/** A batch begins; shared_j is brought up to now. */
static inline void ws_host_clock_begin(ws_host_clock *host, ws_ledger *ledger, size_t node, int64_t now_ns)
{
    if (host->shared_until_ns != now_ns) { /* mostly, a batch begins where another one has ended */
        ws_host_clock_share(host, now_ns);
    }
    if (host->n_in_flight++ == 0 && host->busy_until_ns != now_ns) {
        ws_host_clock_flush(host, ledger, node);
        host->busy_since_ns = now_ns;
    }
}

/** A batch ends; its share ends at shared_j. */
static inline void ws_host_clock_end(ws_host_clock *host, int64_t now_ns)
{
    ws_host_clock_share(host, now_ns);
    if (--host->n_in_flight == 0) {
        host->busy_until_ns = now_ns;
    }
}

#endif /* WS_HOST_CLOCK_H */
