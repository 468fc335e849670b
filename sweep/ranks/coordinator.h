/* coordinator.h -- rank 0's loop: hands out jobs, gathers rows, notices who died.
 *
 * It never blocks: it polls and sleeps. Every worker has one bundle running and one waiting, sized to
 * about 30 ms of work and smaller toward the end. The jobs of a worker that died (ranks/worker_roster.h) go
 * to others. A job that three workers died on is given up as failed. */
#ifndef SWP_COORDINATOR_H
#define SWP_COORDINATOR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ranks/job_queue.h"
#include "ranks/local_worker.h"
#include "ranks/progress.h"
#include "ranks/row_sink.h"
#include "ranks/worker_roster.h"

typedef struct swp_coordinator_config {
    const swp_machine  *machine; /**< its clock is that of the times below */
    swp_roster         *roster;
    swp_local_worker   *local; /**< NULL = rank 0 runs no jobs */
    swp_job_queue      *queue;
    swp_builder        *builder; /**< for rows of jobs that are given up */
    const swp_row_sink *sink;
    swp_progress       *progress;
    const char         *host;      /**< of rank 0 */
    atomic_bool        *abandon;   /**< set when the local worker's running job has to be left */
    double              stop_at_s; /**< from then on no work is handed out; INFINITY = never */
    double              end_s;     /**< the allocation ends; INFINITY = never */
    double bundle_s; /**< work in one bundle; 0 = 30 ms, others for measuring what messages cost */
} swp_coordinator_config;

typedef struct swp_outcome {
    bool is_complete;       /**< every job has a row of a final state */
    bool was_asked_to_stop; /**< by a signal, here or at a worker, or by the end of the allocation */
} swp_outcome;

/** Run the sweep: returns when every job has a row, or when it has to stop early. Workers have said goodbye
 * then and wait for swp_roster_release().
 * @return WS_OK; WS_ERR_NOMEM. Errors of the file are the writer's to report. */
WS_NODISCARD ws_status swp_coordinate(const swp_coordinator_config *config, swp_outcome *outcome_out);

#endif /* SWP_COORDINATOR_H */
