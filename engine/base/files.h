/* base/files.h -- every byte the engine reads comes through here: a cache of whole files.
 *
 * It remembers contents, absences and directory listings, so that reading twice costs nothing, inputs can be
 * hashed, and a whole set of inputs can be packed by one process and mapped by others, which then need not
 * read the file system. Not thread-safe; one owner. */
#ifndef WS_FILES_H
#define WS_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/status.h"

typedef struct ws_files ws_files; /* opaque */

typedef struct ws_bytes {
    const char *data; /**< NUL-terminated behind `len`; borrowed from the cache */
    size_t      len;
} ws_bytes;

WS_NODISCARD ws_status ws_files_create(ws_files **files_out);
void                   ws_files_destroy(ws_files **files);

/** Read a whole regular file (at most 4 GiB). @return WS_OK; WS_ERR_INPUT with the path and the system's
 * text if it cannot be read (an input that is missing is the user's mistake); WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_files_read(ws_files *files, const char *path, ws_error *err, ws_bytes *out);

/** True if the path is a readable regular file. One too large for the memory that is left counts:
 * ws_files_read() says so then. */
bool ws_files_has(ws_files *files, const char *path);

/** Why a path that exists cannot be read ("Is a directory"); NULL if it can be, or does not exist. Borrowed.
 */
const char *ws_files_obstacle(ws_files *files, const char *path);

/** Refuse an output that would replace an input.
 * @param[in] what  names the output in the message: "--output"
 * @return WS_OK; WS_ERR_INPUT if path is the same file, by whatever name, as one that was read */
WS_NODISCARD ws_status ws_files_check_output(const ws_files *files, const char *what, const char *path,
                                             ws_error *err);
/** True if both paths lead to one file. False if there is none. */
bool ws_is_same_file(const char *path, const char *other);

/** True if the path leads to a folder. */
bool ws_is_folder(const char *path);

/** Check that a folder is there.
 * @param[in] what  names the argument in the message: "--configs" */
WS_NODISCARD ws_status ws_check_folder(const char *what, const char *path, ws_error *err);

/** Data folders, in search order, and the cache they are read through. */
typedef struct ws_data_dirs {
    ws_files          *files;
    const char *const *dirs;
    size_t             n_dirs;
} ws_data_dirs;

/** Find a file in data folders: the first that has it. A path that begins with / is looked up as it is, and
 * the folder "." adds nothing to a path.
 * @param[out] buf  the path to open, cap bytes with the NUL
 * @return whether one of them has it */
bool ws_files_find(const ws_data_dirs *data, const char *path, char *buf, size_t cap);

/** Check that the folders given with --data-dir are there: without one, its bundled namesakes would be used.
 * @return WS_OK; WS_ERR_INPUT with every one that is not */
WS_NODISCARD ws_status ws_check_data_dirs(const char *const *dirs, size_t n, ws_error *err);

/** Names in a directory, sorted by byte value, joined by '\n' ("" if there is no such directory). Borrowed.
 */
const char *ws_files_list(ws_files *files, const char *dir);

/** Put contents under a path, as if it were read (tests, generated inputs). Copied. */
WS_NODISCARD ws_status ws_files_put(ws_files *files, const char *path, const char *data, size_t len);

/* Objects: what was made from files (parsed tables), as bytes that mean the same in every process of this
 * program on this machine. They have names of their own and travel with a packed cache, so that it need not
 * be made again elsewhere. */

/** Keep an object; replaces one of the same key. Copied. */
WS_NODISCARD ws_status ws_files_put_object(ws_files *files, const char *key, const char *data, size_t len);
/** Find an object. @param[out] out  borrowed, aligned as malloc() does; untouched if there is none */
bool ws_files_object(const ws_files *files, const char *key, ws_bytes *out);

/** Forget the objects: once the cache is packed, only those who map the block need them. */
void ws_files_drop_objects(ws_files *files);

/** Everything remembered, as one block of bytes without pointers that the caller frees; for ws_files_map() in
 * this or another process. */
WS_NODISCARD ws_status ws_files_pack(const ws_files *files, char **block_out, size_t *len_out);
/** A cache over a packed block, which is read in place and never written.
 * @param[in] block      borrowed, aligned to 16 bytes as malloc() does; outlives the cache
 * @param[in] is_sealed  true: what is not in it does not exist; false: it is read from the file system
 * @return WS_OK; WS_ERR_INPUT if it is no whole block; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_files_map(const char *block, size_t len, bool is_sealed, ws_files **files_out);

/** The i-th file with contents, in the order of first reading; false past the end. */
bool ws_files_at(const ws_files *files, size_t i, const char **path_out, ws_bytes *bytes_out);

/** SHA-256 as 64 hexadecimal digits and a NUL. */
void ws_sha256_hex(const void *data, size_t len, char hex_out[65]);

#endif /* WS_FILES_H */
