/* hf_blocks.h -- the blocks of a config.json, layer by layer; alike ones share one description. */
#ifndef WS_HF_BLOCKS_H
#define WS_HF_BLOCKS_H

#include "base/status.h"
#include "model/hf_reader.h"

/** Read attention and MLPs, and put the blocks of all layers into r->arch, whose sizes are known.
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_blocks_read(ws_hf_reader *r);

#endif /* WS_HF_BLOCKS_H */
