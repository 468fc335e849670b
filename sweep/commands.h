/* commands.h -- the commands of wattsweep that look at result files; none of them calls MPI_Init.
 *
 * Each takes its own argument vector (argv[0] is the command's name), prints to stdout, complains to stderr,
 * has
 * --help, and returns the process's exit code: 0 done, 1 some jobs failed or files differ, 2 bad input, 3
 * file cannot be read or written or is damaged, 75 the sweep stopped early and can be resumed. */
#ifndef SWP_COMMANDS_H
#define SWP_COMMANDS_H

enum { SWP_EXIT_OK = 0, SWP_EXIT_FAILED = 1, SWP_EXIT_INPUT = 2, SWP_EXIT_IO = 3, SWP_EXIT_RESUME = 75 };

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
