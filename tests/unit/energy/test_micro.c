/* Whole simulations small enough to work out by hand: seconds of every NPU state and joules of every
 * component, by phase and by request, follow from the moments kernels begin and end.
 *
 * Both in the closed forms and in the event engine.
 *
 * Every kernel takes 1 ms whatever it computes, and toy/dense has 54 of them: one before its 4 blocks, 11 in
 * each (3 of attention), 9 behind them (7 of the sampler). So a step takes 54 ms: 10800 mJ while active. Host
 * memory and bandwidth are endless; a message takes the latency of its link.
 *
 * Powers: NPU 20 W idle, 80 W standby, 200 W active; base 100 W; host 50 + (150 - 50) 0.2 = 70 W at all
 * times, and (150 - 50) (0.7 - 0.2) = 50 W more while a batch is in flight; a bit over a link costs 1 uJ. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static const char SHEET[] =
    "{\"name\": \"micro\", \"memory_gib\": 1, \"memory_gbps\": 1e6, \"peak_tflops\": {\"bfloat16\": 1e6}, "
    "\"n_sms\": 4, \"launch_overhead_us\": 1000, \"efficiency\": {\"matrix\": 1, \"memory\": 1, "
    "\"elementwise\": 1, \"attention\": 1, \"kv\": 1}}";

#define INSTANCE(role, keys)                                                                                 \
    "{\"model_name\": \"toy/dense\", \"hardware\": \"MICRO\", \"pd_type\": " role                            \
    ", \"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1e9, \"mem_latency\": 0}" keys "}"
#define ONE_NPU INSTANCE("null", "")

enum { STEP_MS = 54, ACTIVE_MJ = STEP_MS * 200, HOST_MJ = STEP_MS * 50, STEP_MJ = ACTIVE_MJ + HOST_MJ };

/* With one token generated: one step, all prefill. */
#define REQUEST(input, output, arrival_ns)                                                                   \
    "{\"input_toks\": " #input ", \"output_toks\": " #output ", \"arrival_time_ns\": " #arrival_ns "}\n"

static world the_world;
static bool  forces_graph; /* the event engine instead of what a scenario would use */

typedef struct micro {
    ws_scenario     *scenario;
    const ws_result *result;
} micro;

static micro simulate(const char *instances, int n_instances, const char *standby, double link_latency_ns,
                      const char *dataset)
{
    char       cluster[4096];
    ws_options options = ws_options_default();
    const int  len     = snprintf(
             cluster, sizeof(cluster),
             "{\"num_nodes\": 1, \"link_bw\": 1e9, \"link_latency\": %.17g, \"nodes\": [{\"num_instances\": %d, "
                  "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 1e9, \"mem_latency\": 0}, \"instances\": [%s], "
                  "\"power\": "
                  "{\"base_node_power\": 100, \"npu\": {\"MICRO\": {\"idle_power\": 20, \"standby_power\": 80, "
                  "\"active_power\": 200, \"standby_duration\": \"%s\"}}, \"cpu\": {\"idle_power\": 50, "
                  "\"active_power\": 150, "
                  "\"util\": 0.2}, \"dram\": {\"dimm_size\": 32, \"idle_power\": 0, \"energy_per_bit\": 0}, \"link\": "
                  "{\"num_links\": 1, \"idle_power\": 0, \"energy_per_bit\": 1e6}, \"nic\": {\"num_nics\": 0, "
                  "\"idle_power\": 0}, "
                  "\"storage\": {\"num_devices\": 0, \"idle_power\": 0}}}]}",
             link_latency_ns, n_instances, instances, standby);
    assert_true(len > 0 && (size_t)len < sizeof(cluster));
    micro m = {.scenario = world_need_scenario(&the_world, cluster, dataset, &options)};
    if (forces_graph) {
        m.scenario->step_model = WS_STEP_EVENTS;
    }
    m.result = world_need_result(&the_world, m.scenario);
    return m;
}

static void done(micro *m)
{
    ws_scenario_destroy(&m->scenario);
}

/* ---- expectations ---- */

static void assert_near(const char *what, double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-12 * fmax(fabs(expected), 1.0))) {
        fail_msg("%s: got %.17g, expected %.17g", what, got, expected);
    }
}

/* One NPU's time in each state. */
static void assert_npu_ms(const micro *m, size_t npu, double active_ms, double standby_ms, double idle_ms)
{
    const double *state_s = m->result->each_npu_s + npu * WS_STATE_COUNT;
    assert_true(npu < m->result->n_npus);
    assert_near("NPU active s", state_s[WS_STATE_ACTIVE], active_ms * 1e-3);
    assert_near("NPU standby s", state_s[WS_STATE_STANDBY], standby_ms * 1e-3);
    assert_near("NPU idle s", state_s[WS_STATE_IDLE], idle_ms * 1e-3);
    assert_near("run s", (active_ms + standby_ms + idle_ms) * 1e-3,
                (double)m->result->sim_duration_ns * 1e-9);
}

/* What the node drew; components left out drew nothing. */
typedef struct split {
    double mj[WS_COMPONENT_COUNT][WS_PHASE_COUNT]; /* prefill, decode, wait; mJ = W x ms */
} split;

static void assert_split(const micro *m, const split *expected)
{
    for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
        double total_j = 0.0;
        for (int p = 0; p < WS_PHASE_COUNT; p++) {
            char what[64];
            (void)snprintf(what, sizeof(what), "J of %s in %s", ws_component_name((ws_component)c),
                           ws_phase_name((ws_phase)p));
            assert_near(what, m->result->node_phase_j[c * WS_PHASE_COUNT + p], expected->mj[c][p] * 1e-3);
            total_j += expected->mj[c][p] * 1e-3;
        }
        assert_near(ws_component_name((ws_component)c), m->result->component_j[c], total_j);
    }
}

static void assert_request(const micro *m, int64_t id, double active_mj, double energy_mj)
{
    for (size_t i = 0; i < m->result->n_requests; i++) {
        if (m->result->requests[i].request_id == id) {
            assert_near("active_j", m->result->requests[i].active_j, active_mj * 1e-3);
            assert_near("energy_j", m->result->requests[i].energy_j, energy_mj * 1e-3);
            return;
        }
    }
    fail_msg("request %d is not done", (int)id);
}

/* ---- one NPU ---- */

/* The request comes at 10 ms, its step ends at 64 ms and the run with it. Idle before: no kernel has been
 * there to stand by for. */
static void one_step(void **state)
{
    (void)state;
    micro       m        = simulate(ONE_NPU, 1, "30ms", 0, REQUEST(100, 1, 10000000));
    const split expected = {.mj = {[WS_NPU_ACTIVE] = {54 * 200},
                                   [WS_NPU_IDLE]   = {0, 0, 10 * 20},
                                   [WS_CPU]        = {54 * 50, 0, 64 * 70},
                                   [WS_BASE]       = {0, 0, 64 * 100}}};
    assert_npu_ms(&m, 0, 54, 0, 10);
    assert_split(&m, &expected);
    assert_request(&m, 0, 10800, 10800 + 2700);
    done(&m);
}

/* Steps [0,54) and [54+d,108+d): of the d ms between, the first 30 are standby, the rest idle, and all of
 * them nobody's. */
static void two_steps(int d_ms, double standby_ms, double idle_ms)
{
    char dataset[256];
    (void)snprintf(dataset, sizeof(dataset),
                   REQUEST(100, 1, 0) "{\"input_toks\": 50, \"output_toks\": 1, \"arrival_time_ns\": %d}\n",
                   (54 + d_ms) * 1000000);
    micro        m        = simulate(ONE_NPU, 1, "30ms", 0, dataset);
    const double whole_ms = 108 + d_ms;
    const split  expected = {.mj = {[WS_NPU_ACTIVE]  = {108 * 200},
                                    [WS_NPU_STANDBY] = {0, 0, standby_ms * 80},
                                    [WS_NPU_IDLE]    = {0, 0, idle_ms * 20},
                                    [WS_CPU]         = {108 * 50, 0, whole_ms * 70},
                                    [WS_BASE]        = {0, 0, whole_ms * 100}}};
    assert_npu_ms(&m, 0, 108, standby_ms, idle_ms);
    assert_split(&m, &expected);
    assert_request(&m, 0, ACTIVE_MJ, STEP_MJ);
    assert_request(&m, 1, ACTIVE_MJ, STEP_MJ);
    done(&m);
}

static void two_steps_apart(void **state)
{
    (void)state;
    two_steps(0, 0, 0);
    two_steps(1, 1, 0);
    two_steps(29, 29, 0);
    two_steps(30, 30, 0);
    two_steps(31, 30, 1);
    two_steps(970, 30, 940);
}

/* A: 100 tokens at 0, then two decodes. B: 99 tokens at 5 ms, which ride with A's first decode: of that
 * step's 10800 + 2700 mJ prefill has 99 %, 10692 + 2673. */
static void a_batch_of_both_kinds_is_split_by_tokens(void **state)
{
    (void)state;
    micro       m        = simulate(ONE_NPU, 1, "30ms", 0, REQUEST(100, 3, 0) REQUEST(99, 1, 5000000));
    const split expected = {.mj = {[WS_NPU_ACTIVE] = {10800 + 10692, 108 + 10800},
                                   [WS_CPU]        = {2700 + 2673, 27 + 2700, 162 * 70},
                                   [WS_BASE]       = {0, 0, 162 * 100}}};
    assert_npu_ms(&m, 0, 162, 0, 0);
    assert_split(&m, &expected);
    assert_request(&m, 0, 10800 + 108 + 10800, 13500 + 135 + 13500);
    assert_request(&m, 1, 10692, 13365);
    done(&m);
}

/* ---- a TP pair ---- */

/* An all-reduce of 2 ranks is two messages and three endpoint delays of 10 ns: 2 x 499985 + 30 ns = 1 ms. A
 * step has one behind o_proj and one behind down_proj of each block: 8 gaps, 62 ms in all. Link: each rank
 * sends 2 (2-1)/2 of 100 tokens x 64 x 2 bytes, so 12800 bytes; 2 ranks, 8 collectives, 8 bits: 1638400 bits.
 */
static void tp_pair(const char *standby, double standby_ms)
{
    micro        m = simulate(INSTANCE("null", ", \"tp_size\": 2"), 1, standby, 499985, REQUEST(100, 1, 0));
    const double idle_ms = 8 - standby_ms, waits_mj = 2 * (standby_ms * 80 + idle_ms * 20);
    const split  expected = {.mj = {[WS_NPU_ACTIVE]  = {2 * 54 * 200},
                                    [WS_NPU_STANDBY] = {2 * standby_ms * 80},
                                    [WS_NPU_IDLE]    = {2 * idle_ms * 20},
                                    [WS_LINK]        = {1638.4},
                                    [WS_CPU]         = {62 * 50, 0, 62 * 70},
                                    [WS_BASE]        = {0, 0, 62 * 100}}};
    assert_npu_ms(&m, 0, 54, standby_ms, idle_ms);
    assert_npu_ms(&m, 1, 54, standby_ms, idle_ms);
    assert_split(&m, &expected);
    assert_request(&m, 0, 2 * ACTIVE_MJ, 2 * ACTIVE_MJ + waits_mj + 1638.4 + 62 * 50);
    done(&m);
}

static void gaps_of_collectives_are_standby_then_idle(void **state)
{
    (void)state;
    tp_pair("30ms", 8);
    tp_pair("1ms", 8);          /* each gap ends as standby runs out */
    tp_pair("250us", 8 * 0.25); /* and 0.75 ms of each are idle */
    tp_pair("0ns", 0);
}

/* ---- two pipeline stages ---- */

#define STAGES(keys) INSTANCE("null", ", \"tp_size\": 1, \"pp_size\": 2" keys)

/* Stage 1 has 1 + 2 x 11 kernels, stage 2 2 x 11 + 9; the message between takes 10 ms. NPU 0 works in [0,23),
 * NPU 1 in [33,64); NPU 1 idles before, NPU 0 stands by after. All of it is the batch's. Link: 100 tokens x
 * 64 x 2 bytes, 102400 bits. */
static void pipeline_bubble(const char *standby, double standby_ms)
{
    micro        m        = simulate(STAGES(""), 1, standby, 10e6, REQUEST(100, 1, 0));
    const double idle_ms  = 41 - standby_ms;
    const split  expected = {.mj = {[WS_NPU_ACTIVE]  = {54 * 200},
                                    [WS_NPU_STANDBY] = {standby_ms * 80},
                                    [WS_NPU_IDLE]    = {(33 + idle_ms) * 20},
                                    [WS_LINK]        = {102.4},
                                    [WS_CPU]         = {64 * 50, 0, 64 * 70},
                                    [WS_BASE]        = {0, 0, 64 * 100}}};
    assert_npu_ms(&m, 0, 23, standby_ms, idle_ms);
    assert_npu_ms(&m, 1, 31, 0, 33);
    assert_split(&m, &expected);
    assert_request(&m, 0, ACTIVE_MJ, ACTIVE_MJ + standby_ms * 80 + (33 + idle_ms) * 20 + 102.4 + 64 * 50);
    done(&m);
}

static void pipeline_bubbles_are_waits_of_the_batch(void **state)
{
    (void)state;
    pipeline_bubble("100ms", 41);
    pipeline_bubble("2ms", 2);
}

/* A batch has room for one of the requests, so batches A and B follow each other: NPU 0 has A in [0,23),
 * sends until 33, has B in [33,56), sends until 66; NPU 1 has A in [33,64), B in [66,97). A: NPU 0 23 active
 * and 10 standby, NPU 1 33 idle and 31 active: 4600 + 800 + 660 + 6200 mJ; B: NPU 0 23 active and 41 standby,
 * NPU 1 2 standby and 31 active: 4600 + 3280 + 160 + 6200 mJ. A is in flight in [0,64), B in [33,97): alone
 * for 33 ms each, together for 31 ms, so each has 48.5 ms of the host. */
static void batches_that_overlap_in_a_pipeline(void **state)
{
    (void)state;
    micro       m        = simulate(STAGES(", \"max_num_batched_tokens\": 100"), 1, "100ms", 10e6,
                                    REQUEST(100, 1, 0) REQUEST(100, 1, 0));
    const split expected = {.mj = {[WS_NPU_ACTIVE]  = {108 * 200},
                                   [WS_NPU_STANDBY] = {53 * 80},
                                   [WS_NPU_IDLE]    = {33 * 20},
                                   [WS_LINK]        = {2 * 102.4},
                                   [WS_CPU]         = {97 * 50, 0, 97 * 70},
                                   [WS_BASE]        = {0, 0, 97 * 100}}};
    assert_npu_ms(&m, 0, 46, 51, 0);
    assert_npu_ms(&m, 1, 62, 2, 33);
    assert_split(&m, &expected);
    assert_request(&m, 0, 10800, 12260 + 102.4 + 48.5 * 50);
    assert_request(&m, 1, 10800, 14240 + 102.4 + 48.5 * 50);
    done(&m);
}

/* ---- prefill and decode apart ---- */

/* Prefill in [0,54) on NPU 0, its last message ends at 55 ms; KV blocks are sent while it computes. Two
 * decodes on NPU 1 in [55,109) and [109,163). NPU 0's first ms of standby is still its batch's, the 108 ms
 * after nobody's, like the 55 ms NPU 1 idles. Link: KV 2 x 4 heads x 16 x 100 tokens x 2 bytes in each of 4
 * blocks, the hidden states of 100 tokens and of one sequence, 128 bytes each: 102400 + 12800 + 128 bytes,
 * 922624 bits. */
static void a_request_moves_from_prefill_to_decode(void **state)
{
    (void)state;
    micro       m = simulate(INSTANCE("\"prefill\"", "") ", " INSTANCE("\"decode\"", ""), 2, "200ms", 1e6,
                             REQUEST(100, 3, 0));
    const split expected = {.mj = {[WS_NPU_ACTIVE]  = {54 * 200, 108 * 200},
                                   [WS_NPU_STANDBY] = {1 * 80, 0, 108 * 80},
                                   [WS_NPU_IDLE]    = {0, 0, 55 * 20},
                                   [WS_LINK]        = {922.624},
                                   [WS_CPU]         = {55 * 50, 108 * 50, 163 * 70},
                                   [WS_BASE]        = {0, 0, 163 * 100}}};
    assert_npu_ms(&m, 0, 54, 109, 0);
    assert_npu_ms(&m, 1, 108, 0, 55);
    assert_split(&m, &expected);
    assert_request(&m, 0, 3 * ACTIVE_MJ, 3 * ACTIVE_MJ + 80 + 922.624 + 163 * 50);
    done(&m);
}

static int set_up(void **state)
{
    (void)state;
    world_init(&the_world);
    world_put(&the_world, "hardware/MICRO.json", SHEET);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_fini(&the_world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step),
        cmocka_unit_test(two_steps_apart),
        cmocka_unit_test(a_batch_of_both_kinds_is_split_by_tokens),
        cmocka_unit_test(gaps_of_collectives_are_standby_then_idle),
        cmocka_unit_test(pipeline_bubbles_are_waits_of_the_batch),
        cmocka_unit_test(batches_that_overlap_in_a_pipeline),
        cmocka_unit_test(a_request_moves_from_prefill_to_decode),
    };
    const int n_failed = cmocka_run_group_tests_name("energy.micro", tests, set_up, tear_down);
    forces_graph       = true;
    return n_failed +
           cmocka_run_group_tests_name("energy.micro in the event engine", tests, set_up, tear_down);
}
