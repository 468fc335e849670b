/* rank0.h -- rank 0 of `wattsweep run`, from its command line to a finished file: it reads the inputs, sets
 * up the workers, coordinates them, writes the file and lets everybody go. */
#ifndef SWP_RANK0_H
#define SWP_RANK0_H

#include <stdbool.h>

#include "ranks/transport.h"
#include "run/run_options.h"

/** Run the sweep. Problems are reported on stderr.
 * @param[in]  host           of this rank
 * @param[out] must_exit_out  true: a rank is dead, or was not released: the transport cannot be left in the
 * usual way
 * @return the exit code of the sweep */
int swp_rank0_run(swp_transport *transport, const char *host, const swp_run_options *options,
                  bool *must_exit_out);

/** Report a problem on stderr. @return the exit code it ends with */
int swp_run_complain(ws_status status, const ws_error *err);

#endif /* SWP_RANK0_H */
