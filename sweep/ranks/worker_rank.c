#include "ranks/worker_rank.h"

#include <stdio.h>

#include "job/simulator.h"
#include "ranks/worker.h"

/* A rank's whole state. */
typedef struct worker_rank {
    swp_mpi       *mpi;
    swp_worker    *worker;
    swp_simulator *simulator;
} worker_rank;

static ws_status set_up(worker_rank *h, const char *block, size_t len, ws_error *err)
{
    swp_setup                  setup;
    const swp_simulator_config config = {.rank         = swp_mpi_rank(h->mpi),
                                         .n_ranks_here = swp_mpi_n_ranks_here(h->mpi),
                                         .should_stop  = swp_worker_stay_in_touch,
                                         .ctx          = h->worker};
    WS_TRY(swp_setup_unpack(block, len, &setup));
    return swp_simulator_create(&setup, &config, err, &h->simulator);
}

static ws_status serve(worker_rank *h, ws_error *err, bool *finalize_out)
{
    const char *block = NULL;
    size_t      len   = 0;
    WS_TRY(swp_worker_await_setup(h->worker, &block, &len));
    if (block != NULL) {
        WS_TRY(set_up(h, block, len, err));
        WS_TRY(swp_worker_work(h->worker, swp_simulator_run, h->simulator));
    }
    return swp_worker_leave(h->worker, finalize_out);
}

ws_status swp_worker_rank_run(swp_mpi *mpi, const char *host, double silence_s, bool *must_exit_out)
{
    worker_rank h        = {.mpi = mpi};
    ws_error    err      = WS_ERROR_INIT;
    bool        finalize = false;
    ws_status   status   = swp_worker_create(mpi, host, silence_s, &h.worker);
    if (status == WS_OK) {
        status = serve(&h, &err, &finalize);
    }
    if (status != WS_OK) {
        fprintf(stderr, "wattsweep: rank=%d %s\n", swp_mpi_rank(mpi),
                err.n_problems > 0 ? ws_error_text(&err) : ws_status_text(status));
    }
    *must_exit_out = !finalize;
    swp_simulator_destroy(&h.simulator);
    swp_worker_destroy(&h.worker);
    ws_error_clear(&err);
    return status;
}
