/* job_check.h -- which jobs of a sweep cannot run, known without a simulation: each one's scenario is put
 * together. Not thread-safe; rank 0 or a program without ranks. */
#ifndef SWP_JOB_CHECK_H
#define SWP_JOB_CHECK_H

#include "run/sweep_inputs.h"

enum { SWP_MAX_JOB_PROBLEMS = 32 };

/** Jobs that cannot run for one reason. */
typedef struct swp_job_problem {
    char    *text; /**< owned; lines, as in ws_error */
    uint64_t n_jobs;
    uint64_t first_job; /**< an example */
} swp_job_problem;

typedef struct swp_job_check {
    swp_job_problem problems[SWP_MAX_JOB_PROBLEMS]; /**< in the order of their first jobs */
    size_t          n_problems;
    uint64_t        n_checked, n_failed; /**< jobs that meet the constraints */
    uint64_t        n_other;             /**< of n_failed, those for reasons beyond the 32 */
    bool            is_cut;              /**< the time was up before the last job */
} swp_job_check;

/** Look at every job of the slice that meets the constraints, at most so long.
 * @param[in]  limit_s  wall clock, s
 * @param[out] out      released with swp_job_check_fini(), also after an error
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_job_check_take(swp_sweep_inputs *in, double limit_s, swp_job_check *out);
void                   swp_job_check_fini(swp_job_check *check);

#endif /* SWP_JOB_CHECK_H */
