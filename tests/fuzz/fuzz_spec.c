/* Any bytes as a sweep spec are refused with a message, or become a space whose first, middle and last jobs
 * build their inputs or say why not. */
#include <stdlib.h>

#include "job/constraint.h"
#include "job/job_hash.h"
#include "spec/spec_parse.h"
#include "toy.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void try_job(swp_builder *builder, swp_constraints *constraints, uint64_t job)
{
    const swp_spec *spec  = swp_builder_spec(builder);
    uint32_t       *index = calloc(spec->n_params + 1, sizeof(*index));
    ws_error        err   = WS_ERROR_INIT;
    char            hash[SWP_HASH_LEN + 1];
    WS_ASSERT(index != NULL);
    swp_space_point(swp_builder_space(builder), job, index);
    for (size_t i = 0; i < spec->n_params; i++) {
        WS_ASSERT(index[i] < spec->params[i].n_values);
    }
    (void)swp_constraints_check(constraints, job, index);
    swp_job built = swp_job_of(builder, job, index);
    (void)!swp_job_hash(&built, &err, hash);
    swp_job_fini(&built);
    ws_error_clear(&err);
    free(index);
}

static void try_space(swp_builder *builder)
{
    ws_error         err         = WS_ERROR_INIT;
    swp_constraints *constraints = NULL;
    const uint64_t   n_jobs      = swp_builder_space(builder)->n_jobs;
    if (swp_constraints_create(builder, &err, &constraints) == WS_OK && n_jobs > 0) {
        try_job(builder, constraints, 0);
        try_job(builder, constraints, n_jobs / 2);
        try_job(builder, constraints, n_jobs - 1);
    }
    swp_constraints_destroy(&constraints);
    ws_error_clear(&err);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ws_error        err    = WS_ERROR_INIT;
    swp_spec       *spec   = NULL;
    const ws_status status = swp_spec_parse("spec.json", (const char *)data, size, &err, &spec);
    WS_ASSERT(status == WS_OK || (status == WS_ERR_INPUT && err.n_problems > 0));
    if (status == WS_OK) {
        const char *const        dirs[]  = {toy_data_dir()};
        const swp_builder_config config  = {.spec_path   = toy_cluster_path(), /* paths are relative to it */
                                            .data_dirs   = dirs,
                                            .n_data_dirs = 1,
                                            .bundled_dir = toy_configs_dir()};
        ws_files                *files   = toy_files();
        swp_builder             *builder = NULL;
        if (swp_builder_create(spec, &config, files, &err, &builder) == WS_OK) {
            try_space(builder);
        }
        swp_builder_destroy(&builder);
        ws_files_destroy(&files);
    }
    swp_spec_destroy(&spec);
    ws_error_clear(&err);
    return 0;
}
