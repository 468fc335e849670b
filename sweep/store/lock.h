/* lock.h -- one writer per result file: an exclusive lock on FILE.lock, gone with the process that holds it.
 *
 * Links are followed: two names of one file are one lock, be they symbolic or hard links. The lock file
 * itself is never followed if it is a link, nor written if it is anything but a lock file. */
#ifndef SWP_LOCK_H
#define SWP_LOCK_H

#include <stdbool.h>

#include "base/error.h"
#include "base/status.h"

typedef struct swp_lock swp_lock; /* opaque */

/** Lock FILE against other writers; does not wait for one.
 * @param[in]  path      the result file; the lock is on "<path>.lock", of the file that links lead
 * to, which says who holds it
 * @param[in]  needs_locks  false: where the file system has no locks, the lock file's existence is the lock,
 * which a killed holder leaves behind
 * @param[out] lock_out  owned by the caller, release with swp_lock_release()
 * @return WS_OK; WS_ERR_IO if another process holds it (named in the message), what is at
 * <path>.lock is no lock file, the folder cannot be written,
 * or the file system has no locks and needs_locks is true */
WS_NODISCARD ws_status swp_lock_acquire(const char *path, bool needs_locks, ws_error *err,
                                        swp_lock **lock_out);

/** True if some process, this one too, holds the lock on a result file. */
bool swp_lock_is_held(const char *path);

/** Unlock and remove the lock file; NULL *lock is allowed. */
void swp_lock_release(swp_lock **lock);

#endif /* SWP_LOCK_H */
