/* progress.h -- how a sweep is getting on, for people and for scripts.
 *
 * On a terminal one live line, above it one for each rank with -v; in a log one line a minute; with
 * --progress-json a small file that is always whole. All on stderr, from rank 0 only. */
#ifndef SWP_PROGRESS_H
#define SWP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "ranks/machine.h"
#include "result/row.h"

typedef struct swp_progress_config {
    const swp_machine *machine;                   /**< its clock; NULL = the real one */
    const char        *name;                      /**< of the sweep */
    const char        *json_path;                 /**< NULL = none; borrowed */
    bool               is_quiet;                  /**< only problems */
    int                verbosity;                 /**< 1: a line for each rank as well */
    uint64_t           n_total;                   /**< rows of the finished file */
    uint64_t           n_before[SWP_STATE_COUNT]; /**< of these kept from an earlier run, by state */
    uint64_t           n_pruned;
    int                n_ranks;
    bool               is_launched;     /**< by mpirun or the like */
    bool               lower_is_better; /**< of best_metric */
    ws_metric          best_metric;     /**< what "best so far" is about; WS_METRIC_COUNT = nothing */
    bool               ignores_slo;     /**< the best by that metric alone, else by result/point_order.h */
} swp_progress_config;

typedef struct swp_rank_progress {
    uint64_t n_done;
    double   busy_s;        /**< in simulations */
    size_t   n_outstanding; /**< jobs sent and not reported */
    bool     is_dead;
} swp_rank_progress;

typedef struct swp_progress swp_progress; /* opaque */

WS_NODISCARD ws_status swp_progress_create(const swp_progress_config *config, swp_progress **progress_out);
void                   swp_progress_destroy(swp_progress **progress);

/** Count a row. */
void swp_progress_count(swp_progress *progress, const swp_row *row);

/** Let a done job compete for "best so far" without counting its row: one kept from an earlier run.
 * @param[in] metrics  [WS_METRIC_COUNT] */
void swp_progress_consider(swp_progress *progress, int64_t job, const double *metrics);

/** Show it if it is time to. ranks: [n_ranks], for the view by rank; may be NULL. */
void swp_progress_tick(swp_progress *progress, const swp_rank_progress *ranks);

/** Show the last state and end the live line. */
void swp_progress_finish(swp_progress *progress, const swp_rank_progress *ranks, const char *ending);

/** A message above the live line: "wattsweep: ...". */
void swp_progress_say(swp_progress *progress, const char *fmt, ...) WS_PRINTF(2, 3);

/** Rows counted of a state. */
uint64_t swp_progress_n(const swp_progress *progress, swp_job_state state);

/** Rows counted so far, of this run. */
uint64_t swp_progress_n_counted(const swp_progress *progress);

#endif /* SWP_PROGRESS_H */
