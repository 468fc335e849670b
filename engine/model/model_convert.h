/* model_convert.h -- from an architecture to the model that is simulated: one kind of block, full attention,
 * a gated MLP or experts. What is beyond that is refused by name, or left out where that is asked for. */
#ifndef WS_MODEL_CONVERT_H
#define WS_MODEL_CONVERT_H

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "model/architecture.h"
#include "model/model.h"

/** Make the model that is simulated.
 * @param[in]  name         what cluster configs call it
 * @param[in]  where        its config, for messages
 * @param[in]  approximate  windows, output gates and number formats of weights are left out, with a note each
 * @param[out] notes        a line per thing that is left out
 * @return WS_OK; WS_ERR_INPUT with the features that are not simulated, by name */
WS_NODISCARD ws_status ws_model_from_architecture(const char *name, const ws_architecture *arch,
                                                  ws_json where, bool approximate, ws_error *err,
                                                  ws_strbuf *notes, ws_model *out);

#endif /* WS_MODEL_CONVERT_H */
