/* base/target.h -- the file that writing to a path replaces, and what is kept of it.
 *
 * Links are followed, so that a link stays one and the file it leads to is replaced. In a folder that
 * everybody may write to and that is sticky, such as /tmp, what somebody else put there is neither followed
 * nor replaced: a link FILE.tmp there could lead to any file of the user's. (Linux has the same rule in
 * fs.protected_symlinks and fs.protected_regular, where it is switched on.)
 *
 * A replaced file hands its mode and, as far as the user may, its owner and group to its successor. Hard
 * links are not kept: a successor is a new file, so the other names keep the earlier contents, whole at any
 * moment; ws_target_note() says so. */
#ifndef WS_TARGET_H
#define WS_TARGET_H

#include <stdbool.h>

#include "base/error.h"
#include "base/status.h"

#define WS_TARGET_NOTE_BYTES 512

/** Follow the links a path ends in.
 * @param[out] target_out  a name without a link at its end, of a file that may not exist yet; the caller
 * frees it. The path itself if it is no link.
 * @return WS_OK; WS_ERR_INPUT if the path is empty; WS_ERR_IO if links go round in a circle, or something of
 *         somebody else's is in the way in a shared folder; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_target_resolve(const char *path, ws_error *err, char **target_out);

/** The same for a folder to put files into, which may not exist yet.
 * @return WS_OK; WS_ERR_INPUT if the path is empty or no folder; WS_ERR_IO if somebody else made it, or a
 * link to it, in a shared folder; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_target_check_folder(const char *path, ws_error *err);

/** Make a file that is to replace another, empty, under a temporary name next to it. An own one that a killed
 * process left there is removed; a link, or anything else, is left alone and refused.
 * @param[in]  temporary  "<target>.tmp"
 * @param[in]  target     whose mode and owner it gets, if it exists; NULL = nobody's
 * @param[out] fd_out     open for writing; the caller closes it
 * @return WS_OK; WS_ERR_IO */
WS_NODISCARD ws_status ws_target_make(const char *temporary, const char *target, ws_error *err, int *fd_out);

/** Give a finished file the name of the one it replaces, and have the disk know of it: rename() and a sync of
 * the folder. @return 0 or errno, after which the target is as it was */
int ws_target_rename(const char *temporary, const char *target);

/** Give an open file the mode and, as far as allowed, owner and group of an existing one; nothing if there is
 * none. Where the group cannot be kept, the new group gets the rights of everybody. */
void ws_target_keep_mode(int fd, const char *target);

/** What of a file will be lost when it is replaced: other names of it, and its owner. False if nothing. */
bool ws_target_note(const char *path, char note[WS_TARGET_NOTE_BYTES]);

#endif /* WS_TARGET_H */
