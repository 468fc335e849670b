/* Invariants: expanding puts every grid's own values at its own keys, each kind of batch also at the other
 * kinds' keys, so that no pair is missing; values are whole ns, at least one; alphas are those of pure decode
 * batches; attention comes whole or not at all. By hand on small grids. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hardware/profile_compact.h"

static void set_grid(ws__grid *grid, size_t n_axes, const size_t *n_keys, const double *keys,
                     const double *values)
{
    grid->n_axes = n_axes;
    for (size_t a = 0; a < n_axes; a++) {
        grid->n_keys[a] = n_keys[a];
        memcpy(grid->keys[a], keys, n_keys[a] * sizeof(double));
        keys += n_keys[a];
    }
    const size_t n = ws__grid_n_values(grid);
    grid->values   = malloc(n * sizeof(double));
    assert_non_null(grid->values);
    memcpy(grid->values, values, n * sizeof(double));
}

#define GRID(grid, n_axes, n_keys, keys, ...)                                                                \
    set_grid(grid, n_axes, (const size_t[]){n_keys}, (const double[]){keys}, (const double[]){__VA_ARGS__})
#define LIST(...) __VA_ARGS__

/* tp 2 and tp 4; the decode grid is 100 ns a decode and 1 ns a token of KV. */
static ws__compact *small_compact(void)
{
    ws__compact *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    c->meta.max_num_seqs           = 11;
    c->meta.max_num_batched_tokens = 22;
    c->n_tps                       = 2;
    GRID(&c->stable[WS_LAYER_LAYERNORM], 1, LIST(2), LIST(1, 101), 50, 150);
    GRID(&c->moe, 2, LIST(2, 2), LIST(8, 16, 1, 11), 100, 200, 300, 400);
    for (int t = 0; t < 2; t++) {
        ws__compact_tp *tp = &c->tps[t];
        tp->degree         = 2 << t;
        GRID(&tp->layers[WS_LAYER_QKV_PROJ], 1, LIST(1), LIST(7), 1000.0 / (1 + t));
        GRID(&tp->decode, 2, LIST(2, 2), LIST(1, 9, 0, 1000), 100, 1100, 900, 1900);
        GRID(&tp->prefill, 2, LIST(2, 1), LIST(10, 30, 0), 40, 80);
        GRID(&tp->mixed, 4, LIST(2, 2, 1, 1), LIST(20, 30, 1, 5, 0, 64), 10, 20, 30, 40);
    }
    return c;
}

static void compact_free(ws__compact **c)
{
    ws__compact_fini(*c);
    free(*c);
    *c = NULL;
}

/* The value of a key, -1 if it is not there; repeated keys have to agree. */
static double value_at(const ws__points *points, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t key[4] = {a, b, c, d};
    double        found  = -1.0;
    for (size_t i = 0; i < points->n; i++) {
        if (memcmp(points->data[i].key, key, sizeof(key)) == 0) {
            assert_true(found == -1.0 || found == points->data[i].ns);
            found = points->data[i].ns;
        }
    }
    return found;
}

static void layers_and_experts_are_the_grids(void **state)
{
    (void)state;
    ws__compact *c = small_compact();
    for (int t = 0; t < 2; t++) {
        ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
        assert_int_equal(ws__compact_expand(c, 2 << t, &draft), WS_OK);
        assert_int_equal(draft.kind, WS_PROFILE_COMPACT);
        assert_true(draft.max_num_seqs == 11 && draft.max_num_batched_tokens == 22);
        assert_int_equal(draft.layers.n, 3);
        assert_true(value_at(&draft.layers, WS_LAYER_LAYERNORM, 1, 0, 0) == 50);
        assert_true(value_at(&draft.layers, WS_LAYER_LAYERNORM, 101, 0, 0) == 150);
        assert_true(value_at(&draft.layers, WS_LAYER_QKV_PROJ, 7, 0, 0) ==
                    (t == 0 ? 1000 : 500)); /* its own tp */
        assert_int_equal(draft.moe.n, 4);
        assert_true(value_at(&draft.moe, 8, 1, 0, 0) == 100 && value_at(&draft.moe, 8, 11, 0, 0) == 200);
        assert_true(value_at(&draft.moe, 16, 1, 0, 0) == 300 && value_at(&draft.moe, 16, 11, 0, 0) == 400);
        ws__profile_draft_fini(&draft);
    }
    compact_free(&c);
}

/* Chunks 10, 20, 30 and counts 1, 5, 9 are all keys there are; every kind has all of its pairs. Between keys:
 * 5 decodes are half way from 1 to 9, a chunk of 20 from 10 to 30; mixed batches of a chunk of 10 are those
 * of 20, the grid's first, and 9 decodes go on from 1 and 5: 10 + 2 * 10 = 30. */
static void every_pair_of_keys_is_there(void **state)
{
    (void)state;
    static const int64_t chunks[] = {10, 20, 30}, counts[] = {1, 5, 9};
    static const double  prefill[] = {40, 60, 80}, decode[] = {100, 500, 900};
    static const double  mixed[3][3] = {{10, 20, 30}, {10, 20, 30}, {30, 40, 50}};
    ws__compact         *c           = small_compact();
    ws__profile_draft    draft       = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(ws__compact_expand(c, 2, &draft), WS_OK);
    for (int i = 0; i < 3; i++) {
        const double kv[] = {value_at(&draft.attention, 0, counts[i], 0, 0),
                             value_at(&draft.attention, 0, counts[i], 0, 1000)};
        assert_true(kv[0] == decode[i] && kv[1] == decode[i] + 1000);
        assert_true(value_at(&draft.attention, chunks[i], 0, 0, 0) == prefill[i]);
        for (int k = 0; k < 3; k++) {
            const double ns = value_at(&draft.attention, chunks[i], counts[k], 0, 64);
            if (ns != mixed[i][k]) {
                fail_msg("chunk %d, %d decodes: expected %g, found %g", (int)chunks[i], (int)counts[k],
                         mixed[i][k], ns);
            }
        }
    }
    ws__points_sort(&draft.attention);
    assert_int_equal(draft.attention.n, 3 * 2 + 3 + 9); /* and nothing else */
    ws__profile_draft_fini(&draft);
    compact_free(&c);
}

/* A grid that falls below zero where it is extended, and one of fractions. */
static void values_are_whole_and_positive(void **state)
{
    (void)state;
    ws__compact      *c     = small_compact();
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    ws__grid         *mixed = &c->tps[0].mixed;
    mixed->values[0] = 40, mixed->values[1] = 1; /* falls by 39 over 4 decodes: -38 at 9 */
    c->tps[0].decode.values[0]                    = 100.5;
    c->tps[0].decode.values[1]                    = 101.5;
    c->tps[0].layers[WS_LAYER_QKV_PROJ].values[0] = 0.2;
    assert_int_equal(ws__compact_expand(c, 2, &draft), WS_OK);
    const ws__points *all[] = {&draft.layers, &draft.attention, &draft.moe};
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < all[k]->n; i++) {
            assert_true(all[k]->data[i].ns >= 1.0 && all[k]->data[i].ns == rint(all[k]->data[i].ns));
        }
    }
    assert_true(value_at(&draft.attention, 20, 9, 0, 64) == 1);
    assert_true(value_at(&draft.attention, 0, 1, 0, 0) == 100 &&
                value_at(&draft.attention, 0, 1, 0, 1000) == 102);
    ws__profile_draft_fini(&draft);
    compact_free(&c);
}

static void attention_is_whole_or_absent(void **state)
{
    (void)state;
    for (int missing = 0; missing < 3; missing++) {
        ws__compact      *c       = small_compact();
        ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
        ws__grid *const   grids[] = {&c->tps[0].decode, &c->tps[0].prefill, &c->tps[0].mixed};
        ws__grid_fini(grids[missing]);
        assert_int_equal(ws__compact_expand(c, 2, &draft), WS_OK);
        assert_int_equal(draft.attention.n, 0);
        assert_int_equal(draft.layers.n, 3);
        ws__profile_draft_fini(&draft);
        compact_free(&c);
    }
}

static void alphas_are_of_pure_decode_batches(void **state)
{
    (void)state;
    ws__compact      *c     = small_compact();
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    c->tps[0].skew          = (ws__compact_skew){.on            = true,
                                                 .alpha_default = 0.5,
                                                 .n_decodes     = {2, {4, 100}},
                                                 .rate          = {3, {0.1, 0.5, 1.0}},
                                                 .alpha         = {{NAN, 0.25, NAN}, {-1.0, NAN, 0.0}}};
    assert_int_equal(ws__compact_expand(c, 2, &draft), WS_OK);
    assert_true(draft.has_skew && draft.alpha_default == 0.5);
    assert_int_equal(draft.n_alphas, 3); /* 0 is an alpha, NaN is none */
    static const struct {
        uint32_t n, rate;
        double   alpha;
    } rows[] = {{0, 1, 0.25}, {1, 0, -1.0}, {1, 2, 0.0}};
    for (size_t i = 0; i < 3; i++) {
        const ws__alpha *a = &draft.alphas[i];
        assert_true(a->prefill_tokens == 0 && a->label[WS__SKEW_N] == rows[i].n &&
                    a->label[WS__SKEW_RATE] == rows[i].rate);
        assert_true(a->label[WS__SKEW_KV_BIG] == 0 && a->label[WS__SKEW_KP] == 0 &&
                    a->alpha == rows[i].alpha);
    }
    assert_true(draft.skew[WS__SKEW_KV_BIG].n_labels == 1 && draft.skew[WS__SKEW_KP].n_labels == 1);
    ws__profile_draft_fini(&draft);
    assert_int_equal(ws__compact_expand(c, 4, &draft), WS_OK); /* the other degree has none */
    assert_true(!draft.has_skew && draft.n_alphas == 0);
    ws__profile_draft_fini(&draft);
    compact_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_and_experts_are_the_grids),  cmocka_unit_test(every_pair_of_keys_is_there),
        cmocka_unit_test(values_are_whole_and_positive),     cmocka_unit_test(attention_is_whole_or_absent),
        cmocka_unit_test(alphas_are_of_pure_decode_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
