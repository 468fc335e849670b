/* Invariant: whatever a compact profile holds, what is written reads back as it is, number for number, and is
 * written the same again; what it does not hold is not written. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/rng.h"
#include "hardware/profile_compact.h"
#include "profiling/compact_write.h"
#include "profiling/profile_check.h"

/* Ascending whole keys and values of every size, whole or not. */
static void draw_grid(ws_rng *rng, size_t n_axes, size_t n_keys_max, ws__grid *out)
{
    out->n_axes = n_axes;
    for (size_t a = 0; a < n_axes; a++) {
        double key     = ws_rng_below(rng, 3);
        out->n_keys[a] = 1 + ws_rng_below(rng, (uint32_t)n_keys_max);
        for (size_t k = 0; k < out->n_keys[a]; k++) {
            out->keys[a][k] = key;
            key += 1 + ws_rng_below(rng, 1000);
        }
    }
    const size_t n = ws__grid_n_values(out);
    out->values    = malloc(n * sizeof(double));
    assert_non_null(out->values);
    for (size_t i = 0; i < n; i++) {
        const double value = exp(27.0 * ws_rng_uniform(rng)); /* 1 ns to 500 s */
        out->values[i]     = ws_rng_below(rng, 2) == 0 ? rint(value) : value;
    }
}

static void draw_skew(ws_rng *rng, ws__compact_skew *out)
{
    *out = (ws__compact_skew){.on = ws_rng_below(rng, 2) == 0};
    if (!out->on) {
        return;
    }
    out->alpha_default      = 2.0 * ws_rng_uniform(rng) - 1.0;
    out->n_decodes.n_labels = 1 + ws_rng_below(rng, WS__SKEW_LABELS_MAX);
    out->rate.n_labels      = 1 + ws_rng_below(rng, WS__SKEW_LABELS_MAX);
    for (uint32_t i = 0; i < WS__SKEW_LABELS_MAX; i++) {
        out->n_decodes.upper[i] = i < out->n_decodes.n_labels ? i + ws_rng_uniform(rng) : 0.0;
        out->rate.upper[i]      = i < out->rate.n_labels ? i / 7.0 : 0.0;
    }
    for (uint32_t n = 0; n < out->n_decodes.n_labels; n++) {
        for (uint32_t r = 0; r < out->rate.n_labels; r++) {
            out->alpha[n][r] = ws_rng_below(rng, 3) == 0 ? NAN : 20.0 * ws_rng_uniform(rng) - 10.0;
        }
    }
}

static ws__compact *draw(ws_rng *rng)
{
    ws__compact *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    c->meta.max_num_seqs           = ws_rng_below(rng, 1000);
    c->meta.max_num_batched_tokens = ws_rng_below(rng, 100000);
    c->n_tps                       = 1 + ws_rng_below(rng, 4);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        const bool is_grid = layer != WS_LAYER_ATTENTION && layer != WS_LAYER_MOE;
        for (size_t t = 0; is_grid && t <= c->n_tps; t++) { /* 0: those that all degrees share */
            if (ws_rng_below(rng, 2) == 0 && ws_layer_is_tp_stable((ws_layer)layer) == (t == 0)) {
                draw_grid(rng, 1, 24, t == 0 ? &c->stable[layer] : &c->tps[t - 1].layers[layer]);
            }
        }
    }
    if (ws_rng_below(rng, 2) == 0) {
        draw_grid(rng, 2, 6, &c->moe);
    }
    for (size_t t = 0; t < c->n_tps; t++) {
        c->tps[t].degree = 1 << t;
        draw_skew(rng, &c->tps[t].skew);
        if (ws_rng_below(rng, 3) > 0) {
            draw_grid(rng, 2, 8, &c->tps[t].decode);
            draw_grid(rng, 2, 8, &c->tps[t].prefill);
            draw_grid(rng, 4, 4, &c->tps[t].mixed);
        }
    }
    return c;
}

static void compact_free(ws__compact **c)
{
    ws__compact_fini(*c);
    free(*c);
    *c = NULL;
}

static void expect_same_grid(const ws__grid *found, const ws__grid *expected)
{
    assert_int_equal(found->values == NULL, expected->values == NULL);
    if (expected->values == NULL) {
        return;
    }
    assert_int_equal(found->n_axes, expected->n_axes);
    for (size_t a = 0; a < expected->n_axes; a++) {
        assert_int_equal(found->n_keys[a], expected->n_keys[a]);
        assert_memory_equal(found->keys[a], expected->keys[a], expected->n_keys[a] * sizeof(double));
    }
    assert_memory_equal(found->values, expected->values, ws__grid_n_values(expected) * sizeof(double));
}

static void expect_same_skew(const ws__compact_skew *found, const ws__compact_skew *expected)
{
    assert_int_equal(found->on, expected->on);
    if (!expected->on) {
        return;
    }
    assert_true(found->alpha_default == expected->alpha_default);
    assert_memory_equal(&found->n_decodes, &expected->n_decodes, sizeof(found->n_decodes));
    assert_memory_equal(&found->rate, &expected->rate, sizeof(found->rate));
    for (uint32_t n = 0; n < expected->n_decodes.n_labels; n++) {
        for (uint32_t r = 0; r < expected->rate.n_labels; r++) {
            const double a = found->alpha[n][r], b = expected->alpha[n][r];
            assert_true(a == b || (isnan(a) && isnan(b)));
        }
    }
}

static void expect_same(const ws__compact *found, const ws__compact *expected)
{
    assert_int_equal(found->meta.max_num_seqs, expected->meta.max_num_seqs);
    assert_int_equal(found->meta.max_num_batched_tokens, expected->meta.max_num_batched_tokens);
    assert_int_equal(found->n_tps, expected->n_tps);
    expect_same_grid(&found->moe, &expected->moe);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        expect_same_grid(&found->stable[layer], &expected->stable[layer]);
    }
    for (size_t t = 0; t < expected->n_tps; t++) {
        const ws__compact_tp *a = &found->tps[t], *b = &expected->tps[t];
        assert_int_equal(a->degree, b->degree);
        for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
            expect_same_grid(&a->layers[layer], &b->layers[layer]);
        }
        expect_same_grid(&a->decode, &b->decode);
        expect_same_grid(&a->prefill, &b->prefill);
        expect_same_grid(&a->mixed, &b->mixed);
        expect_same_skew(&a->skew, &b->skew);
    }
}

/* The caller frees. */
static ws__compact *read_back(const char *text)
{
    ws_files    *files = NULL;
    ws_error     err   = WS_ERROR_INIT;
    ws__compact *c     = calloc(1, sizeof(*c));
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "c.json", text, strlen(text)), WS_OK);
    if (ws__compact_read(files, "c.json", &err, c) != WS_OK) {
        fail_msg("%s\n%s", ws_error_text(&err), text);
    }
    ws_files_destroy(&files);
    return c;
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 1);
    for (int round = 0; round < 100; round++) {
        ws__compact *c    = draw(&rng);
        ws_strbuf    text = WS_STRBUF_INIT, again = WS_STRBUF_INIT;
        ws__compact_write(c, &text);
        assert_false(text.failed);
        ws__compact *found = read_back(ws_strbuf_text(&text));
        expect_same(found, c);
        ws__compact_write(found, &again);
        assert_string_equal(ws_strbuf_text(&again), ws_strbuf_text(&text));
        compact_free(&found);
        compact_free(&c);
        ws_strbuf_fini(&text);
        ws_strbuf_fini(&again);
    }
}

/* Who was measured is said to people; texts nobody knows are left out, and any text is legal JSON. */
static void the_origin_is_told(void **state)
{
    (void)state;
    ws__compact *c    = calloc(1, sizeof(*c));
    ws_strbuf    text = WS_STRBUF_INIT;
    ws_json_doc *doc  = NULL;
    c->n_tps          = 1;
    c->tps[0].degree  = 1;
    strcpy(c->meta.hardware, "größer \"X\"\n");
    strcpy(c->meta.vllm_version, "0.9");
    ws__compact_write(c, &text);
    assert_int_equal(ws_json_doc_parse("c", ws_strbuf_text(&text), text.len, NULL, &doc), WS_OK);
    const ws_json origin = ws_json_member(ws_json_doc_root(doc), "fitted_from");
    assert_int_equal(ws_json_size(origin), 2);
    assert_string_equal(ws_json_string(ws_json_member(origin, "hardware")), "größer \"X\"\n");
    assert_string_equal(ws_json_string(ws_json_member(origin, "vllm_version")), "0.9");
    const ws_json tp = ws_json_at(ws_json_member(ws_json_doc_root(doc), "tp"), 0);
    assert_int_equal(ws_json_size(tp), 2); /* degree and layers: no attention, no skew, no error */
    ws_json_doc_destroy(&doc);
    ws_strbuf_fini(&text);
    compact_free(&c);
}

/* Three digits of every number of a class that has points. */
static void errors_are_told_to_three_digits(void **state)
{
    (void)state;
    ws__compact *c                            = calloc(1, sizeof(*c));
    ws_strbuf    text                         = WS_STRBUF_INIT;
    ws_json_doc *doc                          = NULL;
    c->n_tps                                  = 1;
    c->tps[0].degree                          = 1;
    c->tps[0].has_error                       = true;
    c->tps[0].error.classes[WS__CHECK_DECODE] = (ws__error_stats){.n_points    = 1234567,
                                                                  .mean        = 0.0123456,
                                                                  .p50         = 0.001,
                                                                  .p90         = 0.5,
                                                                  .p99         = 12.3456,
                                                                  .max         = 1e-7,
                                                                  .signed_mean = -0.0123456};
    ws__compact_write(c, &text);
    assert_int_equal(ws_json_doc_parse("c", ws_strbuf_text(&text), text.len, NULL, &doc), WS_OK);
    const ws_json error = ws_json_resolve(ws_json_doc_root(doc), "/tp/0/error");
    assert_int_equal(ws_json_size(error), 1);
    const ws_json decode = ws_json_member(error, ws__check_class_name(WS__CHECK_DECODE));
    static const struct {
        const char *key;
        double      number;
    } rows[] = {{"n_points", 1234567}, {"mean", 0.0123}, {"p50", 0.001},          {"p90", 0.5},
                {"p99", 12.3},         {"max", 1e-7},    {"signed_mean", -0.0123}};
    assert_int_equal(ws_json_size(decode), 7);
    for (size_t i = 0; i < 7; i++) {
        const double found = ws_json_number(ws_json_member(decode, rows[i].key));
        if (found != rows[i].number) {
            fail_msg("%s: expected %.17g, found %.17g", rows[i].key, rows[i].number, found);
        }
    }
    ws_json_doc_destroy(&doc);
    ws__compact *found = read_back(ws_strbuf_text(&text)); /* for people: read over */
    assert_false(found->tps[0].has_error);
    compact_free(&found);
    ws_strbuf_fini(&text);
    compact_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_reads_back),
                                       cmocka_unit_test(the_origin_is_told),
                                       cmocka_unit_test(errors_are_told_to_three_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
