/* worker_rank.h -- a rank other than 0, from the moment the ranks have met to the moment it may leave. */
#ifndef SWP_WORKER_RANK_H
#define SWP_WORKER_RANK_H

#include <stdbool.h>

#include "ranks/transport.h"

/** Wait for the setup, work, leave. Problems are reported on stderr.
 * @param[in]  host           of this rank
 * @param[in]  silence_s      rank 0 silent for longer is dead: the process ends with WS_EXIT_RESUME
 * @param[out] must_exit_out  true: the transport cannot be left in the usual way, only by _exit
 * @return WS_OK, also when rank 0 had nothing to do; WS_ERR_INPUT; WS_ERR_NOMEM; WS_ERR_IO */
WS_NODISCARD ws_status swp_worker_rank_run(swp_transport *transport, const char *host, double silence_s,
                                           bool *must_exit_out);

#endif /* SWP_WORKER_RANK_H */
