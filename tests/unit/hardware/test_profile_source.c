/* Invariant: a profile comes from the first place of the search order that has it, and what is not there is
 * told with where it was looked for and what there is instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hardware/profile_source.h"
#include "temp_files.h"

static const char compact_file[] =
    "{\"format\": \"wattsweep compact profile\", \"version\": 1, \"stable_layers\": {\"layernorm\": "
    "{\"count\": [1], \"ns\": [5]}},\n"
    " \"tp\": [{\"degree\": 1, \"layers\": {\"qkv_proj\": {\"count\": [1, 11], \"ns\": [100, 200]}}}]}";
static const char dense_csv[] = "layer,tokens,time_us\nqkv_proj,1,7\nlayernorm,1,3\n";
static const char sheet[] = "{\"name\": \"toy\", \"memory_gib\": 1, \"memory_gbps\": 1000, \"peak_tflops\": "
                            "{\"bfloat16\": 100}, \"n_sms\": 10,\n"
                            " \"launch_overhead_us\": 1, \"efficiency\": {\"matrix\": 1, \"memory\": 1, "
                            "\"elementwise\": 1, \"attention\": 1, \"kv\": 1},\n"
                            " \"typical_error\": 0.2}";

typedef struct world {
    ws_files          *files;
    ws_model           model;
    ws_profile_request request;
    ws_strbuf          notes;
    ws_error           err;
    ws_profile        *profile;
} world;

static world world_new(void)
{
    world w = {.err = WS_ERROR_INIT, .notes = WS_STRBUF_INIT};
    assert_int_equal(ws_files_create(&w.files), WS_OK);
    w.model   = (ws_model){.name              = "org/toy",
                           .hidden_size       = 64,
                           .n_layers          = 2,
                           .n_heads           = 4,
                           .n_kv_heads        = 2,
                           .head_dim          = 16,
                           .intermediate_size = 128,
                           .n_experts         = 1,
                           .experts_per_token = 1,
                           .vocab_size        = 100,
                           .sections = {[WS_SECTION_PRE_ATTN] = {2, {WS_LAYER_QKV_PROJ, WS_LAYER_ATTENTION}}}};
    w.request = (ws_profile_request){.hardware = "GPU", .dtype = WS_DTYPE_BFLOAT16, .tp_size = 1};
    return w;
}

static void put(world *w, const char *path, const char *text)
{
    assert_int_equal(ws_files_put(w->files, path, text, strlen(text)), WS_OK);
}

static ws_status load(world *w)
{
    static const char *const dirs[] = {"data", "configs"};
    w->request.model                = &w->model;
    return ws_profile_load(&(const ws_data_dirs){w->files, dirs, 2}, &w->request, &w->notes, &w->err,
                           &w->profile);
}

static void expect_kind(world *w, ws_profile_kind kind)
{
    assert_int_equal(load(w), WS_OK);
    assert_string_equal(ws_profile_kind_name(ws_profile_kind_of(w->profile)), ws_profile_kind_name(kind));
    ws_profile_destroy(&w->profile);
}

static void expect_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", part, text);
    }
}

static void world_fini(world *w)
{
    ws_profile_destroy(&w->profile);
    ws_strbuf_fini(&w->notes);
    ws_error_clear(&w->err);
    ws_files_destroy(&w->files);
}

static void measured_before_fitted_before_computed(void **state)
{
    (void)state;
    world w = world_new();
    put(&w, "configs/hardware/GPU.json", sheet);
    expect_kind(&w, WS_PROFILE_ROOFLINE);
    expect_text(ws_strbuf_text(&w.notes),
                "GPU / org/toy: no measured profile, using the roofline of configs/hardware/GPU.json "
                "(typical error of a step 20 %)");
    world_fini(&w);
    w = world_new();
    put(&w, "configs/hardware/GPU.json", sheet);
    put(&w, "configs/hardware/GPU/org/toy/bf16.json", compact_file);
    expect_kind(&w, WS_PROFILE_COMPACT);
    assert_string_equal(ws_strbuf_text(&w.notes), "");
    w.request.choice = WS_PROFILE_CHOICE_ROOFLINE;
    expect_kind(&w, WS_PROFILE_ROOFLINE);
    world_fini(&w);
}

/* Bundles are folders, so this one is written to disk. */
static void a_bundle_wins_in_its_folder(void **state)
{
    (void)state;
    static const char name[] = "profiles/GPU/org/toy/bf16/tp1/dense.csv";
    char              dir[TEMP_PATH_MAX];
    assert_true(temp_folder_make(dir, sizeof(dir)));
    temp_write(dir, name, dense_csv);
    world             w      = world_new();
    const char *const dirs[] = {dir, "configs"};
    put(&w, "configs/hardware/GPU/org/toy/bf16.json", compact_file);
    w.request.model = &w.model;
    assert_int_equal(
        ws_profile_load(&(const ws_data_dirs){w.files, dirs, 2}, &w.request, &w.notes, &w.err, &w.profile),
        WS_OK);
    assert_int_equal(ws_profile_layer_ns(w.profile, WS_LAYER_QKV_PROJ, 1), 7000);
    ws_profile_destroy(&w.profile);
    w.request.choice = WS_PROFILE_CHOICE_COMPACT;
    assert_int_equal(
        ws_profile_load(&(const ws_data_dirs){w.files, dirs, 2}, &w.request, &w.notes, &w.err, &w.profile),
        WS_OK);
    assert_int_equal(ws_profile_layer_ns(w.profile, WS_LAYER_QKV_PROJ, 6), 150);
    world_fini(&w);
    temp_remove(dir, name);
}

static void the_other_16_bit_type_stands_in_with_a_note(void **state)
{
    (void)state;
    world w = world_new();
    put(&w, "configs/hardware/GPU/org/toy/bf16.json", compact_file);
    put(&w, "data/hardware/GPU/org/toy/bf16-kvfp8.json", compact_file);
    w.request.dtype = WS_DTYPE_FLOAT16;
    expect_kind(&w, WS_PROFILE_COMPACT);
    expect_text(ws_strbuf_text(&w.notes), "GPU / org/toy: no fp16 profile, using bf16");
    w.request.kv_fp8 = true;
    expect_kind(&w, WS_PROFILE_COMPACT);
    expect_text(ws_strbuf_text(&w.notes), "no fp16-kvfp8 profile, using bf16-kvfp8");
    w.request.dtype = WS_DTYPE_FP8; /* nothing stands in for 8-bit types */
    assert_int_equal(load(&w), WS_ERR_INPUT);
    world_fini(&w);
}

static void another_tp_falls_through_to_the_roofline_or_is_told(void **state)
{
    (void)state;
    world w = world_new();
    put(&w, "configs/hardware/GPU/org/toy/bf16.json", compact_file);
    w.request.tp_size = 4;
    assert_int_equal(load(&w), WS_ERR_INPUT);
    expect_text(ws_error_text(&w.err), "expected a latency profile for tp 4, found none: "
                                       "configs/hardware/GPU/org/toy/bf16.json has tp 1");
    world_fini(&w);
    w = world_new();
    put(&w, "configs/hardware/GPU/org/toy/bf16.json", compact_file);
    put(&w, "configs/hardware/GPU.json", sheet);
    w.request.tp_size = 4;
    expect_kind(&w, WS_PROFILE_ROOFLINE);
    expect_text(ws_strbuf_text(&w.notes),
                "no measured profile for tp 4 (configs/hardware/GPU/org/toy/bf16.json has tp 1)");
    w.request.choice = WS_PROFILE_CHOICE_COMPACT;
    assert_int_equal(load(&w), WS_ERR_INPUT);
    world_fini(&w);
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    world w            = world_new();
    w.request.hardware = "RTXPRO600";
    char configs[1024];
    (void)snprintf(configs, sizeof(configs), "%s/configs", getenv("WS_SOURCE_DIR"));
    const char *const real[] = {configs};
    w.request.model          = &w.model;
    assert_int_equal(
        ws_profile_load(&(const ws_data_dirs){w.files, real, 1}, &w.request, NULL, &w.err, &w.profile),
        WS_ERR_INPUT);
    expect_text(ws_error_text(&w.err), "hardware \"RTXPRO600\": expected one of the known tags (");
    expect_text(ws_error_text(&w.err), "did you mean \"RTXPRO6000\"?");
    world_fini(&w);
    w = world_new();
    put(&w, "configs/hardware/GPU.json", sheet);
    w.request.dtype = WS_DTYPE_INT8;
    assert_int_equal(load(&w), WS_ERR_INPUT);
    expect_text(ws_error_text(&w.err), "configs/hardware/GPU.json: /peak_tflops: expected a rate for int8");
    world_fini(&w);
}

/* Every shipped data sheet is complete, and gives every layer of a step. */
static void shipped_datasheets_are_whole(void **state)
{
    (void)state;
    static const char *const tags[] = {"RTXPRO6000", "A6000", "RTX4090", "L40S", "A100", "H100", "H200"};
    char                     configs[1024];
    (void)snprintf(configs, sizeof(configs), "%s/configs", getenv("WS_SOURCE_DIR"));
    const char *const dirs[] = {configs};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        world w            = world_new();
        w.request.model    = &w.model;
        w.request.hardware = tags[i];
        w.request.tp_size  = 2;
        assert_int_equal(ws_profile_load(&(const ws_data_dirs){w.files, dirs, 1}, &w.request, &w.notes,
                                         &w.err, &w.profile),
                         WS_OK);
        assert_int_equal(ws_profile_kind_of(w.profile), WS_PROFILE_ROOFLINE);
        assert_true(ws_profile_has(w.profile, WS_LAYER_QKV_PROJ) &&
                    ws_profile_has(w.profile, WS_LAYER_ATTENTION));
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured_before_fitted_before_computed),
        cmocka_unit_test(a_bundle_wins_in_its_folder),
        cmocka_unit_test(the_other_16_bit_type_stands_in_with_a_note),
        cmocka_unit_test(another_tp_falls_through_to_the_roofline_or_is_told),
        cmocka_unit_test(what_is_missing_is_told),
        cmocka_unit_test(shipped_datasheets_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
