/* hardware/profile_clock.h -- a profile at a lower core clock: what a board under a power cap needs for each
 * layer.
 *
 * The roofline of the data sheet says which part of a layer's time follows the core clock: arithmetic and the
 * start and end of each kernel do, memory traffic does not. With clock c as a share of the full one and T_c
 * the roofline at it (arithmetic and launch overhead divided by c, bandwidths as they are),
 *
 *     time at c = time in the table x T_c / T_1
 *
 * at every point of every table. So a measured profile keeps its shape, and only the balance of arithmetic
 * and traffic is taken from the data sheet. Derivation and limits: docs/power-model.md, "Power caps". */
#ifndef WS_PROFILE_CLOCK_H
#define WS_PROFILE_CLOCK_H

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"
#include "hardware/profile.h"
#include "hardware/profile_source.h"

/** Copy a profile with its times at another core clock.
 * @param[in] profile    what `request` was loaded as
 * @param[in] datasheet  configs/hardware/<tag>.json of the same hardware
 * @param[in] clock      share of the full core clock, in (0, 1]; 1 gives an exact copy
 * @param[out] out       owned by the caller, release with ws_profile_destroy()
 * @return WS_OK; WS_ERR_INPUT if the data sheet is broken or has no rate for the request's dtype;
 * WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_profile_at_clock(const ws_profile *profile, ws_json datasheet,
                                           const ws_profile_request *request, double clock, ws_error *err,
                                           ws_profile **out);

#endif /* WS_PROFILE_CLOCK_H */
