/* Any bytes are either refused with a message or become a workload whose counts and indices hold together. */
#include "workload/workload_read.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_workload(const ws_workload *w)
{
    WS_ASSERT(w->n_initial <= w->n_requests);
    for (size_t i = 0; i < w->n_requests; i++) {
        const ws_workload_request *r = &w->requests[i];
        WS_ASSERT(r->input_tokens >= 1 && r->target_tokens >= r->input_tokens);
        WS_ASSERT(r->target_tokens <= w->max_target_tokens);
        WS_ASSERT(r->session == -1 || (size_t)r->session < w->n_sessions);
        WS_ASSERT(r->n_input_ids >= 0 && r->n_output_ids >= 0);
        WS_ASSERT(r->token_begin + (size_t)r->n_input_ids + (size_t)r->n_output_ids <= w->n_token_ids);
    }
    for (size_t i = 0; i < w->n_initial; i++) {
        WS_ASSERT(w->initial[i] < w->n_requests && w->requests[w->initial[i]].arrival_ns >= 0);
        WS_ASSERT(i == 0 ||
                  w->requests[w->initial[i - 1]].arrival_ns <= w->requests[w->initial[i]].arrival_ns);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ws_files    *files    = NULL;
    ws_workload *workload = NULL;
    ws_error     err      = WS_ERROR_INIT;
    WS_ASSERT(ws_files_create(&files) == WS_OK);
    WS_ASSERT(ws_files_put(files, "input.jsonl", (const char *)data, size) == WS_OK);
    const ws_status status = ws_workload_read(files, "input.jsonl", 0, &err, &workload);
    WS_ASSERT(status == WS_OK || (status == WS_ERR_INPUT && err.n_problems > 0));
    if (status == WS_OK) {
        check_workload(workload);
    }
    ws_workload_destroy(&workload);
    ws_error_clear(&err);
    ws_files_destroy(&files);
    return 0;
}
