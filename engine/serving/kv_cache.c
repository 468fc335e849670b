#include "serving/kv_cache.h"

static int32_t shift_of(int32_t block_size)
{
    if ((block_size & (block_size - 1)) != 0) {
        return -1;
    }
    int32_t shift = 0;
    while ((1 << shift) < block_size) {
        shift++;
    }
    return shift;
}

static int32_t blocks_for(const ws_kv_cache *kv, int32_t n_tokens)
{
    return ws_kv_cache_full_blocks(kv, n_tokens + kv->block_size - 1);
}

ws_status ws_kv_cache_init(ws_kv_cache *kv, ws_arena *arena, const ws_kv_cache_config *config)
{
    *kv = (ws_kv_cache){
        .arena          = arena,
        .prefixes       = config->prefixes,
        .tier           = config->is_caching ? config->tier : NULL,
        .is_caching     = config->is_caching && config->prefixes.n_prefixes > 0,
        .block_size     = config->block_size,
        .block_shift    = shift_of(config->block_size),
        .table_capacity = config->table_capacity,
    };
    return ws_block_pool_init(&kv->pool, arena, config->n_blocks,
                              kv->is_caching ? config->prefixes.n_prefixes : 0);
}

ws_status ws_kv_tier_init(ws_kv_tier *tier, ws_arena *arena, const ws_kv_tier_config *config)
{
    *tier = (ws_kv_tier){
        .blocks_per_chunk = config->chunk_tokens / config->block_size,
        .chunk_tokens     = config->chunk_tokens,
        .chunk_bytes      = config->chunk_bytes,
    };
    return ws_block_pool_init(&tier->pool, arena, config->n_chunks, config->n_prefixes);
}

WS_HOT void ws_kv_cache_bind(const ws_kv_cache *kv, ws_request *request)
{
    if (request->chain != NULL || !kv->is_caching) {
        return;
    }
    const uint32_t begin = kv->prefixes.chain_begin[request->id];
    request->chain       = kv->prefixes.chain + begin;
    request->n_chain     = (int32_t)(kv->prefixes.chain_begin[request->id + 1] - begin);
}

/* ---- lookup ---- */

static void lookup_tier(const ws_kv_tier *tier, const ws_request *request, ws_kv_hit *hit)
{
    const int32_t chunk = tier->chunk_tokens, per_chunk = tier->blocks_per_chunk;
    const int32_t npu_tokens = hit->npu_tokens;
    const int32_t n_chunks   = request->reached / chunk;
    if (chunk * n_chunks - npu_tokens < chunk) {
        return;
    }
    const int32_t first = npu_tokens / chunk;
    int32_t       n     = 0;
    while (first + n < n_chunks) {
        const int32_t last_block = per_chunk * (first + n) + per_chunk - 1;
        if (last_block >= request->n_chain ||
            ws_block_pool_find(&tier->pool, request->chain[last_block]) == WS_NO_BLOCK) {
            break;
        }
        n++;
    }
    const int32_t gained = chunk * (first + n) - npu_tokens;
    if (n > 0 && gained >= chunk) {
        hit->tier_tokens = gained;
        hit->tier_chunks = n;
    }
}

WS_HOT ws_kv_hit ws_kv_cache_lookup(const ws_kv_cache *kv, const ws_request *request)
{
    ws_kv_hit hit = {0};
    if (!kv->is_caching) {
        return hit;
    }
    const int32_t by_length = ws_kv_cache_full_blocks(kv, request->reached - 1);
    const int32_t limit     = by_length < request->n_chain ? by_length : request->n_chain;
    for (int32_t i = 0; i < limit; i++) {
        const int32_t block = ws_block_pool_find(&kv->pool, request->chain[i]);
        if (block == WS_NO_BLOCK) {
            break;
        }
        hit.n_blocks++;
        hit.n_unreferenced += kv->pool.blocks[block].n_refs == 0;
    }
    hit.npu_tokens = hit.n_blocks * kv->block_size;
    if (kv->tier != NULL) {
        lookup_tier(kv->tier, request, &hit);
    }
    return hit;
}

/* ---- slots ---- */

/* Free blocks needed for n_tokens slots in all (docs/model/serving.md 5.5). */
static int32_t blocks_needed(const ws_kv_cache *kv, const ws_request *request, int32_t n_tokens,
                             const ws_kv_hit *hit)
{
    const int32_t missing = blocks_for(kv, n_tokens) - request->n_blocks;
    if (request->n_indexed != WS_NO_RECORD || hit == NULL) {
        return missing > 0 ? missing : 0;
    }
    const int32_t fresh = missing - hit->n_blocks;
    return (fresh > 0 ? fresh : 0) + hit->n_unreferenced;
}

WS_HOT bool ws_kv_cache_fits(const ws_kv_cache *kv, const ws_request *request, int32_t n_tokens,
                             const ws_kv_hit *hit)
{
    return blocks_needed(kv, request, n_tokens, hit) <= ws_block_pool_n_free(&kv->pool);
}

/* Room for one more table on the stack is made with the table, so that giving it back cannot fail. */
static ws_status table_acquire(ws_kv_cache *kv, ws_request *request)
{
    if (kv->n_free_tables > 0) {
        request->blocks = kv->free_tables[--kv->n_free_tables];
        return WS_OK;
    }
    WS_TRY(ws_arena_grow(kv->arena, &kv->free_tables, &kv->free_tables_capacity, kv->n_free_tables,
                         kv->n_tables + 1, sizeof(int32_t *)));
    request->blocks = ws_arena_alloc(kv->arena, kv->table_capacity, sizeof(int32_t));
    if (request->blocks == NULL) {
        return WS_ERR_NOMEM;
    }
    kv->n_tables++;
    return WS_OK;
}

static void take_hit(ws_kv_cache *kv, ws_request *request, const ws_kv_hit *hit)
{
    for (int32_t i = 0; i < hit->n_blocks; i++) {
        const int32_t block = ws_block_pool_find(&kv->pool, request->chain[i]);
        ws_block_pool_touch(&kv->pool, block);
        request->blocks[request->n_blocks++] = block;
    }
    request->n_indexed = request->n_blocks;
    if (hit->tier_tokens > 0) {
        kv->recall_bytes += hit->tier_chunks * kv->tier->chunk_bytes;
    }
}

WS_HOT ws_status ws_kv_cache_extend(ws_kv_cache *kv, ws_request *request, int32_t n_new, const ws_kv_hit *hit,
                                    bool *granted_out)
{
    const int32_t hit_tokens = hit != NULL ? hit->npu_tokens + hit->tier_tokens : 0;
    const int32_t n_tokens   = request->computed + hit_tokens + n_new;
    *granted_out             = false;
    if (blocks_needed(kv, request, n_tokens, hit) > ws_block_pool_n_free(&kv->pool)) {
        return WS_OK;
    }
    if (request->blocks == NULL) {
        WS_TRY(table_acquire(kv, request));
    }
    if (hit_tokens > 0) {
        take_hit(kv, request, hit);
    }
    const int32_t n_blocks = blocks_for(kv, n_tokens);
    WS_ASSERT((size_t)n_blocks <= kv->table_capacity);
    while (request->n_blocks < n_blocks) {
        request->blocks[request->n_blocks++] = ws_block_pool_take(&kv->pool);
    }
    ws_kv_cache_index(kv, request, n_tokens < request->reached ? n_tokens : request->reached);
    *granted_out = true;
    return WS_OK;
}

/* ---- indexing and release ---- */

/* Copy the chunks that blocks [from, to) complete into the second tier. */
static void write_through(ws_kv_cache *kv, const ws_request *request, int32_t from, int32_t to)
{
    ws_kv_tier   *tier      = kv->tier;
    const int32_t per_chunk = tier->blocks_per_chunk;
    for (int32_t chunk = from / per_chunk; chunk < to / per_chunk; chunk++) {
        const uint32_t key = request->chain[per_chunk * chunk + per_chunk - 1];
        if (ws_block_pool_find(&tier->pool, key) != WS_NO_BLOCK) {
            continue;
        }
        const int32_t block = ws_block_pool_take(&tier->pool);
        ws_block_pool_index(&tier->pool, block, key);
        ws_block_pool_free(&tier->pool, block);
        kv->write_through_bytes += tier->chunk_bytes;
    }
}

WS_HOT void ws__kv_cache_index_blocks(ws_kv_cache *kv, ws_request *request, int32_t to)
{
    if (!kv->is_caching) {
        return;
    }
    const int32_t from = request->n_indexed == WS_NO_RECORD ? 0 : request->n_indexed;
    to                 = to < request->n_chain ? to : request->n_chain;
    WS_ASSERT(request->n_blocks >= to);
    for (int32_t i = from; i < to; i++) {
        ws_block_pool_index(&kv->pool, request->blocks[i], request->chain[i]);
    }
    request->n_indexed = to;
    if (kv->tier != NULL) {
        write_through(kv, request, from, to);
    }
}

WS_HOT void ws_kv_cache_release(ws_kv_cache *kv, ws_request *request)
{
    for (int32_t i = request->n_blocks - 1; i >= 0; i--) {
        ws_block_pool_free(&kv->pool, request->blocks[i]);
    }
    if (request->blocks != NULL) {
        kv->free_tables[kv->n_free_tables++] = request->blocks;
    }
    request->blocks    = NULL;
    request->n_blocks  = 0;
    request->n_indexed = WS_NO_RECORD;
}
