/* plan.h -- which rows of which files a rewritten file gets, in the order of their jobs. Internal to the
 * store. */
#ifndef SWP_PLAN_H
#define SWP_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "reader.h"

typedef struct swp_pick {
    size_t  source; /* index of the reader */
    size_t  row;    /* in that reader */
    int64_t job;    /* index the row gets */
} swp_pick;

typedef struct swp_plan {
    const swp_reader *const *sources; /* borrowed */
    size_t                   n_sources;
    swp_pick                *picks; /* owned; jobs ascend strictly */
    size_t                   n;
} swp_plan;

/** Pick one row per job: the last of a file (a retry replaces what came before); between files a done row,
 * else the later file's.
 * @param[in] job_of_row  one array per source, or NULL = the file's own /job; -1 leaves a row out */
WS_NODISCARD ws_status swp_plan_build(const swp_reader *const *sources, size_t n_sources,
                                      const int64_t *const *job_of_row, ws_error *err, swp_plan *plan_out);
void                   swp_plan_fini(swp_plan *plan);

#endif /* SWP_PLAN_H */
