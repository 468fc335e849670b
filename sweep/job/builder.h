/* builder.h -- from a job's number to everything a simulation needs: cluster config, options, workload,
 * scenario.
 *
 * A builder reads the files a spec names once, through the caller's file cache, and keeps what many points
 * share. Not thread-safe: every thread that builds jobs has its own builder. */
#ifndef SWP_BUILDER_H
#define SWP_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "job/assign.h"
#include "result/row.h"
#include "spec/space.h"
#include "spec/spec.h"

typedef struct swp_builder swp_builder; /* opaque */

typedef struct swp_builder_config {
    const char        *spec_path; /**< files are looked up beside it first */
    const char *const *data_dirs; /**< as for ws_inputs_create() */
    size_t             n_data_dirs;
    const char        *bundled_dir; /**< NULL = none */
} swp_builder_config;

/** Read what the spec names and set up its space.
 * @param[in]  spec, files  borrowed; outlive the builder
 * @param[out] builder_out  owned by the caller, release with swp_builder_destroy()
 * @return WS_OK; WS_ERR_INPUT with every problem found; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_builder_create(const swp_spec *spec, const swp_builder_config *config,
                                          ws_files *files, ws_error *err, swp_builder **builder_out);
void                   swp_builder_destroy(swp_builder **builder);

/** Put what was parsed so far into the file cache beside the files, for builders over a packed copy of it. */
WS_NODISCARD ws_status swp_builder_share(const swp_builder *builder);

/** Look for the files a spec names, of a spec that is wrong elsewhere: so that all its problems are told at
 * once.
 * @return WS_OK; WS_ERR_INPUT with every problem found; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_builder_check_files(ws_json_doc *spec_doc, const swp_builder_config *config,
                                               ws_files *files, ws_error *err);

const swp_spec  *swp_builder_spec(const swp_builder *builder);
const swp_space *swp_builder_space(const swp_builder *builder);
const char *
swp_builder_cluster_path(const swp_builder *builder); /**< as found; the spec's if written inline */
const char *swp_builder_dataset_path(const swp_builder *builder); /**< as found; NULL if there is none */
ws_json     swp_builder_cluster(const swp_builder *builder);      /**< before any parameter */
ws_json     swp_builder_workload(const swp_builder *builder);     /**< generator spec or dataset, or absent */

/** Cluster config of a point, a new document the caller destroys. */
WS_NODISCARD ws_status swp_build_cluster(swp_builder *builder, const uint32_t *value_index, ws_error *err,
                                         ws_json_doc **cluster_out);

/** Workload of a point, a new document the caller destroys; NULL if the spec has no workload. */
WS_NODISCARD ws_status swp_build_workload(swp_builder *builder, const uint32_t *value_index, ws_error *err,
                                          ws_json_doc **workload_out);

/** Options of a job, its seed included. */
WS_NODISCARD ws_status swp_build_options(const swp_builder *builder, uint64_t job,
                                         const uint32_t *value_index, ws_error *err, ws_options *options_out);

/** What a point's cluster config amounts to; cached. */
WS_NODISCARD ws_status swp_build_facts(swp_builder *builder, const uint32_t *value_index, ws_error *err,
                                       swp_cluster_facts *facts_out);

/** What a job's hash covers; 1 did not cover the files a config names. */
#define SWP_HASH_KIND "2"

/** Content hash of a job: a SHA-256 over cluster config, options, workload, SLO and seed, and over the
 * contents of the files they name: models, architectures, profiles, data sheets, PIM configs, datasets
 * (job/input_digest.h). Paths do not count. Names, order and number of a sweep's parameters do not matter: a
 * spec that grew keeps the jobs it shares.
 */
WS_NODISCARD ws_status swp_build_hash(swp_builder *builder, uint64_t job, const uint32_t *value_index,
                                      ws_error *err, char hash_out[SWP_HASH_LEN + 1]);

/** The scenario of a job. @return as ws_scenario_create(); release it before the builder */
WS_NODISCARD ws_status swp_build_scenario(swp_builder *builder, uint64_t job, const uint32_t *value_index,
                                          ws_error *err, ws_scenario **scenario_out);

/** Weights per NPU in 10^9 bytes, also where the NPU's memory does not hold them: for constraints that say
 * so.
 * @param[out] weights_gb_out  untouched after an error */
WS_NODISCARD ws_status swp_build_weights_gb(swp_builder *builder, uint64_t job, const uint32_t *value_index,
                                            double *weights_gb_out);

/** The point's parameters as the result file takes them, [n_params]; texts are borrowed from the spec. */
void swp_build_params(const swp_builder *builder, const uint32_t *value_index, swp_value *params_out);

#endif /* SWP_BUILDER_H */
