/* live_writer.h -- the result file of a sweep: one HDF5 file, one writer.
 *
 * Life of a file (docs/hdf5-layout.md describes its contents):
 *
 *   swp_lock_acquire      no second writer on FILE from here on (store/lock.h)
 *   swp_store_create      every object and attribute is made in FILE.tmp; FILE itself is untouched
 *   swp_store_carry       optional (--resume): rows of an older file are copied in
 *   swp_store_begin       SWMR writing starts, FILE.tmp becomes FILE; live readers may open it
 *   swp_store_write_row   in any order, rows gather in memory and are written by whole chunks
 *   swp_store_poll        now and then while nothing arrives: writes what has waited for 2 s
 *   swp_store_finish      repack (compressed, ordered by job) or only a clean close
 *
 * Rows are appended in the order they come; a job may come again (a retry), its last row counts. A job
 * without a row is pending. A row's data reach the file before its state does, so the length of /state is the
 * number of complete rows, also after a kill at any moment.
 *
 * Not thread-safe, and HDF5 itself is not: one thread (the writer) makes all calls of store/live_writer.h and
 * store/reader.h. Repacking starts threads of its own, which only compress. Not collective: only rank 0 has a
 * store. */
#ifndef SWP_LIVE_WRITER_H
#define SWP_LIVE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/status.h"
#include "result/layout.h"
#include "result/row.h"
#include "store/row_identity.h"

struct swp_reader;
typedef struct swp_store swp_store; /* opaque */

typedef struct swp_store_config {
    const char *path;      /**< FILE; its folder must exist and be writable */
    bool        overwrite; /**< an existing FILE may be replaced (always so after a carry) */
    bool        no_live; /**< collect in scratch_dir; FILE appears only at the end (file systems without POSIX
                            writes) */
    const char *scratch_dir;      /**< NULL = $TMPDIR, else /tmp; only with no_live */
    double      flush_interval_s; /**< 0 = 2 s */
    size_t      n_threads;        /**< that compress the file in the end (store/packer.h); 0 = 1 */
    const char *history_before;   /**< of the file that is continued; NULL = none */
    const char *history_what;     /**< what this run does; NULL = "created" */
} swp_store_config;

/** Make a new file with every object the layout asks for, under a temporary name next to FILE.
 * @param[in]  layout     copied
 * @param[out] store_out  owned by the caller, release with swp_store_destroy(); FILE's lock must be held
 * until then
 * @return WS_OK; WS_ERR_IO with path and HDF5's text, also if FILE exists and overwrite is false; WS_ERR_ARG;
 * WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_store_create(const swp_store_config *config, const swp_layout *layout,
                                        ws_error *err, swp_store **store_out);

/** Copy rows of an older file (open reader of the FILE to be resumed). Before swp_store_begin() only.
 * @param[in] old          borrowed
 * @param[in] job_of_row   [swp_reader_n_rows(old)] job index each row gets in the new file; -1 = leave it out
 * @param[in] identity     gives the parameters of each carried job, since a spec that grew may have other
 * columns, and with --rehash its hash
 * @return WS_OK; WS_ERR_IO; WS_ERR_ARG if a row does not fit the layout; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_store_carry(swp_store *store, const struct swp_reader *old,
                                       const int64_t *job_of_row, const swp_row_identity *identity,
                                       ws_error *err);

/** Called first in a thread that takes over a store from the one that created it: HDF5 keeps per thread
 * whether it prints its errors itself. */
void swp_store_enter_thread(void);

/** Start live writing and give the file its name (with no_live: neither). */
WS_NODISCARD ws_status swp_store_begin(swp_store *store, ws_error *err);

/** Add a row; copies everything. Writes to the file when a chunk is full or the flush interval has passed.
 * @return WS_OK; WS_ERR_IO: what was flushed before is in the file, no more rows are taken (every later call
 * fails too); WS_ERR_ARG if the row does not fit the layout (the store stays usable); WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_store_write_row(swp_store *store, const swp_row *row, ws_error *err);

/** Write gathered rows if they have waited for the flush interval; call at least twice a second while idle.
 */
WS_NODISCARD ws_status swp_store_poll(swp_store *store, ws_error *err);

/** Write all gathered rows now. */
WS_NODISCARD ws_status swp_store_flush(swp_store *store, ws_error *err);

typedef enum swp_finish {
    SWP_FINISH_REPACK, /**< the sweep is over: rewrite compressed, ordered by job, and replace FILE */
    SWP_FINISH_CLOSE /**< stopped early, little time: only flush and close; resume reads it, plain tools open
                        it */
} swp_finish;

/** End writing. With no_live, FILE appears now in either case. After an error the live file is still there.
 * @note WS_ERR_IO from the repack leaves the complete live file, cleanly closed. */
WS_NODISCARD ws_status swp_store_finish(swp_store *store, swp_finish how, ws_error *err);

/** Where no_live collects, for messages: kept after an error and after a kill, and a file that
 * swp_reader_open() reads. NULL without no_live. Borrowed. */
const char *swp_store_scratch_path(const swp_store *store);

/** The library at work, "HDF5 1.10.8"; for provenance. Returns buf. */
char *swp_store_library(char buf[32]);

/** Release; without swp_store_finish() the file stays as after a kill. NULL *store is allowed. */
void swp_store_destroy(swp_store **store);

#endif /* SWP_LIVE_WRITER_H */
