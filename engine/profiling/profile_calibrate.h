/* profiling/profile_calibrate.h -- finding the efficiencies of a data sheet that fit measured bundles best;
 * for wattprof. */
#ifndef WS_PROFILE_CALIBRATE_H
#define WS_PROFILE_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "hardware/datasheet.h"
#include "profiling/profile_check.h"
#include "hardware/profile_roofline.h"

/** One bundle at one tp degree. All borrowed. */
typedef struct ws__calibration_target {
    ws__roofline             roofline;  /**< what is compared; its sheet is the one calibrated */
    const ws__profile_draft *measured;  /**< points of the bundle */
    const ws_profile        *reference; /**< the bundle, built */
} ws__calibration_target;

/** The error of a data sheet on one target: classes and whole steps. */
WS_NODISCARD ws_status ws__roofline_check(const ws__calibration_target *target, ws__check_report *out);

/** Pattern search over the five efficiencies and the launch overhead: each is tried a factor up and down,
 * kept if the misfit falls, and the factor shrinks until 1 %. The misfit is the mean step error plus a
 * quarter of the mean error of the layer classes, averaged over the targets. Deterministic.
 * @param[in]     with_attention  false keeps the efficiencies of attention and leaves its classes out of the
 * misfit
 * @param[in,out] sheet      the targets' own sheet; efficiencies and overhead are changed, typical_error set
 * to the mean step error reached
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws__calibrate(const ws__calibration_target *targets, size_t n_targets,
                                     bool with_attention, ws__datasheet *sheet);

#endif /* WS_PROFILE_CALIBRATE_H */
