/* Invariant: batches walked block by block end when the event engine says, whatever the size of the group.
 * Random shapes of all kinds are compared in test_properties.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot.h"
#include "world.h"

static world the_world;

/* ---- groups ---- */

static const char *group_cluster(ws_strbuf *out, int n_members)
{
    ws_strbuf_printf(
        out,
        "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [{\"num_instances\": %d, "
        "\"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 3}, \"instances\": [",
        n_members);
    for (int i = 0; i < n_members; i++) {
        ws_strbuf_printf(out,
                         "%s{\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, "
                         "\"dp_group\": \"g\", "
                         "\"npu_mem\": {\"mem_size\": 1, \"mem_bw\": 1000, \"mem_latency\": 0}}",
                         i > 0 ? ", " : "");
    }
    ws_strbuf_puts(out, "]}]}");
    return ws_strbuf_text(out);
}

static void groups_may_have_any_number_of_members(void **state)
{
    (void)state;
    static const char dataset[] = "{\"input_toks\": 40, \"output_toks\": 3, \"arrival_time_ns\": 5}\n"
                                  "{\"input_toks\": 90, \"output_toks\": 2, \"arrival_time_ns\": 6}\n";
    static const int  sizes[]   = {2, 64, 65, 200};
    const ws_options  options   = ws_options_default();
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        ws_strbuf    text = WS_STRBUF_INIT;
        snapshot     walked, events;
        ws_scenario *s = world_need_scenario(&the_world, group_cluster(&text, sizes[k]), dataset, &options);
        assert_int_equal(s->step_model, WS_STEP_LOCKSTEP);
        snapshot_take(&walked, world_need_result(&the_world, s));
        s->step_model = WS_STEP_EVENTS;
        snapshot_take(&events, world_need_result(&the_world, s));
        assert_true(snapshot_same_requests(&walked, &events, true));
        snapshot_fini(&walked);
        snapshot_fini(&events);
        ws_scenario_destroy(&s);
        ws_strbuf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_may_have_any_number_of_members),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("timing.lockstep", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
