/* toy_builder.h -- a builder over a tiny cluster config that lies only in memory, for tests. */
#ifndef TOY_BUILDER_H
#define TOY_BUILDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "job/builder.h"
#include "job/constraint.h"
#include "job/job_hash.h"
#include "spec/spec_parse.h"

static const char toy_cluster[] = "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 0, \"nodes\": "
                                  "[{\"num_instances\": 1, \"instances\": ["
                                  "{\"hardware\": \"TOY\", \"model_name\": \"toy/dense\", \"num_npus\": 1, "
                                  "\"npu_mem\": {\"mem_size\": 10}}]}]}";

typedef struct toy_builder {
    ws_error         err;
    ws_files        *files;
    swp_spec        *spec;
    swp_builder     *builder;
    swp_constraints *constraints;
} toy_builder;

/* The members of a spec besides "cluster", for example "\"parameters\": {...}". */
static inline void toy_builder_init(toy_builder *toy, const char *members)
{
    char text[2048];
    *toy = (toy_builder){.err = WS_ERROR_INIT};
    snprintf(text, sizeof text, "{\"cluster\": \"c.json\", %s}", members);
    assert_int_equal(ws_files_create(&toy->files), WS_OK);
    assert_int_equal(ws_files_put(toy->files, "c.json", toy_cluster, strlen(toy_cluster)), WS_OK);
    assert_int_equal(ws_files_put(toy->files, "w.jsonl", "{}\n", 3), WS_OK);
    const swp_builder_config config = {.spec_path = "spec.json"};
    if (swp_spec_parse("spec.json", text, strlen(text), &toy->err, &toy->spec) != WS_OK ||
        swp_builder_create(toy->spec, &config, toy->files, &toy->err, &toy->builder) != WS_OK ||
        swp_constraints_create(toy->builder, &toy->err, &toy->constraints) != WS_OK) {
        fail_msg("%s", ws_error_text(&toy->err));
    }
}

static inline void toy_builder_fini(toy_builder *toy)
{
    swp_constraints_destroy(&toy->constraints);
    swp_builder_destroy(&toy->builder);
    swp_spec_destroy(&toy->spec);
    ws_files_destroy(&toy->files);
    ws_error_clear(&toy->err);
}

/* The hash of a job, or why there is none. */
static inline ws_status toy_builder_hash(toy_builder *toy, uint64_t number, char hash[SWP_HASH_LEN + 1])
{
    uint32_t value_index[16];
    assert_true(toy->spec->n_params <= 16);
    swp_space_point(swp_builder_space(toy->builder), number, value_index);
    swp_job         job    = swp_job_of(toy->builder, number, value_index);
    const ws_status status = swp_job_hash(&job, &toy->err, hash);
    swp_job_fini(&job);
    return status;
}

#endif /* TOY_BUILDER_H */
