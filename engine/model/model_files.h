/* model_files.h -- the files of a model: a bundled name, a config.json, or a folder that holds one. */
#ifndef WS_MODEL_FILES_H
#define WS_MODEL_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "model/architecture.h"

typedef struct ws_model_files {
    ws_json_doc *config; /**< owned */
    ws_json_doc *quant;  /**< owned: the hf_quant_config.json next to it; NULL if there is none */
    char         path[4096];
} ws_model_files;

/** The config.json of a model; false if there is none. A name is looked up as DIR/model/NAME.json in each
 * folder. Fine-tuned variants have the shape of their base: a name without a file of its own is tried without
 * what variants add to it ("-Instruct", "-it", "-0528", ...), one by one, and the other way around. */
bool ws_model_files_find(const ws_data_dirs *data, const char *name, char path[4096]);

/** Find and parse the files of a model.
 * @param[in]  name  "Qwen/Qwen3-8B", "my/config.json" or "my-checkpoint"
 * @param[out] out   release with ws_model_files_fini(), also after an error; config is NULL if there is no
 * such model
 * @return WS_OK, also if there is none; WS_ERR_INPUT if a file cannot be read; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_model_files_open(const ws_data_dirs *data, const char *name, ws_error *err,
                                           ws_model_files *out);
void                   ws_model_files_fini(ws_model_files *model);

/** Where a model that was not found could have been, to end a message. */
#define WS_MODEL_FILES_EXPECTED                                                                              \
    "expected a bundled name, the path of a config.json, or a folder with one (wattsim model --list)"

/** Read its architecture; ws_hf_config_read() says how. */
WS_NODISCARD ws_status ws_model_files_read(const ws_model_files *model, bool approximate, ws_error *err,
                                           ws_strbuf *notes, ws_architecture *out);

#endif /* WS_MODEL_FILES_H */
