/* pool_model.h -- a block pool as the specification words it, slow and obvious: the free blocks as an array
 * in order, a count and a prefix per block, a holder per prefix (docs/model/serving.md 5.3). What the fast
 * pool is compared with. */
#ifndef WS_TEST_POOL_MODEL_H
#define WS_TEST_POOL_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serving/block_pool.h"

enum { POOL_MODEL_BLOCKS_MAX = 40, POOL_MODEL_PREFIXES_MAX = 128 };

typedef struct pool_model {
    int n_blocks, n_prefixes;                                       /* n_prefixes = 0: no caching */
    int free[POOL_MODEL_BLOCKS_MAX], n_free;                        /* head first */
    int refs[POOL_MODEL_BLOCKS_MAX], prefix[POOL_MODEL_BLOCKS_MAX]; /* -1 = none */
    int holder[POOL_MODEL_PREFIXES_MAX];                            /* block, -1 = none */
} pool_model;

static inline void pool_model_init(pool_model *m, int n_blocks, int n_prefixes)
{
    assert_true(n_blocks <= POOL_MODEL_BLOCKS_MAX && n_prefixes <= POOL_MODEL_PREFIXES_MAX);
    m->n_blocks = m->n_free = n_blocks;
    m->n_prefixes           = n_prefixes;
    for (int i = 0; i < n_blocks; i++) {
        m->free[i]   = i;
        m->refs[i]   = 0;
        m->prefix[i] = -1;
    }
    for (int i = 0; i < n_prefixes; i++) {
        m->holder[i] = -1;
    }
}

static inline void pool_model_unlink(pool_model *m, int block)
{
    int kept = 0;
    for (int i = 0; i < m->n_free; i++) {
        if (m->free[i] != block) {
            m->free[kept++] = m->free[i];
        }
    }
    m->n_free = kept;
}

static inline int pool_model_take(pool_model *m)
{
    const int block = m->free[0];
    pool_model_unlink(m, block);
    if (m->prefix[block] >= 0 && m->holder[m->prefix[block]] == block) {
        m->holder[m->prefix[block]] = -1;
    }
    m->prefix[block] = -1;
    m->refs[block]   = 1;
    return block;
}

static inline void pool_model_touch(pool_model *m, int block)
{
    if (m->refs[block]++ == 0) {
        pool_model_unlink(m, block);
    }
}

static inline void pool_model_free(pool_model *m, int block)
{
    if (--m->refs[block] == 0) {
        m->free[m->n_free++] = block;
    }
}

static inline void pool_model_index(pool_model *m, int block, int prefix)
{
    if (m->prefix[block] < 0) {
        m->prefix[block]  = prefix;
        m->holder[prefix] = block;
    }
}

/* In use, or free and still found under a prefix. */
static inline int pool_model_n_used(const pool_model *m)
{
    int n = m->n_blocks - m->n_free;
    for (int i = 0; i < m->n_prefixes; i++) {
        n += m->holder[i] >= 0 && m->refs[m->holder[i]] == 0;
    }
    return n;
}

static inline void pool_model_compare(const pool_model *m, const ws_block_pool *pool)
{
    assert_int_equal(ws_block_pool_n_free(pool), m->n_free);
    assert_int_equal(ws_block_pool_n_used(pool), pool_model_n_used(m));
    for (int i = 0; i < m->n_prefixes; i++) {
        assert_int_equal(ws_block_pool_find(pool, (uint32_t)i), m->holder[i]);
    }
    for (int i = 0; i < m->n_blocks; i++) { /* blocks never taken have no entry */
        assert_int_equal(i < pool->n_fresh_used ? pool->blocks[i].n_refs : 0, m->refs[i]);
    }
}

#endif /* WS_TEST_POOL_MODEL_H */
