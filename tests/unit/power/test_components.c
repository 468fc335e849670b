/* Invariant: every component and state has a name of its own, the ones the results are documented with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "power/components.h"

static void component_names_are_those_of_the_results(void **state)
{
    (void)state;
    static const char *const expected[] = {"npu_active", "npu_standby", "npu_idle", "cpu",     "dram", "cxl",
                                           "pim",        "link",        "nic",      "storage", "base"};
    assert_int_equal(WS_COMPONENT_COUNT, sizeof(expected) / sizeof(expected[0]));
    for (int component = 0; component < WS_COMPONENT_COUNT; component++) {
        assert_string_equal(ws_component_name((ws_component)component), expected[component]);
    }
}

static void state_names_match_their_components(void **state)
{
    (void)state;
    assert_string_equal(ws_npu_state_name(WS_STATE_ACTIVE), "active");
    assert_string_equal(ws_npu_state_name(WS_STATE_STANDBY), "standby");
    assert_string_equal(ws_npu_state_name(WS_STATE_IDLE), "idle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(component_names_are_those_of_the_results),
        cmocka_unit_test(state_names_match_their_components),
    };
    return cmocka_run_group_tests_name("power.components", tests, NULL, NULL);
}
