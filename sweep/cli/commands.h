/* commands.h -- the commands of wattsweep that look at result files; none of them calls MPI_Init.
 *
 * Each takes its own argument vector (argv[0] is the command's name), prints to stdout, complains to stderr,
 * has --help, and returns the process's exit code (base/exit_code.h). */
#ifndef SWP_COMMANDS_H
#define SWP_COMMANDS_H

#include "base/exit_code.h"

int swp_cmd_info(int argc, char **argv);
int swp_cmd_status(int argc, char **argv);
int swp_cmd_top(int argc, char **argv);
int swp_cmd_pareto(int argc, char **argv);
int swp_cmd_show(int argc, char **argv);
int swp_cmd_export(int argc, char **argv);
int swp_cmd_diff(int argc, char **argv);
int swp_cmd_merge(int argc, char **argv);
int swp_cmd_snapshot(int argc, char **argv);
int swp_cmd_recover(int argc, char **argv);

#endif /* SWP_COMMANDS_H */
