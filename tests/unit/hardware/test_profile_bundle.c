/* Invariant: a measured bundle answers every lookup as the reference does (worked values of
 * docs/model/serving.md 11.1-11.3, and the slow oracle over its own points), and a broken bundle is refused
 * with file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "hardware/profile_bundle.h"
#include "profile_oracle.h"

enum { PATH_MAX_BYTES = 1024 };

static const char llama[]    = "RTXPRO6000/meta-llama/Llama-3.1-8B/bf16";
static const char qwen_moe[] = "RTXPRO6000/Qwen/Qwen3-30B-A3B-Instruct-2507/bf16";

typedef struct loaded {
    ws_files         *files;
    ws__profile_draft draft;
    ws__bundle_meta   meta;
    ws_profile       *profile;
} loaded;

static void load_measured(loaded *l, const char *bundle, int64_t tp)
{
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/data/profiles/%s", getenv("WS_SHARED_DIR"), bundle);
    ws_error err = WS_ERROR_INIT;
    *l           = (loaded){.draft = WS__PROFILE_DRAFT_INIT};
    assert_int_equal(ws_files_create(&l->files), WS_OK);
    assert_int_equal(
        ws__bundle_read(&(const ws__bundle){l->files, path, tp}, NULL, &err, &l->draft, &l->meta), WS_OK);
    assert_string_equal(ws_error_text(&err), "");
    assert_int_equal(ws__profile_build(&l->draft, &l->profile), WS_OK);
}

static void unload(loaded *l)
{
    ws_profile_destroy(&l->profile);
    ws__profile_draft_fini(&l->draft);
    ws_files_destroy(&l->files);
}

/* docs/model/serving.md 11.1 */
static void worked_dense_and_per_sequence(void **state)
{
    (void)state;
    static const struct {
        ws_layer layer;
        int64_t  count, ns;
    } cases[] = {{WS_LAYER_QKV_PROJ, 10, 36000},    {WS_LAYER_QKV_PROJ, 1000, 172688},
                 {WS_LAYER_QKV_PROJ, 2048, 302965}, {WS_LAYER_QKV_PROJ, 3000, 316233},
                 {WS_LAYER_LM_HEAD, 18, 699142},    {WS_LAYER_SAMPLER, 18, 29333},
                 {WS_LAYER_SAMPLER, 300, 200172}};
    loaded l;
    load_measured(&l, llama, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ws_profile_layer_ns(l.profile, cases[i].layer, cases[i].count), cases[i].ns);
    }
    assert_int_equal(ws_profile_max_num_seqs(l.profile), 256);
    assert_int_equal(ws_profile_max_num_batched_tokens(l.profile), 2048);
    const ws_profile_limits limits = ws_profile_limits_of(l.profile);
    assert_int_equal(limits.tokens, 2048);
    assert_int_equal(limits.sequences, 256);
    assert_int_equal(limits.prefill_tokens, 2048);
    assert_int_equal(limits.n_decodes, 256);
    assert_int_equal(limits.decode_kv, 16384);
    unload(&l);
}

/* docs/model/serving.md 11.2, A to C, and batch rows of 11.5 */
static void worked_attention(void **state)
{
    (void)state;
    static const struct {
        ws_attention_query query;
        int64_t            ns;
    } cases[] = {
        {{0, 0, 4, 400, 1000, 100}, 19383},
        {{100, 64, 4, 400, 1000, 100}, 25258},
        {{16, 0, 200, 500, 500, 500}, 385656},
        {{20, 0, 0, 0, 0, 0}, 7861},
    };
    loaded l;
    load_measured(&l, llama, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ws_profile_attention_ns(l.profile, &cases[i].query), cases[i].ns);
    }
    unload(&l);
}

/* docs/model/serving.md 11.3; moe always comes from tp1 */
static void worked_moe(void **state)
{
    (void)state;
    for (int64_t tp = 1; tp <= 2; tp++) {
        loaded l;
        load_measured(&l, qwen_moe, tp);
        assert_int_equal(ws_profile_moe_ns(l.profile, 10, 40), 275789);
        assert_int_equal(ws_profile_moe_ns(l.profile, 10, 32), 226607);
        assert_int_equal(ws_profile_moe_ns(l.profile, 10, 28), 201914);
        assert_int_equal(ws_profile_moe_ns(l.profile, 10, 8), 53010);
        unload(&l);
    }
}

/* Layers that do not shrink are tp1's at tp2; the others are tp2's own. */
static void stable_layers_come_from_tp1(void **state)
{
    (void)state;
    loaded one, two;
    load_measured(&one, llama, 1);
    load_measured(&two, llama, 2);
    for (int64_t n = 1; n < 300; n += 13) {
        assert_int_equal(ws_profile_layer_ns(one.profile, WS_LAYER_LAYERNORM, n),
                         ws_profile_layer_ns(two.profile, WS_LAYER_LAYERNORM, n));
        assert_int_equal(ws_profile_layer_ns(one.profile, WS_LAYER_SAMPLER, n),
                         ws_profile_layer_ns(two.profile, WS_LAYER_SAMPLER, n));
        assert_true(ws_profile_layer_ns(one.profile, WS_LAYER_LM_HEAD, n) >
                    ws_profile_layer_ns(two.profile, WS_LAYER_LM_HEAD, n));
    }
    unload(&one);
    unload(&two);
}

static void measured_attention_agrees_with_the_oracle(void **state)
{
    (void)state;
    loaded l;
    ws_rng rng;
    load_measured(&l, llama, 2);
    ws_rng_seed(&rng, 99);
    for (int i = 0; i < 60; i++) {
        ws_attention_query q = {.prefill_tokens = i % 3 == 0 ? 0 : ws_rng_below(&rng, 2100),
                                .prefill_kv     = ws_rng_below(&rng, 3000),
                                .n_decodes      = ws_rng_below(&rng, 280),
                                .kv_min         = ws_rng_below(&rng, 500)};
        q.kv_mean            = q.kv_min + ws_rng_below(&rng, 1000);
        q.kv_max             = q.kv_mean + ws_rng_below(&rng, 8000);
        assert_int_equal(ws_profile_attention_ns(l.profile, &q), oracle_attention(&l.draft, &q));
    }
    unload(&l);
}

/* ---- broken inputs ---- */

static void put(ws_files *files, const char *path, const char *text)
{
    assert_int_equal(ws_files_put(files, path, text, strlen(text)), WS_OK);
}

/* Read bundle "b" with one file replaced; expect a message. */
static void expect_refused(const char *path, const char *text, const char *message)
{
    ws_files         *files = NULL;
    ws_error          err   = WS_ERROR_INIT;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(ws_files_create(&files), WS_OK);
    put(files, "b/tp1/dense.csv", "layer,tokens,time_us\nembedding,1,2.5\n");
    put(files, path, text);
    assert_int_equal(ws__bundle_read(&(const ws__bundle){files, "b", 1}, NULL, &err, &draft, NULL),
                     WS_ERR_INPUT);
    if (strstr(ws_error_text(&err), message) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", message, ws_error_text(&err));
    }
    ws_error_clear(&err);
    ws__profile_draft_fini(&draft);
    ws_files_destroy(&files);
}

static void broken_tables_are_refused_with_file_and_line(void **state)
{
    (void)state;
    expect_refused("b/tp1/dense.csv", "", "b/tp1/dense.csv: line 1: expected a header");
    expect_refused("b/tp1/dense.csv", "layer,tokens\na,1\n",
                   "b/tp1/dense.csv: line 1: expected a column time_us");
    expect_refused("b/tp1/dense.csv", "layer,tokens,time_us\nembedding,1,1\n\nembedding,2\n",
                   "b/tp1/dense.csv: line 4: expected 3 fields, found 2");
    expect_refused("b/tp1/dense.csv", "layer,tokens,time_us\r\nembedding,x,1\r\n",
                   "line 2: tokens: expected an integer from 1 to 2147483648, found \"x\"");
    expect_refused("b/tp1/dense.csv", "layer,tokens,time_us\nembedding,0,1\n",
                   "line 2: tokens: expected an integer from 1");
    expect_refused("b/tp1/dense.csv", "layer,tokens,time_us\nembedding,1,nan\n",
                   "line 2: time_us: expected a number");
    expect_refused("b/tp1/per_sequence.csv", "layer,sequences,time_us\nsampler,1,-3\n",
                   "b/tp1/per_sequence.csv: line 2: time_us");
    expect_refused("b/tp1/attention.csv", "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n0,0,-1,0,1\n",
                   "b/tp1/attention.csv: line 2: n_decode: expected an integer from 0");
    expect_refused("b/tp1/moe.csv", "tokens,activated_experts,time_us\n1,8,\n",
                   "b/tp1/moe.csv: line 2: time_us");
}

static void broken_metadata_is_refused_with_file_and_line(void **state)
{
    (void)state;
    expect_refused("b/meta.yaml", "a: [1, 2\n", "b/meta.yaml: line 2: expected YAML");
    expect_refused("b/meta.yaml", "- 1\n", "b/meta.yaml: line 1: the document: expected a mapping");
    expect_refused("b/meta.yaml", "engine_effective:\n  max_num_seqs: many\n",
                   "line 2: max_num_seqs: expected a number");
    expect_refused("b/meta.yaml", "skew_fit:\n  enabled: perhaps\n",
                   "line 2: enabled: expected true or false");
    expect_refused("b/meta.yaml",
                   "skew_fit:\n  enabled: true\n  bucket_axes:\n    n_bins: [0, 1]\n    n_labels: [a, b]\n  "
                   "per_tp:\n    1: {x: 1}\n",
                   "line 4: n_bins: expected a list with one number more");
}

/* 129 chunks: more pairs than any measurement has. And rows that share no axis still load, and answer. */
static void odd_tables_neither_hang_nor_grow_without_bound(void **state)
{
    (void)state;
    ws_strbuf text = WS_STRBUF_INIT;
    ws_strbuf_puts(&text, "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n");
    for (int i = 0; i < 129; i++) {
        ws_strbuf_printf(&text, "%d,0,%d,0,1\n", i, i);
    }
    expect_refused("b/tp1/attention.csv", ws_strbuf_text(&text),
                   "b/tp1/attention.csv: prefill_chunk: expected at most 128 different values");
    ws_strbuf_clear(&text);
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(ws__draft_add_attention(&draft, 0, i, 1, 60000 + i, 100.0 + i), WS_OK);
    }
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    assert_true(profile->block_bytes < (size_t)16 << 20);
    assert_int_equal(ws_profile_attention_ns(profile, &(ws_attention_query){0, 1999, 1, 5, 5, 5}), 2099);
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
    ws_strbuf_fini(&text);
}

/* All broken rows of a file are reported, not just the first. */
static void every_broken_row_is_told(void **state)
{
    (void)state;
    ws_files         *files = NULL;
    ws_error          err   = WS_ERROR_INIT;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    assert_int_equal(ws_files_create(&files), WS_OK);
    put(files, "b/tp1/dense.csv", "layer,tokens,time_us\nembedding,x,1\nembedding,2,2\nembedding,3,y\n");
    assert_int_equal(ws__bundle_read(&(const ws__bundle){files, "b", 1}, NULL, &err, &draft, NULL),
                     WS_ERR_INPUT);
    assert_int_equal(err.n_problems, 2);
    ws_error_clear(&err);
    ws__profile_draft_fini(&draft);
    ws_files_destroy(&files);
}

/* ---- skew tables by hand ---- */

static const char flat_attention[] = "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n"
                                     "0,0,4,0,0\n0,0,4,1000,100\n";

/* t(kd) = 100 kd ns; with kmean 400 and kmax 800: 40000 + alpha 40000. */
static int64_t skewed_ns(const char *meta, const char *alphas)
{
    ws_files          *files = NULL;
    ws_error           err   = WS_ERROR_INIT;
    ws__profile_draft  draft = WS__PROFILE_DRAFT_INIT;
    ws_profile        *p     = NULL;
    ws_attention_query q     = {0, 0, 4, 400, 800, 0};
    assert_int_equal(ws_files_create(&files), WS_OK);
    put(files, "b/tp1/attention.csv", flat_attention);
    put(files, "b/meta.yaml", meta);
    if (alphas != NULL) {
        put(files, "b/tp1/skew_fit.csv", alphas);
    }
    assert_int_equal(ws__bundle_read(&(const ws__bundle){files, "b", 1}, NULL, &err, &draft, NULL), WS_OK);
    assert_int_equal(ws__profile_build(&draft, &p), WS_OK);
    const int64_t ns = ws_profile_attention_ns(p, &q);
    ws_profile_destroy(&p);
    ws__profile_draft_fini(&draft);
    ws_files_destroy(&files);
    return ns;
}

static void alphas_come_from_where_the_metadata_says(void **state)
{
    (void)state;
    static const char head[]  = "pc,n_label,skew_rate_label,kv_big_label,kp_label,alpha,n_samples\n";
    static const char table[] = "skew_fit:\n  enabled: true\n  per_tp:\n    1: {alpha_default: 0.25, "
                                "bucket_table: tp1/skew_fit.csv}\n";
    char              hit[256], raw[256];
    (void)snprintf(hit, sizeof(hit), "%s0,n<=4,sr<=70%%,kvB<=1k,kp=0,0.5,1\n", head);
    (void)snprintf(raw, sizeof(raw),
                   "pc,n_label,skew_rate_label,kv_big_label,kp_label,alpha,n_samples,raw_key\n"
                   ",,,,,0.75,1,pc=0|n<=4|sr<=70%%|kvB<=1k|kp=0\n");
    assert_int_equal(skewed_ns("skew_fit: {enabled: false}\n", hit), 40000);
    assert_int_equal(skewed_ns("gpu: none\n", NULL), 40000);
    assert_int_equal(skewed_ns("skew_fit: {enabled: true, alpha_default: 0.1}\n", NULL),
                     44000);                         /* no entry for this tp */
    assert_int_equal(skewed_ns(table, NULL), 50000); /* table missing */
    assert_int_equal(skewed_ns(table, hit), 60000);
    assert_int_equal(skewed_ns(table, raw), 70000);
    assert_int_equal(skewed_ns("skew_fit:\n  enabled: true\n  per_tp:\n    1:\n      alpha_by_bucket:\n"
                               "        pc=0|n<=4|sr<=70%|kvB<=1k|kp=0: 1.0\n",
                               hit),
                     80000); /* inline entries win over the table */
    assert_int_equal(skewed_ns("skew_fit:\n  enabled: true\n  per_tp: {1: {}}\n", NULL), 40000);
}

int main(void)
{
    const struct CMUnitTest made_up[] = {
        cmocka_unit_test(broken_tables_are_refused_with_file_and_line),
        cmocka_unit_test(broken_metadata_is_refused_with_file_and_line),
        cmocka_unit_test(odd_tables_neither_hang_nor_grow_without_bound),
        cmocka_unit_test(every_broken_row_is_told),
        cmocka_unit_test(alphas_come_from_where_the_metadata_says),
    };
    const struct CMUnitTest measured[] = {
        cmocka_unit_test(worked_dense_and_per_sequence),
        cmocka_unit_test(worked_attention),
        cmocka_unit_test(worked_moe),
        cmocka_unit_test(stable_layers_come_from_tp1),
        cmocka_unit_test(measured_attention_agrees_with_the_oracle),
    };
    const int failed = cmocka_run_group_tests(made_up, NULL, NULL);
    ws_files *files  = NULL;
    char      path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof(path), "%s/data/profiles/%s/meta.yaml",
                   getenv("WS_SHARED_DIR") ? getenv("WS_SHARED_DIR") : "", llama);
    if (failed != 0 || ws_files_create(&files) != WS_OK) {
        return failed != 0 ? failed : 1;
    }
    const bool there = ws_files_has(files, path);
    ws_files_destroy(&files);
    if (!there) {
        print_message("skipped: no measured bundles (%s)\n", path);
        return 77;
    }
    return cmocka_run_group_tests(measured, NULL, NULL);
}
