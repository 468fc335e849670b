/* provenance.h -- what the result file of a sweep says about it: columns, resolved inputs, provenance.
 *
 * /spec_json holds {"spec_path", "cwd", "spec", "cluster_path", "cluster", "workload", "dataset_path",
 * "data_dirs", "inputs": [{"name", "path", "sha256"}]}: enough to rebuild every job (view/job_export.h). */
#ifndef SWP_PROVENANCE_H
#define SWP_PROVENANCE_H

#include "job/prefetch.h"
#include "result/layout.h"
#include "run/sweep_inputs.h"
#include "store/reader.h"

enum { SWP_MAX_ATTRIBUTES = 16 };

typedef struct swp_file_layout {
    swp_layout         layout; /**< for swp_store_create(); borrows from the rest */
    ws_strbuf          spec_json;
    swp_param         *params;
    swp_text_attribute attributes[SWP_MAX_ATTRIBUTES];
    char               texts[SWP_MAX_ATTRIBUTES][128];
} swp_file_layout;

/** A sweep that is about to run: what its file will be about. All borrowed. */
typedef struct swp_run_scope {
    const swp_run_options  *options;
    const swp_sweep_inputs *inputs; /**< all read: after the prefetch */
    const swp_prefetch     *prefetch;
    const swp_census       *census, *census_all; /**< of the slice and of the whole space */
    int                     n_ranks;
    size_t                  n_threads; /**< for compressing the file in the end */
} swp_run_scope;

/** Describe a sweep.
 * @param[out] out  released with swp_file_layout_fini() also after an error; not to be moved */
WS_NODISCARD ws_status swp_file_layout_init(const swp_run_scope *scope, swp_file_layout *out);
/** Go on with what an earlier run of the sweep left: its ranks come before ours in n_ranks ("4, 2"), its
 * groups stay. */
void swp_file_layout_continue(const swp_reader *earlier, swp_file_layout *out);
void swp_file_layout_fini(swp_file_layout *layout);

#endif /* SWP_PROVENANCE_H */
