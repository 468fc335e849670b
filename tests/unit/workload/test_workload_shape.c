/* Invariants: cut, sample, limit and pace, in this order, give the requests computed by hand; a larger
 * share keeps all a smaller one does; sessions stay whole, with their waits; what cannot be done is refused
 * with what was found. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "workload/workload_read.h"
#include "workload/workload_shape.h"

#define S INT64_C(1000000000)

static ws_workload *read_text(const char *text)
{
    ws_files    *files = NULL;
    ws_workload *w     = NULL;
    ws_error     err   = WS_ERROR_INIT;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "w.jsonl", text, strlen(text)), WS_OK);
    if (ws_workload_read(files, "w.jsonl", 0, &err, &w) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    ws_files_destroy(&files);
    return w;
}

static ws_workload *reshape(const ws_workload *source, ws_workload_shape shape)
{
    ws_error     err = WS_ERROR_INIT;
    ws_workload *out = NULL;
    if (ws_workload_reshape(source, &shape, "w.jsonl", &err, &out) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return out;
}

/* Five lines out of order: 10 tokens at 10 s, 20 at 4 s, a session at 6 s, 50 at 0 s, 60 at 6 s. */
static const char MIXED[] =
    "{\"input_toks\":10,\"output_toks\":1,\"arrival_time_ns\":10000000000}\n"
    "{\"input_toks\":2,\"output_toks\":1,\"arrival_time_ns\":4000000000,\"input_tok_ids\":[7,8]}\n"
    "{\"session_id\":\"a\",\"arrival_time_ns\":6000000000,\"sub_requests\":["
    "{\"input_toks\":3,\"output_toks\":1,\"tool_duration_ns\":123,\"input_tok_ids\":[1,2,3]},"
    "{\"input_toks\":4,\"output_toks\":2,\"output_tok_ids\":[5,6]}]}\n"
    "{\"input_toks\":50,\"output_toks\":1,\"arrival_time_ns\":0}\n"
    "{\"input_toks\":60,\"output_toks\":1,\"arrival_time_ns\":6000000000}\n";

/* Prompt lengths of the initial requests in the order of arrival, and their times. */
static void expect(const ws_workload *w, size_t n, const int32_t *tokens, const int64_t *arrivals_ns)
{
    assert_int_equal(w->n_initial, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(w->requests[w->initial[i]].input_tokens, tokens[i]);
        assert_int_equal(w->requests[w->initial[i]].arrival_ns, arrivals_ns[i]);
    }
}

static void nothing_asked_is_a_copy(void **state)
{
    (void)state;
    ws_workload *source = read_text(MIXED), *w = reshape(source, WS_WORKLOAD_SHAPE_NONE);
    assert_true(ws_workload_shape_is_none(&WS_WORKLOAD_SHAPE_NONE));
    expect(w, 5, (const int32_t[]){50, 2, 3, 60, 10}, (const int64_t[]){0, 4 * S, 6 * S, 6 * S, 10 * S});
    assert_int_equal(w->n_requests, source->n_requests);
    assert_memory_equal(w->requests, source->requests, w->n_requests * sizeof(w->requests[0]));
    assert_memory_equal(w->sessions, source->sessions, w->n_sessions * sizeof(w->sessions[0]));
    assert_memory_equal(w->token_ids, source->token_ids, w->n_token_ids * sizeof(w->token_ids[0]));
    assert_int_equal(w->max_target_tokens, 61);
    ws_workload_destroy(&w);
    ws_workload_destroy(&source);
}

/* [4 s, 10 s) holds the one at 4 s and not the one at 10 s; the clock starts at 4 s. */
static void a_cut_keeps_its_begin_and_not_its_end(void **state)
{
    (void)state;
    ws_workload      *source = read_text(MIXED);
    ws_workload_shape shape  = WS_WORKLOAD_SHAPE_NONE;
    shape.from_s             = 4.0;
    shape.to_s               = 10.0;
    ws_workload *w           = reshape(source, shape);
    expect(w, 3, (const int32_t[]){2, 3, 60}, (const int64_t[]){0, 2 * S, 2 * S});
    assert_int_equal(w->n_requests, 4); /* with the session's second call */
    assert_int_equal(w->n_sessions, 1);
    assert_int_equal(w->sessions[0].first_request, 1);
    assert_int_equal(w->sessions[0].n_requests, 2);
    assert_int_equal(w->requests[1].tool_duration_ns, 123);
    assert_int_equal(w->requests[2].arrival_ns, -1);
    assert_int_equal(w->requests[2].session_step, 1);
    const int32_t ids[] = {7, 8, 1, 2, 3, 5, 6};
    assert_int_equal(w->n_token_ids, 7);
    assert_memory_equal(w->token_ids, ids, sizeof(ids));
    assert_int_equal(w->requests[2].token_begin, 5);
    ws_workload_destroy(&w);
    ws_workload_destroy(&source);
}

/* First of the file, not of the clock; then 2 arrivals 6 s apart at 0.5 per second are 2 s apart. */
static void the_limit_comes_after_the_cut_and_before_the_pace(void **state)
{
    (void)state;
    ws_workload      *source = read_text(MIXED);
    ws_workload_shape shape  = WS_WORKLOAD_SHAPE_NONE;
    shape.from_s             = 1.0;
    shape.max_arrivals       = 2;
    ws_workload *w           = reshape(source, shape);
    expect(w, 2, (const int32_t[]){2, 10}, (const int64_t[]){3 * S, 9 * S});
    assert_true(fabs(ws_workload_rate(w) - 1.0 / 6.0) < 1e-12);
    ws_workload_destroy(&w);
    shape.rate = 0.5;
    w          = reshape(source, shape);
    expect(w, 2, (const int32_t[]){2, 10}, (const int64_t[]){1 * S, 3 * S});
    assert_true(ws_workload_rate(w) == 0.5);
    ws_workload_destroy(&w);
    ws_workload_destroy(&source);
}

/* Waits inside sessions are not traffic: they stay. Times that become equal are in the order of the file. */
static void the_pace_moves_arrivals_only(void **state)
{
    (void)state;
    ws_workload      *source = read_text(MIXED);
    ws_workload_shape shape  = WS_WORKLOAD_SHAPE_NONE;
    shape.time_scale         = 2.5;
    ws_workload *w           = reshape(source, shape);
    expect(w, 5, (const int32_t[]){50, 2, 3, 60, 10}, (const int64_t[]){0, 10 * S, 15 * S, 15 * S, 25 * S});
    assert_int_equal(w->requests[2].tool_duration_ns, 123);
    ws_workload_destroy(&w);
    shape.time_scale = 1.0;
    shape.rate       = 0.8; /* 4 gaps in 10 s are 0.4 per second */
    w                = reshape(source, shape);
    expect(w, 5, (const int32_t[]){50, 2, 3, 60, 10}, (const int64_t[]){0, 2 * S, 3 * S, 3 * S, 5 * S});
    ws_workload_destroy(&w);
    shape.rate       = 0.0;
    shape.time_scale = 1e-9;
    w                = reshape(source, shape);
    expect(w, 5, (const int32_t[]){50, 2, 3, 60, 10}, (const int64_t[]){0, 4, 6, 6, 10});
    shape.time_scale = 1e-9;
    ws_workload *z   = reshape(w, shape);
    expect(z, 5, (const int32_t[]){10, 2, 3, 50, 60}, (const int64_t[]){0, 0, 0, 0, 0});
    ws_workload_destroy(&z);
    ws_workload_destroy(&w);
    ws_workload_destroy(&source);
}

static bool has_tokens(const ws_workload *w, int32_t tokens)
{
    for (size_t i = 0; i < w->n_initial; i++) {
        if (w->requests[w->initial[i]].input_tokens == tokens) {
            return true;
        }
    }
    return false;
}

/* 4000 draws of 0.25: 1000 +- 5 times 27.4. The same seed keeps the same, a larger share all of it, a cut
 * changes no draw. */
static void a_sample_is_seeded_nested_and_fair(void **state)
{
    (void)state;
    ws_strbuf text = WS_STRBUF_INIT;
    for (int i = 0; i < 4000; i++) {
        ws_strbuf_printf(&text, "{\"input_toks\":%d,\"output_toks\":1,\"arrival_time_ns\":%d}\n", i + 1, i);
    }
    ws_workload      *source = read_text(ws_strbuf_text(&text));
    ws_workload_shape shape  = WS_WORKLOAD_SHAPE_NONE;
    shape.seed               = 42;
    shape.sample             = 0.25;
    ws_workload *quarter = reshape(source, shape), *again = reshape(source, shape);
    assert_true(fabs((double)quarter->n_initial - 1000.0) < 137.0);
    assert_int_equal(quarter->n_initial, again->n_initial);
    assert_memory_equal(quarter->requests, again->requests, again->n_requests * sizeof(again->requests[0]));
    shape.sample          = 0.5;
    ws_workload *half     = reshape(source, shape);
    shape.from_s          = 2e-6;
    shape.sample          = 0.25;
    ws_workload *cut      = reshape(source, shape);
    shape.seed            = 43;
    shape.from_s          = 0.0;
    ws_workload *other    = reshape(source, shape);
    size_t       n_common = 0;
    for (size_t i = 0; i < quarter->n_initial; i++) {
        const ws_workload_request *r = &quarter->requests[quarter->initial[i]];
        assert_true(has_tokens(half, r->input_tokens));
        assert_true(has_tokens(cut, r->input_tokens) == (r->arrival_ns >= 2000));
        n_common += has_tokens(other, r->input_tokens);
    }
    assert_true(n_common > 150 && n_common < 350); /* chance: a quarter of a quarter */
    ws_workload_destroy(&other);
    ws_workload_destroy(&cut);
    ws_workload_destroy(&half);
    ws_workload_destroy(&again);
    ws_workload_destroy(&quarter);
    ws_workload_destroy(&source);
    ws_strbuf_fini(&text);
}

/* Sessions of one name share the last one's state, and are sampled together; a cut that leaves out the last
 * one makes the state that of the newest kept. */
static void sessions_of_one_name_stay_together(void **state)
{
    (void)state;
    ws_strbuf text = WS_STRBUF_INIT;
    for (int i = 0; i < 600; i++) {
        ws_strbuf_printf(
            &text,
            "{\"session_id\":\"s%d\",\"arrival_time_ns\":%d,\"sub_requests\":[{\"input_toks\":%d,"
            "\"output_toks\":1},{\"input_toks\":9,\"output_toks\":1}]}\n",
            i % 200, i, 1 + i % 200);
    }
    ws_workload      *source    = read_text(ws_strbuf_text(&text));
    ws_workload_shape shape     = WS_WORKLOAD_SHAPE_NONE;
    int               n_of[201] = {0};
    shape.sample                = 0.5;
    ws_workload *w              = reshape(source, shape);
    assert_true(w->n_initial > 150 && w->n_initial < 450);
    for (size_t i = 0; i < w->n_initial; i++) {
        n_of[w->requests[w->initial[i]].input_tokens]++;
    }
    for (int i = 1; i <= 200; i++) {
        assert_true(n_of[i] == 0 || n_of[i] == 3);
    }
    ws_workload_destroy(&w);
    shape.sample = 1.0;
    shape.to_s   = 400e-9; /* the first two of every name */
    w            = reshape(source, shape);
    assert_int_equal(w->n_sessions, 400);
    for (size_t id = 0; id < w->n_requests; id++) {
        assert_int_equal(w->requests[id].session, 200 + (int)(id / 2) % 200);
    }
    ws_workload_destroy(&w);
    ws_workload_destroy(&source);
    ws_strbuf_fini(&text);
}

static void what_cannot_be_done_is_refused(void **state)
{
    (void)state;
    static const char one[]  = "{\"input_toks\":1,\"output_toks\":1,\"arrival_time_ns\":5}\n";
    static const char same[] = "{\"input_toks\":1,\"output_toks\":1,\"arrival_time_ns\":0}\n"
                               "{\"input_toks\":1,\"output_toks\":1,\"arrival_time_ns\":0}\n";
    const struct {
        const char       *text;
        ws_workload_shape shape;
        const char       *message;
    } rows[] = {
        {one,
         {.sample = 1, .time_scale = 1, .rate = 2},
         "w.jsonl: rate: expected at least two different arrivals to change the mean rate of, found 1 "
         "request "
         "or session"},
        {same,
         {.sample = 1, .time_scale = 1, .rate = 2},
         "found 2 requests or sessions, all at the same time"},
        {MIXED,
         {.sample = 1, .time_scale = 1, .from_s = 7, .to_s = 7},
         "expected from_s < to_s, found 7 >= 7"},
        {MIXED,
         {.sample = 1, .time_scale = 2, .rate = 2},
         "expected rate or time_scale, found both (2 and 2)"},
        {MIXED,
         {.sample = 1, .time_scale = 1, .from_s = 11},
         "expected at least one arrival from 11 s to the end with a sample of 1, found none: the 5 of the "
         "workload lie between 0 s and 10 s"},
        {MIXED,
         {.sample = 1e-9, .time_scale = 1, .to_s = 5},
         "from 0 s to 5 s with a sample of 1e-09, found none"},
        {MIXED, {.sample = 1, .time_scale = 1e9}, "expected all arrivals within 104 days"},
        {MIXED, {.sample = 1, .time_scale = 1, .rate = 1e-9}, "expected all arrivals within 104 days"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws_workload *source = read_text(rows[i].text), *w = NULL;
        ws_error     err = WS_ERROR_INIT;
        assert_int_equal(ws_workload_reshape(source, &rows[i].shape, "w.jsonl", &err, &w), WS_ERR_INPUT);
        assert_null(w);
        if (strstr(ws_error_text(&err), rows[i].message) == NULL) {
            fail_msg("expected \"%s\" in: %s", rows[i].message, ws_error_text(&err));
        }
        ws_error_clear(&err);
        ws_workload_destroy(&source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_is_a_copy),
        cmocka_unit_test(a_cut_keeps_its_begin_and_not_its_end),
        cmocka_unit_test(the_limit_comes_after_the_cut_and_before_the_pace),
        cmocka_unit_test(the_pace_moves_arrivals_only),
        cmocka_unit_test(a_sample_is_seeded_nested_and_fair),
        cmocka_unit_test(sessions_of_one_name_stay_together),
        cmocka_unit_test(what_cannot_be_done_is_refused),
    };
    return cmocka_run_group_tests_name("workload.workload_shape", tests, NULL, NULL);
}
