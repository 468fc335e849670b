/* Invariants: the block depends on the points and not on the order they were added in; it is one piece of
 * memory that answers the same wherever it lies; a pair of batch sizes nobody measured answers as the nearest
 * that was; limits are the ends of the tables. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "hardware/profile.h"
#include "hardware/profile_table.h"

static ws_profile *build(ws__profile_draft *draft)
{
    ws_profile *profile = NULL;
    assert_int_equal(ws__profile_build(draft, &profile), WS_OK);
    return profile;
}

enum { N_POINTS = 400 };

/* One point of one of the three kinds, each key once. */
typedef struct point {
    int     kind;
    int64_t key[4];
    double  ns;
} point;

static void add(ws__profile_draft *draft, const point *p)
{
    ws_status status;
    if (p->kind == 0) {
        status = ws__draft_add_layer(draft, (ws_layer)p->key[0], p->key[1], p->ns);
    } else if (p->kind == 1) {
        status = ws__draft_add_attention(draft, p->key[0], p->key[1], p->key[2], p->key[3], p->ns);
    } else {
        status = ws__draft_add_moe(draft, p->key[0], p->key[1], p->ns);
    }
    assert_int_equal(status, WS_OK);
}

/* Points of different keys: 12 dense counts of two layers, a full attention grid, an expert grid. */
static size_t all_points(ws_rng *rng, point *out)
{
    size_t n = 0;
    for (int64_t i = 1; i <= 12; i++) {
        out[n++] = (point){0, {WS_LAYER_QKV_PROJ, i * i}, 1 + floor(1e5 * ws_rng_uniform(rng))};
        out[n++] = (point){0, {WS_LAYER_SAMPLER, i}, 1 + floor(1e5 * ws_rng_uniform(rng))};
    }
    for (int64_t i = 0; i < 81; i++) {
        out[n++] = (point){
            1, {i % 3 * 16, i / 3 % 3 * 100, i / 9 % 3, i / 27 * 64}, 1 + floor(1e5 * ws_rng_uniform(rng))};
    }
    for (int64_t i = 0; i < 16; i++) {
        out[n++] = (point){2, {1 + i % 4 * 8, 1 + i / 4}, 1 + floor(1e5 * ws_rng_uniform(rng))};
    }
    assert_true(n <= N_POINTS);
    return n;
}

static void shuffle(ws_rng *rng, point *points, size_t n)
{
    for (size_t i = n - 1; i > 0; i--) {
        const size_t k    = ws_rng_below(rng, (uint32_t)i + 1);
        const point  swap = points[i];
        points[i]         = points[k];
        points[k]         = swap;
    }
}

static ws_profile *profile_of(const point *points, size_t n)
{
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    for (size_t i = 0; i < n; i++) {
        add(&draft, &points[i]);
    }
    ws_profile *profile = build(&draft);
    ws__profile_draft_fini(&draft);
    return profile;
}

static void the_order_of_adding_makes_no_difference(void **state)
{
    (void)state;
    ws_rng rng;
    point  points[N_POINTS];
    ws_rng_seed(&rng, 1);
    const size_t   n        = all_points(&rng, points);
    ws_profile    *expected = profile_of(points, n);
    const ws_bytes in_order = ws_profile_bytes(expected);
    for (int round = 0; round < 20; round++) {
        shuffle(&rng, points, n);
        ws_profile    *shuffled = profile_of(points, n);
        const ws_bytes bytes    = ws_profile_bytes(shuffled);
        assert_int_equal(bytes.len, in_order.len);
        assert_memory_equal(bytes.data, in_order.data, bytes.len);
        ws_profile_destroy(&shuffled);
    }
    ws_profile_destroy(&expected);
}

/* What a profile answers, over queries inside and outside its tables. */
static void answers(const ws_profile *profile, int64_t *out, size_t n)
{
    ws_rng rng;
    ws_rng_seed(&rng, 2);
    for (size_t i = 0; i < n; i += 4) {
        const ws_attention_query q = {.prefill_tokens = ws_rng_below(&rng, 64),
                                      .prefill_kv     = ws_rng_below(&rng, 400),
                                      .n_decodes      = ws_rng_below(&rng, 5),
                                      .kv_mean        = ws_rng_below(&rng, 200)};
        out[i]     = ws_profile_layer_ns(profile, WS_LAYER_QKV_PROJ, 1 + ws_rng_below(&rng, 300));
        out[i + 1] = ws_profile_layer_ns(profile, WS_LAYER_SAMPLER, 1 + ws_rng_below(&rng, 30));
        out[i + 2] = ws_profile_moe_ns(profile, 1 + ws_rng_below(&rng, 60), 1 + ws_rng_below(&rng, 8));
        out[i + 3] = ws_profile_attention_ns(profile, &q);
    }
}

static void a_copy_of_the_block_is_the_profile(void **state)
{
    (void)state;
    enum { N = 400 };
    ws_rng  rng;
    point   points[N_POINTS];
    int64_t expected[N], found[N];
    ws_rng_seed(&rng, 3);
    ws_profile    *profile = profile_of(points, all_points(&rng, points));
    const ws_bytes bytes   = ws_profile_bytes(profile);
    answers(profile, expected, N);
    char *copy = malloc(bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    ws_profile_destroy(&profile); /* nothing may point into it */
    const ws_profile *there = ws_profile_at((ws_bytes){copy, bytes.len});
    assert_non_null(there);
    answers(there, found, N);
    assert_memory_equal(found, expected, sizeof(found));
    for (size_t cut = 1; cut < 200; cut += 7) {
        assert_null(ws_profile_at((ws_bytes){copy, bytes.len - cut}));
    }
    free(copy);
}

/* Measured: chunk 0 with 1 and 8 decodes, chunk 16 with 8, chunk 64 with none. Nobody measured (16, 1): 16
 * away from (0, 1) and 7 from (16, 8). (64, 8) is 8 from (64, 0); (0, 0) is 1 from (0, 1). */
static void holes_take_the_nearest_pair(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(ws__draft_add_attention(&draft, 0, 0, 1, 10, 100), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 0, 0, 8, 10, 200), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 16, 0, 8, 10, 300), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 64, 0, 0, 0, 400), WS_OK);
    ws_profile *profile = build(&draft);
    static const struct {
        int64_t chunk, n_decodes, ns;
    } rows[] = {{0, 1, 100},  {0, 8, 200},  {16, 8, 300}, {64, 0, 400}, {16, 1, 300},
                {64, 8, 400}, {64, 1, 400}, {0, 0, 100},  {16, 0, 300}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ws_attention_query q = {
            .prefill_tokens = rows[i].chunk, .n_decodes = rows[i].n_decodes, .kv_mean = 10, .kv_max = 10};
        if (ws_profile_attention_ns(profile, &q) != rows[i].ns) {
            fail_msg("chunk %d, %d decodes: expected %d, found %d", (int)rows[i].chunk,
                     (int)rows[i].n_decodes, (int)rows[i].ns, (int)ws_profile_attention_ns(profile, &q));
        }
    }
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

/* (0, 2) is as far from (0, 0) as from (0, 4), and (2, 2) from all four corners: the smaller chunk, then the
 * fewer decodes. */
static void of_equally_near_pairs_the_smaller(void **state)
{
    (void)state;
    ws__profile_draft    draft        = WS__PROFILE_DRAFT_INIT;
    static const int64_t corners[][3] = {{4, 4, 444}, {4, 0, 440}, {0, 4, 404}, {0, 0, 400}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            ws__draft_add_attention(&draft, corners[i][0], 0, corners[i][1], 0, (double)corners[i][2]),
            WS_OK);
    }
    assert_int_equal(ws__draft_add_attention(&draft, 2, 0, 100, 0, 900), WS_OK); /* makes 2 a chunk */
    assert_int_equal(ws__draft_add_attention(&draft, 100, 0, 2, 0, 900), WS_OK); /* and 2 a count */
    ws_profile          *profile   = build(&draft);
    static const int64_t rows[][3] = {{0, 2, 400}, {2, 0, 400}, {2, 2, 400}, {4, 2, 440}, {2, 4, 404}};
    for (int i = 0; i < 5; i++) {
        const ws_attention_query q = {.prefill_tokens = rows[i][0], .n_decodes = rows[i][1]};
        assert_int_equal(ws_profile_attention_ns(profile, &q), rows[i][2]);
    }
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

static void limits_are_the_ends_of_the_tables(void **state)
{
    (void)state;
    ws__profile_draft draft      = WS__PROFILE_DRAFT_INIT;
    draft.kind                   = WS_PROFILE_ROOFLINE;
    draft.max_num_seqs           = 7;
    draft.max_num_batched_tokens = 9;
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_QKV_PROJ, 2048, 1), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_QKV_PROJ, 1, 1), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, 1024, 1),
                     WS_OK); /* the shortest of a kind */
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_SAMPLER, 64, 1), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_LM_HEAD, 128, 1), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 256, 512, 0, 0, 1), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 0, 0, 16, 4096, 1), WS_OK);
    assert_int_equal(ws__draft_add_moe(&draft, 77, 8, 1), WS_OK);
    ws_profile             *profile = build(&draft);
    const ws_profile_limits limits  = ws_profile_limits_of(profile);
    assert_true(limits.tokens == 1024 && limits.sequences == 64);
    assert_true(limits.prefill_tokens == 256 && limits.prefill_kv == 512);
    assert_true(limits.n_decodes == 16 && limits.decode_kv == 4096 && limits.moe_tokens == 77);
    assert_int_equal(ws_profile_kind_of(profile), WS_PROFILE_ROOFLINE);
    assert_true(ws_profile_max_num_seqs(profile) == 7 && ws_profile_max_num_batched_tokens(profile) == 9);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        const bool is_there = layer == WS_LAYER_QKV_PROJ || layer == WS_LAYER_O_PROJ ||
                              layer == WS_LAYER_SAMPLER || layer == WS_LAYER_LM_HEAD ||
                              layer == WS_LAYER_ATTENTION || layer == WS_LAYER_MOE;
        assert_int_equal(ws_profile_has(profile, (ws_layer)layer), is_there);
    }
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

static void nothing_is_a_profile_of_nothing(void **state)
{
    (void)state;
    ws__profile_draft       draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile             *profile = build(&draft);
    const ws_profile_limits limits  = ws_profile_limits_of(profile);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        assert_false(ws_profile_has(profile, (ws_layer)layer));
    }
    assert_true(limits.tokens == 0 && limits.sequences == 0 && limits.n_decodes == 0 &&
                limits.moe_tokens == 0);
    ws_profile_destroy(&profile);
    assert_null(profile);
    ws__profile_draft_fini(&draft);
}

/* Keys too large or too many for the byte index are searched, and found all the same: 300 counts, and one at
 * 2^31. */
static void keys_beyond_the_index_are_found(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    for (int64_t i = 1; i <= 300; i++) {
        assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_QKV_PROJ, 2 * i, (double)(100 * i)), WS_OK);
    }
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, 1, 1000), WS_OK);
    assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_O_PROJ, INT64_C(1) << 31, 5000), WS_OK);
    ws_profile *profile = build(&draft);
    for (int64_t count = 2; count <= 600; count++) { /* 50 ns a token, between the keys too */
        assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_QKV_PROJ, count), 50 * count);
    }
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, 1), 1000);
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, INT64_C(1) << 31), 5000);
    assert_int_equal(ws_profile_layer_ns(profile, WS_LAYER_O_PROJ, INT64_C(1) << 30),
                     2999); /* just below half way */
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

/* Of two alphas of one bucket the first added counts, whatever came between. */
static void the_first_alpha_of_a_bucket_counts(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    draft.has_skew          = true;
    draft.alpha_default     = 0.0;
    memcpy(draft.skew, ws__skew_builtin, sizeof(draft.skew));
    assert_int_equal(ws__draft_add_attention(&draft, 0, 0, 2, 0, 1000), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 0, 0, 2, 1000, 2000), WS_OK);
    static const double alphas[] = {0.5, 0.25, 1.0};
    for (int i = 0; i < 3; i++) { /* 2 decodes, rate up to 0.70, KV up to 1024, no history */
        const ws__alpha entry = {.label = {i == 1 ? 1 : 0, 3, 0, 0}, .alpha = alphas[i]};
        assert_int_equal(ws__draft_add_alpha(&draft, &entry), WS_OK);
    }
    ws_profile *profile = build(&draft);
    /* mean 600 between 200 and 800: rate 2/3; from 1600 half the way to 1800 */
    const ws_attention_query q = {.n_decodes = 2, .kv_mean = 600, .kv_max = 800, .kv_min = 200};
    assert_int_equal(ws_profile_attention_ns(profile, &q), 1700);
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_adding_makes_no_difference),
        cmocka_unit_test(a_copy_of_the_block_is_the_profile),
        cmocka_unit_test(holes_take_the_nearest_pair),
        cmocka_unit_test(of_equally_near_pairs_the_smaller),
        cmocka_unit_test(limits_are_the_ends_of_the_tables),
        cmocka_unit_test(nothing_is_a_profile_of_nothing),
        cmocka_unit_test(keys_beyond_the_index_are_found),
        cmocka_unit_test(the_first_alpha_of_a_bucket_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
