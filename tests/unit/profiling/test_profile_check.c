/* Invariants: a profile has no error against its own points; one that is slower by a tenth everywhere errs by
 * a tenth in every class and in whole steps; the statistics are those computed by hand; and a step is the
 * sum of all layers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "profiling/profile_check.h"
#include "toy_model.h"

static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b)) + 1e-12;
}

/* Points of every class, `factor` times as long as they would be; 1000 divides all of them. */
static void fill(ws__profile_draft *d, double factor)
{
    static const int64_t counts[] = {1, 64, 512, 2048}, decodes[] = {1, 16, 256}, kvs[] = {128, 8192},
                         chunks[] = {64, 1536};
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        const ws_category category = ws_layer_category((ws_layer)layer);
        for (size_t i = 0; (category == WS_CATEGORY_DENSE || category == WS_CATEGORY_PER_SEQUENCE) && i < 4;
             i++) {
            assert_int_equal(ws__draft_add_layer(d, (ws_layer)layer, counts[i],
                                                 factor * 1000.0 * (layer + 1 + (double)counts[i])),
                             WS_OK);
        }
    }
    for (size_t p = 0; p < 3; p++) {
        for (size_t n = 0; n < 4; n++) {
            for (size_t k = 0; k < 2 && p + n > 0; k++) {
                const int64_t chunk = p > 0 ? chunks[p - 1] : 0, count = n > 0 ? decodes[n - 1] : 0,
                              kv = n > 0 ? kvs[k] : 0;
                assert_int_equal(
                    ws__draft_add_attention(d, chunk, 0, count, kv,
                                            factor * 1000.0 * (1.0 + (double)(chunk + count * kv / 128))),
                    WS_OK);
            }
        }
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ws__draft_add_moe(d, counts[i], 8, factor * 1000.0 * (double)counts[i]), WS_OK);
        assert_int_equal(ws__draft_add_moe(d, counts[i], 128, factor * 3000.0 * (double)counts[i]), WS_OK);
    }
}

static ws_profile *profile_of(double factor)
{
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    fill(&draft, factor);
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    ws__profile_draft_fini(&draft);
    return profile;
}

static void errors_are_relative_and_signed(void **state)
{
    (void)state;
    static const double factors[] = {1.0, 1.1, 0.75};
    /* as fill() makes them: pure prefill has no KV length, so that two of its points have the same key */
    static const size_t n_points[] = {
        [WS__CHECK_DENSE] = 40,  [WS__CHECK_PER_SEQUENCE] = 8, [WS__CHECK_DECODE] = 6,
        [WS__CHECK_PREFILL] = 4, [WS__CHECK_MIXED] = 12,       [WS__CHECK_MOE] = 8};
    ws__profile_draft points    = WS__PROFILE_DRAFT_INIT;
    ws_profile       *reference = profile_of(1.0);
    fill(&points, 1.0);
    for (size_t f = 0; f < 3; f++) {
        ws__check_report report;
        ws_profile      *profile = profile_of(factors[f]);
        const double     error   = factors[f] - 1.0;
        assert_int_equal(ws__check_points(profile, &points, &report), WS_OK);
        ws__check_steps(profile, reference, &model, &report);
        for (int kind = 0; kind < WS__CHECK_CLASSES; kind++) {
            const ws__error_stats *s = &report.classes[kind];
            if (kind < WS__CHECK_STEP) {
                assert_int_equal(s->n_points, n_points[kind]);
            } else {
                assert_true(s->n_points > 10);
            }
            assert_true(is_close(s->mean, fabs(error)) && is_close(s->signed_mean, error));
            assert_true(is_close(s->p50, fabs(error)) && is_close(s->p99, fabs(error)) &&
                        is_close(s->max, fabs(error)));
        }
        ws_profile_destroy(&profile);
    }
    ws_profile_destroy(&reference);
    ws__profile_draft_fini(&points);
}

/* Errors of -0.5, 0, 0.1, 0.2 and 0.4: mean of absolutes 0.24, of all 0.04; sorted 0 .1 .2 .4 .5: median 0.2,
 * 90 % at place 3.6, 0.46, 99 % at 3.96, 0.496. Points of layers the profile lacks are left out. */
static void statistics_by_hand(void **state)
{
    (void)state;
    static const double measured[] = {200, 100, 100, 100, 100}, told[] = {100, 100, 110, 120, 140};
    ws__profile_draft   points = WS__PROFILE_DRAFT_INIT, draft = WS__PROFILE_DRAFT_INIT;
    ws_profile         *profile = NULL;
    ws__check_report    report;
    for (int64_t i = 0; i < 5; i++) {
        assert_int_equal(ws__draft_add_layer(&points, WS_LAYER_QKV_PROJ, i + 1, measured[i]), WS_OK);
        assert_int_equal(ws__draft_add_layer(&points, WS_LAYER_O_PROJ, i + 1, measured[i]), WS_OK);
        assert_int_equal(ws__draft_add_layer(&draft, WS_LAYER_QKV_PROJ, i + 1, told[i]), WS_OK);
    }
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    assert_int_equal(ws__check_points(profile, &points, &report), WS_OK);
    const ws__error_stats *s = &report.classes[WS__CHECK_DENSE];
    assert_int_equal(s->n_points, 5);
    assert_true(is_close(s->mean, 0.24) && is_close(s->signed_mean, 0.04) && is_close(s->max, 0.5));
    assert_true(is_close(s->p50, 0.2) && is_close(s->p90, 0.46) && is_close(s->p99, 0.496));
    assert_int_equal(report.classes[WS__CHECK_MOE].n_points, 0);
    assert_true(report.classes[WS__CHECK_MOE].mean == 0);
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
    ws__profile_draft_fini(&points);
}

static void a_step_is_the_sum_of_its_layers(void **state)
{
    (void)state;
    const ws_attention_query q = {
        .prefill_tokens = 100, .n_decodes = 7, .kv_mean = 500, .kv_max = 500, .kv_min = 500};
    ws_profile *profile = profile_of(1.0);
    int64_t sum_ns = ws_model_layer_count(&model, WS_LAYER_ATTENTION) * ws_profile_attention_ns(profile, &q);
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        const ws_category category = ws_layer_category((ws_layer)layer);
        if (category == WS_CATEGORY_DENSE || category == WS_CATEGORY_PER_SEQUENCE) {
            sum_ns += ws_model_layer_count(&model, (ws_layer)layer) *
                      ws_profile_layer_ns(profile, (ws_layer)layer, category == WS_CATEGORY_DENSE ? 107 : 8);
        }
    }
    sum_ns += 32 * ws_profile_moe_ns(profile, 107,
                                     128); /* 107 tokens times 8 experts each are more than there are */
    assert_int_equal(ws__step_ns(profile, &model, &q), sum_ns);
    ws_profile_destroy(&profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_relative_and_signed),
        cmocka_unit_test(statistics_by_hand),
        cmocka_unit_test(a_step_is_the_sum_of_its_layers),
    };
    return cmocka_run_group_tests_name("profiling.profile_check", tests, NULL, NULL);
}
