/* hardware/profile_bundle.h -- reading a measured bundle as is; private to engine/hardware.
 *
 * Layout and conversion: docs/model/serving.md 7. A file of a category may be missing; the profile then has
 * no data for its layers. */
#ifndef WS_PROFILE_BUNDLE_H
#define WS_PROFILE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "hardware/bundle_meta.h"
#include "hardware/profile_table.h"

enum { WS__TP_DEGREES_MAX = 16 };

/** The tp<N> folders of a bundle, ascending. @return how many; 0 = this is no bundle */
size_t ws__bundle_tp_degrees(ws_files *files, const char *dir, int64_t degrees_out[WS__TP_DEGREES_MAX]);

/** The measurements of one tp degree in a bundle. */
typedef struct ws__bundle {
    ws_files   *files;
    const char *dir; /**< the bundle's folder */
    int64_t     tp;
} ws__bundle;

/** Read what a profile of one tp degree needs: layers that do not shrink with tp and moe come from tp1.
 * @param[in,out] notes  one line per thing the user should know; NULL allowed
 * @param[out] draft     filled from WS__PROFILE_DRAFT_INIT; the caller releases it, also after an error
 * @param[out] meta      NULL allowed
 * @return WS_OK; WS_ERR_INPUT with file and line; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws__bundle_read(const ws__bundle *bundle, ws_strbuf *notes, ws_error *err,
                                       ws__profile_draft *draft, ws__bundle_meta *meta);

#endif /* WS_PROFILE_BUNDLE_H */
