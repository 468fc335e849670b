/* hardware/profile_check.h -- how far one profile is from measured points, and from another profile over
 * whole steps; private to engine/hardware. */
#ifndef WS_PROFILE_CHECK_H
#define WS_PROFILE_CHECK_H

#include <stddef.h>

#include "base/status.h"
#include "hardware/profile.h"
#include "hardware/profile_table.h"
#include "model/model.h"

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

const char *ws__check_class_name(ws__check_class kind); /**< "dense", "attention_decode", ... */

/** Relative errors (profile - reference) / reference. */
typedef struct ws__error_stats {
    size_t n_points;                 /**< 0 = nothing to compare, the rest is 0 */
    double mean, p50, p90, p99, max; /**< of absolute values */
    double signed_mean;
} ws__error_stats;

typedef struct ws__check_report {
    ws__error_stats classes[WS__CHECK_CLASSES];
} ws__check_report;

struct ws_json_writer;

/** The statistics as a JSON object, one member per class that has points. */
void ws__check_report_write(const ws__check_report *report, struct ws_json_writer *writer);

/** Compare with points of a measured bundle, class by class; layers the profile lacks are left out.
 * @param[in] points  draft of the bundle, not changed
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws__check_points(const ws_profile *profile, const ws__profile_draft *points,
                                        ws__check_report *out);

/** Compare whole steps of a model over a fixed set of batches, as far as they lie inside the reference's
 * grid: decodes of 1..256 sequences at KV 128..8192, prefill chunks of 64..1536, and both. Adds the class
 * WS__CHECK_STEP to the report. */
void ws__check_steps(const ws_profile *profile, const ws_profile *reference, const ws_model *model,
                     ws__check_report *out);

/** Nanoseconds of one step on one NPU: all layers of the model that both profile and model have. */
int64_t ws__step_ns(const ws_profile *profile, const ws_model *model, const ws_attention_query *query);

#endif /* WS_PROFILE_CHECK_H */
