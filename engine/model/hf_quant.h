/* hf_quant.h -- how a checkpoint's weights are stored: quantization_config of a config.json, or
 * hf_quant_config.json, with the modules that are left as they are. Sources: vLLM's quantization configs
 * (fp8, compressed-tensors, awq, gptq, mxfp4, modelopt) and what Hugging Face checkpoints write for them. */
#ifndef WS_HF_QUANT_H
#define WS_HF_QUANT_H

#include "base/error.h"
#include "base/json.h"
#include "model/architecture.h"

/** Read one. Sets quant, quant_group, quantised and kv_cache_dtype of an architecture whose layers are known.
 * @param[in] config        the object quantization_config (or "quantization" of an hf_quant_config.json)
 * @param[in] experts_path  where checkpoints of the family keep a block's experts (hf_family.h)
 * @return WS_OK; WS_ERR_INPUT: a method that is not known, by name */
WS_NODISCARD ws_status ws_hf_quant_read(ws_json config, const char *experts_path, ws_error *err,
                                        ws_architecture *arch);

#endif /* WS_HF_QUANT_H */
