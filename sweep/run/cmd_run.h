/* cmd_run.h -- `wattsweep run`: from a command line to a complete result file, on any number of ranks. */
#ifndef SWP_CMD_RUN_H
#define SWP_CMD_RUN_H

/** The whole command; collective over all ranks where a launcher started several.
 * @return the exit code; after a rank died this does not return but leaves by _exit */
int swp_cmd_run(int argc, char **argv);

#endif /* SWP_CMD_RUN_H */
