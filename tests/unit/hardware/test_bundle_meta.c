/* Invariants: meta.yaml gives what concerns one tp degree and nothing else: provenance, limits, and skew
 * buckets whose labels a tp's own axes replace; bucket keys that cannot be read are never found; without the
 * file all is as built in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hardware/bundle_meta.h"

static const char META[] =
    "gpu: Toy 9000\nhardware: TOY\nmodel: toy/dense\nvariant: bf16\nvllm_version: 0.19.0\nsomething: else\n"
    "engine_effective:\n  max_num_seqs: 256\n  max_num_batched_tokens: 2048\n"
    "skew_fit:\n  enabled: true\n  alpha_default: 0.5\n"
    "  bucket_axes:\n    kp_bins: [0, 10, 20]\n    kp_labels: [\"kp<=10\", \"kp<=20\"]\n"
    "  per_tp:\n"
    "    1:\n      alpha_default: 0.25\n      alpha_by_bucket:\n"
    "        \"pc=0|n<=4|sr<=40%|kvB<=1k|kp<=20\": 0.125\n"
    "        \"pc=16|n<=4|sr<=40%|kvB<=1k|kp<=99\": 0.5\n"
    "    2:\n      bucket_table: skew_fit.csv\n"
    "      bucket_axes:\n        kp_bins: [0, 7]\n        kp_labels: [\"all\"]\n";

static ws_status read_text(const char *text, int64_t tp, ws_error *err, ws__profile_draft *draft,
                           ws__bundle_meta *out)
{
    ws_files *files = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    if (text != NULL) {
        assert_int_equal(ws_files_put(files, "b/meta.yaml", text, strlen(text)), WS_OK);
    }
    const ws_status status = ws__bundle_meta_read(files, "b", tp, err, draft, out);
    ws_files_destroy(&files);
    return status;
}

static void provenance_and_limits_are_read(void **state)
{
    (void)state;
    static ws__bundle_meta m; /* large */
    ws__profile_draft      draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(read_text(META, 4, NULL, &draft, &m), WS_OK);
    assert_string_equal(m.gpu, "Toy 9000");
    assert_string_equal(m.hardware, "TOY");
    assert_string_equal(m.model, "toy/dense");
    assert_string_equal(m.variant, "bf16");
    assert_string_equal(m.vllm_version, "0.19.0");
    assert_true(m.max_num_seqs == 256 && m.max_num_batched_tokens == 2048);
    assert_true(m.has_skew && m.alpha_default == 0.5 && !m.has_inline_alphas); /* tp 4 was not fitted */
    ws__profile_draft_fini(&draft);
}

/* The first bin is the lower end and belongs to no label. Of the two keys one has a label that the axis
 * lacks. */
static void inline_alphas_use_the_axes_of_the_fit(void **state)
{
    (void)state;
    static ws__bundle_meta m;
    ws__profile_draft      draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(read_text(META, 1, NULL, &draft, &m), WS_OK);
    assert_true(m.has_inline_alphas && m.alpha_default == 0.25 && m.bucket_table[0] == '\0');
    assert_int_equal(m.bins[WS__SKEW_KP].n_labels, 2);
    assert_true(m.bins[WS__SKEW_KP].upper[0] == 10 && m.bins[WS__SKEW_KP].upper[1] == 20);
    assert_int_equal(m.bins[WS__SKEW_N].n_labels, 8); /* built in */
    assert_int_equal(draft.n_alphas, 1);
    assert_true(draft.alphas[0].prefill_tokens == 0 && draft.alphas[0].alpha == 0.125);
    assert_true(draft.alphas[0].label[WS__SKEW_N] == 1 && draft.alphas[0].label[WS__SKEW_RATE] == 2);
    assert_true(draft.alphas[0].label[WS__SKEW_KV_BIG] == 0 && draft.alphas[0].label[WS__SKEW_KP] == 1);
    ws__profile_draft_fini(&draft);
}

static void a_degrees_own_axes_replace_those_of_the_fit(void **state)
{
    (void)state;
    static ws__bundle_meta m;
    ws__profile_draft      draft = WS__PROFILE_DRAFT_INIT;
    uint32_t               label = 9;
    assert_int_equal(read_text(META, 2, NULL, &draft, &m), WS_OK);
    assert_string_equal(m.bucket_table, "skew_fit.csv");
    assert_true(!m.has_inline_alphas && m.alpha_default == 0.0);
    assert_int_equal(m.bins[WS__SKEW_KP].n_labels, 1);
    assert_true(ws__bundle_label(&m, WS__SKEW_KP, "all", 3, &label) && label == 0);
    assert_false(ws__bundle_label(&m, WS__SKEW_KP, "kp<=10", 6, &label));
    assert_false(ws__bundle_label(&m, WS__SKEW_KP, "al", 2, &label));
    ws__profile_draft_fini(&draft);
}

static void keys_have_one_form(void **state)
{
    (void)state;
    static ws__bundle_meta m;
    static const char     *bad[]  = {"",
                                     "pc=0",
                                     "pc=0|n<=4|sr<=40%|kvB<=1k",
                                     "pc=0|n<=4|sr<=40%|kvB<=1k|kp=0|x",
                                     "pc=|n<=4|sr<=40%|kvB<=1k|kp=0",
                                     "pc=-1|n<=4|sr<=40%|kvB<=1k|kp=0",
                                     "pc=1.5|n<=4|sr<=40%|kvB<=1k|kp=0",
                                     "qc=1|n<=4|sr<=40%|kvB<=1k|kp=0",
                                     "pc=1|n<=5|sr<=40%|kvB<=1k|kp=0"};
    static const char      good[] = "pc=512|n>128|sr>70%|kvB>16k|kp>2k";
    ws__alpha              found  = {.alpha = 0};
    assert_int_equal(read_text(NULL, 1, NULL, NULL, &m), WS_OK); /* no file: what is built in */
    assert_false(m.has_skew);
    assert_true(ws__bundle_bucket_key(&m, good, strlen(good), &found));
    assert_true(found.prefill_tokens == 512 && found.label[WS__SKEW_N] == 7 &&
                found.label[WS__SKEW_RATE] == 4);
    assert_true(found.label[WS__SKEW_KV_BIG] == 3 && found.label[WS__SKEW_KP] == 2);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ws__bundle_bucket_key(&m, bad[i], strlen(bad[i]), &found));
    }
}

static void broken_axes_are_refused_by_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"    kp_bins: [0, 10]\n    kp_labels: [\"a\", \"b\"]\n",
         "line 4: kp_bins: expected a list with one number more"},
        {"    kp_bins: [0, 10]\n", "kp_bins: expected bins and labels together"},
        {"    kp_bins: [0]\n    kp_labels: []\n", "line 5: kp_labels: expected a list of 1 to 32 labels"},
        {"    kp_bins: [0, x]\n    kp_labels: [\"a\"]\n", "line 4: kp_bins: expected a number, found \"x\""},
        {"    kp_bins: [0, 1]\n    kp_labels: [\"abcdefghijklmnopqrstuvwxyz\"]\n",
         "line 5: kp_labels: expected a label of at most 23 bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static ws__bundle_meta m;
        char                   text[512];
        ws__profile_draft      draft = WS__PROFILE_DRAFT_INIT;
        ws_error               err   = WS_ERROR_INIT;
        (void)snprintf(
            text, sizeof(text),
            "skew_fit:\n  enabled: true\n  bucket_axes:\n%s  per_tp:\n    1:\n      alpha_default: 1\n",
            cases[i][0]);
        assert_int_equal(read_text(text, 1, &err, &draft, &m), WS_ERR_INPUT);
        if (strstr(ws_error_text(&err), cases[i][1]) == NULL) {
            fail_msg("%s: %s", cases[i][0], ws_error_text(&err));
        }
        ws_error_clear(&err);
        ws__profile_draft_fini(&draft);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(provenance_and_limits_are_read),
        cmocka_unit_test(inline_alphas_use_the_axes_of_the_fit),
        cmocka_unit_test(a_degrees_own_axes_replace_those_of_the_fit),
        cmocka_unit_test(keys_have_one_form),
        cmocka_unit_test(broken_axes_are_refused_by_line),
    };
    return cmocka_run_group_tests_name("hardware.bundle_meta", tests, NULL, NULL);
}
