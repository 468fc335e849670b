/* sweep_world.h -- a sweep over the simulator's toy world (tests/unit/sim/world.h), of which every file lies
 * in memory but the measured bundle: jobs that really run, in microseconds. */
#ifndef SWEEP_WORLD_H
#define SWEEP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "job/builder.h"
#include "job/constraint.h"
#include "job/job_hash.h"
#include "spec/spec_parse.h"
#include "world.h"

enum { SWEEP_WORLD_PARAMS = 8 };

typedef struct sweep_world {
    world            w;
    swp_spec        *spec;
    swp_builder     *builder;
    swp_constraints *constraints;
    uint32_t         value_index[SWEEP_WORLD_PARAMS];
} sweep_world;

/* Two requests; the second is longer. */
#define SWEEP_WORLD_DATASET                                                                                  \
    "{\"input_toks\": 16, \"output_toks\": 4, \"arrival_time_ns\": 0}\n"                                     \
    "{\"input_toks\": 32, \"output_toks\": 8, \"arrival_time_ns\": 1000}\n"

/* A power block of a node, for patches. */
#define SWEEP_WORLD_POWER                                                                                    \
    "{\"base_node_power\": 60, \"npu\": {\"TOY\": {\"idle_power\": 10, \"standby_power\": 20, "              \
    "\"active_power\": 30, \"standby_duration\": \"1ms\"}}, \"cpu\": {\"idle_power\": 1, "                   \
    "\"active_power\": 2, \"util\": 0.1}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 1, "                 \
    "\"energy_per_bit\": 6}, \"link\": {\"num_links\": 1, \"idle_power\": 1, \"energy_per_bit\": 4}, "       \
    "\"nic\": {\"num_nics\": 1, \"idle_power\": 1}, \"storage\": {\"num_devices\": 1, \"idle_power\": 1}}"

/* A builder over the world's spec that reads through these files. */
static inline swp_builder *sweep_world_builder(sweep_world *s, ws_files *files)
{
    char              spec_path[128], configs[512];
    const char *const dirs[]  = {s->w.dir};
    swp_builder      *builder = NULL;
    snprintf(spec_path, sizeof spec_path, "%s/spec.json", s->w.dir);
    snprintf(configs, sizeof configs, "%s/configs", getenv("WS_SOURCE_DIR"));
    const swp_builder_config config = {
        .spec_path = spec_path, .data_dirs = dirs, .n_data_dirs = 1, .bundled_dir = configs};
    if (swp_builder_create(s->spec, &config, files, &s->w.err, &builder) != WS_OK) {
        fail_msg("%s", ws_error_text(&s->w.err));
    }
    return builder;
}

/* The members of a spec besides "cluster"; c.json is one node with one instance of 1 GiB, w.jsonl is the
 * dataset, NULL = the one above. */
static inline void sweep_world_init(sweep_world *s, const char *members, const char *dataset)
{
    char text[4096];
    memset(s, 0, sizeof *s);
    world_init(&s->w);
    world_put(&s->w, "c.json", world_cluster(1.0, ""));
    world_put(&s->w, "w.jsonl", dataset != NULL ? dataset : SWEEP_WORLD_DATASET);
    const int len = snprintf(text, sizeof text, "{\"cluster\": \"c.json\", %s}", members);
    assert_true(len > 0 && (size_t)len < sizeof text);
    if (swp_spec_parse("spec.json", text, strlen(text), &s->w.err, &s->spec) != WS_OK) {
        fail_msg("%s", ws_error_text(&s->w.err));
    }
    s->builder = sweep_world_builder(s, s->w.files);
    if (swp_constraints_create(s->builder, &s->w.err, &s->constraints) != WS_OK) {
        fail_msg("%s", ws_error_text(&s->w.err));
    }
    assert_true(s->spec->n_params <= SWEEP_WORLD_PARAMS);
}

static inline void sweep_world_fini(sweep_world *s)
{
    swp_constraints_destroy(&s->constraints);
    swp_builder_destroy(&s->builder);
    swp_spec_destroy(&s->spec);
    world_fini(&s->w);
}

/* The values of a job, valid until the next call. */
static inline const uint32_t *sweep_world_point(sweep_world *s, uint64_t job)
{
    swp_space_point(swp_builder_space(s->builder), job, s->value_index);
    return s->value_index;
}

/* Nothing of it built yet; swp_job_fini() releases it. */
static inline swp_job sweep_world_job(sweep_world *s, uint64_t number)
{
    return swp_job_of(s->builder, number, sweep_world_point(s, number));
}

/* The hash of a job, or why there is none. */
static inline ws_status sweep_world_hash(sweep_world *s, uint64_t number, char hash[SWP_HASH_LEN + 1])
{
    swp_job         job    = sweep_world_job(s, number);
    const ws_status status = swp_job_hash(&job, NULL, hash);
    swp_job_fini(&job);
    return status;
}

#endif /* SWEEP_WORLD_H */
