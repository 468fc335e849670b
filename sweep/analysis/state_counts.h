/* state_counts.h -- how far a sweep is: its jobs by state, and what that means for scripts. */
#ifndef SWP_STATE_COUNTS_H
#define SWP_STATE_COUNTS_H

#include "analysis/result_table.h"

typedef struct swp_state_counts {
    int64_t n_jobs;                   /**< rows of a complete file */
    int64_t n_state[SWP_STATE_COUNT]; /**< pending: those without a row */
    int64_t n_excluded;               /**< infeasible ones that a constraint left out, attempt 0 */
    bool    is_complete;              /**< every job has a final state */
    bool    is_written_now;           /**< a process holds the file's lock */
    bool    is_unfinished_file;       /**< its writer was killed or is at work */
} swp_state_counts;

WS_NODISCARD ws_status swp_state_counts_take(const swp_result_table *results, ws_error *err,
                                             swp_state_counts *out);

/** Jobs that ran and have no result: failed, timed out, or infeasible without a constraint saying so. */
int64_t swp_state_counts_n_failures(const swp_state_counts *counts);

/** 0 complete, 1 complete with failures, 75 not complete. `wattsweep run` ends with the same code. */
int swp_state_counts_exit_code(const swp_state_counts *counts);

/** One line for people: "complete: 96 done, 4 failed of 100 jobs". The caller frees; NULL if out of memory.
 */
char *swp_state_counts_text(const swp_state_counts *counts);

#endif /* SWP_STATE_COUNTS_H */
