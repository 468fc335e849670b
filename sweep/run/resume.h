/* resume.h -- what an earlier result file already has of a sweep: jobs are recognized by their content hash.
 *
 * A spec that grew keeps the rows it shares, whatever their numbers were. Rows that are final (done, failed,
 * infeasible, timed out) are kept; others, and with --retry-failed all but done ones, run again with their
 * attempt counted on. Their rows stay in the file until the new ones replace them: whoever stops a retry
 * loses no reason. */
#ifndef SWP_RESUME_H
#define SWP_RESUME_H

#include "ranks/job_queue.h"
#include "run/sweep_inputs.h"
#include "store/reader.h"

typedef struct swp_resume {
    swp_reader *reader;     /**< the earlier file, open */
    int64_t    *job_of_row; /**< [n_rows] for swp_store_carry() */
    uint8_t    *done_bits;  /**< for swp_job_queue_config */
    swp_ticket *retries;    /**< ascending */
    size_t      n_retries;
    uint64_t    n_kept[SWP_STATE_COUNT]; /**< rows kept, by state */
    uint64_t    n_kept_total;
    uint64_t    n_foreign; /**< final rows that are no job of this spec */
} swp_resume;

/** How an earlier file is continued. */
typedef struct swp_resume_how {
    bool retry_failed;
    bool rehash; /**< of the same spec: rows are matched by job number, whatever their hash; they get new ones
                  */
} swp_resume_how;

/** Match an earlier file with a sweep.
 * @param[out] out  released with swp_resume_fini() also after an error
 * @return WS_OK; WS_ERR_IO if the file cannot be read; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_resume_match(const char *path, const swp_sweep_inputs *inputs, swp_resume_how how,
                                        ws_error *err, swp_resume *out);
/** The best of the rows that stay, by the rule of result/point_order.h, for "best so far".
 * @param[out] job_out      its number; -1 if no row has the metric
 * @param[out] metrics_out  [WS_METRIC_COUNT]: what the rule looks at, NaN for all else
 * @return WS_OK; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_resume_best(const swp_resume *resume, ws_metric metric, bool ignore_slo,
                                       ws_error *err, int64_t *job_out, double *metrics_out);
void                   swp_resume_fini(swp_resume *resume);

#endif /* SWP_RESUME_H */
