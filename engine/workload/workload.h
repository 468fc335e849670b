/* workload/workload.h -- the requests of a run: flat requests and agentic sessions, with token ids.
 *
 * Flat and immutable once read, shared by any number of runs; all counts validated (docs/model/serving.md 2).
 * Request ids are indices into `requests`. */
#ifndef WS_WORKLOAD_H
#define WS_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ws_workload_request {
    int64_t arrival_ns;       /* >= 0; of sub-requests after the first: -1, set when they are released */
    int32_t input_tokens;     /* prompt length, >= 1 */
    int32_t target_tokens;    /* prompt + output */
    int32_t session;          /* index into sessions, -1 = flat request */
    int32_t session_step;     /* position in its session, 0 for flat requests */
    int64_t tool_duration_ns; /* wait between this one's end and the next one's arrival, >= 0 */
    size_t  token_begin;      /* into token_ids: input ids, then output ids */
    int32_t n_input_ids, n_output_ids;
    int64_t line; /* of the dataset, from 1; 0 = generated */
} ws_workload_request;

/** State of a session id; a repeated id replaces the earlier session (docs/model/serving.md 2.2). */
typedef struct ws_workload_session {
    uint32_t first_request; /* id of its first sub-request */
    uint32_t n_requests;
} ws_workload_session;

typedef struct ws_workload {
    size_t               n_requests;
    ws_workload_request *requests;
    size_t               n_sessions;
    ws_workload_session *sessions;
    size_t               n_initial; /* requests pending from the start ... */
    uint32_t            *initial;   /* ... their ids by (arrival, file order) */
    size_t               n_token_ids;
    int32_t             *token_ids;
    int32_t              max_target_tokens; /* longest prompt + output */
    bool                 is_view; /* the arrays lie in memory of somebody else's (workload_pack.h) */
} ws_workload;

/** Release *workload and set it to NULL; NULL *workload is allowed. The arrays of a view stay with their
 * owner. */
void ws_workload_destroy(ws_workload **workload);

#endif /* WS_WORKLOAD_H */
