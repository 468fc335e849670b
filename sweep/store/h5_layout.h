/* h5_layout.h -- the layout of a file, from its attributes, /params and /spec_json. Internal to the store.
 */
#ifndef SWP_H5_LAYOUT_H
#define SWP_H5_LAYOUT_H

#include <hdf5.h>

#include "base/error.h"
#include "result/layout.h"

/** @param[out] layout_out  owned, release with swp_layout_free()
 * @return WS_OK; WS_ERR_IO if the file is not a result file of a schema we know; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_h5_layout_read(hid_t file, const char *path, ws_error *err,
                                          swp_layout **layout_out);

#endif /* SWP_H5_LAYOUT_H */
