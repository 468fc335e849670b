/* serving/kv_cache.h -- the paged KV cache of one instance: slots for requests, prefix reuse, a second tier
 * (docs/model/serving.md 5.4 to 5.8). Arena memory. */
#ifndef WS_KV_CACHE_H
#define WS_KV_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "serving/block_pool.h"
#include "serving/request.h"

/** Prefix ids of every request at one block size, as the cache needs them. Borrowed, immutable. */
typedef struct ws_prefix_view {
    const uint32_t *chain_begin; /* [n_requests + 1] into chain */
    const uint32_t *chain;
    size_t          n_prefixes; /* ids used by any view of the run, the size of an index */
} ws_prefix_view;

/** A second KV tier (CPU or CXL memory), private or shared by several instances. */
typedef struct ws_kv_tier {
    ws_block_pool pool; /* one block = one chunk */
    int32_t       blocks_per_chunk;
    int32_t       chunk_tokens;
    int64_t       chunk_bytes;                  /* cluster-wide */
    int64_t       requested_tokens, hit_tokens; /* of a shared tier: over its instances */
} ws_kv_tier;

typedef struct ws_kv_cache {
    ws_arena      *arena; /* borrowed */
    ws_block_pool  pool;
    ws_prefix_view prefixes;
    ws_kv_tier    *tier; /* borrowed; NULL = none */
    bool           is_caching;
    int32_t        block_size;     /* tokens */
    int32_t        block_shift;    /* log2(block_size), or -1 */
    size_t         table_capacity; /* blocks a request's table can hold */
    int32_t      **free_tables;    /* stack of tables not in use */
    size_t         n_free_tables, free_tables_capacity;
    size_t         n_tables;                                          /* made so far, in use or not */
    int64_t        recall_bytes;                                      /* since the last batch */
    int64_t        write_through_bytes;                               /* likewise */
    int64_t        requested_tokens, npu_hit_tokens, tier_hit_tokens; /* statistics, 5.8 */
} ws_kv_cache;

typedef struct ws_kv_cache_config {
    int64_t        n_blocks;
    int32_t        block_size;
    bool           is_caching;
    ws_prefix_view prefixes;
    ws_kv_tier    *tier;
    size_t         table_capacity;
} ws_kv_cache_config;

typedef struct ws_kv_tier_config {
    int64_t n_chunks, chunk_bytes;
    int32_t chunk_tokens, block_size;
    size_t  n_prefixes; /* as in ws_prefix_view */
} ws_kv_tier_config;

/** What a lookup found for a waiting request. */
typedef struct ws_kv_hit {
    int32_t n_blocks;       /* leading blocks found on the NPU */
    int32_t n_unreferenced; /* of those, blocks nobody holds: they leave the free list when used */
    int32_t npu_tokens, tier_tokens;
    int32_t tier_chunks; /* chunks to recall */
} ws_kv_hit;

WS_NODISCARD ws_status ws_kv_cache_init(ws_kv_cache *kv, ws_arena *arena, const ws_kv_cache_config *config);

WS_NODISCARD ws_status ws_kv_tier_init(ws_kv_tier *tier, ws_arena *arena, const ws_kv_tier_config *config);

/** Give a request its prefix chain, once; later caches keep the first one (docs/model/serving.md Q-20). */
void ws_kv_cache_bind(const ws_kv_cache *kv, ws_request *request);

/** Look up the longest known prefix of a request, leaving at least one token of the NPU part to compute. */
ws_kv_hit ws_kv_cache_lookup(const ws_kv_cache *kv, const ws_request *request);

/** True if a request could hold n_tokens in all, with a hit not yet taken. */
bool ws_kv_cache_fits(const ws_kv_cache *kv, const ws_request *request, int32_t n_tokens,
                      const ws_kv_hit *hit);

/** Give a request slots for n_new more tokens beyond computed + hit. Nothing changes if refused.
 * @param[in] hit  NULL = none
 * @param[out] granted_out  false if there are not enough free blocks */
WS_NODISCARD ws_status ws_kv_cache_extend(ws_kv_cache *kv, ws_request *request, int32_t n_new,
                                          const ws_kv_hit *hit, bool *granted_out);

void ws__kv_cache_index_blocks(ws_kv_cache *kv, ws_request *request, int32_t to);

/** Blocks that n_tokens fill completely. */
static inline int32_t ws_kv_cache_full_blocks(const ws_kv_cache *kv, int32_t n_tokens)
{
    return kv->block_shift >= 0 ? n_tokens >> kv->block_shift : n_tokens / kv->block_size;
}

/** Index a request's blocks for reuse, as far as n_tokens fill them. */
static inline void ws_kv_cache_index(ws_kv_cache *kv, ws_request *request, int32_t n_tokens)
{
    const int32_t complete = ws_kv_cache_full_blocks(kv, n_tokens);
    const int32_t from     = request->n_indexed == WS_NO_RECORD ? 0 : request->n_indexed;
    if (complete > from && from < request->n_chain) {
        ws__kv_cache_index_blocks(kv, request, complete);
    }
}

/** Take all blocks from a request, tails to be reused first. */
void ws_kv_cache_release(ws_kv_cache *kv, ws_request *request);

#endif /* WS_KV_CACHE_H */
