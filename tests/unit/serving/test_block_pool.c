/* Invariant: over random operations the pool agrees with a naive model: an array of free blocks in order, a count and a
 * prefix per block, and a linear search for the index (spec/serving.md 5.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "serving/block_pool.h"

enum { N_BLOCKS = 9, N_PREFIXES = 12, N_OPERATIONS = 20000 };

typedef struct model {
    int     free[N_BLOCKS], n_free; /* head first */
    int     refs[N_BLOCKS], prefix[N_BLOCKS];
    int     holder[N_PREFIXES]; /* block, -1 = none */
} model;

static void model_init(model *m)
{
    m->n_free = N_BLOCKS;
    for (int i = 0; i < N_BLOCKS; i++) {
        m->free[i]   = i;
        m->refs[i]   = 0;
        m->prefix[i] = -1;
    }
    for (int i = 0; i < N_PREFIXES; i++) {
        m->holder[i] = -1;
    }
}

static void model_unlink(model *m, int block)
{
    int kept = 0;
    for (int i = 0; i < m->n_free; i++) {
        if (m->free[i] != block) {
            m->free[kept++] = m->free[i];
        }
    }
    m->n_free = kept;
}

static int model_take(model *m)
{
    const int block = m->free[0];
    model_unlink(m, block);
    if (m->prefix[block] >= 0 && m->holder[m->prefix[block]] == block) {
        m->holder[m->prefix[block]] = -1;
    }
    m->prefix[block] = -1;
    m->refs[block]   = 1;
    return block;
}

static void model_index(model *m, int block, int prefix)
{
    if (m->prefix[block] < 0) {
        m->prefix[block]  = prefix;
        m->holder[prefix] = block;
    }
}

static int model_n_used(const model *m)
{
    int n = N_BLOCKS - m->n_free;
    for (int i = 0; i < N_PREFIXES; i++) {
        n += m->holder[i] >= 0 && m->refs[m->holder[i]] == 0;
    }
    return n;
}

static void compare(const model *m, const ws_block_pool *pool)
{
    assert_int_equal(ws_block_pool_n_free(pool), m->n_free);
    assert_int_equal(ws_block_pool_n_used(pool), model_n_used(m));
    for (uint32_t i = 0; i < N_PREFIXES; i++) {
        assert_int_equal(ws_block_pool_find(pool, i), m->holder[i]);
    }
}

/* touch and free only blocks that were taken once: nobody else knows their numbers */
static void operate(model *m, ws_block_pool *pool, ws_rng *rng, bool *was_taken)
{
    const int block = (int)ws_rng_below(rng, N_BLOCKS), prefix = (int)ws_rng_below(rng, N_PREFIXES);
    switch (ws_rng_below(rng, 4)) {
    case 0:
        if (m->n_free > 0) {
            const int taken = model_take(m);
            assert_int_equal(ws_block_pool_take(pool), taken);
            was_taken[taken] = true;
        }
        break;
    case 1:
        if (was_taken[block]) {
            if (m->refs[block]++ == 0) {
                model_unlink(m, block);
            }
            ws_block_pool_touch(pool, block);
        }
        break;
    case 2:
        if (m->refs[block] > 0) {
            if (--m->refs[block] == 0) {
                m->free[m->n_free++] = block;
            }
            ws_block_pool_free(pool, block);
        }
        break;
    default:
        if (was_taken[block]) {
            model_index(m, block, prefix);
            ws_block_pool_index(pool, block, (uint32_t)prefix);
        }
        break;
    }
}

static void random_operations_agree_with_a_list(void **state)
{
    (void)state;
    ws_arena      arena;
    ws_block_pool pool;
    ws_rng        rng;
    model         m;
    bool          was_taken[N_BLOCKS] = {false};
    ws_arena_init(&arena, 0);
    ws_rng_seed(&rng, 7);
    assert_int_equal(ws_block_pool_init(&pool, &arena, N_BLOCKS, N_PREFIXES), WS_OK);
    model_init(&m);
    for (int i = 0; i < N_OPERATIONS; i++) {
        operate(&m, &pool, &rng, was_taken);
        compare(&m, &pool);
    }
    ws_arena_fini(&arena);
}

static void without_caching_nothing_is_found(void **state)
{
    (void)state;
    ws_arena      arena;
    ws_block_pool pool;
    ws_arena_init(&arena, 0);
    assert_int_equal(ws_block_pool_init(&pool, &arena, 2, 0), WS_OK);
    assert_int_equal(ws_block_pool_find(&pool, 5), WS_NO_BLOCK);
    assert_int_equal(ws_block_pool_take(&pool), 0);
    assert_int_equal(ws_block_pool_take(&pool), 1);
    ws_block_pool_free(&pool, 1);
    ws_block_pool_free(&pool, 0);
    assert_int_equal(ws_block_pool_n_used(&pool), 0);
    assert_int_equal(ws_block_pool_take(&pool), 1); /* least recently freed */
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_list),
        cmocka_unit_test(without_caching_nothing_is_found),
    };
    return cmocka_run_group_tests_name("serving.block_pool", tests, NULL, NULL);
}
