/* job_state.h -- how far a job is: the values of /state in a result file. */
#ifndef SWP_JOB_STATE_H
#define SWP_JOB_STATE_H

#include <stdbool.h>

/* X(ID, name): values of /state, their order is the file's. */
#define SWP_STATE_LIST(X)                                                                                    \
    X(SWP_STATE_PENDING, "pending")                                                                          \
    X(SWP_STATE_RUNNING, "running")                                                                          \
    X(SWP_STATE_DONE, "done")                                                                                \
    X(SWP_STATE_FAILED, "failed")                                                                            \
    X(SWP_STATE_INFEASIBLE, "infeasible")                                                                    \
    X(SWP_STATE_TIMED_OUT, "timed_out")                                                                      \
    X(SWP_STATE_INTERRUPTED, "interrupted")

typedef enum swp_job_state {
#define SWP_STATE_ENUM(id, name) id,
    SWP_STATE_LIST(SWP_STATE_ENUM)
#undef SWP_STATE_ENUM
        SWP_STATE_COUNT
} swp_job_state;

const char *swp_job_state_name(swp_job_state state);

/** True for states that a resumed sweep leaves alone unless asked to retry: done, failed, infeasible, timed
 * out. */
bool swp_job_state_is_final(swp_job_state state);

#endif /* SWP_JOB_STATE_H */
