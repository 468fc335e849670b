/* writer_thread.h -- the thread that writes the result file: the only one that calls HDF5 while a sweep runs.
 *
 * Blocks of packed rows come from the coordinator; the writer adds parameters and host and hands them to the
 * store. After an error it takes no more rows, and the coordinator stops the sweep: what was flushed before
 * stays in the file. */
#ifndef SWP_WRITER_THREAD_H
#define SWP_WRITER_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "job/builder.h"
#include "result/row_wire.h"
#include "store/live_writer.h"

typedef struct swp_writer swp_writer; /* opaque */

/** Start the thread.
 * @param[in] store    begun; borrowed, nobody else touches it until swp_writer_stop()
 * @param[in] builder  borrowed, only for what never changes in it (spec and space)
 * @param[in] n_ranks  ranks that may run jobs */
WS_NODISCARD ws_status swp_writer_start(swp_store *store, const swp_builder *builder, size_t n_ranks,
                                        swp_writer **writer_out);

/** Say which host a rank is on, before its first rows. */
void swp_writer_set_host(swp_writer *writer, int rank, const char *host);

/** Hand over a block of rows; its memory is the writer's from now on. Rows begin at `offset`. */
WS_NODISCARD ws_status swp_writer_push(swp_writer *writer, char *data, size_t offset, size_t len);

/** Bytes handed over and not written yet: the coordinator waits when they grow too many. */
size_t swp_writer_backlog_bytes(swp_writer *writer);

/** Ask for what is there to be flushed soon. */
void swp_writer_flush_soon(swp_writer *writer);

bool swp_writer_has_failed(swp_writer *writer);

/** Processor time its thread has taken so far; NAN if the system does not say. */
double swp_writer_cpu_s(swp_writer *writer);

/** Write what is left, end the thread and release it.
 * @param[out] err  gets the store's problem
 * @return WS_OK, or the first error of the store */
WS_NODISCARD ws_status swp_writer_stop(swp_writer **writer, ws_error *err);

#endif /* SWP_WRITER_THREAD_H */
