/* job.h -- one job of a sweep, from its number to everything a simulation needs: options, cluster config,
 * workload, scenario.
 *
 * A part is built when it is first asked for and kept as long as the job, so that hash (job/job_hash.h),
 * scenario and row of a job share it. A job belongs to its builder's thread. */
#ifndef SWP_JOB_H
#define SWP_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "job/builder.h"

typedef struct swp_job {
    swp_builder    *builder;     /**< borrowed */
    uint64_t        number;      /**< in the builder's space */
    const uint32_t *value_index; /**< [n_params] of its point, borrowed */
    /* the parts that were built, read through the functions below */
    bool         has_options, has_workload;
    ws_options   options;
    ws_json_doc *cluster;  /**< owned; NULL = not built yet */
    ws_json_doc *workload; /**< owned; with has_workload NULL = the simulator's default requests */
} swp_job;

/** A job of which nothing is built yet; release with swp_job_fini(). */
swp_job swp_job_of(swp_builder *builder, uint64_t number, const uint32_t *value_index);
void    swp_job_fini(swp_job *job);

/** Its options, its seed included.
 * @param[out] options_out  borrowed from the job
 * @return WS_OK; WS_ERR_INPUT with parameter and value */
WS_NODISCARD ws_status swp_job_options(swp_job *job, ws_error *err, const ws_options **options_out);

/** Its cluster config.
 * @param[out] cluster_out  borrowed from the job
 * @return WS_OK; WS_ERR_INPUT with file, JSON Pointer and parameter; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_job_cluster(swp_job *job, ws_error *err, ws_json *cluster_out);

/** Its workload: generator spec or dataset.
 * @param[out] workload_out  borrowed from the job; absent if the spec has no workload
 * @return as swp_job_cluster() */
WS_NODISCARD ws_status swp_job_workload(swp_job *job, ws_error *err, ws_json *workload_out);

/** The file of a workload that is a dataset, and what the workload says of its requests.
 * @param[in]     workload  of swp_job_workload()
 * @param[in,out] options   get what the workload says
 * @param[out]    found     [cap] where the dataset lies
 * @return WS_OK; WS_ERR_INPUT with every problem */
WS_NODISCARD ws_status swp_job_resolve_dataset(const swp_job *job, ws_json workload, ws_options *options,
                                               char *found, size_t cap, ws_error *err);

/** Its scenario. @return as ws_scenario_create(); release it before the builder */
WS_NODISCARD ws_status swp_job_scenario(swp_job *job, ws_error *err, ws_scenario **scenario_out);

/** Weights per NPU in 10^9 bytes, also where the NPU's memory does not hold them: for constraints that say
 * so.
 * @param[out] weights_gb_out  untouched after an error */
WS_NODISCARD ws_status swp_job_weights_gb(swp_job *job, double *weights_gb_out);

#endif /* SWP_JOB_H */
