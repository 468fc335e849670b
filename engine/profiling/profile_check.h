/* profiling/profile_check.h -- how far one profile is from measured points, and from another profile over
 * whole steps. */
#ifndef WS_PROFILE_CHECK_H
#define WS_PROFILE_CHECK_H

#include <stddef.h>

#include "base/status.h"
#include "hardware/check_report.h"
#include "hardware/profile.h"
#include "hardware/profile_table.h"
#include "model/model.h"

const char *ws__check_class_name(ws__check_class kind); /**< "dense", "attention_decode", ... */

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
