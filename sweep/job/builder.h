/* builder.h -- what the jobs of a sweep are built from: the spec's space, cluster config and workload before
 * any parameter, and the files they name. Its jobs: job/job.h.
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
    const char        *spec_path; /**< files are looked up next to it first */
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

/** Put what was parsed so far into the file cache next to the files, for builders over a packed copy of it.
 */
WS_NODISCARD ws_status swp_builder_share(const swp_builder *builder);

/** Look for the files a spec names, of a spec that is wrong elsewhere: so that all its problems are reported
 * at once.
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

/** The point's parameters as the result file takes them, [n_params]; texts are borrowed from the spec. */
void swp_builder_params(const swp_builder *builder, const uint32_t *value_index, swp_value *params_out);

#endif /* SWP_BUILDER_H */
