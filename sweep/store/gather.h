/* gather.h -- read scattered rows of one column from several files into one block, with few, large reads.
 * Internal to the store. */
#ifndef SWP_GATHER_H
#define SWP_GATHER_H

#include <stddef.h>

#include "store/reader.h"

/** Rows [start, start + count) of a source become rows [to, to + count) of the block. */
typedef struct swp_span {
    size_t source, start, count, to;
} swp_span;

/** Gather spans of one column.
 * @param[in,out] spans    reordered
 * @param[in]     target   the column as the block has it; sources may have other inner sizes, or lack it
 * @param[out]    block    rows of target->row_bytes; every row named by a span is written
 * @return WS_OK; WS_ERR_IO; WS_ERR_ARG if a row does not fit; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_gather(const swp_reader *const *sources, swp_span *spans, size_t n_spans,
                                  const swp_column *target, void *block, ws_error *err);

#endif /* SWP_GATHER_H */
