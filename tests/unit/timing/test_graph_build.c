/* Invariant: under physical fidelity nodes of the cluster share no PIM memory, so that what one computes does
 * not delay the other. What else graphs consist of is tested by their times, in test_step.c and
 * test_properties.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "timing/graph_build.h"
#include "world.h"

static world the_world;

/* ---- PIM ---- */

static const char *pim_cluster(int n_nodes)
{
    static char text[4096];
    int         len = snprintf(text, sizeof(text),
                               "{\"num_nodes\": %d, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [", n_nodes);
    for (int i = 0; i < n_nodes; i++) {
        len += snprintf(
            text + len, sizeof(text) - (size_t)len,
            "%s{\"num_instances\": 1, \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0, "
            "\"pim_config\": \"DDR4_8GB_3200_pim\"}, \"instances\": [{\"model_name\": \"toy/dense\", "
            "\"hardware\": \"TOY\", \"pd_type\": null, "
            "\"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1000, \"mem_latency\": 0}}]}",
            i > 0 ? ", " : "");
    }
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "]}");
    return text;
}

static void nodes_share_no_pim_memory(void **state)
{
    (void)state;
    static const char one[] = "{\"input_toks\": 90, \"output_toks\": 6, \"arrival_time_ns\": 5}\n";
    char              two[256];
    ws_options        options      = ws_options_default();
    const ws_result  *result       = NULL;
    options.enable_attn_offloading = true;
    options.request_routing_policy = WS_ROUTING_RR;
    ws_scenario *s                 = world_need_scenario(&the_world, pim_cluster(1), one, &options);
    result                         = world_need_result(&the_world, s);
    const int64_t alone_ns         = result->requests[0].latency_ns;
    ws_scenario_destroy(&s);

    (void)snprintf(two, sizeof(two), "%s%s", one, one);
    s      = world_need_scenario(&the_world, pim_cluster(2), two, &options);
    result = world_need_result(&the_world, s);
    assert_int_equal(result->n_requests, 2);
    assert_int_equal(result->requests[0].instance_id + result->requests[1].instance_id, 1);
    assert_int_equal(result->requests[0].latency_ns, alone_ns);
    assert_int_equal(result->requests[1].latency_ns, alone_ns);
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_share_no_pim_memory),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("timing.graph_build", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
