/* Invariants: a fit of a bundle whose times are linear in everything is the bundle but for the five digits
 * kept; grids never outgrow their goals, values are whole ns of five digits, and the errors told are those of
 * what is written; the same bundle gives the same file; what is no bundle is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "profiling/profile_fit.h"
#include "profiling/compact_write.h"
#include "profiling/profile_check.h"
#include "world.h"
#include "temp_folder.h"

typedef struct fitted {
    world        w;
    char         dir[160]; /* the toy NPU's bundle of the expert model, in which times are linear (world.c) */
    ws_files    *files;    /* of its own: the world's remembers what a test changes */
    ws_error     err;
    ws__compact *compact;
} fitted;

static int set_up(void **state)
{
    fitted *f  = calloc(1, sizeof(*f));
    f->compact = calloc(1, sizeof(*f->compact));
    world_init(&f->w);
    snprintf(f->dir, sizeof(f->dir), "%s/profiles/TOY/toy/experts/bf16", f->w.dir);
    assert_int_equal(ws_files_create(&f->files), WS_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fitted *f = *state;
    ws__compact_fini(f->compact);
    free(f->compact);
    ws_error_clear(&f->err);
    ws_files_destroy(&f->files);
    world_fini(&f->w);
    free(f);
    return 0;
}

static void fit(fitted *f, const ws__fit_goals *goals)
{
    if (ws__fit_bundle(f->files, f->dir, goals, &f->err, f->compact) != WS_OK) {
        fail_msg("%s", ws_error_text(&f->err));
    }
}

static void rewrite(const fitted *f, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Half a ns of the shortest measured time, 2.3 us, or half a unit of the fifth digit: at most 2.2e-4. */
static void linear_times_are_fitted_exactly(void **state)
{
    fitted             *f     = *state;
    const ws__fit_goals goals = ws__fit_goals_default();
    fit(f, &goals);
    assert_int_equal(f->compact->n_tps, 3);
    for (size_t t = 0; t < 3; t++) {
        const ws__compact_tp *tp = &f->compact->tps[t];
        assert_int_equal(tp->degree, 1 << t);
        assert_true(tp->has_error);
        for (int kind = WS__CHECK_DENSE; kind <= WS__CHECK_MOE; kind++) {
            const ws__error_stats *e = &tp->error.classes[kind];
            if (e->n_points == 0 || e->max > 2.2e-4) {
                fail_msg("tp %d, %s: %zu points, largest error %g", (int)tp->degree,
                         ws__check_class_name((ws__check_class)kind), e->n_points, e->max);
            }
        }
    }
    assert_string_equal(f->compact->meta.hardware, "TOY");
    assert_true(f->compact->meta.max_num_seqs == 256 && f->compact->meta.max_num_batched_tokens == 2048);
}

typedef void (*grid_fn)(const ws__grid *grid, size_t n_values_max);

static void each_grid(const ws__compact *c, const ws__fit_goals *goals, grid_fn check)
{
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        check(&c->stable[layer], goals->layer.n_values_max);
        for (size_t t = 0; t < c->n_tps; t++) {
            check(&c->tps[t].layers[layer], goals->layer.n_values_max);
        }
    }
    check(&c->moe, goals->moe.n_values_max);
    for (size_t t = 0; t < c->n_tps; t++) {
        check(&c->tps[t].decode, goals->decode.n_values_max);
        check(&c->tps[t].prefill, goals->prefill.n_values_max);
        check(&c->tps[t].mixed, goals->mixed.n_values_max);
    }
}

static void check_grid(const ws__grid *grid, size_t n_values_max)
{
    const size_t n = grid->values != NULL ? ws__grid_n_values(grid) : 0;
    assert_true(n <= n_values_max);
    for (size_t i = 0; i < n; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%.5g", grid->values[i]);
        assert_true(grid->values[i] >= 1.0 && grid->values[i] == rint(grid->values[i]));
        assert_true(strtod(text, NULL) == grid->values[i]);
    }
}

static void grids_stay_within_their_goals(void **state)
{
    fitted             *f     = *state;
    const ws__fit_goals goals = {.layer   = {.mean_error = 0.0, .n_values_max = 2},
                                 .moe     = {.mean_error = 0.0, .n_values_max = 4},
                                 .decode  = {.mean_error = 0.0, .n_values_max = 6},
                                 .prefill = {.mean_error = 0.0, .n_values_max = 5},
                                 .mixed   = {.mean_error = 0.0, .n_values_max = 17}};
    rewrite(f, "tp2/dense.csv",
            "layer,tokens,time_us\nqkv_proj,1,123.4567\nqkv_proj,16,1234.5678\nqkv_proj,2048,123456.789\n");
    fit(f, &goals);
    each_grid(f->compact, &goals, check_grid);
}

/* Layers that do not shrink with tp once for all degrees, the others for each; together every layer that was
 * measured. */
static void every_layer_is_where_it_belongs(void **state)
{
    fitted             *f     = *state;
    const ws__fit_goals goals = ws__fit_goals_default();
    fit(f, &goals);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        const ws_category category = ws_layer_category((ws_layer)layer);
        const bool        is_measured =
            category == WS_CATEGORY_DENSE || layer == WS_LAYER_LM_HEAD || layer == WS_LAYER_SAMPLER;
        const bool is_stable = ws_layer_is_tp_stable((ws_layer)layer);
        assert_int_equal(f->compact->stable[layer].values != NULL, is_measured && is_stable);
        for (size_t t = 0; t < 3; t++) {
            assert_int_equal(f->compact->tps[t].layers[layer].values != NULL, is_measured && !is_stable);
        }
    }
}

/* The error inside a file is the one somebody finds who reads the file: written, read, expanded, compared
 * again. */
static void the_errors_told_are_those_of_the_file(void **state)
{
    fitted             *f     = *state;
    const ws__fit_goals goals = {.layer   = {.mean_error = 0.05, .n_values_max = 2},
                                 .moe     = {.mean_error = 0.05, .n_values_max = 4},
                                 .decode  = {.mean_error = 0.05, .n_values_max = 4},
                                 .prefill = {.mean_error = 0.05, .n_values_max = 4},
                                 .mixed   = {.mean_error = 0.05, .n_values_max = 16}};
    rewrite(f, "tp2/dense.csv",
            "layer,tokens,time_us\nqkv_proj,1,10\nqkv_proj,16,100\nqkv_proj,256,20\nqkv_proj,2048,900\n");
    fit(f, &goals);
    ws_strbuf text = WS_STRBUF_INIT;
    ws__compact_write(f->compact, &text);
    assert_int_equal(ws_files_put(f->files, "c.json", ws_strbuf_text(&text), text.len), WS_OK);
    ws__compact *found = calloc(1, sizeof(*found));
    assert_int_equal(ws__compact_read(f->files, "c.json", &f->err, found), WS_OK);
    for (size_t t = 0; t < 3; t++) {
        ws__profile_draft expanded = WS__PROFILE_DRAFT_INIT, measured = WS__PROFILE_DRAFT_INIT;
        ws_profile       *profile = NULL;
        ws__check_report  report;
        assert_int_equal(ws__compact_expand(found, 1 << t, &expanded), WS_OK);
        assert_int_equal(ws__profile_build(&expanded, &profile), WS_OK);
        assert_int_equal(
            ws__bundle_read(&(const ws__bundle){f->files, f->dir, 1 << t}, NULL, &f->err, &measured, NULL),
            WS_OK);
        assert_int_equal(ws__check_points(profile, &measured, &report), WS_OK);
        assert_memory_equal(&report, &f->compact->tps[t].error, sizeof(report));
        assert_true(t != 1 ||
                    report.classes[WS__CHECK_DENSE].max > 0.1); /* two values cannot follow that zigzag */
        ws_profile_destroy(&profile);
        ws__profile_draft_fini(&expanded);
        ws__profile_draft_fini(&measured);
    }
    ws__compact_fini(found);
    free(found);
    ws_strbuf_fini(&text);
}

static void the_same_bundle_gives_the_same_file(void **state)
{
    fitted             *f        = *state;
    const ws__fit_goals goals    = ws__fit_goals_default();
    ws_strbuf           texts[2] = {WS_STRBUF_INIT, WS_STRBUF_INIT};
    for (int i = 0; i < 2; i++) {
        fit(f, &goals);
        ws__compact_write(f->compact, &texts[i]);
        ws__compact_fini(f->compact);
        memset(f->compact, 0, sizeof(*f->compact));
    }
    assert_string_equal(ws_strbuf_text(&texts[0]), ws_strbuf_text(&texts[1]));
    ws_strbuf_fini(&texts[0]);
    ws_strbuf_fini(&texts[1]);
}

/* Up to 4 decodes at a rate up to 40 %: 0.2 and 0.4 over two KV buckets, mean 0.3; the second 0.9 of a bucket
 * does not count, nor do batches with a chunk. Up to 2 decodes: one of 1/3, three digits of it. */
static void alphas_are_averaged_over_kv(void **state)
{
    fitted             *f     = *state;
    const ws__fit_goals goals = ws__fit_goals_default();
    rewrite(f, "meta.yaml",
            "skew_fit:\n  enabled: true\n  per_tp:\n    1:\n      alpha_default: 0.125\n      bucket_table: "
            "skew.csv\n");
    rewrite(
        f, "meta.yaml",
        "skew_fit:\n  enabled: true\n  per_tp:\n    1:\n      alpha_default: 0.125\n      alpha_by_bucket:\n"
        "        \"pc=0|n<=4|sr<=40%|kvB<=1k|kp=0\": 0.2\n"
        "        \"pc=0|n<=4|sr<=40%|kvB<=4k|kp=0\": 0.4\n"
        "        \"pc=0.0|n<=4|sr<=40%|kvB<=4k|kp=0\": 0.9\n"
        "        \"pc=16|n<=4|sr<=40%|kvB<=1k|kp=0\": 7\n"
        "        \"pc=0|n<=2|sr<=5%|kvB<=1k|kp=0\": 0.333333\n");
    fit(f, &goals);
    const ws__compact_skew *skew = &f->compact->tps[0].skew;
    assert_true(skew->on && skew->alpha_default == 0.125);
    for (uint32_t n = 0; n < skew->n_decodes.n_labels; n++) {
        for (uint32_t r = 0; r < skew->rate.n_labels; r++) {
            const double expected = n == 1 && r == 2 ? 0.3 : n == 0 && r == 0 ? 0.333 : NAN;
            const double found    = skew->alpha[n][r];
            if (!(found == expected || (isnan(found) && isnan(expected)))) {
                fail_msg("bin %u, %u: expected %g, found %.17g", n, r, expected, found);
            }
        }
    }
}

static void what_is_no_bundle_is_refused(void **state)
{
    fitted             *f     = *state;
    const ws__fit_goals goals = ws__fit_goals_default();
    char                none[TEMP_PATH_MAX], expected[TEMP_PATH_MAX + 64];
    snprintf(none, sizeof none, "%s/none", f->dir);
    snprintf(expected, sizeof expected, "%s: expected a measured bundle", none);
    assert_int_equal(ws__fit_bundle(f->files, none, &goals, &f->err, f->compact), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&f->err), expected));
    ws__compact_fini(f->compact);
    ws_error_clear(&f->err);
    rewrite(f, "tp4/dense.csv", "layer,tokens,time_us\nqkv_proj,one,10\n"); /* the last that is read */
    assert_int_equal(ws__fit_bundle(f->files, f->dir, &goals, &f->err, f->compact), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&f->err), "tp4/dense.csv"));
    assert_int_equal(f->compact->n_tps, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(linear_times_are_fitted_exactly),     TEST(grids_stay_within_their_goals),
        TEST(every_layer_is_where_it_belongs),     TEST(the_errors_told_are_those_of_the_file),
        TEST(the_same_bundle_gives_the_same_file), TEST(alphas_are_averaged_over_kv),
        TEST(what_is_no_bundle_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
