#include "workload/workload_pack.h"

#include <stdlib.h>
#include <string.h>

enum { N_ARRAYS = 4, ALIGN = 16 };

typedef struct pack_head {
    uint64_t total_bytes; /* head included */
    uint64_t n_requests, n_sessions, n_initial, n_token_ids;
    int64_t  max_target_tokens;
} pack_head;

/* Where the arrays of a workload lie behind the head. */
typedef struct pack_shape {
    size_t at[N_ARRAYS], bytes[N_ARRAYS];
    size_t total_bytes;
} pack_shape;

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* False if the counts are beyond any memory. */
static bool find_shape(const pack_head *head, pack_shape *shape_out)
{
    const struct {
        uint64_t n;
        size_t   size;
    } arrays[N_ARRAYS] = {{head->n_requests, sizeof(ws_workload_request)},
                          {head->n_sessions, sizeof(ws_workload_session)},
                          {head->n_initial, sizeof(uint32_t)},
                          {head->n_token_ids, sizeof(int32_t)}};
    size_t at          = aligned(sizeof(pack_head));
    for (size_t i = 0; i < N_ARRAYS; i++) {
        if (arrays[i].n > (PTRDIFF_MAX / 2 - at) / arrays[i].size) {
            return false;
        }
        shape_out->at[i]    = at;
        shape_out->bytes[i] = (size_t)arrays[i].n * arrays[i].size;
        at                  = aligned(at + shape_out->bytes[i]);
    }
    shape_out->total_bytes = at;
    return true;
}

ws_status ws_workload_pack(const ws_workload *workload, char **block_out, size_t *len_out)
{
    pack_head   head             = {.n_requests        = workload->n_requests,
                                    .n_sessions        = workload->n_sessions,
                                    .n_initial         = workload->n_initial,
                                    .n_token_ids       = workload->n_token_ids,
                                    .max_target_tokens = workload->max_target_tokens};
    const void *arrays[N_ARRAYS] = {workload->requests, workload->sessions, workload->initial,
                                    workload->token_ids};
    pack_shape  shape;
    *block_out  = NULL;
    char *block = find_shape(&head, &shape) ? calloc(1, shape.total_bytes) : NULL;
    if (block == NULL) {
        return WS_ERR_NOMEM;
    }
    head.total_bytes = shape.total_bytes;
    memcpy(block, &head, sizeof(head));
    for (size_t i = 0; i < N_ARRAYS; i++) {
        if (shape.bytes[i] > 0) {
            memcpy(block + shape.at[i], arrays[i], shape.bytes[i]);
        }
    }
    *block_out = block;
    *len_out   = shape.total_bytes;
    return WS_OK;
}

ws_status ws_workload_view(ws_bytes block, ws_workload **workload_out)
{
    pack_head  head;
    pack_shape shape;
    *workload_out = NULL;
    if (block.len < sizeof(head)) {
        return WS_ERR_INPUT;
    }
    memcpy(&head, block.data, sizeof(head));
    if (head.total_bytes != block.len || !find_shape(&head, &shape) || shape.total_bytes != block.len) {
        return WS_ERR_INPUT;
    }
    ws_workload *workload = malloc(sizeof(*workload));
    if (workload == NULL) {
        return WS_ERR_NOMEM;
    }
    char *at      = (char *)(uintptr_t)block.data; /* readers of a workload do not write to its arrays */
    *workload     = (ws_workload){.n_requests        = (size_t)head.n_requests,
                                  .requests          = (ws_workload_request *)(void *)(at + shape.at[0]),
                                  .n_sessions        = (size_t)head.n_sessions,
                                  .sessions          = (ws_workload_session *)(void *)(at + shape.at[1]),
                                  .n_initial         = (size_t)head.n_initial,
                                  .initial           = (uint32_t *)(void *)(at + shape.at[2]),
                                  .n_token_ids       = (size_t)head.n_token_ids,
                                  .token_ids         = (int32_t *)(void *)(at + shape.at[3]),
                                  .max_target_tokens = (int32_t)head.max_target_tokens,
                                  .is_view           = true};
    *workload_out = workload;
    return WS_OK;
}
