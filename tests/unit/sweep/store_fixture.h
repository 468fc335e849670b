/* store_fixture.h -- synthetic rows for the store's tests: everything about a row follows from its job index,
 * so that a test can check a file without remembering what it wrote. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/live_writer.h"
#include "store/reader.h"
#include "temp_folder.h"

#define FIXTURE_PARAMS 4
#define FIXTURE_NODES 2
#define FIXTURE_NODE_CELLS (WS_COMPONENT_COUNT * WS_PHASE_COUNT) /* of phase_j */
#define FIXTURE_MAX_SAMPLES 8
#define FIXTURE_MAX_REQUESTS 4

/* Storage a row points into. */
typedef struct fixture_row {
    char        hash[SWP_HASH_LEN + 1];
    swp_value   params[FIXTURE_PARAMS];
    double      metrics[WS_METRIC_COUNT];
    double      component_j[FIXTURE_NODES * WS_COMPONENT_COUNT];
    double      phase_j[FIXTURE_NODES * FIXTURE_NODE_CELLS];
    double      npu_state_s[FIXTURE_NODES * WS_STATE_COUNT];
    double      series[WS_SERIES_COUNT][FIXTURE_MAX_SAMPLES];
    double      node_power_w[FIXTURE_MAX_SAMPLES * FIXTURE_NODES];
    double      component_power_w[FIXTURE_MAX_SAMPLES * WS_COMPONENT_COUNT];
    swp_request requests[FIXTURE_MAX_REQUESTS];
    swp_row     row;
} fixture_row;

static inline double fixture_number(int64_t job, int kind, size_t index)
{
    return (double)job * 1000.0 + kind * 100.0 + (double)index + 0.25;
}

static inline void fixture_fill(double *out, size_t n, int64_t job, int kind)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = fixture_number(job, kind, i);
    }
}

/* Job j: failed if j % 7 == 3, else done with j % 3 nodes short of two, j % 9 samples (at most 8), j % 5
 * requests. */
static inline const swp_row *fixture_make(int64_t job, fixture_row *f)
{
    static const char *const names[] = {"small", "größer", "a much longer name"};
    const bool               failed  = job % 7 == 3;

    memset(f, 0, sizeof(*f));
    snprintf(f->hash, sizeof(f->hash), "%032llx", (unsigned long long)job * 2654435761u);
    f->params[0] = (swp_value){.integer = job % 5};
    f->params[1] = (swp_value){.number = (double)job * 0.5};
    f->params[2] = (swp_value){.text = names[job % 3]};
    f->params[3] = (swp_value){.integer = job % 2};
    fixture_fill(f->metrics, WS_METRIC_COUNT, job, 1);
    fixture_fill(f->component_j, FIXTURE_NODES * WS_COMPONENT_COUNT, job, 2);
    fixture_fill(f->npu_state_s, FIXTURE_NODES * WS_STATE_COUNT, job, 3);
    for (size_t s = 0; s < WS_SERIES_COUNT; s++) {
        fixture_fill(f->series[s], FIXTURE_MAX_SAMPLES, job, 4 + (int)s);
    }
    fixture_fill(f->node_power_w, FIXTURE_MAX_SAMPLES * FIXTURE_NODES, job, 20);
    fixture_fill(f->component_power_w, FIXTURE_MAX_SAMPLES * WS_COMPONENT_COUNT, job, 21);
    fixture_fill(f->phase_j, FIXTURE_NODES * FIXTURE_NODE_CELLS, job, 22);
    for (int r = 0; r < FIXTURE_MAX_REQUESTS; r++) {
        const double active_j = fixture_number(job, 23, (size_t)r), energy_j = r == 3 ? NAN : 2 * active_j;
        f->requests[r] = (swp_request){r, 0, 100 + job, 10, 1, 2, 3, 4, 5, job * 10 + r, active_j, energy_j};
    }
    f->row = (swp_row){.job          = job,
                       .state        = failed ? SWP_STATE_FAILED : SWP_STATE_DONE,
                       .error        = failed ? "a.json: /nodes/0: expected an object, found 3" : NULL,
                       .attempt      = 1,
                       .hash         = f->hash,
                       .seed         = 40 + job,
                       .repeat       = (int32_t)(job % 2),
                       .params       = f->params,
                       .rank         = (int32_t)(job % 4),
                       .host         = "node01",
                       .wall_s       = 0.005,
                       .profile_kind = 1};
    if (!failed) {
        f->row.metrics           = f->metrics;
        f->row.n_nodes           = 1 + (size_t)(job % FIXTURE_NODES);
        f->row.component_j       = f->component_j;
        f->row.phase_j           = f->phase_j;
        f->row.npu_state_s       = f->npu_state_s;
        f->row.n_samples         = (size_t)(job % (FIXTURE_MAX_SAMPLES + 1));
        f->row.node_power_w      = f->node_power_w;
        f->row.component_power_w = f->component_power_w;
        f->row.n_requests        = (size_t)(job % (FIXTURE_MAX_REQUESTS + 1));
        f->row.requests          = f->requests;
        for (size_t s = 0; s < WS_SERIES_COUNT; s++) {
            f->row.series[s] = s == WS_SERIES_CXL_MEM_GB ? NULL : f->series[s];
        }
    }
    return &f->row;
}

static inline swp_layout fixture_layout(int64_t n_jobs)
{
    static const swp_param params[FIXTURE_PARAMS] = {
        {"max_num_seqs", "max_num_seqs", "1", SWP_PARAM_INT, 0},
        {"standby_duration", "standby_duration", "s", SWP_PARAM_DOUBLE, 0},
        {"hardware_mix", "hardware_mix", "1", SWP_PARAM_TEXT, 24},
        {"prefix", "enable_prefix_caching", "1", SWP_PARAM_BOOL, 0},
    };
    static const swp_text_attribute attributes[] = {{"library_versions", "HDF5 1.10.8"}, {"slice", "0/1"}};
    return (swp_layout){.title        = "fixture",
                        .spec_json    = "{\"name\": \"fixture\"}",
                        .spec_sha256  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                        .n_jobs       = n_jobs,
                        .n_jobs_all   = n_jobs,
                        .n_params     = FIXTURE_PARAMS,
                        .params       = params,
                        .max_nodes    = FIXTURE_NODES,
                        .has_series   = true,
                        .has_requests = true,
                        .n_attributes = 2,
                        .attributes   = attributes};
}

/* A fresh folder (temp_folder.h); the caller frees the text and removes the folder. */
static inline char *fixture_folder(void)
{
    char path[TEMP_PATH_MAX];
    return temp_folder_make(path, sizeof(path)) ? strdup(path) : NULL;
}

static inline void fixture_remove(char *folder)
{
    char command[600];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0) {
        fprintf(stderr, "cannot remove %s\n", folder);
    }
    free(folder);
}

/* Same cell, NaN equal to NaN. */
static inline bool fixture_same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

#endif /* STORE_FIXTURE_H */
