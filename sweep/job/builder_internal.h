/* builder_internal.h -- what a builder holds, for the modules of job/ that make jobs of it. */
#ifndef SWP_BUILDER_INTERNAL_H
#define SWP_BUILDER_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "job/assign.h"
#include "job/input_digest.h"
#include "spec/space.h"

enum { SWP_BUILDER_MAX_DIRS = 32, SWP_BUILDER_CACHE = 1024, SWP_BUILDER_MAX_HARDWARE = 64 };

/* What a cluster config amounts to, remembered by the parameters that change it. */
typedef struct swp_cluster_entry {
    uint64_t          key_plus_1; /* 0 = empty */
    swp_cluster_facts facts;
    char              sha256[65];
} swp_cluster_entry;

typedef struct swp_workload_entry {
    uint64_t key_plus_1;
    char     sha256[65];
} swp_workload_entry;

/* The datasheet of a hardware tag, for its power numbers. */
typedef struct swp_datasheet {
    char         hardware[96];
    ws_json_doc *doc; /* NULL = there is none */
} swp_datasheet;

struct swp_builder {
    const swp_spec    *spec;
    ws_files          *files;
    ws_inputs         *inputs;
    swp_digests       *digests;
    swp_space          space;
    char              *dirs[SWP_BUILDER_MAX_DIRS]; /* where files are looked up: next to the spec, "", data
                                                   folders */
    size_t             n_dirs;
    char              *cluster_path, *dataset_path;
    ws_json_doc       *cluster;     /* before any parameter */
    ws_json_doc       *workload;    /* NULL = the simulator's default requests */
    bool               has_dataset; /* the workload is a dataset (job/dataset_workload.h) */
    char               dataset_sha256[65];
    size_t             n_datasheets;
    swp_datasheet      datasheets[SWP_BUILDER_MAX_HARDWARE];
    swp_cluster_entry  clusters[SWP_BUILDER_CACHE];  /* of job/job_hash.c */
    swp_workload_entry workloads[SWP_BUILDER_CACHE]; /* of job/job_hash.c */
};

/* A swp_datasheet_fn; ctx is the builder. */
ws_json swp__builder_datasheet(void *builder, const char *hardware);

/* Where a file that a config names lies.
 * @param[in] what  it is, for messages
 * @return WS_OK; WS_ERR_INPUT, with the place, if there is none or it cannot be read */
WS_NODISCARD ws_status swp__builder_find(struct swp_builder *b, ws_json place, const char *what, char *found,
                                         size_t cap, ws_error *err);

#endif /* SWP_BUILDER_INTERNAL_H */
