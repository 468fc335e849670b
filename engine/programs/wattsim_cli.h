/* programs/wattsim_cli.h -- the command line of wattsim as a struct.
 *
 * Simulator options come from the table of scenario/options.h; files and switches from a table in the source.
 * How options are written is base/cmdline.h's. */
#ifndef WS_WATTSIM_CLI_H
#define WS_WATTSIM_CLI_H

#include <stdio.h>

#include "base/cmdline.h"
#include "engine.h"

typedef struct ws_wattsim_args {
    ws_options  options;
    ws_slo      slo;
    const char *cluster_config, *dataset, *workload; /* borrowed from argv; NULL = not given */
    const char *output, *summary_json;               /* the same */
    ws_arg_list data_dirs;                           /* items owned */
    bool        wants_request_energy;                /* columns of `output` */
    bool        is_dry_run, is_quiet, wants_version, wants_help;
} ws_wattsim_args;

/** Read a command line, argv[0] being the program.
 * @param[out] args_out  release with ws_wattsim_args_fini(); untouched after an error
 * @return WS_OK; WS_ERR_INPUT with every problem; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_wattsim_args_parse(int argc, const char *const *argv, ws_error *err,
                                             ws_wattsim_args *args_out);
void                   ws_wattsim_args_fini(ws_wattsim_args *args);

/** Print what --help prints: what wattsim is for, every option with its default, and the exit codes. */
void ws_wattsim_print_help(FILE *stream);

#endif /* WS_WATTSIM_CLI_H */
