/* Invariant: over random operations the pool agrees with the naive one of pool_model.h
 * (docs/model/serving.md 5.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "pool_model.h"

enum { N_BLOCKS = 9, N_PREFIXES = 12, N_OPERATIONS = 20000 };

/* touch and free only blocks that were taken once: nobody else knows their numbers */
static void operate(pool_model *m, ws_block_pool *pool, ws_rng *rng, bool *was_taken)
{
    const int block = (int)ws_rng_below(rng, N_BLOCKS), prefix = (int)ws_rng_below(rng, N_PREFIXES);
    switch (ws_rng_below(rng, 4)) {
    case 0:
        if (m->n_free > 0) {
            const int taken = pool_model_take(m);
            assert_int_equal(ws_block_pool_take(pool), taken);
            was_taken[taken] = true;
        }
        break;
    case 1:
        if (was_taken[block]) {
            pool_model_touch(m, block);
            ws_block_pool_touch(pool, block);
        }
        break;
    case 2:
        if (m->refs[block] > 0) {
            pool_model_free(m, block);
            ws_block_pool_free(pool, block);
        }
        break;
    default:
        if (was_taken[block]) {
            pool_model_index(m, block, prefix);
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
    pool_model    m;
    bool          was_taken[N_BLOCKS] = {false};
    ws_arena_init(&arena, 0);
    ws_rng_seed(&rng, 7);
    assert_int_equal(ws_block_pool_init(&pool, &arena, N_BLOCKS, N_PREFIXES), WS_OK);
    pool_model_init(&m, N_BLOCKS, N_PREFIXES);
    for (int i = 0; i < N_OPERATIONS; i++) {
        operate(&m, &pool, &rng, was_taken);
        pool_model_compare(&m, &pool);
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
