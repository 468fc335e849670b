/* chunker.h -- the rows of a finished file, cut into chunks, packed (store/packer.h) and written as they are.
 *
 * Rows of a column come one after the other; those that do not fill a chunk yet wait in memory. What comes
 * out is what H5Dwrite() would have written through the same filters, but packed by several threads. Internal
 * to the store. */
#ifndef SWP_CHUNKER_H
#define SWP_CHUNKER_H

#include <stddef.h>

#include <hdf5.h>

#include "base/error.h"
#include "result/columns.h"

typedef struct swp_chunker swp_chunker; /* opaque */

/** The file: final, with all objects made. All borrowed, for as long as the chunker lives. */
typedef struct swp_chunker_config {
    const char        *path; /**< what messages call it */
    const swp_columns *columns;
    const hid_t       *datasets;               /**< [columns->n] */
    size_t             n_rows[SWP_AXIS_COUNT]; /**< length of each axis */
    size_t             n_threads;              /**< that pack, see store/packer.h */
} swp_chunker_config;

/** Begin.
 * @param[out] chunker_out  owned by the caller, release with swp_chunker_destroy()
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_chunker_create(const swp_chunker_config *config, ws_error *err,
                                          swp_chunker **chunker_out);

/** Release; what was not drained is never written. NULL *chunker is allowed. */
void swp_chunker_destroy(swp_chunker **chunker);

/** Append rows to a column: the first that has not come yet is row `start`.
 * @return WS_OK; WS_ERR_IO; WS_ERR_NOMEM: then only swp_chunker_destroy() may follow */
WS_NODISCARD ws_status swp_chunker_append(swp_chunker *chunker, size_t column, size_t start, size_t n,
                                          const char *rows, ws_error *err);

/** Write everything; columns whose axis has come to its end are complete then. @return as above */
WS_NODISCARD ws_status swp_chunker_drain(swp_chunker *chunker, ws_error *err);

#endif /* SWP_CHUNKER_H */
