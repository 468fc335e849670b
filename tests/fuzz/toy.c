#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 300 };
#define MAX_RUN_BYTES ((size_t)256 << 20)

const char *toy_cluster_path(void)
{
    return WS_FUZZ_DIR "/corpus/cluster/dense.json";
}

const char *toy_dataset_path(void)
{
    return WS_FUZZ_DIR "/corpus/workload/session.jsonl";
}

const char *toy_bundle_dir(void)
{
    return WS_FUZZ_DIR "/toy/profiles/TOY/toy/dense/bf16";
}

const char *toy_data_dir(void)
{
    return WS_FUZZ_DIR "/toy";
}

const char *toy_configs_dir(void)
{
    return WS_CONFIGS_DIR;
}

static void require(ws_status status, const ws_error *err)
{
    if (status != WS_OK) {
        fprintf(stderr, "the toy world does not load: %s\n%s\n", ws_status_text(status), ws_error_text(err));
        abort();
    }
}

ws_inputs *toy_inputs(ws_files *files)
{
    const char *const dirs[] = {WS_FUZZ_DIR "/toy"};
    ws_inputs        *inputs = NULL;
    require(ws_inputs_create(files, dirs, 1, WS_CONFIGS_DIR, &inputs), NULL);
    return inputs;
}

void toy_simulate(ws_scenario **scenario)
{
    const ws_run_limits limits = {
        .struct_size = sizeof(ws_run_limits), .memory_bytes = MAX_RUN_BYTES, .max_steps = MAX_STEPS};
    ws_run          *run    = NULL;
    ws_error         err    = WS_ERROR_INIT;
    const ws_result *result = NULL;
    require(ws_run_create(&run), NULL);
    (void)!ws_simulate(*scenario, run, &limits, &err, &result);
    ws_error_clear(&err);
    ws_run_destroy(&run);
    ws_scenario_destroy(scenario);
}

/* Build a scenario on real files, so that the cache learns all it needs. */
static ws_status learn(ws_files *files, const char *cluster_path, ws_error *err)
{
    ws_json_doc *cluster = NULL;
    ws_scenario *s       = NULL;
    ws_bytes     text;
    WS_TRY(ws_files_read(files, cluster_path, err, &text));
    WS_TRY(ws_json_doc_parse(cluster_path, text.data, text.len, err, &cluster));
    ws_inputs                *inputs  = toy_inputs(files);
    const ws_scenario_request request = {.cluster = ws_json_doc_root(cluster),
                                         .dataset = toy_dataset_path(),
                                         .options = ws_options_default(),
                                         .slo     = WS_SLO_NONE};
    const ws_status           status  = ws_scenario_create(inputs, &request, err, &s);
    if (status == WS_OK) {
        toy_simulate(&s);
    }
    ws_inputs_destroy(&inputs);
    ws_json_doc_destroy(&cluster);
    return status;
}

/* Every seed config leaves its files behind, even one that is refused; the first must run. */
static void learn_all(ws_files *files)
{
    ws_error err = WS_ERROR_INIT;
    require(learn(files, toy_cluster_path(), &err), &err);
    const char *name = ws_files_list(files, WS_FUZZ_DIR "/corpus/cluster");
    while (*name != '\0') {
        char      path[1024];
        const int len = (int)strcspn(name, "\n");
        snprintf(path, sizeof(path), WS_FUZZ_DIR "/corpus/cluster/%.*s", len, name);
        (void)!learn(files, path, NULL);
        name += len + (name[len] == '\n');
    }
}

static char *pack_world(size_t *len_out)
{
    ws_files *files = NULL;
    char     *block = NULL;
    require(ws_files_create(&files), NULL);
    learn_all(files);
    require(ws_files_pack(files, &block, len_out), NULL);
    ws_files_destroy(&files);
    return block;
}

ws_files *toy_files(void)
{
    static char  *block; /* of this process, made by its first input */
    static size_t len;
    if (block == NULL) {
        block = pack_world(&len);
    }
    ws_files *files = NULL;
    require(ws_files_map(block, len, true, &files), NULL);
    return files;
}
