/* writer_thread.h -- the thread that writes the result file: the only one that calls HDF5 while a sweep runs.
 *
 * Rows come from the coordinator as it has read them; the writer adds parameters and host and hands them to
 * the store. After an error it takes no more rows, and the coordinator stops the sweep: what was flushed
 * before stays in the file. */
#ifndef SWP_WRITER_THREAD_H
#define SWP_WRITER_THREAD_H

#include <stddef.h>

#include "job/builder.h"
#include "ranks/row_sink.h"
#include "store/live_writer.h"

typedef struct swp_writer swp_writer; /* opaque */

/** Start the thread.
 * @param[in] store    begun; borrowed, nobody else touches it until swp_writer_stop()
 * @param[in] builder  borrowed, only for what never changes in it (spec and space)
 * @param[in] n_ranks  ranks that may run jobs */
WS_NODISCARD ws_status swp_writer_start(swp_store *store, const swp_builder *builder, size_t n_ranks,
                                        swp_writer **writer_out);

/** Where its rows come in; until swp_writer_stop(), from one thread. */
const swp_row_sink *swp_writer_sink(swp_writer *writer);

/** Processor time its thread has taken so far; NAN if the system does not say. */
double swp_writer_cpu_s(swp_writer *writer);

/** Write what is left, end the thread and release it.
 * @param[out] err  gets the store's problem
 * @return WS_OK, or the first error of the store */
WS_NODISCARD ws_status swp_writer_stop(swp_writer **writer, ws_error *err);

#endif /* SWP_WRITER_THREAD_H */
