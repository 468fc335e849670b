/* Invariant: calibration finds the efficiencies of a machine again that was measured by its own roofline,
 * says the error it reached, and leaves alone what it was told to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profiling/profile_calibrate.h"
#include "toy_model.h"

static ws__datasheet sheet_of(double matrix, double memory, double overhead_us)
{
    ws__datasheet sheet                  = {.name               = "toy",
                                            .memory_gib         = 96,
                                            .memory_gbps        = 1600,
                                            .n_sms              = 188,
                                            .launch_overhead_us = overhead_us,
                                            .efficiency         = {matrix, memory, 1.0, 0.45, 0.9}};
    sheet.peak_tflops[WS_DTYPE_BFLOAT16] = 500;
    return sheet;
}

/* A machine measured by its own roofline is found again from another start: the error falls from a quarter to
 * little, and that is what the sheet says of itself. Without attention its shares stay as they were. */
static void calibration_finds_the_shares_again(void **state)
{
    (void)state;
    const ws__datasheet truth    = sheet_of(0.7, 0.8, 3.0);
    ws__datasheet       sheet    = sheet_of(0.5, 0.55, 2.0);
    const ws__roofline  r        = {&truth, &model, WS_DTYPE_BFLOAT16, false, 1};
    ws__profile_draft   measured = WS__PROFILE_DRAFT_INIT, copy = WS__PROFILE_DRAFT_INIT;
    ws_profile         *reference = NULL;
    ws__check_report    before, after;
    assert_int_equal(ws__roofline_expand(&r, &measured), WS_OK);
    assert_int_equal(ws__roofline_expand(&r, &copy), WS_OK);
    assert_int_equal(ws__profile_build(&copy, &reference), WS_OK);
    const ws__calibration_target target = {
        {&sheet, &model, WS_DTYPE_BFLOAT16, false, 1}, &measured, reference};
    assert_int_equal(ws__roofline_check(&target, &before), WS_OK);
    assert_int_equal(ws__calibrate(&target, 1, false, &sheet), WS_OK);
    assert_int_equal(ws__roofline_check(&target, &after), WS_OK);
    assert_true(before.classes[WS__CHECK_STEP].mean > 0.15);
    assert_true(after.classes[WS__CHECK_STEP].mean < 0.02);
    assert_true(sheet.typical_error == after.classes[WS__CHECK_STEP].mean);
    assert_true(fabs(sheet.efficiency.matrix - 0.7) < 0.03 && fabs(sheet.efficiency.memory - 0.8) < 0.03);
    assert_true(sheet.efficiency.attention == 0.45 && sheet.efficiency.kv == 0.9);
    ws_profile_destroy(&reference);
    ws__profile_draft_fini(&measured);
    ws__profile_draft_fini(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calibration_finds_the_shares_again),
    };
    return cmocka_run_group_tests_name("profiling.profile_calibrate", tests, NULL, NULL);
}
