#include "serving/block_pool.h"

ws_status ws_block_pool_init(ws_block_pool *pool, ws_arena *arena, int64_t n_blocks, size_t n_prefixes)
{
    WS_ASSERT(n_blocks >= 1 && n_blocks < INT32_MAX);
    *pool        = (ws_block_pool){.n_blocks = (int32_t)n_blocks, .head = WS_NO_BLOCK, .tail = WS_NO_BLOCK};
    pool->blocks = ws_arena_alloc(arena, (size_t)n_blocks, sizeof(ws_block));
    if (pool->blocks == NULL) {
        return WS_ERR_NOMEM;
    }
    if (n_prefixes > 0) {
        pool->block_plus_1 = ws_arena_calloc(arena, n_prefixes, sizeof(int32_t));
        if (pool->block_plus_1 == NULL) {
            return WS_ERR_NOMEM;
        }
    }
    return WS_OK;
}

static bool is_indexed(const ws_block_pool *pool, int32_t block)
{
    const int32_t prefix = pool->blocks[block].prefix;
    return prefix != WS_NO_PREFIX && pool->block_plus_1[prefix] == block + 1;
}

static void unlink_free(ws_block_pool *pool, int32_t block)
{
    const ws_block *entry = &pool->blocks[block];
    if (entry->prev != WS_NO_BLOCK) {
        pool->blocks[entry->prev].next = entry->next;
    } else {
        pool->head = entry->next;
    }
    if (entry->next != WS_NO_BLOCK) {
        pool->blocks[entry->next].prev = entry->prev;
    } else {
        pool->tail = entry->prev;
    }
    pool->n_listed--;
    pool->n_cached_free -= is_indexed(pool, block);
}

WS_HOT int32_t ws_block_pool_take(ws_block_pool *pool)
{
    if (pool->n_fresh_used < pool->n_blocks) {
        const int32_t block = pool->n_fresh_used++;
        pool->blocks[block] = (ws_block){.n_refs = 1, .prefix = WS_NO_PREFIX};
        return block;
    }
    const int32_t block = pool->head;
    WS_ASSERT(block != WS_NO_BLOCK);
    unlink_free(pool, block);
    if (is_indexed(pool, block)) {
        pool->block_plus_1[pool->blocks[block].prefix] = 0;
    }
    pool->blocks[block].prefix = WS_NO_PREFIX;
    pool->blocks[block].n_refs = 1;
    return block;
}

WS_HOT void ws_block_pool_touch(ws_block_pool *pool, int32_t block)
{
    if (pool->blocks[block].n_refs == 0) {
        unlink_free(pool, block);
    }
    pool->blocks[block].n_refs++;
}

WS_HOT void ws_block_pool_free(ws_block_pool *pool, int32_t block)
{
    ws_block *entry = &pool->blocks[block];
    WS_ASSERT(entry->n_refs > 0);
    if (--entry->n_refs > 0) {
        return;
    }
    entry->prev = pool->tail;
    entry->next = WS_NO_BLOCK;
    if (pool->tail != WS_NO_BLOCK) {
        pool->blocks[pool->tail].next = block;
    } else {
        pool->head = block;
    }
    pool->tail = block;
    pool->n_listed++;
    pool->n_cached_free += is_indexed(pool, block);
}

WS_HOT void ws_block_pool_index(ws_block_pool *pool, int32_t block, uint32_t prefix)
{
    ws_block *entry = &pool->blocks[block];
    if (entry->prefix != WS_NO_PREFIX) {
        return;
    }
    const int32_t holder = pool->block_plus_1[prefix] - 1;
    if (holder != WS_NO_BLOCK && pool->blocks[holder].n_refs == 0) {
        pool->n_cached_free--; /* it stays free, but no longer reachable */
    }
    entry->prefix              = (int32_t)prefix;
    pool->block_plus_1[prefix] = block + 1;
    pool->n_cached_free += entry->n_refs == 0;
}
