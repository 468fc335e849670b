#include "energy/host_clock.h"

void ws_host_clock_init(ws_host_clock *host, double busy_w, double *share_w, size_t n_most)
{
    share_w[0] = 0.0;
    for (size_t n = 1; n <= n_most; n++) {
        share_w[n] = busy_w / (double)n;
    }
    *host = (ws_host_clock){.busy_w = busy_w, .share_w = share_w};
}

void ws_host_clock_flush(ws_host_clock *host, ws_ledger *ledger, size_t node)
{
    if (host->busy_since_ns < host->busy_until_ns) {
        ws_ledger_charge(ledger, node, WS_CPU, host->busy_since_ns, host->busy_until_ns,
                         host->busy_w * ((double)(host->busy_until_ns - host->busy_since_ns) * WS_S_PER_NS));
    }
    host->busy_since_ns = host->busy_until_ns;
}
