/* wattsweep -- parallel sweeps around the simulator: finds the subcommand and hands over. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cmdline_start.h"
#include "base/unread.h"
#include "cli/commands.h"
#include "ranks/mpi_transport.h"
#include "run/cmd_plan.h"
#include "run/cmd_run.h"
#include "store/live_writer.h"
#include "engine.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    bool        only_prints;
    const char *help;
} command;

static const command commands[] = {
    {"run", swp_cmd_run, false,
     "simulate every point of a sweep into one HDF5 file (also under mpirun, srun)"},
    {"plan", swp_cmd_plan, true, "say what a sweep would do: axes, jobs, pruned points, time and file size"},
    {"status", swp_cmd_status, false,
     "how far a sweep is; exit 0 complete, 1 with failures, 3 damaged, 75 resume me"},
    {"top", swp_cmd_top, true, "the best configurations by any metric"},
    {"pareto", swp_cmd_pareto, true, "configurations that no other beats in two metrics at once"},
    {"show", swp_cmd_show, false, "one job in full, with its power over time"},
    {"info", swp_cmd_info, true, "what a result file holds"},
    {"export", swp_cmd_export, true, "rows as CSV or JSON lines"},
    {"diff", swp_cmd_diff, false, "compare two result files job by job"},
    {"merge", swp_cmd_merge, false, "join the files of a sweep's slices"},
    {"snapshot", swp_cmd_snapshot, false, "a plain copy of a file that is being written"},
    {"recover", swp_cmd_recover, false, "make a file plain again after a kill"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(FILE *out)
{
    fputs("usage: wattsweep COMMAND ... ; wattsweep COMMAND --help explains one\n"
          "\n"
          "Of all the ways to run an LLM-serving workload, which gives the throughput for the fewest\n"
          "watts and joules? A sweep simulates them all and keeps everything in one HDF5 file.\n"
          "\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    }
    fputs("\n"
          "first steps:\n"
          "  wattsweep plan configs/sweeps/power_tradeoff.json\n"
          "  mpirun -n 2 wattsweep run configs/sweeps/power_tradeoff.json -o results.h5\n"
          "  wattsweep top results.h5\n",
          out);
    return out == stdout ? WS_EXIT_DONE : WS_EXIT_INPUT;
}

/* Nobody reads stdout any more: an end of the output, not of the work. What only prints ends at once, with 0.
 */
static void stop_printing(int number)
{
    (void)number;
    if (ws_is_unread(STDOUT_FILENO)) {
        _exit(WS_EXIT_DONE);
    }
}

/* A command that writes files, or whose exit code is an answer, goes on when nobody reads what it prints. */
static void choose_end_unread(const command *chosen)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = chosen->only_prints ? stop_printing : SIG_IGN;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGPIPE, &action, NULL);
}

/* What was printed has to have arrived, unless nobody wants it. */
static int check_stdout(int code)
{
    const bool has_failed = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (has_failed && code == WS_EXIT_DONE && !ws_is_unread(STDOUT_FILENO)) {
        fputs("wattsweep: standard output: cannot write\n", stderr);
        return WS_EXIT_OUTPUT;
    }
    return code;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* until the command has chosen */
    (void)signal(SIGXFSZ, SIG_IGN); /* a file over the size limit is a failed write, which has a message */
    if (argc < 2) {
        return print_help(stderr);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        return check_stdout(print_help(stdout));
    }
    if (strcmp(argv[1], "--version") == 0) {
        char store[32], engine[64];
        printf("wattsweep %s %s\n%s, %s, %s\n", ws_version(), ws_git_commit(), swp_store_library(store),
               swp_mpi_library(), ws_libraries(engine));
        return WS_EXIT_DONE;
    }
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            choose_end_unread(&commands[i]);
            return check_stdout(commands[i].run(argc - 1, argv + 1));
        }
        names[i] = commands[i].name;
    }
    return ws_cmdline_refuse_command("wattsweep", argv[1], names, N_COMMANDS);
}
