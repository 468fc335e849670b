/* hardware/check_report.h -- how far a profile is from measured points, as compact profiles carry it along;
 * profiling/profile_check.h finds it out. */
#ifndef WS_CHECK_REPORT_H
#define WS_CHECK_REPORT_H

#include <stddef.h>

/** What is compared. Attention is split by kind of batch: pure decode, pure prefill, both. */
typedef enum ws__check_class {
    WS__CHECK_DENSE,
    WS__CHECK_PER_SEQUENCE,
    WS__CHECK_DECODE,
    WS__CHECK_PREFILL,
    WS__CHECK_MIXED,
    WS__CHECK_MOE,
    WS__CHECK_STEP, /**< whole steps of a model, all layers summed, over typical batches */
    WS__CHECK_CLASSES
} ws__check_class;

/** Relative errors (profile - reference) / reference. */
typedef struct ws__error_stats {
    size_t n_points;                 /**< 0 = nothing to compare, the rest is 0 */
    double mean, p50, p90, p99, max; /**< of absolute values */
    double signed_mean;
} ws__error_stats;

typedef struct ws__check_report {
    ws__error_stats classes[WS__CHECK_CLASSES];
} ws__check_report;

#endif /* WS_CHECK_REPORT_H */
