#include "analysis/state_counts.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "base/exit_code.h"
#include "store/lock.h"

/* Count the states; those that leave a job unfinished are the caller's to see in n_final. */
static ws_status count_rows(const swp_result_table *results, const swp_cells *state, const swp_cells *attempt,
                            ws_error *err, int64_t *n_final, swp_state_counts *out)
{
    for (size_t row = 0; row < results->n; row++) {
        const int code = (int)swp_cells_number(state, row);
        if (code < 0 || code >= SWP_STATE_COUNT) {
            return ws_error_add(err, WS_ERR_IO, "%s: damaged: state %d", swp_reader_path(results->reader),
                                code);
        }
        out->n_state[code]++;
        out->n_excluded += code == SWP_STATE_INFEASIBLE && swp_cells_number(attempt, row) == 0.0;
        *n_final += swp_job_state_is_final((swp_job_state)code);
    }
    return WS_OK;
}

ws_status swp_state_counts_take(const swp_result_table *results, ws_error *err, swp_state_counts *out)
{
    swp_cells state = {.n = 0}, attempt = {.n = 0};
    int64_t   n_final = 0;

    *out             = (swp_state_counts){.n_jobs = swp_reader_layout(results->reader)->n_jobs};
    out->n_jobs      = out->n_jobs > (int64_t)results->n ? out->n_jobs : (int64_t)results->n;
    ws_status status = swp_result_table_read(results, "state", err, &state);
    if (status == WS_OK) {
        status = swp_result_table_read(results, "attempt", err, &attempt);
    }
    if (status == WS_OK) {
        status = count_rows(results, &state, &attempt, err, &n_final, out);
    }
    swp_cells_fini(&attempt);
    swp_cells_fini(&state);
    WS_TRY(status);
    out->n_state[SWP_STATE_PENDING] += out->n_jobs - (int64_t)results->n;
    out->is_complete        = n_final == out->n_jobs;
    out->is_unfinished_file = swp_reader_kind(results->reader) == SWP_FILE_LIVE;
    out->is_written_now     = out->is_unfinished_file && swp_lock_is_held(swp_reader_path(results->reader));
    return WS_OK;
}

int64_t swp_state_counts_n_failures(const swp_state_counts *counts)
{
    return counts->n_state[SWP_STATE_FAILED] + counts->n_state[SWP_STATE_TIMED_OUT] +
           counts->n_state[SWP_STATE_INFEASIBLE] - counts->n_excluded;
}

int swp_state_counts_exit_code(const swp_state_counts *counts)
{
    if (!counts->is_complete || counts->is_unfinished_file) {
        return WS_EXIT_RESUME;
    }
    return swp_state_counts_n_failures(counts) > 0 ? WS_EXIT_FAILED : WS_EXIT_DONE;
}

/* How far the sweep is, in words. */
static const char *stage(const swp_state_counts *counts)
{
    if (counts->is_written_now) {
        return "running";
    }
    if (!counts->is_complete) {
        return "stopped early, resume with --resume";
    }
    return counts->is_unfinished_file ? "all jobs have run, finish with --resume or recover" : "complete";
}

char *swp_state_counts_text(const swp_state_counts *counts)
{
    ws_strbuf text = WS_STRBUF_INIT;
    ws_strbuf_printf(&text, "%s:", stage(counts));
    const char *separator = " ";
    for (int state = SWP_STATE_DONE; state <= SWP_STATE_COUNT; state++) {
        const swp_job_state shown = state == SWP_STATE_COUNT ? SWP_STATE_PENDING : (swp_job_state)state;
        if (counts->n_state[shown] > 0) {
            ws_strbuf_printf(&text, "%s%lld %s", separator, (long long)counts->n_state[shown],
                             swp_job_state_name(shown));
            if (shown == SWP_STATE_INFEASIBLE && counts->n_excluded > 0) {
                ws_strbuf_printf(&text, " (%lld by constraints)", (long long)counts->n_excluded);
            }
            separator = ", ";
        }
    }
    ws_strbuf_printf(&text, "%s %lld jobs", counts->n_jobs > 0 ? " of" : "", (long long)counts->n_jobs);
    if (text.failed) {
        ws_strbuf_fini(&text);
        return NULL;
    }
    return text.data;
}
