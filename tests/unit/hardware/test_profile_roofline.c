/* Invariant: the roofline is never negative, never falls with more work, and never rises with a better
 * machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "profiling/profile_check.h"
#include "hardware/profile_roofline.h"
#include "toy_model.h"

static ws__datasheet sheet_new(void)
{
    ws__datasheet sheet                  = {.name               = "toy",
                                            .memory_gib         = 96,
                                            .memory_gbps        = 1600,
                                            .n_sms              = 188,
                                            .launch_overhead_us = 2,
                                            .efficiency         = {0.7, 0.85, 1.0, 0.45, 0.9}};
    sheet.peak_tflops[WS_DTYPE_BFLOAT16] = 500;
    sheet.peak_tflops[WS_DTYPE_FP8]      = 1000;
    return sheet;
}

/* One token through gate_up_proj reads 2 * 4096 * 14336 weights of 2 bytes: 234.9 MB / (1600 GB/s * 0.85) =
 * 172.7 us + 2 us. */
static void one_token_waits_for_the_weights(void **state)
{
    (void)state;
    const ws__datasheet sheet = sheet_new();
    const ws__roofline  r     = {&sheet, &model, WS_DTYPE_BFLOAT16, false, 1};
    const double        ns    = ws__roofline_layer_ns(&r, WS_LAYER_GATE_UP_PROJ, 1);
    const double        bytes = 2.0 * 4096 * 14336 * 2 + 4096 * 2 + 2 * 14336 * 2;
    assert_true(fabs(ns - (2000.0 + bytes / (1600.0 * 0.85))) < 1e-6 * ns);
    /* 2048 tokens wait for 2 * 2048 * 2 * 4096 * 14336 operations at 350 TFLOP/s */
    const double many = ws__roofline_layer_ns(&r, WS_LAYER_GATE_UP_PROJ, 2048);
    assert_true(fabs(many - (2000.0 + 2.0 * 2048 * 2 * 4096 * 14336 / 350e3)) < 1e-6 * many);
}

static void more_work_takes_no_less_time(void **state)
{
    (void)state;
    const ws__datasheet sheet = sheet_new();
    const ws__roofline  r     = {&sheet, &model, WS_DTYPE_BFLOAT16, false, 1};
    for (int64_t n = 1; n <= 4096; n *= 2) {
        for (int l = 0; l < WS_LAYER_COUNT; l++) {
            if (ws_layer_category((ws_layer)l) != WS_CATEGORY_ATTENTION &&
                ws_layer_category((ws_layer)l) != WS_CATEGORY_MOE) {
                const double a = ws__roofline_layer_ns(&r, (ws_layer)l, n);
                assert_true(a >= 2000.0 && ws__roofline_layer_ns(&r, (ws_layer)l, 2 * n) >= a);
            }
        }
        assert_true(ws__roofline_moe_ns(&r, 2 * n, 64) >= ws__roofline_moe_ns(&r, n, 64));
        assert_true(ws__roofline_moe_ns(&r, n, 128) > ws__roofline_moe_ns(&r, n, 64));
        assert_true(ws__roofline_attention_ns(&r, 0, 0, n, 1000) <
                    ws__roofline_attention_ns(&r, 0, 0, 2 * n, 1000));
        assert_true(ws__roofline_attention_ns(&r, n, 0, 8, 500) <=
                    ws__roofline_attention_ns(&r, 2 * n, 0, 8, 500));
        assert_true(ws__roofline_attention_ns(&r, n, 512, 8, 500) >
                    ws__roofline_attention_ns(&r, n, 0, 8, 500));
    }
}

/* A whole step, looked up in the expanded tables. */
static int64_t step_ns(const ws__datasheet *sheet, ws_dtype dtype, int64_t tp, const ws_attention_query *q)
{
    const ws__roofline r       = {sheet, &model, dtype, false, tp};
    ws__profile_draft  draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile        *profile = NULL;
    assert_int_equal(ws__roofline_expand(&r, &draft), WS_OK);
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    const int64_t ns = ws__step_ns(profile, &model, q);
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
    return ns;
}

static void a_better_machine_takes_no_more_time(void **state)
{
    (void)state;
    static const ws_attention_query queries[] = {{0, 0, 1, 100, 100, 100},
                                                 {0, 0, 100, 900, 900, 900},
                                                 {700, 0, 0, 0, 0, 0},
                                                 {2048, 0, 0, 0, 0, 0},
                                                 {400, 100, 60, 700, 700, 700}};
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        const ws__datasheet base   = sheet_new();
        const int64_t       ns     = step_ns(&base, WS_DTYPE_BFLOAT16, 1, &queries[i]);
        ws__datasheet       better = base;
        better.memory_gbps *= 2;
        assert_true(step_ns(&better, WS_DTYPE_BFLOAT16, 1, &queries[i]) <= ns);
        better = base;
        better.peak_tflops[WS_DTYPE_BFLOAT16] *= 2;
        assert_true(step_ns(&better, WS_DTYPE_BFLOAT16, 1, &queries[i]) <= ns);
        better                    = base;
        better.launch_overhead_us = 0;
        assert_true(step_ns(&better, WS_DTYPE_BFLOAT16, 1, &queries[i]) < ns);
        assert_true(step_ns(&base, WS_DTYPE_BFLOAT16, 2, &queries[i]) <
                    ns); /* half of the heads and weights */
        assert_true(step_ns(&base, WS_DTYPE_FP8, 1, &queries[i]) < ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_token_waits_for_the_weights),
        cmocka_unit_test(more_work_takes_no_less_time),
        cmocka_unit_test(a_better_machine_takes_no_more_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
