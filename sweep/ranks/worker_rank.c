#include "ranks/worker_rank.h"

#include <stdio.h>

#include "job/setup.h"
#include "ranks/worker.h"

/* A rank's whole state. */
typedef struct worker_rank {
    swp_mpi     *mpi;
    swp_worker  *worker;
    ws_files    *files;
    swp_spec    *spec;
    swp_builder *builder;
    swp_runner  *runner;
} worker_rank;

static ws_status set_up(worker_rank *h, const char *block, size_t len, ws_error *err)
{
    swp_setup setup;
    WS_TRY(swp_setup_unpack(block, len, &setup));
    WS_TRY(ws_files_map(setup.files, setup.files_len, false, &h->files));
    WS_TRY(swp_spec_parse(setup.spec_path, setup.spec_text, setup.spec_len, err, &h->spec));
    const swp_builder_config config = {.spec_path   = setup.spec_path,
                                       .data_dirs   = setup.data_dirs,
                                       .n_data_dirs = setup.n_data_dirs,
                                       .bundled_dir =
                                           setup.bundled_dir[0] != '\0' ? setup.bundled_dir : NULL};
    WS_TRY(swp_builder_create(h->spec, &config, h->files, err, &h->builder));
    const swp_runner_config runner = {.builder       = h->builder,
                                      .rank          = swp_mpi_rank(h->mpi),
                                      .max_nodes     = setup.max_nodes,
                                      .time_budget_s = setup.time_budget_s,
                                      .memory_bytes  = setup.memory_bytes,
                                      .n_ranks_here  = swp_mpi_n_ranks_here(h->mpi),
                                      .should_stop   = swp_worker_stay_in_touch,
                                      .ctx           = h->worker};
    return swp_runner_create(&runner, &h->runner);
}

static ws_status serve(worker_rank *h, ws_error *err, bool *finalize_out)
{
    const char *block = NULL;
    size_t      len   = 0;
    WS_TRY(swp_worker_await_setup(h->worker, &block, &len));
    if (block != NULL) {
        WS_TRY(set_up(h, block, len, err));
        WS_TRY(swp_worker_work(h->worker, swp_runner_run, h->runner));
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
    swp_runner_destroy(&h.runner);
    swp_builder_destroy(&h.builder);
    swp_spec_destroy(&h.spec);
    ws_files_destroy(&h.files);
    swp_worker_destroy(&h.worker);
    ws_error_clear(&err);
    return status;
}
