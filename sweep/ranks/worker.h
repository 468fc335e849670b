/* worker.h -- the ranks that simulate: wait for the setup, take jobs, run them in order, send rows, leave.
 *
 * One thread does everything: while a simulation runs, its stop callback keeps the heartbeat and the messages
 * going. A worker whose rank 0 is gone ends its process; what it had not reported is redone by a later
 * --resume.
 */
#ifndef SWP_WORKER_H
#define SWP_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "job/runner.h"
#include "ranks/transport.h"

typedef struct swp_worker swp_worker; /* opaque */

/** @param[in] transport  borrowed
 * @param[in] host       of this rank
 * @param[in] silence_s  rank 0 silent for longer is dead; where it runs on this host, it is missed at once */
WS_NODISCARD ws_status swp_worker_create(swp_transport *transport, const char *host, double silence_s,
                                         swp_worker **worker_out);
void                   swp_worker_destroy(swp_worker **worker);

/** Say hello and wait for the setup (job/setup.h).
 * @param[out] block_out  the worker's; NULL: there is nothing to do, go on with swp_worker_leave()
 * @return WS_OK; WS_ERR_NOMEM or WS_ERR_IO: leave by _exit */
WS_NODISCARD ws_status swp_worker_await_setup(swp_worker *worker, const char **block_out, size_t *len_out);

/** For swp_runner_config.should_stop, ctx the worker: reads and answers messages; true if the job should be
 * left. */
bool swp_worker_stay_in_touch(void *worker);

/** Work until rank 0 says stop.
 * @return WS_OK; WS_ERR_NOMEM or WS_ERR_IO: leave by _exit */
WS_NODISCARD ws_status swp_worker_work(swp_worker *worker, swp_job_fn run, void *ctx);

/** Say goodbye and wait until rank 0 has finished the file.
 * @param[out] finalize_out  true: the transport can be left in the usual way; false: leave by _exit
 * @return WS_OK; WS_ERR_NOMEM or WS_ERR_IO: leave by _exit */
WS_NODISCARD ws_status swp_worker_leave(swp_worker *worker, bool *finalize_out);

#endif /* SWP_WORKER_H */
