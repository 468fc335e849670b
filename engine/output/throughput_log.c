#include "output/throughput_log.h"

#include <math.h>

#include "base/units.h"

/** The total of the nodes whose power is tracked, and which ones it leaves out. */
static void print_power(const ws_result *result, double power_w, FILE *stream)
{
    (void)fprintf(stream, " power=%.0f W", power_w);
    for (size_t node = 0; node < result->n_nodes; node++) {
        if (!result->node_tracked[node]) {
            (void)fprintf(stream, " node%zu_power=-", node);
        }
    }
}

static void print_line(const ws_result *result, size_t i, FILE *stream)
{
    const double *const *columns = result->log.columns;
    char                 prompt[32], decode[32];
    (void)fprintf(stream, "[INFO] step=%.0f batch=%.0f prompt_t=%s tok/s decode_t=%s tok/s npu_mem=%.1f GB",
                  columns[WS_SERIES_STEPS][i], columns[WS_SERIES_RUNNING][i],
                  ws_human_count(columns[WS_SERIES_PROMPT_TOK_S][i], prompt),
                  ws_human_count(columns[WS_SERIES_DECODE_TOK_S][i], decode),
                  columns[WS_SERIES_NPU_MEM_GB][i]);
    if (columns[WS_SERIES_CXL_MEM_GB] != NULL) {
        (void)fprintf(stream, " cxl_mem=%.1f GB", columns[WS_SERIES_CXL_MEM_GB][i]);
    }
    if (columns[WS_SERIES_POWER_INST_W] != NULL) {
        print_power(result, columns[WS_SERIES_POWER_INST_W][i], stream);
    }
    (void)fputc('\n', stream);
}

void ws_throughput_log_print(const ws_result *result, FILE *stream)
{
    for (size_t i = 0; i < result->log.n_samples; i++) {
        print_line(result, i, stream);
    }
}

/** " ttft_p99=12.3 ms", or nothing where the metric has no meaning. */
static void print_latency(const ws_result *result, ws_metric metric, const char *label, FILE *stream)
{
    if (isfinite(result->metrics[metric])) {
        (void)fprintf(stream, " %s=%.1f ms", label, result->metrics[metric]);
    }
}

void ws_throughput_log_print_end(const ws_result *result, FILE *stream)
{
    const double *metrics = result->metrics;
    (void)fprintf(stream, "[INFO] done requests=%.0f/%.0f duration=%.3f s", metrics[WS_METRIC_N_COMPLETED],
                  metrics[WS_METRIC_N_REQUESTS], (double)result->sim_duration_ns * WS_S_PER_NS);
    if (isfinite(metrics[WS_METRIC_PROMPT_TOK_S]) && isfinite(metrics[WS_METRIC_DECODE_TOK_S])) {
        char prompt[32], decode[32];
        (void)fprintf(stream, " prompt_t=%s tok/s decode_t=%s tok/s",
                      ws_human_count(metrics[WS_METRIC_PROMPT_TOK_S], prompt),
                      ws_human_count(metrics[WS_METRIC_DECODE_TOK_S], decode));
    }
    print_latency(result, WS_METRIC_TTFT_P50_MS, "ttft_p50", stream);
    print_latency(result, WS_METRIC_TTFT_P99_MS, "ttft_p99", stream);
    print_latency(result, WS_METRIC_TPOT_P50_MS, "tpot_p50", stream);
    print_latency(result, WS_METRIC_TPOT_P99_MS, "tpot_p99", stream);
    (void)fputc('\n', stream);
}

void ws_throughput_log_print_rejected(const ws_result *result, FILE *stream)
{
    for (int reason = 0; reason < WS_REJECT_COUNT; reason++) {
        const ws_rejection *first = NULL;
        size_t              n     = 0;
        for (size_t i = 0; i < result->n_rejected; i++) {
            const bool is_one = result->rejected[i].reason == (ws_reject_reason)reason;
            first             = is_one && first == NULL ? &result->rejected[i] : first;
            n += is_one;
        }
        if (first == NULL) {
            continue;
        }
        (void)fprintf(stream, "[WARN] rejected %zu of %.0f requests: %s; the first is request %lld", n,
                      result->metrics[WS_METRIC_N_REQUESTS], ws_reject_reason_text(first->reason),
                      (long long)first->request_id);
        if (first->line > 0) {
            (void)fprintf(stream, " (line %lld)", (long long)first->line);
        }
        (void)fprintf(stream, ", %lld + %lld tokens", (long long)first->input_tokens,
                      (long long)first->output_tokens);
        if (first->limit > 0) {
            (void)fprintf(stream, ", at most %lld", (long long)first->limit);
        }
        (void)fputc('\n', stream);
    }
}

void ws_throughput_log_print_slo(const ws_result *result, const ws_slo *slo, FILE *stream)
{
    if (!ws_slo_is_set(slo)) {
        return;
    }
    ws_strbuf broken = WS_STRBUF_INIT;
    ws_slo_put_broken(slo, result->metrics, &broken);
    (void)fprintf(stream, "[INFO] slo %s%s slo_attainment=%.4g\n", broken.len > 0 ? "missed: " : "met",
                  ws_strbuf_text(&broken), result->metrics[WS_METRIC_SLO_ATTAINMENT]);
    ws_strbuf_fini(&broken);
}
