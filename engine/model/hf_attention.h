/* hf_attention.h -- how the layers of a config.json attend: to everything, within windows, or by a state.
 */
#ifndef WS_HF_ATTENTION_H
#define WS_HF_ATTENTION_H

#include "base/status.h"
#include "model/hf_reader.h"

/** Read full attention and linear attention: r->full and r->linear.
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_attention_read(ws_hf_reader *r);

/** Read windows, and which layer attends how: r->windowed and r->attention_of, from lists, patterns or the
 * family. After ws_hf_attention_read().
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_attention_place(ws_hf_reader *r);

#endif /* WS_HF_ATTENTION_H */
