/* Invariant: one line per log interval in the documented form; cxl_mem only with CXL devices, power only when
 * tracked, with a dash for every node it leaves out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "output/throughput_log.h"
#include "sample_result.h"

static void assert_log(const ws_result *result, const char *expected)
{
    char  *text   = NULL;
    size_t len    = 0;
    FILE  *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    ws_throughput_log_print(result, stream);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void lines_show_throughput_memory_and_power(void **state)
{
    (void)state;
    const ws_result result = sample_result();
    assert_log(&result, "[INFO] step=42 batch=8 prompt_t=1.2k tok/s decode_t=420 tok/s npu_mem=88.4 GB "
                        "power=712 W node1_power=-\n"
                        "[INFO] step=90 batch=3 prompt_t=12 tok/s decode_t=999 tok/s npu_mem=80.0 GB "
                        "power=650 W node1_power=-\n"
                        "[INFO] step=101 batch=0 prompt_t=0 tok/s decode_t=12 tok/s npu_mem=75.1 GB "
                        "power=100 W node1_power=-\n");
}

/* No word of nodes where all are tracked. */
static void tracked_nodes_are_one_total(void **state)
{
    (void)state;
    static const bool both[] = {true, true};
    ws_result         result = sample_result();
    result.node_tracked      = both;
    result.log.n_samples     = 1;
    assert_log(&result,
               "[INFO] step=42 batch=8 prompt_t=1.2k tok/s decode_t=420 tok/s npu_mem=88.4 GB power=712 W\n");
}

static void no_power_is_shown_where_none_is_tracked(void **state)
{
    (void)state;
    ws_result result     = sample_result_without_power();
    result.log.n_samples = 1;
    assert_log(&result, "[INFO] step=42 batch=8 prompt_t=1.2k tok/s decode_t=420 tok/s npu_mem=88.4 GB\n");
}

static void cxl_memory_is_shown_where_there_is_some(void **state)
{
    (void)state;
    static const double cxl_gb[]             = {12.34};
    ws_result           result               = sample_result();
    result.log.n_samples                     = 1;
    result.log.columns[WS_SERIES_CXL_MEM_GB] = cxl_gb;
    assert_log(&result, "[INFO] step=42 batch=8 prompt_t=1.2k tok/s decode_t=420 tok/s npu_mem=88.4 GB "
                        "cxl_mem=12.3 GB power=712 W node1_power=-\n");
}

static void the_closing_line_leaves_out_what_has_no_meaning(void **state)
{
    (void)state;
    ws_result result                      = sample_result(); /* all metrics but a few are NaN */
    result.metrics[WS_METRIC_N_REQUESTS]  = 3;
    result.metrics[WS_METRIC_N_COMPLETED] = 2;
    result.metrics[WS_METRIC_TPOT_P50_MS] = 11.25;
    char  *text                           = NULL;
    size_t len                            = 0;
    FILE  *stream                         = open_memstream(&text, &len);
    assert_non_null(stream);
    ws_throughput_log_print_end(&result, stream);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text,
                        "[INFO] done requests=2/3 duration=2.500 s ttft_p99=129.3 ms tpot_p50=11.2 ms\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_show_throughput_memory_and_power),
        cmocka_unit_test(tracked_nodes_are_one_total),
        cmocka_unit_test(no_power_is_shown_where_none_is_tracked),
        cmocka_unit_test(cxl_memory_is_shown_where_there_is_some),
        cmocka_unit_test(the_closing_line_leaves_out_what_has_no_meaning),
    };
    return cmocka_run_group_tests_name("output.throughput_log", tests, NULL, NULL);
}
