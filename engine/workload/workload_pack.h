/* workload/workload_pack.h -- a workload as one block of bytes without pointers, so that the processes of a
 * node can share one copy. Only for processes of one program on one kind of machine. */
#ifndef WS_WORKLOAD_PACK_H
#define WS_WORKLOAD_PACK_H

#include "base/files.h"
#include "base/status.h"
#include "workload/workload.h"

/** The packed form.
 * @param[out] block_out  malloc'd, the caller frees it */
WS_NODISCARD ws_status ws_workload_pack(const ws_workload *workload, char **block_out, size_t *len_out);

/** A workload whose arrays lie in a packed block.
 * @param[in]  block  aligned as malloc() does; outlives the workload, which never writes to it
 * @return WS_OK; WS_ERR_INPUT if the block's length is not what it says; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_workload_view(ws_bytes block, ws_workload **workload_out);

#endif /* WS_WORKLOAD_PACK_H */
