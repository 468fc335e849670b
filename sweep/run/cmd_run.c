#include "run/cmd_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "ranks/exit_file.h"
#include "ranks/mpi_transport.h"
#include "ranks/signals.h"
#include "ranks/worker_rank.h"
#include "result/row.h"
#include "run/rank0.h"

static void get_host(char host[SWP_HOST_LEN])
{
    if (gethostname(host, SWP_HOST_LEN) != 0) {
        snprintf(host, SWP_HOST_LEN, "unknown");
    }
    host[SWP_HOST_LEN - 1] = '\0';
}

/* What a rank's process ends with; the supervisor of rank 0 gets the sweep's own code. */
static int end_with(int code, bool is_rank0)
{
    const int process_code = swp_exit_file_process_code(code);
    if (is_rank0) {
        swp_exit_file_end(code);
        if (process_code != code && getenv("WATTSWEEP_EXIT_FILE") == NULL) {
            fprintf(stderr,
                    "wattsweep: the exit code is %d; mpirun --enable-recovery ends with 0 all the same, "
                    "wattsweep-launch passes it on\n",
                    code);
        }
    }
    return process_code;
}

/* --help, or a wrong command line. */
static int end_early(ws_status parsed, const ws_error *err)
{
    if (parsed != WS_OK) {
        return swp_run_complain(parsed, err);
    }
    swp_run_options_help(SWP_COMMAND_RUN);
    return WS_EXIT_DONE;
}

/* What this rank does between meeting the others and leaving them. @return its exit code */
static int run_rank(swp_transport *transport, const char *host, const swp_run_options *options,
                    bool *must_exit_out)
{
    swp_signals_catch();
    if (transport->rank == 0) {
        return swp_rank0_run(transport, host, options, must_exit_out);
    }
    return ws_exit_code(swp_worker_rank_run(transport, host, options->silence_s, must_exit_out));
}

int swp_cmd_run(int argc, char **argv)
{
    swp_run_options options;
    swp_transport   alone, *transport = &alone;
    int             code      = WS_EXIT_DONE;
    bool            must_exit = false;
    char            host[SWP_HOST_LEN];
    ws_error        err    = WS_ERROR_INIT;
    const ws_status parsed = swp_run_options_parse(SWP_COMMAND_RUN, argc, argv, &err, &options);
    get_host(host);
    if (swp_exit_file_is_rank0()) {
        swp_exit_file_begin(host);
    }
    swp_transport_init_alone(&alone);
    if (swp_mpi_is_launched() && swp_mpi_enter(options.start_s, &transport) != WS_OK) {
        return end_with(WS_EXIT_OUTPUT, swp_exit_file_is_rank0());
    }
    const bool is_rank0 = transport->rank == 0;
    if (parsed == WS_OK && !options.wants_help) {
        code = run_rank(transport, host, &options, &must_exit);
    } else if (is_rank0) { /* it says it for all */
        code = end_early(parsed, &err);
    }
    ws_error_clear(&err);
    code = end_with(code, is_rank0);
    if (must_exit) {
        fflush(NULL);
        _exit(code); /* with a rank that is dead, or was not released, MPI_Finalize would never return */
    }
    if (transport != &alone) {
        swp_mpi_leave(&transport, code);
    }
    return code;
}
