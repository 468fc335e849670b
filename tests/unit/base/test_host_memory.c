/* What is left of a host is read from the system's texts, and no budget is larger than it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "base/host_memory.h"

static void test_meminfo(void **state)
{
    (void)state;
    assert_int_equal(
        ws__meminfo_available_bytes("MemTotal:  8 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n"),
        2048 * 1024);
    assert_int_equal(ws__meminfo_available_bytes("MemAvailable: 3 kB"), 3 * 1024);
    assert_true(ws__meminfo_available_bytes("MemTotal: 8 kB\nNotMemAvailable: 3 kB\n") == SIZE_MAX);
    assert_true(ws__meminfo_available_bytes("") == SIZE_MAX);
    assert_true(ws__meminfo_available_bytes("MemAvailable: 99999999999999999999 kB") == SIZE_MAX);
}

static void test_control_group(void **state)
{
    (void)state;
    assert_int_equal(ws__cgroup_left_bytes("1000\n", "300\n", "anon 200\ninactive_file 50\n"), 750);
    assert_int_equal(ws__cgroup_left_bytes("1000\n", "300\n", ""), 700);
    assert_int_equal(ws__cgroup_left_bytes("1000\n", "1300\n", ""), 0); /* over its limit already */
    assert_int_equal(ws__cgroup_left_bytes("1000\n", "300\n", "inactive_file 900\n"),
                     1000); /* more cached than used */
    assert_true(ws__cgroup_left_bytes("max\n", "300\n", "inactive_file 50\n") == SIZE_MAX);
    assert_true(ws__cgroup_left_bytes("", "", "") == SIZE_MAX);
}

static void test_this_process(void **state)
{
    (void)state;
    const size_t available_bytes = ws_host_memory_available_bytes();
    assert_true(available_bytes > 0 && available_bytes < SIZE_MAX);
    assert_true(ws_host_memory_budget_bytes(4) <= available_bytes);
}

/* A batch system may limit the process instead of the host. */
static void test_own_limit(void **state)
{
    (void)state;
    struct rlimit before, low;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    low          = before;
    low.rlim_cur = (rlim_t)1 << 20; /* less than is in use */
    assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
    const size_t available_bytes = ws_host_memory_available_bytes();
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(available_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meminfo),
        cmocka_unit_test(test_control_group),
        cmocka_unit_test(test_this_process),
        cmocka_unit_test(test_own_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
