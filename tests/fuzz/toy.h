/* toy.h -- a small world for fuzz targets: two toy models, their profiles and a workload, packed once from
 * files, so that every input starts with the same sealed cache and none can reach the file system. */
#ifndef WS_FUZZ_TOY_H
#define WS_FUZZ_TOY_H

#include "engine.h"

/** A fresh sealed cache that holds the toy world; aborts if the world itself does not load. */
ws_files *toy_files(void);

/** The cluster config the world was checked with. */
const char *toy_cluster_path(void);
/** The toy workload, a JSONL file. */
const char *toy_dataset_path(void);
/** The measured bundle of the toy dense model. */
const char *toy_bundle_dir(void);
/** Data folder of the world (model/, profiles/) and the project's configs folder. */
const char *toy_data_dir(void);
const char *toy_configs_dir(void);

/** Inputs over a cache of toy_files(). */
ws_inputs *toy_inputs(ws_files *files);

/** Run a scenario for a bounded number of steps and release it. */
void toy_simulate(ws_scenario **scenario);

#endif /* WS_FUZZ_TOY_H */
