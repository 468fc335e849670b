/* scenario/inputs_create.h -- inputs over a file cache that the program has, and shares with other processes;
 * wattsim/scenario.h opens ones with a cache of their own. */
#ifndef WS_INPUTS_CREATE_H
#define WS_INPUTS_CREATE_H

#include <stddef.h>

#include "base/files.h"
#include "base/status.h"
#include "wattsim/scenario.h"

/** A cache reading through `files`.
 * @param[in] files      borrowed; outlives the inputs
 * @param[in] data_dirs  folders holding model/ pim/ profiles/, in search order; copied. The bundled configs
 * folder (ws_bundled_dir()) is searched after them.
 * @param[in] bundled_dir  copied; NULL = none */
WS_NODISCARD ws_status ws_inputs_create(ws_files *files, const char *const *data_dirs, size_t n_data_dirs,
                                        const char *bundled_dir, ws_inputs **inputs_out);

/** Put every profile and workload loaded so far into the file cache as objects: inputs over a packed copy of
 * it find them there, in place, and neither parse nor copy them. */
WS_NODISCARD ws_status ws_inputs_share(const ws_inputs *inputs);

#endif /* WS_INPUTS_CREATE_H */
