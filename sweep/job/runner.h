/* runner.h -- running one job: building its scenario, simulating it, and turning the outcome into a row.
 *
 * This never fails: whatever goes wrong with a job is a row with its state and the reason. Everything that
 * hands out jobs takes a swp_job_fn, so that it can be tested and measured without a simulator behind it. Not
 * thread-safe: a runner and its builder belong to one thread. */
#ifndef SWP_RUNNER_H
#define SWP_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "result/row.h"

/** Run a job and describe it; the row is borrowed until the next call. Its params are NULL and its host is
 * NULL: both follow from job and rank where the row is written. */
typedef const swp_row *(*swp_job_fn)(void *ctx, uint64_t job, int32_t attempt);

typedef struct swp_runner swp_runner; /* opaque */

typedef struct swp_runner_config {
    swp_builder *builder; /**< borrowed; outlives the runner */
    int32_t      rank;
    size_t       max_nodes;     /**< of the file's node axis */
    double       time_budget_s; /**< wall clock of one simulation; 0 = none */
    size_t       memory_bytes;  /**< of one simulation; 0 = this rank's share of what the host has left */
    size_t       max_row_bytes; /**< a packed row above it fails its job; 0 = SWP_MAX_ROW_BYTES */
    int          n_ranks_here;  /**< ranks of this host, which share its memory; 0 = 1 */
    bool (*should_stop)(
        void *ctx); /**< polled during a simulation; true leaves the job interrupted; NULL = never */
    void *ctx;
} swp_runner_config;

WS_NODISCARD ws_status swp_runner_create(const swp_runner_config *config, swp_runner **runner_out);
void                   swp_runner_destroy(swp_runner **runner);

/** A swp_job_fn; ctx is the swp_runner. */
const swp_row *swp_runner_run(void *runner, uint64_t job, int32_t attempt);

/** The row of a job that never runs: pruned, or its inputs cannot be put together. Params and arrays are
 * NULL.
 * @param[out] hash_buf  the row's hash is kept here */
swp_row swp_row_without_run(swp_job *job, swp_job_state state, const char *reason,
                            char hash_buf[SWP_HASH_LEN + 1]);

#endif /* SWP_RUNNER_H */
