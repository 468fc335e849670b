/* Invariants: same spec and seed, same workload; what is written reads back as it was; only what the spec
 * calls shared is shared; sessions carry their context; changing one parameter leaves the draws of all others
 * alone. The bundled traces are what their specs generate, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload/workload_generator.h"
#include "workload/workload_read.h"

static ws_workload *generate_in(ws_files *files, const char *text, uint64_t seed)
{
    ws_json_doc *doc = NULL;
    ws_error     err = WS_ERROR_INIT;
    ws_workload *w   = NULL;
    assert_int_equal(ws_json_doc_parse("spec.json", text, strlen(text), &err, &doc), WS_OK);
    if (ws_workload_generate(files, ws_json_doc_root(doc), seed, &err, &w) != WS_OK) {
        fail_msg("%s: %s", text, ws_error_text(&err));
    }
    ws_json_doc_destroy(&doc);
    return w;
}

static ws_workload *generate(const char *text, uint64_t seed)
{
    ws_files *files = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    ws_workload *w = generate_in(files, text, seed);
    ws_files_destroy(&files);
    return w;
}

static void must_refuse(const char *text, const char *message)
{
    ws_files    *files = NULL;
    ws_json_doc *doc   = NULL;
    ws_error     err   = WS_ERROR_INIT;
    ws_workload *w     = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_json_doc_parse("spec.json", text, strlen(text), &err, &doc), WS_OK);
    assert_int_equal(ws_workload_generate(files, ws_json_doc_root(doc), 1, &err, &w), WS_ERR_INPUT);
    assert_null(w);
    if (strstr(ws_error_text(&err), message) == NULL) {
        fail_msg("expected \"%s\" in: %s", message, ws_error_text(&err));
    }
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
    ws_files_destroy(&files);
}

#define LENGTHS                                                                                              \
    "\"input\":{\"distribution\":\"lognormal\",\"mean\":60,\"sigma\":0.8,\"min\":4,\"max\":400},"            \
    "\"output\":{\"distribution\":\"uniform\",\"min\":1,\"max\":40}"
#define POISSON "{\"generator\":\"poisson\",\"rate\":8,\"num_reqs\":200," LENGTHS
#define PREFIX ",\"prefix\":{\"groups\":3,\"length\":32,\"share\":0.5}"
#define SESSION                                                                                              \
    ",\"session\":{\"calls\":{\"distribution\":\"uniform\",\"min\":1,\"max\":6},\"tool_s\":{"                \
    "\"distribution\":"                                                                                      \
    "\"exponential\",\"mean\":2},\"input\":15,\"context\":300}"

/* One of each kind, with everything that can be combined. */
static const char *const k_specs[] = {
    POISSON "}",
    POISSON        PREFIX "}",
    POISSON PREFIX SESSION "}",
    POISSON        SESSION ",\"token_ids\":false}",
    POISSON ",\"token_ids\":true,\"start_s\":100}",
    "{\"generator\":\"gamma\",\"rate\":8,\"cv\":2,\"num_reqs\":50," LENGTHS "}",
    "{\"generator\":\"constant\",\"rate\":8,\"num_reqs\":50," LENGTHS SESSION "}",
    "{\"generator\":\"onoff\",\"rate\":8,\"on_s\":2,\"off_s\":5,\"num_reqs\":50," LENGTHS "}",
    "{\"generator\":\"pulse\",\"pulse_size\":10,\"period_s\":60,\"num_reqs\":35," LENGTHS PREFIX "}",
    "{\"generator\":\"ramp\",\"rate\":0,\"rate_end\":9,\"ramp_s\":20,\"num_reqs\":50," LENGTHS "}",
    "{\"generator\":\"closed_loop\",\"users\":7,\"think_s\":1.5,\"stagger_s\":3.5,\"num_reqs\":50," LENGTHS
        PREFIX "}",
};
enum { N_SPECS = sizeof(k_specs) / sizeof(k_specs[0]) };

static void assert_same_workload(const ws_workload *a, const ws_workload *b)
{
    assert_int_equal(a->n_requests, b->n_requests);
    assert_int_equal(a->n_sessions, b->n_sessions);
    assert_int_equal(a->n_initial, b->n_initial);
    assert_int_equal(a->n_token_ids, b->n_token_ids);
    assert_int_equal(a->max_target_tokens, b->max_target_tokens);
    for (size_t i = 0; i < a->n_requests; i++) {
        const ws_workload_request *x = &a->requests[i], *y = &b->requests[i];
        assert_int_equal(x->arrival_ns, y->arrival_ns);
        assert_int_equal(x->input_tokens, y->input_tokens);
        assert_int_equal(x->target_tokens, y->target_tokens);
        assert_int_equal(x->session, y->session);
        assert_int_equal(x->session_step, y->session_step);
        assert_int_equal(x->tool_duration_ns, y->tool_duration_ns);
        assert_int_equal(x->token_begin, y->token_begin);
        assert_int_equal(x->n_input_ids, y->n_input_ids);
        assert_int_equal(x->n_output_ids, y->n_output_ids);
    }
    assert_memory_equal(a->initial, b->initial, a->n_initial * sizeof(a->initial[0]));
    if (a->n_token_ids > 0) {
        assert_memory_equal(a->token_ids, b->token_ids, a->n_token_ids * sizeof(a->token_ids[0]));
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SPECS; i++) {
        ws_workload *w = generate(k_specs[i], 42), *read = NULL;
        ws_strbuf    text  = WS_STRBUF_INIT;
        ws_files    *files = NULL;
        ws_error     err   = WS_ERROR_INIT;
        ws_workload_write_jsonl(w, &text);
        assert_int_equal(ws_files_create(&files), WS_OK);
        assert_int_equal(ws_files_put(files, "w.jsonl", text.data, text.len), WS_OK);
        if (ws_workload_read(files, "w.jsonl", 0, &err, &read) != WS_OK) {
            fail_msg("%s: %s", k_specs[i], ws_error_text(&err));
        }
        assert_same_workload(w, read);
        ws_strbuf_fini(&text);
        ws_files_destroy(&files);
        ws_workload_destroy(&read);
        ws_workload_destroy(&w);
    }
}

static void seeds_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SPECS; i++) {
        ws_workload *a = generate(k_specs[i], 7), *b = generate(k_specs[i], 7), *c = generate(k_specs[i], 8);
        assert_same_workload(a, b);
        bool is_same = a->n_requests == c->n_requests;
        for (size_t k = 0; is_same && k < a->n_requests; k++) {
            is_same = a->requests[k].input_tokens == c->requests[k].input_tokens;
        }
        assert_false(is_same);
        ws_workload_destroy(&a);
        ws_workload_destroy(&b);
        ws_workload_destroy(&c);
    }
    ws_workload *own = generate(POISSON ",\"seed\":7}", 99), *given = generate(POISSON "}", 7);
    assert_same_workload(own, given); /* the spec's own seed goes before the run's */
    ws_workload_destroy(&own);
    ws_workload_destroy(&given);
}

static void another_rate_only_scales_the_arrivals(void **state)
{
    (void)state;
    ws_workload *slow = generate(POISSON "}", 3);
    ws_workload *fast = generate("{\"generator\":\"poisson\",\"rate\":16,\"num_reqs\":200," LENGTHS "}", 3);
    for (size_t i = 0; i < slow->n_requests; i++) {
        assert_int_equal(slow->requests[i].input_tokens, fast->requests[i].input_tokens);
        assert_int_equal(slow->requests[i].target_tokens, fast->requests[i].target_tokens);
        assert_in_range(slow->requests[i].arrival_ns, 2 * fast->requests[i].arrival_ns - 2,
                        2 * fast->requests[i].arrival_ns + 2);
    }
    ws_workload_destroy(&slow);
    ws_workload_destroy(&fast);
}

/* ---- prefixes ---- */

/* Equal tokens at the beginning of two prompts. */
static int32_t common_tokens(const ws_workload *w, size_t a, size_t b)
{
    const ws_workload_request *x = &w->requests[a], *y = &w->requests[b];
    int32_t                    n = 0;
    while (n < x->n_input_ids && n < y->n_input_ids &&
           w->token_ids[x->token_begin + (size_t)n] == w->token_ids[y->token_begin + (size_t)n]) {
        n++;
    }
    return n;
}

/* Any two prompts share nothing, or the 32 tokens of their group (less where a prompt is shorter: all but its
 * last). */
static void prompts_share_their_group_prefix_and_nothing_else(void **state)
{
    (void)state;
    ws_workload *w        = generate(POISSON PREFIX "}", 1);
    size_t       n_shared = 0;
    for (size_t a = 0; a < w->n_requests; a++) {
        bool is_sharing = false;
        for (size_t b = 0; b < w->n_requests; b++) {
            const int32_t n        = a != b ? common_tokens(w, a, b) : 0;
            const int32_t shortest = w->requests[a].n_input_ids < w->requests[b].n_input_ids
                                         ? w->requests[a].n_input_ids
                                         : w->requests[b].n_input_ids;
            assert_true(n == 0 || n == 32 || n == shortest - 1);
            is_sharing = is_sharing || n > 0;
        }
        n_shared += is_sharing;
    }
    assert_in_range(n_shared, 70, 130); /* 0.5 of 200: six standard deviations wide would be 58..142 */
    ws_workload_destroy(&w);
}

/* Nobody loses a prefix when the share grows, and lengths and arrivals stay. */
static void a_larger_share_contains_a_smaller_one(void **state)
{
    (void)state;
    ws_workload *some = generate(POISSON ",\"prefix\":{\"groups\":3,\"length\":32,\"share\":0.3}}", 1);
    ws_workload *more = generate(POISSON ",\"prefix\":{\"groups\":3,\"length\":32,\"share\":0.6}}", 1);
    for (size_t i = 0; i < some->n_requests; i++) {
        const int32_t first_some = some->token_ids[some->requests[i].token_begin];
        const int32_t first_more = more->token_ids[more->requests[i].token_begin];
        assert_true(first_some >= 96 ||
                    first_more == first_some); /* ids below groups * length are shared ones */
        assert_int_equal(some->requests[i].arrival_ns, more->requests[i].arrival_ns);
        assert_int_equal(some->requests[i].input_tokens, more->requests[i].input_tokens);
    }
    ws_workload_destroy(&some);
    ws_workload_destroy(&more);
}

/* ---- sessions ---- */

/* Call i+1's prompt is all of call i, prompt and output, and 15 new tokens; none exceeds the context of 300.
 */
static void calls_carry_their_context(void **state)
{
    (void)state;
    ws_workload *w       = generate(POISSON PREFIX SESSION "}", 1);
    size_t       n_later = 0;
    assert_int_equal(w->n_sessions, 200);
    for (size_t i = 1; i < w->n_requests; i++) {
        const ws_workload_request *last = &w->requests[i - 1], *next = &w->requests[i];
        if (next->session_step == 0) {
            continue;
        }
        n_later++;
        assert_int_equal(next->session, last->session);
        assert_int_equal(next->arrival_ns, -1);
        assert_int_equal(next->input_tokens, last->target_tokens + 15);
        assert_int_equal(next->n_input_ids, next->input_tokens);
        assert_true(next->target_tokens <= 300);
        assert_memory_equal(&w->token_ids[last->token_begin], &w->token_ids[next->token_begin],
                            (size_t)last->target_tokens * sizeof(int32_t));
    }
    assert_true(n_later > 100);
    ws_workload_destroy(&w);
}

/* 50 requests over 7 users: 8 for the first, 7 for the others; starts 0.5 s apart; 1.5 s to think. */
static void closed_loop_users_share_the_requests(void **state)
{
    (void)state;
    ws_workload *w = generate(k_specs[N_SPECS - 1], 1);
    assert_int_equal(w->n_requests, 50);
    assert_int_equal(w->n_sessions, 7);
    assert_int_equal(w->n_initial, 7);
    for (size_t user = 0; user < 7; user++) {
        const ws_workload_session *session = &w->sessions[user];
        assert_int_equal(session->n_requests, user == 0 ? 8 : 7);
        assert_int_equal(w->requests[session->first_request].arrival_ns, user * 500000000);
        assert_int_equal(w->requests[session->first_request].tool_duration_ns, 1500000000);
    }
    ws_workload_destroy(&w);
}

/* ---- limits ---- */

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    must_refuse("{\"generator\":\"constant\",\"rate\":1e-6,\"num_reqs\":20,\"input\":1,\"output\":1}",
                "within 104 days");
    must_refuse("{\"generator\":\"constant\",\"rate\":1,\"num_reqs\":20,\"input\":16777216,\"output\":1,"
                "\"token_ids\":"
                "true}",
                "token ids in all");
    must_refuse(POISSON ",\"prefix\":{\"groups\":1000000,\"length\":1000000}}", "groups * length");
}

/* ---- bundled traces ---- */

static void bundled_traces_come_from_their_specs(void **state)
{
    (void)state;
    static const char *const k_names[] = {"example_trace", "sharegpt_like"};
    ws_files                *files     = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    for (size_t i = 0; i < 2; i++) {
        char     path[1024];
        ws_bytes spec, trace;
        snprintf(path, sizeof(path), "%s/workloads/%s.spec.json", getenv("WS_SOURCE_DIR"), k_names[i]);
        assert_int_equal(ws_files_read(files, path, NULL, &spec), WS_OK);
        snprintf(path, sizeof(path), "%s/workloads/%s.jsonl", getenv("WS_SOURCE_DIR"), k_names[i]);
        assert_int_equal(ws_files_read(files, path, NULL, &trace), WS_OK);
        ws_workload *w    = generate_in(files, spec.data, 0);
        ws_strbuf    text = WS_STRBUF_INIT;
        ws_workload_write_jsonl(w, &text);
        assert_int_equal(text.len, trace.len);
        assert_memory_equal(text.data, trace.data, trace.len);
        ws_strbuf_fini(&text);
        ws_workload_destroy(&w);
    }
    ws_files_destroy(&files);
}

int main(void)
{
    if (getenv("WS_SOURCE_DIR") == NULL) {
        print_error("WS_SOURCE_DIR is not set: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(seeds_decide),
        cmocka_unit_test(another_rate_only_scales_the_arrivals),
        cmocka_unit_test(prompts_share_their_group_prefix_and_nothing_else),
        cmocka_unit_test(a_larger_share_contains_a_smaller_one),
        cmocka_unit_test(calls_carry_their_context),
        cmocka_unit_test(closed_loop_users_share_the_requests),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(bundled_traces_come_from_their_specs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
