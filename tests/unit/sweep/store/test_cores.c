/* A process bound to some cores counts those, not the machine's. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/cores.h"

static void bound_to_one_core(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(swp_cores(), CPU_COUNT(&before));
    int core = 0;
    while (!CPU_ISSET(core, &before)) {
        core++;
    }
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(swp_cores(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bound_to_one_core)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
