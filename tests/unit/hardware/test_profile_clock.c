/* Invariants: at the full clock a profile is copied to the byte; at a lower one no time falls, arithmetic
 * takes 1 / clock as long, traffic takes as long as before, and a roofline becomes the roofline of the slower
 * hardware. Tables keep their own numbers for every pair of prefill chunk and decodes, also where a surface
 * stands in for others. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hardware/profile_clock.h"
#include "hardware/profile_roofline.h"
#include "toy_model.h"

static const char SHEET[] = "{\"name\": \"toy\", \"memory_gib\": 96, \"memory_gbps\": 1600, \"peak_tflops\": "
                            "{\"bfloat16\": 500}, \"n_sms\": 188,"
                            " \"launch_overhead_us\": 2, \"efficiency\": {\"matrix\": 0.7, \"memory\": 0.85, "
                            "\"elementwise\": 1.0, \"attention\": "
                            "0.45, \"kv\": 0.9}}";

static const ws_profile_request REQUEST = {
    .hardware = "TOY", .model = &model, .dtype = WS_DTYPE_BFLOAT16, .tp_size = 1};

static ws_json_doc *parse_sheet(void)
{
    ws_error     err = WS_ERROR_INIT;
    ws_json_doc *doc = NULL;
    assert_int_equal(ws_json_doc_parse("TOY.json", SHEET, strlen(SHEET), &err, &doc), WS_OK);
    return doc;
}

static ws_profile *at_clock(const ws_profile *profile, double clock)
{
    ws_error     err  = WS_ERROR_INIT;
    ws_json_doc *doc  = parse_sheet();
    ws_profile  *slow = NULL;
    if (ws_profile_at_clock(profile, ws_json_doc_root(doc), &REQUEST, clock, &err, &slow) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    ws_json_doc_destroy(&doc);
    return slow;
}

/* The roofline of the sheet with its rate and launches at a clock. */
static ws_profile *roofline_at(double clock)
{
    ws_error          err = WS_ERROR_INIT;
    ws_json_doc      *doc = parse_sheet();
    ws__datasheet     sheet;
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    assert_int_equal(ws__datasheet_read(ws_json_doc_root(doc), &err, &sheet), WS_OK);
    sheet.peak_tflops[WS_DTYPE_BFLOAT16] *= clock;
    sheet.launch_overhead_us /= clock;
    const ws__roofline r = {.sheet = &sheet, .model = &model, .dtype = WS_DTYPE_BFLOAT16, .tp = 1};
    assert_int_equal(ws__roofline_expand(&r, &draft), WS_OK);
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    ws__profile_draft_fini(&draft);
    ws_json_doc_destroy(&doc);
    return profile;
}

static void the_full_clock_changes_nothing(void **state)
{
    (void)state;
    ws_profile *full = roofline_at(1.0), *copy = at_clock(full, 1.0);
    assert_memory_equal(full, copy, full->block_bytes);
    ws_profile_destroy(&copy);
    ws_profile_destroy(&full);
}

static const double *values_of(const ws_profile *profile)
{
    return (const double *)(const void *)((const char *)profile + profile->values_at);
}

static size_t n_values_of(const ws_profile *profile)
{
    return (profile->curves_at - profile->values_at) / sizeof(double); /* pools lie behind each other */
}

/* Both were rounded to whole ns before, one of them was scaled up to 1 / 0.4 fold after. */
static void a_roofline_becomes_that_of_slower_hardware(void **state)
{
    (void)state;
    ws_profile *full = roofline_at(1.0), *slow = at_clock(full, 0.4), *direct = roofline_at(0.4);
    assert_int_equal(full->block_bytes, direct->block_bytes);
    for (size_t i = 0; i < n_values_of(full); i++) {
        assert_true(values_of(slow)[i] >= values_of(full)[i]);
        assert_true(fabs(values_of(slow)[i] - values_of(direct)[i]) <= 2.0);
    }
    assert_int_equal(slow->limits.tokens, full->limits.tokens);
    ws_profile_destroy(&direct);
    ws_profile_destroy(&slow);
    ws_profile_destroy(&full);
}

static void times_rise_as_the_clock_falls(void **state)
{
    (void)state;
    ws_profile *full = roofline_at(1.0), *before = at_clock(full, 1.0);
    for (int i = 19; i >= 2; i--) {
        ws_profile *slower = at_clock(full, 0.05 * i);
        for (size_t k = 0; k < n_values_of(full); k++) {
            assert_true(values_of(slower)[k] >= values_of(before)[k]);
        }
        ws_profile_destroy(&before);
        before = slower;
    }
    ws_profile_destroy(&before);
    ws_profile_destroy(&full);
}

/* At half the clock. 2048 tokens of qkv_proj are arithmetic: twice the time. One token waits for its weights,
 * 4096 * 6144 of 2 bytes at 1360 GB/s, as before, and takes 4 us to launch for 2. 64 decodes of 2048 tokens
 * likewise read 64 * 2048 * 8 * 512 bytes at 1440 GB/s = 372.8 us next to three launches. A chunk of 2048 is
 * arithmetic again. */
static void arithmetic_slows_and_traffic_does_not(void **state)
{
    (void)state;
    const ws_attention_query decode  = {.n_decodes = 64, .kv_mean = 2048, .kv_max = 2048, .kv_min = 2048};
    const ws_attention_query prefill = {.prefill_tokens = 2048};
    ws_profile              *full = roofline_at(1.0), *half = at_clock(full, 0.5);
    const double             many = (double)ws_profile_layer_ns(half, WS_LAYER_QKV_PROJ, 2048) /
                        (double)ws_profile_layer_ns(full, WS_LAYER_QKV_PROJ, 2048);
    assert_true(fabs(many - 2.0) < 1e-5);
    const int64_t one_ns =
        ws_profile_layer_ns(half, WS_LAYER_QKV_PROJ, 1) - ws_profile_layer_ns(full, WS_LAYER_QKV_PROJ, 1);
    assert_true(one_ns >= 1999 && one_ns <= 2001);
    const int64_t decode_ns = ws_profile_attention_ns(half, &decode) - ws_profile_attention_ns(full, &decode);
    assert_true(decode_ns >= 5990 && decode_ns <= 6010);
    const double chunk =
        (double)ws_profile_attention_ns(half, &prefill) / (double)ws_profile_attention_ns(full, &prefill);
    assert_true(fabs(chunk - 2.0) < 1e-4);
    const double experts =
        (double)ws_profile_moe_ns(half, 32768, 8) / (double)ws_profile_moe_ns(full, 32768, 8);
    assert_true(fabs(experts - 2.0) < 1e-4);
    ws_profile_destroy(&half);
    ws_profile_destroy(&full);
}

/* A measured table with a missing pair: (0, 16) is measured, (512, 16) is not and takes the surface nearest
 * to it. Each measured value is scaled by the roofline of its own pair, once. */
static void surfaces_that_stand_in_are_scaled_once(void **state)
{
    (void)state;
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    ws_error          err     = WS_ERROR_INIT;
    ws_json_doc      *doc     = parse_sheet();
    ws__datasheet     sheet, slow_sheet;
    assert_int_equal(ws__draft_add_attention(&draft, 0, 0, 16, 1024, 50000.0), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 512, 0, 0, 0, 90000.0), WS_OK);
    assert_int_equal(ws__draft_add_attention(&draft, 512, 0, 1, 1024, 95000.0), WS_OK);
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    ws_profile *half = at_clock(profile, 0.5);
    assert_int_equal(ws__datasheet_read(ws_json_doc_root(doc), &err, &sheet), WS_OK);
    slow_sheet = sheet;
    slow_sheet.peak_tflops[WS_DTYPE_BFLOAT16] /= 2.0;
    slow_sheet.launch_overhead_us *= 2.0;
    const ws__roofline full = {.sheet = &sheet, .model = &model, .dtype = WS_DTYPE_BFLOAT16, .tp = 1};
    ws__roofline       slow = full;
    slow.sheet              = &slow_sheet;
    for (size_t i = 0; i < draft.attention.n; i++) {
        const ws__point *p = &draft.attention.data[i];
        const double ratio = ws__roofline_attention_ns(&slow, p->key[0], p->key[2], p->key[1], p->key[3]) /
                             ws__roofline_attention_ns(&full, p->key[0], p->key[2], p->key[1], p->key[3]);
        const ws_attention_query query = {.prefill_tokens = p->key[0],
                                          .prefill_kv     = p->key[2],
                                          .n_decodes      = p->key[1],
                                          .kv_mean        = p->key[3],
                                          .kv_max         = p->key[3],
                                          .kv_min         = p->key[3]};
        assert_int_equal(ws_profile_attention_ns(half, &query), (int64_t)rint(p->ns * ratio));
    }
    ws__profile_draft_fini(&draft);
    ws_json_doc_destroy(&doc);
    ws_profile_destroy(&half);
    ws_profile_destroy(&profile);
}

static void a_sheet_without_the_rate_is_refused(void **state)
{
    (void)state;
    ws_error           err  = WS_ERROR_INIT;
    ws_json_doc       *doc  = parse_sheet();
    ws_profile        *full = roofline_at(1.0), *slow = NULL;
    ws_profile_request request = REQUEST;
    request.dtype              = WS_DTYPE_FP8;
    assert_int_equal(ws_profile_at_clock(full, ws_json_doc_root(doc), &request, 0.5, &err, &slow),
                     WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "TOY.json: /peak_tflops"));
    assert_non_null(strstr(ws_error_text(&err), "fp8"));
    assert_null(slow);
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
    ws_profile_destroy(&full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_full_clock_changes_nothing),
        cmocka_unit_test(a_roofline_becomes_that_of_slower_hardware),
        cmocka_unit_test(times_rise_as_the_clock_falls),
        cmocka_unit_test(arithmetic_slows_and_traffic_does_not),
        cmocka_unit_test(surfaces_that_stand_in_are_scaled_once),
        cmocka_unit_test(a_sheet_without_the_rate_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
