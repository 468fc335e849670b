/* A small result made by hand: two nodes, the first tracked, two requests, three intervals. For output tests.
 */
#ifndef WS_TEST_SAMPLE_RESULT_H
#define WS_TEST_SAMPLE_RESULT_H

#include <math.h>

#include "result/result.h"

/* The breakdown shown in the documentation; the second node is not tracked. */
static const double sample_component_j[2][WS_COMPONENT_COUNT] = {
    {[WS_NPU_ACTIVE]  = 12453,
     [WS_NPU_STANDBY] = 1012,
     [WS_NPU_IDLE]    = 89,
     [WS_CPU]         = 1233,
     [WS_DRAM]        = 442,
     [WS_LINK]        = 388,
     [WS_BASE]        = 300,
     [WS_NIC]         = 20,
     [WS_STORAGE]     = 12},
    {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}};
static const double sample_state_s[2][WS_STATE_COUNT] = {{2.0, 0.375, 0.125}, {NAN, NAN, NAN}};
/* One instance of one NPU on either node. */
static const double sample_phase_j[2][WS_COMPONENT_COUNT][WS_PHASE_COUNT] = {
    {[WS_NPU_ACTIVE]  = {4000, 8453, 0},
     [WS_NPU_STANDBY] = {0, 12, 1000},
     [WS_NPU_IDLE]    = {0, 0, 89},
     [WS_CPU]         = {33, 200, 1000},
     [WS_DRAM]        = {0, 0, 442},
     [WS_LINK]        = {8, 80, 300},
     [WS_BASE]        = {0, 0, 300},
     [WS_NIC]         = {0, 0, 20},
     [WS_STORAGE]     = {0, 0, 12}},
    {{NAN, NAN, NAN}}};
static const double sample_instance_j[2][WS_COMPONENT_COUNT][WS_PHASE_COUNT] = {
    {[WS_NPU_ACTIVE]  = {4000, 8453, 0},
     [WS_NPU_STANDBY] = {0, 12, 1000},
     [WS_NPU_IDLE]    = {0, 0, 89},
     [WS_CPU]         = {33, 200, 0},
     [WS_LINK]        = {8, 80, 0}},
    {{NAN, NAN, NAN}}};
static const double sample_own_j[2][WS_COMPONENT_COUNT] = {
    {[WS_CPU] = 1000, [WS_DRAM] = 442, [WS_LINK] = 300, [WS_BASE] = 300, [WS_NIC] = 20, [WS_STORAGE] = 12},
    {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}};
static const double  sample_npu_j[2][WS_STATE_COUNT] = {{12453, 1012, 89}, {NAN, NAN, NAN}};
static const int32_t sample_instance_node[2] = {0, 1}, sample_npu_instance[2] = {0, 1};
static const bool    sample_tracked[2] = {true, false};

static const double sample_time_s[3]          = {1.0, 2.0, 2.5};
static const double sample_power_w[3]         = {700.25, 800.5, 400.0};
static const double sample_power_inst_w[3]    = {712.4, 650.0, 99.6};
static const double sample_prompt_tok_s[3]    = {1234.0, 12.0, 0.0};
static const double sample_decode_tok_s[3]    = {420.0, 999.0, 12.0};
static const double sample_running[3]         = {8, 3, 0};
static const double sample_waiting[3]         = {2, 0, 0};
static const double sample_steps[3]           = {42, 90, 101};
static const double sample_npu_mem_gb[3]      = {88.44, 80.0, 75.06};
static const double sample_node_power_w[3][2] = {{700.25, NAN}, {800.5, NAN}, {400.0, NAN}};

static const ws_request_record sample_requests[2] = {
    {.request_id    = 1,
     .instance_id   = 0,
     .model         = "meta-llama/Llama-3.1-8B",
     .input_tokens  = 5,
     .output_tokens = 1,
     .arrival_ns    = 1777777777,
     .end_ns        = 1907060980,
     .latency_ns    = 129283203,
     .queue_ns      = 83046916,
     .ttft_ns       = 129283203,
     .tpot_ns       = 0,
     .n_itl         = 0,
     .itl_handle    = 0,
     .active_j      = 4453,
     .energy_j      = 4786},
    {.request_id    = 0,
     .instance_id   = 10,
     .model         = "odd,\"name\"",
     .input_tokens  = 20,
     .output_tokens = 3,
     .arrival_ns    = 0,
     .end_ns        = 33822359,
     .latency_ns    = 33822359,
     .queue_ns      = -1,
     .ttft_ns       = 11526837,
     .tpot_ns       = 11147761,
     .n_itl         = 2,
     .itl_handle    = 0,
     .active_j      = 8000,
     .energy_j      = 8000},
};

static inline ws_result sample_result(void)
{
    ws_result result = {.sim_duration_ns  = 2500000000,
                        .prompt_tokens    = 25,
                        .generated_tokens = 4,
                        .n_nodes          = 2,
                        .has_power        = true,
                        .node_tracked     = sample_tracked,
                        .component_j      = &sample_component_j[0][0],
                        .npu_state_s      = &sample_state_s[0][0],
                        .node_phase_j     = &sample_phase_j[0][0][0],
                        .node_own_j       = &sample_own_j[0][0],
                        .n_instances      = 2,
                        .n_npus           = 2,
                        .instance_node    = sample_instance_node,
                        .instance_phase_j = &sample_instance_j[0][0][0],
                        .npu_instance     = sample_npu_instance,
                        .each_npu_s       = &sample_state_s[0][0],
                        .each_npu_j       = &sample_npu_j[0][0],
                        .n_requests       = 2,
                        .requests         = sample_requests};
    for (int metric = 0; metric < WS_METRIC_COUNT; metric++) {
        result.metrics[metric] = NAN;
    }
    result.metrics[WS_METRIC_N_STEPS]     = 101;
    result.metrics[WS_METRIC_ENERGY_J]    = 15949;
    result.metrics[WS_METRIC_TTFT_P99_MS] = 129.283203;
    result.series                         = (ws_series){.interval_s   = 1.0,
                                                        .n_samples    = 3,
                                                        .columns      = {[WS_SERIES_TIME_S]       = sample_time_s,
                                                                         [WS_SERIES_POWER_W]      = sample_power_w,
                                                                         [WS_SERIES_POWER_INST_W] = sample_power_inst_w,
                                                                         [WS_SERIES_PROMPT_TOK_S] = sample_prompt_tok_s,
                                                                         [WS_SERIES_DECODE_TOK_S] = sample_decode_tok_s,
                                                                         [WS_SERIES_RUNNING]      = sample_running,
                                                                         [WS_SERIES_WAITING]      = sample_waiting,
                                                                         [WS_SERIES_STEPS]        = sample_steps,
                                                                         [WS_SERIES_NPU_MEM_GB]   = sample_npu_mem_gb},
                                                        .node_power_w = &sample_node_power_w[0][0]};
    result.log                            = result.series;
    return result;
}

/** The same run without any power block. */
static inline ws_result sample_result_without_power(void)
{
    ws_result result                              = sample_result();
    result.has_power                              = false;
    result.component_j                            = NULL;
    result.npu_state_s                            = NULL;
    result.metrics[WS_METRIC_ENERGY_J]            = NAN;
    result.series.columns[WS_SERIES_POWER_W]      = NULL;
    result.series.columns[WS_SERIES_POWER_INST_W] = NULL;
    result.series.node_power_w                    = NULL;
    result.log                                    = result.series;
    return result;
}

#endif /* WS_TEST_SAMPLE_RESULT_H */
