/* profiling/profile_fit.h -- from a measured bundle to a compact profile; for wattprof.
 *
 * Every layer gets a 1-D grid, moe a 2-D one, attention three (decode 2-D, prefill 2-D, both 4-D), all fitted
 * as grid_fit.h describes; the skew alphas of pure decode batches are averaged over KV buckets. */
#ifndef WS_PROFILE_FIT_H
#define WS_PROFILE_FIT_H

#include "base/error.h"
#include "base/files.h"
#include "base/status.h"
#include "profiling/grid_fit.h"
#include "hardware/profile_compact.h"

typedef struct ws__fit_goals {
    ws__grid_goal layer, moe, decode, prefill, mixed; /**< per grid */
} ws__fit_goals;

/** Goals that give a file of about two thousand numbers for two tp degrees. */
ws__fit_goals ws__fit_goals_default(void);

/** Fit all tp degrees of a bundle; the error against the bundle is found on the written values and stored
 * inside. Takes seconds per tp degree in an optimised build.
 * @param[out] out  filled from zero bytes by this call; release with ws__compact_fini(), also after an error
 * @return WS_OK; WS_ERR_INPUT if there is no bundle or it is broken; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws__fit_bundle(ws_files *files, const char *dir, const ws__fit_goals *goals,
                                      ws_error *err, ws__compact *out);

#endif /* WS_PROFILE_FIT_H */
