/* tally.h -- how far a sweep is: its jobs by state, and what that means for scripts. */
#ifndef SWP_TALLY_H
#define SWP_TALLY_H

#include "frame.h"

typedef struct swp_tally {
    int64_t n_jobs;                   /**< rows of a complete file */
    int64_t n_state[SWP_STATE_COUNT]; /**< pending: those without a row */
    int64_t n_excluded;               /**< infeasible ones that a constraint left out, attempt 0 */
    bool    is_complete;              /**< every job has a final state */
    bool    is_written_now;           /**< a process holds the file's lock */
    bool    is_unfinished_file;       /**< its writer was killed or is at work */
} swp_tally;

WS_NODISCARD ws_status swp_tally_take(const swp_frame *frame, ws_error *err, swp_tally *out);

/** Jobs that ran and have no result: failed, timed out, or infeasible without a constraint saying so. */
int64_t swp_tally_n_failures(const swp_tally *tally);

/** 0 complete, 1 complete with failures, 75 not complete. `wattsweep run` ends with the same code. */
int swp_tally_exit_code(const swp_tally *tally);

/** One line for people: "complete: 96 done, 4 failed of 100 jobs". The caller frees; NULL if out of memory.
 */
char *swp_tally_text(const swp_tally *tally);

#endif /* SWP_TALLY_H */
