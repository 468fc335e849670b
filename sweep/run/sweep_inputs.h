/* sweep_inputs.h -- everything a command reads before a sweep can be planned or run: spec, files, builder,
 * constraints. */
#ifndef SWP_SWEEP_INPUTS_H
#define SWP_SWEEP_INPUTS_H

#include "job/builder.h"
#include "job/constraint.h"
#include "ranks/job_queue.h"
#include "run/run_options.h"

typedef struct swp_sweep_inputs {
    ws_files        *files;
    char             spec_path[4096]; /**< where the spec was found (ws_find_input()) */
    char            *spec_text;       /**< as read */
    size_t           spec_len;
    char             bundled_dir[4096]; /**< "" = none */
    swp_spec        *spec;
    swp_builder     *builder;
    swp_constraints *constraints;
    swp_slice        slice;
} swp_sweep_inputs;

/** Read them all from the file system.
 * @param[out] inputs  to be released with swp_sweep_inputs_fini(), also after an error
 * @return WS_OK; WS_ERR_INPUT with every problem; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_sweep_inputs_read(const swp_run_options *options, ws_error *err,
                                             swp_sweep_inputs *inputs);
void                   swp_sweep_inputs_fini(swp_sweep_inputs *inputs);

#endif /* SWP_SWEEP_INPUTS_H */
