/* worker.h -- the loop of the ranks that simulate: take jobs, run them in order, send rows.
 *
 * One thread does everything: while a simulation runs, its stop callback keeps the heartbeat and the messages
 * going. A worker whose rank 0 is gone leaves by _exit; what it had in hand is redone by a later --resume. */
#ifndef SWP_WORKER_H
#define SWP_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "job_run.h"
#include "mpi_env.h"

typedef struct swp_worker swp_worker; /* opaque */

typedef struct swp_worker_config {
    swp_mpi    *mpi;
    const char *host; /**< of this rank */
    const char
        *boss_host; /**< of rank 0, with its process id: where it is ours, a dead rank 0 is noticed at once */
    int64_t boss_pid;
    double  silence_s; /**< rank 0 silent for longer is dead */
} swp_worker_config;

WS_NODISCARD ws_status swp_worker_create(const swp_worker_config *config, swp_worker **worker_out);
void                   swp_worker_destroy(swp_worker **worker);

/** For swp_runner_config.should_stop, ctx the worker: keeps up the conversation; true if the job should be
 * left. */
bool swp_worker_breathe(void *worker);

/** Work until rank 0 says stop.
 * @param[out] finalize_out  true: MPI can be left in the usual way; false: leave by _exit
 * @return WS_OK; WS_ERR_NOMEM or WS_ERR_IO: leave by _exit */
WS_NODISCARD ws_status swp_worker_work(swp_worker *worker, swp_job_fn run, void *ctx, bool *finalize_out);

#endif /* SWP_WORKER_H */
