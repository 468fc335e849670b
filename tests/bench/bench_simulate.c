/* bench_simulate -- how fast ws_simulate() is: requests per second, ns per step, ns per scheduled token, and
 * what tracking power costs.
 *
 *   build/release/tests/bench_simulate [DATA_FOLDER [SECONDS [NAME]]]
 *
 * DATA_FOLDER holds measured profiles and workloads (default: ../shared/data next to the project, where it
 * exists); without it the bundled compact profiles and workloads/sharegpt_like.jsonl serve. NAME is part of
 * "cluster, fidelity" of the rows to run (default: all). 300 requests a run, 30 with PIM, whose every entry
 * is an event. Each row runs with and without power by turns, about SECONDS (default 0.5) each; the fastest
 * run of each counts, since everything else on the machine only adds time. Prints a table; never fails on
 * time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "engine.h"

#define LLAMA "meta-llama/Llama-3.1-8B"
#define MIXTURE "Qwen/Qwen3-30B-A3B-Instruct-2507"

enum { PATH_CAP = 4096, MIN_RUNS = 3 };

/** A cluster: instances are alike, or alternate between two kinds. */
typedef struct bench_row {
    const char *name, *model;
    int         n_nodes, n_instances; /* instances of a node */
    const char *keys[2];              /* further keys of even and odd instances */
    ws_fidelity fidelity;
    const char *pim; /* file of the nodes' PIM memory, NULL = none */
} bench_row;

#define ALIKE(keys)                                                                                          \
    {                                                                                                        \
        keys, keys                                                                                           \
    }
static const bench_row rows[] = {
    {"1 NPU", LLAMA, 1, 1, ALIKE(""), WS_FIDELITY_PHYSICAL, NULL},
    {"1 NPU", LLAMA, 1, 1, ALIKE(""), WS_FIDELITY_REFERENCE, NULL},
    {"TP 2", LLAMA, 1, 1, ALIKE(",\"tp_size\":2"), WS_FIDELITY_PHYSICAL, NULL},
    {"TP 2", LLAMA, 1, 1, ALIKE(",\"tp_size\":2"), WS_FIDELITY_REFERENCE, NULL},
    {"8 instances, 2 nodes", LLAMA, 2, 4, ALIKE(""), WS_FIDELITY_PHYSICAL, NULL},
    {"8 instances, 2 nodes", LLAMA, 2, 4, ALIKE(""), WS_FIDELITY_REFERENCE, NULL},
    {"PP 2", LLAMA, 1, 1, ALIKE(",\"num_npus\":2,\"pp_size\":2"), WS_FIDELITY_PHYSICAL, NULL},
    {"PP 2", LLAMA, 1, 1, ALIKE(",\"num_npus\":2,\"pp_size\":2"), WS_FIDELITY_REFERENCE, NULL},
    {"prefill + decode",
     LLAMA,
     1,
     2,
     {",\"pd_type\":\"prefill\"", ",\"pd_type\":\"decode\""},
     WS_FIDELITY_PHYSICAL,
     NULL},
    {"prefill + decode",
     LLAMA,
     1,
     2,
     {",\"pd_type\":\"prefill\"", ",\"pd_type\":\"decode\""},
     WS_FIDELITY_REFERENCE,
     NULL},
    {"MoE, DP 2 x EP 2", MIXTURE, 1, 2, ALIKE(",\"dp_group\":\"A\",\"ep_size\":2"), WS_FIDELITY_PHYSICAL,
     NULL},
    {"MoE, DP 2 x EP 2", MIXTURE, 1, 2, ALIKE(",\"dp_group\":\"A\",\"ep_size\":2"), WS_FIDELITY_REFERENCE,
     NULL},
    {"PIM", LLAMA, 1, 1, ALIKE(",\"enable_attn_offloading\":true"), WS_FIDELITY_PHYSICAL,
     "DDR4_8GB_3200_pim"},
    {"PIM", LLAMA, 1, 1, ALIKE(",\"enable_attn_offloading\":true"), WS_FIDELITY_REFERENCE,
     "DDR4_8GB_3200_pim"},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char POWER[] =
    ",\"power\":{\"base_node_power\":60,\"npu\":{\"RTXPRO6000\":{\"idle_power\":35,\"standby_power\":300,"
    "\"active_power\":600,\"standby_duration\":\"18s\"}},\"cpu\":{\"idle_power\":10,\"active_power\":200,"
    "\"util\":0.15},"
    "\"dram\":{\"dimm_size\":32,\"idle_power\":2.0,\"energy_per_bit\":6.0},"
    "\"link\":{\"num_links\":1,\"idle_power\":5,\"energy_per_bit\":4.0},\"nic\":{\"num_nics\":1,\"idle_"
    "power\":20},"
    "\"storage\":{\"num_devices\":2,\"idle_power\":5}}";

typedef struct bench {
    ws_files  *files;
    ws_inputs *inputs;
    ws_run    *run;
    ws_error   err;
    char       dataset[PATH_CAP];
    double     seconds;
} bench;

/** One of the two variants of a row while it is measured. */
typedef struct variant {
    ws_scenario *scenario;
    double       best_s, spent_s;
    int64_t      n_steps, n_tokens;
} variant;

static void put_cluster(const bench_row *row, bool has_power, ws_strbuf *out)
{
    ws_strbuf_printf(out, "{\"num_nodes\":%d,\"link_bw\":16,\"link_latency\":20000,\"nodes\":[",
                     row->n_nodes);
    for (int node = 0; node < row->n_nodes; node++) {
        ws_strbuf_printf(
            out, "%s{\"num_instances\":%d,\"cpu_mem\":{\"mem_size\":512,\"mem_bw\":256,\"mem_latency\":0",
            node > 0 ? "," : "", row->n_instances);
        if (row->pim != NULL) {
            ws_strbuf_printf(out, ",\"pim_config\":\"%s\"", row->pim);
        }
        ws_strbuf_printf(out, "}%s,\"instances\":[", has_power ? POWER : "");
        for (int i = 0; i < row->n_instances; i++) {
            const char *keys = row->keys[i % 2];
            ws_strbuf_printf(
                out,
                "%s{\"model_name\":\"%s\",\"hardware\":\"RTXPRO6000\",\"npu_mem\":{\"mem_size\":96,"
                "\"mem_bw\":1597,\"mem_latency\":0}%s%s}",
                i > 0 ? "," : "", row->model, strstr(keys, "pd_type") != NULL ? "" : ",\"pd_type\":null",
                keys);
        }
        ws_strbuf_puts(out, "]}");
    }
    ws_strbuf_puts(out, "]}");
}

static ws_status create_scenario(bench *b, const bench_row *row, bool has_power, ws_scenario **scenario_out)
{
    ws_strbuf    text    = WS_STRBUF_INIT;
    ws_json_doc *cluster = NULL;
    put_cluster(row, has_power, &text);
    ws_status status = text.failed
                           ? WS_ERR_NOMEM
                           : ws_json_doc_parse(row->name, ws_strbuf_text(&text), text.len, &b->err, &cluster);
    if (status == WS_OK) {
        ws_scenario_request request = {.cluster  = ws_json_doc_root(cluster),
                                       .dataset  = b->dataset,
                                       .workload = WS_JSON_NONE,
                                       .options  = ws_options_default(),
                                       .slo      = WS_SLO_NONE};
        request.options.fidelity    = row->fidelity;
        request.options.num_reqs    = row->pim != NULL ? 30 : 0;
        status                      = ws_scenario_create(b->inputs, &request, &b->err, scenario_out);
    }
    ws_json_doc_destroy(&cluster);
    ws_strbuf_fini(&text);
    return status;
}

static ws_status time_once(bench *b, variant *v)
{
    const ws_result *result;
    const double     began_s = ws_wall_s();
    WS_TRY(ws_simulate(v->scenario, b->run, NULL, &b->err, &result));
    const double took_s = ws_wall_s() - began_s;
    v->best_s           = v->spent_s == 0.0 || took_s < v->best_s ? took_s : v->best_s;
    v->spent_s += took_s;
    v->n_steps  = (int64_t)result->metrics[WS_METRIC_N_STEPS];
    v->n_tokens = result->prompt_tokens + result->generated_tokens;
    return WS_OK;
}

static ws_status measure(bench *b, const bench_row *row, variant v[2])
{
    WS_TRY(create_scenario(b, row, false, &v[0].scenario));
    WS_TRY(create_scenario(b, row, true, &v[1].scenario));
    for (int i = 0; i < MIN_RUNS || v[0].spent_s + v[1].spent_s < 2.0 * b->seconds; i++) {
        WS_TRY(time_once(b, &v[0]));
        WS_TRY(time_once(b, &v[1]));
    }
    return WS_OK;
}

static const char *fidelity_name(const bench_row *row)
{
    return row->fidelity == WS_FIDELITY_PHYSICAL ? "physical" : "reference";
}

static bool is_wanted(const bench_row *row, const char *part)
{
    char label[64];
    (void)snprintf(label, sizeof(label), "%s, %s", row->name, fidelity_name(row));
    return strstr(label, part) != NULL;
}

static void print_row(const bench_row *row, const variant v[2], size_t n_requests)
{
    const double best_s = v[1].best_s;
    (void)printf("%-22s %-10s %9.3f %12.0f %9" PRId64 " %9.0f %9.1f %8.2f\n", row->name, fidelity_name(row),
                 best_s * 1e3, (double)n_requests / best_s, v[1].n_steps, best_s * 1e9 / (double)v[1].n_steps,
                 best_s * 1e9 / (double)v[1].n_tokens, best_s / v[0].best_s);
    (void)fflush(stdout);
}

static ws_status bench_rows(bench *b, const char *name)
{
    (void)printf("%-22s %-10s %9s %12s %9s %9s %9s %8s\n", "cluster", "fidelity", "ms/run", "requests/s",
                 "steps", "ns/step", "ns/token", "power x");
    for (int i = 0; i < N_ROWS; i++) {
        if (!is_wanted(&rows[i], name)) {
            continue;
        }
        variant         v[2]   = {{0}, {0}};
        const ws_status status = measure(b, &rows[i], v);
        if (status == WS_OK) {
            print_row(&rows[i], v, ws_scenario_n_requests(v[1].scenario));
        }
        ws_scenario_destroy(&v[0].scenario);
        ws_scenario_destroy(&v[1].scenario);
        WS_TRY(status);
    }
    return WS_OK;
}

static ws_status open_inputs(bench *b, const char *data)
{
    char bundled[PATH_CAP];
    WS_TRY(ws_files_create(&b->files));
    (void)snprintf(b->dataset, sizeof(b->dataset), "%s/workloads/sharegpt-llama-3.1-8b-300-sps10.jsonl",
                   data);
    const bool has_data = ws_files_has(b->files, b->dataset);
    if (!has_data) {
        (void)snprintf(b->dataset, sizeof(b->dataset), "%s/workloads/sharegpt_like.jsonl", BENCH_SOURCE_DIR);
    }
    (void)printf("workload: %s\nprofiles: %s\npower x: time with power tracking / without\n\n", b->dataset,
                 has_data ? data : "bundled");
    const bool has_bundled = ws_bundled_dir(bundled, sizeof(bundled));
    WS_TRY(ws_inputs_create(b->files, &data, has_data ? 1 : 0, has_bundled ? bundled : NULL, &b->inputs));
    return ws_run_create(&b->run);
}

int main(int argc, char **argv)
{
    bench     b      = {.err = WS_ERROR_INIT, .seconds = argc > 2 ? strtod(argv[2], NULL) : 0.5};
    ws_status status = open_inputs(&b, argc > 1 ? argv[1] : BENCH_SOURCE_DIR "/../shared/data");
    if (status == WS_OK) {
        status = bench_rows(&b, argc > 3 ? argv[3] : "");
    }
    if (status != WS_OK) {
        (void)fprintf(stderr, "bench_simulate: %s\n",
                      b.err.n_problems > 0 ? ws_error_text(&b.err) : ws_status_text(status));
    }
    ws_run_destroy(&b.run);
    ws_inputs_destroy(&b.inputs);
    ws_files_destroy(&b.files);
    ws_error_clear(&b.err);
    return status == WS_OK ? 0 : 1;
}
