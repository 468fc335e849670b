/* Invariants: metric names are unique and lead back to the metric; each has a unit and a description; goods
 * and costs are told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "result/metrics.h"

static void names_lead_back_to_their_metric(void **state)
{
    (void)state;
    for (int metric = 0; metric < WS_METRIC_COUNT; metric++) {
        assert_int_equal(ws_metric_from_name(ws_metric_name((ws_metric)metric)), metric);
        assert_true(ws_metric_unit((ws_metric)metric)[0] != '\0');
        assert_true(ws_metric_description((ws_metric)metric)[0] != '\0');
    }
    assert_int_equal(ws_metric_from_name("ttft_p98_ms"), WS_METRIC_COUNT);
    assert_int_equal(ws_metric_from_name(""), WS_METRIC_COUNT);
}

static void latencies_are_listed_by_statistic(void **state)
{
    (void)state;
    assert_int_equal(ws_metric_from_name("ttft_p99_ms"), WS_METRIC_TTFT_P99_MS);
    assert_int_equal(ws_metric_from_name("queue_mean_ms"), WS_METRIC_QUEUE_MEAN_MS);
    assert_string_equal(ws_metric_unit(WS_METRIC_ITL_P50_MS), "ms");
}

static void throughput_is_good_and_energy_a_cost(void **state)
{
    (void)state;
    static const char *const goods[] = {"decode_tok_s", "goodput_req_s",    "slo_attainment",
                                        "tok_per_j",    "npu_active_share", "prefix_hit_share"};
    static const char *const costs[] = {"duration_s",   "ttft_p99_ms", "energy_j",       "j_per_token",
                                        "power_peak_w", "saturated",   "npu_idle_share", "n_preemptions"};
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        assert_false(ws_metric_is_cost(ws_metric_from_name(goods[i])));
    }
    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        assert_true(ws_metric_is_cost(ws_metric_from_name(costs[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_back_to_their_metric),
        cmocka_unit_test(latencies_are_listed_by_statistic),
        cmocka_unit_test(throughput_is_good_and_energy_a_cost),
    };
    return cmocka_run_group_tests_name("result.metrics", tests, NULL, NULL);
}
