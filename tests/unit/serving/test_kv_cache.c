/* Invariant: over random lookups, grants, growth, completions and releases the KV cache and its second tier
 * agree, block by block, with docs/model/serving.md 5.4 to 5.7 written down naively over the pools of
 * pool_model.h. Reference counts are the tables that hold a block; nothing leaks; a refusal changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "pool_model.h"
#include "serving/kv_cache.h"

enum {
    N_TRIALS     = 60,
    N_OPERATIONS = 1500,
    N_REQUESTS   = 8,
    CHAIN_MAX    = 10,
    TABLE_MAX    = 32,
    N_TOPICS     = 3,
    N_PREFIXES   = (N_TOPICS + N_REQUESTS) * CHAIN_MAX,
    CHUNK_BYTES  = 1000
};

/* ---- the naive cache ---- */

typedef struct naive_request {
    int table[TABLE_MAX], n_table;
    int n_indexed; /* -1 = no record */
} naive_request;

typedef struct naive {
    pool_model    npu, tier;
    bool          is_caching, has_tier;
    int           block_size, per_chunk; /* tokens; blocks per chunk */
    int64_t       recall_bytes, write_through_bytes;
    naive_request requests[N_REQUESTS];
} naive;

typedef struct naive_hit {
    int n_blocks, npu_tokens, tier_tokens, tier_chunks;
} naive_hit;

static int blocks_of(int tokens, int block_size)
{
    return (tokens + block_size - 1) / block_size;
}

static naive_hit naive_lookup(const naive *m, const ws_request *r)
{
    naive_hit hit = {0};
    while (m->is_caching && hit.n_blocks < (r->reached - 1) / m->block_size && hit.n_blocks < r->n_chain &&
           m->npu.holder[r->chain[hit.n_blocks]] >= 0) {
        hit.n_blocks++;
    }
    hit.npu_tokens = hit.n_blocks * m->block_size;
    if (m->has_tier) {
        const int chunk = m->per_chunk * m->block_size, first = hit.npu_tokens / chunk;
        int       n = 0;
        while ((first + n + 1) * chunk <= r->reached && (first + n + 1) * m->per_chunk <= r->n_chain &&
               m->tier.holder[r->chain[(first + n + 1) * m->per_chunk - 1]] >= 0) {
            n++;
        }
        const int gained = (first + n) * chunk - hit.npu_tokens;
        if (n > 0 && gained >= chunk && r->reached / chunk * chunk - hit.npu_tokens >= chunk) {
            hit.tier_tokens = gained;
            hit.tier_chunks = n;
        }
    }
    return hit;
}

static int naive_need(const naive *m, const ws_request *r, int tokens, const naive_hit *hit)
{
    const naive_request *own   = &m->requests[r->id];
    int                  fresh = blocks_of(tokens, m->block_size) - own->n_table, revived = 0;
    if (own->n_indexed < 0 && hit != NULL) {
        fresh -= hit->n_blocks;
        for (int i = 0; i < hit->n_blocks; i++) {
            revived += m->npu.refs[m->npu.holder[r->chain[i]]] == 0;
        }
    }
    return (fresh > 0 ? fresh : 0) + revived;
}

static void naive_index(naive *m, const ws_request *r, int tokens)
{
    naive_request *own  = &m->requests[r->id];
    const int      from = own->n_indexed < 0 ? 0 : own->n_indexed, full = tokens / m->block_size;
    const int      to = full < r->n_chain ? full : r->n_chain;
    if (!m->is_caching || from >= to) {
        return;
    }
    for (int i = from; i < to; i++) {
        pool_model_index(&m->npu, own->table[i], (int)r->chain[i]);
    }
    own->n_indexed = to;
    for (int chunk = from / m->per_chunk; m->has_tier && chunk < to / m->per_chunk; chunk++) {
        const int key = (int)r->chain[(chunk + 1) * m->per_chunk - 1];
        if (m->tier.holder[key] < 0) {
            const int block = pool_model_take(&m->tier);
            pool_model_index(&m->tier, block, key);
            pool_model_free(&m->tier, block);
            m->write_through_bytes += CHUNK_BYTES;
        }
    }
}

static bool naive_extend(naive *m, const ws_request *r, int n_new, const naive_hit *hit)
{
    naive_request *own        = &m->requests[r->id];
    const int      hit_tokens = hit != NULL ? hit->npu_tokens + hit->tier_tokens : 0;
    const int      tokens     = r->computed + hit_tokens + n_new;
    if (naive_need(m, r, tokens, hit) > m->npu.n_free) {
        return false;
    }
    for (int i = 0; hit_tokens > 0 && i < hit->n_blocks; i++) {
        const int block = m->npu.holder[r->chain[i]];
        pool_model_touch(&m->npu, block);
        own->table[own->n_table++] = block;
    }
    if (hit_tokens > 0) {
        own->n_indexed = own->n_table;
        m->recall_bytes += (int64_t)hit->tier_chunks * CHUNK_BYTES;
    }
    while (own->n_table < blocks_of(tokens, m->block_size)) {
        own->table[own->n_table++] = pool_model_take(&m->npu);
    }
    naive_index(m, r, tokens < r->reached ? tokens : r->reached);
    return true;
}

static void naive_release(naive *m, const ws_request *r)
{
    naive_request *own = &m->requests[r->id];
    while (own->n_table > 0) {
        pool_model_free(&m->npu, own->table[--own->n_table]);
    }
    own->n_indexed = -1;
}

/* ---- both, side by side ---- */

typedef struct pair {
    ws_arena    arena;
    ws_rng      rng;
    uint32_t    chains[N_REQUESTS * CHAIN_MAX], chain_begin[N_REQUESTS + 1];
    ws_kv_cache kv;
    ws_kv_tier  tier;
    ws_request  requests[N_REQUESTS];
    naive       model;
    int n_granted, n_refused, n_npu_hits, n_tier_hits; /* so that the test knows it tested something */
} pair;

static int below(pair *p, int n)
{
    return (int)ws_rng_below(&p->rng, (uint32_t)n);
}

/* Requests of a topic share a prefix of random length; some have no token ids and thus no chain. */
static void make_chains(pair *p)
{
    uint32_t n = 0;
    for (int i = 0; i < N_REQUESTS; i++) {
        const int topic = below(p, N_TOPICS), len = below(p, CHAIN_MAX + 1), shared = below(p, CHAIN_MAX + 1);
        p->chain_begin[i] = n;
        for (int k = 0; k < len; k++) {
            p->chains[n++] = (uint32_t)((k < shared ? topic : N_TOPICS + i) * CHAIN_MAX + k);
        }
    }
    p->chain_begin[N_REQUESTS] = n;
}

static void make_request(pair *p, int i)
{
    const int n_chain = (int)(p->chain_begin[i + 1] - p->chain_begin[i]);
    const int tokens  = n_chain > 0 ? n_chain * p->model.block_size + below(p, p->model.block_size)
                                    : 1 + below(p, CHAIN_MAX * p->model.block_size);
    const int input   = 1 + below(p, tokens);
    p->requests[i]    = (ws_request){
           .id = (uint32_t)i, .input = input, .reached = input, .target = tokens + 1, .n_indexed = WS_NO_RECORD};
    p->model.requests[i] = (naive_request){.n_indexed = -1};
    ws_kv_cache_bind(&p->kv, &p->requests[i]);
}

static void pair_init(pair *p, uint64_t seed)
{
    static const int sizes[] = {1, 3, 4, 16};
    memset(p, 0, sizeof(*p));
    ws_rng_seed(&p->rng, seed);
    ws_arena_init(&p->arena, 0);
    naive *m           = &p->model;
    m->block_size      = sizes[below(p, 4)];
    m->is_caching      = below(p, 6) > 0;
    m->has_tier        = m->is_caching && below(p, 2) == 0;
    m->per_chunk       = 1 + below(p, 3);
    const int n_blocks = 12 + below(p, 20), n_chunks = 1 + below(p, 6),
              n_prefixes = m->is_caching ? N_PREFIXES : 0;
    pool_model_init(&m->npu, n_blocks, n_prefixes);
    pool_model_init(&m->tier, n_chunks, N_PREFIXES);
    make_chains(p);
    const ws_kv_tier_config tier = {.n_chunks     = n_chunks,
                                    .chunk_bytes  = CHUNK_BYTES,
                                    .chunk_tokens = m->per_chunk * m->block_size,
                                    .block_size   = m->block_size,
                                    .n_prefixes   = N_PREFIXES};
    assert_int_equal(ws_kv_tier_init(&p->tier, &p->arena, &tier), WS_OK);
    const ws_kv_cache_config config = {.n_blocks       = n_blocks,
                                       .block_size     = m->block_size,
                                       .is_caching     = m->is_caching,
                                       .prefixes       = {p->chain_begin, p->chains, N_PREFIXES},
                                       .tier           = m->has_tier ? &p->tier : NULL,
                                       .table_capacity = TABLE_MAX};
    assert_int_equal(ws_kv_cache_init(&p->kv, &p->arena, &config), WS_OK);
    for (int i = 0; i < N_REQUESTS; i++) {
        make_request(p, i);
    }
}

static void compare(const pair *p)
{
    int    n_refs[POOL_MODEL_BLOCKS_MAX] = {0};
    size_t n_tables                      = p->kv.n_free_tables;
    pool_model_compare(&p->model.npu, &p->kv.pool);
    pool_model_compare(&p->model.tier, &p->tier.pool);
    for (int i = 0; i < N_REQUESTS; i++) {
        const ws_request    *r   = &p->requests[i];
        const naive_request *own = &p->model.requests[i];
        assert_int_equal(r->n_blocks, own->n_table);
        assert_int_equal(r->n_indexed, own->n_indexed);
        assert_true(r->blocks != NULL || r->n_blocks == 0);
        n_tables += r->blocks != NULL;
        for (int k = 0; k < r->n_blocks; k++) {
            assert_int_equal(r->blocks[k], own->table[k]);
            n_refs[r->blocks[k]]++;
        }
    }
    for (int i = 0; i < p->kv.pool.n_fresh_used; i++) {
        assert_int_equal(p->kv.pool.blocks[i].n_refs, n_refs[i]);
    }
    assert_int_equal(p->kv.n_tables, n_tables); /* tables are used again, none is lost */
    assert_int_equal(p->kv.recall_bytes, p->model.recall_bytes);
    assert_int_equal(p->kv.write_through_bytes, p->model.write_through_bytes);
}

static void check_grant(pair *p, ws_request *r, int n_new, const ws_kv_hit *hit, const naive_hit *wanted)
{
    bool granted = false;
    assert_int_equal(ws_kv_cache_extend(&p->kv, r, n_new, hit, &granted), WS_OK);
    assert_int_equal(granted, naive_extend(&p->model, r, n_new, wanted));
    if (granted) {
        r->computed += n_new + (hit != NULL ? hit->npu_tokens + hit->tier_tokens : 0);
        p->n_granted++;
    } else {
        p->n_refused++;
    }
}

static void admit(pair *p, ws_request *r)
{
    const ws_kv_hit hit    = ws_kv_cache_lookup(&p->kv, r);
    const naive_hit wanted = naive_lookup(&p->model, r);
    assert_int_equal(hit.n_blocks, wanted.n_blocks);
    assert_int_equal(hit.npu_tokens, wanted.npu_tokens);
    assert_int_equal(hit.tier_tokens, wanted.tier_tokens);
    assert_int_equal(hit.tier_chunks, wanted.tier_chunks);
    assert_true(hit.npu_tokens < r->reached);
    assert_int_equal(ws_kv_cache_fits(&p->kv, r, r->reached, &hit),
                     naive_need(&p->model, r, r->reached, &wanted) <= p->model.npu.n_free);
    p->n_npu_hits += hit.npu_tokens > 0;
    p->n_tier_hits += hit.tier_tokens > 0;
    const int left = r->reached - hit.npu_tokens - hit.tier_tokens;
    if (left > 0) { /* a second tier may hold everything: nothing to compute */
        check_grant(p, r, 1 + below(p, left), &hit, &wanted);
    }
}

static void operate(pair *p)
{
    ws_request *r = &p->requests[below(p, N_REQUESTS)];
    if (r->blocks == NULL) {
        admit(p, r);
    } else if (below(p, 8) == 0) { /* preempted: it keeps what it has reached */
        ws_kv_cache_release(&p->kv, r);
        naive_release(&p->model, r);
        r->computed = 0;
    } else if (r->computed < r->reached) {
        check_grant(p, r, 1 + below(p, r->reached - r->computed), NULL, NULL);
    } else if (r->reached + 1 < r->target) { /* the end of its batch: one more token is known */
        ws_kv_cache_index(&p->kv, r, r->computed);
        naive_index(&p->model, r, r->computed);
        r->reached++;
    } else {
        ws_kv_cache_release(&p->kv, r);
        naive_release(&p->model, r);
        r->computed = 0;
        r->reached  = r->input;
    }
}

static void random_operations_agree_with_the_specification(void **state)
{
    (void)state;
    static pair p; /* large */
    int         n_granted = 0, n_refused = 0, n_npu_hits = 0, n_tier_hits = 0;
    for (uint64_t seed = 0; seed < N_TRIALS; seed++) {
        pair_init(&p, seed);
        for (int i = 0; i < N_OPERATIONS; i++) {
            operate(&p);
            compare(&p);
        }
        for (int i = 0; i < N_REQUESTS; i++) {
            ws_kv_cache_release(&p.kv, &p.requests[i]);
        }
        assert_int_equal(ws_block_pool_n_free(&p.kv.pool), p.model.npu.n_blocks);
        assert_int_equal(p.kv.n_free_tables, p.kv.n_tables);
        n_granted += p.n_granted;
        n_refused += p.n_refused;
        n_npu_hits += p.n_npu_hits;
        n_tier_hits += p.n_tier_hits;
        ws_arena_fini(&p.arena);
    }
    assert_true(n_granted > 1000 && n_refused > 1000 && n_npu_hits > 1000 && n_tier_hits > 100);
}

/* ---- by hand ---- */

/* Pool of 4 blocks of 4 tokens. A: 10 tokens take blocks 0 1 2, the first two are full. Released tail first,
 * the free list is 3 (never used) 2 1 0. B, the same prompt, hits 8 tokens and has to take 3; C, another
 * prompt of 8, gets 2 and then has no block left, as B holds 0 1 3. */
static void released_prefixes_are_hit_again(void **state)
{
    (void)state;
    static const uint32_t    begin[] = {0, 2, 4, 6}, chains[] = {0, 1, 0, 1, 2, 3};
    const ws_kv_cache_config config = {.n_blocks       = 4,
                                       .block_size     = 4,
                                       .is_caching     = true,
                                       .table_capacity = 4,
                                       .prefixes       = {begin, chains, 4}};
    ws_request               requests[3];
    ws_arena                 arena;
    ws_kv_cache              kv;
    bool                     granted = false;
    ws_arena_init(&arena, 0);
    assert_int_equal(ws_kv_cache_init(&kv, &arena, &config), WS_OK);
    for (uint32_t i = 0; i < 3; i++) {
        requests[i] = (ws_request){
            .id = i, .input = 10, .reached = i < 2 ? 10 : 8, .target = 11, .n_indexed = WS_NO_RECORD};
        ws_kv_cache_bind(&kv, &requests[i]);
    }
    assert_int_equal(ws_kv_cache_extend(&kv, &requests[0], 10, NULL, &granted), WS_OK);
    assert_true(granted && requests[0].n_blocks == 3 && requests[0].n_indexed == 2);
    ws_kv_cache_release(&kv, &requests[0]);
    assert_int_equal(ws_block_pool_n_free(&kv.pool), 4);
    assert_int_equal(ws_block_pool_n_used(&kv.pool), 2); /* cached, though free */

    const ws_kv_hit hit = ws_kv_cache_lookup(&kv, &requests[1]);
    assert_true(hit.n_blocks == 2 && hit.npu_tokens == 8 && hit.n_unreferenced == 2 && hit.tier_tokens == 0);
    assert_int_equal(ws_kv_cache_extend(&kv, &requests[1], 2, &hit, &granted), WS_OK);
    assert_true(granted && requests[1].n_blocks == 3);
    assert_int_equal(requests[1].blocks[0], 0);
    assert_int_equal(requests[1].blocks[1], 1);
    assert_int_equal(requests[1].blocks[2], 3);

    assert_int_equal(ws_kv_cache_lookup(&kv, &requests[2]).n_blocks, 0);
    assert_int_equal(ws_kv_cache_extend(&kv, &requests[2], 8, NULL, &granted), WS_OK);
    assert_false(granted); /* needs two, has one */
    assert_int_equal(requests[2].n_blocks, 0);
    assert_int_equal(ws_kv_cache_extend(&kv, &requests[2], 4, NULL, &granted), WS_OK);
    assert_true(granted && requests[2].blocks[0] == 2);
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_the_specification),
        cmocka_unit_test(released_prefixes_are_hit_again),
    };
    return cmocka_run_group_tests_name("serving.kv_cache", tests, NULL, NULL);
}
