#include "tally.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "commands.h"
#include "lock.h"

/* Count the states; those that leave a job unfinished are the caller's to see in n_final. */
static ws_status count_rows(const swp_frame *frame, const swp_cells *state, const swp_cells *attempt,
                            ws_error *err, int64_t *n_final, swp_tally *out)
{
    for (size_t row = 0; row < frame->n; row++) {
        const int code = (int)swp_cells_number(state, row);
        if (code < 0 || code >= SWP_STATE_COUNT) {
            return ws_error_add(err, WS_ERR_IO, "%s: damaged: state %d", swp_reader_path(frame->reader),
                                code);
        }
        out->n_state[code]++;
        out->n_excluded += code == SWP_STATE_INFEASIBLE && swp_cells_number(attempt, row) == 0.0;
        *n_final += swp_job_state_is_final((swp_job_state)code);
    }
    return WS_OK;
}

ws_status swp_tally_take(const swp_frame *frame, ws_error *err, swp_tally *out)
{
    swp_cells state = {.n = 0}, attempt = {.n = 0};
    int64_t   n_final = 0;

    *out             = (swp_tally){.n_jobs = swp_reader_layout(frame->reader)->n_jobs};
    out->n_jobs      = out->n_jobs > (int64_t)frame->n ? out->n_jobs : (int64_t)frame->n;
    ws_status status = swp_frame_read(frame, "state", err, &state);
    if (status == WS_OK) {
        status = swp_frame_read(frame, "attempt", err, &attempt);
    }
    if (status == WS_OK) {
        status = count_rows(frame, &state, &attempt, err, &n_final, out);
    }
    swp_cells_fini(&attempt);
    swp_cells_fini(&state);
    WS_TRY(status);
    out->n_state[SWP_STATE_PENDING] += out->n_jobs - (int64_t)frame->n;
    out->is_complete        = n_final == out->n_jobs;
    out->is_unfinished_file = swp_reader_kind(frame->reader) == SWP_FILE_LIVE;
    out->is_written_now     = out->is_unfinished_file && swp_lock_is_held(swp_reader_path(frame->reader));
    return WS_OK;
}

int64_t swp_tally_n_failures(const swp_tally *tally)
{
    return tally->n_state[SWP_STATE_FAILED] + tally->n_state[SWP_STATE_TIMED_OUT] +
           tally->n_state[SWP_STATE_INFEASIBLE] - tally->n_excluded;
}

int swp_tally_exit_code(const swp_tally *tally)
{
    if (!tally->is_complete || tally->is_unfinished_file) {
        return WS_EXIT_RESUME;
    }
    return swp_tally_n_failures(tally) > 0 ? WS_EXIT_FAILED : WS_EXIT_DONE;
}

char *swp_tally_text(const swp_tally *tally)
{
    ws_strbuf   text   = WS_STRBUF_INIT;
    const char *before = tally->is_written_now       ? "running"
                         : !tally->is_complete       ? "stopped early, resume with --resume"
                         : tally->is_unfinished_file ? "all jobs have run, finish with --resume or recover"
                                                     : "complete";
    ws_strbuf_printf(&text, "%s:", before);
    const char *separator = " ";
    for (int state = SWP_STATE_DONE; state <= SWP_STATE_COUNT; state++) {
        const swp_job_state shown = state == SWP_STATE_COUNT ? SWP_STATE_PENDING : (swp_job_state)state;
        if (tally->n_state[shown] > 0) {
            ws_strbuf_printf(&text, "%s%lld %s", separator, (long long)tally->n_state[shown],
                             swp_job_state_name(shown));
            if (shown == SWP_STATE_INFEASIBLE && tally->n_excluded > 0) {
                ws_strbuf_printf(&text, " (%lld by constraints)", (long long)tally->n_excluded);
            }
            separator = ", ";
        }
    }
    ws_strbuf_printf(&text, "%s %lld jobs", tally->n_jobs > 0 ? " of" : "", (long long)tally->n_jobs);
    if (text.failed) {
        ws_strbuf_fini(&text);
        return NULL;
    }
    return text.data;
}
