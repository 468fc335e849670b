#include "output/request_csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum { MAX_INT_CHARS = 20 }; /* "-9223372036854775808" */

/** Write a number's decimal digits so that they end before `end`; returns where they start. By hand because
 * snprintf is ten times slower, and a run can have millions of inter-token latencies. */
static char *format_int(char *end, int64_t value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    while (rest >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (rest % 100), 2);
        rest /= 100;
    }
    if (rest >= 10) {
        end -= 2;
        memcpy(end, pairs + 2 * rest, 2);
    } else {
        *--end = (char)('0' + rest);
    }
    if (value < 0) {
        *--end = '-';
    }
    return end;
}

static void put_int(ws_output_file *file, int64_t value)
{
    char        buf[MAX_INT_CHARS];
    const char *start = format_int(buf + sizeof(buf), value);
    ws_output_file_write(file, start, (size_t)(buf + sizeof(buf) - start));
}

/** A text field, quoted only where it must be; quotes inside are doubled. */
static void put_text(ws_output_file *file, const char *text)
{
    const bool needs_quotes = strpbrk(text, ",\"\r\n") != NULL;
    ws_output_file_write(file, "\"", needs_quotes ? 1 : 0);
    for (const char *c = text; *c != '\0'; c++) {
        ws_output_file_write(file, "\"\"", *c == '"' ? 1 : 0);
        ws_output_file_write(file, c, 1);
    }
    ws_output_file_write(file, "\"", needs_quotes ? 1 : 0);
}

static void put_list(ws_output_file *file, const int64_t *values, size_t n)
{
    const bool needs_quotes = n >= 2;
    ws_output_file_puts(file, needs_quotes ? "\"[" : "[");
    for (size_t i = 0; i < n; i++) {
        ws_output_file_write(file, ", ", i > 0 ? 2 : 0);
        put_int(file, values[i]);
    }
    ws_output_file_puts(file, needs_quotes ? "]\"" : "]");
}

/** A comma and an energy, nothing behind it if there is none. */
static void put_energy(ws_output_file *file, double energy_j)
{
    char buf[32];
    ws_output_file_write(file, ",", 1);
    if (!isnan(energy_j)) {
        ws_output_file_puts(file, ws_double_repr(energy_j, buf));
    }
}

static void put_row(ws_output_file *file, const ws_request_record *request, bool with_energy,
                    const int64_t *itl_ns)
{
    put_int(file, request->instance_id);
    ws_output_file_write(file, ",", 1);
    put_int(file, request->request_id);
    ws_output_file_write(file, ",", 1);
    put_text(file, request->model);
    const int64_t numbers[] = {request->input_tokens, request->output_tokens, request->arrival_ns,
                               request->end_ns,       request->latency_ns,    request->queue_ns,
                               request->ttft_ns,      request->tpot_ns};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ws_output_file_write(file, ",", 1);
        put_int(file, numbers[i]);
    }
    ws_output_file_write(file, ",", 1);
    put_list(file, itl_ns, request->n_itl);
    if (with_energy) {
        put_energy(file, request->active_j);
        put_energy(file, request->energy_j);
    }
    ws_output_file_write(file, "\r\n", 2);
}

ws_status ws_request_csv_write(const ws_result *result, bool with_energy, ws_output_file *file)
{
    size_t most_itl = 0;
    for (size_t i = 0; i < result->n_requests; i++) {
        most_itl = result->requests[i].n_itl > most_itl ? result->requests[i].n_itl : most_itl;
    }
    int64_t *itl_ns = calloc(most_itl + 1, sizeof(*itl_ns)); /* + 1: room for nothing is not out of memory */
    if (itl_ns == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_output_file_puts(file, "instance id,request id,model,input,output,arrival,end_time,latency,"
                              "queuing_delay,TTFT,TPOT,ITL");
    ws_output_file_puts(file, with_energy ? ",active_j,energy_j\r\n" : "\r\n");
    for (size_t i = 0; i < result->n_requests; i++) {
        ws_result_itl(result, &result->requests[i], itl_ns);
        put_row(file, &result->requests[i], with_energy, itl_ns);
    }
    for (size_t i = 0; i < result->n_rejected; i++) {
        const ws_request_record row = ws_rejection_record(&result->rejected[i]);
        put_row(file, &row, with_energy, itl_ns);
    }
    free(itl_ns);
    return WS_OK;
}
