/* serving/prefix_index.h -- every block-aligned token prefix of a workload as a small integer.
 *
 * Prefix i of a request stands for its tokens [0, (i+1) * block_size). Equal prefixes of any two requests get
 * the same id, different ones different ids (compared token by token, no hashing left to chance), so that a
 * run's prefix cache is an array lookup (docs/model/serving.md 5.4). Immutable, shared by runs. */
#ifndef WS_PREFIX_INDEX_H
#define WS_PREFIX_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "workload/workload.h"

typedef struct ws_prefix_index {
    int64_t   block_size;
    size_t    n_prefixes; /* ids are 0 .. n_prefixes - 1 */
    size_t    n_requests;
    uint32_t *chain_begin; /* [n_requests + 1] into chain */
    uint32_t *chain;       /* prefix ids of each request, shortest first; empty without input ids */
} ws_prefix_index;

WS_NODISCARD ws_status ws_prefix_index_create(const ws_workload *workload, int64_t block_size,
                                              ws_prefix_index **out);
void                   ws_prefix_index_destroy(ws_prefix_index **index);

#endif /* WS_PREFIX_INDEX_H */
