/* Invariant: a compact profile says what it holds and how wrong it is: the shipped files reproduce their own
 * error statistics on the bundles they were fitted to, a written file reads back the same, and a broken one
 * is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hardware/profile_compact.h"
#include "profiling/profile_fit.h"
#include "profiling/compact_write.h"
#include "profiling/profile_check.h"
#include "temp_files.h"

static const char small[] =
    "{\"format\": \"wattsweep compact profile\", \"version\": 1, \"max_num_seqs\": 256,\n"
    " \"stable_layers\": {\"layernorm\": {\"count\": [1, 101], \"ns\": [50, 150]}},\n"
    " \"moe\": {\"experts\": [8, 16], \"tokens\": [1, 11], \"ns\": [100, 200, 300, 400]},\n"
    " \"tp\": [{\"degree\": 2, \"layers\": {\"qkv_proj\": {\"count\": [1, 11], \"ns\": [100, 200]}},\n"
    "  \"attention\": {\"decode\": {\"n_decodes\": [1, 5], \"decode_kv\": [0, 100], \"ns\": [10, 110, 50, "
    "550]},\n"
    "   \"prefill\": {\"prefill_tokens\": [10, 20], \"prefill_kv\": [0], \"ns\": [40, 80]},\n"
    "   \"mixed\": {\"prefill_tokens\": [10, 20], \"n_decodes\": [1], \"prefill_kv\": [0], \"decode_kv\": "
    "[0, 100],\n"
    "    \"ns\": [60, 160, 100, 200]}},\n"
    "  \"skew\": {\"alpha_default\": 0.5, \"n_decodes_up_to\": [2, 100], \"rate_up_to\": [1], \"alpha\": "
    "[null, 0.25]}}]}";

static ws_status read_text(const char *text, ws_error *err, ws__compact *compact)
{
    ws_files *files = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "c.json", text, strlen(text)), WS_OK);
    const ws_status status = ws__compact_read(files, "c.json", err, compact);
    ws_files_destroy(&files);
    return status;
}

static ws_profile *expand(const ws__compact *compact, int64_t tp)
{
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    assert_int_equal(ws__compact_expand(compact, tp, &draft), WS_OK);
    assert_int_equal(ws__profile_build(&draft, &profile), WS_OK);
    ws__profile_draft_fini(&draft);
    return profile;
}

static ws__compact *compact_new(void)
{
    ws__compact *compact = calloc(1, sizeof(*compact));
    assert_non_null(compact);
    return compact;
}

/* Halfway between keys is halfway between values, in every kind of grid; each kind answers its own kind of
 * batch. */
static void grids_are_expanded_onto_tables(void **state)
{
    (void)state;
    ws_error     err     = WS_ERROR_INIT;
    ws__compact *compact = compact_new();
    assert_int_equal(read_text(small, &err, compact), WS_OK);
    ws_profile *p = expand(compact, 2);
    assert_int_equal(ws_profile_kind_of(p), WS_PROFILE_COMPACT);
    assert_int_equal(ws_profile_max_num_seqs(p), 256);
    assert_int_equal(ws_profile_layer_ns(p, WS_LAYER_LAYERNORM, 51), 100);
    assert_int_equal(ws_profile_layer_ns(p, WS_LAYER_QKV_PROJ, 6), 150);
    assert_int_equal(ws_profile_moe_ns(p, 6, 12), 250);
    assert_int_equal(ws_profile_attention_ns(p, &(ws_attention_query){0, 0, 3, 50, 50, 50}), 180);
    assert_int_equal(ws_profile_attention_ns(p, &(ws_attention_query){15, 0, 0, 0, 0, 0}), 60);
    assert_int_equal(ws_profile_attention_ns(p, &(ws_attention_query){15, 0, 1, 50, 50, 50}), 130);
    /* 5 decodes at 50, one at 100: 300 + 0.25 * (550 - 300) = 362.5, to even; with a chunk the default 0.5
     * holds */
    assert_int_equal(ws_profile_attention_ns(p, &(ws_attention_query){0, 0, 5, 50, 100, 20}), 362);
    assert_false(ws_profile_has(p, WS_LAYER_SAMPLER));
    ws_profile_destroy(&p);
    ws__compact_fini(compact);
    free(compact);
}

static void a_written_file_reads_back_the_same(void **state)
{
    (void)state;
    ws_error     err     = WS_ERROR_INIT;
    ws__compact *compact = compact_new(), *again = compact_new();
    ws_strbuf    first = WS_STRBUF_INIT, second = WS_STRBUF_INIT;
    assert_int_equal(read_text(small, &err, compact), WS_OK);
    ws__compact_write(compact, &first);
    assert_int_equal(read_text(ws_strbuf_text(&first), &err, again), WS_OK);
    ws__compact_write(again, &second);
    assert_string_equal(ws_strbuf_text(&first), ws_strbuf_text(&second));
    ws_profile *a = expand(compact, 2), *b = expand(again, 2);
    assert_int_equal(a->block_bytes, b->block_bytes);
    assert_memory_equal(a, b, a->block_bytes);
    ws_profile_destroy(&a);
    ws_profile_destroy(&b);
    ws_strbuf_fini(&first);
    ws_strbuf_fini(&second);
    ws__compact_fini(compact);
    ws__compact_fini(again);
    free(compact);
    free(again);
}

/* Replace one part of the small file and expect a message. */
static void expect_refused(const char *part, const char *instead, const char *message)
{
    char         text[2048];
    ws_error     err     = WS_ERROR_INIT;
    ws__compact *compact = compact_new();
    const char  *at      = strstr(small, part);
    assert_non_null(at);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - small), small, instead, at + strlen(part));
    assert_int_equal(read_text(text, &err, compact), WS_ERR_INPUT);
    if (strstr(ws_error_text(&err), message) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", message, ws_error_text(&err));
    }
    ws_error_clear(&err);
    ws__compact_fini(compact);
    free(compact);
}

static void broken_files_are_refused_with_place(void **state)
{
    (void)state;
    expect_refused("wattsweep compact profile", "something",
                   "c.json: /format: expected \"wattsweep compact profile\"");
    expect_refused("\"version\": 1", "\"version\": 2", "c.json: /version");
    expect_refused("\"layernorm\"", "\"qkv_proj\"",
                   "c.json: /stable_layers/qkv_proj: expected the name of a layer that does not");
    expect_refused("{\"qkv_proj\"", "{\"layernorm\"",
                   "c.json: /tp/0/layers/layernorm: expected the name of a layer that shrinks");
    expect_refused("[1, 101]", "[101, 1]",
                   "c.json: /stable_layers/layernorm/count/1: expected a number above the one before");
    expect_refused("[1, 101]", "[]", "c.json: /stable_layers/layernorm/count: expected a list of 1 to 192");
    expect_refused("[100, 200, 300, 400]", "[100, 200, 300]",
                   "c.json: /moe/ns: expected a list of 4 numbers");
    expect_refused("[10, 110, 50, 550]", "[10, 110, 50, -1]", "c.json: /tp/0/attention/decode/ns/3");
    expect_refused("\"degree\": 2", "\"degree\": 0", "c.json: /tp/0/degree");
    expect_refused("[null, 0.25]", "[0.25]",
                   "c.json: /tp/0/skew/alpha: expected a list of 2 numbers or nulls, found 1");
    expect_refused("\"moe\"", "\"meo\"", "c.json: /meo: unknown key");
}

/* A bundle of three straight lines needs six numbers and has no error. */
static void fitting_a_straight_bundle_is_exact(void **state)
{
    (void)state;
    char      dir[TEMP_PATH_MAX];
    ws_strbuf text = WS_STRBUF_INIT;
    assert_true(temp_folder_make(dir, sizeof(dir)));
    ws_strbuf_puts(&text, "layer,tokens,time_us\n");
    for (int n = 1; n <= 64; n++) {
        ws_strbuf_printf(&text, "qkv_proj,%d,%d\nlayernorm,%d,%d\n", n, 100 + 2 * n, n, 10 + n);
    }
    temp_write(dir, "tp1/dense.csv", ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
    ws_files           *files = NULL;
    ws_error            err   = WS_ERROR_INIT;
    ws__compact        *fit   = compact_new();
    const ws__fit_goals goals = ws__fit_goals_default();
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws__fit_bundle(files, dir, &goals, &err, fit), WS_OK);
    assert_int_equal(fit->n_tps, 1);
    assert_int_equal(fit->tps[0].layers[WS_LAYER_QKV_PROJ].n_keys[0], 2);
    assert_int_equal(fit->stable[WS_LAYER_LAYERNORM].n_keys[0], 2);
    assert_null(fit->tps[0].decode.values);
    assert_int_equal(fit->tps[0].error.classes[WS__CHECK_DENSE].n_points, 128);
    assert_true(fit->tps[0].error.classes[WS__CHECK_DENSE].max < 1e-4);
    ws__compact_fini(fit);
    free(fit);
    ws_files_destroy(&files);
    temp_remove(dir, "tp1/dense.csv");
}

/* ---- shipped files ---- */

static void check_shipped(const char *name)
{
    char         path[1024], bundle[1024];
    ws_files    *files   = NULL;
    ws_error     err     = WS_ERROR_INIT;
    ws__compact *compact = compact_new();
    ws_json_doc *doc     = NULL;
    ws_bytes     bytes;
    assert_int_equal(ws_files_create(&files), WS_OK);
    (void)snprintf(path, sizeof(path), "%s/configs/hardware/%s.json", getenv("WS_SOURCE_DIR"), name);
    (void)snprintf(bundle, sizeof(bundle), "%s/data/profiles/%s", getenv("WS_SHARED_DIR"), name);
    assert_int_equal(ws__compact_read(files, path, &err, compact), WS_OK);
    assert_int_equal(ws_files_read(files, path, &err, &bytes), WS_OK);
    assert_int_equal(ws_json_doc_parse(path, bytes.data, bytes.len, &err, &doc), WS_OK);
    for (size_t t = 0; t < compact->n_tps; t++) {
        ws__profile_draft measured = WS__PROFILE_DRAFT_INIT;
        ws_profile       *p        = expand(compact, compact->tps[t].degree);
        ws__check_report  report;
        assert_int_equal(ws__bundle_read(&(const ws__bundle){files, bundle, compact->tps[t].degree}, NULL,
                                         &err, &measured, NULL),
                         WS_OK);
        ws__points_sort(&measured.layers);
        ws__points_sort(&measured.attention);
        assert_int_equal(ws__check_points(p, &measured, &report), WS_OK);
        for (int kind = 0; kind < WS__CHECK_STEP; kind++) {
            char pointer[128];
            (void)snprintf(pointer, sizeof(pointer), "/tp/%zu/error/%s/mean", t,
                           ws__check_class_name((ws__check_class)kind));
            const ws_json stated = ws_json_resolve(ws_json_doc_root(doc), pointer);
            if (report.classes[kind].n_points > 0) {
                assert_true(fabs(ws_json_number(stated) / report.classes[kind].mean - 1.0) < 0.01);
            } else {
                assert_null(stated.item);
            }
        }
        assert_true(report.classes[WS__CHECK_DENSE].mean < 0.02);
        assert_true(report.classes[WS__CHECK_DECODE].mean < 0.02);
        assert_true(report.classes[WS__CHECK_MIXED].mean < 0.06);
        ws_profile_destroy(&p);
        ws__profile_draft_fini(&measured);
    }
    ws_json_doc_destroy(&doc);
    ws__compact_fini(compact);
    free(compact);
    ws_files_destroy(&files);
}

static void shipped_files_state_their_error(void **state)
{
    (void)state;
    check_shipped("RTXPRO6000/meta-llama/Llama-3.1-8B/bf16");
    check_shipped("RTXPRO6000/Qwen/Qwen3-32B/bf16");
    check_shipped("RTXPRO6000/Qwen/Qwen3-30B-A3B-Instruct-2507/bf16");
    check_shipped("A6000/meta-llama/Llama-3.1-8B/bf16");
}

int main(void)
{
    const struct CMUnitTest made_up[] = {
        cmocka_unit_test(grids_are_expanded_onto_tables),
        cmocka_unit_test(a_written_file_reads_back_the_same),
        cmocka_unit_test(broken_files_are_refused_with_place),
        cmocka_unit_test(fitting_a_straight_bundle_is_exact),
    };
    const struct CMUnitTest measured[] = {cmocka_unit_test(shipped_files_state_their_error)};
    const char             *shared     = getenv("WS_SHARED_DIR");
    char                    path[1024];
    const int               failed = cmocka_run_group_tests(made_up, NULL, NULL);
    (void)snprintf(path, sizeof(path), "%s/data/profiles/A6000/meta-llama/Llama-3.1-8B/bf16/meta.yaml",
                   shared != NULL ? shared : "");
    FILE *there = fopen(path, "r");
    if (failed != 0 || there == NULL) {
        print_message("skipped: no measured bundles (%s)\n", path);
        return failed != 0 ? failed : 77;
    }
    (void)fclose(there);
    return cmocka_run_group_tests(measured, NULL, NULL);
}
