/* simulator.h -- what runs the jobs of a sweep on one thread: files, spec, builder and runner, put together
 * from the setup that rank 0 packed (job/setup.h).
 *
 * Every rank has one, rank 0 for its own worker thread too, and none shares anything with another but the
 * bytes of the setup, which nobody changes. */
#ifndef SWP_SIMULATOR_H
#define SWP_SIMULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "job/runner.h"
#include "job/setup.h"

typedef struct swp_simulator swp_simulator; /* opaque */

/** What differs between the ranks of a sweep. */
typedef struct swp_simulator_config {
    int32_t rank;
    int     n_ranks_here;           /**< ranks of this host, which share its memory */
    bool (*should_stop)(void *ctx); /**< as in swp_runner_config */
    void *ctx;
} swp_simulator_config;

/** Put it together.
 * @param[in]  setup          borrowed with its block; outlives the simulator
 * @param[out] simulator_out  owned by the caller, release with swp_simulator_destroy()
 * @return WS_OK; WS_ERR_INPUT with every problem; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_simulator_create(const swp_setup *setup, const swp_simulator_config *config,
                                            ws_error *err, swp_simulator **simulator_out);
void                   swp_simulator_destroy(swp_simulator **simulator);

/** A swp_job_fn; ctx is the swp_simulator. */
const swp_row *swp_simulator_run(void *simulator, uint64_t job, int32_t attempt);

#endif /* SWP_SIMULATOR_H */
