/* local_worker.h -- a worker that is a thread of rank 0: for a sweep of one rank, and next to the coordinator
 * in small worlds.
 *
 * The thread calls the job function it was given and nothing else of the sweep; it never calls MPI or HDF5.
 */
#ifndef SWP_LOCAL_WORKER_H
#define SWP_LOCAL_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "job/runner.h"
#include "ranks/job_queue.h"
#include "result/row_wire.h"

typedef struct swp_local_worker swp_local_worker; /* opaque */

/** Start the thread.
 * @param[in] run, ctx  called by the thread alone until swp_local_worker_stop() returns */
WS_NODISCARD ws_status swp_local_worker_start(swp_job_fn run, void *ctx, swp_local_worker **local_out);

/** Append jobs; copied. */
WS_NODISCARD ws_status swp_local_worker_add(swp_local_worker *local, const swp_ticket *tickets, size_t n);

/** Take the rows of finished jobs, in the order the jobs were added.
 * @param[in] wait_s  how long to wait for the first row; 0 = not at all
 * @return true and the rows (data is the caller's), or false if there are none */
bool swp_local_worker_collect(swp_local_worker *local, double wait_s, swp_rows *rows_out);

/** Drop the jobs that have not begun; the running one goes on. */
void swp_local_worker_drain(swp_local_worker *local);

/** True if the thread has no job, running or waiting, and all rows were collected. */
bool swp_local_worker_is_idle(swp_local_worker *local);

/** True if the thread could not keep a row for lack of memory: the job counts as lost. */
bool swp_local_worker_has_failed(swp_local_worker *local);

/** End the thread after the running job and release it; NULL *local is allowed. */
void swp_local_worker_stop(swp_local_worker **local);

#endif /* SWP_LOCAL_WORKER_H */
