/* row_sink.h -- where the rows of a sweep go: the thread that writes the file (ranks/writer_thread.h), or
 * what a test puts in its place. */
#ifndef SWP_ROW_SINK_H
#define SWP_ROW_SINK_H

#include <stdbool.h>

#include "base/status.h"
#include "result/row_wire.h"

/** All functions get ctx; none of them waits. */
typedef struct swp_row_sink {
    void *ctx;
    /** Which host a rank is on; before its first rows. */
    void (*set_host)(void *ctx, int rank, const char *host);
    /** Take over rows, also after an error. @return WS_OK; WS_ERR_NOMEM */
    ws_status (*push)(void *ctx, swp_row_block block);
    /** Bytes taken over and not written yet: the coordinator hands out no more work when they grow too many.
     */
    size_t (*backlog_bytes)(void *ctx);
    /** What is there should be flushed soon. */
    void (*flush_soon)(void *ctx);
    /** True if it takes no more rows: the sweep has to stop. */
    bool (*has_failed)(void *ctx);
} swp_row_sink;

/** Push one row of rank 0's own, copied. @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD static inline ws_status swp_row_sink_push_row(const swp_row_sink *sink, const swp_row *row)
{
    swp_row_block block;
    WS_TRY(swp_row_block_of(row, &block));
    return sink->push(sink->ctx, block);
}

#endif /* SWP_ROW_SINK_H */
