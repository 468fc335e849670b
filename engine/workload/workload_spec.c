#include "workload/workload_spec.h"

#include <math.h>
#include <string.h>

#include "workload/workload_builder.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define REQUIRED WS_FIELD_REQUIRED
#define POSITIVE (WS_FIELD_REQUIRED | WS_FIELD_POSITIVE)

/* Ranges of what a user may ask for: wide enough for every use, narrow enough for arithmetic and patience. */
#define REQS_MAX 10000000
#define RATE_MAX 1e9
#define TIME_MAX_S 9e6 /* WS_WORKLOAD_TIME_MAX_NS, 104 days */
#define CV_MIN 0.01
#define CV_MAX 100.0
#define GROUPS_MAX 1000000
#define CALLS_MAX 100000
#define CONTEXT_DEFAULT_TOKENS 131072

/* ---- tables ---- */

/* Everything a spec object may hold at its top level, of whatever kind. */
typedef struct spec_object {
    const char        *generator, *phases;
    int64_t            num_reqs, seed, users;
    double             start_s, stagger_s;
    bool               token_ids;
    ws_json            input, output, prefix, session, think_s;
    ws_arrival_process arrivals;
} spec_object;

#define MEMBER(member) offsetof(spec_object, member)
#define ARRIVAL(member) offsetof(spec_object, arrivals.member)

static const ws_field k_common[] = {
    {"generator", WS_FIELD_STRING, MEMBER(generator), REQUIRED, 0, 0, "kind of generator"},
    {"num_reqs", WS_FIELD_INT, MEMBER(num_reqs), REQUIRED, 1, REQS_MAX,
     "arrivals: requests, or sessions where session is given; with closed_loop the requests of all users"},
    {"seed", WS_FIELD_INT, MEMBER(seed), 0, 0, 9.3e18, "of the random streams; default: the run's seed"},
    {"start_s", WS_FIELD_DOUBLE, MEMBER(start_s), 0, 0, TIME_MAX_S, "added to every arrival, s; default 0"},
    {"input", WS_FIELD_JSON, MEMBER(input), REQUIRED, 0, 0, "prompt tokens: number or distribution"},
    {"output", WS_FIELD_JSON, MEMBER(output), REQUIRED, 0, 0, "generated tokens: number or distribution"},
    {"prefix", WS_FIELD_JSON, MEMBER(prefix), 0, 0, 0, "prompts that begin alike"},
    {"session", WS_FIELD_JSON, MEMBER(session), 0, 0, 0, "agentic sessions instead of single requests"},
    {"token_ids", WS_FIELD_BOOL, MEMBER(token_ids), 0, 0, 0,
     "write token ids, which prefix caching needs; default: true with prefix or session"},
};

#define RATE_FIELD                                                                                           \
    {                                                                                                        \
        "rate", WS_FIELD_DOUBLE, ARRIVAL(rate), POSITIVE, 0, RATE_MAX, "mean arrivals per second"            \
    }

static const ws_field k_constant[] = {RATE_FIELD};
static const ws_field k_poisson[]  = {RATE_FIELD};
static const ws_field k_gamma[]    = {
       RATE_FIELD,
       {"cv", WS_FIELD_DOUBLE, ARRIVAL(cv), REQUIRED, CV_MIN, CV_MAX,
        "coefficient of variation of the gaps: 1 is Poisson, above it bursty"},
};
static const ws_field k_onoff[] = {
    {"rate", WS_FIELD_DOUBLE, ARRIVAL(rate), POSITIVE, 0, RATE_MAX, "arrivals per second while on"},
    {"rate_off", WS_FIELD_DOUBLE, ARRIVAL(rate_off), 0, 0, RATE_MAX,
     "arrivals per second while off; default 0"},
    {"on_s", WS_FIELD_DOUBLE, ARRIVAL(on_s), POSITIVE, 0, TIME_MAX_S, "length of an on phase, s"},
    {"off_s", WS_FIELD_DOUBLE, ARRIVAL(off_s), REQUIRED, 0, TIME_MAX_S, "length of an off phase, s"},
    {"phases", WS_FIELD_STRING, MEMBER(phases), 0, 0, 0,
     "\"fixed\" lengths (default) or \"exponential\" ones with these means"},
};
static const ws_field k_pulse[] = {
    {"pulse_size", WS_FIELD_INT, ARRIVAL(pulse_size), REQUIRED, 1, REQS_MAX, "arrivals per pulse"},
    {"period_s", WS_FIELD_DOUBLE, ARRIVAL(period_s), POSITIVE, 0, TIME_MAX_S,
     "from one pulse to the next, s"},
    {"spread_s", WS_FIELD_DOUBLE, ARRIVAL(spread_s), 0, 0, TIME_MAX_S,
     "a pulse's arrivals come evenly over this long, s; default 0: all at once"},
};
static const ws_field k_ramp[] = {
    {"rate", WS_FIELD_DOUBLE, ARRIVAL(rate), REQUIRED, 0, RATE_MAX, "arrivals per second at the start"},
    {"rate_end", WS_FIELD_DOUBLE, ARRIVAL(rate_end), POSITIVE, 0, RATE_MAX,
     "arrivals per second from ramp_s on"},
    {"ramp_s", WS_FIELD_DOUBLE, ARRIVAL(ramp_s), POSITIVE, 0, TIME_MAX_S, "how long the rate moves, s"},
};
static const ws_field k_closed_loop[] = {
    {"users", WS_FIELD_INT, MEMBER(users), REQUIRED, 1, REQS_MAX,
     "each waits for its answer, thinks, and sends the next request"},
    {"think_s", WS_FIELD_JSON, MEMBER(think_s), REQUIRED, 0, 0,
     "from an answer to the next request, s: number or "
     "distribution"},
    {"stagger_s", WS_FIELD_DOUBLE, MEMBER(stagger_s), 0, 0, TIME_MAX_S,
     "users start evenly over this long, s; default 0: all at once"},
};

typedef struct generator_row {
    const char     *name;
    const ws_field *fields;
    size_t          n_fields;
    ws_arrival_kind arrivals; /* WS_ARRIVAL_COUNT: users instead of a process */
} generator_row;

static const generator_row k_generators[] = {
    {"poisson", k_poisson, COUNT_OF(k_poisson), WS_ARRIVAL_POISSON},
    {"gamma", k_gamma, COUNT_OF(k_gamma), WS_ARRIVAL_GAMMA},
    {"constant", k_constant, COUNT_OF(k_constant), WS_ARRIVAL_CONSTANT},
    {"onoff", k_onoff, COUNT_OF(k_onoff), WS_ARRIVAL_ONOFF},
    {"pulse", k_pulse, COUNT_OF(k_pulse), WS_ARRIVAL_PULSE},
    {"ramp", k_ramp, COUNT_OF(k_ramp), WS_ARRIVAL_RAMP},
    {"closed_loop", k_closed_loop, COUNT_OF(k_closed_loop), WS_ARRIVAL_COUNT},
};

#define GENERATOR_NAMES "poisson, gamma, constant, onoff, pulse, ramp or closed_loop"

static const ws_field k_prefix[] = {
    {"groups", WS_FIELD_INT, offsetof(ws_prefix_spec, n_groups), REQUIRED, 1, GROUPS_MAX,
     "different shared beginnings, equally likely"},
    {"length", WS_FIELD_INT, offsetof(ws_prefix_spec, length_tokens), REQUIRED, 1, WS_REQUEST_TOKENS_MAX,
     "tokens of one; part of the prompt length, at most all but the last token of it"},
    {"share", WS_FIELD_DOUBLE, offsetof(ws_prefix_spec, share), 0, 0, 1,
     "of requests that have one; default 1"},
};

typedef struct session_object {
    ws_json calls, input, tool_s;
    int64_t context;
} session_object;

static const ws_field k_session[] = {
    {"calls", WS_FIELD_JSON, offsetof(session_object, calls), REQUIRED, 0, 0,
     "calls per session: number or distribution"},
    {"tool_s", WS_FIELD_JSON, offsetof(session_object, tool_s), REQUIRED, 0, 0,
     "from a call's end to the next call, s: number or distribution"},
    {"input", WS_FIELD_JSON, offsetof(session_object, input), 0, 0, 0,
     "tokens each later call adds to the conversation: number or distribution; default: the top-level input"},
    {"context", WS_FIELD_INT, offsetof(session_object, context), 0, 1, WS_REQUEST_TOKENS_MAX,
     "tokens; a later call that would exceed it ends the session; default 131072"},
};

/* ---- help ---- */

static void help_fields(const ws_field *fields, size_t n, ws_strbuf *out)
{
    for (size_t i = 0; i < n; i++) {
        ws_strbuf_printf(out, "    %-14s %s%s\n", fields[i].key, fields[i].help,
                         (fields[i].flags & WS_FIELD_REQUIRED) != 0 ? " (required)" : "");
    }
}

void ws_workload_spec_help(ws_strbuf *out)
{
    ws_strbuf_puts(out, "Spec, a JSON object:\n  every generator\n");
    help_fields(k_common, COUNT_OF(k_common), out);
    for (size_t i = 0; i < COUNT_OF(k_generators); i++) {
        ws_strbuf_printf(out, "  \"generator\": \"%s\"\n", k_generators[i].name);
        help_fields(k_generators[i].fields, k_generators[i].n_fields, out);
    }
    ws_strbuf_puts(out, "  prefix\n");
    help_fields(k_prefix, COUNT_OF(k_prefix), out);
    ws_strbuf_puts(out, "  session\n");
    help_fields(k_session, COUNT_OF(k_session), out);
    ws_strbuf_puts(out, "Distributions (a plain number is a fixed one):\n");
    ws_distribution_help(out);
}

/* ---- reading ---- */

static bool is_given(ws_json value)
{
    return ws_json_kind_of(value) != WS_JSON_ABSENT;
}

static ws_status first_failure(ws_status a, ws_status b)
{
    return a != WS_OK ? a : b;
}

/* The generator a spec names; NULL, with the problem in err, if it names none of ours. */
static const generator_row *find_generator(ws_json spec, ws_error *err)
{
    if (ws_json_kind_of(spec) != WS_JSON_OBJECT) {
        (void)ws_json_expected(spec, err, "a generator spec (object)");
        return NULL;
    }
    const ws_json member = ws_json_member(spec, "generator");
    const char   *name   = ws_json_string(member);
    for (size_t i = 0; name != NULL && i < COUNT_OF(k_generators); i++) {
        if (strcmp(k_generators[i].name, name) == 0) {
            return &k_generators[i];
        }
    }
    (void)(is_given(member) ? ws_json_expected(member, err, GENERATOR_NAMES)
                            : ws_json_problem(spec, err, "missing key \"generator\" (%s)", GENERATOR_NAMES));
    return NULL;
}

/* One object, two tables: the keys of every generator and those of this one. */
static ws_status read_top_level(ws_json spec, const generator_row *generator, ws_error *err,
                                spec_object *object)
{
    ws_field     fields[COUNT_OF(k_common) + 8];
    const size_t n_fields = COUNT_OF(k_common) + generator->n_fields;
    WS_ASSERT(n_fields <= COUNT_OF(fields));
    memcpy(fields, k_common, sizeof(k_common));
    memcpy(fields + COUNT_OF(k_common), generator->fields, generator->n_fields * sizeof(fields[0]));
    return ws_json_read_object(spec, fields, n_fields, object, err);
}

static const ws_distribution_range k_tokens = {true, 1.0, WS_REQUEST_TOKENS_MAX};
static const ws_distribution_range k_wait_s = {false, 0.0, TIME_MAX_S};
static const ws_distribution_range k_calls  = {true, 1.0, CALLS_MAX};

static ws_status read_tokens(ws_files *files, ws_json value, ws_error *err, ws_distribution *out)
{
    return ws_distribution_read(files, value, &k_tokens, err, out);
}

static ws_status read_wait(ws_files *files, ws_json value, ws_error *err, ws_distribution *out)
{
    return ws_distribution_read(files, value, &k_wait_s, err, out);
}

static ws_status read_prefix(ws_json prefix, ws_error *err, ws_prefix_spec *out)
{
    if (!is_given(prefix)) {
        return WS_OK;
    }
    out->share = 1.0;
    return ws_json_read_object(prefix, k_prefix, COUNT_OF(k_prefix), out, err);
}

static ws_status read_session(ws_files *files, const spec_object *top, ws_error *err, ws_session_spec *out)
{
    if (!is_given(top->session)) {
        return WS_OK;
    }
    session_object object = {.context = CONTEXT_DEFAULT_TOKENS};
    WS_TRY(ws_json_read_object(top->session, k_session, COUNT_OF(k_session), &object, err));
    out->is_given       = true;
    out->has_input      = is_given(object.input);
    out->context_tokens = object.context;
    ws_status status    = ws_distribution_read(files, object.calls, &k_calls, err, &out->calls);
    if (out->has_input) {
        status = first_failure(status, read_tokens(files, object.input, err, &out->input));
    }
    return first_failure(status, read_wait(files, object.tool_s, err, &out->tool_s));
}

static ws_status read_users(ws_files *files, const spec_object *top, ws_error *err, ws_workload_spec *out)
{
    out->users.n_users   = top->users;
    out->users.stagger_s = top->stagger_s;
    if (is_given(top->session)) {
        return ws_json_problem(top->session, err,
                               "a closed_loop's users already are sessions: drop this key");
    }
    if (top->users > top->num_reqs) {
        return ws_json_problem(out->place, err, "expected users <= num_reqs, found %lld > %lld",
                               (long long)top->users, (long long)top->num_reqs);
    }
    return read_wait(files, top->think_s, err, &out->users.think_s);
}

/* Phases too short for arrivals would be walked through by the million for every one of them. */
static ws_status check_onoff(const spec_object *top, ws_error *err, ws_workload_spec *out)
{
    const ws_arrival_process *p = &out->arrivals;
    if (top->phases != NULL) {
        out->arrivals.has_random_phases = strcmp(top->phases, "exponential") == 0;
        if (!p->has_random_phases && strcmp(top->phases, "fixed") != 0) {
            return ws_json_expected(ws_json_member(out->place, "phases"), err,
                                    "\"fixed\" or \"exponential\"");
        }
    }
    if (p->rate * p->on_s + p->rate_off * p->off_s < 0.01) {
        return ws_json_problem(
            out->place, err,
            "expected at least 0.01 arrivals per pair of phases, found %g: raise rate or on_s",
            p->rate * p->on_s + p->rate_off * p->off_s);
    }
    return WS_OK;
}

static ws_status read_arrivals(ws_files *files, const generator_row *generator, const spec_object *top,
                               ws_error *err, ws_workload_spec *out)
{
    out->arrivals      = top->arrivals;
    out->arrivals.kind = generator->arrivals;
    switch (generator->arrivals) {
    case WS_ARRIVAL_COUNT:
        return read_users(files, top, err, out);
    case WS_ARRIVAL_ONOFF:
        return check_onoff(top, err, out);
    case WS_ARRIVAL_PULSE:
        return top->arrivals.spread_s <= top->arrivals.period_s
                   ? WS_OK
                   : ws_json_problem(out->place, err, "expected spread_s <= period_s, found %g > %g",
                                     top->arrivals.spread_s, top->arrivals.period_s);
    default:
        return WS_OK;
    }
}

ws_status ws_workload_spec_read(ws_files *files, ws_json spec, ws_error *err, ws_workload_spec *out)
{
    *out                           = (ws_workload_spec){.place = spec};
    const generator_row *generator = find_generator(spec, err);
    spec_object          top       = {.seed = -1};
    if (generator == NULL) {
        return WS_ERR_INPUT;
    }
    WS_TRY(read_top_level(spec, generator, err, &top));
    out->n_reqs                   = top.num_reqs;
    out->has_seed                 = top.seed >= 0;
    out->seed                     = out->has_seed ? (uint64_t)top.seed : 0;
    out->start_s                  = top.start_s;
    ws_status status              = read_tokens(files, top.input, err, &out->input);
    status                        = first_failure(status, read_tokens(files, top.output, err, &out->output));
    status                        = first_failure(status, read_arrivals(files, generator, &top, err, out));
    status                        = first_failure(status, read_prefix(top.prefix, err, &out->prefix));
    status                        = first_failure(status, read_session(files, &top, err, &out->session));
    const bool is_token_ids_given = is_given(ws_json_member(spec, "token_ids"));
    out->has_token_ids = is_token_ids_given ? top.token_ids : is_given(top.prefix) || is_given(top.session);
    return status;
}

void ws_workload_spec_fini(ws_workload_spec *spec)
{
    ws_distribution_fini(&spec->input);
    ws_distribution_fini(&spec->output);
    ws_distribution_fini(&spec->session.calls);
    ws_distribution_fini(&spec->session.input);
    ws_distribution_fini(&spec->session.tool_s);
    ws_distribution_fini(&spec->users.think_s);
}
