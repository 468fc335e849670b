/* store.h -- the result file of a sweep: one HDF5 file, one writer.
 *
 * Life of a file (docs/hdf5-layout.md describes its contents):
 *
 *   swp_lock_acquire      no second writer on FILE from here on (lock.h)
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
 * Not thread-safe, and HDF5 itself is not: one thread (the writer) makes all calls of store.h and reader.h.
 * Repacking starts threads of its own, which only compress. Not collective: only rank 0 has a store. */
#ifndef SWP_STORE_H
#define SWP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/status.h"
#include "wattsim.h"

#define SWP_SCHEMA_VERSION 2 /* 1: counts were doubles, only the root had the coordinate job */
#define SWP_HASH_LEN 32      /**< hexadecimal digits of a job hash: the first 128 bits of a SHA-256 */
#define SWP_ERROR_LEN 256    /**< bytes kept of a row's error text; longer ones end in "..." */
#define SWP_HOST_LEN 64      /**< bytes kept of a host name */

/* X(ID, name): values of /state, their order is the file's. */
#define SWP_STATE_LIST(X)                                                                                    \
    X(SWP_STATE_PENDING, "pending")                                                                          \
    X(SWP_STATE_RUNNING, "running")                                                                          \
    X(SWP_STATE_DONE, "done")                                                                                \
    X(SWP_STATE_FAILED, "failed")                                                                            \
    X(SWP_STATE_INFEASIBLE, "infeasible")                                                                    \
    X(SWP_STATE_TIMED_OUT, "timed_out")                                                                      \
    X(SWP_STATE_INTERRUPTED, "interrupted")

typedef enum swp_job_state {
#define SWP_STATE_ENUM(id, name) id,
    SWP_STATE_LIST(SWP_STATE_ENUM)
#undef SWP_STATE_ENUM
        SWP_STATE_COUNT
} swp_job_state;

const char *swp_job_state_name(swp_job_state state);

/** True for states that a resumed sweep leaves alone unless asked to retry: done, failed, infeasible, timed
 * out. */
bool swp_job_state_is_final(swp_job_state state);

/* ---- what a file holds ---- */

typedef enum swp_param_kind {
    SWP_PARAM_DOUBLE,
    SWP_PARAM_INT,  /**< int64 */
    SWP_PARAM_BOOL, /**< 0 or 1 */
    SWP_PARAM_TEXT  /**< names of patches, choices, paths */
} swp_param_kind;

/** One swept parameter, a column of /params. */
typedef struct swp_param {
    const char    *name;      /**< short: letters, digits and '_'; the column is p<k>_<name> */
    const char    *long_name; /**< as the spec says it: known name, option, workload field or JSON Pointer */
    const char    *unit;      /**< "s" for durations, "1" where there is none */
    swp_param_kind kind;
    size_t         text_len; /**< SWP_PARAM_TEXT: bytes of the longest value, >= 1 */
} swp_param;

/** A value of a parameter, read by the parameter's kind. */
typedef struct swp_value {
    double      number;  /**< SWP_PARAM_DOUBLE */
    int64_t     integer; /**< SWP_PARAM_INT, SWP_PARAM_BOOL */
    const char *text;    /**< SWP_PARAM_TEXT, borrowed; NULL = "" */
} swp_value;

/** A text attribute of the root group. */
typedef struct swp_text_attribute {
    const char *name, *text;
} swp_text_attribute;

/** What has to be known before the first row: all objects of the file follow from it. */
typedef struct swp_layout {
    const char *title; /**< the spec's name */
    const char
        *spec_json; /**< the spec, resolved configs, input hashes: what `show --export` rebuilds a job from */
    const char *spec_sha256; /**< 64 hexadecimal digits: identity for --resume and merge */
    int64_t
        n_jobs; /**< rows this file has when complete (its slice; without pruned points that get no row) */
    int64_t          n_jobs_all; /**< the same over all slices of the sweep; n_jobs without slices */
    size_t           n_params;
    const swp_param *params;
    size_t           max_nodes;                /**< nodes of the largest job, >= 1 */
    bool             has_series, has_requests; /**< the groups /timeseries, /requests exist */
    size_t n_attributes; /**< more attributes of the root: library versions, slice, counts of pruned points
                            ... */
    const swp_text_attribute *attributes;
} swp_layout;

/** One finished request, a row of /requests. Times in ns, -1 where never set; energies in J, NaN where no
 * power is tracked. */
typedef struct swp_request {
    int64_t request_id, instance_id, input_tokens, output_tokens;
    int64_t arrival_ns, end_ns, latency_ns, queue_ns, ttft_ns, tpot_ns;
    double  active_j, energy_j;
} swp_request;

/** Everything about one job; all pointers are borrowed for the call only. */
typedef struct swp_row {
    int64_t            job; /**< index in the expanded space, >= 0 */
    swp_job_state      state;
    const char        *error;   /**< reason of any state but done; NULL or "" = none */
    int32_t            attempt; /**< 1 for the first; 0: not tried, a constraint leaves the point out */
    const char        *hash;    /**< SWP_HASH_LEN hexadecimal digits */
    int64_t            seed;
    int32_t            repeat;      /**< 0 .. repeats - 1 */
    const swp_value   *params;      /**< [n_params] */
    const double      *metrics;     /**< [WS_METRIC_COUNT]; NULL = all NaN */
    size_t             n_nodes;     /**< 0 .. max_nodes */
    const double      *component_j; /**< [n_nodes][WS_COMPONENT_COUNT]; NULL = NaN */
    const double      *phase_j;     /**< [n_nodes][WS_COMPONENT_COUNT][WS_PHASE_COUNT]; NULL = NaN */
    const double      *npu_state_s; /**< [n_nodes][WS_STATE_COUNT]; NULL = NaN */
    size_t             n_samples;   /**< of the power series; ignored without has_series */
    const double      *series[WS_SERIES_COUNT]; /**< each [n_samples] or NULL = NaN */
    const double      *node_power_w;            /**< [n_samples][n_nodes] or NULL */
    const double      *component_power_w;       /**< [n_samples][WS_COMPONENT_COUNT] or NULL */
    size_t             n_requests;              /**< ignored without has_requests */
    const swp_request *requests;
    int32_t            rank;         /**< that ran it; -1 = none did */
    const char        *host;         /**< NULL = "" */
    double             wall_s;       /**< of the simulation; NaN if it never ran */
    int                profile_kind; /**< ws_profile_kind, the least certain one used; -1 = unknown */
} swp_row;

/* ---- writing ---- */

struct swp_reader;
typedef struct swp_store swp_store; /* opaque */

typedef struct swp_store_config {
    const char *path;      /**< FILE; its folder must exist and be writable */
    bool        overwrite; /**< an existing FILE may be replaced (always so after a carry) */
    bool        no_live; /**< collect in scratch_dir; FILE appears only at the end (file systems without POSIX
                            writes) */
    const char *scratch_dir;      /**< NULL = $TMPDIR, else /tmp; only with no_live */
    double      flush_interval_s; /**< 0 = 2 s */
    size_t      n_threads;        /**< that compress the file in the end (packer.h); 0 = 1 */
    const char *history_before;   /**< of the file that is continued; NULL = none */
    const char *history_what;     /**< what this run does; NULL = "created" */
} swp_store_config;

/** Make a new file with every object the layout asks for, under a temporary name beside FILE.
 * @param[in]  layout     copied
 * @param[out] store_out  owned by the caller, release with swp_store_destroy(); FILE's lock must be held
 * until then
 * @return WS_OK; WS_ERR_IO with path and HDF5's text, also if FILE exists and overwrite is false; WS_ERR_ARG;
 * WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_store_create(const swp_store_config *config, const swp_layout *layout,
                                        ws_error *err, swp_store **store_out);

/** Values of the parameters of a job: writes [n_params] values, texts valid until the next call. */
typedef ws_status (*swp_params_fn)(void *ctx, int64_t job, swp_value *params_out);

/** The hash a carried row gets: SWP_HASH_LEN digits and a NUL. */
typedef ws_status (*swp_hash_fn)(void *ctx, int64_t job, char *hash_out);

/** Copy rows of an older file (open reader of the FILE to be resumed). Before swp_store_begin() only.
 * @param[in] old          borrowed
 * @param[in] job_of_row   [swp_reader_n_rows(old)] job index each row gets in the new file; -1 = leave it out
 * @param[in] params_of    gives the parameters of each carried job, since a spec that grew may have other
 * columns
 * @param[in] hash_of      gives the hash of each carried job; NULL = as it is in the older file
 * @return WS_OK; WS_ERR_IO; WS_ERR_ARG if a row does not fit the layout; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_store_carry(swp_store *store, const struct swp_reader *old,
                                       const int64_t *job_of_row, swp_params_fn params_of,
                                       swp_hash_fn hash_of, void *ctx, ws_error *err);

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

#endif /* SWP_STORE_H */
