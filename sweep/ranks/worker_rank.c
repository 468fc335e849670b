#include "ranks/worker_rank.h"

#include <stdio.h>

#include "job/simulator.h"
#include "ranks/worker.h"

/* A rank's whole state. */
typedef struct worker_rank {
    swp_transport *transport;
    swp_worker    *worker;
    swp_simulator *simulator;
} worker_rank;

static ws_status set_up(worker_rank *w, const char *block, size_t len, ws_error *err)
{
    swp_setup                  setup;
    const swp_simulator_config config = {.rank         = w->transport->rank,
                                         .n_ranks_here = w->transport->n_ranks_here,
                                         .should_stop  = swp_worker_stay_in_touch,
                                         .ctx          = w->worker};
    WS_TRY(swp_setup_unpack(block, len, &setup));
    return swp_simulator_create(&setup, &config, err, &w->simulator);
}

static ws_status serve(worker_rank *w, ws_error *err, bool *finalize_out)
{
    const char *block = NULL;
    size_t      len   = 0;
    WS_TRY(swp_worker_await_setup(w->worker, &block, &len));
    if (block != NULL) {
        WS_TRY(set_up(w, block, len, err));
        WS_TRY(swp_worker_work(w->worker, swp_simulator_run, w->simulator));
    }
    return swp_worker_leave(w->worker, finalize_out);
}

ws_status swp_worker_rank_run(swp_transport *transport, const char *host, double silence_s,
                              bool *must_exit_out)
{
    worker_rank w        = {.transport = transport};
    ws_error    err      = WS_ERROR_INIT;
    bool        finalize = false;
    ws_status   status   = swp_worker_create(transport, host, silence_s, &w.worker);
    if (status == WS_OK) {
        status = serve(&w, &err, &finalize);
    }
    if (status != WS_OK) {
        fprintf(stderr, "wattsweep: rank=%d %s\n", transport->rank,
                err.n_problems > 0 ? ws_error_text(&err) : ws_status_text(status));
    }
    *must_exit_out = !finalize;
    swp_simulator_destroy(&w.simulator);
    swp_worker_destroy(&w.worker);
    ws_error_clear(&err);
    return status;
}
