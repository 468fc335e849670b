/* model_convert.h -- from an architecture to the model that is simulated: one kind of block, full attention,
 * a gated MLP or experts. What is beyond that is refused by name, or left out where that is asked for. */
#ifndef WS_MODEL_CONVERT_H
#define WS_MODEL_CONVERT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "model/architecture.h"
#include "model/model.h"

/** How a model is made of its architecture. */
typedef struct ws_conversion {
    const char *name;        /**< what cluster configs call it */
    ws_json     where;       /**< its config, for messages */
    bool        approximate; /**< windows, output gates and number formats of weights are left out, with a
                                note each */
} ws_conversion;

/** Make the model that is simulated.
 * @param[out] notes  a line per thing that is left out
 * @return WS_OK; WS_ERR_INPUT with the features that are not simulated, by name */
WS_NODISCARD ws_status ws_model_from_architecture(const ws_architecture *arch, const ws_conversion *how,
                                                  ws_error *err, ws_strbuf *notes, ws_model *out);

#endif /* WS_MODEL_CONVERT_H */
