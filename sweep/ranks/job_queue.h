/* job_queue.h -- the jobs of a sweep, one after the other: what is left to run, long ones first.
 *
 * It walks the numbers of a slice, leaves out pruned points and jobs that an earlier run finished, and keeps
 * a window of a few thousand jobs sorted by expected cost. Memory does not grow with the number of jobs,
 * except one bit each where an earlier run is resumed. Not thread-safe; the coordinator owns it. */
#ifndef SWP_JOB_QUEUE_H
#define SWP_JOB_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/builder.h"
#include "job/constraint.h"

/** A job to run. */
typedef struct swp_ticket {
    uint64_t job;
    int32_t  attempt; /**< 1 for the first */
} swp_ticket;

typedef struct swp_slice {
    uint64_t begin, end; /**< job numbers [begin, end) */
} swp_slice;

/** The k-th of n equal parts of a space, 0 <= k < n. */
swp_slice swp_slice_of(const swp_space *space, uint64_t k, uint64_t n);

/** How a slice divides: counted once before a run, and by `plan`. */
typedef struct swp_census {
    uint64_t  n_jobs;     /**< to run or done already: without pruned points */
    uint64_t  n_pruned;   /**< jobs left out */
    uint64_t *pruned_by;  /**< [n_constraints] the same by the first constraint not met; owned */
    uint64_t *unknown_by; /**< [n_constraints] jobs kept since it has no answer there, by the first such one;
                             owned */
} swp_census;

WS_NODISCARD ws_status swp_census_take(swp_builder *builder, swp_constraints *constraints, swp_slice slice,
                                       swp_census *census_out);
void                   swp_census_fini(swp_census *census);

typedef struct swp_job_queue swp_job_queue; /* opaque */

typedef struct swp_job_queue_config {
    swp_builder      *builder; /**< borrowed, as all of these */
    swp_constraints  *constraints;
    swp_slice         slice;
    uint64_t          n_to_run;  /**< jobs that will come */
    const uint8_t    *done_bits; /**< one bit a job of the slice: leave it out; NULL = none */
    const swp_ticket *retries;   /**< jobs with an attempt above 1, ascending */
    size_t            n_retries;
    /** Called for each pruned job; NULL = they go unnoticed. */
    void (*on_pruned)(void *ctx, uint64_t job, const uint32_t *value_index, size_t constraint);
    void *ctx;
} swp_job_queue_config;

WS_NODISCARD ws_status swp_job_queue_create(const swp_job_queue_config *config, swp_job_queue **queue_out);
void                   swp_job_queue_destroy(swp_job_queue **queue);

/** Take up to n jobs; 0 when there are none left (some may still come back). */
size_t swp_job_queue_take(swp_job_queue *queue, size_t n, swp_ticket *out);

/** Put a job back that was not run; it goes first.
 * @return WS_OK; WS_ERR_NOMEM: then the job stays pending for a later --resume */
WS_NODISCARD ws_status swp_job_queue_return(swp_job_queue *queue, swp_ticket ticket);

/** Learn how long a job took. */
void swp_job_queue_observe(swp_job_queue *queue, uint64_t job, double wall_s);

/** Jobs not taken yet. */
uint64_t swp_job_queue_n_left(const swp_job_queue *queue);

#endif /* SWP_JOB_QUEUE_H */
