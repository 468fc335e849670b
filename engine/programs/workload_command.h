/* programs/workload_command.h -- the command `wattsim workload`: a generator spec becomes a JSONL trace. */
#ifndef WS_WORKLOAD_COMMAND_H
#define WS_WORKLOAD_COMMAND_H

/** Run the command. Problems go to stderr, the trace to the file named by --output, or to stdout.
 * @param[in] argc, argv  the words from "workload" on, as main() has them: argv[0] is the command itself
 * @return the program's exit code: 0 done (or --help), 2 bad input, 3 the trace could not be written */
int ws_workload_command(int argc, char **argv);

#endif /* WS_WORKLOAD_COMMAND_H */
