/* workload/workload_builder.h -- growing a workload request by request; used by the reader and the
 * generators.
 *
 * Add token ids before the request that owns them. A builder holds the workload until it is finished or
 * abandoned. */
#ifndef WS_WORKLOAD_BUILDER_H
#define WS_WORKLOAD_BUILDER_H

#include "base/status.h"
#include "workload/workload.h"

/* Bounds of one request and of the clock: far above any use, and small enough that sums stay inside their
 * types. */
#define WS_REQUEST_TOKENS_MAX (1 << 24)
#define WS_WORKLOAD_TIME_MAX_NS (INT64_C(1) << 53) /* 104 days; JSON numbers are exact up to here */

typedef struct ws_workload_builder {
    ws_workload *workload; /* owned until finished */
    size_t       request_capacity, session_capacity, token_capacity;
} ws_workload_builder;

WS_NODISCARD ws_status ws_workload_builder_init(ws_workload_builder *builder);

/** Release everything; also after finishing, when there is nothing left to release. */
void ws_workload_builder_fini(ws_workload_builder *builder);

/** Room for n more token ids, to be filled by the caller and counted by the next request added.
 * @return the first of them, borrowed until the next call; NULL if out of memory */
int32_t *ws_workload_builder_reserve_ids(ws_workload_builder *builder, size_t n);

/** What one request is; its position in a session comes from the call that adds it. */
typedef struct ws_request_draft {
    int64_t arrival_ns; /* 0 .. WS_WORKLOAD_TIME_MAX_NS; ignored for later calls of a session */
    int64_t input_tokens, output_tokens; /* <= WS_REQUEST_TOKENS_MAX each */
    int64_t tool_duration_ns;
    int64_t line;                      /* of the dataset, 0 = none */
    size_t  n_input_ids, n_output_ids; /* filled into reserved room before */
} ws_request_draft;

WS_NODISCARD ws_status ws_workload_builder_add_flat(ws_workload_builder    *builder,
                                                    const ws_request_draft *draft);

/** Open a session: the calls added next belong to it. */
WS_NODISCARD ws_status ws_workload_builder_begin_session(ws_workload_builder *builder);
WS_NODISCARD ws_status ws_workload_builder_add_call(ws_workload_builder    *builder,
                                                    const ws_request_draft *draft);

/** Add a request of another workload with its token ids; a call goes to the session opened last.
 * @param[in] from_ns  taken off its arrival; the clock does not go below 0 */
WS_NODISCARD ws_status ws_workload_builder_add_copy(ws_workload_builder *builder, const ws_workload *from,
                                                    size_t id, int64_t from_ns);

/** List the initial requests of a workload by (arrival, file order), again if their arrivals have changed. */
WS_NODISCARD ws_status ws_workload_sort_initial(ws_workload *workload);

/** Sort the initial requests and hand the workload over; the builder is empty afterwards. */
WS_NODISCARD ws_status ws_workload_builder_finish(ws_workload_builder *builder, ws_workload **workload_out);

#endif /* WS_WORKLOAD_BUILDER_H */
