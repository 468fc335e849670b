/* run_file.h -- the result file of a run: locked, checked against an earlier one, opened, finished. */
#ifndef SWP_RUN_FILE_H
#define SWP_RUN_FILE_H

#include "run/provenance.h"
#include "run/resume.h"
#include "store/live_writer.h"
#include "store/lock.h"

typedef struct swp_run_file {
    char           *path; /**< owned */
    swp_lock       *lock;
    swp_file_layout layout;
    swp_resume      resume;
    bool            has_resume;    /**< an earlier file was found */
    bool            is_finished;   /**< and has all there is to do: it is left alone, there is no store */
    int64_t         best_kept_job; /**< best of the rows kept; -1 = there is none */
    double          best_kept[WS_METRIC_COUNT]; /**< swp_resume_best() */
    swp_store      *store;
    uint64_t        n_to_run; /**< jobs without a row in an earlier file */
} swp_run_file;

/** Lock, match, create and begin.
 * @param[out] file  released with swp_run_file_fini() also after an error; not to be moved
 * @return WS_OK; WS_ERR_IO: cannot be written, or FILE exists and neither --resume nor --overwrite was given;
 *         WS_ERR_INPUT: the spec lost finished rows and --drop-rows was not given; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_run_file_open(const swp_run_scope *scope, ws_error *err, swp_run_file *file);
void                   swp_run_file_fini(swp_run_file *file);

#endif /* SWP_RUN_FILE_H */
