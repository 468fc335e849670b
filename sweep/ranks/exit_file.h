/* exit_file.h -- rank 0's exit code for the launcher that supervises it (scripts/wattsweep-launch).
 *
 * A launcher's own exit code cannot be relied on: mpirun --enable-recovery ends with 0 whatever the ranks end
 * with, and after a death, or under Slurm when a rank ends with another code than 0, it may not end at all.
 * So the supervisor makes an empty file and names it in WATTSWEEP_EXIT_FILE; rank 0 appends
 *
 *   begin HOST PID      when it starts, so that the supervisor can see it die
 *   code N              when the result file is closed and the code is known
 *
 * Without the variable nothing is written. Errors are ignored: the supervisor then goes by the launcher
 * alone. */
#ifndef SWP_EXIT_FILE_H
#define SWP_EXIT_FILE_H

#include <stdbool.h>

/** True if the launcher's variables do not name another rank; known before MPI is entered. */
bool swp_exit_file_is_rank0(void);

/** Tell the supervisor which process rank 0 is; before MPI is entered, where ranks can already die. */
void swp_exit_file_begin(const char *host);

/** Tell the supervisor the code the sweep ends with. */
void swp_exit_file_end(int code);

/** The code a rank's process has to end with: 0 where mpirun --enable-recovery launched it, which takes any
 * other for a failure to recover from, and `code` everywhere else. */
int swp_exit_file_process_code(int code);

#endif /* SWP_EXIT_FILE_H */
