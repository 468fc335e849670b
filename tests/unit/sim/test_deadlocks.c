/* Invariant: what can never run ends with an error that names the instance and the shortage, in both fidelities; it
 * never spins (spec/serving.md 10.2, spec/timing.md 8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static world the_world;

static const char LONG_PROMPT[] = "{\"input_toks\": 600, \"output_toks\": 4, \"arrival_time_ns\": 5}\n";

static void check_blocked(double npu_mem_gib, const ws_options *base, const char *what)
{
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        const ws_result *result  = NULL;
        ws_options       options = *base;
        options.fidelity         = fidelity;
        ws_scenario *s = world_need_scenario(&the_world, world_cluster(npu_mem_gib, ""), LONG_PROMPT, &options);
        assert_int_equal(world_simulate(&the_world, s, &result), WS_ERR_INFEASIBLE);
        assert_non_null(strstr(ws_error_text(&the_world.err), "instance 0"));
        assert_non_null(strstr(ws_error_text(&the_world.err), what));
        assert_null(result);
        ws_scenario_destroy(&s);
    }
}

/* with chunking off a prompt over the budget waits for ever. */
static void prompt_over_the_budget(void **state)
{
    (void)state;
    ws_options options             = ws_options_default();
    options.enable_chunked_prefill = false;
    options.max_num_batched_tokens = 256;
    check_blocked(1.0, &options, "chunked prefill is off");
}

/* so does one that never fits the KV cache: 0.001 GiB holds 30 blocks beside the weights, 600 tokens need 38. */
static void prompt_over_the_cache(void **state)
{
    (void)state;
    const ws_options options = ws_options_default();
    check_blocked(0.001, &options, "KV cache");
}

static void weights_over_the_memory(void **state)
{
    (void)state;
    const ws_options options = ws_options_default();
    ws_scenario     *s       = NULL;
    assert_int_equal(world_scenario(&the_world, world_cluster(0.0001, ""), LONG_PROMPT, &options, &s), WS_ERR_INFEASIBLE);
    assert_non_null(strstr(ws_error_text(&the_world.err), "instance 0"));
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_over_the_budget),
        cmocka_unit_test(prompt_over_the_cache),
        cmocka_unit_test(weights_over_the_memory),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.deadlocks", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
