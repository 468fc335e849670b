#include "job/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/host_memory.h"
#include "job/job_hash.h"
#include "result/row_wire.h"

struct swp_runner {
    swp_runner_config config;
    ws_run           *run;
    uint32_t         *value_index; /* [n_params] */
    ws_error          err;         /* its text is the row's until the next job */
    double            deadline_s;  /* of the simulation going on; INFINITY = none */
    bool              was_stopped; /* by should_stop, not by the deadline */
    ws_arena          arena;       /* requests of the row */
    char              hash[SWP_HASH_LEN + 1];
    swp_row           row;
};

ws_status swp_runner_create(const swp_runner_config *config, swp_runner **runner_out)
{
    *runner_out   = NULL;
    swp_runner *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return WS_ERR_NOMEM;
    }
    r->config = *config;
    if (r->config.memory_bytes == 0) {
        r->config.memory_bytes =
            ws_host_memory_budget_bytes(config->n_ranks_here > 0 ? (size_t)config->n_ranks_here : 1);
    }
    ws_arena_init(&r->arena, 0);
    r->value_index   = calloc(swp_builder_spec(config->builder)->n_params + 1, sizeof(*r->value_index));
    ws_status status = r->value_index == NULL ? WS_ERR_NOMEM : ws_run_create(&r->run);
    if (status != WS_OK) {
        swp_runner_destroy(&r);
        return status;
    }
    *runner_out = r;
    return WS_OK;
}

void swp_runner_destroy(swp_runner **runner)
{
    swp_runner *r = *runner;
    if (r == NULL) {
        return;
    }
    ws_run_destroy(&r->run);
    ws_error_clear(&r->err);
    ws_arena_fini(&r->arena);
    free(r->value_index);
    free(r);
    *runner = NULL;
}

static bool is_over(void *ctx)
{
    swp_runner *r = ctx;
    if (r->config.should_stop != NULL && r->config.should_stop(r->config.ctx)) {
        r->was_stopped = true;
        return true;
    }
    return ws_wall_s() > r->deadline_s;
}

static swp_job_state state_of(const swp_runner *r, ws_status status)
{
    switch (status) {
    case WS_OK:
        return SWP_STATE_DONE;
    case WS_ERR_INFEASIBLE:
        return SWP_STATE_INFEASIBLE;
    case WS_ERR_TIMEOUT:
        return r->was_stopped ? SWP_STATE_INTERRUPTED : SWP_STATE_TIMED_OUT;
    case WS_ERR_ARG:
    case WS_ERR_INPUT:
    case WS_ERR_NOMEM:
    case WS_ERR_IO:
    case WS_ERR_MEMORY_BUDGET:
        break;
    }
    return SWP_STATE_FAILED;
}

static ws_status copy_requests(swp_runner *r, const ws_result *result)
{
    ws_arena_reset(&r->arena);
    const size_t n        = result->n_requests + result->n_rejected; /* those at the end, instance -1 */
    swp_request *requests = ws_arena_alloc(&r->arena, n, sizeof(swp_request));
    if (requests == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const ws_request_record rejected =
            i < result->n_requests ? (ws_request_record){.instance_id = -1}
                                   : ws_rejection_record(&result->rejected[i - result->n_requests]);
        const ws_request_record *from = i < result->n_requests ? &result->requests[i] : &rejected;
        requests[i]                   = (swp_request){
#define FROM_RECORD(type, name, unit, long_name) .name = from->name,
            SWP_REQUEST_LIST(FROM_RECORD)
#undef FROM_RECORD
        };
    }
    r->row.requests   = requests;
    r->row.n_requests = n;
    return WS_OK;
}

static ws_status describe_result(swp_runner *r, const ws_result *result)
{
    const swp_spec *spec = swp_builder_spec(r->config.builder);
    if (result->n_nodes > r->config.max_nodes) {
        return ws_error_add(&r->err, WS_ERR_INPUT, "the job has %zu nodes, the file's node axis %zu",
                            result->n_nodes, r->config.max_nodes);
    }
    r->row.metrics      = result->metrics;
    r->row.n_nodes      = result->n_nodes;
    r->row.component_j  = result->component_j;
    r->row.phase_j      = result->node_phase_j;
    r->row.npu_state_s  = result->npu_state_s;
    r->row.profile_kind = (int)result->profile_kind;
    if (spec->wants_timeseries) {
        r->row.n_samples = result->series.n_samples;
        memcpy(r->row.series, result->series.columns, sizeof r->row.series);
        r->row.node_power_w      = result->series.node_power_w;
        r->row.component_power_w = result->series.component_power_w;
    }
    return spec->wants_requests ? copy_requests(r, result) : WS_OK;
}

/* A row that cannot be sent would be lost, and its rank with it. Alone, a sweep has the same limit: results
 * do not depend on the number of ranks. */
static ws_status check_size(swp_runner *r)
{
    const size_t limit = r->config.max_row_bytes > 0 ? r->config.max_row_bytes : SWP_MAX_ROW_BYTES;
    const size_t bytes = swp_row_packed_bytes(&r->row);
    if (bytes <= limit) {
        return WS_OK;
    }
    return ws_error_add(
        &r->err, WS_ERR_MEMORY_BUDGET,
        "the row has %zu samples and %zu requests, %.1f MB, expected at most %.1f MB: a longer "
        "power_interval, or less in the spec's outputs",
        r->row.n_samples, r->row.n_requests, (double)bytes * 1e-6, (double)limit * 1e-6);
}

static ws_status simulate(swp_runner *r, swp_job *job)
{
    ws_scenario *scenario = NULL;
    WS_TRY(swp_job_scenario(job, &r->err, &scenario));
    const ws_run_limits limits  = {.struct_size  = sizeof(limits),
                                   .memory_bytes = r->config.memory_bytes,
                                   .should_stop  = is_over,
                                   .ctx          = r};
    const ws_result    *result  = NULL;
    const double        begin_s = ws_wall_s();
    r->deadline_s    = r->config.time_budget_s > 0.0 ? begin_s + r->config.time_budget_s : INFINITY;
    r->was_stopped   = false;
    ws_status status = ws_simulate(scenario, r->run, &limits, &r->err, &result);
    r->row.wall_s    = ws_wall_s() - begin_s;
    if (status == WS_OK) {
        status = describe_result(r, result);
    }
    ws_scenario_destroy(&scenario); /* the result belongs to the run and stays */
    return status == WS_OK ? check_size(r) : status;
}

/* Put what the run cannot know, its time budget or who stopped it, before what it said. */
static void explain_end(swp_runner *r)
{
    char said[SWP_ERROR_LEN];
    snprintf(said, sizeof said, "%s", ws_error_text(&r->err));
    ws_error_clear(&r->err);
    if (r->row.state == SWP_STATE_TIMED_OUT) {
        ws_error_add(&r->err, WS_ERR_TIMEOUT,
                     "longer than its time budget of %g s: %s (--job-timeout raises it)",
                     r->config.time_budget_s, said);
    } else {
        ws_error_add(&r->err, WS_ERR_TIMEOUT, "left because the sweep had to stop: %s", said);
    }
}

/* A row without the arrays of an unfinished description. */
static void explain_failure(swp_runner *r, ws_status status)
{
    const double  wall_s = r->row.wall_s;
    const swp_row blank  = {.job          = r->row.job,
                            .attempt      = r->row.attempt,
                            .hash         = r->row.hash,
                            .seed         = r->row.seed,
                            .repeat       = r->row.repeat,
                            .rank         = r->row.rank,
                            .wall_s       = wall_s,
                            .profile_kind = -1};
    r->row               = blank;
    r->row.state         = state_of(r, status);
    if (status == WS_ERR_TIMEOUT) {
        explain_end(r);
    } else if (r->err.n_problems == 0) {
        ws_error_add(&r->err, status, "%s", ws_status_text(status));
    }
    r->row.error = ws_error_text(&r->err);
}

swp_row swp_row_without_run(swp_job *job, swp_job_state state, const char *reason,
                            char hash_buf[SWP_HASH_LEN + 1])
{
    const ws_options *options = NULL;
    swp_job_row_hash(job, hash_buf);
    const bool has_options = swp_job_options(job, NULL, &options) == WS_OK;
    return (swp_row){.job          = (int64_t)job->number,
                     .state        = state,
                     .error        = reason,
                     .attempt      = 1,
                     .hash         = hash_buf,
                     .seed         = has_options ? options->seed : swp_builder_spec(job->builder)->seed,
                     .repeat       = (int32_t)swp_space_repeat(swp_builder_space(job->builder), job->number),
                     .rank         = -1,
                     .wall_s       = NAN,
                     .profile_kind = -1};
}

const swp_row *swp_runner_run(void *runner, uint64_t number, int32_t attempt)
{
    swp_runner *r = runner;
    ws_error_clear(&r->err);
    swp_space_point(swp_builder_space(r->config.builder), number, r->value_index);
    swp_job job            = swp_job_of(r->config.builder, number, r->value_index);
    r->row                 = swp_row_without_run(&job, SWP_STATE_DONE, NULL, r->hash);
    r->row.attempt         = attempt;
    r->row.rank            = r->config.rank;
    const ws_status status = simulate(r, &job);
    if (status != WS_OK) {
        explain_failure(r, status);
    }
    swp_job_fini(&job);
    return &r->row;
}
