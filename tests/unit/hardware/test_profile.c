/* Invariant: the packed tables with their indices, shared brackets and skipped corners give, to the last bit,
 * what the lookup rules give when followed word for word over a plain list of points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "hardware/profile_table.h"
#include "profile_oracle.h"

static int64_t pick(ws_rng *rng, const int64_t *values, size_t n)
{
    return values[ws_rng_below(rng, (uint32_t)n)];
}

static double random_ns(ws_rng *rng)
{
    return 1.0 + (double)ws_rng_below(rng, 5000000);
}

/* A sparse table with repeated keys: pairs are missing, and each slice and row has axes of its own. */
static void fill_attention(ws_rng *rng, ws__profile_draft *d, size_t n_points)
{
    static const int64_t chunks[] = {0, 16, 24, 122, 512, 2048}, counts[] = {0, 1, 2, 8, 64, 256};
    static const int64_t kvs[] = {0, 16, 512, 768, 1024, 4096, 70000};
    for (size_t i = 0; i < n_points; i++) {
        const int64_t p = pick(rng, chunks, 6), n = pick(rng, counts, 6);
        assert_int_equal(
            ws__draft_add_attention(d, p, pick(rng, kvs, 7), n, pick(rng, kvs, 7), random_ns(rng)), WS_OK);
    }
}

static void fill_layers_and_moe(ws_rng *rng, ws__profile_draft *d)
{
    for (int i = 0; i < 60; i++) {
        assert_int_equal(
            ws__draft_add_layer(d, WS_LAYER_QKV_PROJ, 1 + ws_rng_below(rng, 400), random_ns(rng)), WS_OK);
        assert_int_equal(
            ws__draft_add_layer(d, WS_LAYER_SAMPLER, 1 + ws_rng_below(rng, 100000), random_ns(rng)), WS_OK);
        assert_int_equal(
            ws__draft_add_moe(d, 1 + ws_rng_below(rng, 64), 1 << ws_rng_below(rng, 5), random_ns(rng)),
            WS_OK);
    }
    assert_int_equal(ws__draft_add_layer(d, WS_LAYER_LM_HEAD, 7, 70.0), WS_OK); /* an axis of one key */
}

static void fill_skew(ws_rng *rng, ws__profile_draft *d)
{
    static const int64_t pcs[] = {0, 16, 512, 2048};
    d->has_skew                = true;
    d->alpha_default           = 0.0543;
    memcpy(d->skew, ws__skew_builtin, sizeof(d->skew));
    for (int i = 0; i < 600; i++) {
        ws__alpha entry = {.prefill_tokens = pick(rng, pcs, 4),
                           .alpha          = ((double)ws_rng_below(rng, 300) - 60.0) / 100.0};
        for (int a = 0; a < WS__SKEW_AXES; a++) {
            entry.label[a] = ws_rng_below(rng, d->skew[a].n_labels);
        }
        assert_int_equal(ws__draft_add_alpha(d, &entry), WS_OK);
    }
}

static ws_attention_query random_query(ws_rng *rng)
{
    static const int64_t pcs[] = {0, 0, 16, 100, 512, 2047, 2048, 5000},
                         kvs[] = {0, 100, 512, 1000, 5000, 100000};
    ws_attention_query q       = {.prefill_tokens = pick(rng, pcs, 8),
                                  .prefill_kv     = pick(rng, kvs, 6),
                                  .n_decodes      = ws_rng_below(rng, 300)};
    q.kv_min                   = ws_rng_below(rng, 3000);
    q.kv_mean                  = q.kv_min + ws_rng_below(rng, 3000);
    q.kv_max                   = q.kv_mean + (int64_t)ws_rng_below(rng, 3) * ws_rng_below(rng, 20000);
    return q;
}

static void random_tables_agree_with_the_oracle(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 20240917);
    for (int round = 0; round < 12; round++) {
        ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
        fill_attention(&rng, &draft, round == 0 ? 1 : 20 * (size_t)round * (size_t)round);
        fill_layers_and_moe(&rng, &draft);
        if (round % 3 != 0) {
            fill_skew(&rng, &draft);
        }
        ws_profile *profile = NULL;
        assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
        for (int i = 0; i < 400; i++) {
            const ws_attention_query q = random_query(&rng);
            assert_int_equal(ws_profile_attention_ns(profile, &q), oracle_attention(&draft, &q));
            const int64_t count = 1 + ws_rng_below(&rng, 500), experts = 1 + ws_rng_below(&rng, 40);
            assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_QKV_PROJ, count),
                             oracle_layer(&draft.layers, WS_LAYER_QKV_PROJ, count));
            assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_SAMPLER, count * 211),
                             oracle_layer(&draft.layers, WS_LAYER_SAMPLER, count * 211));
            assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_LM_HEAD, count), 70);
            assert_int_equal(ws_profile_moe_ns(profile, count, experts),
                             oracle_moe(&draft.moe, count, experts));
        }
        ws_profile_destroy(&profile);
        assert_null(profile);
        ws__profile_draft_fini(&draft);
    }
}

/* A block moved elsewhere answers alike: nothing in it is a pointer. */
static void profile_is_one_relocatable_block(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 7);
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    fill_attention(&rng, &draft, 500);
    fill_layers_and_moe(&rng, &draft);
    fill_skew(&rng, &draft);
    ws_profile *profile = NULL;
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    ws_profile *moved = malloc(profile->block_bytes);
    assert_non_null(moved);
    memcpy(moved, profile, profile->block_bytes);
    memset(profile, 0xa5, sizeof(*profile));
    for (int i = 0; i < 200; i++) {
        const ws_attention_query q = random_query(&rng);
        assert_int_equal(ws_profile_attention_ns(moved, &q), oracle_attention(&draft, &q));
    }
    free(moved);
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

static void equal_keys_keep_the_first(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, 8, 300.0), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, 4, 100.0), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, 4, 999.0), WS_OK);
    ws_profile *profile = NULL;
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, 4), 100);
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, 1), 100); /* clamped below */
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, 5), 150);
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, 12), 500); /* extrapolated above */
    assert_int_equal(ws_profile_limits_of(profile).tokens, 8);
    assert_true(ws_profile_has(profile, WS_LAYER_O_PROJ));
    assert_false(ws_profile_has(profile, WS_LAYER_QKV_PROJ));
    assert_false(ws_profile_has(profile, WS_LAYER_ATTENTION));
    assert_false(ws_profile_has(profile, WS_LAYER_MOE));
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

/* A falling last segment extrapolates below 1 ns; a steep one past int64. Both ends hold. */
static void extrapolation_stays_in_range(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, 1, 1000.0), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, 2, 1.0), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_ACT_FN, 1, 1.0), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_ACT_FN, 2, 1e12), WS_OK);
    ws_profile *profile = NULL;
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, 1000), 1);
    assert_true(ws_profile_layer_ns(profile, WS_LAYER_ACT_FN, INT64_C(1) << 40) > INT64_C(1) << 60);
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

/* time_us * 1000 rounds halves to even, and nothing takes less than 1 ns. */
static void microseconds_become_whole_ns(void **state)
{
    (void)state;
    assert_true(ws__table_ns(2.67733) == 2677.0);
    assert_true(ws__table_ns(0.0005) == 1.0);
    assert_true(ws__table_ns(0.0) == 1.0);
    assert_true(ws__table_ns(0.0025) == 2.0);
    assert_true(ws__table_ns(0.0035) == 4.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_tables_agree_with_the_oracle),
        cmocka_unit_test(profile_is_one_relocatable_block),
        cmocka_unit_test(equal_keys_keep_the_first),
        cmocka_unit_test(extrapolation_stays_in_range),
        cmocka_unit_test(microseconds_become_whole_ns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
