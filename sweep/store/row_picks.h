/* row_picks.h -- which rows of which files a rewritten file gets, in the order of their jobs. Internal to the
 * store.
 *
 * One row per job is picked: the last of a file (a retry replaces what came before); between files a done
 * row, else the later file's. A scan yields the picks a window at a time, so that rewriting a file takes the
 * same memory however many rows it has; rows that are nearly in the order of their jobs, as sweeps write
 * them, are read about once. */
#ifndef SWP_ROW_PICKS_H
#define SWP_ROW_PICKS_H

#include <stddef.h>
#include <stdint.h>

#include "store/reader.h"
#include "store/window.h"

typedef struct swp_pick {
    size_t  source; /* index of the reader */
    size_t  row;    /* in that reader */
    int64_t job;    /* index the row gets */
} swp_pick;

typedef struct swp_row_picks {
    const swp_reader *const *sources; /* borrowed */
    size_t                   n_sources;
    swp_pick                *picks; /* jobs ascend strictly */
    size_t                   n;
} swp_row_picks;

typedef struct swp_row_picks_scan swp_row_picks_scan; /* opaque */

/** Begin to pick.
 * @param[in]  sources      borrowed, also the array
 * @param[in]  job_of_row   one array per source, borrowed, or NULL = the file's own /job; -1 leaves a row out
 * @param[in]  window_rows  picks in a window, >= 1; SWP_WINDOW_ROWS unless testing
 * @param[out] scan_out     owned by the caller, release with swp_row_picks_scan_destroy() */
WS_NODISCARD ws_status swp_row_picks_scan_create(const swp_reader *const *sources, size_t n_sources,
                                                 const int64_t *const *job_of_row, size_t window_rows,
                                                 ws_error *err, swp_row_picks_scan **scan_out);
void                   swp_row_picks_scan_destroy(swp_row_picks_scan **scan);

/** The next picks: a full window, fewer only in the last one, none after it.
 * @param[out] plan_out  its picks are borrowed from the scan until the next call */
WS_NODISCARD ws_status swp_row_picks_scan_next(swp_row_picks_scan *scan, ws_error *err,
                                               swp_row_picks *plan_out);

/** Begin again with the first job. */
void swp_row_picks_scan_rewind(swp_row_picks_scan *scan);

/** All picks at once; plan_out owns them, release with swp_row_picks_fini(). */
WS_NODISCARD ws_status swp_row_picks_build(const swp_reader *const *sources, size_t n_sources,
                                           const int64_t *const *job_of_row, ws_error *err,
                                           swp_row_picks *plan_out);
void                   swp_row_picks_fini(swp_row_picks *plan);

#endif /* SWP_ROW_PICKS_H */
