#include "workload/workload_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "workload/workload_builder.h"

enum { BROKEN_LINES_MAX = 20 };

/* ---- one line ---- */

typedef struct request_line {
    int64_t input_toks, output_toks, arrival_time_ns, tool_duration_ns;
    ws_json input_tok_ids, output_tok_ids;
} request_line;

#define MEMBER(member) offsetof(request_line, member)
#define TOKENS_MAX WS_REQUEST_TOKENS_MAX
#define TIME_MAX ((double)WS_WORKLOAD_TIME_MAX_NS)

static const ws_field k_flat_fields[] = {
    {"input_toks", WS_FIELD_INT, MEMBER(input_toks), WS_FIELD_REQUIRED, 1, TOKENS_MAX,
     "prompt length, tokens"},
    {"output_toks", WS_FIELD_INT, MEMBER(output_toks), WS_FIELD_REQUIRED, 0, TOKENS_MAX,
     "tokens to generate"},
    {"arrival_time_ns", WS_FIELD_INT, MEMBER(arrival_time_ns), WS_FIELD_REQUIRED, 0, TIME_MAX, "arrival, ns"},
    {"input_tok_ids", WS_FIELD_JSON, MEMBER(input_tok_ids), 0, 0, 0, "token ids of the prompt"},
    {"output_tok_ids", WS_FIELD_JSON, MEMBER(output_tok_ids), 0, 0, 0, "token ids of the output"},
};

static const ws_field k_call_fields[] = {
    {"input_toks", WS_FIELD_INT, MEMBER(input_toks), WS_FIELD_REQUIRED, 1, TOKENS_MAX,
     "prompt length, tokens"},
    {"output_toks", WS_FIELD_INT, MEMBER(output_toks), WS_FIELD_REQUIRED, 0, TOKENS_MAX,
     "tokens to generate"},
    {"tool_duration_ns", WS_FIELD_INT, MEMBER(tool_duration_ns), 0, 0, TIME_MAX,
     "wait before the next call, ns"},
    {"input_tok_ids", WS_FIELD_JSON, MEMBER(input_tok_ids), 0, 0, 0, "token ids of the prompt"},
    {"output_tok_ids", WS_FIELD_JSON, MEMBER(output_tok_ids), 0, 0, 0, "token ids of the output"},
};

typedef struct session_line {
    const char *session_id;
    int64_t     arrival_time_ns;
    ws_json     sub_requests;
} session_line;

static const ws_field k_session_fields[] = {
    {"session_id", WS_FIELD_STRING, offsetof(session_line, session_id), 0, 0, 0, "name of the session"},
    {"arrival_time_ns", WS_FIELD_INT, offsetof(session_line, arrival_time_ns), WS_FIELD_REQUIRED, 0, TIME_MAX,
     "arrival of the first call, ns"},
    {"sub_requests", WS_FIELD_JSON, offsetof(session_line, sub_requests), WS_FIELD_REQUIRED, 0, 0,
     "calls of the session, in order"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What reading a file carries along. session_names[i] is the name of builder session i. */
typedef struct reader {
    ws_workload_builder builder;
    char              **session_names;
    size_t              n_names, name_capacity;
    int64_t             line; /* being read */
    ws_error           *err;
} reader;

static bool is_given(ws_json value)
{
    return ws_json_kind_of(value) != WS_JSON_ABSENT;
}

/* Thousands of ids a line: the plain case is decided here, and only a bad one takes the slow reader for its
 * message. */
static ws_status read_id(ws_json value, ws_error *err, int32_t *id_out)
{
    const double number = ws_json_number(value);
    if (number >= 0.0 && number <= (double)INT32_MAX && number == (double)(int32_t)number) {
        *id_out = (int32_t)number;
        return WS_OK;
    }
    int64_t id = 0;
    WS_TRY(ws_json_read_int(value, 0, INT32_MAX, err, &id)); /* a string of digits gets here */
    *id_out = (int32_t)id;
    return WS_OK;
}

/* Ids into the builder's reserved room, behind the n_before ones of the same request. They name every one of
 * its n_tokens, or none: with some missing nobody could say which of them other prompts share. */
static ws_status read_ids(reader *r, ws_json list, size_t n_before, int64_t n_tokens, size_t *n_ids_out)
{
    *n_ids_out = 0;
    if (!is_given(list)) {
        return WS_OK;
    }
    if (ws_json_kind_of(list) != WS_JSON_ARRAY) {
        return ws_json_expected(list, r->err, "an array of token ids");
    }
    const size_t n_ids = ws_json_size(list);
    if (n_ids != 0 && n_ids != (size_t)n_tokens) {
        return ws_json_problem(list, r->err, "expected as many token ids as tokens (%lld) or none, found %zu",
                               (long long)n_tokens, n_ids);
    }
    if (n_ids == 0) {
        return WS_OK;
    }
    int32_t *ids = ws_workload_builder_reserve_ids(&r->builder, n_before + n_ids);
    if (ids == NULL) {
        return WS_ERR_NOMEM;
    }
    ids += n_before;
    for (ws_json item = ws_json_first(list); is_given(item); item = ws_json_next(item)) {
        WS_TRY(read_id(item, r->err, ids++));
    }
    *n_ids_out = n_ids;
    return WS_OK;
}

static ws_status read_request(reader *r, ws_json object, bool is_call, ws_request_draft *draft)
{
    request_line line = {.input_toks = 0};
    WS_TRY(is_call ? ws_json_read_object(object, k_call_fields, COUNT_OF(k_call_fields), &line, r->err)
                   : ws_json_read_object(object, k_flat_fields, COUNT_OF(k_flat_fields), &line, r->err));
    *draft = (ws_request_draft){.arrival_ns       = line.arrival_time_ns,
                                .input_tokens     = line.input_toks,
                                .output_tokens    = line.output_toks,
                                .tool_duration_ns = line.tool_duration_ns,
                                .line             = r->line};
    WS_TRY(read_ids(r, line.input_tok_ids, 0, line.input_toks, &draft->n_input_ids));
    return read_ids(r, line.output_tok_ids, draft->n_input_ids, line.output_toks, &draft->n_output_ids);
}

static ws_status keep_session_name(reader *r, const char *name)
{
    if (r->n_names == r->name_capacity) {
        const size_t capacity = r->name_capacity == 0 ? 64 : 2 * r->name_capacity;
        char       **names    = realloc(r->session_names, capacity * sizeof(*names));
        if (names == NULL) {
            return WS_ERR_NOMEM;
        }
        r->session_names = names;
        r->name_capacity = capacity;
    }
    char *copy = name != NULL ? ws_strdup(name) : ws_asprintf("session_%zu", r->builder.workload->n_requests);
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    r->session_names[r->n_names++] = copy;
    return WS_OK;
}

/* A session without calls contributes nothing, its name neither. */
static ws_status read_session(reader *r, ws_json object)
{
    session_line line = {.session_id = NULL};
    WS_TRY(ws_json_read_object(object, k_session_fields, COUNT_OF(k_session_fields), &line, r->err));
    if (ws_json_kind_of(line.sub_requests) != WS_JSON_ARRAY) {
        return ws_json_expected(line.sub_requests, r->err, "an array of requests");
    }
    if (ws_json_size(line.sub_requests) == 0) {
        return WS_OK;
    }
    WS_TRY(keep_session_name(r, line.session_id));
    WS_TRY(ws_workload_builder_begin_session(&r->builder));
    int64_t waits_ns = 0;
    for (ws_json call = ws_json_first(line.sub_requests); is_given(call); call = ws_json_next(call)) {
        ws_request_draft draft;
        WS_TRY(read_request(r, call, true, &draft));
        draft.arrival_ns = line.arrival_time_ns;
        waits_ns += draft.tool_duration_ns;
        if (waits_ns > WS_WORKLOAD_TIME_MAX_NS) {
            return ws_json_problem(call, r->err,
                                   "expected at most 2^53 ns of tool_duration_ns in a session, found %lld up "
                                   "to this call",
                                   (long long)waits_ns);
        }
        WS_TRY(ws_workload_builder_add_call(&r->builder, &draft));
    }
    return WS_OK;
}

static ws_status read_line(reader *r, const char *name, const char *text, size_t len)
{
    ws_json_doc *doc = NULL;
    WS_TRY(ws_json_doc_parse(name, text, len, r->err, &doc));
    const ws_json root   = ws_json_doc_root(doc);
    ws_status     status = WS_OK;
    if (is_given(ws_json_member(root, "sub_requests"))) {
        status = read_session(r, root);
    } else {
        ws_request_draft draft;
        status = read_request(r, root, false, &draft);
        if (status == WS_OK) {
            status = ws_workload_builder_add_flat(&r->builder, &draft);
        }
    }
    ws_json_doc_destroy(&doc);
    return status;
}

/* ---- the file ---- */

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* All lines, going on after broken ones so that the user sees them together. */
static ws_status read_lines(reader *r, const char *path, ws_bytes bytes, int64_t max_lines)
{
    const char *end = bytes.data + bytes.len, *next = bytes.data;
    ws_status   status  = WS_OK;
    int64_t     n_taken = 0, n_broken = 0;
    for (size_t line_number = 1; next < end && (max_lines == 0 || n_taken < max_lines); line_number++) {
        const char  *text    = next;
        const char  *newline = memchr(text, '\n', (size_t)(end - text));
        const size_t len     = (size_t)((newline != NULL ? newline : end) - text);
        next                 = text + len + 1;
        if (is_blank(text, len)) {
            continue;
        }
        char *name = ws_asprintf("%s:%zu", path, line_number);
        if (name == NULL) {
            return WS_ERR_NOMEM;
        }
        r->line                     = (int64_t)line_number;
        const ws_status line_status = read_line(r, name, text, len);
        free(name);
        n_taken++;
        if (line_status != WS_OK) {
            status = line_status;
            if (line_status != WS_ERR_INPUT || ++n_broken == BROKEN_LINES_MAX) {
                return status;
            }
        }
    }
    return status;
}

typedef struct named_session {
    const char *name;
    size_t      index;
} named_session;

static int compare_names(const void *left, const void *right)
{
    const named_session *a = left, *b = right;
    const int            order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* Calls of every session of one name point to the last one: its state replaces the earlier ones'
 * (docs/model/serving.md 2.2).
 */
static ws_status merge_repeated_sessions(reader *r)
{
    ws_workload   *w      = r->builder.workload;
    named_session *sorted = malloc((r->n_names + 1) * sizeof(*sorted));
    int32_t       *last   = malloc((r->n_names + 1) * sizeof(*last));
    if (sorted == NULL || last == NULL) {
        free(sorted);
        free(last);
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < r->n_names; i++) {
        sorted[i] = (named_session){r->session_names[i], i};
    }
    qsort(sorted, r->n_names, sizeof(*sorted), compare_names);
    for (size_t i = r->n_names; i-- > 0;) {
        const bool is_repeated = i + 1 < r->n_names && strcmp(sorted[i].name, sorted[i + 1].name) == 0;
        last[sorted[i].index]  = is_repeated ? last[sorted[i + 1].index] : (int32_t)sorted[i].index;
    }
    for (size_t id = 0; id < w->n_requests; id++) {
        if (w->requests[id].session >= 0) {
            w->requests[id].session = last[w->requests[id].session];
        }
    }
    free(sorted);
    free(last);
    return WS_OK;
}

static ws_status read_all(reader *r, const char *path, ws_bytes bytes, int64_t max_lines, ws_workload **out)
{
    WS_TRY(ws_workload_builder_init(&r->builder));
    WS_TRY(read_lines(r, path, bytes, max_lines));
    if (r->builder.workload->n_requests == 0) {
        return ws_error_add(r->err, WS_ERR_INPUT, "%s: expected at least one request, found none", path);
    }
    WS_TRY(merge_repeated_sessions(r));
    return ws_workload_builder_finish(&r->builder, out);
}

ws_status ws_workload_read(ws_files *files, const char *path, int64_t max_lines, ws_error *err,
                           ws_workload **out)
{
    WS_ASSERT(max_lines >= 0);
    *out = NULL;
    ws_bytes bytes;
    WS_TRY(ws_files_read(files, path, err, &bytes));
    reader          r      = {.err = err};
    const ws_status status = read_all(&r, path, bytes, max_lines, out);
    for (size_t i = 0; i < r.n_names; i++) {
        free(r.session_names[i]);
    }
    free(r.session_names);
    ws_workload_builder_fini(&r.builder);
    return status;
}

/* ---- without a dataset ---- */

ws_status ws_workload_default(ws_workload **out)
{
    *out = NULL;
    ws_workload_builder builder;
    ws_status           status = ws_workload_builder_init(&builder);
    for (int i = 0; i < 16 && status == WS_OK; i++) {
        status = ws_workload_builder_add_flat(&builder,
                                              &(ws_request_draft){.input_tokens = 64, .output_tokens = 64});
    }
    if (status == WS_OK) {
        status = ws_workload_builder_finish(&builder, out);
    }
    ws_workload_builder_fini(&builder);
    return status;
}
