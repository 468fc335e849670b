#include "run/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/host_memory.h"
#include "job/runner.h"
#include "result/columns.h"

#define PROBE_LIMIT_S 2.0
enum { N_PROBES = 32, N_CANDIDATES = 16 * N_PROBES };

/* Bytes of a row in a file for jobs of its size; a parameter, texts too, counts as a number. */
static ws_status bytes_of(const swp_spec *spec, const swp_row *row, double *bytes_out)
{
    const swp_layout layout = {.max_nodes    = row->n_nodes > 0 ? row->n_nodes : 1,
                               .has_series   = spec->wants_timeseries,
                               .has_requests = spec->wants_requests};
    swp_columns      columns;
    WS_TRY(swp_columns_build(&layout, NULL, &columns));
    *bytes_out = (double)columns.row_bytes[SWP_AXIS_JOB] + (double)spec->n_params * sizeof(double) +
                 (double)row->n_samples * (double)columns.row_bytes[SWP_AXIS_SAMPLE] +
                 (double)row->n_requests * (double)columns.row_bytes[SWP_AXIS_REQUEST];
    swp_columns_fini(&columns);
    return WS_OK;
}

/* The k-th of n jobs to try: spread by the golden ratio, which no axis of a grid keeps step with. */
static uint64_t candidate(uint64_t k, uint64_t n)
{
    double       whole;
    const double share = modf(0.5 + (double)k * 0.6180339887498949, &whole);
    return (uint64_t)(share * (double)n);
}

static ws_status learn(swp_probe *probe, const swp_spec *spec, const swp_row *row, double wall_s)
{
    double row_bytes = 0.0;
    probe->n_tried++;
    if (row->state == SWP_STATE_DONE) {
        WS_TRY(bytes_of(spec, row, &row_bytes));
        probe->n_worked++;
        probe->job_wall_s += wall_s;
        probe->row_bytes += row_bytes;
    } else if (probe->problem[0] == '\0') {
        snprintf(probe->problem, sizeof probe->problem, "job %lld: %s: %s", (long long)row->job,
                 swp_job_state_name(row->state), row->error != NULL ? row->error : "");
    }
    return WS_OK;
}

static size_t memory_budget(size_t memory_bytes)
{
    const size_t host_bytes = ws_host_memory_budget_bytes(1);
    return memory_bytes > 0                      ? memory_bytes
           : host_bytes < SWP_PROBE_MEMORY_BYTES ? host_bytes
                                                 : SWP_PROBE_MEMORY_BYTES;
}

ws_status swp_probe_points(swp_sweep_inputs *in, size_t memory_bytes, swp_probe *probe_out)
{
    const swp_runner_config config      = {.builder       = in->builder,
                                           .max_nodes     = SIZE_MAX,
                                           .time_budget_s = PROBE_LIMIT_S,
                                           .memory_bytes  = memory_budget(memory_bytes)};
    swp_runner             *runner      = NULL;
    const uint64_t          n           = in->slice.end - in->slice.begin;
    uint32_t               *value_index = calloc(in->spec->n_params + 1, sizeof(*value_index));
    *probe_out                          = (swp_probe){0};
    ws_status    status  = value_index == NULL ? WS_ERR_NOMEM : swp_runner_create(&config, &runner);
    const double begin_s = ws_wall_s();
    for (uint64_t k = 0; status == WS_OK && k < N_CANDIDATES && k < n && probe_out->n_tried < N_PROBES &&
                         ws_wall_s() - begin_s < PROBE_LIMIT_S;
         k++) {
        const uint64_t job = in->slice.begin + candidate(k, n);
        swp_space_point(swp_builder_space(in->builder), job, value_index);
        if (swp_constraints_check(in->constraints, job, value_index) == SWP_MEETS_ALL) {
            if (probe_out->n_tried == 0) {
                swp_runner_run(runner, job, 1); /* reads files and warms up: not what a job takes later */
            }
            const double   job_begin_s = ws_wall_s();
            const swp_row *row         = swp_runner_run(runner, job, 1);
            status                     = learn(probe_out, in->spec, row, ws_wall_s() - job_begin_s);
        }
    }
    const double n_worked = (double)probe_out->n_worked;
    probe_out->job_wall_s = n_worked > 0.0 ? probe_out->job_wall_s / n_worked : NAN;
    probe_out->row_bytes  = n_worked > 0.0 ? probe_out->row_bytes / n_worked : NAN;
    swp_runner_destroy(&runner);
    free(value_index);
    return status;
}
