#include "plan.h"

#include <stdlib.h>

/* A row on its way into the plan. */
typedef struct candidate {
    swp_pick pick;
    bool     is_done;
} candidate;

static ws_status no_memory(ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    return WS_ERR_NOMEM;
}

static int by_job(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->pick.job != y->pick.job) {
        return x->pick.job < y->pick.job ? -1 : 1;
    }
    if (x->pick.source != y->pick.source) {
        return x->pick.source < y->pick.source ? -1 : 1;
    }
    return x->pick.row < y->pick.row ? -1 : x->pick.row > y->pick.row;
}

static ws_status load_source(const swp_reader *reader, size_t source, const int64_t *job_of_row,
                             ws_error *err, candidate *out)
{
    const size_t n     = swp_reader_n_rows(reader);
    int64_t     *job   = malloc((n + 1) * sizeof(job[0]));
    int8_t      *state = calloc(n + 1, 1);
    ws_status    status;

    if (job == NULL || state == NULL) {
        status = no_memory(err);
    } else {
        const swp_columns *columns = swp_reader_columns(reader);
        status = swp_reader_read(reader, swp_columns_find(columns, SWP_ROLE_JOB, 0), 0, n, job, err);
        if (status == WS_OK) {
            status = swp_reader_read(reader, swp_columns_find(columns, SWP_ROLE_STATE, 0), 0, n, state, err);
        }
    }
    for (size_t row = 0; status == WS_OK && row < n; row++) {
        out[row] = (candidate){{source, row, job_of_row != NULL ? job_of_row[row] : job[row]},
                               state[row] == SWP_STATE_DONE};
    }
    free(job);
    free(state);
    return status;
}

/* Candidates sorted by job, then source, then row: keep one per job. */
static size_t choose(candidate *all, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (all[i].pick.job < 0) {
            continue;
        }
        candidate *last = kept > 0 ? &all[kept - 1] : NULL;
        if (last == NULL || last->pick.job != all[i].pick.job) {
            all[kept++] = all[i];
        } else if (last->pick.source == all[i].pick.source || all[i].is_done || !last->is_done) {
            *last = all[i];
        }
    }
    return kept;
}

ws_status swp_plan_build(const swp_reader *const *sources, size_t n_sources, const int64_t *const *job_of_row,
                         ws_error *err, swp_plan *plan_out)
{
    size_t    n      = 0;
    ws_status status = WS_OK;

    *plan_out = (swp_plan){.sources = sources, .n_sources = n_sources};
    for (size_t s = 0; s < n_sources; s++) {
        n += swp_reader_n_rows(sources[s]);
    }
    candidate *all = malloc((n + 1) * sizeof(all[0]));
    if (all == NULL) {
        return no_memory(err);
    }
    size_t at = 0;
    for (size_t s = 0; s < n_sources && status == WS_OK; s++) {
        status = load_source(sources[s], s, job_of_row == NULL ? NULL : job_of_row[s], err, all + at);
        at += swp_reader_n_rows(sources[s]);
    }
    if (status == WS_OK) {
        qsort(all, n, sizeof(all[0]), by_job);
        plan_out->n     = choose(all, n);
        plan_out->picks = malloc((plan_out->n + 1) * sizeof(plan_out->picks[0]));
        if (plan_out->picks == NULL) {
            status = no_memory(err);
        }
    }
    for (size_t i = 0; status == WS_OK && i < plan_out->n; i++) {
        plan_out->picks[i] = all[i].pick;
    }
    free(all);
    return status;
}

void swp_plan_fini(swp_plan *plan)
{
    free(plan->picks);
    *plan = (swp_plan){.n = 0};
}
