/* file_guard.h -- what a damaged or hostile file does to HDF5 stays a message and an exit code.
 *
 * HDF5 trusts much of what it reads: a flipped byte makes it walk a heap in a circle forever, or follow a
 * wild pointer. None of that can be caught from the outside by checking values, so while a file of unknown
 * origin is open (between swp_guard_on and swp_guard_off) a crash of the process is reported as what it is, a
 * damaged file, and every call into the library (between swp_guard_begin and swp_guard_end) has a limit on
 * its processor time: a slow disk does not count. Both end the process with exit code 3; commands that read
 * have nothing to undo. A call that wants too much memory fails. */
#ifndef SWP_FILE_GUARD_H
#define SWP_FILE_GUARD_H

/** Nested: the last swp_guard_off() puts the older signal handlers back. */
void swp_guard_on(void);
void swp_guard_off(void);

/** Calls do not nest; both from the thread that called swp_guard_on().
 * @param[in] path  what the message names; borrowed until the last swp_guard_off() */
void swp_guard_begin(const char *path);
void swp_guard_end(void);

#endif /* SWP_FILE_GUARD_H */
