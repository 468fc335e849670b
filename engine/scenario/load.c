/* From the path of a cluster config to a scenario in one call, and the inputs of such scenarios
 * (wattsim/scenario.h). */
#include "base/sized.h"
#include "scenario/inputs.h"
#include "scenario/paths.h"
#include "scenario/scenario.h"
#include "scenario/scenario_internal.h"

enum { PATH_CAP = 4096 };

/* ---- inputs ---- */

static ws_status check_folders(const char *const *data_dirs, size_t n_data_dirs, const char *configs_dir,
                               ws_error *err)
{
    ws_status       configs = WS_OK;
    const ws_status data    = ws_check_data_dirs(data_dirs, n_data_dirs, err);
    if (configs_dir != NULL) {
        configs = ws_check_folder("configs_dir", configs_dir, err);
    }
    return data != WS_OK ? data : configs;
}

ws_status ws_inputs_open(const char *const *data_dirs, size_t n_data_dirs, const char *configs_dir,
                         ws_error *err, ws_inputs **inputs_out)
{
    char      found[PATH_CAP];
    ws_files *files = NULL;
    *inputs_out     = NULL;
    WS_TRY(check_folders(data_dirs, n_data_dirs, configs_dir, err));
    if (configs_dir == NULL && ws_bundled_dir(found, sizeof(found))) {
        configs_dir = found;
    }
    WS_TRY(ws_files_create(&files));
    const ws_status status = ws_inputs_create(files, data_dirs, n_data_dirs, configs_dir, inputs_out);
    if (status != WS_OK) {
        ws_files_destroy(&files);
        return status;
    }
    ws_inputs_own_files(*inputs_out);
    return WS_OK;
}

/* ---- what a scenario is made of ---- */

typedef struct loading {
    ws_inputs      *inputs;
    ws_load_options options;
    ws_json_doc    *cluster, *workload; /* workload NULL = none */
    char            dataset[PATH_CAP];  /* "" = none */
} loading;

static ws_status find(const loading *l, const char *what, const char *path, ws_error *err,
                      char found[PATH_CAP])
{
    const ws_input_places places = {ws_inputs_files(l->inputs), ws_inputs_bundled_dir(l->inputs)};
    return ws_find_input_beside(&places, what, path, err, found, PATH_CAP);
}

static ws_status read_doc(const loading *l, const char *what, const char *path, ws_error *err,
                          ws_json_doc **doc_out)
{
    char     found[PATH_CAP];
    ws_bytes bytes;
    WS_TRY(find(l, what, path, err, found));
    WS_TRY(ws_files_read(ws_inputs_files(l->inputs), found, err, &bytes));
    return ws_json_doc_parse(found, bytes.data, bytes.len, err, doc_out);
}

static ws_status read_all(loading *l, const char *cluster_config, ws_error *err)
{
    WS_TRY(read_doc(l, "cluster config", cluster_config, err, &l->cluster));
    if (l->options.workload != NULL) {
        WS_TRY(read_doc(l, "workload", l->options.workload, err, &l->workload));
    }
    return l->options.dataset != NULL ? find(l, "dataset", l->options.dataset, err, l->dataset) : WS_OK;
}

static ws_status make(const loading *l, ws_error *err, ws_scenario **scenario_out)
{
    ws_scenario_request request = {.cluster  = ws_json_doc_root(l->cluster),
                                   .dataset  = l->dataset[0] != '\0' ? l->dataset : NULL,
                                   .workload = WS_JSON_NONE,
                                   .options  = ws_options_default(),
                                   .slo      = WS_SLO_NONE};
    if (l->workload != NULL) {
        request.workload = ws_json_doc_root(l->workload);
    }
    if (l->options.options != NULL) {
        request.options = *l->options.options;
    }
    if (l->options.slo != NULL) {
        WS_TRY(ws_slo_parse(l->options.slo, err, &request.slo));
    }
    return ws_scenario_create(l->inputs, &request, err, scenario_out);
}

static ws_status load(loading *l, const char *cluster_config, ws_error *err, ws_scenario **scenario_out)
{
    ws_inputs_lock(l->inputs);
    ws_status status = read_all(l, cluster_config, err);
    ws_inputs_unlock(l->inputs);
    if (status == WS_OK) {
        status = make(l, err, scenario_out);
    }
    ws_json_doc_destroy(&l->cluster);
    ws_json_doc_destroy(&l->workload);
    return status;
}

static ws_status check_options(const ws_load_options *options, ws_error *err)
{
    if (options->dataset != NULL && options->workload != NULL) {
        return ws_error_add(err, WS_ERR_ARG, "ws_load_options: dataset and workload: one of them, not both");
    }
    if (options->inputs != NULL && (options->n_data_dirs > 0 || options->configs_dir != NULL)) {
        return ws_error_add(err, WS_ERR_ARG,
                            "ws_load_options: data_dirs and configs_dir are those of the inputs given");
    }
    return WS_OK;
}

ws_status ws_scenario_load(const char *cluster_config, const ws_load_options *options, ws_error *err,
                           ws_scenario **scenario_out)
{
    loading    l   = {.inputs = NULL};
    ws_inputs *own = NULL;
    *scenario_out  = NULL;
    WS_TRY(ws_sized_read("ws_load_options", options, sizeof(l.options), &l.options, err));
    WS_TRY(check_options(&l.options, err));
    if (l.options.inputs == NULL) {
        WS_TRY(ws_inputs_open(l.options.data_dirs, l.options.n_data_dirs, l.options.configs_dir, err, &own));
    }
    l.inputs               = own != NULL ? own : l.options.inputs;
    const ws_status status = load(&l, cluster_config, err, scenario_out);
    if (status != WS_OK) {
        ws_inputs_destroy(&own);
        return status;
    }
    (*scenario_out)->owns_inputs = own != NULL;
    return WS_OK;
}
