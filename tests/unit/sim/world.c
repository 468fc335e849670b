#include "world.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_CAP = 512, MAX_POLLS = 200 };

/* ---- files on disk: bundles are found by listing folders ---- */

static const char *const BUNDLE_FOLDERS[] = {
    "profiles",
    "profiles/TOY",
    "profiles/TOY/toy",
    "profiles/TOY/toy/dense",
    "profiles/TOY/toy/dense/bf16",
    "profiles/TOY/toy/experts",
    "profiles/TOY/toy/experts/bf16",
};
enum { N_FOLDERS = sizeof(BUNDLE_FOLDERS) / sizeof(BUNDLE_FOLDERS[0]) };
static const int64_t TP_DEGREES[] = {1, 2, 4};
enum { N_DEGREES = 3 };
static const char *const MODELS[] = {"dense", "experts"};
static const char *const TABLES[] = {"dense.csv", "per_sequence.csv", "attention.csv", "moe.csv"};
enum { N_TABLES = 4 };

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

/* Times are linear in every argument, so that interpolation between grid points is no concern of these tests.
 */
static void dense_table(int64_t tp, ws_strbuf *out)
{
    static const int tokens[] = {1, 16, 256, 2048};
    ws_strbuf_puts(out, "layer,tokens,time_us\n");
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        for (size_t i = 0; ws_layer_category((ws_layer)layer) == WS_CATEGORY_DENSE && i < 4; i++) {
            ws_strbuf_printf(out, "%s,%d,%.3f\n", ws_layer_name((ws_layer)layer), tokens[i],
                             2.0 + 0.3 * layer + (double)tokens[i] * 0.02 / (double)tp);
        }
    }
}

static void sequence_table(int64_t tp, ws_strbuf *out)
{
    static const int sequences[] = {1, 8, 64};
    ws_strbuf_puts(out, "layer,sequences,time_us\n");
    for (size_t i = 0; i < 3; i++) {
        ws_strbuf_printf(out, "lm_head,%d,%.3f\nsampler,%d,%.3f\n", sequences[i],
                         5.0 + 0.4 * sequences[i] / (double)tp, sequences[i], 3.0 + 0.1 * sequences[i]);
    }
}

static void attention_table(int64_t tp, ws_strbuf *out)
{
    static const int prefill[] = {0, 16, 256}, history[] = {0, 512}, decodes[] = {0, 1, 16},
                     kv[] = {16, 1024};
    ws_strbuf_puts(out, "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n");
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < (prefill[a] > 0 ? 2 : 1); b++) {
            for (int c = prefill[a] > 0 ? 0 : 1; c < 3; c++) {
                for (int d = 0; d < (decodes[c] > 0 ? 2 : 1); d++) {
                    const int    kv_decode = decodes[c] > 0 ? kv[d] : 0;
                    const double work =
                        prefill[a] * (1.0 + 0.002 * history[b]) + 0.003 * decodes[c] * kv_decode;
                    ws_strbuf_printf(out, "%d,%d,%d,%d,%.3f\n", prefill[a], history[b], decodes[c], kv_decode,
                                     3.0 + 0.02 * work / (double)tp);
                }
            }
        }
    }
}

static void moe_table(ws_strbuf *out)
{
    static const int tokens[] = {1, 16, 256}, experts[] = {1, 2, 4, 8};
    ws_strbuf_puts(out, "tokens,activated_experts,time_us\n");
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 4; k++) {
            ws_strbuf_printf(out, "%d,%d,%.3f\n", tokens[i], experts[k],
                             4.0 + 0.05 * tokens[i] + 0.9 * experts[k]);
        }
    }
}

static void write_table(const world *w, const char *model, int64_t tp, int table)
{
    char      path[PATH_CAP];
    ws_strbuf text = WS_STRBUF_INIT;
    switch (table) {
    case 0:
        dense_table(tp, &text);
        break;
    case 1:
        sequence_table(tp, &text);
        break;
    case 2:
        attention_table(tp, &text);
        break;
    default:
        moe_table(&text);
        break;
    }
    (void)snprintf(path, sizeof(path), "%s/profiles/TOY/toy/%s/bf16/tp%d/%s", w->dir, model, (int)tp,
                   TABLES[table]);
    write_file(path, ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
}

static const char META[] = "hardware: TOY\nvariant: bf16\n"
                           "engine_effective:\n  max_num_batched_tokens: 2048\n  max_num_seqs: 256\n"
                           "skew_fit:\n  enabled: true\n  alpha_default: 0.1\n"
                           "  per_tp:\n    1:\n      alpha_default: 0.1\n";

static void write_bundles(const world *w)
{
    char path[PATH_CAP];
    for (int i = 0; i < N_FOLDERS; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", w->dir, BUNDLE_FOLDERS[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (int m = 0; m < 2; m++) {
        (void)snprintf(path, sizeof(path), "%s/profiles/TOY/toy/%s/bf16/meta.yaml", w->dir, MODELS[m]);
        write_file(path, META);
        for (int k = 0; k < N_DEGREES; k++) {
            (void)snprintf(path, sizeof(path), "%s/profiles/TOY/toy/%s/bf16/tp%d", w->dir, MODELS[m],
                           (int)TP_DEGREES[k]);
            assert_int_equal(mkdir(path, 0700), 0);
            for (int t = 0; t < N_TABLES; t++) {
                write_table(w, MODELS[m], TP_DEGREES[k], t);
            }
        }
    }
}

static void remove_bundles(const world *w)
{
    char path[PATH_CAP];
    for (int m = 0; m < 2; m++) {
        for (int k = 0; k < N_DEGREES; k++) {
            for (int t = 0; t < N_TABLES; t++) {
                (void)snprintf(path, sizeof(path), "%s/profiles/TOY/toy/%s/bf16/tp%d/%s", w->dir, MODELS[m],
                               (int)TP_DEGREES[k], TABLES[t]);
                (void)unlink(path);
            }
            (void)snprintf(path, sizeof(path), "%s/profiles/TOY/toy/%s/bf16/tp%d", w->dir, MODELS[m],
                           (int)TP_DEGREES[k]);
            (void)rmdir(path);
        }
        (void)snprintf(path, sizeof(path), "%s/profiles/TOY/toy/%s/bf16/meta.yaml", w->dir, MODELS[m]);
        (void)unlink(path);
    }
    for (int i = N_FOLDERS - 1; i >= 0; i--) {
        (void)snprintf(path, sizeof(path), "%s/%s", w->dir, BUNDLE_FOLDERS[i]);
        (void)rmdir(path);
    }
    (void)rmdir(w->dir);
}

/* ---- files in the cache ---- */

void world_put(const world *w, const char *path_in_world, const char *text)
{
    char path[PATH_CAP];
    (void)snprintf(path, sizeof(path), "%s/%s", w->dir, path_in_world);
    assert_int_equal(ws_files_put(w->files, path, text, strlen(text)), WS_OK);
}

static void put_models(const world *w)
{
#define SHAPE                                                                                                \
    "\"hidden_size\": 64, \"num_hidden_layers\": 4, \"num_attention_heads\": 8, \"num_key_value_heads\": "   \
    "4, "                                                                                                    \
    "\"head_dim\": 16, \"intermediate_size\": 128, \"vocab_size\": 256, \"max_position_embeddings\": 2048, " \
    "\"torch_dtype\": \"bfloat16\"}"
    world_put(w, "model/toy/dense.json", "{\"model_type\": \"llama\", " SHAPE);
    world_put(w, "model/toy/experts.json",
              "{\"model_type\": \"mixtral\", \"num_local_experts\": 8, \"num_experts_per_tok\": 2, " SHAPE);
#undef SHAPE
}

/* ---- the world ---- */

static void need(const world *w, ws_status status, const char *what)
{
    if (status != WS_OK) {
        fail_msg("%s: %s: %s", what, ws_status_text(status), ws_error_text(&w->err));
    }
}

void world_init(world *w)
{
    char              configs[PATH_CAP];
    const char       *source = getenv("WS_SOURCE_DIR");
    const char *const dirs[] = {w->dir};
    assert_non_null(source);
    *w = (world){.err = WS_ERROR_INIT};
    assert_true(temp_folder_make(w->dir, sizeof(w->dir)));
    write_bundles(w);
    assert_int_equal(ws_files_create(&w->files), WS_OK);
    put_models(w);
    (void)snprintf(configs, sizeof(configs), "%s/configs", source);
    assert_int_equal(ws_inputs_create(w->files, dirs, 1, configs, &w->inputs), WS_OK);
    assert_int_equal(ws_run_create(&w->run), WS_OK);
}

void world_fini(world *w)
{
    ws_run_destroy(&w->run);
    ws_inputs_destroy(&w->inputs);
    ws_files_destroy(&w->files);
    ws_error_clear(&w->err);
    remove_bundles(w);
}

ws_status world_scenario(world *w, const char *cluster, const char *dataset, const ws_options *options,
                         ws_scenario **out)
{
    char         path[PATH_CAP];
    ws_json_doc *doc = NULL;
    ws_error_clear(&w->err);
    need(w, ws_json_doc_parse("cluster.json", cluster, strlen(cluster), &w->err, &doc), cluster);
    (void)snprintf(path, sizeof(path), "%s/dataset_%d.jsonl", w->dir, w->n_datasets++);
    assert_int_equal(ws_files_put(w->files, path, dataset, strlen(dataset)), WS_OK);
    const ws_scenario_request request = {
        .cluster = ws_json_doc_root(doc), .dataset = path, .options = *options, .slo = WS_SLO_NONE};
    const ws_status status = ws_scenario_create(w->inputs, &request, &w->err, out);
    ws_json_doc_destroy(&doc);
    return status;
}

ws_scenario *world_need_scenario(world *w, const char *cluster, const char *dataset,
                                 const ws_options *options)
{
    ws_scenario *scenario = NULL;
    need(w, world_scenario(w, cluster, dataset, options, &scenario), cluster);
    return scenario;
}

/* Polled every few thousand rounds of the event loop: a run that needs that many hangs. */
static bool gives_up(void *ctx)
{
    int *n_polls = ctx;
    return ++*n_polls > MAX_POLLS;
}

ws_status world_simulate(world *w, const ws_scenario *scenario, const ws_result **out)
{
    int                 n_polls = 0;
    const ws_run_limits limits  = {
         .struct_size = sizeof(ws_run_limits), .should_stop = gives_up, .ctx = &n_polls};
    ws_error_clear(&w->err);
    return ws_simulate(scenario, w->run, &limits, &w->err, out);
}

const ws_result *world_need_result(world *w, const ws_scenario *scenario)
{
    const ws_result *result = NULL;
    need(w, world_simulate(w, scenario, &result), "simulation");
    return result;
}

const char *world_cluster(double npu_mem_gib, const char *instance)
{
    static char text[4096];
    const int   len = snprintf(
          text, sizeof(text),
          "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [{\"num_instances\": 1, "
            "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": "
            "[{\"model_name\": \"toy/dense\", "
            "\"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": %.9g, \"mem_bw\": 1000, "
            "\"mem_latency\": 0}%s}]}]}",
          npu_mem_gib, instance);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    return text;
}
