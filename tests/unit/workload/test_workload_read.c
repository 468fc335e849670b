/* Invariants: a dataset reads into exactly the requests, sessions and token ids it names, initial requests by
 * (arrival, file order); anything else is refused with file, line, what was expected and what was found,
 * every broken line at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "workload/workload_read.h"

/* Read a text as the dataset "w.jsonl"; error_out gets a copy of the error text. */
static ws_status read_text(const char *text, size_t len, int64_t max_lines, char *error_out, size_t cap,
                           ws_workload **out)
{
    ws_files *files = NULL;
    ws_error  err   = WS_ERROR_INIT;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "w.jsonl", text, len), WS_OK);
    const ws_status status = ws_workload_read(files, "w.jsonl", max_lines, &err, out);
    snprintf(error_out, cap, "%s", ws_error_text(&err));
    assert_true((status == WS_OK) == (err.n_problems == 0));
    assert_true((status == WS_OK) == (*out != NULL));
    ws_error_clear(&err);
    ws_files_destroy(&files);
    return status;
}

static ws_workload *must_read(const char *text, int64_t max_lines)
{
    ws_workload *w = NULL;
    char         error[4096];
    if (read_text(text, strlen(text), max_lines, error, sizeof(error), &w) != WS_OK) {
        fail_msg("%s", error);
    }
    return w;
}

/* The text is refused, and the message holds every given part. */
static void must_refuse(const char *text, const char *part_a, const char *part_b)
{
    ws_workload *w = NULL;
    char         error[4096];
    assert_int_equal(read_text(text, strlen(text), 0, error, sizeof(error), &w), WS_ERR_INPUT);
    if (strstr(error, part_a) == NULL || strstr(error, part_b) == NULL) {
        fail_msg("for %s\nexpected \"%s\" and \"%s\" in: %s", text, part_a, part_b, error);
    }
}

#define FLAT(in, out, at) "{\"input_toks\":" #in ",\"output_toks\":" #out ",\"arrival_time_ns\":" #at "}"

/* ---- what is read ---- */

static void flat_requests_keep_file_order_and_sort_by_arrival(void **state)
{
    (void)state;
    ws_workload *w = must_read(FLAT(10, 5, 300) "\n" FLAT(20, 6, 100) "\r\n\n  \n" FLAT(30, 0, 300), 0);
    assert_int_equal(w->n_requests, 3);
    assert_int_equal(w->requests[0].input_tokens, 10);
    assert_int_equal(w->requests[0].target_tokens, 15);
    assert_int_equal(w->requests[2].target_tokens, 30);
    assert_int_equal(w->requests[1].arrival_ns, 100);
    assert_int_equal(w->requests[1].session, -1);
    assert_int_equal(w->n_initial, 3);
    const uint32_t expected[] = {1, 0, 2};
    assert_memory_equal(w->initial, expected, sizeof(expected));
    assert_int_equal(w->max_target_tokens, 30);
    ws_workload_destroy(&w);
    assert_null(w);
}

static void token_ids_lie_input_first(void **state)
{
    (void)state;
    ws_workload *w =
        must_read("{\"input_toks\":3,\"output_toks\":2,\"arrival_time_ns\":0,\"output_tok_ids\":[7,8],"
                  "\"input_tok_ids\":[1,2,2147483647]}\n"
                  "{\"input_toks\":1,\"output_toks\":2,\"arrival_time_ns\":0,\"input_tok_ids\":[9],\"output_"
                  "tok_ids\":[]}",
                  0);
    const int32_t expected[] = {1, 2, 2147483647, 7, 8, 9};
    assert_int_equal(w->n_token_ids, 6);
    assert_memory_equal(w->token_ids, expected, sizeof(expected));
    assert_int_equal(w->requests[0].n_input_ids, 3);
    assert_int_equal(w->requests[0].n_output_ids, 2);
    assert_int_equal(w->requests[1].token_begin, 5);
    assert_int_equal(w->requests[1].n_input_ids, 1);
    ws_workload_destroy(&w);
}

#define CALL(in, out, tool) "{\"input_toks\":" #in ",\"output_toks\":" #out ",\"tool_duration_ns\":" #tool "}"

static void sessions_reserve_consecutive_ids(void **state)
{
    (void)state;
    ws_workload *w = must_read(
        "{\"arrival_time_ns\":500,\"sub_requests\":[" CALL(10, 1, 77) "," CALL(
            20, 2, 0) "]}\n"
                      "{\"session_id\":\"e\",\"arrival_time_ns\":1,\"sub_requests\":[]}\n" FLAT(5, 5, 400),
        0);
    assert_int_equal(w->n_requests, 3);
    assert_int_equal(w->n_sessions, 1);
    assert_int_equal(w->sessions[0].first_request, 0);
    assert_int_equal(w->sessions[0].n_requests, 2);
    assert_int_equal(w->requests[0].session, 0);
    assert_int_equal(w->requests[0].arrival_ns, 500);
    assert_int_equal(w->requests[0].tool_duration_ns, 77);
    assert_int_equal(w->requests[1].session_step, 1);
    assert_int_equal(w->requests[1].arrival_ns, -1);
    const uint32_t expected[] = {2, 0};
    assert_int_equal(w->n_initial, 2);
    assert_memory_equal(w->initial, expected, sizeof(expected));
    ws_workload_destroy(&w);
}

/* Both lines stay pending, but the calls of both point to the state of the later one
 * (docs/model/serving.md 2.2). */
static void a_repeated_session_id_takes_over(void **state)
{
    (void)state;
    ws_workload *w = must_read(
        "{\"session_id\":\"a\",\"arrival_time_ns\":1,\"sub_requests\":[" CALL(
            1, 1, 0) "]}\n"
                     "{\"session_id\":\"b\",\"arrival_time_ns\":2,\"sub_requests\":[" CALL(
                         1, 1,
                         0) "]}\n"
                            "{\"session_id\":\"a\",\"arrival_time_ns\":3,\"sub_requests\":[" CALL(
                                1, 1,
                                0) "]}\n"
                                   "{\"session_id\":\"a\",\"arrival_time_ns\":4,\"sub_requests\":[" CALL(
                                       1, 1, 0) "]}\n",
        0);
    assert_int_equal(w->n_initial, 4);
    assert_int_equal(w->requests[0].session, 3);
    assert_int_equal(w->requests[1].session, 1);
    assert_int_equal(w->requests[2].session, 3);
    assert_int_equal(w->requests[3].session, 3);
    assert_int_equal(w->sessions[3].first_request, 3);
    ws_workload_destroy(&w);
}

static void max_lines_counts_lines_not_requests(void **state)
{
    (void)state;
    const char *text = "{\"arrival_time_ns\":5,\"sub_requests\":[" CALL(10, 1, 0) "," CALL(
        20, 2, 0) "]}\n\n" FLAT(1, 1, 0) "\n" FLAT(2, 2, 0) "\n not json";
    ws_workload *w = must_read(text, 2);
    assert_int_equal(w->n_requests, 3);
    assert_int_equal(w->requests[2].input_tokens, 1);
    ws_workload_destroy(&w);
}

static void without_a_dataset_there_are_sixteen(void **state)
{
    (void)state;
    ws_workload *w = NULL;
    assert_int_equal(ws_workload_default(&w), WS_OK);
    assert_int_equal(w->n_requests, 16);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(w->requests[i].input_tokens, 64);
        assert_int_equal(w->requests[i].target_tokens, 128);
        assert_int_equal(w->requests[i].arrival_ns, 0);
        assert_int_equal(w->initial[i], i);
    }
    ws_workload_destroy(&w);
}

/* ---- what is refused ---- */

static void broken_lines_are_refused_with_their_place(void **state)
{
    (void)state;
    must_refuse("", "w.jsonl", "at least one request");
    must_refuse("\n \n", "w.jsonl", "at least one request");
    must_refuse(FLAT(1, 1, 1) "\n{\"input_toks\":1,", "w.jsonl:2", "");
    must_refuse("[1]", "w.jsonl:1", "expected object");
    must_refuse("{\"input_toks\":1,\"output_toks\":1}", "w.jsonl:1", "arrival_time_ns");
    must_refuse("{\"input_toks\":1,\"output_toks\":1,\"arrival_time_ns\":0,\"outputtoks\":1}", "outputtoks",
                "\"output_toks\"");
    must_refuse(FLAT(-1, 1, 1), "/input_toks", "-1");
    must_refuse(FLAT(0, 1, 1), "/input_toks", "expected integer in 1..16777216");
    must_refuse(FLAT(1.5, 1, 1), "/input_toks", "1.5");
    must_refuse(FLAT("ten", 1, 1), "/input_toks", "ten");
    must_refuse(FLAT(1, 99999999999, 1), "/output_toks", "99999999999");
    must_refuse(FLAT(1, 1, 1e300), "/arrival_time_ns", "1e+300");
    must_refuse(FLAT(1, 1, true), "/arrival_time_ns", "true");
    must_refuse(FLAT(1, 1, 1) FLAT(1, 1, 1), "w.jsonl:1", "");
}

static void broken_token_ids_are_refused(void **state)
{
    (void)state;
#define WITH_IDS(ids) "{\"input_toks\":1,\"output_toks\":1,\"arrival_time_ns\":0,\"input_tok_ids\":" ids "}"
    must_refuse(WITH_IDS("5"), "/input_tok_ids", "array");
    must_refuse(WITH_IDS("[-2]"), "/input_tok_ids/0", "-2");
    must_refuse(WITH_IDS("[2.5]"), "/input_tok_ids/0", "2.5");
    must_refuse(WITH_IDS("[2147483648]"), "/input_tok_ids/0", "2147483648");
    must_refuse(WITH_IDS("[null]"), "/input_tok_ids/0", "null");
}

/* Ids name all tokens or none: nobody could say which of the others a prompt shares. */
static void token_ids_of_another_length_are_refused(void **state)
{
    (void)state;
#define LINE "{\"input_toks\":3,\"output_toks\":2,\"arrival_time_ns\":0,"
    must_refuse(LINE "\"input_tok_ids\":[1,2]}", "w.jsonl:1: /input_tok_ids",
                "expected as many token ids as tokens (3) or none, found 2");
    must_refuse(LINE "\"input_tok_ids\":[1,2,3,4]}", "/input_tok_ids", "found 4");
    must_refuse(LINE "\"output_tok_ids\":[1]}", "/output_tok_ids", "(2) or none, found 1");
    ws_workload *w = must_read(LINE "\"input_tok_ids\":[],\"output_tok_ids\":[1,2]}", 0);
    assert_int_equal(w->requests[0].n_input_ids, 0);
    assert_int_equal(w->requests[0].n_output_ids, 2);
    ws_workload_destroy(&w);
}

/* Clocks are 64 bits: a thousand waits of 104 days would run over. */
static void waits_of_a_session_are_bounded_together(void **state)
{
    (void)state;
    must_refuse("{\"arrival_time_ns\":0,\"sub_requests\":[" CALL(1, 1, 9000000000000000) "," CALL(
                    1, 1, 9000000000000000) "]}",
                "/sub_requests/1",
                "expected at most 2^53 ns of tool_duration_ns in a session, found "
                "18000000000000000");
}

static void broken_sessions_are_refused(void **state)
{
    (void)state;
    must_refuse("{\"arrival_time_ns\":0,\"sub_requests\":3}", "/sub_requests", "array");
    must_refuse("{\"sub_requests\":[]}", "w.jsonl:1", "arrival_time_ns");
    must_refuse("{\"arrival_time_ns\":0,\"sub_requests\":[7]}", "/sub_requests/0", "object");
    must_refuse("{\"arrival_time_ns\":0,\"sub_requests\":[" CALL(1, 1, -5) "]}",
                "/sub_requests/0/tool_duration_ns", "-5");
    must_refuse("{\"arrival_time_ns\":0,\"sub_requests\":[" FLAT(1, 1, 0) "]}",
                "/sub_requests/0/arrival_time_ns", "unknown key");
    must_refuse("{\"arrival_time_ns\":0,\"session_id\":4,\"sub_requests\":[]}", "/session_id", "string");
}

static void every_broken_line_is_named_up_to_twenty(void **state)
{
    (void)state;
    ws_strbuf text = WS_STRBUF_INIT;
    for (int i = 0; i < 30; i++) {
        ws_strbuf_puts(&text, i == 3 ? FLAT(1, 1, 1) "\n" : FLAT(0, 1, 1) "\n");
    }
    ws_workload *w = NULL;
    char         error[8192];
    assert_int_equal(read_text(text.data, text.len, 0, error, sizeof(error), &w), WS_ERR_INPUT);
    assert_non_null(strstr(error, "w.jsonl:1:"));
    assert_null(strstr(error, "w.jsonl:4:"));
    assert_non_null(strstr(error, "w.jsonl:21:"));
    assert_null(strstr(error, "w.jsonl:22:"));
    ws_strbuf_fini(&text);
}

static void a_missing_file_is_an_input_error(void **state)
{
    (void)state;
    ws_files    *files = NULL;
    ws_workload *w     = NULL;
    ws_error     err   = WS_ERROR_INIT;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_workload_read(files, "/nowhere/w.jsonl", 0, &err, &w), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "/nowhere/w.jsonl"));
    ws_error_clear(&err);
    ws_files_destroy(&files);
}

/* ---- size ---- */

/* 300 lines of 1500 ids, 2.7 MB: a linear reader needs some 50 ms, a quadratic one minutes. Only the latter
 * fails. */
static void a_large_trace_reads_in_linear_time(void **state)
{
    (void)state;
    ws_strbuf text = WS_STRBUF_INIT;
    for (int line = 0; line < 300; line++) {
        ws_strbuf_puts(
            &text, "{\"input_toks\":1500,\"output_toks\":1,\"arrival_time_ns\":0,\"input_tok_ids\":[10000");
        for (int i = 1; i < 1500; i++) {
            ws_strbuf_printf(&text, ",%d", 10000 + i * 7 + line);
        }
        ws_strbuf_puts(&text, "]}\n");
    }
    ws_workload  *w = NULL;
    char          error[1024];
    const clock_t begin = clock();
    assert_int_equal(read_text(text.data, text.len, 0, error, sizeof(error), &w), WS_OK);
    const double cpu_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
    print_message("%zu bytes read in %.3f s\n", text.len, cpu_s);
    assert_true(cpu_s < 10.0);
    assert_int_equal(w->n_token_ids, 450000);
    ws_workload_destroy(&w);
    ws_strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_requests_keep_file_order_and_sort_by_arrival),
        cmocka_unit_test(token_ids_lie_input_first),
        cmocka_unit_test(sessions_reserve_consecutive_ids),
        cmocka_unit_test(a_repeated_session_id_takes_over),
        cmocka_unit_test(max_lines_counts_lines_not_requests),
        cmocka_unit_test(without_a_dataset_there_are_sixteen),
        cmocka_unit_test(broken_lines_are_refused_with_their_place),
        cmocka_unit_test(broken_token_ids_are_refused),
        cmocka_unit_test(token_ids_of_another_length_are_refused),
        cmocka_unit_test(waits_of_a_session_are_bounded_together),
        cmocka_unit_test(broken_sessions_are_refused),
        cmocka_unit_test(every_broken_line_is_named_up_to_twenty),
        cmocka_unit_test(a_missing_file_is_an_input_error),
        cmocka_unit_test(a_large_trace_reads_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
