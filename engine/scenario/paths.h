/* scenario/paths.h -- where the bundled configs are, and the files users name. */
#ifndef WS_PATHS_H
#define WS_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/files.h"
#include "base/status.h"

/** Find the project's configs folder: $WATTSWEEP_CONFIGS, then relative to the program's own path (build tree
 * and installed layout), then to the shared library's, then the source folder the program was built from.
 * Written to buf; false if none exists. */
bool ws_bundled_dir(char *buf, size_t cap);

/** Find a file as the programs do: as given, then in each of the data folders; false if there is none. */
bool ws_find_file(const ws_data_dirs *data, const char *path, char *buf, size_t cap);

/** Find an input a user names on a command line: a file or folder as given, then next to the bundled configs
 * folder, so that `configs/...` and `workloads/...` mean the same from every folder and in every installed
 * copy.
 * @param[in]  what  names the argument in the message: "--dataset"
 * @param[out] buf   the path to open
 * @return WS_OK; WS_ERR_INPUT with where it was looked for, or why it cannot be read */
WS_NODISCARD ws_status ws_find_input(ws_files *files, const char *what, const char *path, ws_error *err,
                                     char *buf, size_t cap);

/** Where inputs are looked for. */
typedef struct ws_input_places {
    ws_files   *files;
    const char *bundled_dir; /**< the bundled configs folder; NULL = there is none */
} ws_input_places;

/** The same, where the bundled configs folder is known. */
WS_NODISCARD ws_status ws_find_input_beside(const ws_input_places *places, const char *what, const char *path,
                                            ws_error *err, char *buf, size_t cap);

/** Find the config.json of a model by the name a cluster config gives it: a bundled name, a file, or a folder
 * that holds one; false if there is none. */
bool ws_find_model(const ws_data_dirs *data, const char *name, char *buf, size_t cap);

#endif /* WS_PATHS_H */
