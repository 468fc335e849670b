/* scenario/model_input.h -- the model that a cluster config names, read for the simulation. For this folder
 * only. */
#ifndef WS_MODEL_INPUT_H
#define WS_MODEL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "model/model.h"

/** Which model, and how its files are read. */
typedef struct ws_model_choice {
    const char *name;         /**< as ws_model_files_open() takes it */
    bool        approximate;  /**< leave out what is not simulated */
    bool        as_reference; /**< keys that are not known are ignored */
} ws_model_choice;

/** Read a model.
 * @param[in]  where  the name's place in the cluster config, for messages
 * @param[out] notes  a line for each thing that is left out
 * @return WS_OK; WS_ERR_INPUT; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_model_input_read(const ws_data_dirs *data, const ws_model_choice *choice,
                                           ws_json where, ws_strbuf *notes, ws_error *err, ws_model *out);

#endif /* WS_MODEL_INPUT_H */
