/* Invariant: the file's bytes are those of docs/model/serving.md 9.1: CR LF, lists quoted from two entries
 * on, -1 for unset. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "output/request_csv.h"
#include "sample_result.h"
#include "temp_files.h"

/* The run that would hold the latencies does not exist here: this one stands in for it. */
void ws_result_itl(const ws_result *result, const ws_request_record *request, int64_t *itl_ns_out)
{
    (void)result;
    static const int64_t itl_ns[] = {11147649, 11147873};
    for (size_t i = 0; i < request->n_itl; i++) {
        itl_ns_out[i] = request->n_itl == 2 ? itl_ns[i] : (int64_t)i;
    }
}

/** The CSV of a result, NUL-terminated, from malloc. */
static char *write_columns(const ws_result *result, bool with_energy, size_t *len_out)
{
    char            dir[TEMP_PATH_MAX], path[TEMP_PATH_MAX + 8];
    ws_error        err  = WS_ERROR_INIT;
    ws_output_file *file = NULL;
    assert_true(temp_folder_make(dir, sizeof(dir)));
    snprintf(path, sizeof(path), "%s/r.csv", dir);
    assert_int_equal(ws_output_file_open(path, &err, &file), WS_OK);
    assert_int_equal(ws_request_csv_write(result, with_energy, file), WS_OK);
    assert_int_equal(ws_output_file_commit(file, &err), WS_OK);
    ws_output_file_destroy(&file);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    *len_out   = (size_t)ftell(stream);
    char *text = malloc(*len_out + 1);
    assert_non_null(text);
    rewind(stream);
    assert_int_equal(fread(text, 1, *len_out, stream), *len_out);
    text[*len_out] = '\0';
    assert_int_equal(fclose(stream), 0);
    temp_remove(dir, "r.csv");
    return text;
}

static char *write_csv(const ws_result *result, size_t *len_out)
{
    return write_columns(result, false, len_out);
}

static const char HEADER[] =
    "instance id,request id,model,input,output,arrival,end_time,latency,queuing_delay,TTFT,TPOT,ITL\r\n";

static void rows_are_byte_exact(void **state)
{
    (void)state;
    const ws_result result = sample_result();
    size_t          len;
    char           *text = write_csv(&result, &len);
    assert_int_equal(strncmp(text, HEADER, strlen(HEADER)), 0);
    assert_string_equal(
        text + strlen(HEADER),
        "0,1,meta-llama/Llama-3.1-8B,5,1,1777777777,1907060980,129283203,83046916,129283203,0,[]\r\n"
        "10,0,\"odd,\"\"name\"\"\",20,3,0,33822359,33822359,-1,11526837,11147761,"
        "\"[11147649, 11147873]\"\r\n");
    free(text);
}

/* Behind the reference's columns; a request without power tracking has nothing there. */
static void energy_comes_on_demand(void **state)
{
    (void)state;
    ws_request_record requests[2] = {sample_requests[0], sample_requests[1]};
    ws_result         result      = sample_result();
    result.requests               = requests;
    requests[0].active_j          = 0.125;
    requests[0].energy_j          = 1e-20;
    requests[1].active_j = requests[1].energy_j = NAN;
    size_t len;
    char  *text = write_columns(&result, true, &len);
    assert_string_equal(
        text,
        "instance id,request id,model,input,output,arrival,end_time,latency,queuing_delay,TTFT,TPOT,ITL,"
        "active_j,energy_j\r\n"
        "0,1,meta-llama/"
        "Llama-3.1-8B,5,1,1777777777,1907060980,129283203,83046916,129283203,0,[],0.125,1e-20\r\n"
        "10,0,\"odd,\"\"name\"\"\",20,3,0,33822359,33822359,-1,11526837,11147761,"
        "\"[11147649, 11147873]\",,\r\n");
    free(text);
}

static void one_latency_needs_no_quotes(void **state)
{
    (void)state;
    ws_request_record request = sample_requests[0];
    ws_result         result  = sample_result();
    request.n_itl             = 1;
    result.requests           = &request;
    result.n_requests         = 1;
    size_t len;
    char  *text = write_csv(&result, &len);
    assert_non_null(strstr(text, ",0,[0]\r\n"));
    free(text);
}

static void no_requests_leave_the_header(void **state)
{
    (void)state;
    ws_result result  = sample_result();
    result.n_requests = 0;
    size_t len;
    char  *text = write_csv(&result, &len);
    assert_string_equal(text, HEADER);
    free(text);
}

/** Numbers of every length, at the edges, next to what printf says; 0..n-1 as a long list. */
static void numbers_are_those_of_printf(void **state)
{
    (void)state;
    ws_request_record request = sample_requests[0];
    ws_result         result  = sample_result();
    char              expected[512];
    result.requests   = &request;
    result.n_requests = 1;
    for (int64_t value = 1; value < INT64_MAX / 10; value *= 10) {
        request.arrival_ns = value - 1;
        request.end_ns     = value;
        request.queue_ns   = -value;
        request.tpot_ns    = INT64_MIN;
        size_t len;
        char  *text = write_csv(&result, &len);
        (void)snprintf(expected, sizeof(expected),
                       "%s0,1,meta-llama/Llama-3.1-8B,5,1,%lld,%lld,129283203,%lld,129283203,%lld,[]\r\n",
                       HEADER, (long long)request.arrival_ns, (long long)request.end_ns,
                       (long long)request.queue_ns, (long long)INT64_MIN);
        assert_string_equal(text, expected);
        free(text);
    }
}

/* Longer than the buffer of the file: nothing may be lost or doubled at its edges. */
static void long_lists_are_complete(void **state)
{
    (void)state;
    enum { N = 50000 };
    ws_request_record request = sample_requests[0];
    ws_result         result  = sample_result();
    request.n_itl             = N;
    result.requests           = &request;
    result.n_requests         = 1;
    size_t len;
    char  *text = write_csv(&result, &len);
    char  *at   = strchr(text, '[');
    assert_non_null(at);
    for (long i = 0; i < N; i++) {
        char *end;
        assert_int_equal(strtol(at + 1, &end, 10), i);
        assert_true(i == N - 1 ? strcmp(end, "]\"\r\n") == 0 : strncmp(end, ", ", 2) == 0);
        at = end + 1;
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_byte_exact),          cmocka_unit_test(one_latency_needs_no_quotes),
        cmocka_unit_test(no_requests_leave_the_header), cmocka_unit_test(numbers_are_those_of_printf),
        cmocka_unit_test(long_lists_are_complete),      cmocka_unit_test(energy_comes_on_demand),
    };
    return cmocka_run_group_tests_name("output.request_csv", tests, NULL, NULL);
}
