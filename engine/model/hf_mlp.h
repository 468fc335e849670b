/* hf_mlp.h -- the MLPs of a config.json: dense ones, experts, and which layers have which. */
#ifndef WS_HF_MLP_H
#define WS_HF_MLP_H

#include "base/status.h"
#include "model/hf_reader.h"

/** Read the dense MLP and the experts: r->dense and r->moe.
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_mlp_read(ws_hf_reader *r);

/** Read which layers have experts: r->is_moe. After ws_hf_mlp_read().
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_mlp_place(ws_hf_reader *r);

#endif /* WS_HF_MLP_H */
