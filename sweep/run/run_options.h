/* run_options.h -- the command line of `wattsweep run` and `wattsweep plan`. */
#ifndef SWP_RUN_OPTIONS_H
#define SWP_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/setup.h"
#include "engine.h"

/** Whether rank 0 simulates too. */
typedef enum swp_rank0_works {
    SWP_RANK0_WORKS_YES,
    SWP_RANK0_WORKS_NO,
    SWP_RANK0_WORKS_AUTO /**< by the size of the world */
} swp_rank0_works;

/** Everything a command line can say; texts are borrowed from argv. */
typedef struct swp_run_options {
    const char *spec_path, *output_path;
    const char *data_dirs[SWP_MAX_DATA_DIRS];
    size_t      n_data_dirs;
    uint64_t    slice_index, n_slices; /**< 0 of 1 unless --slice */
    /* run */
    bool        resume, retry_failed, drop_rows, rehash, overwrite, keep_infeasible, no_live, no_repack;
    const char *scratch_dir, *progress_json;
    double      time_budget_s, time_limit_s; /**< 0 = none */
    double      silence_s, start_s;
    size_t      memory_bytes;
    ws_metric   best;
    bool        ignore_slo; /* for "best so far" */
    bool        is_quiet;
    int         verbosity;
    int         rank0_works; /**< swp_rank0_works */
    /* plan */
    bool as_json, as_list, no_probe;
    bool wants_help;
} swp_run_options;

typedef enum swp_command { SWP_COMMAND_RUN, SWP_COMMAND_PLAN } swp_command;

/** Parse; argv[0] is the command's name.
 * @return WS_OK; WS_ERR_INPUT with every problem */
WS_NODISCARD ws_status swp_run_options_parse(swp_command command, int argc, char **argv, ws_error *err,
                                             swp_run_options *out);

/** Print the command's help to stdout. */
void swp_run_options_help(swp_command command);

#endif /* SWP_RUN_OPTIONS_H */
