#include "workload/workload_generator.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "workload/workload_builder.h"
#include "workload/workload_spec.h"

/* Each kind of draw has a stream of its own, so that changing one parameter of a sweep (say the rate) leaves
 * every other draw as it was. */
typedef enum stream {
    STREAM_ARRIVAL,
    STREAM_INPUT,
    STREAM_OUTPUT,
    STREAM_PREFIX,
    STREAM_CALLS,
    STREAM_WAIT,
    STREAM_COUNT
} stream;

/* What fits a machine: 1 GiB of token ids, 1 GiB of requests. */
enum { TOKEN_IDS_MAX = 1 << 28, REQUESTS_MAX = 1 << 24 };

typedef struct generator {
    const ws_workload_spec *spec;
    ws_error               *err;
    ws_workload_builder     builder;
    ws_arrival_process      arrivals;
    ws_rng                  streams[STREAM_COUNT];
    int32_t                 next_id;  /* smallest token id not given yet */
    int64_t                 waits_ns; /* of the session's calls so far */
} generator;

/* Neighbouring seeds and streams must not give related sequences. Source: Steele, Lea, Flood, "Fast
 * splittable pseudorandom number generators", OOPSLA 2014 (the mixing function of SplitMix64). */
static uint64_t mixed(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

static void seed_streams(generator *g, uint64_t seed)
{
    for (uint64_t i = 0; i < STREAM_COUNT; i++) {
        ws_rng_seed(&g->streams[i], mixed(seed + (i + 1) * 0x9e3779b97f4a7c15ULL));
    }
}

static double draw(generator *g, const ws_distribution *distribution, stream from)
{
    return ws_distribution_draw(distribution, &g->streams[from]);
}

static ws_status to_ns(const generator *g, double time_s, int64_t *ns_out)
{
    const double ns = rint(time_s * (double)WS_NS_PER_S);
    if (!(ns <= (double)WS_WORKLOAD_TIME_MAX_NS)) {
        return ws_json_problem(g->spec->place, g->err,
                               "expected all arrivals within 104 days, found one after %.3g s", time_s);
    }
    *ns_out = (int64_t)ns;
    return WS_OK;
}

/* ---- token ids ---- */

/* Which shared beginning a new prompt has, or -1. Both draws are always made, so that a larger share only
 * adds requests to those of a smaller one. */
static int64_t draw_group(generator *g)
{
    const ws_prefix_spec *prefix = &g->spec->prefix;
    if (prefix->n_groups == 0) {
        return -1;
    }
    const double  chance = ws_rng_uniform(&g->streams[STREAM_PREFIX]);
    const int64_t group  = ws_rng_below(&g->streams[STREAM_PREFIX], (uint32_t)prefix->n_groups);
    return chance < prefix->share ? group : -1;
}

/* A prompt is a context that was said before (or a shared beginning) and new tokens; every new token is
 * unlike all others, so that only what the spec calls shared is shared. */
typedef struct prompt_draft {
    size_t  context_begin, n_context; /* into the workload's token ids */
    int64_t group;                    /* -1 = none; only without context */
    int64_t n_new;
} prompt_draft;

static ws_status too_many_ids(const ws_workload_spec *spec, ws_error *err)
{
    return ws_json_problem(
        spec->place, err,
        "expected at most %d token ids in all: make fewer or shorter requests, or set token_ids to "
        "false",
        TOKEN_IDS_MAX);
}

static ws_status fill_ids(generator *g, const prompt_draft *prompt, ws_request_draft *draft)
{
    const size_t n_new = (size_t)(prompt->n_new + draft->output_tokens), n = prompt->n_context + n_new;
    if (g->builder.workload->n_token_ids + n > TOKEN_IDS_MAX ||
        (int64_t)n_new > TOKEN_IDS_MAX - (int64_t)g->next_id) {
        return too_many_ids(g->spec, g->err);
    }
    int32_t *ids = ws_workload_builder_reserve_ids(&g->builder, n);
    if (ids == NULL) {
        return WS_ERR_NOMEM;
    }
    if (prompt->n_context > 0) {
        memcpy(ids, g->builder.workload->token_ids + prompt->context_begin, prompt->n_context * sizeof(*ids));
        ids += prompt->n_context;
    }
    size_t n_shared = 0;
    if (prompt->group >= 0) {
        const int64_t length = g->spec->prefix.length_tokens;
        n_shared             = (size_t)(length < prompt->n_new - 1 ? length : prompt->n_new - 1);
        for (size_t i = 0; i < n_shared; i++) {
            ids[i] = (int32_t)(prompt->group * length) + (int32_t)i;
        }
    }
    for (size_t i = n_shared; i < n_new; i++) {
        ids[i] = g->next_id++;
    }
    draft->n_input_ids  = prompt->n_context + (size_t)prompt->n_new;
    draft->n_output_ids = (size_t)draft->output_tokens;
    return WS_OK;
}

static ws_status make_ids(generator *g, const prompt_draft *prompt, ws_request_draft *draft)
{
    return g->spec->has_token_ids ? fill_ids(g, prompt, draft) : WS_OK;
}

/* ---- requests ---- */

/* Arrival and output are the caller's; a prompt without context. */
static ws_status draw_first(generator *g, double arrival_s, ws_request_draft *draft)
{
    *draft = (ws_request_draft){.input_tokens  = (int64_t)draw(g, &g->spec->input, STREAM_INPUT),
                                .output_tokens = (int64_t)draw(g, &g->spec->output, STREAM_OUTPUT)};
    WS_TRY(to_ns(g, g->spec->start_s + arrival_s, &draft->arrival_ns));
    const prompt_draft prompt = {.group = draw_group(g), .n_new = draft->input_tokens};
    return make_ids(g, &prompt, draft);
}

static ws_status begin_session(generator *g)
{
    g->waits_ns = 0;
    return ws_workload_builder_begin_session(&g->builder);
}

static ws_status draw_wait(generator *g, const ws_distribution *wait_s, ws_request_draft *draft)
{
    WS_TRY(to_ns(g, draw(g, wait_s, STREAM_WAIT), &draft->tool_duration_ns));
    g->waits_ns += draft->tool_duration_ns;
    return g->waits_ns <= WS_WORKLOAD_TIME_MAX_NS
               ? WS_OK
               : ws_json_problem(g->spec->place, g->err,
                                 "expected waits of at most 104 days in a session, all together");
}

static ws_status generate_flat(generator *g)
{
    for (int64_t i = 0; i < g->spec->n_reqs; i++) {
        ws_request_draft draft;
        const double     arrival_s = ws_arrival_process_next_s(&g->arrivals, &g->streams[STREAM_ARRIVAL]);
        WS_TRY(draw_first(g, arrival_s, &draft));
        WS_TRY(ws_workload_builder_add_flat(&g->builder, &draft));
    }
    return WS_OK;
}

/* The call after `last`, the newest request: all of last's tokens, then new ones. */
static ws_status draw_later_call(generator *g, const ws_request_draft *last, ws_request_draft *draft)
{
    const ws_distribution *added = g->spec->session.has_input ? &g->spec->session.input : &g->spec->input;
    const ws_workload     *w     = g->builder.workload;
    const int64_t          n_new = (int64_t)draw(g, added, STREAM_INPUT);
    *draft = (ws_request_draft){.input_tokens  = last->input_tokens + last->output_tokens + n_new,
                                .output_tokens = (int64_t)draw(g, &g->spec->output, STREAM_OUTPUT)};
    if (draft->input_tokens + draft->output_tokens > g->spec->session.context_tokens) {
        return WS_OK; /* the caller ends the session */
    }
    const prompt_draft prompt = {.context_begin = w->requests[w->n_requests - 1].token_begin,
                                 .n_context     = (size_t)(last->input_tokens + last->output_tokens),
                                 .group         = -1,
                                 .n_new         = n_new};
    return make_ids(g, &prompt, draft);
}

static ws_status generate_session(generator *g)
{
    const double     arrival_s = ws_arrival_process_next_s(&g->arrivals, &g->streams[STREAM_ARRIVAL]);
    const int64_t    n_calls   = (int64_t)draw(g, &g->spec->session.calls, STREAM_CALLS);
    ws_request_draft last, next;
    if (n_calls > REQUESTS_MAX - (int64_t)g->builder.workload->n_requests) {
        return ws_json_problem(g->spec->place, g->err, "expected at most %d calls of all sessions together",
                               REQUESTS_MAX);
    }
    WS_TRY(begin_session(g));
    WS_TRY(draw_first(g, arrival_s, &next));
    for (int64_t call = 0; call < n_calls; call++) {
        if (call > 0) {
            WS_TRY(draw_later_call(g, &last, &next));
            if (next.input_tokens + next.output_tokens > g->spec->session.context_tokens) {
                break;
            }
        }
        WS_TRY(draw_wait(g, &g->spec->session.tool_s, &next));
        WS_TRY(ws_workload_builder_add_call(&g->builder, &next));
        last = next;
    }
    return WS_OK;
}

static ws_status generate_sessions(generator *g)
{
    for (int64_t i = 0; i < g->spec->n_reqs; i++) {
        WS_TRY(generate_session(g));
    }
    return WS_OK;
}

/* A user is a session whose calls share nothing; the first n_reqs mod n_users users send one request more. */
static ws_status generate_users(generator *g)
{
    const ws_user_spec *users = &g->spec->users;
    for (int64_t user = 0; user < users->n_users; user++) {
        const int64_t n_calls = g->spec->n_reqs / users->n_users + (user < g->spec->n_reqs % users->n_users);
        const double  arrival_s = (double)user * (users->stagger_s / (double)users->n_users);
        WS_TRY(begin_session(g));
        for (int64_t call = 0; call < n_calls; call++) {
            ws_request_draft draft;
            WS_TRY(draw_first(g, arrival_s, &draft));
            WS_TRY(draw_wait(g, &users->think_s, &draft));
            WS_TRY(ws_workload_builder_add_call(&g->builder, &draft));
        }
    }
    return WS_OK;
}

/* Specs that cannot fit are refused before any memory is filled. */
static ws_status check_ids(const ws_workload_spec *spec, ws_error *err)
{
    const int64_t n_prefix_ids = spec->prefix.n_groups * spec->prefix.length_tokens;
    if (n_prefix_ids > TOKEN_IDS_MAX / 2) {
        return ws_json_problem(ws_json_member(spec->place, "prefix"), err,
                               "expected groups * length <= %d, found %" PRId64, TOKEN_IDS_MAX / 2,
                               n_prefix_ids);
    }
    const double n_least_ids = (double)spec->n_reqs * (spec->input.min + spec->output.min);
    return spec->has_token_ids && n_least_ids > TOKEN_IDS_MAX ? too_many_ids(spec, err) : WS_OK;
}

static ws_status generate_kind(generator *g)
{
    if (g->spec->users.n_users > 0) {
        return generate_users(g);
    }
    return g->spec->session.is_given ? generate_sessions(g) : generate_flat(g);
}

static ws_status generate(const ws_workload_spec *spec, uint64_t seed, ws_error *err, ws_workload **out)
{
    WS_TRY(check_ids(spec, err));
    generator g = {.spec     = spec,
                   .err      = err,
                   .arrivals = spec->arrivals,
                   .next_id  = (int32_t)(spec->prefix.n_groups * spec->prefix.length_tokens)};
    seed_streams(&g, seed);
    WS_TRY(ws_workload_builder_init(&g.builder));
    ws_status status = generate_kind(&g);
    if (status == WS_OK) {
        status = ws_workload_builder_finish(&g.builder, out);
    }
    ws_workload_builder_fini(&g.builder);
    return status;
}

ws_status ws_workload_generate(ws_files *files, ws_json spec, uint64_t seed, ws_error *err, ws_workload **out)
{
    *out = NULL;
    ws_workload_spec read;
    ws_status        status = ws_workload_spec_read(files, spec, err, &read);
    if (status == WS_OK) {
        status = generate(&read, read.has_seed ? read.seed : seed, err, out);
    }
    ws_workload_spec_fini(&read);
    return status;
}

/* ---- writing ---- */

static void write_ids(const char *key, const int32_t *ids, size_t n, ws_strbuf *out)
{
    ws_strbuf_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        ws_strbuf_printf(out, i > 0 ? ",%" PRId32 : "%" PRId32, ids[i]);
    }
    ws_strbuf_puts(out, "]");
}

/* The members of a request, without braces. */
static void write_request(const ws_workload *workload, const ws_workload_request *request, ws_strbuf *out)
{
    const int32_t *ids = workload->token_ids + request->token_begin;
    ws_strbuf_printf(out, "\"input_toks\":%" PRId32 ",\"output_toks\":%" PRId32, request->input_tokens,
                     request->target_tokens - request->input_tokens);
    if (request->session < 0) {
        ws_strbuf_printf(out, ",\"arrival_time_ns\":%" PRId64, request->arrival_ns);
    } else {
        ws_strbuf_printf(out, ",\"tool_duration_ns\":%" PRId64, request->tool_duration_ns);
    }
    if (request->n_input_ids > 0) {
        write_ids("input_tok_ids", ids, (size_t)request->n_input_ids, out);
    }
    if (request->n_output_ids > 0) {
        write_ids("output_tok_ids", ids + request->n_input_ids, (size_t)request->n_output_ids, out);
    }
}

/* One line from request `id` on: itself, or all calls of its session. Returns the id after the line. */
static size_t write_line(const ws_workload *workload, size_t id, ws_strbuf *out)
{
    const ws_workload_request *request = &workload->requests[id];
    if (request->session < 0) {
        ws_strbuf_puts(out, "{");
        write_request(workload, request, out);
        ws_strbuf_puts(out, "}\n");
        return id + 1;
    }
    ws_strbuf_printf(out,
                     "{\"session_id\":\"s%" PRId32 "\",\"arrival_time_ns\":%" PRId64 ",\"sub_requests\":[",
                     request->session, request->arrival_ns);
    do {
        ws_strbuf_puts(out, workload->requests[id].session_step > 0 ? ",{" : "{");
        write_request(workload, &workload->requests[id++], out);
        ws_strbuf_puts(out, "}");
    } while (id < workload->n_requests && workload->requests[id].session_step > 0);
    ws_strbuf_puts(out, "]}\n");
    return id;
}

void ws_workload_write_jsonl(const ws_workload *workload, ws_strbuf *out)
{
    for (size_t id = 0; id < workload->n_requests;) {
        id = write_line(workload, id, out);
    }
}
