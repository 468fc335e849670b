#include "run/job_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "job/runner.h"

static ws_status count(swp_job_check *check, uint64_t job, const char *text)
{
    check->n_failed++;
    for (size_t i = 0; i < check->n_problems; i++) {
        if (strcmp(check->problems[i].text, text) == 0) {
            check->problems[i].n_jobs++;
            return WS_OK;
        }
    }
    if (check->n_problems == SWP_MAX_JOB_PROBLEMS) {
        check->n_other++;
        return WS_OK;
    }
    char *copy = ws_strdup(text);
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    check->problems[check->n_problems++] = (swp_job_problem){.text = copy, .n_jobs = 1, .first_job = job};
    return WS_OK;
}

static ws_status look_at(swp_builder *builder, uint64_t job, const uint32_t *value_index,
                         swp_job_check *check)
{
    ws_scenario *scenario = NULL;
    ws_error     err      = WS_ERROR_INIT;
    swp_job      built    = swp_job_of(builder, job, value_index);
    ws_status    status   = swp_job_scenario(&built, &err, &scenario);
    swp_job_fini(&built);
    check->n_checked++;
    ws_scenario_destroy(&scenario);
    if (status != WS_OK && status != WS_ERR_NOMEM) {
        status = count(check, job, err.n_problems > 0 ? ws_error_text(&err) : ws_status_text(status));
    }
    ws_error_clear(&err);
    return status;
}

ws_status swp_job_check_take(swp_sweep_inputs *in, double limit_s, swp_job_check *out)
{
    const double end_s       = ws_wall_s() + limit_s;
    uint32_t    *value_index = calloc(in->spec->n_params + 1, sizeof(*value_index));
    ws_status    status      = value_index == NULL ? WS_ERR_NOMEM : WS_OK;
    *out                     = (swp_job_check){.n_problems = 0};
    for (uint64_t job = in->slice.begin; status == WS_OK && job < in->slice.end; job++) {
        if (ws_wall_s() > end_s) {
            out->is_cut = true;
            break;
        }
        swp_space_point(swp_builder_space(in->builder), job, value_index);
        if (swp_constraints_check(in->constraints, job, value_index) == SWP_MEETS_ALL) {
            status = look_at(in->builder, job, value_index, out);
        }
    }
    free(value_index);
    return status;
}

void swp_job_check_fini(swp_job_check *check)
{
    for (size_t i = 0; i < check->n_problems; i++) {
        free(check->problems[i].text);
    }
    *check = (swp_job_check){.n_problems = 0};
}
