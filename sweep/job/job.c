#include "job/job.h"

#include <limits.h>
#include <stdio.h>

#include "job/builder_internal.h"
#include "job/dataset_workload.h"

swp_job swp_job_of(swp_builder *builder, uint64_t number, const uint32_t *value_index)
{
    return (swp_job){.builder = builder, .number = number, .value_index = value_index};
}

void swp_job_fini(swp_job *job)
{
    ws_json_doc_destroy(&job->workload);
    ws_json_doc_destroy(&job->cluster);
    job->has_options  = false;
    job->has_workload = false;
}

/* ---- parts ---- */

ws_status swp_job_options(swp_job *job, ws_error *err, const ws_options **options_out)
{
    const swp_builder *b = job->builder;
    if (!job->has_options) {
        ws_options options = b->spec->options;
        options.seed       = b->spec->seed;
        WS_TRY(swp_assign_options(b->spec, job->value_index, &options, err));
        options.seed     = swp_repeat_seed(options.seed, swp_space_repeat(&b->space, job->number));
        job->options     = options;
        job->has_options = true;
    }
    *options_out = &job->options;
    return WS_OK;
}

static ws_status build_cluster(const swp_job *job, ws_error *err, ws_json_doc **cluster_out)
{
    swp_builder *b = job->builder;
    WS_TRY(ws_json_doc_copy(ws_json_doc_root(b->cluster), b->cluster_path, cluster_out));
    const ws_status status =
        swp_assign_cluster(b->spec, job->value_index, swp__builder_datasheet, b, *cluster_out, err);
    if (status != WS_OK) {
        ws_json_doc_destroy(cluster_out);
    }
    return status;
}

ws_status swp_job_cluster(swp_job *job, ws_error *err, ws_json *cluster_out)
{
    if (job->cluster == NULL) {
        WS_TRY(build_cluster(job, err, &job->cluster));
    }
    *cluster_out = ws_json_doc_root(job->cluster);
    return WS_OK;
}

static ws_status build_workload(const swp_job *job, ws_error *err, ws_json_doc **workload_out)
{
    const swp_builder *b = job->builder;
    if (b->workload == NULL) {
        return WS_OK;
    }
    WS_TRY(ws_json_doc_copy(ws_json_doc_root(b->workload), ws_json_doc_name(b->workload), workload_out));
    const ws_status status = swp_assign_workload(b->spec, job->value_index, *workload_out, err);
    if (status != WS_OK) {
        ws_json_doc_destroy(workload_out);
    }
    return status;
}

ws_status swp_job_workload(swp_job *job, ws_error *err, ws_json *workload_out)
{
    if (!job->has_workload) {
        WS_TRY(build_workload(job, err, &job->workload));
        job->has_workload = true;
    }
    *workload_out = job->workload == NULL ? WS_JSON_NONE : ws_json_doc_root(job->workload);
    return WS_OK;
}

/* Everything a dataset's workload says may be swept, so the point's decides. */
ws_status swp_job_resolve_dataset(const swp_job *job, ws_json workload, ws_options *options, char *found,
                                  size_t cap, ws_error *err)
{
    WS_TRY(swp_dataset_options(workload, options, err));
    return swp__builder_find(job->builder, ws_json_member(workload, "dataset"), "dataset", found, cap, err);
}

/* ---- the scenario ---- */

static ws_status create_scenario(swp_job *job, ws_json cluster, ws_error *err, ws_scenario **scenario_out)
{
    const swp_builder  *b = job->builder;
    const ws_options   *options;
    ws_json             workload;
    char                dataset[PATH_MAX];
    ws_scenario_request request = {.cluster = cluster, .slo = b->spec->slo};
    WS_TRY(swp_job_options(job, err, &options));
    WS_TRY(swp_job_workload(job, err, &workload));
    request.options = *options;
    if (b->has_dataset) {
        WS_TRY(swp_job_resolve_dataset(job, workload, &request.options, dataset, sizeof dataset, err));
        request.dataset = dataset;
    } else {
        request.workload = workload;
    }
    return ws_scenario_create(b->inputs, &request, err, scenario_out);
}

ws_status swp_job_scenario(swp_job *job, ws_error *err, ws_scenario **scenario_out)
{
    const ws_options *options;
    ws_json           cluster;
    *scenario_out = NULL;
    WS_TRY(swp_job_options(job, err, &options)); /* the first to tell what is wrong */
    WS_TRY(swp_job_cluster(job, err, &cluster));
    return create_scenario(job, cluster, err, scenario_out);
}

/* npu_mem may be left out: the data sheet says it then. */
static ws_status need_npu_mem(ws_json_doc *cluster, const char *instance)
{
    char         pointer[96];
    ws_json_doc *empty = NULL;
    snprintf(pointer, sizeof pointer, "%s/npu_mem", instance);
    if (ws_json_kind_of(ws_json_resolve(ws_json_doc_root(cluster), pointer)) == WS_JSON_OBJECT) {
        return WS_OK;
    }
    WS_TRY(ws_json_doc_parse("npu_mem", "{}", 2, NULL, &empty));
    const ws_status status = ws_json_set(cluster, pointer, ws_json_doc_root(empty), NULL);
    ws_json_doc_destroy(&empty);
    return status;
}

/* Memory that holds any model, for asking what its weights need. */
static ws_status widen_memory(ws_json_doc *cluster)
{
    const ws_json nodes    = ws_json_member(ws_json_doc_root(cluster), "nodes");
    const double  size_gib = 1e6;
    char          instance[64], pointer[96];
    for (size_t n = 0; n < ws_json_size(nodes); n++) {
        const size_t n_instances = ws_json_size(ws_json_member(ws_json_at(nodes, n), "instances"));
        for (size_t i = 0; i < n_instances; i++) {
            snprintf(instance, sizeof instance, "/nodes/%zu/instances/%zu", n, i);
            WS_TRY(need_npu_mem(cluster, instance));
            snprintf(pointer, sizeof pointer, "%s/npu_mem/mem_size", instance);
            WS_TRY(ws_json_set_number(cluster, pointer, size_gib, NULL));
        }
    }
    return WS_OK;
}

ws_status swp_job_weights_gb(swp_job *job, double *weights_gb_out)
{
    ws_json_doc *roomy    = NULL; /* a cluster config of its own: the job's keeps its memory */
    ws_scenario *scenario = NULL;
    WS_TRY(build_cluster(job, NULL, &roomy));
    ws_status status = widen_memory(roomy);
    if (status == WS_OK) {
        status = create_scenario(job, ws_json_doc_root(roomy), NULL, &scenario);
    }
    if (status == WS_OK) {
        *weights_gb_out = ws_scenario_weights_gb(scenario);
    }
    ws_scenario_destroy(&scenario);
    ws_json_doc_destroy(&roomy);
    return status;
}
