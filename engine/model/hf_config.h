/* hf_config.h -- a Hugging Face config.json as an architecture: every key that changes weights, KV cache,
 * work or traffic is understood, or named as a problem. */
#ifndef WS_HF_CONFIG_H
#define WS_HF_CONFIG_H

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "model/architecture.h"

/** Read a config.json. The part of a multimodal model that generates text is taken (`text_config`,
 * `language_config`, `llm_config`), with a note that the rest is left out.
 * @param[in]  config       root of the config.json
 * @param[in]  quant        root of the hf_quant_config.json next to it, or absent
 * @param[in]  approximate  what is not modelled is left out, with a note, instead of being a problem
 * @param[out] notes        a line per thing that is left out
 * @return WS_OK; WS_ERR_INPUT with every problem, the features that are not modelled by name */
WS_NODISCARD ws_status ws_hf_config_read(ws_json config, ws_json quant, bool approximate, ws_error *err,
                                         ws_strbuf *notes, ws_architecture *out);

#endif /* WS_HF_CONFIG_H */
