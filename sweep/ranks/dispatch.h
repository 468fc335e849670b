/* dispatch.h -- the jobs a worker was sent and has not reported, and how many it gets at a time.
 *
 * A worker reports in the order of sending: what it has is a queue. A row of a job that is not at its head
 * comes from a worker that was taken for dead, whose jobs are with others. Coordinator only. */
#ifndef SWP_DISPATCH_H
#define SWP_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "ranks/job_queue.h"

/** In the order of sending; all zero is empty. */
typedef struct swp_outstanding {
    swp_ticket *tickets; /**< [capacity] ring, owned */
    size_t      capacity, head, n;
} swp_outstanding;

/** Make room for n more. @return WS_OK; WS_ERR_NOMEM, then nothing has changed */
WS_NODISCARD ws_status swp_outstanding_reserve(swp_outstanding *jobs, size_t n);

/** Append a job; there is room. */
void swp_outstanding_push(swp_outstanding *jobs, swp_ticket ticket);

/** The next job to be reported; jobs->n > 0. */
swp_ticket swp_outstanding_first(const swp_outstanding *jobs);

/** The row of a job came: take the job off. False if it is not the next one to come; then nothing has
 * changed. */
bool swp_outstanding_take(swp_outstanding *jobs, uint64_t job);

/** Release; leaves it empty. */
void swp_outstanding_fini(swp_outstanding *jobs);

#define SWP_BUNDLE_S 0.030 /**< work in one bundle: long against a message, short against a sweep */

/** How many jobs to send at once: about bundle_s of work; toward the end a share of what is left, so that all
 * workers end together. Grows step by step, since the first jobs may be the short ones.
 * @param[in] bundle_s     work in one bundle, s; SWP_BUNDLE_S except for measurements
 * @param[in] job_s       smoothed wall time of a job, s; 0 = unknown
 * @param[in] last_bundle  size of the last one sent to this worker; 0 = none yet
 * @param[in] n_left      jobs that nobody has yet
 * @param[in] n_workers   who could take them, >= 1
 * @return 1 to SWP_MAX_BUNDLE */
size_t swp_bundle_size(double bundle_s, double job_s, size_t last_bundle, uint64_t n_left, size_t n_workers);

#endif /* SWP_DISPATCH_H */
