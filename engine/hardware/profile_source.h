/* hardware/profile_source.h -- finding and loading a profile for (hardware, model, dtype, KV dtype, tp).
 *
 * Search order under `auto`: in each data folder in turn, `profiles/<hw>/<model>/<variant>/` (bundle), then
 * `hardware/<hw>/<model>/<variant>.json` (compact); after all folders, `hardware/<hw>.json` (roofline). The
 * bundled configs folder is the last data folder. A variant of the same byte width and rate stands in for a
 * missing one (float16 for bfloat16 and back), with a note. */
#ifndef WS_PROFILE_SOURCE_H
#define WS_PROFILE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/files.h"
#include "base/strbuf.h"
#include "hardware/profile.h"
#include "model/dtype.h"
#include "model/model.h"

typedef enum ws_profile_choice {
    WS_PROFILE_CHOICE_AUTO,
    WS_PROFILE_CHOICE_BUNDLE,
    WS_PROFILE_CHOICE_COMPACT,
    WS_PROFILE_CHOICE_ROOFLINE
} ws_profile_choice;

typedef struct ws_profile_request {
    const char       *hardware; /**< tag, exactly the file or folder name */
    const ws_model   *model;
    ws_dtype          dtype;
    bool              kv_fp8;
    int64_t           tp_size;
    ws_profile_choice choice;
    double            memory_gbps; /**< bandwidth a roofline computes with, 0 = that of the data sheet */
    bool fuse; /**< take norms and rotary measured as several kernels as one each (docs/profiles.md) */
} ws_profile_request;

/** Find and load a profile.
 * @param[in]  data       the bundled configs folder last
 * @param[in,out] notes   one line per thing the user should know (stand-in variant, roofline used); NULL
 * allowed
 * @param[out] out        owned by the caller, release with ws_profile_destroy()
 * @return WS_OK; WS_ERR_INPUT if there is none (the message lists where it looked and which hardware tags and
 *         tp degrees exist) or a file is broken; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_profile_load(const ws_data_dirs *data, const ws_profile_request *request,
                                       ws_strbuf *notes, ws_error *err, ws_profile **out);

#endif /* WS_PROFILE_SOURCE_H */
