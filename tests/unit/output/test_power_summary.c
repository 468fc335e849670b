/* Invariants: rows add up to the total and shares to 100 %, whatever the values; the documented box is
 * reproduced; each kind of breakdown gets its reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "output/power_summary.h"
#include "sample_result.h"

/** What is printed, from malloc. */
static char *print(const ws_result *result)
{
    char  *text   = NULL;
    size_t len    = 0;
    FILE  *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    ws_power_summary_print(result, stream);
    assert_int_equal(fclose(stream), 0);
    char *copy = strdup(text); /* gcc 12 takes what open_memstream leaves in `text` for its address */
    assert_non_null(copy);
    free(text);
    return copy;
}

static void the_documented_box_is_reproduced(void **state)
{
    (void)state;
    const ws_result result = sample_result();
    char           *text   = print(&result);
    assert_string_equal(text, "─────── Power summary (node 0) ───────\n"
                              "NPU active           :   12,453 J (78%)\n"
                              "NPU standby          :    1,012 J  (6%)\n"
                              "NPU idle             :       89 J  (1%)\n"
                              "CPU                  :    1,233 J  (8%)\n"
                              "DRAM                 :      442 J  (3%)\n"
                              "Link                 :      388 J  (2%)\n"
                              "Base + NIC + storage :      332 J  (2%)\n"
                              "──────────────────────────────────────\n"
                              "Total energy         :   15,949 J\n"
                              "Reading: NPU active dominates: compute-bound (78.1%)\n"
                              "─────── Power summary (node 1) ───────\n"
                              "Total energy         :        - J\n");
    free(text);
}

static void cxl_and_pim_rows_appear_where_configured(void **state)
{
    (void)state;
    ws_result result = sample_result();
    result.has_cxl = result.has_pim = true;
    char *text                      = print(&result);
    assert_non_null(strstr(text, "DRAM                 :      442 J  (3%)\n"
                                 "CXL                  :        0 J  (0%)\n"
                                 "PIM                  :        0 J  (0%)\n"
                                 "Link"));
    free(text);
}

static void nothing_is_printed_without_power(void **state)
{
    (void)state;
    const ws_result result = sample_result_without_power();
    char           *text   = print(&result);
    assert_string_equal(text, "");
    free(text);
}

static void small_energies_keep_decimals(void **state)
{
    (void)state;
    double    component_j[2][WS_COMPONENT_COUNT] = {{[WS_NPU_ACTIVE] = 0.25, [WS_CPU] = 0.0625}};
    ws_result result                             = sample_result();
    result.component_j                           = &component_j[0][0];
    char *text                                   = print(&result);
    assert_non_null(strstr(text, "NPU active           :    0.250 J (80%)\n"));
    assert_non_null(strstr(text, "CPU                  :    0.063 J (20%)\n"));
    assert_non_null(strstr(text, "Total energy         :    0.313 J\n"));
    free(text);
}

static void several_nodes_end_with_their_sum(void **state)
{
    (void)state;
    static const bool both[]                             = {true, true};
    double            component_j[2][WS_COMPONENT_COUNT] = {{[WS_CPU] = 1234567}, {[WS_CPU] = 1}};
    ws_result         result                             = sample_result();
    result.component_j                                   = &component_j[0][0];
    result.node_tracked                                  = both;
    char *text                                           = print(&result);
    assert_non_null(strstr(text, "(node 0)"));
    assert_non_null(strstr(text, "(node 1)"));
    assert_non_null(strstr(text, "All nodes            : 1,234,568 J  (2 nodes)\n"));
    free(text);
}

/** The number after a label's colon, commas removed; the share behind it if asked for. */
static double read_row(const char *line, double *percent_out)
{
    char        digits[64];
    size_t      n     = 0;
    const char *colon = strchr(line, ':');
    assert_non_null(colon);
    for (const char *c = colon + 1; *c != 'J' && n < sizeof(digits) - 1; c++) {
        if (*c != ',') {
            digits[n++] = *c;
        }
    }
    digits[n]         = '\0';
    const char *paren = strchr(colon, '(');
    *percent_out      = paren != NULL && paren < strchr(colon, '\n') ? strtod(paren + 1, NULL) : 0.0;
    return strtod(digits, NULL);
}

static void rows_add_up_whatever_the_values(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 3);
    for (int round = 0; round < 500; round++) {
        double    component_j[2][WS_COMPONENT_COUNT] = {{0.0}};
        ws_result result                             = sample_result();
        result.component_j                           = &component_j[0][0];
        result.has_cxl = result.has_pim = round % 2 == 0;
        for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
            const bool is_shown = result.has_cxl || (c != WS_CXL && c != WS_PIM);
            component_j[0][c]   = is_shown ? pow(10.0, 7.0 * ws_rng_uniform(&rng) - 2.0) : 0.0;
        }
        char  *text  = print(&result);
        double sum_j = 0.0, sum_percent = 0.0, percent;
        char  *line = strchr(text, '\n') + 1;
        for (; strncmp(line, "Base", 4) != 0; line = strchr(line, '\n') + 1) {
            sum_j += read_row(line, &percent);
            sum_percent += percent;
        }
        sum_j += read_row(line, &percent);
        sum_percent += percent;
        const double total_j = read_row(strstr(text, "Total energy"), &percent);
        if (fabs(sum_j - total_j) > 1e-6 || sum_percent != 100.0) {
            fail_msg("%g J of %g J, %g %%:\n%s", sum_j, total_j, sum_percent, text);
        }
        free(text);
    }
}

static void check_reading(const double *component_j, const char *expected)
{
    ws_strbuf line = WS_STRBUF_INIT;
    ws_power_reading(component_j, &line);
    if (strstr(ws_strbuf_text(&line), expected) == NULL) {
        fail_msg("'%s' is not in: %s", expected, ws_strbuf_text(&line));
    }
    ws_strbuf_fini(&line);
}

static void each_breakdown_gets_its_reading(void **state)
{
    (void)state;
    const double compute[WS_COMPONENT_COUNT] = {[WS_NPU_ACTIVE] = 50, [WS_CPU] = 50};
    const double idle[WS_COMPONENT_COUNT] = {[WS_NPU_ACTIVE] = 40, [WS_NPU_STANDBY] = 10, [WS_NPU_IDLE] = 11};
    const double links[WS_COMPONENT_COUNT]    = {[WS_NPU_ACTIVE] = 45, [WS_NPU_STANDBY] = 40, [WS_LINK] = 15};
    const double host[WS_COMPONENT_COUNT]     = {[WS_NPU_ACTIVE] = 40, [WS_BASE] = 30, [WS_CPU] = 30};
    const double standby[WS_COMPONENT_COUNT]  = {[WS_NPU_ACTIVE] = 30, [WS_NPU_STANDBY] = 40, [WS_CPU] = 30};
    const double balanced[WS_COMPONENT_COUNT] = {[WS_NPU_ACTIVE] = 40, [WS_NPU_STANDBY] = 30, [WS_CPU] = 30};
    const double nothing[WS_COMPONENT_COUNT]  = {0.0};
    check_reading(compute, "compute-bound (50.0%)");
    check_reading(idle, "; NPU idle exceeds standby: not saturated");
    check_reading(links, "ALLREDUCE-bound");
    check_reading(host, "the host dominates");
    check_reading(standby, "standby exceeds active");
    check_reading(balanced, "no part dominates");
    check_reading(nothing, "no energy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_box_is_reproduced),
        cmocka_unit_test(cxl_and_pim_rows_appear_where_configured),
        cmocka_unit_test(nothing_is_printed_without_power),
        cmocka_unit_test(small_energies_keep_decimals),
        cmocka_unit_test(several_nodes_end_with_their_sum),
        cmocka_unit_test(rows_add_up_whatever_the_values),
        cmocka_unit_test(each_breakdown_gets_its_reading),
    };
    return cmocka_run_group_tests_name("output.power_summary", tests, NULL, NULL);
}
