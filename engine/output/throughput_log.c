#include "output/throughput_log.h"

#include "base/units.h"

static void print_line(const ws_series *log, size_t i, FILE *stream)
{
    const double *const *columns = log->columns;
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
        (void)fprintf(stream, " power=%.0f W", columns[WS_SERIES_POWER_INST_W][i]);
    }
    (void)fputc('\n', stream);
}

void ws_throughput_log_print(const ws_result *result, FILE *stream)
{
    for (size_t i = 0; i < result->log.n_samples; i++) {
        print_line(&result->log, i, stream);
    }
}
