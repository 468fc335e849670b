/* serving/block_pool.h -- reference-counted KV blocks with a free list and a prefix index
 * (docs/model/serving.md 5.3).
 *
 * Freed blocks keep their contents until they are taken again: least recently freed first. Blocks never used
 * come before all freed ones, so their entries are not even initialised. Arena memory, one owner. */
#ifndef WS_BLOCK_POOL_H
#define WS_BLOCK_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

enum { WS_NO_PREFIX = -1, WS_NO_BLOCK = -1 };

typedef struct ws_block {
    int32_t n_refs;
    int32_t prefix;     /* prefix id it holds, or WS_NO_PREFIX */
    int32_t prev, next; /* neighbours in the free list while n_refs == 0 */
} ws_block;

typedef struct ws_block_pool {
    ws_block *blocks;
    int32_t   n_blocks;
    int32_t   n_fresh_used;  /* blocks 0 .. n_fresh_used - 1 were taken at least once */
    int32_t   head, tail;    /* free list of used blocks; WS_NO_BLOCK = empty */
    int32_t   n_listed;      /* its length */
    int32_t   n_cached_free; /* free blocks the index still points to */
    int32_t  *block_plus_1;  /* [n_prefixes] index: prefix -> block + 1, 0 = none; NULL without caching */
} ws_block_pool;

/** An all-free pool. n_prefixes = 0 turns caching off: nothing is ever indexed. */
WS_NODISCARD ws_status ws_block_pool_init(ws_block_pool *pool, ws_arena *arena, int64_t n_blocks,
                                          size_t n_prefixes);

static inline int32_t ws_block_pool_n_free(const ws_block_pool *pool)
{
    return pool->n_blocks - pool->n_fresh_used + pool->n_listed;
}

/** Blocks that hold data: in use, or free and still indexed. */
static inline int32_t ws_block_pool_n_used(const ws_block_pool *pool)
{
    return pool->n_fresh_used - pool->n_listed + pool->n_cached_free;
}

/** The block indexed under a prefix, or WS_NO_BLOCK. */
static inline int32_t ws_block_pool_find(const ws_block_pool *pool, uint32_t prefix)
{
    return pool->block_plus_1 != NULL ? pool->block_plus_1[prefix] - 1 : WS_NO_BLOCK;
}

/** Take the least recently freed block, forgetting what it held. Some block must be free. */
int32_t ws_block_pool_take(ws_block_pool *pool);

/** One more reference to a block, taking it off the free list if it had none. */
void ws_block_pool_touch(ws_block_pool *pool, int32_t block);

/** One reference less; at 0 the block goes to the tail of the free list, contents kept. */
void ws_block_pool_free(ws_block_pool *pool, int32_t block);

/** Index a block under a prefix, unless it is indexed already; takes over a prefix another block holds. */
void ws_block_pool_index(ws_block_pool *pool, int32_t block, uint32_t prefix);

#endif /* WS_BLOCK_POOL_H */
