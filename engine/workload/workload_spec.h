/* workload/workload_spec.h -- a generator spec, read and checked: what kind of requests, how many, when.
 *
 * One table per kind of generator names the keys it takes; docs/workloads.md and --help say the same. */
#ifndef WS_WORKLOAD_SPEC_H
#define WS_WORKLOAD_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "workload/arrival_process.h"
#include "workload/distribution.h"

/** Prompts that begin alike; n_groups == 0 = none. */
typedef struct ws_prefix_spec {
    int64_t n_groups;      /**< different shared beginnings */
    int64_t length_tokens; /**< of one, counted in the prompt length */
    double  share;         /**< of requests (first calls, in sessions) that have one, 0..1 */
} ws_prefix_spec;

/** Agentic sessions: calls whose prompts carry everything said before. */
typedef struct ws_session_spec {
    bool            is_given;
    ws_distribution calls; /**< per session, >= 1 */
    bool            has_input;
    ws_distribution input;          /**< new prompt tokens of later calls; without it those of the workload */
    ws_distribution tool_s;         /**< between a call's end and the next one */
    int64_t         context_tokens; /**< a call that would exceed it is not made */
} ws_session_spec;

/** Users who each wait for an answer, think, and ask again; n_users == 0 = arrivals come from the process. */
typedef struct ws_user_spec {
    int64_t         n_users;
    ws_distribution think_s;
    double          stagger_s; /**< first requests spread evenly over this long */
} ws_user_spec;

typedef struct ws_workload_spec {
    ws_json         place;  /**< the spec itself, for messages */
    int64_t         n_reqs; /**< arrivals: flat requests or sessions; with users: requests of all of them */
    bool            has_seed;
    uint64_t        seed;
    double          start_s; /**< added to every arrival */
    bool            has_token_ids;
    ws_distribution input, output; /**< tokens, >= 1 */
    ws_arrival_process arrivals;   /**< before its first draw */
    ws_prefix_spec     prefix;
    ws_session_spec    session;
    ws_user_spec       users;
} ws_workload_spec;

/** @param[out] out  release with ws_workload_spec_fini(), also after an error; borrows `spec` for messages
 * @return WS_OK; WS_ERR_INPUT with every problem of the object; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_workload_spec_read(ws_files *files, ws_json spec, ws_error *err,
                                             ws_workload_spec *out);
void                   ws_workload_spec_fini(ws_workload_spec *spec);

/** Append every generator and key with its meaning, for --help. */
void ws_workload_spec_help(ws_strbuf *out);

#endif /* WS_WORKLOAD_SPEC_H */
