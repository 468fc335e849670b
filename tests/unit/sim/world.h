/* world.h -- a small world for tests of the simulator: two toy models, one toy NPU measured at tp 1, 2 and 4,
 * all made up, so that a scenario takes microseconds. The measured bundle lies in a folder of its own until
 * the world ends; all else is put straight into the file cache. */
#ifndef WS_TEST_WORLD_H
#define WS_TEST_WORLD_H

#include "scenario/scenario_internal.h"
#include "engine.h"

/* Both models: 4 layers, hidden size 64, 8 heads and 4 KV heads of 16; 1 KiB of KV per token in bf16. */
#define WORLD_DENSE "toy/dense"
#define WORLD_EXPERTS "toy/experts" /* 8 experts, 2 per token */
#define WORLD_NPU "TOY"

typedef struct world {
    char       dir[64]; /* data folder */
    ws_files  *files;
    ws_inputs *inputs;
    ws_run    *run;
    ws_error   err; /* of the last call */
    int        n_datasets;
} world;

/** Make the world; fails the test if it cannot. */
void world_init(world *w);
void world_fini(world *w);

/** Put a file into the cache, at a path in the world's data folder ("hardware/TOY.json"). */
void world_put(const world *w, const char *path_in_world, const char *text);

/** A scenario from texts: a cluster config and a JSONL dataset. */
ws_status world_scenario(world *w, const char *cluster, const char *dataset, const ws_options *options,
                         ws_scenario **out);

/** The same, and it has to work: fails the test with the error's text. */
ws_scenario *world_need_scenario(world *w, const char *cluster, const char *dataset,
                                 const ws_options *options);

/** Simulate in the world's run; WS_ERR_TIMEOUT if that takes suspiciously many rounds. */
ws_status world_simulate(world *w, const ws_scenario *scenario, const ws_result **out);

/** The same, and it has to work. */
const ws_result *world_need_result(world *w, const ws_scenario *scenario);

/** A cluster of one node with one dense instance: `instance` holds further keys of it, each behind a comma
 * ("" = none), link of 16 GB/s and 1 us, 64 GiB at 256 GB/s on the host. Static text, valid until the next
 * call. */
const char *world_cluster(double npu_mem_gib, const char *instance);

#endif /* WS_TEST_WORLD_H */
